"""How the command line finds the application it works on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from eventflow.cli.application import application
from eventflow.cli.output import Session
from eventflow.errors import Misconfigured

AN_APPLICATION = """
from eventflow.app import Eventflow
from eventflow.settings import Settings

app = Eventflow({settings}aggregates=[])
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module in this folder, which is nobody else's."""
    name = f"app_{uuid4().hex}"
    monkeypatch.chdir(tmp_path)
    for known in [known for known in os.environ if known.startswith("EVENTFLOW_")]:
        monkeypatch.delenv(known)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield name
    sys.modules.pop(name, None)


def written(name: str, settings: str = "") -> str:
    Path(f"{name}.py").write_text(AN_APPLICATION.format(settings=settings), encoding="utf-8")
    return name


def test_an_application_is_found_by_module_and_attribute(module: str) -> None:
    with application(Session(app=f"{written(module)}:app", database="sqlite://")) as app:
        assert app.settings.database.get_secret_value() == "sqlite://"


def test_the_only_application_of_a_module_needs_no_attribute(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTFLOW_APP", written(module))
    monkeypatch.setenv("EVENTFLOW_DATABASE", "sqlite://")

    application(Session()).close()


def test_what_the_command_line_names_is_gone_from_the_environment_afterwards(module: str) -> None:
    application(Session(app=written(module), database="sqlite://", broker="embedded://")).close()

    assert not [name for name in os.environ if name.startswith("EVENTFLOW_")]


def test_a_database_that_the_application_would_not_use_is_refused(module: str) -> None:
    name = written(module, settings='Settings(database="sqlite://"), ')

    with pytest.raises(Misconfigured, match="--database has no effect"):
        application(Session(app=name, database="sqlite:///other.db"))


def test_a_mistyped_attribute_is_answered_with_the_nearest_one(module: str) -> None:
    with pytest.raises(Misconfigured, match='Did you mean "app"'):
        application(Session(app=f"{written(module)}:apq", database="sqlite://"))


@pytest.mark.parametrize("name", ["nowhere_at_all", "nowhere_at_all.app:app"])
def test_a_module_that_is_not_there_is_told(name: str, module: str) -> None:
    with pytest.raises(Misconfigured, match="There is no module"):
        application(Session(app=name))


def test_what_the_application_fails_to_import_is_not_mistaken_for_the_application(module: str) -> None:
    Path(f"{module}.py").write_text("import nowhere_at_all", encoding="utf-8")

    with pytest.raises(ModuleNotFoundError, match="nowhere_at_all"):
        application(Session(app=module))


def test_without_any_name_it_is_said_how_to_name_one(module: str) -> None:
    with pytest.raises(Misconfigured, match="--app MODULE:ATTRIBUTE"):
        application(Session())
