"""Somebody who compresses, restores and purges, and dies at a step of it that was chosen beforehand."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from eventflow.errors import Unavailable
from eventflow.runtime.archiving.compress import Errand
from eventflow.runtime.archiving.restore import Restorer, Wish
from eventflow.store.archive.restored import Restored
from eventflow.store.codec import Codec
from eventflow.store.database import Database, Transaction, open_database
from eventflow.store.objects import Folder, Objects
from tests.archive.words import NOW, Shop
from tests.processes import forked

LEASE = timedelta(seconds=2)
"""Short, so that what the dead have left is free before long."""


class Fate:
    """Counts steps, and ends the process at the last of them. Changes with each."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self) -> None:
        """One more; as with ``kill -9`` when it was the last."""
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Mortal:
    """Objects before and after each of whose changes one may die."""

    def __init__(self, objects: Objects, fate: Fate) -> None:
        self._objects, self._fate = objects, fate

    def __getattr__(self, name: str) -> Callable[..., Any]:
        what = getattr(self._objects, name)

        def done(*said: Any) -> Any:
            self._fate.step()
            found = what(*said)
            self._fate.step()
            return found

        return done


def die(url: str, folder: Path, *steps: int) -> list[int | None]:
    """How processes ended that worked on this log at the same time, each with so many steps to live."""
    processes = [forked.Process(target=_run, args=(url, folder, one)) for one in steps]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        process.kill()
    return [process.exitcode for process in processes]


def a_round(shop: Shop, lease: timedelta = LEASE) -> None:
    """Compress in small segments, restore it all, purge some of it, compress what is left."""
    compressor = shop.compressor(lease=lease, many=8)
    compressor.recover()
    list(compressor.run(Errand(ages=NOW)))
    restorer = Restorer(
        shop.database, shop.log, shop.repository, shop.reader(), Restored(shop.database, Codec()), clock=shop.clock
    )
    list(restorer.restore(Wish(), lasts=timedelta(seconds=-1)))
    restorer.expire()
    compressor.recover()


def _run(url: str, folder: Path, steps: int) -> NoReturn:
    tempfile.tempdir = str(folder.parent)  # whoever is killed leaves what was being made
    fate = Fate(steps)
    with open_database(url) as database:
        shop = Shop(database, Mortal(Folder(folder), fate))
        shop.clock.forward(days=1)
        _mortally(database, fate)
        # What has nothing more to compress can restore and purge again, until it dies.
        while True:
            with suppress(Unavailable):
                a_round(shop)


def _mortally(database: Database, fate: Fate) -> None:
    usual = database.transaction

    @contextmanager
    def transaction(**said: Any) -> Iterator[Transaction]:
        fate.step()
        with usual(**said) as opened:
            yield opened
            # Everything is said, and nothing of it is committed.
            fate.step()
        fate.step()

    database.transaction = transaction  # type: ignore[method-assign]
