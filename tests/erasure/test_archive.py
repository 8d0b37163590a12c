"""What left the database is erased with the rest: in the archive, in every copy of it, whatever moves it meanwhile."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import pytest

from eventflow import Eventflow
from eventflow.errors import Erased
from eventflow.model.recorded import Phase
from eventflow.runtime.archiving.compress import Compressor
from eventflow.runtime.archiving.restore import Restorer
from eventflow.store.archive.frames import decompress_all
from eventflow.store.archive.segment import Segment
from eventflow.store.ciphers import body_of, deciphered
from eventflow.store.codec import Codec
from tests.erasure.conftest import Make
from tests.erasure.words import NAME, Parcel, Person, everything, is_mentioned, somebody

NOW = timedelta(days=-1)
"""Everything is older."""


def names(app: Eventflow, id: UUID) -> list[Any]:
    return [one.event.event_body() for one in app.history(id, bodies=True)]


def no_body_is_read(app: Eventflow, id: UUID) -> None:
    for bodies in (False, True):
        *those, last = app.history(id, bodies=bodies)
        assert last.header.phase == Phase.ERASED
        for one in those:
            with pytest.raises(Erased):
                _ = one.event


def test_archived_bodies_are_read_with_their_key_and_the_segment_holds_none_of_them_in_plain(
    app: Eventflow, folder: Path
) -> None:
    id, parcel = somebody(app), Parcel.create(text="nobody's secret")
    app.save(parcel)
    said = names(app, id)

    [segment] = app.archive(older_than=NOW)

    assert names(app, id) == said
    assert [one.event.event_body() for one in app.history(id)] == said
    content = app.objects.get(segment.key)
    with ZipFile(BytesIO(content)) as opened:
        lines = b"".join(decompress_all(opened.read(name)) for name in opened.namelist() if name.endswith(".zst"))
    assert is_mentioned("nobody's secret", lines)
    assert not is_mentioned(NAME, lines, content)


def test_what_a_segment_holds_is_the_ciphertext_byte_for_byte(app: Eventflow) -> None:
    id = somebody(app, name=NAME * 100)
    rows = {row[0].version: row[1] for row in app.log._recorder.read(id)}
    key = app.log.keyring.fresh(id)
    assert key is not None

    [segment] = app.archive(older_than=NOW)

    with Segment(BytesIO(app.objects.get(segment.key))) as opened:
        found = {row.header.version: row for row in opened.rows()}
    assert {version: row.body for version, row in found.items()} == rows
    packed = deciphered(key, found[1].bare, body_of(id, 1))
    assert Codec().unpack("mz", packed)["fields"]["name"] == NAME * 100


def test_a_copy_of_the_archive_that_was_taken_before_tells_nothing_after(
    app: Eventflow, make: Make, folder: Path, tmp_path: Path
) -> None:
    id, other = somebody(app), somebody(app, name="Somebody else")
    app.archive(older_than=NOW)
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)

    app.erase(id)
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)

    again = make()
    no_body_is_read(again, id)
    with pytest.raises(Erased):
        again.get(Person, id)
    assert names(again, other)[0]["fields"]["name"] == "Somebody else"
    held = everything(again)
    with_copy = b"".join(path.read_bytes() for path in copy.rglob("*.zip"))
    keys = [bytes(key) for (key,) in again.database.query("SELECT key FROM stream_keys WHERE key IS NOT NULL")]
    assert len(keys) == 1
    assert not is_mentioned(NAME, held, with_copy)
    assert list(again.archives.verify()) == []


def test_an_erased_stream_needs_no_object_storage_to_say_so(app: Eventflow, folder: Path) -> None:
    id = somebody(app)
    app.archive(older_than=NOW)
    app.erase(id)
    shutil.rmtree(folder)

    no_body_is_read(app, id)
    assert app.log.verify(id)


def test_what_was_erased_does_not_leave_and_does_not_come_back(app: Eventflow) -> None:
    one, other = somebody(app), somebody(app)
    app.archive(older_than=NOW, stream=one)
    app.erase(one, other)

    assert app.archive(older_than=NOW, category="person") == []
    assert app.restore().amount.events == 0
    assert app.restorer.archived() == 0
    assert app.purge() == 0
    assert app.log.keyring.amount(one) == (1, 3, 0)
    no_body_is_read(app, other)


def at(owner: type, method: str, patch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do something once, when somebody comes to this place."""
    usual, left = getattr(owner, method), [act]

    def meanwhile(*args: Any, **said: Any) -> Any:
        if left:
            left.pop()()
        return usual(*args, **said)

    patch.setattr(owner, method, meanwhile)


@pytest.mark.parametrize("place", ["_upload", "_swap"])
def test_an_erasure_while_bodies_leave_wins(make: Make, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    app, other = make(), make()
    one, two = somebody(app), somebody(app, name="Somebody else")
    at(Compressor, place, monkeypatch, lambda: other.erase(one))

    assert app.archive(older_than=NOW) == []
    assert list(app.objects.list()) == []

    [segment] = app.archive(older_than=NOW)
    assert segment.events == 3
    assert names(app, two)[0]["fields"]["name"] == "Somebody else"
    no_body_is_read(app, one)
    assert list(app.archives.verify()) == []


def test_an_erasure_while_copies_are_made_wins(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    app, other = make(), make()
    one, two = somebody(app), somebody(app)
    app.archive(older_than=NOW)
    at(Restorer, "_portion", monkeypatch, lambda: other.erase(one))

    brought = app.restore()

    assert brought.amount.events == 3
    assert app.log.keyring.amount(one).copies == 0
    assert app.log.keyring.amount(two).copies == 3
    no_body_is_read(app, one)


def test_erasing_compressing_restoring_and_purging_at_once_leaves_nothing_readable_and_all_else_whole(
    make: Make,
) -> None:
    apps = [make() for _ in range(4)]
    ids = [somebody(apps[0], name=f"{NAME} {number}") for number in range(12)]
    kept, gone = ids[::2], ids[1::2]

    works: list[Callable[[], object]] = [
        lambda: apps[0].erase(*gone),
        lambda: [apps[1].archive(older_than=NOW, stream=id) for id in ids],
        lambda: [apps[2].restore() for _ in range(4)],
        lambda: [apps[3].purge() for _ in range(6)],
    ]
    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(work) for work in works]:
            done.result()

    apps[0].archive(older_than=NOW)
    for id in gone:
        no_body_is_read(apps[1], id)
        assert apps[0].log.keyring.amount(id)[::2] == (1, 0)
    for id in kept:
        assert names(apps[2], id)[0]["fields"]["name"].startswith(NAME)
        assert not apps[0].log.verify(id)
    assert list(apps[0].archives.verify()) == []
