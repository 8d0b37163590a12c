"""What is recorded of an attempt: its claim, what was said to other systems, and how it ended.

Each function takes the document as it stands and records on it; nothing is saved here, nothing asks for the time. The
runner is left with loading, calling and saving.
"""

from __future__ import annotations

import re
import traceback as tracebacks
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from eventflow.errors import TransitionRefused, WrongResult
from eventflow.model.aggregate import Aggregate, spell
from eventflow.model.event import Event
from eventflow.model.exchange import Request, Response
from eventflow.model.library import (
    Claimed,
    Interrupted,
    RequestSent,
    ResponseReceived,
    RetryScheduled,
    RetryStarted,
    StatusChanged,
)
from eventflow.model.masking import Masker
from eventflow.model.reaction import Reaction, target
from eventflow.model.recorded import Draft, Header, Kind, Phase
from eventflow.model.transition import Transition

BODY = 1024 * 1024
"""Of a longer body the beginning is kept, its size and its SHA-256: in characters."""

TRACEBACK = 32 * 1024
"""Of a longer traceback the beginning and the end are kept: in characters."""

SHORT = 200
"""The length of an error in a header: in characters."""

PREVIEW = 32
"""Of a body that is no text so many bytes are kept, in hexadecimal digits."""

MASKER = Masker()


def claim(document: Aggregate[Any], reaction: Reaction[Any, Any], attempt: int, owner: UUID) -> None:
    """An attempt begins: the document goes to the processing status (of a later attempt: is there already).

    Raises ``TransitionRefused`` when the document does not wait for this reaction: another one has claimed it, or it
    has gone to another status.
    """
    standing = document.standing
    if standing.phase == Phase.ANNOUNCED and document.status is reaction.on:
        event, status = _beginning(document, reaction)
    elif standing.phase == Phase.DEFERRED and standing.reaction == reaction.name:
        event, status = RetryStarted(), None
    else:
        waits = f"{spell(document.status)} ({standing.phase or 'nothing'} by {standing.reaction or 'nobody'})"
        raise TransitionRefused(f"The claim of {reaction.name}", waits, [spell(reaction.on)])
    document.record(
        event, status=status, phase=Phase.CLAIMED, reaction=reaction.name, attempt=attempt, owner=owner
    )  # fmt: skip


def finish(document: Aggregate[Any], reaction: Reaction[Any, Any], result: object) -> None:
    """The attempt ended well: its events are recorded, the last of them with the complete status.

    With a command as ``complete=`` that is called with the result. Raises ``WrongResult``, before anything is recorded,
    for a result that is no event, several events or ``None``, and for an event that the reaction does not promise.
    """
    complete = reaction.complete
    events = [_decided(document, complete, result)] if isinstance(complete, Transition) else _events(reaction, result)
    attempt = document.standing.attempt
    for event in events[:-1]:
        document.record(event, reaction=reaction.name, attempt=attempt)
    document.record(events[-1], status=target(complete), reaction=reaction.name, attempt=attempt)


def fail(
    document: Aggregate[Any],
    reaction: Reaction[Any, Any],
    error: BaseException,
    attempt: int,
    masker: Masker | None = None,
) -> None:
    """The attempts are spent: the document goes to the failed status, with the error (masked) as body.

    With a command as ``failed=`` that is called with the error's message; when even that raises, its status is entered
    all the same and both errors are in the body. A failure is always recorded.
    """
    masker = _masker(reaction, masker)
    facts = {**_facts(error, masker), "attempt": attempt}
    event, facts = _failing(document, reaction, facts, masker)
    document.record(
        event,
        status=target(reaction.failed),
        kind=Kind.EXCEPTION,
        reaction=reaction.name,
        attempt=attempt,
        error=_label(facts),
    )


def unread(head: Header, reaction: Reaction[Any, Any], error: BaseException, attempt: int, masker: Masker) -> Draft:
    """What goes behind the last header of a stream that cannot be read: the failed status, with the reason as body.

    Nothing of the stream is lost by that; when it can be read again, it can be defibrillated.
    """
    facts = {**_facts(error, masker), "attempt": attempt}
    return Draft(
        StatusChanged(body=facts),
        spell(target(reaction.failed)),
        previous=head.status,
        phase=Phase.ANNOUNCED,
        kind=Kind.EXCEPTION,
        reaction=reaction.name,
        attempt=attempt,
        error=_label(facts),
        stream=head.stream,
        version=head.version + 1,
    )


def defer(
    document: Aggregate[Any],
    reaction: Reaction[Any, Any],
    attempt: int,
    due: datetime,
    error: BaseException,
    masker: Masker | None = None,
) -> None:
    """This ``attempt`` failed and the next one is due then; the header bears the number of the next one."""
    facts = _facts(error, _masker(reaction, masker))
    document.record(
        RetryScheduled(**facts, attempt=attempt),
        kind=Kind.EXCEPTION,
        phase=Phase.DEFERRED,
        reaction=reaction.name,
        attempt=attempt + 1,
        due=due,
        error=_label(facts),
    )


def interrupt(document: Aggregate[Any], reason: str, due: datetime) -> None:
    """The attempt ended with its worker: the same attempt is due again then. ``document.standing`` counts the times.

    Raises ``TransitionRefused`` when no attempt is under way.
    """
    standing = document.standing
    if standing.phase != Phase.CLAIMED:
        raise TransitionRefused("An interruption", f"{standing.status} ({standing.phase or 'nothing'})", ["claimed"])
    document.record(
        Interrupted(reason=clean(reason)),
        phase=Phase.DEFERRED,
        reaction=standing.reaction,
        attempt=standing.attempt,
        due=due,
        error=short(reason),
    )


def request(
    document: Aggregate[Any],
    reaction: Reaction[Any, Any],
    request: Request,
    masker: Masker | None = None,
    limit: int = BODY,
) -> None:
    """A request is about to be sent: a mere fact, masked; of a body longer than ``limit`` the beginning is kept."""
    masker = _masker(reaction, masker)
    headers = request.wire_headers()
    event = RequestSent(
        method=request.method,
        url=clean(masker.url(request.full_url())),
        headers=_headers(headers, masker),
        **content(request.wire_body() or b"", _content_type(headers), masker, limit),
    )
    _note(document, reaction, event, Kind.REQUEST)


def response(
    document: Aggregate[Any],
    reaction: Reaction[Any, Any],
    response: Response,
    masker: Masker | None = None,
    limit: int = BODY,
) -> None:
    """A response came: a mere fact, masked; of a body longer than ``limit`` the beginning is kept."""
    masker = _masker(reaction, masker)
    event = ResponseReceived(
        status=response.status,
        headers=_headers(response.headers, masker),
        **content(response.content, _content_type(response.headers), masker, limit),
    )
    _note(document, reaction, event, Kind.RESPONSE)


def content(body: bytes, content_type: str | None, masker: Masker, limit: int = BODY) -> dict[str, Any]:
    """What is kept of a body: its masked text, or its size, its SHA-256 and its beginning.

    >>> content(b'{"pin": 1}', "application/json", Masker())
    {'body': '{"pin":"***"}', 'size': 10}
    """
    if not body:
        return {}
    whole = {"size": len(body), "sha256": sha256(body).hexdigest()}
    if is_binary(body, content_type):
        return {**whole, "body": body[:PREVIEW].hex(), "binary": True, "truncated": len(body) > PREVIEW}
    # What is far too long is cut before it is masked: a text masker reads what was cut in the middle, too.
    text = clean(masker.body(body[: 4 * limit], content_type))
    if len(text) > limit or len(body) > 4 * limit:
        return {**whole, "body": text[:limit], "truncated": True}
    return {"body": text, "size": len(body)}


def is_binary(body: bytes, content_type: str | None) -> bool:
    r"""Whether a body is no text: its type says so, or it has a zero byte or what no UTF-8 has.

    >>> is_binary(b"%PDF", "application/pdf"), is_binary(b"a\x00", None), is_binary("č".encode(), None)
    (True, True, False)
    """
    kind = (content_type or "").lower()
    if "charset=" in kind:
        return False
    if re.match(r"(?:image|audio|video|font)/(?!svg)|application/(?:pdf|zip|gzip|octet-stream)", kind):
        return True
    head = body[:4096]
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start < len(head) - 3
    return b"\0" in head


def short(text: str) -> str:
    r"""An error in one line of at most 200 characters.

    >>> short("ValueError:\n  no such page")
    'ValueError: no such page'
    """
    line = " ".join(clean(text).split())
    return line if len(line) <= SHORT else line[: SHORT - 1] + "…"


def clean(text: str) -> str:
    """A text that every database takes: without zero characters and halves of surrogate pairs."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _beginning(document: Aggregate[Any], reaction: Reaction[Any, Any]) -> tuple[Event, Any]:
    processing = reaction.processing
    if processing is None:
        return Claimed(), None
    if isinstance(processing, Transition):
        return processing.decide(document), processing.to
    return StatusChanged(), processing


def _decided(document: Aggregate[Any], command: Transition[Any, ..., Event], result: object) -> Event:
    return command.decide(document, result) if command.arguments.parameters else command.decide(document)


def _events(reaction: Reaction[Any, Any], result: object) -> Sequence[Event]:
    several = [result] if isinstance(result, Event) else result
    if several is None or (isinstance(several, (list, tuple)) and not several):
        return [StatusChanged()]
    names = ", ".join(one.__name__ for one in reaction.returns)
    if not isinstance(several, (list, tuple)) or not all(isinstance(one, Event) for one in several):
        raise WrongResult(reaction.name, names or "an event, several or None", result)
    for one in several:
        if type(one) not in reaction.allowed:
            raise WrongResult(reaction.name, names or "no event", one)
    return several


def _failing(
    document: Aggregate[Any], reaction: Reaction[Any, Any], facts: dict[str, Any], masker: Masker
) -> tuple[Event, dict[str, Any]]:
    if not isinstance(reaction.failed, Transition):
        return StatusChanged(body=facts), facts
    try:
        return reaction.failed.decide(document, facts["message"]), facts
    except Exception as error:  # noqa: BLE001  # user code: what it raises must not hide what it was called for
        return StatusChanged(body={**facts, "then": _facts(error, masker)}), facts


def _facts(error: BaseException, masker: Masker) -> dict[str, Any]:
    try:
        trace = "".join(tracebacks.format_exception(error))
        message = str(error)
    except Exception as broken:  # noqa: BLE001  # an error whose own words cannot be had is an error all the same
        trace, message = "", f"(its message cannot be read: {type(broken).__name__})"
    return {
        "type": type(error).__name__,
        "message": clean(masker.text(_middle_out(message))),
        "traceback": clean(masker.text(_middle_out(trace))) or None,
    }


def _label(facts: dict[str, Any]) -> str:
    return short(": ".join(part for part in (facts["type"], facts["message"]) if part))


def _middle_out(text: str) -> str:
    half = TRACEBACK // 2
    return text if len(text) <= TRACEBACK else f"{text[:half]}\n…\n{text[-half:]}"


def _headers(headers: Any, masker: Masker) -> dict[str, str]:
    return {clean(name): clean(value) for name, value in masker.headers(headers).items()}


def _content_type(headers: Any) -> str | None:
    return next((str(value) for name, value in headers.items() if name.lower() == "content-type"), None)


def _note(document: Aggregate[Any], reaction: Reaction[Any, Any], event: Event, kind: Kind) -> None:
    document.record(event, kind=kind, reaction=reaction.name, attempt=document.standing.attempt)


def _masker(reaction: Reaction[Any, Any], given: Masker | None) -> Masker:
    return reaction.masker or given or MASKER
