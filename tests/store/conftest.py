"""The places that logs are tested in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services import fresh_database


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a database that the tests of one module share, each with a schema of its own."""
    with fresh_database() as url:
        yield url
