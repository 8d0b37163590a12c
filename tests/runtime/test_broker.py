"""What brokers share, and what they leave behind."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

from eventflow.app import Eventflow
from eventflow.settings import Settings
from tests.walks.library import Document, write


def test_applications_that_come_and_go_leave_one_watch_behind(tmp_path: Path) -> None:
    for _ in range(3):
        with closing(
            Eventflow(Settings(database=f"sqlite:///{tmp_path / 'log.db'}"), aggregates=[Document], reactions=[write])
        ) as app:
            app.save(Document.create(title="Whales"))
            app.drain()

    assert [one.name for one in threading.enumerate() if type(one).__name__ == "_CtypesTimeoutManager"][1:] == []
