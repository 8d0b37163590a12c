"""What people and programs do with runs: start them, look at them, and see to those that have stopped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypedDict, Unpack
from uuid import UUID

from eventflow.errors import ProcessNotFound, Refused, RunNotFound, StreamNotFound, VersionConflict, did_you_mean
from eventflow.model.aggregate import Aggregate
from eventflow.model.library import Created
from eventflow.model.masking import Masker
from eventflow.model.process import long
from eventflow.model.process.awaiting import Signal, fitted
from eventflow.model.process.deed import Deed
from eventflow.model.process.definition import Definition
from eventflow.model.process.fit import Unfit, fit
from eventflow.model.process.process import Process
from eventflow.model.process.registry import Registry
from eventflow.model.process.run import Run, run_id
from eventflow.model.recorded import Context, Recorded
from eventflow.runtime.processes.deeds import Deeds
from eventflow.runtime.processes.kinship import begins
from eventflow.runtime.repository import Repository
from eventflow.runtime.tracing import around, said
from eventflow.store.log import Log

Subject = Aggregate[Any] | tuple[str, UUID | str]
"""What a run is about: an item, or the category and the id of anything."""


class Beginning(TypedDict, total=False):
    """How a run begins, where that is not as usual.

    With a ``key`` one run of the process is started, however often that is tried. ``channel`` is the way that it goes,
    ``subject`` what it is about, ``reason`` why somebody wants it. It begins now, after ``delay`` or ``at`` a time;
    ``deadline`` is how long it may take from now on, or when it has to be over.
    """

    key: str | None
    channel: str | None
    subject: Subject | None
    delay: timedelta | None
    at: datetime | None
    deadline: timedelta | datetime | None
    reason: str | None


class Entry(NamedTuple):
    """A line of a run's history: what happened at ``at``, to which step, and who wanted it so."""

    version: int
    at: datetime
    name: str
    status: str
    step: str | None
    attempt: int | None
    message: str | None
    actor: str | None
    error: str | None
    body: dict[str, Any]


class Processes:
    """The processes of an application and their runs: ``app.processes``."""

    def __init__(
        self,
        registry: Registry,
        *,
        log: Log,
        repository: Repository,
        clock: Callable[[], datetime],
        ids: Callable[[], UUID],
        masker: Masker,
    ) -> None:
        self.registry = registry
        self._log, self._repository, self._clock, self._ids = log, repository, clock, ids
        self.deeds = Deeds(registry, masker)

    # -- starting --------------------------------------------------------------------------------

    def start(
        self,
        process: Process,
        *,
        actor: str | None = None,
        correlation: UUID | str | None = None,
        traceparent: str | None = None,
        **how: Unpack[Beginning],
    ) -> Run:
        """Start a run that knows what ``process`` knows; a worker begins with it now, unless ``how`` says otherwise.

        ``how`` are ``key``, ``channel``, ``subject``, ``delay``, ``at``, ``deadline`` and ``reason``, as ``Beginning``
        explains them. Whoever comes again with a ``key`` is given the run that there is. Raises ``ProcessNotFound`` for
        a process that is not registered, ``Refused`` for a channel that there is not and for times that make no sense,
        ``Unavailable``.
        """
        run = self.prepare(process, **how)
        context = said(actor=actor, correlation=correlation, traceparent=traceparent)
        try:
            self._repository.save(run, context=context)
        except VersionConflict:
            if run.key is None:
                raise
            return self.get(run.id)
        return run

    def prepare(self, process: Process, **how: Unpack[Beginning]) -> Run:
        """A run that begins when it is saved, together with whatever else: ``app.save(order, run)``."""
        definition, now, key = self.registry.get(type(process)), self._clock(), how.get("key")
        _refuse_strange(how)
        if key == "":
            raise Refused("A key is a text that is not empty.")
        return Run.begin(
            id=self._ids() if key is None else run_id(definition.name, key),
            due=_due(how.get("delay"), how.get("at"), now),
            **begins(definition),
            state=definition.state(process),
            channel=self.registry.channel(definition, how.get("channel")),
            subject=_subject(how.get("subject")),
            why=how.get("reason"),
            key=key,
            deadline=_deadline(definition, how.get("deadline"), now),
        )

    # -- telling ---------------------------------------------------------------------------------

    def signal(
        self, id: UUID, name: str, data: Any = None, *, key: str | None = None, actor: str | None = None
    ) -> bool:
        """Say something to a run; whether it was new.

        It is kept until a step that awaits it takes it, be that waiting already or not. The same said twice counts
        once: the same name and data, or the same ``key`` in their place. Raises ``Refused`` for a name that no step of
        the process waits for, ``BadInput`` for data that do not fit, ``TransitionRefused`` when the run is over,
        ``RunNotFound``.
        """
        while True:
            run = self.get(id)
            self._refuse_unexpected(run, name, data)
            if not long.signal(run, name, data, key=key):
                return False
            try:
                self._repository.save(run, context=_by(actor))
            except VersionConflict:
                continue
            return True

    def _refuse_unexpected(self, run: Run, name: str, data: Any) -> None:
        """What a step could make nothing of is told to who says it, not to the step."""
        definition = self.registry.get(run.process)
        waiting = {one.awaits.name: one for one in definition.steps if isinstance(one.awaits, Signal)}
        if name not in waiting:
            known = ", ".join(waiting) or "no signal at all"
            near = did_you_mean(name, list(waiting))
            raise Refused(f'No step of {run.process} waits for "{name}"; they wait for {known}.{near}')
        fitted(waiting[name].function, data)

    # -- looking ---------------------------------------------------------------------------------

    def get(self, id: UUID) -> Run:
        """A run as the log has it now. Raises ``RunNotFound``."""
        try:
            return self._repository.get(Run, id)
        except StreamNotFound:
            raise RunNotFound(id) from None

    def find(self, process: str | type[Process], key: str) -> Run | None:
        """The run that was started under a key, if there is one."""
        name = process if isinstance(process, str) else process.keywords.name
        try:
            return self.get(run_id(name, key))
        except RunNotFound:
            return None

    def known(self, id: UUID) -> Process:
        """The process as a run knows it now. Raises ``RunNotFound``, ``ProcessNotFound``, ``ValidationError``."""
        run = self.get(id)
        return self.registry.get(run.process).revived(run.state)

    def history(self, id: UUID) -> list[Entry]:
        """Everything that happened to a run, oldest first. Raises ``RunNotFound``."""
        self._head(id)
        return [_entry(one) for one in self._log.read_whole(id)]

    def check(self, id: UUID) -> Unfit | None:
        """What of a run does not fit the definition there is, if anything: it is read again, and nothing is called.

        Raises ``RunNotFound``, and ``Unreadable`` when its events cannot be read.
        """
        self._head(id)
        recorded = self._log.read_whole(id)
        first = recorded[0].event
        name = first.fields["process"] if isinstance(first, Created) else ""
        try:
            definition = self.registry.get(name)
        except ProcessNotFound as error:
            return Unfit(1, None, str(error))
        return fit(definition, [(one.header.version, one.event) for one in recorded])

    def _head(self, id: UUID) -> None:
        head = self._log.head(id)
        if head is None or head.category != Run.category:
            raise RunNotFound(id)

    # -- seeing to it ----------------------------------------------------------------------------

    def see_to(self, id: UUID, deed: Deed, *, reason: str | None = None, actor: str | None = None) -> Run:
        """Do one of the things that can be done to a run, said as data; for very many there are batches.

        Raises what the methods below raise.
        """
        decide = self.deeds.decision(deed, reason)
        while True:
            run = self.get(id)
            decide(run)
            try:
                self._repository.save(run, context=_by(actor))
            except VersionConflict:
                continue
            return run

    def seen_to(self, id: UUID, deed: Deed) -> Run:
        """A run as the same would leave it; nothing is recorded. Raises what that raises."""
        run = self.get(id)
        self.deeds.decision(deed)(run)
        return run

    def restart(
        self,
        id: UUID,
        *,
        step: str | None = None,
        reason: str | None = None,
        force: bool = False,
        actor: str | None = None,
    ) -> Run:
        """Let a run go on at the step that failed, or from another one on, with a fresh budget of attempts.

        Steps that have succeeded before it are not done again, those behind it are. Allowed in ERROR, RETRY and
        EXCEPTION, with ``force`` everywhere; a worker that is at it is cut off then. Raises ``TransitionRefused``,
        ``Refused`` for a step that there is not, ``RunNotFound``.
        """
        return self.see_to(id, Deed.restart(step, force=force), reason=reason, actor=actor)

    def goto(
        self, id: UUID, step: str, *, reason: str | None = None, force: bool = False, actor: str | None = None
    ) -> Run:
        """Let a run go on at a later step; what lies between is passed over, and the history says so.

        Raises ``Refused`` for a step that there is not or that is behind, ``TransitionRefused``, ``RunNotFound``.
        """
        return self.see_to(id, Deed.goto(step, force=force), reason=reason, actor=actor)

    def skip(self, id: UUID, *steps: str, reason: str | None = None, actor: str | None = None) -> Run:
        """Let steps of a run be passed over when their turn comes. Raises ``Refused``, ``RunNotFound``."""
        return self.see_to(id, Deed.skip(*steps), reason=reason, actor=actor)

    def abandon(self, id: UUID, *, reason: str | None = None, actor: str | None = None) -> Run:
        """Give a run up for good: ABORTED, also before it has begun; a worker that is at it is cut off.

        Raises ``TransitionRefused`` when it is over already, ``RunNotFound``.
        """
        return self.see_to(id, Deed.abandon(), reason=reason, actor=actor)

    def migrate(self, id: UUID, *, reason: str | None = None, actor: str | None = None) -> Run:
        """Bring a run to the present version of its process, by the migrations that this declares.

        Workers do so by themselves when they take a run up; one that was halted for its version goes on by this. Raises
        ``Refused`` with the reason when there is no way, and when the run is of the present version already.
        """
        return self.see_to(id, Deed.migrate(), reason=reason, actor=actor)


def _by(actor: str | None) -> Context:
    return said(actor=actor) if actor is not None else around()


def _refuse_strange(how: Beginning) -> None:
    for name in how.keys() - Beginning.__annotations__.keys():
        near = did_you_mean(name, list(Beginning.__annotations__))
        raise TypeError(f'"{name}" says nothing of how a run begins.{near}')


def _subject(subject: Subject | None) -> tuple[str, str] | None:
    if subject is None:
        return None
    if isinstance(subject, tuple):
        category, id = subject
        return str(category), str(id)
    return subject.category, str(subject.id)


def _due(delay: timedelta | None, at: datetime | None, now: datetime) -> datetime | None:
    if delay is not None and at is not None:
        raise Refused("A run begins either after a delay or at a time: say one of them.")
    if delay is not None and delay < timedelta(0):
        raise Refused(f"delay={delay!r} is no time to wait.")
    if at is not None and at.tzinfo is None:
        raise Refused(f"at={at} has no time zone. Give an aware datetime.")
    return at if delay is None else now + delay


def _deadline(definition: Definition, deadline: timedelta | datetime | None, now: datetime) -> datetime | None:
    wanted = definition.options.deadline if deadline is None else deadline
    if isinstance(wanted, datetime) and wanted.tzinfo is None:
        raise Refused(f"deadline={wanted} has no time zone. Give an aware datetime.")
    if isinstance(wanted, timedelta):
        wanted = now + wanted
    if wanted is not None and wanted <= now:
        raise Refused(f"A run that is to be over by {wanted:%Y-%m-%d %H:%M:%S %Z} is late already.")
    return wanted


def _entry(recorded: Recorded) -> Entry:
    header, body = recorded.header, recorded.event.model_dump()
    return Entry(
        header.version,
        header.recorded_at,
        header.name.rpartition(":")[2],
        header.status,
        body.get("step"),
        header.attempt,
        body.get("message") or body.get("reason") or body.get("fields", {}).get("why"),
        header.actor,
        header.error,
        body,
    )
