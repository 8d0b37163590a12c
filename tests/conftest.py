"""What holds for all tests: services that are needed and absent are told at once, with the command that starts them."""

from __future__ import annotations

import importlib
import socket
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, settings

# How fast a busy machine is tells nothing about a program.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

USUAL = {"PostgreSQL": 5432, "RabbitMQ": 5672, "Redis": 6379}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Stop before the first test when one that was collected needs a service that does not answer."""
    # Whoever needs a service asks tests.services for it. Several processes were asked for all at once.
    if session.config.option.collectonly or hasattr(session.config, "workerinput"):
        return
    if "tests.services" in sys.modules or any(map(_has_a_server, session.items)):
        _demand(importlib.import_module("tests.services"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Stop before processes are started for tests that need every service."""
    _demand(importlib.import_module("tests.services"))


@pytest.fixture(scope="session", autouse=True)
def hurry() -> Iterator[None]:
    """Threads without work look more often whether they are to end: many workers begin and end here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eventflow.runtime.broker.IDLE", timedelta(milliseconds=10))
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a database that all tests of this process share, each in a schema of its own."""
    with importlib.import_module("tests.services").fresh_database(durable=False) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'log.db'}"
        return
    fresh_schema = importlib.import_module("tests.services").fresh_schema
    with fresh_schema(request.getfixturevalue("postgres")) as url:
        yield url


def _has_a_server(item: pytest.Item) -> bool:
    choices = getattr(item, "callspec", None)
    return choices is not None and choices.params.get("url") == "postgresql"


def _demand(services: ModuleType) -> None:
    addresses = {"PostgreSQL": services.POSTGRES, "RabbitMQ": services.RABBITMQ, "Redis": services.REDIS}
    absent = [name for name, url in addresses.items() if not _answers(url, USUAL[name])]
    if absent:
        pytest.exit(f"{' and '.join(absent)} not answering. Start what is missing: make services", returncode=1)
    leftovers = importlib.import_module("tests.leftovers")
    leftovers.end_servers()
    leftovers.drop_databases(services.POSTGRES)


def _answers(url: str, port: int) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname or "127.0.0.1", address.port or port), timeout=5).close()
    except OSError:
        return False
    return True
