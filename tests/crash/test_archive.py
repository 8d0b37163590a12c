"""Whoever compresses, restores and purges may die at any step of it: no body is lost, none is changed."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random
from signal import SIGKILL

from eventflow.runtime.archiving.leavings import LEASE
from eventflow.runtime.archiving.verify import Verifier
from eventflow.store.archive.catalogue import Catalogue
from eventflow.store.database import open_database
from eventflow.store.objects import Folder
from tests.archive.words import Shop
from tests.crash.archiving import a_round, die

DEATHS = 50
"""On each database; a hundred of both."""

TOGETHER = 2
"""As many are at work at the same time."""

LONGEST = 90
"""Steps that a round takes, about."""


def test_nothing_is_lost_whoever_dies_wherever(url: str, tmp_path: Path) -> None:
    chance, folder = Random(20260102), tmp_path / "objects"
    with open_database(url) as database:
        shop = Shop(database, Folder(folder))
        streams = shop.orders(12)
        said = shop.bodies(streams)
        for _ in range(DEATHS // TOGETHER):
            steps = [chance.randint(1, LONGEST) for _ in range(TOGETHER)]
            assert die(url, folder, *steps) == [-SIGKILL] * TOGETHER
            new = shop.orders(2)
            streams += new
            said |= shop.bodies(new)

        shop.clock.forward(days=2)
        _until_nobody_is_about(Catalogue(database), shop)
        a_round(shop, LEASE)

        assert shop.bodies(streams) == said
        for stream in streams:
            shop.log.verify(stream)
        assert not any(any(shop.is_hot(stream)) for stream in streams)
        assert list(Verifier(shop.log, Catalogue(database), shop.hot, lambda: shop.objects).run()) == []
        # What died between upload and swap was removed with its lease; nothing else lies about.
        assert set(shop.objects.list()) == {one.key for one in Catalogue(database).sealed()}


def _until_nobody_is_about(catalogue: Catalogue, shop: Shop, within: float = 30.0) -> None:
    end = time.monotonic() + within
    while catalogue.unfinished():
        assert time.monotonic() < end, "Leases do not run out."
        shop.compressor().recover()
        time.sleep(0.05)
