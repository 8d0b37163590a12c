"""Bodies that have left the database, as pages show them: the same as before, in one burst, whatever goes wrong."""

from __future__ import annotations

import random
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest

from eventflow import Aggregate, Event, Eventflow
from eventflow.dashboard import VIEW, Access, Dashboard, Person
from eventflow.settings import Settings
from eventflow.testing import Clock
from tests.archive.wall import Wall, a_wall, stumbles
from tests.dashboard.conftest import near
from tests.dashboard.shop import Browser, OrderStatus
from tests.hostile import Call
from tests.services import an_s3_server

NOTES = 70


class Noted(Event):
    """Somebody wrote something down."""

    note: str


class Letter(Aggregate[OrderStatus], category="letter", initial=OrderStatus.PLACED, events=(Noted,), erasable=True):
    """What bodies are about."""

    note: str = ""


class Desk(NamedTuple):
    """An application whose bodies have left, two of its letters, and a browser in front."""

    app: Eventflow
    letter: UUID
    other: UUID
    browser: Browser
    clock: Clock

    @property
    def page(self) -> str:
        """The address of the letter."""
        return f"/item/{self.letter}"

    def bodies(self, path: str | None = None) -> list[Any]:
        """The bodies of the events on a page, as programs are given them."""
        return [one["body"] for one in self.browser.facts(path or self.page)["events"]]


class Asked:
    """What the object storage was asked for. Grows with each request."""

    def __init__(self, wall: Wall) -> None:
        self._wall, self.heads = wall, list[str]()

    def __call__(self, call: Call) -> None:
        self.heads.append(call.head)
        self._wall.passes(call)

    @property
    def gets(self) -> list[str]:
        """The requests for objects."""
        return [one for one in self.heads if re.match(r"GET /[^/?]+/[^? ]+", one)]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A real S3 server."""
    with an_s3_server() as url:
        yield url


@pytest.fixture
def wall(server: str) -> Iterator[Wall]:
    """A wall in front of it."""
    with a_wall(server) as wall:
        yield wall


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where segments go."""
    if request.param == "folder":
        return (tmp_path / "objects").as_uri()
    return f"{request.getfixturevalue('server')}/test-{uuid4().hex[:12]}?secure=false&create=true"


@pytest.fixture
def desk(url: str, objects: str) -> Iterator[Desk]:
    """Nothing has left yet."""
    with opened(url, objects) as desk:
        yield desk


@pytest.fixture
def local(url: str, tmp_path: Path) -> Iterator[Desk]:
    """The same with a folder for segments."""
    with opened(url, (tmp_path / "objects").as_uri()) as desk:
        yield desk


@pytest.fixture
def far(wall: Wall, tmp_path: Path) -> Iterator[Desk]:
    """Everything has left for a bucket behind the wall, and nothing of it is near."""
    objects = f"{wall.url}/test-{uuid4().hex[:12]}?secure=false&create=true&timeout=2"
    database = f"sqlite:///{tmp_path / 'log.db'}"
    with opened(database, objects) as desk:
        desk.app.archive(older_than=timedelta(0))
    with opened(database, objects, begun=(desk.letter, desk.other)) as again:
        yield again


@contextmanager
def opened(database: str, objects: str, *, begun: tuple[UUID, UUID] | None = None) -> Iterator[Desk]:
    """An application with two letters, and somebody in front of it."""
    clock = Clock()
    settings = Settings(database=database, objects=objects, master_key=b64encode(bytes(32)).decode())
    with Eventflow(settings, aggregates=[Letter], clock=clock) as app:
        letters = begun or (written(app, NOTES), written(app, 2))
        app.projections.catch_up()
        clock.forward(days=3)
        yield Desk(app, *letters, near(Dashboard(app)), clock)


def written(app: Eventflow, notes: int) -> UUID:
    """A letter with so many notes."""
    letter = Letter.create()
    for number in range(notes):
        letter.record(Noted(note=f"<b>{number}</b> {random.Random(number).randbytes(200).hex()}"))
    app.save(letter)
    return letter.id


def left(desk: Desk) -> None:
    """Let everything leave."""
    assert sum(done.events for done in desk.app.archive(older_than=timedelta(0))) >= NOTES


class TestWhatHasLeft:
    """Bodies are in segments."""

    def test_pages_show_the_same_as_before_byte_for_byte(self, desk: Desk) -> None:
        pages = [desk.page, f"{desk.page}?upto=20", f"/item/{desk.other}"]
        before = [desk.bodies(page) for page in pages]
        alone = desk.browser.facts("/log/3")["event"]["body"]
        seen = desk.browser.page(desk.page).texts(".event .body .tree, .event .body pre")

        left(desk)

        assert [desk.bodies(page) for page in pages] == before
        assert desk.browser.facts("/log/3")["event"]["body"] == alone
        assert desk.browser.page(desk.page).texts(".event .body .tree, .event .body pre") == seen
        assert desk.browser.facts(desk.page)["item"]["fields"]["note"].startswith("<b>69</b>")

    def test_each_event_says_that_its_body_is_archived(self, local: Desk) -> None:
        assert "archived" not in local.browser.page(local.page)
        left(local)
        page = local.browser.page(f"/item/{local.other}")
        assert page.texts(".event .c-purple") == ["archived"] * 3
        assert "archived" in local.browser.page("/log/3")

    def test_what_is_written_into_it_is_text_and_no_markup(self, local: Desk) -> None:
        left(local)
        page = local.browser.page(f"/item/{local.other}")
        assert ("<b>0</b>" in page.text, "&lt;b&gt;0&lt;/b&gt;" in page.html) == (True, True)


class TestWhatItCosts:
    """Requests to the object storage, counted on the way there."""

    def test_an_item_costs_one_ranged_request_and_then_none(self, wall: Wall, far: Desk) -> None:
        wall.always(asked := Asked(wall))

        assert None not in far.bodies(f"/item/{far.other}")
        [request] = asked.gets
        assert re.search(r"(?im)^range: bytes=\d+-\d+\r?$", request)

        assert None not in far.bodies(f"/item/{far.other}")
        assert len(asked.gets) == 1

    def test_pages_of_a_long_history_cost_one_request_each_at_most(self, wall: Wall, far: Desk) -> None:
        wall.always(asked := Asked(wall))
        assert len(far.bodies()) == 50
        assert len(asked.gets) == 1
        assert len(far.bodies(f"{far.page}?upto=21")) == 21
        assert len(asked.gets) <= 2

    def test_lists_and_what_does_not_show_bodies_open_no_archive(self, wall: Wall, far: Desk) -> None:
        wall.always(asked := Asked(wall))
        for path in ("/", "/items/letter", "/items/letter?where=status:placed"):
            far.browser.page(path)
        assert asked.heads == []

    def test_restored_bodies_are_read_without_the_object_storage(self, wall: Wall, far: Desk) -> None:
        assert "48 hours" in far.browser.submit(f"{far.page}/restore", hours=48, reason="an audit").told
        with opened_again(far) as again:
            wall.always(asked := Asked(wall))
            assert None not in again.bodies()
            assert asked.heads == []


@contextmanager
def opened_again(desk: Desk) -> Iterator[Desk]:
    """The same in another process, which has nothing near."""
    settings = desk.app.settings
    with opened(
        settings.database.get_secret_value(), settings.objects.get_secret_value(), begun=(desk.letter, desk.other)
    ) as again:
        yield again


def is_deleted(desk: Desk) -> None:
    """Somebody removed the objects."""
    for key in list(desk.app.objects.list()):
        desk.app.objects.delete(key)


def is_truncated(desk: Desk) -> None:
    """Somebody cut them short."""
    for key in list(desk.app.objects.list()):
        desk.app.objects.put(key, desk.app.objects.get(key)[:100])


class TestWhatGoesWrong:
    """The page stays whole, and says in the place of a body why it is not there and what to do."""

    @pytest.mark.parametrize(
        ("spoil", "said"),
        [
            (is_deleted, "Put the object back from a copy"),
            (is_truncated, "cannot be read: it should be in"),
        ],
        ids=["deleted", "truncated"],
    )
    def test_an_object_that_is_not_as_it_was(
        self, url: str, tmp_path: Path, spoil: Callable[[Desk], None], said: str
    ) -> None:
        with opened(url, (tmp_path / "objects").as_uri()) as desk:
            left(desk)
            spoil(desk)
            self._is_whole_without_bodies(desk, said)

    @pytest.mark.parametrize("reason", ["down", "500"])
    def test_an_object_storage_that_does_not_answer(self, wall: Wall, far: Desk, reason: str) -> None:
        wall.always(stumbles if reason == "500" else lambda call: call.connection.close())
        self._is_whole_without_bodies(far, "is out of reach")

    def test_a_storage_that_is_out_of_reach_is_not_asked_again_for_every_segment(
        self, wall: Wall, tmp_path: Path
    ) -> None:
        objects = f"{wall.url}/test-{uuid4().hex[:12]}?secure=false&create=true&timeout=2"
        database = f"sqlite:///{tmp_path / 'log.db'}"
        with opened(database, objects) as desk:
            for position in range(1, 40, 10):
                desk.app.archive(older_than=timedelta(0), lo=position, hi=position + 9)
        with opened(database, objects, begun=(desk.letter, desk.other)) as desk:
            _ = desk.app.objects
            heads: list[str] = []

            def fails(call: Call) -> None:
                heads.append(call.head)
                call.answer(
                    "403 Forbidden", b"<Error><Code>AccessDenied</Code></Error>", "Content-Type: application/xml"
                )

            wall.always(fails)
            facts = desk.browser.facts(f"{desk.page}?upto=40")
            unread = [one for one in facts["events"] if "unreadable" in one]
            assert (len(unread), len(heads)) == (40, 2)

    def test_objects_that_are_said_wrongly(self, tmp_path: Path) -> None:
        database = f"sqlite:///{tmp_path / 'log.db'}"
        with opened(database, (tmp_path / "objects").as_uri()) as desk:
            left(desk)
        with opened(database, "s3://no-bucket", begun=(desk.letter, desk.other)) as again:
            self._is_whole_without_bodies(again, "A bucket is s3://")

    def test_a_restored_copy_is_shown_though_the_object_is_gone(self, local: Desk) -> None:
        before = local.bodies()
        left(local)
        local.app.restore()
        is_deleted(local)
        assert local.bodies() == before
        page = local.browser.page(local.page)
        assert page.texts(".event .c-teal") == ["restored"] * 50

    def test_what_was_erased_says_by_whom(self, local: Desk) -> None:
        left(local)
        local.app.erase(local.letter, actor="ann", reason="they asked for it")
        page = local.browser.page(local.page)
        assert len(page.all(".event .unreadable")) == 49  # the erasure itself is the 50th
        assert "by ann" in page
        assert page.all(".act") == []
        assert "<b>" not in page.text

    def _is_whole_without_bodies(self, desk: Desk, said: str) -> None:
        page = desk.browser.page(desk.page)
        assert (len(page.all(".event")), len(page.all(".event .unreadable"))) == (50, 50)
        assert said in page
        facts = desk.browser.facts(desk.page)
        assert facts["item"]["fields"]["note"].startswith("<b>69</b>")  # a snapshot has it
        assert [one["version"] for one in facts["events"]] == list(range(71, 21, -1))
        assert said in desk.browser.page("/log/3")


class TestRestoreAndPurge:
    """Buttons beside an item."""

    def test_there_is_nothing_to_restore_while_nothing_has_left(self, local: Desk) -> None:
        assert not {"Restore", "Purge"} & set(local.browser.page(local.page).texts(".act summary"))

    def test_one_item_is_compressed_at_once_and_then_no_more(self, local: Desk) -> None:
        path = f"/item/{local.other}"
        before = local.bodies(path)
        page = local.browser.submit(f"{path}/compress", reason="it is closed")
        assert (page.told, page.texts(".act summary")) == ("3 bodies have left.", ["Touch", "Restore"])
        assert page.texts(".event .c-purple") == ["archived"] * 3
        assert local.bodies(path) == before
        assert local.browser.submit(f"{path}/compress").told == "0 bodies have left."

    def test_copies_come_for_a_while_and_go_again(self, local: Desk) -> None:
        left(local)
        path = f"/item/{local.other}"
        assert local.browser.page(path).texts(".act summary") == ["Touch", "Restore"]

        told = local.browser.submit(f"{path}/restore", hours=12, reason="an audit").told
        page = local.browser.page(path)

        assert told == "3 bodies are near now, for 12 hours."
        assert page.texts(".event .c-teal") == ["restored"] * 3
        until = (local.clock() + timedelta(hours=12)).isoformat()
        assert until in page.html
        assert local.browser.submit(f"{path}/purge", reason="done").told.startswith("3 restored bodies are gone")
        assert local.browser.page(path).texts(".event .c-purple") == ["archived"] * 3

    def test_who_did_it_and_why_is_known(self, local: Desk) -> None:
        left(local)
        browser = near(Dashboard(local.app, access=Ann()))
        browser.submit(f"/item/{local.other}/restore", hours=1, reason="an audit")
        header = local.app.log.headers(local.app.log.at(local.app.log.last_position()).header.stream)[-1]  # type: ignore[union-attr]
        assert (header.category, header.status, header.actor) == ("eventflow_archive", "restored", "ann")

    def test_who_may_not_has_no_button_and_is_refused(self, local: Desk) -> None:
        left(local)
        local.app.restore()
        browser = near(Dashboard(local.app, access=Ann("items.touch")))
        assert browser.page(local.page).texts(".act summary") == ["Touch"]
        for action in ("restore", "purge"):
            answer = browser.post(f"{local.page}/{action}", data={"hours": "1"})
            assert answer.status_code == 403

    def test_hours_are_a_number(self, far: Desk) -> None:
        for hours in ("", "0", "-1", "much", "99999", "1.5"):
            answer = far.browser.post(f"{far.page}/restore", data={"hours": hours})
            assert (answer.status_code, "no number of hours" in answer.text) == (422, True)

    def test_what_is_out_of_reach_is_said(self, wall: Wall, far: Desk) -> None:
        wall.always(stumbles)
        answer = far.browser.post(f"{far.page}/restore", data={"hours": "1"})
        assert (answer.status_code, "out of reach" in answer.text) == (503, True)


class TestLargeBodies:
    """Not drawn among others."""

    @pytest.mark.parametrize("has_left", [False, True])
    def test_a_large_body_says_how_large_it_is_and_leads_to_itself(self, tmp_path: Path, has_left: bool) -> None:
        with opened(f"sqlite:///{tmp_path / 'log.db'}", (tmp_path / "objects").as_uri()) as desk:
            letter = Letter.create()
            letter.record(Noted(note="x" * 100_000))
            letter.record(Noted(note="y" * 1_000_000))
            desk.app.save(letter)
            if has_left:
                left(desk)
            page = desk.browser.page(f"/item/{letter.id}")
            assert len(page.html) < 400_000  # the state has it once, as a whole
            assert ("100,011 bytes are too much" in page, "xxxxxxxxxx" in page.one("#events").text) == (True, False)

            large, larger = (desk.app.history(letter.id)[n].header.position for n in (1, 2))
            assert "x" * 100_000 in desk.browser.page(f"/log/{large}")
            page = desk.browser.page(f"/log/{larger}")
            assert ("yyyy" in page, "All of it as JSON" in page) == (False, True)
            body = desk.browser.get(f"/log/{larger}?format=json").json()["event"]["body"]
            assert body["note"] == "y" * 1_000_000

    def test_many_bodies_together_are_not_drawn_without_end(self, tmp_path: Path) -> None:
        with opened(f"sqlite:///{tmp_path / 'log.db'}", (tmp_path / "objects").as_uri()) as desk:
            letter = Letter.create()
            for _ in range(40):
                letter.record(Noted(note="x" * 10_000))
            desk.app.save(letter)
            events = desk.browser.facts(f"/item/{letter.id}")["events"]
            shown = [one for one in events if one["body"] is not None]
            assert 20 < len(shown) < 30
            assert all("withheld" in one for one in events if one["body"] is None)


class Ann(Access):
    """Lets Ann in, to do everything or a few things."""

    def __init__(self, *actions: str) -> None:
        self._actions = actions

    def authenticate(self, request: Any) -> Person:
        """Ann, always."""
        return Person("ann")

    def may(self, person: Person, action: str, resource: str | None = None) -> bool:
        """These things, or everything."""
        return not self._actions or action in (VIEW, *self._actions)
