"""What looks after processes is answered without logging in, and told nothing but yes or no."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eventflow import Eventflow
from eventflow.dashboard import Basic, Dashboard
from eventflow.errors import ProjectionStopped
from eventflow.settings import Settings
from eventflow_projections import standard
from tests.dashboard.conftest import Shop, opened
from tests.dashboard.shop import Browser, Order
from tests.proxy import Proxy
from tests.services import fresh_schema
from tests.walks.test_stopped_projections import Readers


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop that may be broken."""
    with opened(Settings(database=f"sqlite:///{tmp_path / 'log.db'}", objects=tmp_path.as_uri())) as found:
        yield found


def probe(app: Eventflow) -> Browser:
    """Somebody elsewhere, without a name."""
    return Browser(Dashboard(app, access=Basic({})), base_url="http://10.0.0.9:8080", client=("10.0.0.1", 1))


def test_a_process_that_is_up_says_so_to_whoever_asks(shop: Shop) -> None:
    with probe(shop.app) as browser:
        assert (browser.get("/healthz").text, browser.get("/readyz").text) == ("ok\n", "ready\n")
        assert browser.get("/").status_code == 401


def test_a_database_that_is_gone_makes_it_not_ready_but_up(tmp_path: Path) -> None:
    with fresh_schema() as url, Proxy(url) as proxy:
        settings = Settings(database=proxy.url, objects=tmp_path.as_uri())
        with opened(settings) as shop, probe(shop.app) as browser:
            proxy.cut()
            answer = browser.get("/readyz")
            assert (answer.status_code, answer.text) == (503, "not ready\n")
            assert browser.get("/healthz").status_code == 200
            proxy.heal()


def test_a_projection_that_stands_still_makes_it_not_ready(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'other.db'}", objects=tmp_path.as_uri())
    with Eventflow(settings, aggregates=[Order], projections=[*standard(), Readers(content=False)]) as app:
        app.save(Order.create(customer="Ann"))
        with pytest.raises(ProjectionStopped):
            app.drain()
        with probe(app) as browser:
            answer = browser.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "not ready\n")
