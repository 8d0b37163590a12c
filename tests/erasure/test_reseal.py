"""What was archived in plain before its class was erasable is written anew, enciphered, and can be erased then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import pytest

from eventflow import Eventflow, Settings
from eventflow.errors import Erased, Refused, Unavailable
from eventflow.model.archive import Deed, Operation
from eventflow.model.recorded import Header, Phase
from eventflow.runtime.archiving import leavings
from eventflow.runtime.archiving.compress import Compressor
from eventflow.runtime.archiving.reseal import GRACE, Order, Resealed, Resealer
from eventflow.runtime.archiving.restore import Restorer
from eventflow.store.archive import frames
from eventflow.store.archive.frames import decompress_all
from eventflow.store.archive.segment import Segment
from eventflow.store.archive.selection import Selection
from eventflow.store.marks import is_veiled
from eventflow.testing import Clock
from tests.erasure.conftest import Make
from tests.erasure.test_archive import at, no_body_is_read
from tests.erasure.words import MASTER, NAME, Before, Moved, Parcel, Person, everything, is_mentioned
from tests.services import an_s3_server

NOW = timedelta(days=-1)
"""Everything is older."""


def before(make: Make) -> Eventflow:
    """The program as it was before people could be erased."""
    return make(aggregates=[Before, Parcel])


def somebody(app: Eventflow, name: str = NAME, moves: int = 2) -> UUID:
    """Somebody who is begun in plain."""
    person = Before.create(name=name)
    for number in range(moves):
        person.record(Moved(street=f"{name}'s street, number {number} " * 30))
    app.save(person)
    return person.id


def a_parcel(app: Eventflow, text: str = "nobody's secret") -> UUID:
    parcel = Parcel.create(text=text)
    app.save(parcel)
    return parcel.id


def said(app: Eventflow, *ids: UUID) -> dict[tuple[UUID, int], Any]:
    """What every body says, as one reads it alone and together with others."""
    alone = {(id, one.header.version): one.event.event_body() for id in ids for one in app.history(id)}
    together = {(id, one.header.version): one.event.event_body() for id in ids for one in app.history(id, bodies=True)}
    assert alone == together
    return alone


def resealed(app: Eventflow, **how: Any) -> list[Resealed]:
    """What came of the segments; what was done in the database comes after it."""
    done = app.reseal(**how)
    return [one for one in done if one.what == "archived"]


def stored(app: Eventflow) -> bytes:
    """Every byte of every object, and what can be opened of it with ordinary tools."""
    content = b""
    for key in app.objects.list():
        whole = app.objects.get(key)
        with ZipFile(BytesIO(whole)) as opened, Segment(BytesIO(whole)) as segment:
            known = segment.dictionary
            content += whole + b"".join(map(opened.read, opened.namelist()))
            for member in segment.members():
                frame = opened.read(f"events/{member.stream}.{member.first}.jsonl.zst")
                content += frames.decompress(frame, member.raw_length, known)
    return content


def is_whole(app: Eventflow, *ids: UUID) -> bool:
    """Whether log and archive are proven."""
    for id in ids:
        app.log.verify(id)
    return list(app.archives.verify()) == []


def operations(app: Eventflow) -> list[tuple[Header, Operation]]:
    found = [one.header for one in app.log.recorded(0, 10_000) if one.header.category == "eventflow_archive"]
    those = [(header, app.get(Operation, header.stream)) for header in found]
    return [(header, one) for header, one in those if one.status is Deed.RESEALED]


def test_what_was_archived_in_plain_is_enciphered_and_can_be_erased(make: Make, url: str, tmp_path: Path) -> None:
    old = before(make)
    one, other, parcel = somebody(old), somebody(old, "Somebody else"), a_parcel(old)
    was = said(old, one, other, parcel)
    [segment] = old.archive(older_than=NOW)
    app = make()
    with pytest.raises(Refused, match="eventflow archive reseal --category person"):
        app.erase(one)

    [done] = resealed(app, category="person", grace=timedelta(0), reason="the law", actor="ada")

    assert (done.bodies, done.replaced, done.left) == (6, segment.key, None)
    assert list(app.objects.list()) == [done.key]
    assert said(app, one, other, parcel) == said(make(), one, other, parcel) == was
    assert is_whole(app, one, other, parcel)
    content = stored(app)
    assert not is_mentioned(NAME, content)
    assert is_mentioned("nobody's secret", content)

    app.erase(one)

    no_body_is_read(app, one)
    no_body_is_read(make(), one)
    assert is_whole(app, one, other, parcel)
    assert {key: body for key, body in was.items() if key[0] != one} == said(app, other, parcel)
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert not is_mentioned(NAME, everything(app), stored(app), files if url.startswith("sqlite") else b"")


def test_headers_stay_as_they_are_and_digests_are_of_what_was_said(make: Make) -> None:
    old = before(make)
    id = somebody(old)
    headers = old.log.headers(id)
    bare = {one.version: old.log._check(one, body) for one, body in old.log._recorder.read(id)}
    old.archive(older_than=NOW)
    app = make()

    [done] = resealed(app, grace=timedelta(0))

    assert app.log.headers(id) == headers
    with Segment(BytesIO(app.objects.get(done.key or ""))) as opened:
        rows = list(opened.rows())
    assert [row.header for row in rows] == headers
    assert all(is_veiled(row.bare) for row in rows)
    for header in headers:
        again = app.log._check(header, b"")
        assert again == bare[header.version]
        assert sha256(again).digest() == header.digest


def test_what_stands_in_the_database_in_plain_is_overwritten(make: Make, url: str, tmp_path: Path) -> None:
    old = before(make)
    hot, archived = somebody(old), somebody(old)
    old.log.snapshots.put(old.get(Before, hot).snapshot())
    old.archive(older_than=NOW, stream=archived)
    old.restore(stream=archived)
    was = said(old, hot, archived)
    app = make()
    assert app.resealer.prospect()[2:] == (3, 3, 3, 2)

    done = app.reseal(grace=timedelta(0))

    assert {one.what: one.bodies for one in done} == {"archived": 3, "hot": 3, "copies": 3, "snapshots": 2}
    assert app.resealer.prospect() == (0, 0, 0, 0, 0, 0)
    assert app.reseal() == []
    assert not is_mentioned(NAME, everything(app), stored(app))
    if url.startswith("sqlite"):
        assert not is_mentioned(NAME, *tmp_path.glob("log.db*"))
    assert said(app, hot, archived) == said(make(), hot, archived) == was
    assert app.restorer.amount().events == 3
    snapshot = app.log.snapshots.get(hot)
    assert snapshot is not None and snapshot.fields["name"] == NAME
    assert is_whole(app, hot, archived)
    app.erase(hot, archived)
    for id in (hot, archived):
        no_body_is_read(app, id)


def test_from_the_day_on_that_a_class_is_erasable_nothing_more_of_it_leaves_in_plain(make: Make) -> None:
    old = before(make)
    ids = [somebody(old) for _ in range(3)]
    was = said(old, *ids)
    app = make()

    [segment] = app.archive(older_than=NOW, stream=ids[0])
    app.reseal()
    [other] = app.archive(older_than=NOW, category="person")

    assert (segment.events, other.events, segment.left, other.left) == (3, 6, [], [])
    assert not is_mentioned(NAME, stored(app))
    assert said(app, *ids) == was
    assert is_whole(app, *ids)
    app.erase(*ids)
    assert app.restore().amount.events == 0


def test_what_is_restored_from_plain_is_no_longer_plain(make: Make) -> None:
    old = before(make)
    id = somebody(old)
    was = said(old, id)
    old.archive(older_than=NOW)
    app = make()

    assert app.restore().amount.events == 3

    [states] = zip(*app.database.query("SELECT state FROM restored"), strict=True)
    assert not is_mentioned(NAME, *map(bytes, states))
    assert said(app, id) == was


def test_a_stream_that_goes_on_is_enciphered_before_and_after(make: Make) -> None:
    old = before(make)
    id = somebody(old)
    old.archive(older_than=NOW)
    app = make()
    person = app.get(Person, id)
    person.record(Moved(street=f"{NAME}'s new street"))
    app.save(person)
    was = said(app, id)

    app.reseal(stream=id)
    app.archive(older_than=NOW)

    assert [one.codec[-1] for one in app.log.headers(id)] == ["m", "z", "z", "k"]
    assert said(app, id) == was
    assert is_whole(app, id)


def test_the_old_object_stays_for_a_while_and_goes_with_the_rest_of_the_garbage(make: Make) -> None:
    old = before(make)
    ids = [somebody(old, f"{NAME} {number}") for number in range(2)]
    segments = [old.archive(older_than=NOW, stream=id)[0].key for id in ids]
    app = make()

    done = [*resealed(app, grace=timedelta(seconds=-1), stream=ids[0]), *resealed(app)]

    # The second one has a day; the first one went with the beginning of the second run.
    assert [one.replaced for one in done] == segments
    kept = [one.key for one in app.archives.standing().replaced]
    assert kept == [segments[1]]
    assert set(app.objects.list()) == {segments[1], *(one.key for one in done)}
    assert app.archives.orphans() == app.archives.collect() == []
    assert is_whole(app)

    with app.database.transaction() as transaction:
        transaction.execute("UPDATE archives SET lease_until = began_at WHERE state = 'replaced'")
    assert app.archives.orphans() == [segments[1]]
    assert app.archives.collect(reason="no longer needed") == [segments[1]]
    assert set(app.objects.list()) == {one.key for one in done}
    assert app.archives.standing().replaced == []
    # Later manifests name the first one still.
    assert is_whole(app)
    assert timedelta(days=1) == GRACE


def test_erasing_does_not_wait_for_the_old_object(make: Make) -> None:
    old = before(make)
    one, other = somebody(old), somebody(old, "Somebody else")
    [first] = old.archive(older_than=NOW, stream=one)
    [second] = old.archive(older_than=NOW, stream=other)
    app = make()
    app.reseal()
    assert {first.key, second.key} < set(app.objects.list())
    assert app.eraser.prospect(one).bodies == 3

    app.erase(one)

    assert first.key not in set(app.objects.list())
    assert second.key in set(app.objects.list())
    assert not is_mentioned(NAME, stored(app))


def test_nothing_is_erased_while_the_old_object_is_out_of_reach(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    old = before(make)
    id = somebody(old)
    old.archive(older_than=NOW)
    app = make()
    app.reseal()

    def away(key: str) -> None:
        raise Unavailable(key, "it is out of reach")

    monkeypatch.setattr(app.objects, "delete", away)
    with pytest.raises(Unavailable):
        app.erase(id)

    assert app.log.headers(id)[-1].phase != Phase.ERASED
    monkeypatch.undo()
    app.erase(id)
    no_body_is_read(app, id)


class TestDictionaries:
    """Pieces of what a dictionary was made of stand in it: it has to go as well, wherever it is used."""

    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(frames, "LEAST", 16 * 1024)

    def archived(self, old: Eventflow) -> tuple[UUID, UUID]:
        """Two segments with one dictionary: of people and parcels, and of parcels alone."""
        chance = Random(17)
        words = [chance.randbytes(4).hex() for _ in range(40)]
        for number in range(60):
            text = " ".join(chance.choices(words, k=90))
            somebody(old, f"{NAME} {text}", moves=0)
            a_parcel(old, f"{number} {text}")
        old.archive(older_than=NOW)
        one = somebody(old, moves=0)
        parcel = a_parcel(old)
        for number in range(60):
            a_parcel(old, f"{number} {NAME} {' '.join(chance.choices(words, k=90))}")
        old.archive(older_than=NOW, category="parcel")
        return one, parcel

    def dictionaries(self, app: Eventflow) -> list[bytes]:
        found = []
        for key in app.objects.list():
            with Segment(BytesIO(app.objects.get(key))) as segment:
                assert segment.dictionary is not None
                found.append(segment.dictionary.content)
        return found

    def test_one_that_was_made_of_it_is_used_no_longer_and_known_no_longer(self, make: Make) -> None:
        old = before(make)
        _, parcel = self.archived(old)
        was = said(old, parcel)
        first, second = self.dictionaries(old)
        assert first == second
        assert is_mentioned(NAME, first)
        [somebody_archived] = old.database.query(
            "SELECT stream FROM events WHERE category = 'person' ORDER BY position LIMIT 1"
        )
        app = make()
        [(kept,)] = app.database.query("SELECT content FROM dictionaries")
        assert bytes(kept) == first

        done = resealed(app, category="person", grace=timedelta(0))

        assert [one.bodies for one in done if one.key] == [60, 0]
        assert all(known != first for known in self.dictionaries(app))
        assert is_whole(app)
        assert said(app, parcel) == was
        for known in app.database.query("SELECT content FROM dictionaries"):
            assert bytes(known[0]) != first
        app.erase(UUID(str(somebody_archived[0])))

    def test_whoever_may_stand_in_one_is_not_erased_before(self, make: Make) -> None:
        old = before(make)
        self.archived(old)
        app = make()
        [(stream,)] = app.database.query(
            "SELECT stream FROM events WHERE category = 'person' ORDER BY position LIMIT 1"
        )
        first, second = (one.key for one in app.archives.catalogue.sealed())
        done = resealed(app, lo=1, hi=1, grace=timedelta(0))
        assert [one.replaced for one in done if one.key] == [first]

        with pytest.raises(Refused, match=f"dictionary.*{second}.*archive reseal --category person"):
            app.erase(UUID(str(stream)))

        app.reseal(category="person")
        app.erase(UUID(str(stream)))

    def test_a_new_segment_uses_none_that_was_made_of_it(self, make: Make) -> None:
        old = before(make)
        self.archived(old)
        [tainted] = {bytes(row[0]) for row in old.database.query("SELECT content FROM dictionaries")}
        app = make()
        for number in range(60):
            a_parcel(app, f"{number} another text " * 40)

        [segment] = app.archive(older_than=NOW, category="parcel")

        with Segment(BytesIO(app.objects.get(segment.key))) as opened:
            assert opened.dictionary is None or opened.dictionary.content != tainted
        app.reseal(category="person", grace=timedelta(0))
        assert tainted not in [bytes(row[0]) for row in app.database.query("SELECT content FROM dictionaries")]


def test_segments_without_it_stay_as_they_are(make: Make) -> None:
    old = before(make)
    parcel = a_parcel(old)
    [parcels] = old.archive(older_than=NOW)
    somebody(old)
    [people] = old.archive(older_than=NOW)
    app = make()

    assert app.resealer.prospect()[:3] == (1, people.size, 3)
    [done] = resealed(app, grace=timedelta(0))

    assert done.replaced == people.key
    assert set(app.objects.list()) == {parcels.key, done.key}
    assert said(app, parcel)


def test_a_line_says_that_it_is_secret_and_what_it_was_known_by(make: Make) -> None:
    old = before(make)
    id = somebody(old, moves=0)
    old.archive(older_than=NOW)
    app = make()
    [done] = resealed(app, grace=timedelta(0))

    with ZipFile(BytesIO(app.objects.get(done.key or ""))) as opened:
        line = decompress_all(opened.read(f"events/{id}.1.jsonl.zst")).decode()
        assert '"secret" of what was enciphered' in " ".join(opened.read("README.txt").decode().split())
    assert '"secret":"' in line
    assert '"body"' not in line
    assert f'"digest":"{app.log.headers(id)[0].digest.hex()}"' in line


def test_who_did_it_when_and_why_is_recorded_with_what_took_whose_place(make: Make) -> None:
    old = before(make)
    somebody(old)
    [segment] = old.archive(older_than=NOW)
    somebody(old)
    app = make()

    done, *_ = app.reseal(category="person", reason="the law", actor="ada")

    (header, archived), (_, hot), _ = operations(app)
    assert (header.actor, header.recorded_at) == ("ada", app.clock())
    assert (archived.key, archived.replaced, archived.bodies) == (done.key, segment.key, 3)
    assert (archived.chosen, archived.reason) == ("the category person", "the law")
    assert (hot.chosen, hot.bodies, hot.key) == ("hot of the category person", 3, None)


def test_what_is_not_erasable_is_refused(make: Make) -> None:
    app = make()
    parcel = a_parcel(app)

    for ask in (app.reseal, app.resealer.prospect):
        with pytest.raises(Refused, match="erasable=True"):
            ask(category="parcel") if ask == app.reseal else app.resealer.prospect(Selection(category="parcel"))
    with pytest.raises(Refused, match="erasable=True"):
        app.reseal(stream=parcel)
    assert make(aggregates=[Parcel]).reseal() == []


def test_a_segment_that_is_damaged_or_gone_is_told_and_stops_nobody(make: Make) -> None:
    old = before(make)
    ids = [somebody(old, f"{NAME} {number}") for number in range(3)]
    first, second, third = (old.archive(older_than=NOW, stream=id)[0].key for id in ids)
    old.objects.delete(first)
    content = bytearray(old.objects.get(second))
    content[len(content) // 2] ^= 1
    old.objects.put(second, bytes(content))
    app = make()

    done = resealed(app, grace=timedelta(0))

    assert [(one.replaced, one.key is None) for one in done] == [(first, True), (second, True), (third, False)]
    assert first in (done[0].left or "") and second in (done[1].left or "")
    assert said(app, ids[2])
    assert app.archives.standing().unfinished == []


def test_a_bad_body_stays_in_the_database_and_is_told(make: Make) -> None:
    old = before(make)
    one, other = somebody(old), somebody(old)
    position = old.log.headers(one)[1].position
    with old.database.transaction() as transaction:
        other_bytes = "x'80'" if old.database.dialect == "sqlite" else "'\\x80'::bytea"
        transaction.execute(f"UPDATE bodies SET state = {other_bytes} WHERE position = {position}")
    app = make()

    [done] = app.reseal()

    assert (done.bodies, f"position {position}" in (done.left or "")) == (5, True)
    assert said(app, other)


def test_said_again_it_goes_on_where_it_was_interrupted(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    old = before(make)
    ids = [somebody(old, f"{NAME} {number}") for number in range(4)]
    for id in ids:
        old.archive(older_than=NOW, stream=id)
    was = said(old, *ids)
    app = make()
    left = [1, 1]

    def fails(*args: Any) -> None:
        if not left:
            raise Unavailable("the object storage", "it is out of reach")
        left.pop()
        usual(*args)

    usual = leavings.upload
    monkeypatch.setattr("eventflow.runtime.archiving.reseal.upload", fails)
    with pytest.raises(Unavailable):
        app.reseal(grace=timedelta(0))
    monkeypatch.undo()
    assert app.resealer.prospect().segments == 2
    assert said(app, *ids) == was
    assert is_whole(app, *ids)

    assert sum(one.bodies for one in resealed(app, grace=timedelta(0))) == 6

    assert said(app, *ids) == was
    assert is_whole(app, *ids)
    assert not is_mentioned(NAME, stored(app))
    assert len(list(app.objects.list())) == 4


def test_of_two_who_write_a_segment_anew_one_does_and_the_other_leaves_it(make: Make) -> None:
    old = before(make)
    ids = [somebody(old, f"{NAME} {number}") for number in range(6)]
    was = said(old, *ids)
    for id in ids:
        old.archive(older_than=NOW, stream=id)
    apps = [make(), make()]

    with ThreadPoolExecutor(2) as pool:
        done = [one for each in pool.map(lambda app: resealed(app, grace=timedelta(0)), apps) for one in each]

    assert sum(one.bodies for one in done) == 18
    assert sum(one.key is not None for one in done) == 6
    assert all(one.key is not None or "somebody else" in (one.left or "") for one in done)
    for app in apps:
        assert said(app, *ids) == was
    assert is_whole(apps[0], *ids)
    assert len(list(apps[0].objects.list())) == 6


@pytest.mark.parametrize("place", ["_write", "_upload", "_swap"])
def test_what_moves_meanwhile_is_not_lost(make: Make, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    old = before(make)
    ids = [somebody(old, f"{NAME} {number}") for number in range(3)]
    one, two, three = ids
    old.archive(older_than=NOW, stream=one)
    was = said(old, *ids)
    app, other = make(), make()
    new = Person.create(name="Somebody new")
    app.save(new)
    others: list[Callable[[], object]] = [
        lambda: other.archive(older_than=NOW, stream=two),
        other.restore,
        lambda: other.erase(new.id),
        lambda: other.reseal(stream=three),
    ]
    at(Resealer, place, monkeypatch, lambda: [act() for act in others])

    app.reseal(grace=timedelta(0))

    assert said(app, *ids) == said(make(), *ids) == was
    assert is_whole(app, *ids, new.id)
    assert not is_mentioned(NAME, stored(app), everything(app))
    app.erase(*ids)
    for id in ids:
        no_body_is_read(make(), id)


def test_an_archiver_that_read_it_in_plain_before_does_not_bring_it_back(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that knows nothing of it yet goes on: what it moves in plain meanwhile is found by the next look."""
    old = before(make)
    id = somebody(old)
    was = said(old, id)
    app = make()
    at(Compressor, "_swap", monkeypatch, app.reseal)
    old.archive(older_than=NOW)

    with pytest.raises(Refused, match="reseal"):
        app.erase(id)
    app.reseal(grace=timedelta(0))

    assert said(app, id) == was
    assert not is_mentioned(NAME, stored(app), everything(app))
    app.erase(id)
    no_body_is_read(app, id)


def test_copies_that_are_made_of_the_old_segment_meanwhile_are_enciphered(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = before(make)
    id = somebody(old)
    old.archive(older_than=NOW)
    app, other = make(), make()
    at(Restorer, "_parted", monkeypatch, lambda: app.reseal(grace=timedelta(0)))

    assert other.restore().amount.events == 3

    [states] = zip(*app.database.query("SELECT state FROM restored"), strict=True)
    assert not is_mentioned(NAME, *map(bytes, states))
    assert said(app, id)


def test_whoever_looked_where_a_body_is_before_reads_it_after_the_old_object_is_gone(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = before(make)
    ids = [somebody(old) for _ in range(3)]
    old.archive(older_than=NOW)
    app, reader = make(), make()
    usual = reader.objects.get_range

    def late(*args: Any) -> bytes:
        monkeypatch.undo()
        app.reseal(grace=timedelta(0))
        return usual(*args)

    monkeypatch.setattr(reader.objects, "get_range", late)
    found = reader.log.recorded(0)

    bodies = [one.event.event_body() for one in found if one.header.stream in ids]
    assert len(bodies) == 9
    assert app.resealer.prospect().segments == 0


def test_verifying_while_a_segment_is_written_anew_finds_nothing_wrong(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = before(make)
    somebody(old)
    old.archive(older_than=NOW)
    app = make()
    usual = app.objects.read

    def late(key: str) -> Iterator[bytes]:
        monkeypatch.undo()
        make().reseal(grace=timedelta(0))
        return usual(key)

    monkeypatch.setattr(app.objects, "read", late)
    assert list(app.archives.verify()) == []
    assert list(app.archives.verify()) == []


def test_a_body_in_plain_where_the_catalogue_says_that_it_is_secret_is_a_fault(make: Make) -> None:
    old = before(make)
    id = somebody(old)
    [segment] = old.archive(older_than=NOW)
    with old.database.transaction() as transaction:
        truth = "true" if old.database.dialect == "postgresql" else "1"
        transaction.execute(f"UPDATE archive_members SET secret = {truth}")

    [fault] = old.archives.verify()

    assert (fault.key, fault.position) == (segment.key, old.log.headers(id)[0].position)
    assert "in plain" in fault.why


def test_a_backup_of_the_archive_from_before_is_the_only_thing_that_holds_it(make: Make, folder: Path) -> None:
    old = before(make)
    id = somebody(old)
    [segment] = old.archive(older_than=NOW)
    backup = old.objects.get(segment.key)
    app = make()
    app.reseal(grace=timedelta(0))
    app.erase(id)

    # It comes back with a copy: nobody reads it, and it is named among what is to be removed.
    app.objects.put(segment.key, backup)
    no_body_is_read(make(), id)
    clock: Any = app.clock
    clock.forward(days=3)
    assert app.archives.collect() == [segment.key]


@contextmanager
def a_bucket() -> Iterator[str]:
    with an_s3_server("rclone") as server:
        yield f"{server}/test-reseal?secure=false&create=true"


def test_it_works_on_a_bucket_as_well(tmp_path: Path) -> None:
    clock = Clock()
    with a_bucket() as bucket:
        said_ = Settings(database=f"sqlite:///{tmp_path}/log.db", objects=bucket, master_key=MASTER)
        with Eventflow(said_, aggregates=[Before, Parcel], clock=clock) as old:
            id, parcel = somebody(old), a_parcel(old)
            was = said(old, id, parcel)
            old.archive(older_than=NOW)
        with Eventflow(said_, aggregates=[Person, Parcel], clock=clock) as app:
            [done] = resealed(app)
            assert said(app, id, parcel) == was
            assert is_whole(app, id, parcel)
            assert len(list(app.objects.list())) == 2

            app.erase(id)

            assert list(app.objects.list()) == [done.key]
            assert not is_mentioned(NAME, stored(app))
            with pytest.raises(Erased):
                app.get(Person, id)


def test_said_again_nothing_is_read_that_holds_nothing_in_plain(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    old = before(make)
    for _ in range(3):
        somebody(old)
    old.archive(older_than=NOW)
    app = make()
    app.reseal()
    asked: list[str] = []
    usual = app.objects.read

    def noted(key: str) -> Iterator[bytes]:
        asked.append(key)
        return usual(key)

    monkeypatch.setattr(app.objects, "read", noted)
    assert list(app.resealer.run(Order())) == []
    assert asked == []
