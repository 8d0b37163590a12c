"""What is recorded of an attempt: its claim, what was said to other systems, and how it ended.

Each function takes the document as it stands and records on it; nothing is saved here, nothing asks for the time. The
runner is left with loading, calling and saving.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from eventflow.errors import TransitionRefused, WrongResult
from eventflow.model.aggregate import Aggregate, spell
from eventflow.model.bounds import refuse_to_leave
from eventflow.model.content import BODY, clean, content
from eventflow.model.event import Event
from eventflow.model.exchange import Request, Response
from eventflow.model.incoming import Incoming
from eventflow.model.library import (
    CallbackReceived,
    Claimed,
    Interrupted,
    Postponed,
    PutAside,
    RequestSent,
    ResponseReceived,
    RetryScheduled,
    RetryStarted,
    StatusChanged,
    TakenUp,
    Woken,
)
from eventflow.model.masking import Masker
from eventflow.model.process import long
from eventflow.model.process.long_events import SignalReceived
from eventflow.model.process.run import Run
from eventflow.model.process.status import RunStatus
from eventflow.model.reaction import Reaction, target
from eventflow.model.recorded import Draft, Header, Kind, Phase
from eventflow.model.telling import MASKER, facts_of, label, short
from eventflow.model.transition import Transition
from eventflow.model.wait import FOREVER


def claim(document: Aggregate[Any], reaction: Reaction[Any, Any], attempt: int, owner: UUID) -> None:
    """An attempt begins: the document goes to the processing status (of a later attempt: is there already).

    Raises ``TransitionRefused`` when the document does not wait for this reaction: another one has claimed it, or it
    has gone to another status. Raises ``NotInFlow`` also when it is success that would lead out of the flow which the
    document is bound to: nothing is done then that could not be recorded.
    """
    if isinstance(document, Run):
        document.claim(owner)
        return
    standing = document.standing
    if standing.phase == Phase.ANNOUNCED and document.status is reaction.on:
        event, status = _beginning(document, reaction)
    elif standing.phase == Phase.DEFERRED and standing.reaction == reaction.name:
        # A claim whose own command failed has left the document where it was.
        is_there = document.status is not reaction.on or reaction.working is reaction.on
        again = TakenUp() if standing.waits else RetryStarted()
        event, status = (again, None) if is_there else _beginning(document, reaction)
    else:
        waits = f"{spell(document.status)} ({standing.phase or 'nothing'} by {standing.reaction or 'nobody'})"
        raise TransitionRefused(f"The claim of {reaction.name}", waits, [spell(reaction.on)])
    refuse_to_stray(document, reaction)
    document.record(
        event, status=status, phase=Phase.CLAIMED, reaction=reaction.name, attempt=attempt, owner=owner
    )  # fmt: skip


def refuse_to_stray(document: Aggregate[Any], reaction: Reaction[Any, Any]) -> None:
    """Raises ``NotInFlow`` when an attempt that goes well would leave the flow which the document is bound to."""
    for step in (reaction.processing, reaction.complete):
        if step is not None:
            refuse_to_leave(document, target(step))


def finish(document: Aggregate[Any], reaction: Reaction[Any, Any], result: object) -> None:
    """The attempt ended well: its events are recorded, the last of them with the complete status.

    With a command as ``complete=`` that is called with the result. Raises ``WrongResult``, before anything is recorded,
    for a result that is no event, several events or ``None``, and for an event that the reaction does not promise.
    """
    if isinstance(document, Run):
        long.say(document, cast(SignalReceived, result))
        return
    complete = reaction.complete
    events = [_decided(document, complete, result)] if isinstance(complete, Transition) else _events(reaction, result)
    attempt = document.standing.attempt or None
    for event in events[:-1]:
        document.record(event, reaction=reaction.name, attempt=attempt)
    document.record(events[-1], status=target(complete), reaction=reaction.name, attempt=attempt)


def fail(
    document: Aggregate[Any],
    reaction: Reaction[Any, Any],
    error: BaseException,
    attempt: int | None,
    masker: Masker | None = None,
) -> None:
    """The attempts are spent: the document goes to the failed status, with the error (masked) as body.

    With a command as ``failed=`` that is called with the error's message; when even that raises, its status is entered
    all the same and both errors are in the body. A failure is always recorded.
    """
    masker = masker_of(reaction, masker)
    if isinstance(document, Run):
        document.fail(facts_of(error, masker), due=None)
        return
    facts = facts_of(error, masker) | ({} if attempt is None else {"attempt": attempt})
    event, facts = _failing(document, reaction, facts, masker)
    document.record(
        event,
        status=target(reaction.failed),
        kind=Kind.EXCEPTION,
        reaction=reaction.name,
        attempt=attempt,
        error=label(facts),
    )


def unread(head: Header, reaction: Reaction[Any, Any], error: BaseException, attempt: int, masker: Masker) -> Draft:
    """What goes behind the last header of a stream that cannot be read: the failed status, with the reason as body.

    Nothing of the stream is lost by that; when it can be read again, it can be defibrillated.
    """
    facts = {**facts_of(error, masker_of(reaction, masker)), "attempt": attempt}
    return Draft(
        StatusChanged(body=facts),
        spell(target(reaction.failed)),
        previous=head.status,
        phase=Phase.ANNOUNCED,
        kind=Kind.EXCEPTION,
        reaction=reaction.name,
        attempt=attempt,
        error=label(facts),
        stream=head.stream,
        version=head.version + 1,
        flow=head.flow,
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
    facts = facts_of(error, masker_of(reaction, masker))
    if isinstance(document, Run):
        document.fail(facts, due=due)
        return
    document.record(
        RetryScheduled(**facts, attempt=attempt),
        kind=Kind.EXCEPTION,
        phase=Phase.DEFERRED,
        reaction=reaction.name,
        attempt=attempt + 1,
        due=due,
        error=label(facts),
    )


def interrupt(document: Aggregate[Any], reason: str, due: datetime) -> None:
    """The attempt ended with its worker: the same attempt is due again then. ``document.standing`` counts the times.

    Raises ``TransitionRefused`` when no attempt is under way.
    """
    if isinstance(document, Run):
        document.interrupt(clean(reason), due)
    else:
        _again(document, "An interruption", Interrupted(reason=clean(reason)), due, reason)


def interruptions(document: Aggregate[Any]) -> int:
    """How often what is under way has ended with its worker until now."""
    return document.interruptions if isinstance(document, Run) else document.standing.interruptions


def postpone(document: Aggregate[Any], reason: str, due: datetime) -> None:
    """The attempt cannot go on now: the same attempt is due again then, and nothing has failed.

    Raises ``TransitionRefused`` when no attempt is under way.
    """
    if isinstance(document, Run):
        document.set_aside(Postponed(reason=clean(reason)), RunStatus.RETRY, due)
    else:
        _again(document, "A postponement", Postponed(reason=clean(reason)), due, None)


def wait(document: Aggregate[Any], reaction: Reaction[Any, Any], due: datetime) -> None:
    """The handler waits until then: the same attempt, which is put aside."""
    event = PutAside(until=None if due == FOREVER else due)
    if isinstance(document, Run):
        document.set_aside(event, RunStatus.WAITING, due)
        return
    document.record(
        event,
        phase=Phase.DEFERRED,
        reaction=reaction.name,
        attempt=document.standing.attempt,
        due=due,
    )


def wake(document: Aggregate[Any], now: datetime) -> None:
    """What was put aside is due now; the attempt keeps its number."""
    standing = document.standing
    document.record(
        Woken(), phase=Phase.DEFERRED, reaction=standing.reaction, attempt=standing.attempt, due=now
    )  # fmt: skip


def request(
    document: Aggregate[Any],
    reaction: Reaction[Any, Any],
    request: Request,
    masker: Masker | None = None,
    limit: int = BODY,
) -> None:
    """A request is about to be sent: a mere fact, masked; of a body longer than ``limit`` the beginning is kept."""
    masker = masker_of(reaction, masker)
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
    masker = masker_of(reaction, masker)
    event = ResponseReceived(
        status=response.status,
        headers=_headers(response.headers, masker),
        **content(response.content, _content_type(response.headers), masker, limit),
    )
    _note(document, reaction, event, Kind.RESPONSE)


def heard(
    document: Aggregate[Any],
    callback: Reaction[Any, Any],
    request: Incoming,
    masker: Masker | None = None,
    limit: int = BODY,
) -> None:
    """Another system called: its request is recorded, masked, with the step to the processing status if there is one.

    Nothing is announced by that: what the call comes to is recorded in the same breath.
    """
    masker = masker_of(callback, masker)
    event = CallbackReceived(
        method=clean(request.method),
        url=clean(masker.url(request.url)),
        headers=_headers(request.headers, masker),
        **content(request.content, request.header("Content-Type"), masker, limit),
    )
    step = callback.processing
    if isinstance(step, Transition):
        document.record(event, kind=Kind.CALLBACK, reaction=callback.name)
        document.record(step.decide(document), status=step.to, phase=None, reaction=callback.name)
    else:
        document.record(event, status=step, phase=None, kind=Kind.CALLBACK, reaction=callback.name)


def _again(document: Aggregate[Any], what: str, event: Event, due: datetime, error: str | None) -> None:
    standing = document.standing
    if standing.phase != Phase.CLAIMED:
        raise TransitionRefused(what, f"{standing.status} ({standing.phase or 'nothing'})", ["claimed"])
    document.record(
        event,
        phase=Phase.DEFERRED,
        reaction=standing.reaction,
        attempt=standing.attempt,
        due=due,
        error=short(error) if error else None,
    )


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
        return StatusChanged(body={**facts, "then": facts_of(error, masker)}), facts


def _headers(headers: Any, masker: Masker) -> dict[str, str]:
    return {clean(name): clean(value) for name, value in masker.headers(headers).items()}


def _content_type(headers: Any) -> str | None:
    return next((str(value) for name, value in headers.items() if name.lower() == "content-type"), None)


def _note(document: Aggregate[Any], reaction: Reaction[Any, Any], event: Event, kind: Kind) -> None:
    document.record(event, kind=kind, reaction=reaction.name, attempt=document.standing.attempt)


def masker_of(reaction: Reaction[Any, Any], given: Masker | None = None) -> Masker:
    """The masker for what is said of a reaction: its own, or else the given one."""
    return reaction.masker or given or MASKER
