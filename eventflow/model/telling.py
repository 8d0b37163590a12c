"""Errors as they may be told: masked, in one line or with their traceback, and never too long."""

from __future__ import annotations

import traceback as tracebacks
from typing import Any

from eventflow.model.content import clean
from eventflow.model.masking import Masker

TRACEBACK = 32 * 1024
"""Of a longer traceback the beginning and the end are kept: in characters."""

SHORT = 200
"""The length of an error in a header: in characters."""

MASKER = Masker()


def facts_of(error: BaseException, masker: Masker = MASKER) -> dict[str, Any]:
    """What is recorded of an error: its type, its message and its traceback, masked."""
    try:
        trace = "".join(tracebacks.format_exception(error))
        message = str(error)
    except Exception as broken:  # noqa: BLE001  # an error whose own words cannot be had is an error all the same
        trace, message = "", f"(its message cannot be read: {type(broken).__name__})"
    return {
        "type": type(error).__name__,
        "message": _masked(message, masker),
        "traceback": _masked(trace, masker) or None,
    }


def label(facts: dict[str, Any]) -> str:
    """What a header says of an error that was told so."""
    return short(": ".join(part for part in (facts["type"], facts["message"]) if part))


def _masked(text: str, masker: Masker) -> str:
    # Cut once more after it was masked: where it was cut before, half a secret may stand.
    return clean(_middle_out(masker.text(_middle_out(text, 16 * TRACEBACK)), TRACEBACK))


def _middle_out(text: str, most: int) -> str:
    half = most // 2
    return text if len(text) <= most else f"{text[:half]}\n…\n{text[-half:]}"


def told(error: BaseException, masker: Masker = MASKER) -> str:
    """An error in one line.

    >>> told(ValueError("password=hunter2"))
    'ValueError: password=********'
    """
    return label(facts_of(error, masker))


def traced(error: BaseException, masker: Masker = MASKER) -> str:
    """An error with its traceback, for a program's own log."""
    return facts_of(error, masker)["traceback"] or told(error, masker)


def short(text: str) -> str:
    r"""An error in one line of at most 200 characters.

    >>> short("ValueError:\n  no such page")
    'ValueError: no such page'
    """
    line = " ".join(clean(text).split())
    return line if len(line) <= SHORT else line[: SHORT - 1] + "…"
