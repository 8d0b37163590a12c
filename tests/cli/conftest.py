"""A folder of one's own, and a shop in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.words import Shop, end_all


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """What a test has begun ends with it, also when it failed."""
    yield
    end_all()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The present folder, empty, with nothing said in the environment."""
    for name in [name for name in os.environ if name.startswith("EVENTFLOW_") and "_TEST_" not in name]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shop(place: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop whose log is in this folder."""
    monkeypatch.setenv("SHOP_ROOM", str(place))
    return Shop(f"sqlite:///{place / 'shop.db'}", place)
