"""What a call from outside comes to: pure decisions, nothing is saved here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar
from uuid import UUID

from eventflow.errors import Failed, NotInFlow, Refused, TransitionRefused, Unavailable, WrongResult
from eventflow.model import outcome
from eventflow.model.aggregate import Aggregate, spell
from eventflow.model.bounds import strays
from eventflow.model.callback import CallbackReaction
from eventflow.model.incoming import Incoming
from eventflow.model.masking import Masker

A = TypeVar("A", bound=Aggregate[Any])


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a call: where it stands in the log, and whether it was new.

    ``accepted``: it was recorded just now. ``duplicate``: it was recorded before, there. ``ignored``: a silent callback
    came in another status than it expects; nothing was recorded, the position is where the log ended.
    """

    verdict: Literal["accepted", "duplicate", "ignored"]
    position: int
    stream: UUID


def is_expected(callback: CallbackReaction[A, Any], document: A) -> bool:
    """Whether it may come now. Raises ``TransitionRefused`` when it may not and is not silent about it."""
    if document.status in callback.expects:
        return True
    if callback.silent:
        return False
    raise TransitionRefused(
        f"The callback {callback.name}", spell(document.status), [spell(one) for one in callback.expects]
    )


def receive(
    callback: CallbackReaction[A, Any], document: A, request: Incoming, masker: Masker, limit: int
) -> tuple[A, Exception | None]:
    """The document with what came of the call, and the error if that is what came.

    Raises, with nothing decided, what the function refuses and that a peer is out of reach. Where it leads out of the
    flow of the document that is no fault of whoever calls: it is recorded as a failure, and told as one.
    """
    callback = callback.chosen(document, request)
    try:
        outcome.refuse_to_stray(document, callback)
        decided = _heard(callback, document, request, masker, limit)
        outcome.finish(decided, callback, _asked(callback, decided, request))
    except NotInFlow as error:
        if not strays(document, error):
            raise
        failed = _heard(replace(callback, processing=None), document, request, masker, limit)
        outcome.fail(failed, callback, error, None, masker)
        return failed, Failed(f"What comes of the callback {callback.name} cannot be recorded: {error}")
    except (Refused, Unavailable):
        raise
    except Exception as error:  # noqa: BLE001  # user code: whatever it raises is recorded
        failed = _heard(callback, document, request, masker, limit)
        outcome.fail(failed, callback, error, None, masker)
        return failed, error
    return decided, None


def _heard(callback: CallbackReaction[A, Any], document: A, request: Incoming, masker: Masker, limit: int) -> A:
    heard = document.model_copy()
    outcome.heard(heard, callback, request, masker, limit)
    return heard


def _asked(callback: CallbackReaction[A, Any], document: A, request: Incoming) -> object:
    own = document.model_copy()  # the function's own: what it does to it is not recorded
    result = callback(own, request)
    if len(own.pending) != len(document.pending):
        raise WrongResult(callback.name, "an event that it returns, not one it records itself", own)
    return result
