"""What was masked before is masked the same way: vectors, and each exception to them with its reason."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from eventflow.errors import Misconfigured
from eventflow.model.masking import Masker

VECTORS = json.loads((Path(__file__).parent / "masking_vectors.json").read_text(encoding="utf-8"))
SANITIZER = {one["name"]: one for one in VECTORS["sanitizer"]}

NAMES = {"regex": "patterns", "url_path_pattern": "url_path", "mask_len": "mask_length"}

EXCEPTIONS = {
    # A JSON body given as a string is parsed and masked by key as well.
    "regex also rewrites a string payload, but only the matched text": {"payload": '{"password":"********"}'},
    "keys do not reach into a JSON string payload": {"payload": '{"password":"********"}'},
    # The userinfo of an address is masked anyway.
    "url query masked and percent-encoded": {
        "url": "https://********@h.example:8443/p/q?a=1&Token=%2A%2A%2A%2A%2A%2A%2A%2A&b=x%20y#frag"
    },
    # What is recorded shows what was sent: its names keep their dots.
    "url query names with dots and spaces are rewritten by parse_str": {
        "url": "https://h/p?a.b=1&token=%2A%2A%2A%2A%2A%2A%2A%2A"
    },
}
REFUSED = "invalid regex is skipped"


def masker_of(config: dict[str, Any]) -> Masker:
    """The masker that a configuration of the vectors means: nothing but what it says."""
    told = {NAMES.get(name, name): value for name, value in config.items()}
    return Masker(**{**told, "patterns": [python(one) for one in told.get("patterns", ())]}, usual=False)


def python(pattern: str) -> str:
    """A pattern with delimiters and flags behind them, as Python writes it."""
    body, _, flags = pattern[1:].rpartition("/")
    return f"(?{flags}){body}" if flags else body


@pytest.mark.parametrize("name", [one for one in SANITIZER if one != REFUSED])
def test_a_vector_holds(name: str) -> None:
    vector = SANITIZER[name]

    assert masker_of(vector["config"]).message(vector["input"]) == EXCEPTIONS.get(name, vector["output"])


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_every_exception_is_one(name: str) -> None:
    assert EXCEPTIONS[name] != SANITIZER[name]["output"]


def test_a_pattern_that_is_none_is_refused_and_not_skipped() -> None:
    config = SANITIZER[REFUSED]["config"]

    with pytest.raises(Misconfigured, match=re.escape('"("')):
        masker_of(config)


def test_with_nothing_configured_the_usual_secrets_are_masked_anyway() -> None:
    vector = SANITIZER["no config is a no-op"]

    assert Masker().message(vector["input"]) == {
        "url": "https://x/a?token=%2A%2A%2A%2A%2A%2A%2A%2A",
        "payload": {"password": "********"},
    }


@pytest.mark.parametrize("header", ["authorization", "cookie", "set-cookie", "x-api-key", "proxy-authorization"])
def test_some_secrets_are_masked_even_without_the_usual_names(header: str) -> None:
    masker = Masker(usual=False)

    assert masker.headers({header: "hunter2"}) == {header: "********"}
    assert masker.text(f"{header}: hunter2") == f"{header}: ********"
    assert masker.url("https://ann:hunter2@h/?page=1") == "https://********@h/?page=1"
    assert masker.value({"password": "p"}) == {"password": "p"}
