"""The keys of streams: one for each whose bodies are enciphered, until it is destroyed.

A key is on the disk before the first body it is for. Unwrapped keys are kept for a while, in a bounded number. They
are used for bodies that were just read from the database, where no body outlives its key; for those from elsewhere
the table is asked each time.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import NamedTuple
from uuid import UUID

from eventflow.errors import Misconfigured, Refused
from eventflow.model.recorded import Header
from eventflow.store import ciphers, masters
from eventflow.store.coalescer import Coalescer
from eventflow.store.database import Database, Transaction
from eventflow.store.masters import Masters, Wrapped
from eventflow.store.recorder import COLUMNS
from eventflow.store.statements import Statements

KEPT = 10_000
"""Unwrapped keys that are kept."""

LASTS = 300.0
"""Seconds for which they are."""

SOME = 500
"""Keys that are wrapped anew, or made, in one transaction."""

NAMED = 5
"""Segments that are named in a message, at most."""


class Gone(Exception):  # not of the tree: the log knows what there is to say of it
    """The key of this stream was destroyed."""

    def __init__(self, stream: UUID) -> None:
        self.stream = stream
        super().__init__(f"the key of stream {stream} was destroyed")


class Amount(NamedTuple):
    """What there is of a stream: bodies in the database, in segments, and copies of those."""

    hot: int
    archived: int
    copies: int


class _Kept(NamedTuple):
    key: bytes
    until: float


class _Row(NamedTuple):
    stream: UUID
    master: str | None
    key: bytes | None
    position: int | None


class Keyring:
    """The keys of one log. Holds unwrapped ones; safe in threads.

    ``categories`` are those whose bodies are enciphered; ``find`` brings the master keys, when they are first needed.
    """

    def __init__(
        self, database: Database, find: Callable[[], Masters | None] = lambda: None, categories: Iterable[str] = ()
    ) -> None:
        self._database, self._find = database, find
        self.categories = frozenset(categories)
        statements = Statements("eventflow.store", database.dialect, "stream_keys.sql")
        self._sql = {name: text.replace("{columns}", COLUMNS) for name, text in statements.items()}
        self._kept: OrderedDict[UUID, _Kept] = OrderedDict()
        self._mutex = Lock()
        self._making: Coalescer[Mapping[UUID, str], None] = Coalescer(self._make, limit=SOME)

    # -- for those who append

    def provide(
        self, streams: Mapping[UUID, str], begun: Iterable[UUID] = (), transaction: Transaction | None = None
    ) -> dict[UUID, bytes]:
        """The keys of streams (with their categories), made where there are none; ``begun`` are new for sure.

        Within a ``transaction`` of the caller if there is one. Raises ``Gone``, ``Misconfigured``.
        """
        near = {stream: key for stream in streams if (key := self._near(stream)) is not None}
        far = [stream for stream in streams if stream not in near]
        new = set(begun)
        found = self.fetch([stream for stream in far if stream not in new])
        missing = {stream: streams[stream] for stream in far if stream not in found}
        if missing:
            found |= self._made(missing, transaction)
        return near | {stream: _alive(stream, key) for stream, key in found.items()}

    # -- for those who read

    def key(self, stream: UUID) -> bytes | None:
        """The key of a stream whose body is at hand, if it has one. Raises ``Gone``, ``Misconfigured``."""
        return self._near(stream) or self.fresh(stream)

    def fresh(self, stream: UUID) -> bytes | None:
        """The same, as the database has it now."""
        found = self.fetch([stream])
        return _alive(stream, found[stream]) if stream in found else None

    def fetch(self, streams: Sequence[UUID]) -> dict[UUID, bytes | None]:
        """The keys of streams that have or had one, as the database has them now; None where it was destroyed."""
        return self._unwrapped(self._database.query(*self._asked("find", streams))) if streams else {}

    def erasures(self, streams: Sequence[UUID]) -> dict[UUID, Header]:
        """The header that says so of each of these streams that was erased."""
        found = self._database.query(*self._asked("erasures", streams)) if streams else []
        return {header.stream: header for header in map(Header._make, found)}

    def has(self, stream: UUID) -> bool:
        """Whether a stream has a key, or had one."""
        return bool(self._database.query(*self._asked("find", [stream])))

    # -- for those who encipher what was appended in plain

    def lasting(self, streams: Mapping[UUID, str]) -> dict[UUID, bytes | None]:
        """The keys of streams (with their categories) as they are on the disk, made where there are none.

        None for one that was erased. What is enciphered with them may be the only copy there is.
        """
        found: dict[UUID, bytes | None] = {}
        ids = sorted(streams)
        for start in range(0, len(ids), SOME):
            found |= self._lasting({id: streams[id] for id in ids[start : start + SOME]})
        return found

    def _lasting(self, streams: Mapping[UUID, str]) -> dict[UUID, bytes | None]:
        found = self.fetch(list(streams))
        missing = {stream: category for stream, category in streams.items() if stream not in found}
        if missing:
            with self._database.transaction() as transaction:
                self._insert(transaction, missing)
            found |= self.fetch(list(missing))
        return found

    # -- for those who erase

    def alone(self, transaction: Transaction) -> None:
        """Until the end of the transaction nobody moves bodies about; what is overwritten is, until ``done``."""
        transaction.execute(self._sql["alone"])

    def done(self, transaction: Transaction) -> None:
        """Nothing more is overwritten that has to be gone."""
        transaction.execute(self._sql["done"])

    def beside(self, transaction: Transaction, streams: Sequence[UUID] = ()) -> set[UUID]:
        """Until the end of the transaction nothing is erased; which of these streams were before."""
        transaction.execute(self._sql["beside"])
        rows = transaction.execute(*self._asked("find", streams)) if streams else []
        return {row.stream for row in map(_Row._make, rows) if row.position is not None}

    def destroy(self, transaction: Transaction, header: Header) -> None:
        """Let go of the key of a stream and of all that the database has of its bodies.

        ``header`` says so, and keeps its own body. Raises ``Refused`` when segments hold bodies without a cipher.
        """
        stream, position = {"stream": header.stream}, {"position": header.position}
        told = {"category": header.category, "erased_at": header.recorded_at}
        transaction.execute(self._sql["destroy"], {**stream, **position, **told})
        transaction.execute(self._sql["drop_bodies"], {**stream, **position})
        transaction.execute(self._sql["drop_copies"], stream)
        transaction.execute(self._sql["drop_snapshot"], stream)
        self.done(transaction)
        # Only now: whoever was about to move some of them has ended.
        self._refuse_bare(header, transaction.execute(*self._bare(header)))

    def refuse_bare(self, head: Header) -> None:
        """Raises ``Refused`` when segments hold bodies of a stream without a cipher; what was replaced can go."""
        self._refuse_bare(head, [row for row in self._database.query(*self._bare(head)) if row[1] != "replaced"])

    def settle(self) -> None:
        """Have what was overwritten leave the files of the database, as far as that can be said to it."""
        self._database.maintain(self._sql["settle"])

    def forget(self, stream: UUID) -> None:
        """Keep the key of a stream no longer."""
        with self._mutex:
            self._kept.pop(stream, None)

    def amount(self, stream: UUID) -> Amount:
        """What there is of a stream."""
        return Amount(*map(int, self._database.query(self._sql["amount"], {"stream": stream})[0]))

    # -- for those who keep master keys

    @cached_property
    def masters(self) -> Masters:
        """The master keys. Raises ``Misconfigured`` when there are none, or not all that are in use."""
        found = self._find()
        if found is None:
            raise Misconfigured(
                "Bodies of this log are enciphered, and there is no master key. Say one in EVENTFLOW_MASTER_KEY:"
                f" {masters.WANTED}."
            )
        lost = [name for name in self.in_use() if name not in found.names]
        if lost:
            raise masters.unknown(lost[0])
        return found

    def check(self) -> None:
        """Raises ``Misconfigured`` when there are no master keys, or not all that are in use."""
        _ = self.masters

    def in_use(self) -> Iterator[str]:
        """The master keys that wrap something."""
        name = ""
        while (found := self._database.query(self._sql["master_after"], {"after": name})[0][0]) is not None:
            yield (name := str(found))

    def standing(self) -> dict[str, int]:
        """How many keys each master key wraps; under no name, how many streams were erased."""
        return {str(name): int(count) for name, count in self._database.query(self._sql["standing"])}

    def rewrap(self) -> Iterator[int]:
        """Wrap by the first master key what others wrap; how many keys each transaction came to."""
        after, current = UUID(int=0), self.masters.current
        while stale := self._database.query(self._sql["stale"], {"after": after, "current": current, "limit": SOME}):
            with self._database.transaction() as transaction:
                done = sum(self._rewrapped(transaction, UUID(str(row[0])), str(row[1]), row[2]) for row in stale)
            yield done
            after = UUID(str(stale[-1][0]))

    def _rewrapped(self, transaction: Transaction, stream: UUID, master: str, key: bytes) -> bool:
        opened = self.masters.unwrap(stream, Wrapped(master, bytes(key)))
        new = self.masters.wrap(stream, opened)
        return bool(transaction.execute(self._sql["rewrap"], {"stream": stream, "before": master, **new._asdict()}))

    # -- how

    def _near(self, stream: UUID) -> bytes | None:
        with self._mutex:
            kept = self._kept.get(stream)
            if kept is None or kept.until < time.monotonic():
                return None
            self._kept.move_to_end(stream)
            return kept.key

    def _keep(self, stream: UUID, key: bytes) -> None:
        with self._mutex:
            self._kept[stream] = _Kept(key, time.monotonic() + LASTS)
            self._kept.move_to_end(stream)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    def _make(self, batch: Sequence[Mapping[UUID, str]]) -> list[None]:
        # We outlive a server that crashes, and would go on with a key that it has lost. A file loses something with the
        # whole machine only: nobody is left to use the key then, and the commit of a body forces it to the disk.
        with self._database.transaction(derived=self._database.file is not None) as transaction:
            for streams in batch:
                self._insert(transaction, streams)
        return [None for _ in batch]

    def _insert(self, transaction: Transaction, streams: Mapping[UUID, str]) -> None:
        # In one order, so that two who begin the same streams never wait for each other in a circle.
        for stream, category in sorted(streams.items()):
            wrapped = self.masters.wrap(stream, ciphers.new_key())
            transaction.execute(self._sql["keep"], {"stream": stream, "category": category, **wrapped._asdict()})

    def _made(self, missing: Mapping[UUID, str], transaction: Transaction | None) -> dict[UUID, bytes | None]:
        if transaction is None:
            self._making.submit(missing, len(missing))
            return self.fetch(list(missing))
        self._insert(transaction, missing)
        found = self._unwrapped(transaction.execute(*self._asked("find", list(missing))))
        # Until it is committed this key is nobody's: a transaction that is rolled back takes it along.
        for stream in found:
            self.forget(stream)
        return found

    def _unwrapped(self, rows: Sequence[tuple[object, ...]]) -> dict[UUID, bytes | None]:
        return {row.stream: self._opened(row) for row in map(_Row._make, rows)}

    def _opened(self, row: _Row) -> bytes | None:
        if row.key is None or row.master is None:
            self.forget(row.stream)
            return None
        key = self.masters.unwrap(row.stream, Wrapped(row.master, bytes(row.key)))
        self._keep(row.stream, key)
        return key

    def _bare(self, head: Header) -> tuple[str, dict[str, object]]:
        return self._sql["bare_in_segments"], {"stream": head.stream, "category": head.category}

    def _refuse_bare(self, head: Header, bare: Sequence[tuple[object, ...]]) -> None:
        if bare:
            raise Refused(_survivors(head, bare))

    def _asked(self, statement: str, streams: Sequence[UUID]) -> tuple[str, dict[str, object]]:
        asked: object = list(streams)
        if self._database.dialect == "sqlite":
            asked = json.dumps(streams, default=str)
        return self._sql[statement], {"streams": asked}


def _alive(stream: UUID, key: bytes | None) -> bytes:
    if key is None:
        raise Gone(stream)
    return key


def open_keyring(database: Database, said: str | None = None, categories: Iterable[str] = ()) -> Keyring:
    """The keys of a log, of whose ``categories`` the bodies are enciphered; ``said`` is what the setting says.

    Raises ``Misconfigured``, before anything is read or written, when there are such categories and no cipher, no
    master key, or not all that are in use.
    """
    erasable = frozenset(categories)
    keyring = Keyring(database, lambda: master_keys(database, said, make=bool(erasable)), erasable)
    if erasable:
        ciphers.check()
        keyring.check()
    return keyring


def master_keys(database: Database, said: str | None, *, make: bool = False) -> Masters | None:
    """Those that a setting says, or the one beside the file of a database; one can be made there if there is none.

    Those of a database in memory end with it. Nothing for one on a server. Raises ``Misconfigured``.
    """
    if said is not None:
        try:
            return Masters.read(said)
        except ValueError as error:
            raise Misconfigured(f"EVENTFLOW_MASTER_KEY: {error}") from error
    if database.file is None:
        return None
    if not database.file:
        return Masters([ciphers.new_key()])
    return _beside(database, Path(f"{database.file}.key"), make=make)


def _beside(database: Database, path: Path, *, make: bool) -> Masters | None:
    if not path.exists():
        _refuse_a_second(database, path)
        if not make:
            return None
        masters.make(path)
    return Masters.kept_in(path)


def _refuse_a_second(database: Database, path: Path) -> None:
    lost = next(Keyring(database).in_use(), None)
    if lost is not None:
        raise Misconfigured(
            f"{path} is gone: it held the master key {lost}, without which the keys of this log do not open. Put it"
            " back from a copy, or say the key in EVENTFLOW_MASTER_KEY."
        )


def _survivors(head: Header, bare: Sequence[tuple[object, ...]]) -> str:
    keys = list(dict.fromkeys(str(key) for key, *_ in bare))
    amount = sum(int(str(count)) for *_, count in bare)
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    what = f"{amount} of its bodies would" if amount else "Words of it may stand in a dictionary, and would"
    return (
        f"{head.category} {head.stream} cannot be erased: it was archived before its class was erasable. {what} stay"
        f" readable in {', '.join(keys[:NAMED])}{more}. Nothing was erased. Have them written anew, and say it again:"
        f" eventflow archive reseal --category {head.category}"
    )
