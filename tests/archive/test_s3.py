"""A log whose bodies live in a bucket, from the first segment to the last orphan, on every S3 there is here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from eventflow.runtime.archiving.collect import Collector
from eventflow.runtime.archiving.compress import Errand
from eventflow.runtime.archiving.restore import Restorer, Wish, total
from eventflow.runtime.archiving.verify import Verifier
from eventflow.store.archive.catalogue import Catalogue
from eventflow.store.archive.restored import Restored
from eventflow.store.codec import Codec
from eventflow.store.database import Database, open_database
from eventflow.store.objects import Objects, open_objects
from tests.archive.words import NOW, Shop
from tests.services import an_s3_server


@pytest.fixture(scope="module", params=["rclone", "moto"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    with an_s3_server(request.param) as url:
        yield url


@pytest.fixture
def objects(server: str) -> Objects:
    return open_objects(f"{server}/test-{uuid4().hex[:12]}?secure=false&create=true")


@pytest.fixture
def database() -> Iterator[Database]:
    with open_database("sqlite://") as database:
        yield database


def test_bodies_leave_for_a_bucket_are_read_restored_verified_and_looked_after(shop: Shop, objects: Objects) -> None:
    streams = shop.orders(4)
    said = shop.bodies(streams)
    shop.clock.forward(days=3)
    catalogue = Catalogue(shop.database)

    first, second = shop.compressor(many=6).run(Errand(ages=NOW))

    assert sorted(objects.list()) == sorted([first.key, second.key])
    again = Shop(shop.database, objects, clock=shop.clock)
    assert again.bodies(streams) == said
    assert list(Verifier(shop.log, catalogue, shop.hot, lambda: objects).run()) == []

    restored = Restored(shop.database, Codec())
    restorer = Restorer(shop.database, shop.log, shop.repository, again.reader(), restored, clock=shop.clock)
    assert total(restorer.restore(Wish(), lasts=timedelta(hours=1))).amount.events == len(said)
    shop.clock.forward(hours=1)
    assert restorer.expire() == len(said)

    spare = f"{shop.compressor().prefix()}/2026/01/01/{uuid4()}.zip"
    objects.put(spare, b"nobody knows it")
    assert Collector(catalogue, lambda: objects, shop.clock).collect(shop.compressor().prefix()) == [spare]

    objects.put(second.key, objects.get(second.key)[:-7])
    objects.delete(first.key)
    faults = Verifier(shop.log, catalogue, shop.hot, lambda: objects).run()
    assert {fault.key for fault in faults} == {first.key, second.key}
