"""The catalogue of the archive: ranges that one has at a time, and where each body lies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from uuid import UUID, uuid4

import pytest

from eventflow.store.archive.catalogue import Catalogue, Laid, Sealing, State, Totals
from eventflow.store.archive.frames import Dictionary
from eventflow.store.database import Database

LEASE = timedelta(minutes=10)
OVER = timedelta(seconds=-1)
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def catalogue(database: Database) -> Catalogue:
    return Catalogue(database)


def begin(catalogue: Catalogue, lo: int, hi: int, *, lease: timedelta = LEASE) -> UUID | None:
    id = uuid4()
    is_mine = catalogue.claim(id, f"2026/01/02/{id}.zip", lo, hi, lease=lease, actor="ann", reason="old")
    return id if is_mine else None


def begun(catalogue: Catalogue, lo: int, hi: int, *, lease: timedelta = LEASE) -> UUID:
    id = begin(catalogue, lo, hi, lease=lease)
    assert id is not None
    return id


def sealing(laid: list[Laid]) -> Sealing:
    events = sum(one.last - one.first + 1 for one in laid)
    return Sealing(NOON, events, len(laid), 1000, 4000, b"o" * 32, b"m" * 32, b"d" * 32)


def seal(database: Database, catalogue: Catalogue, id: UUID, laid: list[Laid]) -> bool:
    with database.transaction() as transaction:
        return catalogue.seal(transaction, id, sealing(laid), laid)


def a_run(stream: UUID, first: int, last: int, start: int = 0) -> Laid:
    return Laid(stream, first, last, start, 100, 300, b"s" * 32)


def test_a_range_has_one_owner_at_a_time(catalogue: Catalogue) -> None:
    begun(catalogue, 1, 100)

    assert begin(catalogue, 100, 200) is None
    assert begin(catalogue, 50, 60) is None
    assert begin(catalogue, 101, 200) is not None


def test_of_many_who_want_a_range_at_once_one_gets_it(catalogue: Catalogue) -> None:
    together = Barrier(8)

    def want(_: int) -> bool:
        together.wait()
        return begin(catalogue, 1, 100) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(want, range(8))) == 1


def test_a_range_is_free_again_once_it_is_sealed_or_given_up(database: Database, catalogue: Catalogue) -> None:
    sealed, given_up = begun(catalogue, 1, 100), begun(catalogue, 101, 200)
    assert seal(database, catalogue, sealed, [])
    assert catalogue.retire(given_up)

    # The bodies of other categories may still be hot.
    assert begin(catalogue, 1, 200) is not None


def test_a_lease_that_ran_out_is_fenced_before_anything_is_removed(database: Database, catalogue: Catalogue) -> None:
    slow, stream = begun(catalogue, 1, 100, lease=OVER), uuid4()

    assert catalogue.retire_lost() == 1

    assert not catalogue.extend(slow, LEASE)
    assert not seal(database, catalogue, slow, [a_run(stream, 1, 3)])
    assert catalogue.holding(stream, 1) is None
    assert begin(catalogue, 1, 100) is not None


def test_a_lease_that_ran_out_seals_nothing_even_if_nobody_noticed(database: Database, catalogue: Catalogue) -> None:
    slow = begun(catalogue, 1, 100, lease=OVER)

    assert not seal(database, catalogue, slow, [])
    assert not catalogue.extend(slow, LEASE)


def test_an_extended_lease_is_not_taken_away(catalogue: Catalogue) -> None:
    id = begun(catalogue, 1, 100)

    assert catalogue.extend(id, LEASE)

    assert catalogue.retire_lost() == 0


def test_what_is_sealed_can_neither_be_retired_nor_forgotten(database: Database, catalogue: Catalogue) -> None:
    id = begun(catalogue, 1, 100)
    assert seal(database, catalogue, id, [])

    assert not catalogue.retire(id)
    assert not catalogue.forget(id)
    assert not seal(database, catalogue, id, [])


def test_what_is_on_its_way_out_is_known_until_it_is_forgotten(catalogue: Catalogue) -> None:
    id = begun(catalogue, 1, 100)
    catalogue.retire(id)
    [archive] = catalogue.unfinished()

    assert (archive.id, archive.state) == (id, State.RETIRED)
    assert catalogue.is_known(archive.key)
    assert catalogue.forget(id)
    assert not catalogue.is_known(archive.key)
    assert catalogue.get(id) is None


def test_a_sealed_segment_says_what_it_is(database: Database, catalogue: Catalogue) -> None:
    id = begun(catalogue, 1, 100)
    seal(database, catalogue, id, [a_run(uuid4(), 1, 3), a_run(uuid4(), 2, 2, 100)])

    archive = catalogue.get(id)

    assert archive is not None
    assert (archive.state, archive.lo, archive.hi, archive.events, archive.members) == (State.SEALED, 1, 100, 4, 2)
    assert (archive.actor, archive.reason, archive.sealed_at) == ("ann", "old", NOON)
    assert (archive.sha256, archive.manifest, archive.dictionary) == (b"o" * 32, b"m" * 32, b"d" * 32)
    assert catalogue.totals() == Totals(1, 4, 2, 1000, 4000)
    assert catalogue.last_sealed() == archive
    assert list(catalogue.sealed()) == [archive]


def test_one_look_finds_where_a_version_lies(database: Database, catalogue: Catalogue) -> None:
    id, stream = begun(catalogue, 1, 100), uuid4()
    seal(database, catalogue, id, [a_run(stream, 1, 3), a_run(stream, 5, 9, 100)])

    place = catalogue.holding(stream, 7)

    assert place is not None
    assert (place.archive, place.first, place.last, place.start, place.length) == (id, 5, 9, 100, 100)
    assert place.key.endswith(f"{id}.zip")
    assert place.dictionary == b"d" * 32
    assert [one is not None for one in map(catalogue.holding, [stream] * 5, [0, 3, 4, 9, 10])] == [
        False, True, False, True, False,
    ]  # fmt: skip


def test_the_places_of_a_stream_come_in_order(database: Database, catalogue: Catalogue) -> None:
    later, earlier, stream = begun(catalogue, 1, 100), begun(catalogue, 101, 200), uuid4()
    seal(database, catalogue, later, [a_run(stream, 4, 6)])
    seal(database, catalogue, earlier, [a_run(stream, 1, 3)])

    assert [(one.first, one.archive) for one in catalogue.places(stream, 1, 99)] == [(1, earlier), (4, later)]
    assert [one.first for one in catalogue.places(stream, 3, 3)] == [1]
    assert catalogue.places(stream, 7, 99) == []


def test_many_members_and_segments_are_read_some_at_a_time(database: Database, catalogue: Catalogue) -> None:
    runs = [a_run(uuid4(), 1, 1, start) for start in range(1200)]
    seal(database, catalogue, id := begun(catalogue, 1, 2000), runs)

    assert [place.stream for place in catalogue.places_of(id)] == [run.stream for run in runs]
    assert list(catalogue.places_of(uuid4())) == []


def test_segments_are_found_by_range(database: Database, catalogue: Catalogue) -> None:
    ids = [begun(catalogue, lo, lo + 9) for lo in (10, 20, 30)]
    for id in ids:
        seal(database, catalogue, id, [])

    assert [one.id for one in catalogue.sealed_within(19, 20)] == ids[:2]
    assert [one.id for one in catalogue.sealed()] == ids
    assert catalogue.sealed_within(40, 99) == []


def test_a_dictionary_is_kept_once_with_whose_words_are_in_it(database: Database, catalogue: Catalogue) -> None:
    words = Dictionary(b"words")
    for sources in (["order"], ["order", "invoice"]):
        with database.transaction() as transaction:
            catalogue.keep_dictionary(transaction, words, sources)

    assert catalogue.dictionary(words.sha256) == b"words"
    assert catalogue.sources(words.sha256) == {"invoice", "order"}
    assert catalogue.dictionary(b"e" * 32) is None
    assert catalogue.sources(b"e" * 32) == set()
