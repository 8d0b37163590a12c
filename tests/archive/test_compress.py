"""Old bodies leave the database: all of them or none, once, whoever is about it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from threading import Barrier
from uuid import UUID

import pytest

from eventflow.errors import DamagedBody, NotFound, Unavailable
from eventflow.model.archive import Deed, Operation
from eventflow.model.recorded import Context
from eventflow.runtime.archiving.ages import Ages
from eventflow.runtime.archiving.compress import Compressed, Compressor, Errand
from eventflow.store.archive.catalogue import Catalogue, State
from eventflow.store.archive.segment import Segment
from eventflow.store.archive.selection import Selection
from eventflow.store.objects import Objects
from tests.archive.words import NOW, Invoice, Noted, Order, Shop

ALL_NOW = Errand(ages=NOW)


def compress(shop: Shop, errand: Errand = ALL_NOW, **said: object) -> list[Compressed]:
    shop.clock.forward(seconds=1)
    return list(shop.compressor(**said).run(errand))


def keys(objects: Objects) -> list[str]:
    return list(objects.list())


def test_what_leaves_is_in_one_object_and_not_in_the_database(shop: Shop) -> None:
    streams = shop.orders(3)

    [done] = compress(shop)

    assert (done.events, done.left) == (9, [])
    assert keys(shop.objects) == [done.key]
    assert not any(any(shop.is_hot(stream)) for stream in streams)
    with Segment(BytesIO(shop.objects.get(done.key))) as segment:
        found = {(row.header.stream, row.header.version) for row in segment.rows()}
    assert found == {(stream, version) for stream in streams for version in (1, 2, 3)}


def test_headers_stay(shop: Shop) -> None:
    stream = shop.order()
    before = shop.log.headers(stream)

    compress(shop)

    assert shop.log.headers(stream) == before


def test_the_catalogue_finds_every_body(shop: Shop) -> None:
    stream = shop.order(notes=9)

    [done] = compress(shop)

    place = Catalogue(shop.database).holding(stream, 7)
    assert place is not None
    assert (place.archive, place.key) == (done.id, done.key)


def test_loading_what_left_opens_no_archive(shop: Shop) -> None:
    stream = shop.order()
    compress(shop)
    shop.objects.delete(keys(shop.objects)[0])

    [order] = shop.repository.get_each([(Order, stream)])
    order.record(Noted(note="later"))
    shop.repository.save(order)

    for again in (shop.repository.get(Order, stream), shop.repository.get(Order, stream, version=4)):
        assert (again.note, again.version) == ("later", 4)


def test_bodies_that_left_are_read_as_before(shop: Shop) -> None:
    streams = shop.orders(5, notes=4)
    before = shop.bodies(streams)

    compress(shop)

    assert shop.bodies(streams) == before
    for stream in streams:
        shop.log.verify(stream)


def test_what_is_young_stays(shop: Shop) -> None:
    old = shop.order()
    shop.clock.forward(days=3)
    young = shop.order()

    [done] = compress(shop, Errand())

    assert done.events == 3
    assert (any(shop.is_hot(old)), all(shop.is_hot(young))) == (False, True)


def test_a_category_may_have_an_age_of_its_own_or_stay_for_ever(shop: Shop) -> None:
    order, invoice = shop.order(), shop.order(kind=Invoice)
    shop.clock.forward(hours=2)

    assert compress(shop, Errand(ages=Ages(others={"invoice": timedelta(hours=1)})))[0].events == 3
    assert compress(shop, Errand(ages=Ages(timedelta(0), {"order": None}))) == []
    assert (all(shop.is_hot(order)), any(shop.is_hot(invoice))) == (True, False)


def test_a_stream_a_category_a_stretch_and_one_event_can_be_chosen(shop: Shop) -> None:
    first, second, invoice = shop.order(), shop.order(), shop.order(kind=Invoice)

    assert compress(shop, Errand(Selection(stream=first), NOW))[0].events == 3
    assert compress(shop, Errand(Selection(category="invoice"), NOW))[0].events == 3
    position = shop.log.headers(second)[1].position
    assert compress(shop, Errand(Selection(lo=position, hi=position), NOW))[0].events == 1
    assert shop.is_hot(second) == [True, False, True]
    assert compress(shop)[0].events == 2
    assert not any(any(shop.is_hot(stream)) for stream in (first, second, invoice))


def test_a_dry_run_counts_and_changes_nothing(shop: Shop) -> None:
    streams = shop.orders(4)
    shop.clock.forward(seconds=1)

    ready = shop.compressor().ready(ALL_NOW)

    assert (ready.events, ready.streams) == (12, 4)
    assert ready.freed > 0
    assert all(all(shop.is_hot(stream)) for stream in streams)


def test_a_second_run_finds_nothing_left(shop: Shop) -> None:
    shop.orders(2)

    assert len(compress(shop)) == 1
    assert compress(shop) == []


def test_much_becomes_several_segments_that_follow_each_other(shop: Shop) -> None:
    shop.orders(10)

    done = compress(shop, many=7)

    assert [one.events for one in done] == [7, 7, 7, 7, 2]
    archives = list(Catalogue(shop.database).sealed())
    for before, after in pairwise(archives):
        with Segment(BytesIO(shop.objects.get(after.key))) as segment:
            assert segment.manifest.before == (before.manifest or b"").hex()


def test_too_little_waits_for_more(shop: Shop) -> None:
    shop.orders(2)
    shop.clock.forward(seconds=1)

    assert list(shop.compressor().run(ALL_NOW, least=7)) == []
    shop.orders(1)
    shop.clock.forward(seconds=1)
    assert [one.events for one in shop.compressor().run(ALL_NOW, least=7)] == [9]


def test_what_waited_for_a_day_leaves_however_little_it_is(shop: Shop) -> None:
    shop.orders(1)
    shop.clock.forward(days=1, seconds=2)

    assert [one.events for one in shop.compressor().run(ALL_NOW, least=7)] == [3]


def test_it_is_recorded_who_did_it_when_and_why(shop: Shop) -> None:
    shop.order()

    [done] = compress(shop, Errand(ages=NOW, reason="old", context=Context(actor="ann")))

    told = shop.repository.get(Operation, done.id)
    assert (told.status, told.bodies, told.key, told.reason) == (Deed.COMPRESSED, 3, done.key, "old")
    header = shop.log.head(done.id)
    assert header is not None
    assert (header.actor, header.recorded_at) == ("ann", shop.clock())
    assert compress(shop) == []


def test_a_damaged_body_stays_and_is_named_and_the_others_leave(shop: Shop) -> None:
    stream, other = shop.order(), shop.order()
    position = shop.log.headers(stream)[1].position
    with shop.database.transaction() as transaction:
        transaction.execute(f"UPDATE bodies SET state = '' WHERE position = {position}")

    [done] = compress(shop)

    assert any(one.position == position for one in done.left)
    assert not any(shop.is_hot(other))


def test_a_stream_that_nobody_can_read_stays_whole(shop: Shop) -> None:
    stream, other = shop.order(), shop.order()
    with shop.database.transaction() as transaction:
        transaction.execute(f"UPDATE events SET category = 'unknown' WHERE stream = '{stream}'")

    [done] = compress(shop)

    assert {one.stream for one in done.left} == {stream}
    assert (all(shop.is_hot(stream)), any(shop.is_hot(other))) == (True, False)


class Faulty:
    """Objects of which one does not come about."""

    def __init__(self, objects: Objects, *, full: bool) -> None:
        self._objects, self._full = objects, full

    def __getattr__(self, name: str) -> object:
        return getattr(self._objects, name)

    def send(self, key: str, file: Path) -> None:
        """Fails, or keeps something else."""
        if self._full:
            raise Unavailable("objects", "no room")
        self._objects.put(key, file.read_bytes()[:-1])


@pytest.mark.parametrize("full", [True, False])
def test_nothing_leaves_unless_its_object_is_whole(shop: Shop, full: bool) -> None:
    streams, objects = shop.orders(2), shop.objects
    shop.objects = Faulty(objects, full=full)  # type: ignore[assignment]  # all but one of its methods are there

    with pytest.raises(Unavailable if full else DamagedBody):
        compress(shop)

    assert all(all(shop.is_hot(stream)) for stream in streams)
    assert keys(objects) == []
    assert Catalogue(shop.database).unfinished() == []
    shop.objects = objects
    assert compress(shop)[0].events == 6


def test_who_took_longer_than_the_lease_seals_nothing(shop: Shop) -> None:
    streams = shop.orders(2)

    assert compress(shop, lease=timedelta(seconds=-1)) == []

    assert all(all(shop.is_hot(stream)) for stream in streams)
    assert (keys(shop.objects), Catalogue(shop.database).unfinished()) == ([], [])


def test_what_a_killed_one_left_behind_is_removed(shop: Shop) -> None:
    catalogue, streams = Catalogue(shop.database), shop.orders(2)
    id = UUID(int=7)
    catalogue.claim(id, "archive/x/left.zip", 1, 99, lease=timedelta(seconds=-1), actor=None, reason=None)
    shop.objects.put("archive/x/left.zip", b"half of it")

    assert shop.compressor().recover() == 1

    assert keys(shop.objects) == []
    assert catalogue.get(id) is None
    assert compress(shop)[0].events == 3 * len(streams)


def test_what_somebody_is_about_is_left_to_them(shop: Shop) -> None:
    catalogue, streams = Catalogue(shop.database), shop.orders(3)
    hi = shop.log.headers(streams[1])[-1].position
    lo = shop.log.headers(streams[1])[0].position
    assert catalogue.claim(UUID(int=7), "k", lo, hi, lease=timedelta(hours=1), actor=None, reason=None)

    done = compress(shop)

    assert [one.events for one in done] == [3, 3]
    assert all(shop.is_hot(streams[1]))


def test_bodies_that_left_meanwhile_are_not_taken_twice(shop: Shop) -> None:
    stream = shop.order()
    compressor = shop.compressor()
    shop.clock.forward(seconds=1)
    late = compressor._next(ALL_NOW, 0)

    assert compress(shop)[0].events == 3
    done = compressor._one(ALL_NOW, late)

    assert done is not None
    assert done.events == 0
    assert len(keys(shop.objects)) == 1
    assert Catalogue(shop.database).unfinished() == []
    assert Catalogue(shop.database).totals().events == 3
    assert not any(shop.is_hot(stream))


class Overtaken(Compressor):
    """Somebody else takes one body away just before the swap."""

    def _swap(self, *said: object) -> None:
        with self._database.transaction() as transaction:
            transaction.execute("DELETE FROM bodies WHERE position = 2")
        super()._swap(*said)  # type: ignore[arg-type]  # as they came


def test_a_swap_that_finds_less_than_was_read_does_nothing(shop: Shop) -> None:
    shop.orders(2)
    shop.clock.forward(seconds=1)
    usual = shop.compressor()
    usual.__class__ = Overtaken

    list(usual.run(ALL_NOW))

    catalogue = Catalogue(shop.database)
    assert (catalogue.totals().events, catalogue.unfinished(), keys(shop.objects)) == (0, [], [])
    assert shop.hot.count() == 5


def test_several_at_once_do_not_collide(shop: Shop) -> None:
    streams = shop.orders(40)
    shop.clock.forward(seconds=1)
    together = Barrier(4)

    def work(_: int) -> list[Compressed]:
        together.wait()
        return list(shop.compressor(many=10).run(ALL_NOW))

    with ThreadPoolExecutor(4) as pool:
        done = [one for found in pool.map(work, range(4)) for one in found]
    done += list(shop.compressor().run(ALL_NOW))

    assert sum(one.events for one in done) == 120
    assert not any(any(shop.is_hot(stream)) for stream in streams)
    assert [one.state for one in Catalogue(shop.database).sealed()] == [State.SEALED] * len(keys(shop.objects))


def test_nothing_is_archived_of_nothing(shop: Shop) -> None:
    assert compress(shop) == []
    with pytest.raises(NotFound):
        shop.objects.get("archive")
