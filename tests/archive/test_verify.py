"""Whatever is wrong with the archive is found and named; what nobody needs is removed, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from eventflow.runtime.archiving.collect import Collector
from eventflow.runtime.archiving.compress import Errand
from eventflow.runtime.archiving.verify import Fault, Verifier
from eventflow.store.archive.catalogue import Catalogue, Place
from tests.archive.words import NOW, Shop


def faults(shop: Shop) -> list[Fault]:
    return list(Verifier(shop.log, Catalogue(shop.database), shop.hot, lambda: shop.objects).run())


def archived(shop: Shop, count: int = 3) -> list[str]:
    shop.orders(count)
    shop.clock.forward(seconds=1)
    return [one.key for one in shop.compressor(many=6).run(Errand(ages=NOW))]


def places(shop: Shop, key: str) -> list[Place]:
    """What lies in a segment."""
    catalogue = Catalogue(shop.database)
    [archive] = [one for one in catalogue.sealed() if one.key == key]
    return list(catalogue.places_of(archive.id))


def first_of(shop: Shop, key: str) -> int:
    """The position of the first body in a segment."""
    place = places(shop, key)[0]
    return shop.log.headers(place.stream)[place.first - 1].position


def collector(shop: Shop) -> Collector:
    return Collector(Catalogue(shop.database), lambda: shop.objects, shop.clock)


def test_an_archive_that_is_whole_has_no_faults(shop: Shop) -> None:
    archived(shop)
    shop.orders(2)

    assert faults(shop) == []


def test_an_object_that_is_gone_is_named(shop: Shop) -> None:
    first, second = archived(shop, 4)
    shop.objects.delete(second)

    [fault] = faults(shop)

    assert fault.key == second
    assert second in fault.why
    assert fault.position == first_of(shop, second)
    assert first != second


def test_an_object_that_was_cut_off_is_named(shop: Shop) -> None:
    [key] = archived(shop, 2)
    content = shop.objects.get(key)
    last = places(shop, key)[-1]

    shop.objects.put(key, content[:-40])
    [fault] = faults(shop)
    assert (fault.key, fault.position) == (key, None), "every body in it can still be read"

    shop.objects.put(key, content[: last.start + 7])
    [fault] = faults(shop)
    assert fault.position == shop.log.headers(last.stream)[last.first - 1].position


def test_a_byte_that_was_changed_names_its_stream(shop: Shop) -> None:
    [key] = archived(shop, 2)
    place = next(Catalogue(shop.database).places_of(next(iter(Catalogue(shop.database).sealed())).id))
    content = bytearray(shop.objects.get(key))
    content[place.start + 20] ^= 1
    shop.objects.put(key, bytes(content))

    [fault] = faults(shop)

    assert fault.key == key
    assert "events/" in fault.why or str(place.stream) in fault.why
    assert fault.position == first_of(shop, key)


def test_a_segment_in_the_place_of_another_is_noticed(shop: Shop) -> None:
    first, second = archived(shop, 4)
    shop.objects.put(second, shop.objects.get(first))

    assert [one.key for one in faults(shop)] == [second]


def test_a_header_that_was_changed_is_named_by_its_position(shop: Shop) -> None:
    archived(shop, 2)
    with shop.database.transaction() as transaction:
        transaction.execute("UPDATE events SET actor = 'mallory' WHERE position = 2")

    [fault] = faults(shop)

    assert fault.position == 2


def test_a_body_that_is_nowhere_is_named(shop: Shop) -> None:
    archived(shop, 2)
    position = shop.log.headers(shop.order())[1].position
    with shop.database.transaction() as transaction:
        transaction.execute(f"DELETE FROM bodies WHERE position = {position}")

    assert [(one.key, one.position) for one in faults(shop)] == [(None, position)]


def test_a_body_in_two_places_is_named(shop: Shop) -> None:
    archived(shop, 1)
    with shop.database.transaction() as transaction:
        transaction.execute("INSERT INTO bodies (position, state) VALUES (2, '')")

    assert [(one.key, one.position) for one in faults(shop)] == [(None, 2)]


def test_objects_that_nobody_knows_are_removed_once_they_are_old(shop: Shop) -> None:
    known = archived(shop, 2)
    prefix = shop.compressor().prefix()
    spare = f"{prefix}/{shop.clock():%Y/%m/%d}/{uuid4()}.zip"
    shop.objects.put(spare, b"never swapped")

    assert collector(shop).collect(prefix) == []
    shop.clock.forward(days=2)
    assert list(collector(shop).orphans(prefix)) == [spare]
    assert collector(shop).collect(prefix) == [spare]

    assert list(shop.objects.list()) == known
    assert faults(shop) == []


def test_objects_of_another_log_and_of_others_stay(shop: Shop) -> None:
    archived(shop, 1)
    prefix = shop.compressor().prefix()
    others = [
        f"archive/0123456789ab/2020/01/01/{uuid4()}.zip",
        f"{prefix}/2020/01/01/notes.txt",
        f"{prefix}/2020/13/41/{uuid4()}.zip",
    ]
    for key in others:
        shop.objects.put(key, b"theirs")

    assert collector(shop).collect(prefix) == []


def test_an_object_that_somebody_is_about_stays_however_long_it_takes(shop: Shop) -> None:
    archived(shop, 1)
    prefix = shop.compressor().prefix()
    key = f"{prefix}/2020/01/01/{uuid4()}.zip"
    shop.objects.put(key, b"half of it")
    Catalogue(shop.database).claim(UUID(int=7), key, 900, 999, lease=timedelta(hours=1), actor=None, reason=None)

    assert collector(shop).collect(prefix) == []
