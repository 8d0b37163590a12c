"""What an application is made of: its parts, put together once."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from eventflow.composition import Composition
from eventflow.engine import Engine
from eventflow.model.channel import Channel, Fatal, channels_of
from eventflow.model.incident import COMMAND_FAILED, LOCKDOWN, STALE_LOCK
from eventflow.model.masking import Masker
from eventflow.model.probe import Probe
from eventflow.model.process.registry import Registry
from eventflow.model.process.run import Run as ProcessRun
from eventflow.model.routine import routines
from eventflow.model.system import SYSTEM
from eventflow.model.vocabulary import Vocabulary
from eventflow.picking.definition import FlowDefinition
from eventflow.runtime.archiving.ages import Ages
from eventflow.runtime.archiving.archives import archives
from eventflow.runtime.archiving.compress import Errand
from eventflow.runtime.archiving.reseal import Resealer
from eventflow.runtime.archiving.restore import Restorer
from eventflow.runtime.batches import Batches, Shelf
from eventflow.runtime.callbacks import Callbacks
from eventflow.runtime.commands.commands import Commands
from eventflow.runtime.commands.lockboard import Lockboard
from eventflow.runtime.commands.locks import Locks
from eventflow.runtime.erasing import Eraser
from eventflow.runtime.flows.binder import Binder
from eventflow.runtime.flows.compose import flows_of
from eventflow.runtime.flows.errands import acting, errand_reactions
from eventflow.runtime.flows.shelf import Shelves
from eventflow.runtime.incidents import Incidents, Notifier, telling
from eventflow.runtime.lockdowns import Lockdowns
from eventflow.runtime.network import Network
from eventflow.runtime.notifiers import configured
from eventflow.runtime.probing import Prober
from eventflow.runtime.processes.kinship import Kinship
from eventflow.runtime.processes.processes import Processes
from eventflow.runtime.relay import Routes
from eventflow.runtime.repository import Repository
from eventflow.runtime.signals import Signals
from eventflow.runtime.switches import Switches
from eventflow.runtime.telemetry import Telemetry
from eventflow.runtime.ticks import SCHEDULER, Tick
from eventflow.settings import Settings, plainly
from eventflow.store.archive.catalogue import Catalogue
from eventflow.store.archive.reader import Reader
from eventflow.store.archive.restored import Restored
from eventflow.store.closing import Closing
from eventflow.store.codec import Codec
from eventflow.store.database import Database, open_database
from eventflow.store.keyring import Keyring, open_keyring
from eventflow.store.locks import Leases
from eventflow.store.log import Log, open_log
from eventflow.store.objects import Objects, open_objects
from eventflow_projections import (
    Items,
    Lingerers,
    Lingering,
    Projections,
    Running,
    Runs,
    Stories,
    standard,
)

PROBES = "probes what stands in"
MOVES = "brings back the items of batches"
PRUNES = "forgets idempotency keys that no longer count"
PURGES = "lets go of restored bodies whose time is over"
PURGE_EVERY = timedelta(minutes=1)
MOVE_EVERY = timedelta(seconds=1)
ARCHIVES = "moves the bodies of old events into the archive"
ARCHIVE_EVERY = timedelta(minutes=1)
TIDIES = "gives back to the disk what archived bodies have left behind"
RAISES = "raises the shares of flows that are being rolled out"
RAMP_EVERY = timedelta(seconds=1)
ROOM_EVERY = timedelta(hours=1)
PRUNE_EVERY = timedelta(hours=1)
LOCKDOWNS = "tells of channels that a fatal error holds"
WATCHES = "finds locks whose holders are gone"
WATCH_EVERY = timedelta(seconds=10)
PROGRAM = "program"
"""In whose name flows are published that the program brings along."""


class Parts(Closing):
    """The parts of an application. ``Eventflow`` says what one does with them.

    Raises ``Misconfigured`` with every problem of what was said at once, ``Unavailable`` when the database is out of
    reach.
    """

    def __init__(
        self,
        settings: Settings,
        composition: Composition,
        *,
        masker: Masker,
        codec: Codec,
        clock: Callable[[], datetime],
        ids: Callable[[], UUID],
        resend_after: timedelta,
    ) -> None:
        composition.check()
        self.settings, self._said = settings, composition
        self.masker, self.clock, self._ids = masker, clock, ids
        self._network, self.telemetry = Network(), Telemetry(composition.listeners)
        self._name()
        self._open(codec)
        self._build_read_side()
        self._build_write_side()
        self._build_locks()
        self._build_archive()
        self.engine = self._engine(resend_after)
        self.ticks = self.engine.ticks
        self._publish(composition.flows)

    def _name(self) -> None:
        """What there is, by its names: aggregates, channels, reactions, the words of the log."""
        said, known, calls = self._said, self._said.known, self._said.calls
        self.aggregates = {one.category: one for one in said.aggregates}
        self.probes = {one.name: one for one in said.probes}
        channels = channels_of(said.channels)
        self._registry = Registry(said.processes, channels)
        self.channels = {name: channels.get(name) or Channel(name) for name in self._registry.channels}
        self._told = [*self._notifiers(), *said.notifiers]
        errands = errand_reactions(said.flow_tasks, self.aggregates, lambda: (self.repository, self._shelves))
        steps = routines(self._registry, self._registry.channels)
        self.routes = Routes([*known, *steps, *errands, *telling(self._told)])
        speaking = [*known, *calls, *acting(said.flow_tasks), *self._registry.called]
        self.vocabulary = Vocabulary.of((*said.aggregates, *SYSTEM), speaking)

    def _open(self, codec: Codec) -> None:
        self.database: Database = open_database(self.settings.database.get_secret_value())
        self._restored = Restored(self.database, codec)
        self._archived = Reader(Catalogue(self.database), self._restored, lambda: self.objects)
        self.log: Log = open_log(
            self.database,
            self.vocabulary,
            codec=codec,
            clock=self.clock,
            ids=self._ids,
            archive=self._archived,
            keyring=self._keyring(),
        )
        self._shelves = Shelves(self.log)
        self._binder = Binder(self._shelves, Repository(self.log), clock=self.clock)
        self.repository = Repository(
            self.log,
            snapshot_every=self.settings.snapshot_every,
            flows=self._binder,
            telemetry=self.telemetry,
        )
        self.repository.company = Kinship(self.repository, self._registry, clock=self.clock)

    def _build_read_side(self) -> None:
        said = self._said
        kept = [
            *(standard() if said.projections is None else said.projections),
            *([Lingering()] if said.probes else []),
            *([Running()] if said.processes else []),
        ]
        self.projections = Projections(self.database, self.log, kept)
        self.projections.create()
        self.items = Items(self.database, clock=self.clock)
        self.runs = Runs(self.database, clock=self.clock)
        self.stories = Stories(self.database, self.log)

    def _build_write_side(self) -> None:
        self.flows = flows_of(
            self.log,
            self.repository,
            self._shelves,
            self._binder,
            aggregates=self.aggregates,
            tasks=self._said.flow_tasks,
            works=self._said.works,
            masker=self.masker,
            subjects=self.items,
            seen=self._seen,
            clock=self.clock,
        )
        self.callbacks = Callbacks(
            self._said.calls,
            log=self.log,
            repository=self.repository,
            masker=self.masker,
            clock=self.clock,
            record_limit=self.settings.record_limit,
            lifetime=self.settings.key_lifetime,
        )
        self.processes = Processes(
            self._registry,
            log=self.log,
            repository=self.repository,
            clock=self.clock,
            ids=self._ids,
            masker=self.masker,
        )
        self._signals = Signals(self.log, self.repository, clock=self.clock)
        self._prober = Prober(self.log, self.repository, clock=self.clock, masker=self.masker, find=self._lingering)
        self.switches = Switches(self.log, self.repository, clock=self.clock)
        self.batches = self._batches()

    def _batches(self) -> Batches:
        with_runs = bool(self._said.processes)
        return Batches(
            self.database,
            self.log,
            self.repository,
            self.items,
            self.routes,
            aggregates={**self.aggregates, **({ProcessRun.category: ProcessRun} if with_runs else {})},
            seen=self._seen,
            runs=self._shelf_of_runs() if with_runs else None,
            clock=self.clock,
            ids=self._ids,
        )

    def _shelf_of_runs(self) -> Shelf:
        return Shelf(self.runs, lambda: self._seen(Running.name), self.processes.deeds.decision)

    def _build_locks(self) -> None:
        self.people = self._said.people
        self.incidents = Incidents(self.log, self.repository, self._told)
        leases = Leases(self.database)
        self.lockboard = Lockboard(
            self.log, self.repository, leases, self.switches, clock=self.clock, people=self.people
        )
        self.locks = self._locks(leases)
        self._lockdowns = Lockdowns(self.channels, self.log, self.incidents, self._fatal)
        self.commands = Commands(self._said.commands, self.locks, app=self, masker=self.masker)

    def _build_archive(self) -> None:
        self.archives = archives(
            self.database,
            self.log,
            self.repository,
            lambda: self.objects,
            self.vocabulary,
            clock=self.clock,
            ids=self._ids,
        )
        self.restorer = Restorer(
            self.database, self.log, self.repository, self._archived, self._restored, clock=self.clock
        )
        self.resealer = Resealer(
            self.database, self.log, self.repository, lambda: self.objects, clock=self.clock, ids=self._ids
        )
        self.eraser = Eraser(self.database, self.log, lambda: self.objects)

    def _engine(self, resend_after: timedelta) -> Engine:
        return Engine(
            self.settings,
            routes=self.routes,
            registry=self._registry,
            database=self.database,
            log=self.log,
            repository=self.repository,
            projections=self.projections,
            switches=self.switches,
            masker=self.masker,
            clock=self.clock,
            ids=self._ids,
            resend_after=resend_after,
            limits=self._said.limits,
            ticks=[*self._rhythms(), *self._said.ticks],
            archiving=self._archiving(),
            channels=self.channels,
            fatal=self._fatal,
            commands=self.commands,
            telemetry=self.telemetry,
        )

    def _publish(self, flows: Sequence[FlowDefinition]) -> None:
        try:
            if flows:
                self.flows.publish(*flows, actor=PROGRAM, reason="published with the program")
        except BaseException:
            self.close()
            raise

    def _rhythms(self) -> list[Tick]:
        """What the library itself does again and again, beside what goes with the relay."""
        return [
            Tick(name="batches", every=MOVE_EVERY, run=self.batches.step, purpose=MOVES, eager=True),
            Tick(name="rollouts", every=RAMP_EVERY, run=self.flows.ramps.step, purpose=RAISES),
            Tick(name="purge", every=PURGE_EVERY, run=self.restorer.expire, purpose=PURGES),
            Tick(name="keys", every=PRUNE_EVERY, run=lambda: self.log.keys.prune(self.clock()), purpose=PRUNES),
            Tick(name="lockdowns", every=WATCH_EVERY, run=self._lockdowns.watch, purpose=LOCKDOWNS),
            Tick(name="locks", every=self._watch_every(), run=self.locks.watch, purpose=WATCHES),
            *(self._probing(one) for one in self.probes.values()),
        ]

    def _watch_every(self) -> timedelta:
        return min(self.settings.lock_lease / 2, WATCH_EVERY)

    def _locks(self, leases: Leases) -> Locks:
        return Locks(
            self.repository,
            self.lockboard,
            leases,
            self.incidents,
            clock=self.clock,
            masker=self.masker,
            lease=self.settings.lock_lease,
            holder=f"{socket.gethostname()}:{os.getpid()}",
        )

    def _notifiers(self) -> list[Notifier]:
        settings = self.settings
        told = {
            LOCKDOWN: settings.notify_on_lockdown,
            STALE_LOCK: settings.notify_on_stale_lock,
            COMMAND_FAILED: settings.notify_on_error,
        }
        plain = {kind: [plainly(one) for one in some] for kind, some in told.items()}
        server = settings.mail_server.get_secret_value() if settings.mail_server else None
        app = (settings.app or "eventflow").partition(":")[0]
        return [*configured(plain, server=server, sender=settings.mail_from, app=app, network=self._network)]

    def _archiving(self) -> list[Tick]:
        """What takes its time, and has a thread of its own."""
        errand = Errand(ages=self.ages(), reason="they are old enough", context=SCHEDULER)
        return [
            Tick(
                name="archive",
                every=ARCHIVE_EVERY,
                run=lambda: self.archives.step(errand),
                purpose=ARCHIVES,
                eager=True,
            ),
            Tick(name="room", every=ROOM_EVERY, run=self.archives.tidy, purpose=TIDIES),
        ]

    def ages(self) -> Ages:
        """How old bodies have to be to leave the database, as the settings say."""
        return Ages(self.settings.archive_after, self.settings.archive_ages)

    def _probing(self, probe: Probe[Any]) -> Tick:
        def run() -> int:
            return len(self._prober.probe(probe).probed)

        purpose = f"{PROBES} {', '.join(probe.spelt)} for {probe.patience}"
        return Tick(name=f"probe-{probe.name}", every=probe.every, run=run, purpose=purpose)

    def _lingering(self, probe: Probe[Any], before: datetime, limit: int) -> list[UUID]:
        category, asked = probe.aggregate.category, Lingerers(self.database)
        return asked.since(category, probe.spelt, before, probe=probe.name, limit=limit)

    def _seen(self, projection: str = "current") -> int:
        """Up to which position the rows of a projection are right."""
        return next((one.position for one in self.projections.status() if one.name == projection), 0)

    def _fatal(self, channels: Sequence[str]) -> tuple[int, list[Fatal]]:
        """What the read side knows of runs that have stopped for good; the position first, the rows may be newer."""
        position = self._seen(Running.name)
        found = [run for channel in channels for run in self.runs.fatal(channel)]
        return position, [Fatal(run.id, run.process, run.channel, run.error) for run in found]

    def _keyring(self) -> Keyring:
        said, erasable = self.settings.master_key, self.vocabulary.erasable(usual=self.settings.erasable)
        try:
            return open_keyring(self.database, said.get_secret_value() if said else None, erasable)
        except BaseException:
            self.database.close()
            raise

    @cached_property
    def objects(self) -> Objects:
        """Where archives are kept; opened when first used."""
        return open_objects(self.settings.objects.get_secret_value())

    def close(self) -> None:
        """Close every connection this application holds."""
        self.engine.close()
        self._network.close()
        self._archived.close()
        self.database.close()
