"""Applications on each kind of database, as many as one likes on the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from eventflow import Eventflow, Settings
from eventflow.testing import Clock
from tests.erasure.words import MASTER, Parcel, Person

Make = Callable[..., Eventflow]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where segments are kept."""
    return tmp_path / "objects"


@pytest.fixture
def clock() -> Clock:
    """A clock that is turned by hand."""
    return Clock()


@pytest.fixture
def make(url: str, folder: Path, clock: Clock) -> Iterator[Make]:
    """What makes an application on this database; each is closed at the end."""
    with ExitStack() as stack:

        def made(master: str | None = MASTER, **composition: Any) -> Eventflow:
            usual = composition.pop("erasable", False)
            settings = Settings(database=url, objects=folder.as_uri(), master_key=master, erasable=usual)
            said = {"aggregates": [Person, Parcel], "clock": clock, **composition}
            return stack.enter_context(Eventflow(settings, **said))

        yield made


@pytest.fixture
def app(make: Make) -> Eventflow:
    """One application."""
    return make()
