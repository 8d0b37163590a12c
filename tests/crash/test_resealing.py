"""Whoever enciphers what was archived in plain may die at any step of it: no body is lost, none is changed."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from random import Random
from signal import SIGKILL
from typing import Any
from uuid import UUID

from eventflow import Eventflow
from eventflow.store.archive.catalogue import State
from tests.crash.erasing import an_app
from tests.crash.resealing import before, die
from tests.erasure.test_reseal import said, somebody, stored
from tests.erasure.words import NAME, everything, is_mentioned

ROUNDS = 8
"""On each database."""

TOGETHER = 2
"""As many are at work at the same time."""

LONGEST = 110
"""Steps that a segment and the rest take, about."""

NOW = timedelta(days=-1)


def test_nothing_is_lost_whoever_dies_wherever(url: str, tmp_path: Path) -> None:
    chance, folder = Random(20260103), tmp_path / "objects"
    ids: list[UUID] = []
    was: dict[tuple[UUID, int], Any] = {}
    with before(url, folder) as old:
        for _ in range(ROUNDS):
            new = _people(old)
            was |= said(old, *new)
            ids += new
            steps = [chance.randint(1, LONGEST) for _ in range(TOGETHER)]
            assert die(url, folder, *steps) == [-SIGKILL] * TOGETHER
            # Whatever they have left: it is read as before, by those who know of it and by those who do not.
            assert said(old, *ids) == was

    with an_app(url, folder) as app:
        _until_nobody_is_about(app)
        app.reseal(grace=timedelta(0))

        assert said(app, *ids) == was
        for id in ids:
            app.log.verify(id)
        assert list(app.archives.verify()) == []
        assert app.resealer.prospect() == (0, 0, 0, 0, 0, 0)
        assert {one.key for one in app.archives.catalogue.sealed()} == set(app.objects.list())
        assert not is_mentioned(NAME, stored(app), everything(app))
        app.erase(*ids)


def _people(old: Eventflow) -> list[UUID]:
    """Somebody who is hot, and somebody in a segment with copies."""
    hot, archived = somebody(old), somebody(old)
    old.archive(older_than=NOW, stream=archived)
    old.restore(stream=archived)
    return [hot, archived]


def _until_nobody_is_about(app: Eventflow, within: float = 30.0) -> None:
    end = time.monotonic() + within
    while any(one.state == State.REWRITING for one in app.archives.catalogue.unfinished()):
        assert time.monotonic() < end, "Leases do not run out."
        app.archives.collect()
        time.sleep(0.05)
