"""What belongs to somebody is enciphered wherever it is kept, each stream with a key of its own."""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path
from threading import Barrier, Thread
from uuid import UUID

import pytest

from eventflow import Aggregate, Eventflow, Settings
from eventflow.errors import DamagedBody, Misconfigured
from eventflow.store import masters
from eventflow.store.ciphers import body_of, deciphered, enciphered, new_key
from tests.erasure.conftest import Make
from tests.erasure.words import MASTER, NAME, Moved, Parcel, Person, Standing, everything, is_mentioned, somebody
from tests.services import fresh_schema


def keys(app: Eventflow) -> dict[UUID, bytes]:
    return {UUID(str(stream)): bytes(key) for stream, key in app.database.query("SELECT stream, key FROM stream_keys")}


def test_nothing_of_a_person_stands_in_the_database_in_plain(app: Eventflow) -> None:
    id = somebody(app)
    app.log.snapshots.put(app.get(Person, id).snapshot())
    app.save(Parcel.create(text="nobody's secret"))
    app.projections.catch_up()

    held = everything(app)

    assert is_mentioned("nobody's secret", held)
    assert not is_mentioned(NAME, held)
    assert app.get(Person, id).name == NAME
    assert [one.header.codec for one in app.history(id)] == ["mk", "mk", "mk"]


def test_long_bodies_are_compressed_before_they_are_enciphered(app: Eventflow) -> None:
    id = somebody(app, moves=0, name="x" * 10_000)

    [header] = app.log.headers(id)

    assert header.codec == "mzk"
    assert header.size < 200
    assert app.get(Person, id).name == "x" * 10_000


def test_each_stream_has_a_key_of_its_own(app: Eventflow) -> None:
    one, other = somebody(app), somebody(app)

    found = keys(app)

    assert set(found) == {one, other}
    assert found[one] != found[other]


def test_the_message_of_an_error_stays_out_of_the_header(app: Eventflow) -> None:
    person = Person.create(name=NAME)
    person.record(Moved(street=""), error=f"ValueError: {NAME} lives nowhere")
    app.save(person)

    assert [one.error for one in app.log.headers(person.id)] == [None, "ValueError"]


def test_a_body_that_was_put_in_another_place_is_not_taken_for_what_belongs_there(app: Eventflow) -> None:
    id = somebody(app)
    first, second = (one.header.position for one in app.history(id)[1:])
    with app.database.transaction() as transaction:
        transaction.execute(f"DELETE FROM bodies WHERE position = {first}")
        transaction.execute(f"UPDATE bodies SET position = {first} WHERE position = {second}")

    with pytest.raises(DamagedBody):
        _ = app.history(id)[1].event

    key, stream = new_key(), UUID(int=1)
    secret = enciphered(key, b"mine", body_of(stream, 1))
    assert deciphered(key, secret, body_of(stream, 1)) == b"mine"
    for wrong, place in ((key, body_of(stream, 2)), (key, body_of(UUID(int=2), 1)), (new_key(), body_of(stream, 1))):
        with pytest.raises(ValueError, match="does not open"):
            deciphered(wrong, secret, place)


def test_two_who_begin_the_same_stream_at_once_use_the_same_key(make: Make) -> None:
    apps, ready = [make(), make()], Barrier(2)
    streams = {UUID(int=number): "person" for number in range(1, 30)}
    found = []

    def provide(app: Eventflow) -> None:
        ready.wait()
        found.append(app.log.keyring.provide(streams, begun=streams))

    threads = [Thread(target=provide, args=(app,)) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found[0] == found[1]
    assert len(set(found[0].values())) == len(streams)


def test_a_key_whose_transaction_was_rolled_back_is_forgotten(app: Eventflow, make: Make) -> None:
    person = Person.create(name=NAME)
    with suppress(KeyboardInterrupt), app.database.transaction() as transaction:
        app.log.keyring.provide({person.id: "person"}, [person.id], transaction)
        raise KeyboardInterrupt
    assert keys(app) == {}

    app.save(person)

    assert make().history(person.id)[0].event.event_body()["fields"]["name"] == NAME


def test_an_application_may_say_that_all_are_erasable_but_some(make: Make) -> None:
    class Note(Aggregate[Standing], category="note", initial=Standing.NEW):
        text: str

    class Sign(Aggregate[Standing], category="sign", initial=Standing.NEW, erasable=False):
        text: str

    app = make(aggregates=[Note, Sign], erasable=True)
    note, sign = Note.create(text=NAME), Sign.create(text="No entry")
    app.save(note, sign)

    assert [app.log.headers(one.id)[0].codec for one in (note, sign)] == ["mk", "m"]


def test_whoever_has_another_master_key_is_told_before_anything_is_read(make: Make) -> None:
    somebody(make())

    with pytest.raises(Misconfigured, match=masters.Masters.read(MASTER).current):
        make(master=masters.new())


def test_another_master_key_takes_over_and_the_old_one_is_let_go(make: Make) -> None:
    old = make()
    ids, new = [somebody(old) for _ in range(3)], masters.new()

    between = make(master=f"{new},{MASTER}")
    ids.append(somebody(between))
    before = keys(between)
    assert sum(between.log.keyring.rewrap()) == 3
    assert sum(between.log.keyring.rewrap()) == 0

    after = make(master=new)
    assert [after.get(Person, id).name for id in ids] == [NAME] * 4
    assert {id for id in ids if keys(after)[id] == before[id]} == {ids[3]}


def test_a_master_key_that_is_none_is_refused(make: Make) -> None:
    for said, wrong in (("hunter2", "base64"), ("aGk=", "2 bytes"), (f"{MASTER},", "0 bytes")):
        with pytest.raises(Misconfigured, match=wrong) as refusal:
            make(master=said)
        assert said not in str(refusal.value)


def test_a_database_on_a_server_needs_a_master_key() -> None:
    with fresh_schema() as url, pytest.raises(Misconfigured, match="EVENTFLOW_MASTER_KEY"):
        Eventflow(Settings(database=url), aggregates=[Person])


class TestBesideAFile:
    """Embedded, the master key is in a file beside the database."""

    def app(self, folder: Path) -> Eventflow:
        return Eventflow(Settings(database=f"sqlite:///{folder}/log.db"), aggregates=[Person])

    def test_one_is_made_that_others_cannot_read(self, tmp_path: Path) -> None:
        with self.app(tmp_path) as app:
            id = somebody(app)

        path = tmp_path / "log.db.key"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(tmp_path.glob("log.db.key*")) == [path]
        with self.app(tmp_path) as app:
            assert app.get(Person, id).name == NAME

    def test_one_that_is_lost_is_not_replaced(self, tmp_path: Path) -> None:
        with self.app(tmp_path) as app:
            somebody(app)
        (tmp_path / "log.db.key").unlink()

        with pytest.raises(Misconfigured, match="is gone"):
            self.app(tmp_path)
        assert not (tmp_path / "log.db.key").exists()

    def test_one_that_others_can_read_is_refused(self, tmp_path: Path) -> None:
        self.app(tmp_path).close()
        (tmp_path / "log.db.key").chmod(0o640)

        with pytest.raises(Misconfigured, match="chmod 600"):
            self.app(tmp_path)

    def test_who_has_nothing_to_erase_has_none(self, tmp_path: Path) -> None:
        with Eventflow(Settings(database=f"sqlite:///{tmp_path}/log.db"), aggregates=[Parcel]) as app:
            app.save(Parcel.create(text="x"))

        assert list(tmp_path.glob("*.key")) == []

    def test_in_memory_it_ends_with_the_database(self) -> None:
        with Eventflow(Settings(database="sqlite://"), aggregates=[Person]) as app:
            assert app.get(Person, somebody(app)).name == NAME
