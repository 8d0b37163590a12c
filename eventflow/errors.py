"""What can go wrong, as one tree whose second level is what a caller can do about it.

::

    EventflowError
    ├─ Refused           the model says no, nothing was recorded
    │  ├─ TransitionRefused
    │  ├─ Unwritable
    │  ├─ BadFilter
    │  ├─ NotAllowed
    │  ├─ LockHeld
    │  ├─ CommandDisabled
    │  ├─ Erased
    │  ├─ SignatureRefused
    │  ├─ BadFlow
    │  ├─ FlowTaken
    │  ├─ NotInFlow
    │  ├─ MoveRefused
    │  │  ├─ MoveDenied
    │  │  └─ PayloadRefused
    │  └─ BadInput
    │     ├─ Malformed
    │     └─ WrongContent
    ├─ Conflict          somebody was faster: load again
    │  ├─ VersionConflict
    │  ├─ KeyTaken
    │  └─ LockLost
    ├─ NotFound
    │  ├─ StreamNotFound
    │  │  └─ RunNotFound
    │  ├─ FlowNotFound
    │  ├─ ProcessNotFound
    │  └─ BodyMissing
    ├─ Unreadable        the log says something this code cannot read
    │  ├─ UnknownEvent
    │  └─ DamagedBody
    │     └─ DamagedSegment
    ├─ Misconfigured     found at composition, all problems at once
    ├─ Failed            a reaction or a projection did not do what it was asked to
    │  ├─ AnswerRefused
    │  ├─ AnswerTooLarge
    │  ├─ WrongResult
    │  ├─ TimedOut
    │  ├─ DeadlinePassed
    │  ├─ Interrupted
    │  ├─ MoveFailed
    │  └─ ProjectionStopped
    └─ Unavailable       database, broker or peer out of reach: worth another try
       ├─ NotReached
       └─ StorageFull

Constructors take facts, keep them as attributes and write the message; every error survives pickling.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any
from uuid import UUID


class EventflowError(Exception):
    """The root: catch this to catch whatever eventflow raises on purpose."""

    code = "error"

    def __reduce__(self) -> tuple[Any, ...]:
        # The facts are keyword arguments of most constructors; BaseException would replay the
        # finished message instead of them.
        return _revive, (type(self), self.args, dict(self.__dict__))


def _revive(kind: type[EventflowError], args: tuple[Any, ...], facts: dict[str, Any]) -> EventflowError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(facts)
    return error


def did_you_mean(wanted: str, known: Sequence[str]) -> str:
    """A sentence that suggests the nearest known name, or nothing.

    >>> did_you_mean("quued", ["queued", "complete"])
    ' Did you mean "queued"?'
    """
    near = get_close_matches(wanted, known, n=1, cutoff=0.6)
    return f' Did you mean "{near[0]}"?' if near else ""


def _moment(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


class Refused(EventflowError):
    """The model says no; nothing was recorded."""

    code = "refused"


class TransitionRefused(Refused):
    """A command was called while the aggregate stood in a status that does not allow it."""

    code = "transition_refused"

    def __init__(self, command: str, status: str, allowed: Sequence[str]) -> None:
        self.command, self.status, self.allowed = command, status, tuple(allowed)
        wanted = " or ".join(f'"{one}"' for one in self.allowed) or "a status that has a target"
        super().__init__(f'{command} needs the status {wanted}, but the status is "{status}".')


class Unwritable(Refused):
    """An event holds a value that cannot be written into the log."""

    code = "unwritable"

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"{name} cannot be written: {reason}. Use types that pydantic can turn into plain data.")


class BadFilter(Refused):
    """A filter says something that the filter language does not have."""

    code = "bad_filter"

    def __init__(self, text: str, at: int, wanted: str, known: Sequence[str] = ()) -> None:
        self.text, self.at, self.wanted, self.known = text, at, wanted, tuple(known)
        found = text[at : at + 40]
        there = f'"{found}"' if found else "the end"
        super().__init__(f"At character {at + 1} of the filter: wanted {wanted}, found {there}.{self._hint()}")

    def _hint(self) -> str:
        return did_you_mean(re.split(r"[\s,:<>\"]", self.text[self.at :], maxsplit=1)[0], self.known)


class NotAllowed(Refused):
    """Whoever asks for this may not have it done."""

    code = "not_allowed"

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"{what} is not allowed to whoever asked for it.")


class LockHeld(Refused):
    """Somebody else has the lock, and shows signs of life."""

    code = "lock_held"

    def __init__(self, key: str, holder: str, since: datetime, until: datetime) -> None:
        self.key, self.holder, self.since, self.until = key, holder, since, until
        super().__init__(
            f'"{key}" is held by {holder} since {_moment(since)}, until {_moment(until)} unless it is prolonged.'
        )


class CommandDisabled(Refused):
    """An operator has disabled this command, or all of them."""

    code = "command_disabled"

    def __init__(
        self, key: str, by: str | None = None, reason: str | None = None, until: datetime | None = None
    ) -> None:
        self.key, self.by, self.reason, self.until = key, by, reason, until
        who = f" by {by}" if by else ""
        end = f" until {_moment(until)}" if until else ""
        super().__init__(f'"{key}" is disabled{who}{end}' + (f": {reason}" if reason else "."))


class Erased(Refused):
    """What a stream held was erased: its bodies are unreadable for good, and nothing is appended to it any more."""

    code = "erased"

    def __init__(self, stream: UUID, at: datetime, actor: str | None = None, reason: str | None = None) -> None:
        self.stream, self.at, self.actor, self.reason = stream, at, actor, reason
        who = f" by {actor}" if actor else ""
        why = f" ({reason})" if reason else ""
        super().__init__(
            f"What stream {stream} held was erased at {at:%Y-%m-%d %H:%M} UTC{who}{why}. Its headers stay; nothing"
            " brings back the rest."
        )


class SignatureRefused(Refused):
    """A request from outside is not signed by who it should come from, or is too old."""

    code = "signature_refused"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The request is not let in: {reason}.")


class BadFlow(Refused):
    """The graph of a flow does not hold together; every problem is listed."""

    code = "bad_flow"

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems) if len(problems) == 1 else "\n".join(f"- {one}" for one in problems))


class FlowTaken(Refused):
    """There is such a flow already: one of the same id, or one for the same subjects in the same version."""

    code = "flow_taken"

    def __init__(self, flow: int | str, other: int | str, what: str = "") -> None:
        self.flow, self.other, self.what = flow, other, what
        same = f'is {what} already; give "{flow}" another version' if what else "is there already; give another id"
        super().__init__(f'The flow "{other}" {same}, or archive that one.')


class NotInFlow(Refused):
    """A subject would stand in a status that its flow does not have.

    ``flow`` is the one that it is bound to, or was to be (``is_there``: it stands in that ``status`` already);
    ``statuses`` are those of that flow.
    """

    code = "not_in_flow"

    def __init__(
        self, category: str, stream: UUID, flow: str, status: str, statuses: Sequence[str], *, is_there: bool = False
    ) -> None:
        self.category, self.stream, self.flow, self.status = category, stream, flow, status
        self.statuses, self.is_there = tuple(statuses), is_there
        has = f"has {', '.join(self.statuses)}" if self.statuses else "has none"
        if is_there:
            message = (
                f'{category} {stream} stands in "{status}", and the flow "{flow}" has no such status: it {has}.'
                " Choose a flow that has it, or bring it to one of these first."
            )
        else:
            message = (
                f'{category} {stream} cannot go to "{status}": it is bound to the flow "{flow}", which {has}.'
                f"{did_you_mean(status, self.statuses)} Rebind it to a flow that has this status, or unbind it."
            )
        super().__init__(message)


class MoveRefused(Refused):
    """A transition of a flow cannot be made: the subject does not stand where it begins, or it does not fit.

    ``reason`` is a word for programs; ``result`` what came of it all the same, with the messages and data of its tasks.
    """

    code = "move_refused"

    def __init__(self, transition: str, reason: str | int, errors: Sequence[str] = (), result: Any = None) -> None:
        self.transition, self.reason, self.errors, self.result = transition, reason, tuple(errors), result
        super().__init__(f'The transition "{transition}" is refused ({reason}). {" ".join(self.errors)}'.rstrip())


class MoveDenied(MoveRefused):
    """A restriction does not let a transition be made."""

    code = "move_denied"


class PayloadRefused(MoveRefused):
    """What was sent along with a transition is not what its validations ask for; every error is in the result."""

    code = "payload_refused"


class BadInput(Refused):
    """A request from outside does not say what was asked of it."""

    code = "bad_input"

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems) or "The request does not say what is needed.")


class Malformed(BadInput):
    """The body of a request cannot even be read."""

    code = "malformed"


class WrongContent(BadInput):
    """A request from outside is of another content type than is understood."""

    code = "wrong_content"

    def __init__(self, found: str | None, wanted: Sequence[str]) -> None:
        self.found, self.wanted = found, tuple(wanted)
        super().__init__(f"The content is {found or 'of no declared type'}; wanted is {' or '.join(self.wanted)}.")


class Conflict(EventflowError):
    """Somebody was faster: load again and decide again."""

    code = "conflict"


class VersionConflict(Conflict):
    """Another append to the same stream came first, or the expected version never existed."""

    code = "version_conflict"

    def __init__(self, stream: UUID, expected: int, actual: int | None = None) -> None:
        self.stream, self.expected, self.actual = stream, expected, actual
        found = "another version" if actual is None else f"version {actual}"
        super().__init__(f"Stream {stream} was expected at version {expected}, but is at {found}. Load it again.")


class KeyTaken(Conflict):
    """What is said under this key was said before; nothing is appended again."""

    code = "key_taken"

    def __init__(self, scope: str, stream: UUID, position: int) -> None:
        self.scope, self.stream, self.position = scope, stream, position
        super().__init__(
            f"This key ({scope}) was used before: what came of it ends at position {position}, in stream {stream}."
        )


class LockLost(Conflict):
    """Whoever believed to have the lock has it no more; what was appended behind its token is not recorded."""

    code = "lock_lost"

    def __init__(self, key: str, token: int, reason: str) -> None:
        self.key, self.token, self.reason = key, token, reason
        super().__init__(f'The lock "{key}" with the token {token} is lost: {reason}. Stop, and take it again.')


class NotFound(EventflowError):
    """What was asked for is not there."""

    code = "not_found"


class StreamNotFound(NotFound):
    """No event of this stream is in the log."""

    code = "stream_not_found"

    def __init__(self, stream: UUID, category: str | None = None) -> None:
        self.stream, self.category = stream, category
        super().__init__(f"There is no {category or 'stream'} with the id {stream} in this log.")


class FlowNotFound(NotFound):
    """No flow fits a subject that must have one, or the one that was named cannot be had.

    ``reason`` is a word for programs; ``flow`` is the id that was named, ``tried`` the steps of the cascade.
    """

    code = "flow_not_found"

    def __init__(
        self, subject_type: str, reason: str = "nothing_fits", flow: int | str | None = None, tried: Sequence[str] = ()
    ) -> None:
        self.subject_type, self.reason, self.flow, self.tried = subject_type, reason, flow, tuple(tried)
        super().__init__(self._named() if flow is not None else self._none_fits())

    def _named(self) -> str:
        why = {"unknown": "there is no such flow", "deleted": "it is deleted", "inactive": "it is not active"}
        why["outside_window"] = "its time has not come or is over"
        return f'The flow "{self.flow}" was asked for by its id, but {why.get(self.reason, self.reason)}.'

    def _none_fits(self) -> str:
        tried = f", nor after {', '.join(self.tried)}" if self.tried else ""
        return f'No flow for "{self.subject_type}" fits the query{tried}. What dropped each one is told by explain.'


class RunNotFound(StreamNotFound):
    """No run has this id."""

    code = "run_not_found"

    def __init__(self, stream: UUID) -> None:
        super().__init__(stream, "run")


class ProcessNotFound(NotFound):
    """No process of the application is called so, or it is another one."""

    code = "process_not_found"

    def __init__(self, process: str, known: Sequence[str]) -> None:
        self.process, self.known = process, tuple(known)
        here = f" There are {', '.join(self.known)}." if self.known else " There is none."
        super().__init__(
            f'The process "{process}" is not registered here: give its class in processes=[...].'
            f"{here}{did_you_mean(process, self.known)}"
        )


class BodyMissing(NotFound):
    """The body of an event is in none of the places where it should be; its header still is."""

    code = "body_missing"

    def __init__(self, position: int, name: str, segment: str | None = None) -> None:
        self.position, self.name, self.segment = position, name, segment
        where = (
            f'the segment "{segment}" that holds it is not in the object storage. Put the object back from a copy, or'
            " look whether the setting objects names the right place"
            if segment
            else "it is neither in the database nor in any segment. Restore the database from a backup that has it"
        )
        super().__init__(f"The body of {name} at position {position} is missing: {where}.")


class Unreadable(EventflowError):
    """The log says something this code cannot read."""

    code = "unreadable"


class UnknownEvent(Unreadable):
    """An event's name is not in the vocabulary of this program."""

    code = "unknown_event"

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(
            f'No event is called "{name}" here.{did_you_mean(name, self.known)}'
            " A renamed event keeps its old name in was=(...)."
        )


class DamagedBody(Unreadable):
    """The bytes of a body are not the ones that were appended, or do not fit their event any more."""

    code = "damaged_body"

    def __init__(self, position: int, name: str, reason: str) -> None:
        self.position, self.name, self.reason = position, name, reason
        super().__init__(f"The body of {name} at position {position} cannot be read: {reason}")


class DamagedSegment(DamagedBody):
    """A piece of a segment is not as it was sealed; every body in it is in doubt."""

    code = "damaged_segment"

    def __init__(self, part: str, reason: str) -> None:
        self.part, self.reason, self.position, self.name = part, reason, 0, part
        EventflowError.__init__(
            self, f"{part} cannot be read: {reason}. Put the segment back from a copy of the object storage."
        )


class Misconfigured(EventflowError):
    """The composition does not fit together; every problem is listed."""

    code = "misconfigured"

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems) if len(problems) == 1 else "\n".join(f"- {one}" for one in problems))


class Failed(EventflowError):
    """A reaction or a projection did not do what it was asked to; recorded on the item, or the projection."""

    code = "failed"


class AnswerRefused(Failed):
    """A peer answered with a status that means no."""

    code = "answer_refused"

    def __init__(self, method: str, url: str, status: int, retry_after: float | None = None) -> None:
        self.method, self.url, self.status, self.retry_after = method, url, status, retry_after
        super().__init__(f"{method} {url} answered {status}.")


class AnswerTooLarge(Failed):
    """A peer sent more than is read; asking again would bring the same."""

    code = "answer_too_large"

    def __init__(self, what: str, status: int, limit: int) -> None:
        self.what, self.status, self.limit = what, status, limit
        super().__init__(
            f"{what} answered {status} with more than {limit} bytes. Ask for less, or raise http_answer_limit."
        )


class WrongResult(Failed):
    """A handler returned something its reaction cannot record."""

    code = "wrong_result"

    def __init__(self, reaction: str, wanted: str, result: object) -> None:
        self.reaction, self.wanted, self.found = reaction, wanted, type(result).__name__
        super().__init__(f"{reaction} returned {self.found}; wanted was {wanted}.")


class TimedOut(Failed):
    """A handler ran longer than its time limit."""

    code = "timed_out"

    def __init__(self, reaction: str, seconds: float) -> None:
        self.reaction, self.seconds = reaction, seconds
        super().__init__(f"{reaction} did not end within its time limit of {seconds:g} s.")


class DeadlinePassed(Failed):
    """A run was not over when it should have been."""

    code = "deadline_passed"

    def __init__(self, process: str, deadline: datetime) -> None:
        self.process, self.deadline = process, deadline
        super().__init__(f"{process} was to be over by {deadline:%Y-%m-%d %H:%M:%S %Z}, and is not.")


class Interrupted(Failed):
    """An attempt ended with its worker, again and again."""

    code = "interrupted"

    def __init__(self, reaction: str, times: int) -> None:
        self.reaction, self.times = reaction, times
        super().__init__(f"{reaction} was interrupted {times} times: its worker died or was stopped each time.")


class MoveFailed(Failed):
    """A task of a transition raised, or there is none of its name; nothing of the transition was made."""

    code = "move_failed"

    def __init__(self, transition: str, reason: str | int, errors: Sequence[str] = (), result: Any = None) -> None:
        self.transition, self.reason, self.errors, self.result = transition, reason, tuple(errors), result
        super().__init__(f'The transition "{transition}" failed ({reason}). {" ".join(self.errors)}'.rstrip())


class ProjectionStopped(Failed):
    """A projection raises at the same place again and again, and will not see the end of the log by itself."""

    code = "projection_stopped"

    def __init__(self, projection: str, position: int, end: int, reason: object) -> None:
        self.projection, self.position, self.end, self.reason = projection, position, end, str(reason).rstrip(".")
        super().__init__(
            f"The projection {projection} stands at {position} of {end} and cannot go on: {self.reason}."
            " It goes on by itself once its code is corrected."
        )


class Unavailable(EventflowError):
    """A database, a broker or a peer is out of reach; worth another try."""

    code = "unavailable"

    def __init__(self, what: str, reason: object) -> None:
        self.what, self.reason = what, str(reason)
        super().__init__(f"{what} is out of reach: {self.reason}")


class NotReached(Unavailable):
    """An item did not come to the status that was waited for; it may still do so."""

    code = "not_reached"

    def __init__(self, stream: UUID, status: str, wanted: Sequence[str], seconds: float) -> None:
        self.stream, self.status, self.wanted, self.seconds = stream, status, tuple(wanted), seconds
        EventflowError.__init__(
            self, f'{stream} stands in "{status}" after {seconds:g} s; wanted was {" or ".join(self.wanted)}.'
        )


class StorageFull(Unavailable):
    """There is no room left where the log is kept; nothing of the append was recorded."""

    code = "storage_full"

    def __init__(self, what: str, reason: object) -> None:
        self.what, self.reason = what, str(reason).rstrip(".")
        message = f"No room is left for {what}: {self.reason}. Nothing of this was recorded; make room and try again."
        EventflowError.__init__(self, message)
