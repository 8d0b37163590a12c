"""Object storage that is down, slow, full, moody or emptied behind our back costs time, never a body.

A real server that speaks S3 stands behind a wall through which requests pass, or do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from eventflow.errors import BodyMissing, DamagedBody, StorageFull, Unavailable
from eventflow.runtime.archiving.compress import Compressed, Errand
from eventflow.store.archive.catalogue import Catalogue
from eventflow.store.archive.reader import Reader
from eventflow.store.archive.restored import Restored
from eventflow.store.codec import Codec
from eventflow.store.database import Database
from eventflow.store.log import open_log
from eventflow.store.objects import Objects, open_objects
from tests.archive.wall import Trouble, Wall, a_wall, hangs_up, is_silent, stumbles
from tests.archive.words import NOW, Order, Shop
from tests.hostile import Call
from tests.services import an_s3_server

TROUBLES: dict[str, Trouble] = {
    "down": lambda wall: hangs_up,
    "silent": lambda wall: is_silent,
    "stumbling": lambda wall: stumbles,
    "cutting every answer": lambda wall: wall.cuts,
}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with an_s3_server() as url:
        yield url


@pytest.fixture
def wall(s3: str) -> Iterator[Wall]:
    with a_wall(s3) as wall:
        yield wall


@pytest.fixture
def bucket(wall: Wall) -> str:
    return f"{wall.url}/test-{uuid4().hex[:12]}?secure=false&create=true"


@pytest.fixture
def objects(bucket: str) -> Objects:
    return open_objects(bucket)


@pytest.fixture
def hasty(objects: Objects, bucket: str) -> Objects:
    """The same objects, for somebody who does not wait long for what will not come anyway."""
    while True:
        try:
            return open_objects(f"{bucket}&timeout=0.3")
        except Unavailable:
            continue


def compress(shop: Shop) -> list[Compressed]:
    shop.clock.forward(seconds=1)
    return list(shop.compressor().run(Errand(ages=NOW)))


def archived(shop: Shop) -> tuple[list[UUID], dict[tuple[UUID, int], object]]:
    """Streams whose bodies have left, and what was in them."""
    streams = shop.orders(3)
    bodies = shop.bodies(streams)
    assert sum(one.events for one in compress(shop)) == 9
    return streams, bodies


def afresh(database: Database, shop: Shop) -> Shop:
    """The same shop in another process, to which nothing is near."""
    return Shop(database, shop.objects, clock=shop.clock)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_archived_bodies_wait_for_the_storage_and_hot_ones_do_not(
    database: Database, shop: Shop, hasty: Objects, wall: Wall, trouble: str
) -> None:
    streams, bodies = archived(shop)
    again = Shop(database, hasty, clock=shop.clock)
    wall.always(TROUBLES[trouble](wall))

    with pytest.raises(Unavailable, match="is out of reach"):
        again.bodies(streams)
    hot = again.order()
    order = again.repository.get(Order, streams[0])
    order.change_status(order.status)
    again.repository.save(order)
    assert len(again.bodies([hot])) == 3
    assert again.log.headers(streams[1])

    wall.always(None)
    found = afresh(database, shop).bodies(streams)
    assert {key: body for key, body in found.items() if key in bodies} == bodies


def test_a_silence_is_waited_for_once_and_once_more(database: Database, shop: Shop, hasty: Objects, wall: Wall) -> None:
    streams, _ = archived(shop)
    asked: list[str] = []

    def is_silent_again(call: Call) -> None:
        asked.append(call.head)
        is_silent(call)

    wall.always(is_silent_again)

    with pytest.raises(Unavailable):
        _ = Shop(database, hasty, clock=shop.clock).log.read(streams[0])[0].event
    assert len(asked) == 2


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_cannot_be_uploaded_stays_and_leaves_later(
    database: Database, shop: Shop, hasty: Objects, wall: Wall, trouble: str
) -> None:
    streams = shop.orders(3)
    bodies = shop.bodies(streams)
    wall.always(TROUBLES[trouble](wall))

    with pytest.raises(Unavailable):
        compress(Shop(database, hasty, clock=shop.clock))
    assert all(all(shop.is_hot(stream)) for stream in streams)
    assert shop.bodies(streams) == bodies

    wall.always(None)
    shop.compressor().recover()
    assert sum(one.events for one in compress(shop)) == 9
    assert afresh(database, shop).bodies(streams) == bodies


def test_a_full_storage_says_so_and_nothing_leaves(database: Database, shop: Shop, wall: Wall) -> None:
    streams, bodies = archived(shop)
    more = shop.orders(2)
    wall.always(wall.full_when("PUT"))

    with pytest.raises(StorageFull, match="No room is left for bucket"):
        compress(shop)
    assert all(all(shop.is_hot(stream)) for stream in more)
    assert afresh(database, shop).bodies(streams) == bodies

    wall.always(None)
    assert sum(one.events for one in compress(shop)) == 6


@pytest.mark.parametrize("moods", [["stumbling"], ["down", "stumbling"], ["cutting every answer"]])
def test_a_storage_that_stumbles_now_and_then_is_not_noticed(
    database: Database, shop: Shop, wall: Wall, moods: list[str]
) -> None:
    streams, bodies = archived(shop)

    for stream in streams:
        wall.next(*(TROUBLES[mood](wall) for mood in moods))
        assert afresh(database, shop).bodies([stream]) == {
            key: body for key, body in bodies.items() if key[0] == stream
        }


def test_objects_that_are_emptied_cut_or_changed_are_told_apart(database: Database, shop: Shop) -> None:
    streams, _ = archived(shop)
    (place,) = Catalogue(database).places(streams[0], 1, 9)
    whole = shop.objects.get(place.key)

    for content, error, told in (
        (whole[: place.start + 7], DamagedBody, "which ends after"),
        (whole[: place.start - 1], DamagedBody, "which ends after"),
        (whole[: place.start] + bytes(place.length) + whole[place.start + place.length :], DamagedBody, "SHA-256"),
        (None, BodyMissing, "Put the object back from a copy"),
    ):
        shop.objects.delete(place.key)
        if content is not None:
            shop.objects.put(place.key, content)
        with pytest.raises(error, match=told):
            afresh(database, shop).bodies([streams[0]])

    shop.objects.put(place.key, whole)
    assert len(afresh(database, shop).bodies(streams)) == 9


@pytest.mark.parametrize("wrong", ["somebody:testtest", "test:something"])
def test_with_wrong_keys_archived_bodies_are_out_of_reach(database: Database, shop: Shop, s3: str, wrong: str) -> None:
    streams, _ = archived(shop)
    address = f"{s3.replace('test:testtest', wrong)}/whatever?secure=false"
    reader = Reader(Catalogue(database), Restored(database, Codec()), lambda: open_objects(address))
    log = open_log(database, shop.vocabulary, archive=reader)

    with pytest.raises(Unavailable, match="Look at the key and the secret"):
        _ = log.read(streams[0])[0].event
    assert all(one.event for one in log.read(shop.order()))


def test_in_a_bucket_that_is_not_there_archived_bodies_are_out_of_reach(
    database: Database, shop: Shop, s3: str
) -> None:
    streams, _ = archived(shop)
    reader = Reader(
        Catalogue(database), Restored(database, Codec()), lambda: open_objects(f"{s3}/misspelt?secure=false")
    )
    log = open_log(database, shop.vocabulary, archive=reader)

    with pytest.raises(Unavailable, match="Look at the name of the bucket in the setting objects"):
        _ = log.read(streams[0])[0].event
    assert all(one.event for one in log.read(shop.order()))


def test_in_a_wrong_bucket_archived_bodies_are_missing(database: Database, shop: Shop, s3: str) -> None:
    streams, _ = archived(shop)
    again = Shop(database, open_objects(f"{s3}/another?secure=false&create=true"), clock=shop.clock)

    with pytest.raises(BodyMissing, match="whether the setting objects names the right place"):
        again.bodies(streams)
