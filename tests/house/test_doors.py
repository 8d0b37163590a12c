"""The doors say what is public: all of it, and in order."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from tests.house.repository import PACKAGES


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_door_is_complete_and_sorted(package: Path) -> None:
    if not (package / "__init__.py").exists():
        pytest.skip(f"{package.name} has no door yet")
    door = import_module(package.name)
    public = [name for name in dir(door) if not name.startswith("_") and not is_inside(door, name)]

    assert list(door.__all__) == sorted(door.__all__)
    assert set(public) <= set(door.__all__)
    assert [name for name in door.__all__ if not hasattr(door, name)] == []


def is_inside(door: ModuleType, name: str) -> bool:
    """Whether a name is a module of the package, or what the door needs for itself."""
    return isinstance(getattr(door, name), ModuleType) or name in ("annotations", "TYPE_CHECKING")
