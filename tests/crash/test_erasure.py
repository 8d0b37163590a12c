"""Whoever erases may die at any step of it: nothing was erased then, or all of it, and never a part."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from pathlib import Path
from signal import SIGKILL
from uuid import UUID

import pytest

from eventflow import Eventflow
from eventflow.errors import Erased
from eventflow.model.recorded import Phase
from tests.crash.erasing import an_app, dies
from tests.erasure.words import NAME, Person, somebody


def test_it_is_all_or_nothing_wherever_one_dies(url: str, tmp_path: Path) -> None:
    folder, ends = tmp_path / "objects", []
    with an_app(url, folder) as app:
        for steps in count(1):
            id = _somebody_everywhere(app)
            code = dies(url, folder, id, steps)
            assert code in (0, -SIGKILL)

            ends.append(_is_erased(app, id))
            app.erase(id, reason="request 17", actor="ada")
            assert _is_erased(app, id)
            if code == 0:
                break
        assert list(app.archives.verify()) == []
    # Before the commit nothing, behind it all: whoever died last had committed.
    assert ends == sorted(ends)
    assert ends[:3] == [False] * 3
    assert ends[-2:] == [True, True]


def _somebody_everywhere(app: Eventflow) -> UUID:
    """Somebody in a segment, with copies and a snapshot, and with a body that is hot."""
    id = somebody(app, moves=1)
    app.archive(older_than=timedelta(days=-1), stream=id)
    app.restore(stream=id)
    person = app.get(Person, id)
    person.touch()
    app.save(person)
    return id


def _is_erased(app: Eventflow, id: UUID) -> bool:
    """Whether all of it is erased; all of it is there else."""
    headers, amount = app.log.headers(id), app.log.keyring.amount(id)
    assert app.log.verify(id) == (headers[-1].phase == Phase.ERASED)
    if headers[-1].phase != Phase.ERASED:
        assert app.get(Person, id).name == NAME
        assert all(one.event for one in app.history(id))
        assert amount == (1, 2, 2)
        assert app.log.snapshots.get(id) is not None
        return False
    assert [one.phase for one in headers].count(Phase.ERASED) == 1
    assert amount == (1, 2, 0)
    assert app.log.snapshots.get(id) is None
    assert app.log.keyring.fetch([id]) == {id: None}
    for one in app.history(id)[:-1]:
        with pytest.raises(Erased):
            _ = one.event
    return True
