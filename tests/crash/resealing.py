"""Somebody who enciphers what was archived in plain, and dies at a step of it that was chosen beforehand."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

from eventflow import Eventflow, Settings
from eventflow.errors import Unavailable
from eventflow.runtime.archiving.reseal import Order, Resealer
from eventflow.store.objects import Folder
from tests.crash import archiving, erasing
from tests.crash.archiving import LEASE, Fate
from tests.crash.erasing import an_app
from tests.erasure.words import MASTER, Before, Parcel
from tests.processes import forked


def before(url: str, folder: Path) -> Eventflow:
    """The program as it was when people could not be erased."""
    said = Settings(database=url, objects=folder.as_uri(), master_key=MASTER)
    return Eventflow(said, aggregates=[Before, Parcel])


def a_resealer(app: Eventflow, objects: Any, lease: timedelta = LEASE) -> Resealer:
    """Somebody who gives up early."""
    return Resealer(app.database, app.log, app.repository, lambda: objects, clock=app.clock, ids=uuid4, lease=lease)


def die(url: str, folder: Path, *steps: int) -> list[int | None]:
    """How processes ended that worked on this log at the same time, each with so many steps to live."""
    processes = [forked.Process(target=_run, args=(url, folder, one)) for one in steps]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        process.kill()
    return [process.exitcode for process in processes]


def _run(url: str, folder: Path, steps: int) -> NoReturn:
    tempfile.tempdir = str(folder.parent)  # whoever is killed leaves what was being made
    fate = Fate(steps)
    with an_app(url, folder) as app:
        objects = archiving.Mortal(Folder(folder), fate)
        resealer = a_resealer(app, objects)
        _mortally(app, fate)
        # What has nothing more to encipher looks again, until it dies.
        while True:
            with suppress(Unavailable):
                list(resealer.run(Order(grace=timedelta(0))))


def _mortally(app: Eventflow, fate: Fate) -> None:
    usual = app.database.transaction

    @contextmanager
    def transaction(**said: Any) -> Iterator[Any]:
        with usual(**said) as opened:
            yield erasing.Mortal(opened, fate)
            # Everything is said, and nothing of it is committed.
            fate.step()
        fate.step()

    app.database.transaction = transaction  # type: ignore[method-assign]
