"""Locks taken, kept alive, given back, found stale and cleared: one at a time for each key, whatever happens to whom.

Taking is one transaction: the lease in the table, by the database's clock, and ``Taken`` in the stream of the lock,
behind the version that was read. Of two who take at the same moment one finds another version and looks again. Holders
beat; who is silent for longer than its lease is followed by the next who wants the lock, with a higher token.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from eventflow.errors import (
    EventflowError,
    LockHeld,
    LockLost,
    Refused,
    Unavailable,
    VersionConflict,
)
from eventflow.model.event import Event
from eventflow.model.incident import COMMAND_FAILED, STALE_LOCK, Incident, Notice
from eventflow.model.lock import Began, Lock, WentWrong, lock_id
from eventflow.model.masking import Masker
from eventflow.model.plain import plain_error
from eventflow.model.recorded import Context
from eventflow.model.telling import facts_of, label
from eventflow.runtime.commands.ears import Lines
from eventflow.runtime.commands.holding import Held, Unlocked
from eventflow.runtime.commands.lockboard import Lockboard
from eventflow.runtime.heart import Heart
from eventflow.runtime.incidents import Incidents
from eventflow.runtime.repository import Repository
from eventflow.store.locks import Lease, Leases

log = logging.getLogger("eventflow.locks")

LONGEST_KEY = 200
TRIES = 100
"""Others that may be faster, one after the other, before somebody who wants to change a lock is told so."""

PAUSES = (0.05, 0.1, 0.2, 0.5)
"""Seconds between two tries to give a lock back while the database is away; the last one again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What is to be recorded of a run, and what is to be told of it."""

    words: Sequence[Event] = ()
    incident: Incident | None = None


class Locks:
    """The locks of one log; ``holder`` is what this process is called in them, ``lease`` how long silence is borne."""

    def __init__(
        self,
        repository: Repository,
        board: Lockboard,
        leases: Leases,
        incidents: Incidents,
        *,
        clock: Callable[[], datetime],
        masker: Masker,
        lease: timedelta,
        holder: str,
    ) -> None:
        self._repository, self.board, self._leases = repository, board, leases
        self._incidents, self._clock, self._masker = incidents, clock, masker
        self._lease, self._holder = lease, holder

    # -- what who needs a lock does --------------------------------------------------------------

    @contextmanager
    def hold(
        self, key: str, *, lease: timedelta | None = None, heed: bool = True, context: Context = Context()
    ) -> Iterator[Held]:
        """Hold a lock while the block runs; an exception that ends the block is recorded, and the lock given back.

        What operators have disabled is heeded unless told otherwise. Raises ``CommandDisabled``, ``LockHeld``,
        ``Unavailable``; and ``LockLost`` at the end of a block that went well though the lock was lost meanwhile.
        """
        if heed:
            self.board.refuse_disabled(key)
        lasts = lease or self._lease
        held = self._held(Held, key, self.take(key, lease=lasts, context=context), context)
        heart = Heart(lasts, held.beat, lambda: None)
        try:
            heart.go_on()
            yield held
        except BaseException as error:
            heart.end()
            self._give_back(held, lasts, self._failure(held, error), context)
            raise
        heart.end()
        if not self._give_back(held, lasts, End(words=held.last_words), context):
            lost = LockLost(key, held.token, "it was taken over or cleared before its block had ended")
            self._try_to_record(held, self._failure(held, lost), context)
            raise lost

    @contextmanager
    def pass_over(self, key: str, *, heed: bool = True, context: Context = Context()) -> Iterator[Held]:
        """Like ``hold``, without looking at the lock and without taking it; the run is recorded all the same."""
        if heed:
            self.board.refuse_disabled(key)
        _check(key)
        self._record(key, End(words=[Began(holder=self._holder, at=self._clock())]), context)
        held = self._held(Unlocked, key, self.board.get(key).token, context)
        try:
            yield held
        except BaseException as error:
            self._try_to_record(held, self._failure(held, error), context)
            raise
        self._record(key, End(words=held.last_words), context)

    def take(self, key: str, *, lease: timedelta | None = None, context: Context = Context()) -> int:
        """Take a lock and return its token; nobody beats for it. Raises ``LockHeld``, ``Refused``, ``Unavailable``.

        One whose holder is silent is taken over, and recorded as found stale.
        """
        _check(key)
        for _ in range(TRIES):
            lock, found = self.board.get(key), self._leases.get(lock_id(key))
            if found is not None and found.is_held and found.fresh:
                raise LockHeld(key, found.holder, found.taken_at, found.until)
            try:
                return self._take(lock, found, lease or self._lease, context)
            except VersionConflict:
                continue
        raise VersionConflict(lock_id(key), 0)

    def release(self, key: str, token: int, *, context: Context = Context()) -> bool:
        """Give a lock back; whether it was still held under this token. Raises ``Unavailable``."""
        return self._leave(key, token, Lock.release, End(), context)

    def beat(self, key: str, token: int) -> bool:
        """Prolong a lock; whether it is still held under this token. Raises ``Unavailable``."""
        return self._leases.beat(lock_id(key), token)

    def err(self, key: str, token: int, text: str, *, context: Context = Context()) -> None:
        """Record an error of a run that goes on. Raises ``Unavailable``."""
        self._record(key, End(words=[self._wrong(token, text)]), context)

    # -- what operators do -----------------------------------------------------------------------

    def clear(
        self, key: str, *, reason: str | None = None, force: bool = False, context: Context = Context()
    ) -> Lease | None:
        """Take a lock from whoever holds it; returns whose it was, or nothing when it was free.

        Raises ``LockHeld`` while its holder shows signs of life, unless ``force`` says that this does not matter;
        ``NotAllowed``.
        """
        self.board.check_manage(f"Clearing {key}", context.actor)
        for _ in range(TRIES):
            found = self._leases.get(lock_id(key))
            if found is None or not found.is_held:
                return None
            if found.fresh and not force:
                raise LockHeld(key, found.holder, found.taken_at, found.until)
            if self._leave(key, found.token, lambda lock: lock.clear(reason), End(), context):
                return found
        raise VersionConflict(lock_id(key), 0)

    def watch(self) -> int:
        """Look for holders that are silent, record that and have it told, once for each; returns how many."""
        return sum(self._notice(one) for one in self._leases.silent())

    # -- moving leases and streams together ------------------------------------------------------

    def _take(self, lock: Lock, found: Lease | None, lease: timedelta, context: Context) -> int:
        expected, news = lock.head.version, []
        if lock.is_held and not lock.noticed:
            news = self._find_stale(lock, found)
        token = lock.take(self._holder, self._clock(), lease)
        with self._leases.moving(lock.id, expected) as transaction:
            if not self._leases.take(transaction, lock.id, lock.key, token=token, holder=self._holder, lease=lease):
                raise VersionConflict(lock.id, expected)
            headers = self._repository.save_all_within(transaction, [lock, *news], context=context)
        self._repository.settled([lock, *news], headers)
        return token

    def _leave(self, key: str, token: int, leave: Callable[[Lock], object], end: End, context: Context) -> bool:
        """Free a lock that is held under this token; whether it was."""
        for _ in range(TRIES):
            lock = self.board.get(key)
            if not lock.is_held or lock.token != token:
                return False
            expected, news = lock.head.version, self._told_of(end, lock)
            for word in end.words:
                lock.record(word)
            leave(lock)
            try:
                with self._leases.moving(lock.id, expected) as transaction:
                    self._leases.free(transaction, lock.id, token)
                    headers = self._repository.save_all_within(transaction, [lock, *news], context=context)
            except VersionConflict:
                continue
            self._repository.settled([lock, *news], headers)
            return True
        raise VersionConflict(lock_id(key), 0)

    def _notice(self, found: Lease) -> bool:
        lock = self.board.get(found.key)
        if not lock.is_held or lock.token != found.token:
            return False
        expected, news = lock.head.version, self._find_stale(lock, found)
        try:
            with self._leases.moving(lock.id, expected) as transaction:
                if not self._leases.notice(transaction, lock.id, found.token):
                    return False  # it has beaten meanwhile, or somebody else was here
                headers = self._repository.save_all_within(transaction, [lock, *news])
        except VersionConflict:
            return False
        self._repository.settled([lock, *news], headers)
        return True

    def _find_stale(self, lock: Lock, found: Lease | None) -> list[Notice]:
        silent_since = found.beat_at if found is not None else None
        incident = _stale(lock, found, self._clock())
        lock.find_stale(silent_since)
        log.warning("[%s] %s", lock.key, incident.text)
        return self._incidents.notices(incident)

    # -- what is recorded of runs ----------------------------------------------------------------

    def _held(self, kind: type[Held], key: str, token: int, context: Context) -> Held:
        return kind(
            key,
            token,
            beat=lambda: self.beat(key, token),
            err=lambda text: self.err(key, token, text, context=context),
            lines=Lines(self._clock, self._masker),
        )

    def _record(self, key: str, end: End, context: Context) -> None:
        """Facts that move no lease."""
        if not end.words:
            return
        for _ in range(TRIES):
            lock = self.board.get(key)
            news = self._told_of(end, lock)
            for word in end.words:
                lock.record(word)
            try:
                self._repository.save(lock, *news, context=context)
            except VersionConflict:
                continue
            return
        raise VersionConflict(lock_id(key), 0)

    def _give_back(self, held: Held, lease: timedelta, end: End, context: Context) -> bool:
        """Free a lock, also if the database is away for a while; whether it was held until now.

        Beyond its lease there is nothing to give back: it is over by itself.
        """
        over, pauses = time.monotonic() + lease.total_seconds(), iter(PAUSES)
        while True:
            try:
                if self._leave(held.key, held.token, Lock.release, end, context):
                    return True
                if end.incident is not None:
                    self._record(held.key, end, context)
                return False
            except Unavailable as error:
                pause = next(pauses, PAUSES[-1])
                if time.monotonic() + pause >= over:
                    log.warning("[%s] The lock cannot be given back, its lease runs out instead: %s", held.key, error)
                    return True
                time.sleep(pause)

    def _try_to_record(self, held: Held, end: End, context: Context) -> None:
        """Of a run whose error is on its way to the caller, which must not be hidden by another one."""
        try:
            self._record(held.key, end, context)
        except EventflowError as error:
            log.warning("[%s] What the run came to cannot be recorded: %s", held.key, error)

    def _failure(self, held: Held, error: BaseException) -> End:
        if isinstance(error, SystemExit) and not error.code:
            return End(words=held.last_words)
        facts = facts_of(error, self._masker)
        word = self._wrong(held.token, label(facts)).model_copy(
            update={
                "type": facts["type"],
                "traceback": facts["traceback"],
                "lines": held.lines.all(),
                "dropped": held.lines.dropped,
            }
        )
        log.error("[%s] %s", held.key, word.text)
        return End(words=[word], incident=_failed(held, word))

    def _wrong(self, token: int, text: str) -> WentWrong:
        return WentWrong(token=token, at=self._clock(), text=plain_error(self._masker.text(text)))

    def _told_of(self, end: End, lock: Lock) -> list[Notice]:
        if end.incident is None:
            return []
        # A command that fails every minute is one incident, until it goes well.
        since = lock.runs if lock.failing_since is None else lock.failing_since
        return self._incidents.notices(end.incident.model_copy(update={"key": f"{lock.key}/{since}"}))


def _check(key: str) -> None:
    if not key.strip() or key != plain_error(key, LONGEST_KEY):
        raise Refused(
            f"{key!r} is no key for a lock: wanted is a line of text with at most {LONGEST_KEY} characters,"
            ' such as "import-invoices".'
        )


def _stale(lock: Lock, found: Lease | None, now: datetime) -> Incident:
    who = lock.holder or "somebody"
    since = f" since {found.beat_at:%Y-%m-%d %H:%M:%S} UTC" if found is not None else ""
    errors = "".join(f"\n{one.at:%Y-%m-%d %H:%M:%S} {one.text}" for one in (*lock.earlier, *lock.mishaps))
    return Incident(
        kind=STALE_LOCK,
        key=f"{lock.key}/{lock.token}",
        subject=f"{lock.key} is LOCKED",
        text=(
            f"{who} holds the lock and has given no sign of life{since}, which is longer than its lease."
            f" The next run takes it over; to free it now: eventflow locks clear {lock.key}"
            + (f"\n\nIts last errors:{errors}" if errors else "")
        ),
        at=now,
        facts={"lock": lock.key, "token": str(lock.token), "holder": who},
    )


def _failed(held: Held, word: WentWrong) -> Incident:
    return Incident(
        kind=COMMAND_FAILED,
        key=held.key,
        subject=f"{held.key} failed",
        text=word.text,
        at=word.at,
        facts={"lock": held.key, "token": str(held.token), "type": word.type},
    )
