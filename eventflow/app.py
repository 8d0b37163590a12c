"""The composition root: what you have said, on the engines you have chosen, as one object."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypeVar, Unpack
from uuid import UUID

from eventflow.composition import Composition
from eventflow.errors import (
    KeyTaken,
    NotFound,
    StreamNotFound,
    UnknownEvent,
    did_you_mean,
)
from eventflow.model.aggregate import Aggregate
from eventflow.model.batch import Batch
from eventflow.model.callback import Calling, callback_of
from eventflow.model.channel import Channel
from eventflow.model.command import Command, Listed
from eventflow.model.flows.tasks import FlowTask
from eventflow.model.handlers import AnyReaction
from eventflow.model.incident import Incident
from eventflow.model.incoming import Incoming
from eventflow.model.key import SAVED, Key
from eventflow.model.limits import Limit
from eventflow.model.masking import Masker
from eventflow.model.people import ANYBODY, People
from eventflow.model.probe import Probe
from eventflow.model.process.deed import Deed
from eventflow.model.process.process import Process
from eventflow.model.reception import Receipt
from eventflow.model.recorded import Header, Recorded
from eventflow.parts import Parts
from eventflow.picking.definition import FlowDefinition
from eventflow.runtime.archiving.ages import Ages
from eventflow.runtime.archiving.compress import Compressed, Errand
from eventflow.runtime.archiving.reseal import GRACE, Order, Resealed
from eventflow.runtime.archiving.restore import Brought, Wish, total
from eventflow.runtime.broker import Broker
from eventflow.runtime.commands.commands import NOTHING, Passing, Ran
from eventflow.runtime.commands.holding import Held
from eventflow.runtime.erasing import Erasing
from eventflow.runtime.follower import Follower
from eventflow.runtime.ids import Ids
from eventflow.runtime.incidents import Notifier, Untold
from eventflow.runtime.probing import Probing
from eventflow.runtime.signals import Said, statuses
from eventflow.runtime.signals import said as named
from eventflow.runtime.telemetry import Listener
from eventflow.runtime.ticks import Tick
from eventflow.runtime.tracing import said
from eventflow.runtime.worker import Worker
from eventflow.settings import Settings
from eventflow.store.archive.selection import Chosen, Selection
from eventflow.store.codec import Codec
from eventflow.store.ticks import Run
from eventflow.store.work import Backlog
from eventflow_projections import (
    Projection,
)

A = TypeVar("A", bound=Aggregate[Any])

RESEND_AFTER = timedelta(seconds=30)
UNTOLD = "category:eventflow_notice -status:told"


def utc_now() -> datetime:
    """The present time, aware."""
    return datetime.now(UTC)


class Eventflow(Parts):
    """An application: the only place where aggregates, reactions and projections meet their engines.

    Embedded by default (SQLite, a worker in this process, a folder); ``settings`` name others. Nothing is
    connected on import, and several applications may live side by side. A message that nobody took for
    ``resend_after`` is sent again once its queue is empty: the broker, or a worker that died, has lost it.
    ``callbacks`` are what other systems may say of their own accord.
    ``ticks`` are done again and again beside those of the library, by one worker of all; so are ``probes``.
    ``limits`` are those of the hosts that endpoints speak to, ``channels`` those that runs of
    ``processes`` go through.
    ``flows`` are published when this is made; ``flow_tasks`` are what their transitions may call.
    ``commands`` are run by people and by the scheduler, a ``Spacer`` among them parts those that are shown;
    ``notifiers`` tell of incidents, beside those of the settings.
    ``people`` says who is who to the locks, and who may steer them.
    ``listeners`` hear of the work while it is done (``Spans`` of ``eventflow.spans``, say).

    Raises ``Misconfigured`` with every problem of the composition at once, ``Unavailable`` when the database
    is out of reach.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        aggregates: Sequence[type[Aggregate[Any]]],
        reactions: Sequence[AnyReaction] = (),
        projections: Sequence[Projection] | None = None,
        masker: Masker | None = None,
        codec: Codec | None = None,
        clock: Callable[[], datetime] = utc_now,
        ids: Callable[[], UUID] | None = None,
        resend_after: timedelta = RESEND_AFTER,
        ticks: Sequence[Tick] = (),
        limits: Sequence[Limit] = (),
        probes: Sequence[Probe[Any]] = (),
        callbacks: Sequence[Calling] = (),
        commands: Sequence[Listed] = (),
        notifiers: Sequence[Notifier] = (),
        people: People = ANYBODY,
        channels: Sequence[Channel] = (),
        flows: Sequence[FlowDefinition] = (),
        flow_tasks: Sequence[FlowTask[Any]] = (),
        processes: Sequence[type[Process]] = (),
        listeners: Sequence[Listener] = (),
    ) -> None:
        super().__init__(
            settings or Settings(),
            Composition(
                aggregates=aggregates,
                reactions=reactions,
                projections=projections,
                ticks=ticks,
                limits=limits,
                probes=probes,
                callbacks=callbacks,
                commands=commands,
                notifiers=notifiers,
                people=people,
                channels=channels,
                flows=flows,
                flow_tasks=flow_tasks,
                processes=processes,
                listeners=listeners,
            ),
            masker=masker or Masker(),
            codec=codec or Codec(),
            clock=clock,
            ids=ids or Ids(),
            resend_after=resend_after,
        )

    # -- commands and reads ----------------------------------------------------------------------

    def save(
        self,
        *aggregates: Aggregate[Any],
        actor: str | None = None,
        correlation: UUID | str | None = None,
        traceparent: str | None = None,
        key: str | None = None,
        key_expires: timedelta | None = None,
        fence: Held | None = None,
    ) -> int:
        """Append what the aggregates have decided, all or nothing; returns the position to ``wait_for``.

        ``correlation`` (or the ``traceparent`` of a request) names the story it belongs to. Without one it goes on
        with that of the handler that it is called in, or of the stream; a new stream is a story of its own.

        What is saved under a ``key`` is saved once: whoever comes again with it, until it expires (after
        ``key_lifetime`` of the settings unless ``key_expires`` says otherwise), appends nothing, whatever the
        aggregates hold, and is given the position of the first. Raises ``VersionConflict`` when somebody else was
        faster, ``Unwritable``, ``Unavailable``.

        With a lock as its ``fence`` it is saved only while that is held: ``LockLost`` tells who has lost it.
        """
        context = said(actor=actor, correlation=correlation, traceparent=traceparent)
        once = None if key is None else self._key(key, SAVED, key_expires)
        try:
            headers = self.repository.save(
                *aggregates, context=context, key=once, fence=None if fence is None else fence.fence
            )
        except KeyTaken as taken:
            return taken.position
        if headers:
            return headers[-1].position
        first = self.log.taken(once) if once is not None else None
        return first.position if first is not None else self.log.last_position()

    def taken(self, key: str, *, scope: str = SAVED) -> Header | None:
        """The last event of what was saved under a key, or None while it is free: ask before a command is repeated."""
        return self.log.taken(self._key(key, scope))

    def _key(self, name: str, scope: str, lasts: timedelta | None = None) -> Key:
        return Key(name, scope, lasts or self.settings.key_lifetime)

    def get(self, kind: type[A], id: UUID) -> A:
        """The aggregate as the log has it now. Raises ``StreamNotFound``."""
        return self.repository.get(kind, id)

    def find(self, id: UUID) -> Aggregate[Any]:
        """The aggregate of whatever category. Raises ``StreamNotFound``."""
        return self.repository.get(self._kind(id), id)

    def history(self, id: UUID, *, bodies: bool = False) -> list[Recorded]:
        """Every event of a stream, oldest first; bodies are read when touched. Raises ``StreamNotFound``.

        Whoever wants the ``bodies`` of all of them says so: those in the archive come together then, in as few requests
        as where they lie allows. What is wrong with one is told when it is touched.
        """
        self._kind(id)
        return self.log.read_whole(id) if bodies else self.log.read(id)

    def defibrillate(self, id: UUID, *, reason: str | None = None, actor: str | None = None) -> Header:
        """Restart what has failed. Raises ``TransitionRefused`` when its status has nowhere to restart from."""
        headers = self.repository.change(
            self._kind(id), id, lambda one: one.defibrillate(reason), context=said(actor=actor)
        )
        return headers[-1]

    def call_back(
        self, callback: str | Calling, id: UUID | None, request: Incoming, *, actor: str | None = None
    ) -> Receipt:
        """What came of a call from outside: it is checked, decided on and recorded, once.

        For whoever receives requests (``eventflow.asgi`` does so for ASGI servers); ``id`` may be left to the
        callback's ``identify``. Raises ``NotFound``, ``SignatureRefused``, ``BadInput``, ``TransitionRefused`` and
        whatever else the callback refuses, with nothing recorded; what its function raises, once that is recorded;
        ``Unavailable``.
        """
        name = callback if isinstance(callback, str) else callback_of(callback).name
        return self.callbacks.call(name, id, request, said(actor=actor))

    def cancel(
        self, id: UUID, *, reason: str | None = None, actor: str | None = None, status: Enum | None = None
    ) -> Header:
        """Let go of an item, whatever is being done about it: it goes to the status that its ``cancelled=`` names.

        Whoever works on it, in whatever process, is told (``cancelled()``), a moment later interrupted, and nothing
        of what it brings home is recorded. Raises ``TransitionRefused`` where nothing leads to such a status.
        """
        return self.repository.change(
            self._kind(id), id, lambda one: one.cancel(reason, status=status), context=said(actor=actor)
        )[-1]

    def defibrillate_where(
        self,
        where: str,
        *,
        reason: str | None = None,
        canaries: Sequence[int] = (),
        rate: float | None = None,
        limit: int | None = None,
        of: str = "items",
        actor: str | None = None,
    ) -> Batch:
        """Begin to restart all items that pass a filter now, however many; ``batches`` says how far that has come.

        With ``of="runs"`` it is runs of processes that are restarted, and the filter is in their language.

        Of the groups of ``canaries`` each has to end well before more may go, else the batch is suspended. ``rate`` is
        how many are restarted in a second at most, ``limit`` how many in all. Workers move it on. Raises ``BadFilter``,
        ``Refused`` for numbers that are not above zero.
        """
        context = said(actor=actor)
        return self.batches.begin(where, why=reason, canaries=canaries, rate=rate, limit=limit, of=of, context=context)

    def steer_where(
        self,
        where: str,
        deed: Deed,
        *,
        reason: str | None = None,
        canaries: Sequence[int] = (),
        rate: float | None = None,
        limit: int | None = None,
        actor: str | None = None,
    ) -> Batch:
        """Begin to do the same to all runs of processes that pass a filter now.

        What is done is said as data: ``Deed.abandon()``, ``Deed.goto("pack")`` and so on. Everything else is as in
        ``defibrillate_where``. Raises ``Refused`` for canaries where nothing is begun, too.
        """
        return self.batches.begin(
            where, why=reason, canaries=canaries, rate=rate, limit=limit, of="runs", deed=deed,
            context=said(actor=actor),
        )  # fmt: skip

    def send(
        self,
        id: UUID,
        command: Said,
        *args: Any,
        actor: str | None = None,
        key: str | None = None,
        retries: bool = False,
        **options: Any,
    ) -> Header:
        """Call a command of an item (``Document.approve``, or its name) and wake the handler that waits on it.

        The command is called again, on the newer item, whenever somebody else was faster. With ``retries`` a retry
        that is scheduled is due now, too. What is sent under a ``key`` is sent once. Raises ``Refused`` for what the
        item refuses, ``StreamNotFound``, ``Unavailable``.
        """
        kind = self._kind(id)
        function = named(kind, command)
        return self._signals.send(
            kind,
            id,
            lambda document: function(document, *args, **options),
            context=said(actor=actor),
            retries=retries,
            key=None if key is None else self._key(key, SAVED),
        )

    def wake(self, id: UUID, *, actor: str | None = None) -> Header:
        """Let what was put aside (a wait, a scheduled retry) go on now. Raises ``TransitionRefused`` if nothing was."""
        return self._signals.wake(self._kind(id), id, context=said(actor=actor))

    def touch(self, id: UUID, *, actor: str | None = None) -> Header:
        """Announce the status of an item once more, so that whoever reacts to it does so again."""
        return self.repository.change(self._kind(id), id, lambda one: one.touch(), context=said(actor=actor))[-1]

    def await_status(self, id: UUID, *wanted: Enum | str, timeout: timedelta = timedelta(seconds=10)) -> Header:
        """The event that brought an item to one of these statuses: now, or at any moment until the time is over.

        Raises ``NotReached`` with the status it stands in then, ``Refused`` for a status that it cannot have.
        """
        return self._signals.await_status(id, statuses(self._kind(id), wanted), timeout)

    def _kind(self, id: UUID) -> type[Aggregate[Any]]:
        head = self.log.head(id)
        if head is None:
            raise StreamNotFound(id)
        if head.category not in self.vocabulary.aggregates:
            raise UnknownEvent(head.name, sorted(self.aggregates))
        return self.vocabulary.aggregates[head.category]

    def probe(
        self,
        category: str | None = None,
        *,
        limit: int | None = None,
        dry_run: bool = False,
        actor: str | None = None,
    ) -> list[Probing]:
        """Let the probes (of one category) look now, each at ``limit`` objects or its own batch.

        What each would do, with ``dry_run``. Raises ``NotFound`` when there is no probe of this category.
        """
        chosen = [one for one in self.probes.values() if category in (None, one.aggregate.category)]
        if not chosen and category is not None:
            known = sorted({one.aggregate.category for one in self.probes.values()})
            raise NotFound(f'There is no probe of "{category}".{did_you_mean(category, known)}')
        return [self._prober.probe(one, limit=limit, dry_run=dry_run, actor=actor) for one in chosen]

    # -- commands under their locks --------------------------------------------------------------

    def lock(
        self, key: str, *, lease: timedelta | None = None, heed: bool = True, actor: str | None = None
    ) -> AbstractContextManager[Held]:
        """Hold a lock while a block runs: ``with app.lock("import-invoices") as lock:``.

        It is kept alive in the background and given back in any case; an exception that ends the block is recorded.
        Whoever is silent for longer than the ``lease`` loses it to the next one. What operators have disabled is heeded
        unless told otherwise. Raises ``LockHeld``, ``CommandDisabled``, ``Unavailable``; at the end ``LockLost`` when
        it was lost meanwhile.
        """
        return self.locks.hold(key, lease=lease, heed=heed, context=said(actor=actor))

    def run(
        self,
        command: str | Command[..., Any],
        param: str | None = None,
        *,
        passing: Passing = NOTHING,
        actor: str | None = None,
    ) -> Ran:
        """Run a command in this thread, under its lock.

        ``passing`` says what is passed over: what disables it, its lock, whoever has that. Raises ``NotFound``,
        ``NotAllowed``, ``LockHeld``, ``CommandDisabled``, ``LockLost``, ``Unavailable``; and what the command raises,
        once that is recorded.
        """
        name, context = command if isinstance(command, str) else command.name, said(actor=actor)
        self.people.check_manage(f"Running {name}", context.actor)
        return self.commands.run(name, param, passing=passing, context=context)

    def report(self, incident: Incident, *, actor: str | None = None) -> int:
        """Have an incident told to whoever is to be told of its kind, once each; returns how many that are.

        An incident with the same kind and key is the same incident, whoever reports it and whenever.
        """
        return self.incidents.report(incident, context=said(actor=actor))

    def untold(self, *, limit: int = 100) -> list[Untold]:
        """Whom we could not tell of an incident until now, the newest first: tried again later, or given up.

        As the projections have it. What was given up goes on with ``defibrillate``.
        """
        found = self.items.page(UNTOLD, limit=limit).rows
        return [self.incidents.untold(one.id, one.error, one.due) for one in found if one.error is not None]

    # -- work ------------------------------------------------------------------------------------

    @property
    def broker(self) -> Broker:
        """The broker; connected when first used, so that a program that only appends needs none."""
        return self.engine.broker

    def worker(self, *, threads: int | None = None, queues: Iterable[str] | None = None) -> Worker:
        """A worker for this application, not started yet."""
        return self.engine.worker(threads=threads, queues=queues)

    def relay(self) -> None:
        """Send what is due to the broker and return, for programs that append and run no worker.

        Does nothing while a worker leads: it relays already.
        """
        self.engine.relay()

    def tick(self) -> list[Run] | None:
        """Do what is due of all that is done again and again, for programs that run no worker.

        Does nothing, and returns nothing, while another process does it.
        """
        return self.engine.tick()

    def scheduler(self) -> list[Follower]:
        """What a process begins that does nothing but what is done again and again; it stands by while others do it.

        With a broker of its own place that is the relay as well; messages of an embedded one would die here.
        """
        return self.engine.scheduler()

    def backlog(self) -> list[Backlog]:
        """How much there is to be done of each reaction, and where it is."""
        return self.engine.backlog()

    def waits(self, id: UUID) -> str | None:
        """What keeps the work on a stream from being begun, if anything does: ``rate …``, ``circuit …``, ``place …``.

        That is no event, so that the history does not tell it.
        """
        return self.engine.waits(id)

    def drain(self, *, timeout: timedelta = timedelta(minutes=5)) -> None:
        """Do everything that is due now, in this process, and return when nothing is left to do.

        Ticks that are due have their turn when all else is done, and what they begin is done as well. What is due later
        (a retry, say) stays for later. Raises ``TimeoutError`` when it takes too long, ``ProjectionStopped`` when all
        is done and a projection cannot follow.
        """
        self.engine.drain(timeout)

    def settle(self, queues: Collection[str] | None = None) -> bool:
        """Whether nothing is left to do now; once the work is done, this brings the projections to the end of the log.

        With ``queues`` it is about what this program does there, and not about the work of others. Raises
        ``ProjectionStopped``, with the exception as its cause, when one of them cannot go on.
        """
        return self.engine.settle(queues)

    def is_idle(self) -> bool:
        """Whether nothing is due now (on a queue that is not paused) and every projection has seen the log's end.

        Raises ``ProjectionStopped`` when nothing is due and a projection stands still with an error.
        """
        return self.engine.is_idle()

    def wait_for(self, position: int, *, timeout: timedelta = timedelta(seconds=10)) -> None:
        """Return when every projection shows the event at this position: read your own writes.

        Raises ``Unavailable``, with the projection that is behind and why, when the time is over.
        """
        self.projections.wait_for(position, timeout)

    # -- housekeeping ----------------------------------------------------------------------------

    def archive(
        self,
        *,
        older_than: timedelta | None = None,
        reason: str | None = None,
        actor: str | None = None,
        **chosen: Unpack[Chosen],
    ) -> list[Compressed]:
        """Move the bodies of old events (all, or those ``Chosen``) into the object storage; what each segment came to.

        How old is old enough is ``older_than``, or what the settings say of each category. Workers do this by
        themselves, in larger portions. Raises ``Unavailable`` when the object storage is out of reach: what was swapped
        until then is done, everything else is as it was.
        """
        ages = self.ages() if older_than is None else Ages(older_than)
        errand = Errand(Selection(**chosen), ages, reason, said(actor=actor))
        return list(self.archives.compress(errand))

    def restore(
        self,
        *,
        lasts: timedelta | None = None,
        reason: str | None = None,
        actor: str | None = None,
        **chosen: Unpack[Chosen],
    ) -> Brought:
        """Bring copies of archived bodies (all, or those ``Chosen``) near, for a while; what came of it.

        They are read without the object storage until then: after ``lasts``, or ``restored_for`` of the settings. What
        is damaged or missing is told and left. Raises ``Unavailable`` when the object storage is out of reach; what was
        restored until then stays for its time.
        """
        wish = Wish(Selection(**chosen), reason, said(actor=actor))
        return total(self.restorer.restore(wish, lasts=lasts or self.settings.restored_for))

    def purge(
        self,
        *,
        reason: str | None = None,
        actor: str | None = None,
        **chosen: Unpack[Chosen],
    ) -> int:
        """Let go of restored copies (all, or those ``Chosen``) before their time is over, and say how many.

        The archive has the bodies still.
        """
        wish = Wish(Selection(**chosen), reason, said(actor=actor))
        return sum(amount.events for amount in self.restorer.purge(wish))

    def reseal(
        self,
        *,
        grace: timedelta = GRACE,
        reason: str | None = None,
        actor: str | None = None,
        **chosen: Unpack[Chosen],
    ) -> list[Resealed]:
        """Encipher what was appended in plain before its class was erasable (all, or what is ``Chosen``).

        Segments that hold some of it are written anew, and take the place of what they are made of; those objects stay
        for as long as ``grace`` says. What stands in the database in plain is overwritten. Headers stay as they are.
        From then on ``erase`` works. Raises ``Refused`` for what is not erasable, ``Unavailable`` when the object
        storage is out of reach: what was done until then is, and said again, it goes on.
        """
        return list(self.resealer.run(Order(Selection(**chosen), grace, reason, said(actor=actor))))

    def erase(self, *ids: UUID, reason: str | None = None, actor: str | None = None) -> list[Erasing]:
        """Erase what these streams hold, for good: in the database, in the archive, in every copy of the archive.

        Headers stay. Who did it, when and why becomes the last event of each; say no name in ``reason``. What was
        erased before is left as it is. Raises ``StreamNotFound``, and ``Refused`` for what is not erasable: those that
        come before it are erased then.
        """
        try:
            return [self.eraser.erase(id, reason=reason, context=said(actor=actor)) for id in ids]
        finally:
            self.eraser.settle()

    def erase_where(self, where: str, *, reason: str | None = None, actor: str | None = None) -> list[Erasing]:
        """Erase all items that pass a filter now; like ``erase``. Raises ``BadFilter``."""
        return self.erase(*list(self.items.ids(where)), reason=reason, actor=actor)
