"""Copies of archived bodies are near for a while; the archive has them all the same."""

from __future__ import annotations

from datetime import timedelta

import pytest

from eventflow.errors import BodyMissing, DamagedBody, Unavailable
from eventflow.model.archive import Deed, Operation
from eventflow.model.recorded import Context
from eventflow.runtime.archiving.compress import Errand
from eventflow.runtime.archiving.restore import Brought, Restorer, Wish
from eventflow.store.archive.catalogue import Catalogue
from eventflow.store.archive.restored import Restored
from eventflow.store.archive.selection import Selection
from eventflow.store.codec import Codec
from eventflow.store.database import Database
from eventflow.store.objects import Objects
from tests.archive.words import NOW, Invoice, Noted, Order, Shop
from tests.store.archived import Counted

DAY = timedelta(days=1)


class Library(Shop):
    """A shop whose archive is read again. Changes: its clock."""

    def restorer(self) -> Restorer:
        restored = Restored(self.database, Codec())
        return Restorer(self.database, self.log, self.repository, self.reader(), restored, clock=self.clock)

    def compress(self) -> None:
        self.clock.forward(seconds=1)
        assert list(self.compressor().run(Errand(ages=NOW)))

    def restore(self, lasts: timedelta = DAY, **chosen: object) -> list[Brought]:
        return list(self.restorer().restore(Wish(Selection(**chosen)), lasts=lasts))  # type: ignore[arg-type]

    def near(self) -> int:
        return self.restorer().amount().events

    def operations(self, deed: Deed) -> list[Operation]:
        ends = [one for one in self.log.tail(0, 10**6) if one.category == Operation.category and one.status == deed]
        return [self.repository.get(Operation, one.stream) for one in ends]


@pytest.fixture
def library(database: Database, objects: Objects) -> Library:
    return Library(database, Counted(objects))


def asked(library: Library) -> int:
    assert isinstance(library.objects, Counted)
    return library.objects.asked["get_range"]


def test_what_was_restored_is_read_without_the_object_storage(library: Library) -> None:
    streams = library.orders(3)
    before = library.bodies(streams)
    library.compress()

    library.restore()
    so_far = asked(library)

    assert library.bodies(streams) == before
    assert asked(library) == so_far
    assert library.near() == 9


def test_restoring_changes_nothing_of_the_archive(library: Library) -> None:
    streams = library.orders(3)
    library.compress()
    places = [library_place for stream in streams for library_place in Catalogue(library.database).places(stream, 1, 9)]

    library.restore()

    assert [one for stream in streams for one in Catalogue(library.database).places(stream, 1, 9)] == places
    assert not any(any(library.is_hot(stream)) for stream in streams)


def test_a_stream_a_category_a_stretch_and_one_event_can_be_restored(library: Library) -> None:
    order, other, invoice = library.order(), library.order(), library.order(kind=Invoice)
    library.compress()
    position = library.log.headers(other)[1].position

    for chosen, count in (
        ({"lo": position, "hi": position}, 1),
        ({"stream": order}, 3),
        ({"category": "invoice"}, 3),
        ({"lo": position, "hi": position + 1}, 2),
    ):
        assert sum(one.amount.events for one in library.restore(**chosen)) == count
    assert library.near() == 3 + 3 + 2
    assert {one.chosen for one in library.operations(Deed.RESTORED)} == {
        f"the event at position {position}",
        f"stream {order}",
        "the category invoice",
        f"all from position {position} up to {position + 1}",
    }
    assert library.log.headers(invoice)


def test_copies_go_when_their_time_is_over_and_are_read_from_the_archive_again(library: Library) -> None:
    streams = library.orders(2)
    before = library.bodies(streams)
    library.compress()
    library.restore(lasts=DAY)

    library.clock.forward(seconds=DAY.total_seconds() - 1)
    assert library.restorer().expire() == 0
    library.clock.forward(seconds=1)
    assert library.restorer().expire() == 6

    assert library.near() == 0
    assert library.bodies(streams) == before


def test_purging_lets_go_before_the_time_is_over_of_what_is_meant(library: Library) -> None:
    order, invoice = library.order(), library.order(kind=Invoice)
    library.compress()
    library.restore()

    gone = list(library.restorer().purge(Wish(Selection(category="invoice"))))

    assert [one.events for one in gone] == [3]
    assert library.near() == 3
    assert len(library.bodies([order, invoice])) == 6


def test_purging_what_is_not_restored_does_nothing_and_is_not_told(library: Library) -> None:
    library.orders(2)
    library.compress()

    assert list(library.restorer().purge()) == []
    assert library.restorer().expire() == 0
    assert library.operations(Deed.PURGED) == []


def test_hot_bodies_are_neither_restored_nor_purged(library: Library) -> None:
    stream = library.order()

    assert library.restore() == []
    assert list(library.restorer().purge()) == []
    assert library.is_hot(stream) == [True] * 3


def test_who_did_it_and_why_is_told_with_it(library: Library) -> None:
    library.order()
    library.compress()
    wish = Wish(reason="an audit", context=Context(actor="ada"))

    list(library.restorer().restore(wish, lasts=DAY))
    list(library.restorer().purge(wish))

    for deed in (Deed.RESTORED, Deed.PURGED):
        [told] = library.operations(deed)
        assert (told.bodies, told.reason, told.chosen) == (3, "an audit", "all")
        head = library.log.head(told.id)
        assert head is not None
        assert head.actor == "ada"


def test_restoring_twice_is_restoring_once_for_the_longer_time(library: Library) -> None:
    library.orders(2)
    library.compress()

    library.restore(lasts=2 * DAY)
    library.restore(lasts=DAY)
    library.clock.forward(seconds=DAY.total_seconds())

    assert (library.near(), library.restorer().expire()) == (6, 0)


def test_what_is_damaged_is_told_and_the_others_are_restored(library: Library) -> None:
    good, bad = sorted(library.orders(2))
    library.compress()
    (place,) = Catalogue(library.database).places(bad, 1, 9)
    content = library.objects.get(place.key)
    library.objects.put(place.key, content[: place.start] + b"\0" + content[place.start + 1 :])

    [brought] = library.restore()

    assert brought.amount.events == 3
    assert [type(one) for one in brought.left] == [DamagedBody] * 3
    assert len(library.bodies([good])) == 3


def test_a_segment_that_is_gone_is_told(library: Library) -> None:
    stream = library.order()
    library.compress()
    (place,) = Catalogue(library.database).places(stream, 1, 9)
    library.objects.delete(place.key)

    [brought] = library.restore()

    assert (brought.amount.events, [type(one) for one in brought.left]) == (0, [BodyMissing] * 3)
    assert library.operations(Deed.RESTORED) == []


def test_a_storage_out_of_reach_stops_restoring_and_it_goes_on_later(library: Library) -> None:
    streams = library.orders(3)
    library.compress()
    whole, library.objects = library.objects, Cut(library.objects)

    with pytest.raises(Unavailable):
        library.restore()
    assert library.near() == 0

    library.objects = whole
    library.restore()
    assert library.near() == 9
    assert len(library.bodies(streams)) == 9


def test_an_aggregate_is_loaded_without_the_archive(library: Library) -> None:
    stream = library.order(notes=5)
    library.compress()
    so_far = asked(library)

    order = library.repository.get(Order, stream)
    order.change_status(order.status)
    library.repository.save(order)

    assert library.repository.get(Order, stream).version == 7
    assert asked(library) == so_far


def test_a_stream_in_several_segments_takes_one_request_to_each(library: Library) -> None:
    stream = library.order(notes=9)
    library.compress()
    order = library.repository.get(Order, stream)
    order.record(Noted(note="later"))
    library.repository.save(order)
    library.compress()
    again, so_far = Library(library.database, library.objects, clock=library.clock), asked(library)

    assert [one.event for one in again.log.read_whole(stream)] == [one.event for one in library.log.read(stream)]
    assert asked(library) == so_far + 2 * 2


def test_an_aggregate_whose_fields_have_changed_is_made_of_its_bodies(library: Library) -> None:
    stream = library.order(notes=9)
    library.compress()
    order = library.repository.get(Order, stream)
    with library.database.transaction() as transaction:
        transaction.execute("DELETE FROM snapshots")

    assert library.repository.get(Order, stream) == order
    assert asked(library) == 1


class Cut(Counted):
    """Objects that nobody reaches."""

    def get_range(self, key: str, start: int, length: int) -> bytes:
        raise Unavailable("the bucket", "the cable is cut")
