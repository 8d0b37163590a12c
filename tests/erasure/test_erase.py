"""What a person's stream holds is erased: nobody reads it again, whatever copy of it is left."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from uuid import UUID, uuid4

import pytest

from eventflow import Eventflow
from eventflow.errors import Erased, EventflowError, Refused, StreamNotFound, VersionConflict
from eventflow.model.recorded import Draft, Head, Phase
from eventflow.store.ciphers import body_of, deciphered
from eventflow.store.log import Append
from eventflow.store.masters import Masters, Wrapped
from tests.erasure.conftest import Make
from tests.erasure.words import MASTER, NAME, Before, Moved, Parcel, Person, everything, is_mentioned, somebody


def erased(app: Eventflow, id: UUID) -> None:
    app.erase(id, reason="request 17", actor="ada")


def test_nobody_reads_what_was_erased(app: Eventflow, make: Make) -> None:
    id, other = somebody(app), make()
    assert other.get(Person, id).name == NAME

    [done] = app.erase(id, reason="request 17", actor="ada")

    assert (done.stream, done.bodies, done.before) == (id, 3, False)
    for one in (app, other):
        with pytest.raises(Erased, match=r"by ada \(request 17\)"):
            one.get(Person, id)
        for recorded in one.history(id)[:-1]:
            with pytest.raises(Erased, match="request 17"):
                _ = recorded.event


def test_the_history_goes_on_showing_its_headers_and_says_who_erased_it_and_when(app: Eventflow) -> None:
    id = somebody(app)
    before = app.log.headers(id)
    erased(app, id)

    *those, last = app.history(id)

    assert [one.header for one in those] == before
    assert {one.erased for one in those} == {last.header}
    assert (last.header.name, last.header.phase, last.header.actor) == ("person:erased", Phase.ERASED, "ada")
    assert last.header.recorded_at == app.clock()
    assert last.erased is None
    assert last.event.event_body() == {"bodies": 3, "reason": "request 17"}


def test_nothing_of_its_bodies_stays_in_the_database(app: Eventflow) -> None:
    id = somebody(app)
    app.log.snapshots.put(app.get(Person, id).snapshot())
    app.archive(older_than=timedelta(days=-1))
    app.restore()
    somebody_else = somebody(app, name="Somebody else")

    erased(app, id)

    left = app.log.keyring.amount(id)
    assert (left.hot, left.copies, left.archived) == (1, 0, 3)
    assert app.database.query(f"SELECT count(*) FROM snapshots WHERE stream = '{id}'") == [(0,)]
    assert app.get(Person, somebody_else).name == "Somebody else"


def test_of_a_file_not_even_the_destroyed_key_is_left(make: Make, url: str, tmp_path: Path) -> None:
    app = make()
    id = somebody(app)
    [(_, key)] = app.database.query("SELECT stream, key FROM stream_keys")
    erased(app, id)

    held = everything(app) + b"".join(path.read_bytes() for path in tmp_path.glob("log.db*"))
    assert bytes(key) not in held


def test_all_that_was_recorded_of_it_is_proven_still(app: Eventflow) -> None:
    id, other = somebody(app), somebody(app)
    erased(app, id)

    assert app.log.verify(id)
    assert not app.log.verify(other)
    assert list(app.archives.verify()) == []


def test_erasing_it_again_changes_nothing(app: Eventflow) -> None:
    id = somebody(app)
    [first] = app.erase(id)

    [again] = app.erase(id, reason="another one", actor="bob")

    assert again.before
    assert again.header == first.header
    assert (again.bodies, len(app.history(id))) == (3, 4)


def test_nothing_is_appended_to_what_was_erased(app: Eventflow, make: Make) -> None:
    id, other = somebody(app), make()
    stale = other.get(Person, id)
    erased(app, id)

    stale.record(Moved(street="elsewhere"))
    with pytest.raises(Erased):
        other.save(stale)
    with pytest.raises(Erased):
        other.save(Person.create(id=id, name=NAME))
    with pytest.raises(Erased):
        other.send(id, Person.move, "elsewhere")
    # Not even behind the erasure, by somebody who saw it and has the key still.
    head = app.log.headers(id)[-1]
    behind = Append(id, "person", Head(head.version, head.hash), (Draft(Moved(street="elsewhere"), "new"),))
    assert other.log.keyring._near(id) is not None
    for one in (app, other):
        with pytest.raises(Erased):
            one.log.append(behind)
    assert len(app.log.headers(id)) == 4


def test_a_key_of_a_caller_does_not_reach_it_either(app: Eventflow) -> None:
    id = somebody(app)
    stale = app.get(Person, id)
    erased(app, id)

    stale.record(Moved(street="elsewhere"))
    with pytest.raises(Erased):
        app.save(stale, key="once")
    assert app.taken("once") is None


def test_of_an_append_and_an_erasure_at_once_nothing_readable_is_left(make: Make) -> None:
    apps = [make(), make()]
    for _ in range(8):
        id = somebody(apps[0])
        ready = Barrier(2)
        ends: list[str] = []

        def append(id: UUID = id, ready: Barrier = ready, ends: list[str] = ends) -> None:
            person = apps[1].get(Person, id)
            ready.wait()
            try:
                for number in range(20):
                    person.record(Moved(street=f"{NAME} {number}"))
                    apps[1].save(person)
            except (Erased, VersionConflict) as error:
                ends.append(error.code)

        thread = Thread(target=append)
        thread.start()
        ready.wait()
        apps[0].erase(id)
        thread.join()

        headers = apps[0].log.headers(id)
        assert [one.phase for one in headers].index(Phase.ERASED) == len(headers) - 1
        assert apps[0].log.keyring.amount(id).hot == 1
        assert ends in (["erased"], ["version_conflict"], [])
        for one in apps:
            with pytest.raises(Erased):
                one.get(Person, id)


def test_a_key_that_is_kept_does_not_open_what_comes_from_the_archive(make: Make) -> None:
    app, other = make(), make()
    id = somebody(app)
    app.archive(older_than=timedelta(days=-1))
    assert other.history(id)[0].event.fields["name"] == NAME  # type: ignore[attr-defined]
    touched_later = other.history(id)
    app.erase(id)

    assert other.log.keyring._near(id) is not None
    with pytest.raises(Erased):
        _ = touched_later[0].event
    for found in (other.history(id), other.history(id, bodies=True), [other.log.at(touched_later[0].header.position)]):
        assert found[0] is not None
        with pytest.raises(Erased):
            _ = found[0].event


def test_what_is_not_enciphered_is_not_erased(app: Eventflow) -> None:
    parcel = Parcel.create(text="no secret")
    app.save(parcel)

    with pytest.raises(Refused, match="erasable=True"):
        app.erase(parcel.id)
    with pytest.raises(StreamNotFound):
        app.erase(uuid4())
    assert app.get(Parcel, parcel.id).text == "no secret"


class TestThoseWhoWereThereBefore:
    """Streams that were begun before their class was erasable."""

    def begun(self, make: Make) -> tuple[Eventflow, UUID]:
        app = make(aggregates=[Before])
        person = Before.create(name=NAME)
        app.save(person)
        app.log.snapshots.put(person.snapshot())
        return app, person.id

    def test_what_is_added_is_enciphered_and_all_of_it_is_erased(self, make: Make) -> None:
        _, id = self.begun(make)
        app = make()
        person = app.get(Person, id)
        person.record(Moved(street="elsewhere"))
        app.save(person)
        assert [one.codec for one in app.log.headers(id)] == ["m", "mk"]

        app.erase(id)

        assert not is_mentioned(NAME, everything(app))
        assert app.log.verify(id)
        assert list(app.archives.verify()) == []
        with pytest.raises(Erased):
            _ = app.history(id)[0].event

    def test_what_a_segment_holds_in_plain_is_named_and_nothing_is_erased(self, make: Make) -> None:
        app, id = self.begun(make)
        [segment] = app.archive(older_than=timedelta(days=-1))
        app = make()

        for ask in (app.erase, app.eraser.prospect):
            with pytest.raises(Refused, match=f"{segment.key}.*eventflow archive reseal --category person"):
                ask(id)

        assert app.get(Person, id).name == NAME
        assert app.log.headers(id)[-1].phase == Phase.ANNOUNCED


def test_several_are_erased_by_a_filter(app: Eventflow) -> None:
    ids = {somebody(app) for _ in range(3)}
    app.save(Parcel.create(text="x"))
    app.projections.catch_up()

    assert {one.stream for one in app.erase_where("category:person", reason="the law")} == ids
    for id in ids:
        with pytest.raises(Erased):
            app.find(id)


def test_a_copy_of_everything_but_the_master_key_tells_nothing(app: Eventflow) -> None:
    """Nobody who has the database and not its master key reads a body; whoever has both does."""
    id = somebody(app)
    [row] = app.database.query("SELECT master, key FROM stream_keys")
    [body] = app.database.query(
        f"SELECT state FROM bodies JOIN events USING (position) WHERE stream = '{id}' AND version = 1"
    )
    wrapped = Wrapped(str(row[0]), bytes(row[1]))

    key = Masters.read(MASTER).unwrap(id, wrapped)

    assert NAME.encode() in deciphered(key, bytes(body[0]), body_of(id, 1))
    with pytest.raises(EventflowError):
        Masters([b"x" * 32]).unwrap(id, wrapped)
