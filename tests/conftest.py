"""What holds for all tests: services that are needed and absent are told at once, with the command that starts them."""

from __future__ import annotations

import importlib
import socket
import sys
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
    services = sys.modules.get("tests.services")
    if services is None or session.config.option.collectonly or hasattr(session.config, "workerinput"):
        return
    _demand(services)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Stop before processes are started for tests that need every service."""
    _demand(importlib.import_module("tests.services"))


def _demand(services: ModuleType) -> None:
    addresses = {"PostgreSQL": services.POSTGRES, "RabbitMQ": services.RABBITMQ, "Redis": services.REDIS}
    absent = [name for name, url in addresses.items() if not _answers(url, USUAL[name])]
    if absent:
        pytest.exit(f"{' and '.join(absent)} not answering. Start what is missing: make services", returncode=1)


def _answers(url: str, port: int) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname or "127.0.0.1", address.port or port), timeout=5).close()
    except OSError:
        return False
    return True
