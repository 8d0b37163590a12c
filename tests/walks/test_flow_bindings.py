"""Subjects and the flows they go by: bound before their first event, for life or until somebody says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from eventflow.app import Eventflow
from eventflow.errors import FlowNotFound, FlowTaken, Misconfigured, Refused, VersionConflict
from eventflow.model.aggregate import Aggregate
from eventflow.model.flows.flow import Flow
from eventflow.model.reaction import task
from eventflow.picking.builder import FlowPickerBuilder
from eventflow.picking.parts import Transition
from eventflow.picking.query import FlowQuery
from eventflow.picking.rollout import bucket_of
from eventflow.settings import Settings
from eventflow.testing import Clock
from tests.walks.conftest import MakeApp
from tests.walks.flow_words import STATES, TRANSITIONS, Status, a_flow, shop


class Sale(Aggregate[Status], category="order", initial=Status.NEW, flow=FlowQuery(subject_type="order")):
    """An order that has to go by a flow."""

    title: str = ""
    collection: str | None = None


class Loose(Sale, category="order", may_be_unbound=True):
    """An order that may go by none."""


class Picky(
    Sale,
    category="order",
    flow=lambda order: FlowPickerBuilder("order").subject_collection(order.collection),
):
    """An order whose collection says which flow it goes by."""


class Fixed(Sale, category="order", flow=lambda order: order.title or None):
    """An order that names its flow."""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Eventflow]:
    """A shop of orders that have to go by a flow."""
    with shop(tmp_path, aggregates=[Sale]) as app:
        yield app


def saved(app: Eventflow, kind: type[Sale] = Sale, **fields: Any) -> UUID:
    order = kind.create(**fields)
    app.save(order)
    return order.id


def flows_in_headers(app: Eventflow, id: UUID) -> list[str | None]:
    return [header.flow for header in app.log.headers(id)]


def test_a_subject_is_bound_in_the_header_of_its_first_event_and_stays_so(app: Eventflow) -> None:
    app.flows.publish(a_flow())
    order = Sale.create(title="whales")
    order.change_status(Status.CHECKED)
    app.save(order)
    app.flows.publish(a_flow(version=2))
    app.flows.deactivate("order@1")
    order.change_status(Status.SENT)
    app.save(order)

    assert flows_in_headers(app, order.id) == ["order@1"] * 3
    assert order.bound_flow == app.get(Sale, order.id).bound_flow == "order@1"
    assert app.flows.of(order.id) == app.flows.get("order@1")
    assert app.flows.of(saved(app)) == app.flows.get("order@2")


def test_the_flow_is_there_still_when_a_stream_is_read_from_its_snapshot(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'log.db'}", broker="embedded://", snapshot_every=2)
    with Eventflow(settings, aggregates=[Sale], flows=[a_flow()]) as app:
        id = saved(app)
        for _ in range(3):
            app.repository.change(Sale, id, lambda order: order.touch())

        assert app.log.snapshots.get(id) is not None
        assert app.get(Sale, id).bound_flow == "order@1"
        assert flows_in_headers(app, id) == ["order@1"] * 4


def test_what_has_to_have_a_flow_does_not_begin_without_one(app: Eventflow) -> None:
    order = Sale.create()

    with pytest.raises(FlowNotFound) as told:
        app.save(order)
    assert told.value.subject_type == "order" and app.log.last_position() == 0
    app.flows.publish(a_flow())
    app.save(order)
    assert order.bound_flow == "order@1"


def test_what_may_be_unbound_begins_without_a_flow_and_gets_none_later_by_itself(tmp_path: Path) -> None:
    with shop(tmp_path, aggregates=[Loose]) as app:
        id = saved(app, Loose)
        app.flows.publish(a_flow())
        app.repository.change(Loose, id, lambda order: order.touch())

        assert flows_in_headers(app, id) == [None, None] and app.flows.of(id) is None


def test_the_share_is_decided_by_the_id_that_is_known_before(app: Eventflow) -> None:
    app.flows.publish(a_flow(), a_flow(version=2, rollout_pct=30))
    ids = [saved(app, id=uuid4()) for _ in range(40)]

    admitted = {id for id in ids if (bucket_of(None, None, str(id)) or 0) < 30}

    assert {id for id in ids if flows_in_headers(app, id) == ["order@2"]} == admitted
    assert 0 < len(admitted) < 40


def test_a_function_of_the_subject_says_what_is_asked_for(tmp_path: Path) -> None:
    with shop(tmp_path, aggregates=[Picky]) as app:
        app.flows.publish(a_flow(), a_flow(subject_collection="art"))

        assert flows_in_headers(app, saved(app, Picky, collection="art")) == ["order/collection=art@1"]
        with pytest.raises(FlowNotFound):
            app.save(Picky.create(collection="books"))


def test_a_subject_that_names_its_flow_gets_that_one_or_none(tmp_path: Path) -> None:
    with shop(tmp_path, aggregates=[Fixed]) as app:
        app.flows.publish(a_flow(), a_flow(version=2, status=False, rollout_pct=0), Flow(subject_type="bill"))
        app.flows.publish(a_flow(version=3))
        app.flows.archive("order@3")

        assert flows_in_headers(app, saved(app, Fixed, title="order@2")) == ["order@2"]
        for wrong in ("order@9", "order@3", ""):
            with pytest.raises(FlowNotFound):
                app.save(Fixed.create(title=wrong))
        with pytest.raises(Refused, match='for "bill"'):
            app.save(Fixed.create(title="bill@1"))


def test_the_graph_of_a_flow_stays_once_a_subject_is_bound_and_a_changed_one_is_a_new_version(app: Eventflow) -> None:
    app.flows.publish(a_flow())
    more = (*TRANSITIONS, Transition(key="redo", from_="checked", to="checked"))
    app.flows.update("order@1", transitions=more)
    app.flows.update("order@1", transitions=TRANSITIONS)
    id = saved(app)

    made = app.flows.update("order@1", transitions=more, reason="redo")

    assert (made.id, made.version, made.status, made.transitions) == ("order@2", 2, False, more)
    assert app.flows.of(id) == app.flows.get("order@1") == a_flow().definition
    assert app.flows.stream("order@1").in_use and not app.flows.stream("order@2").in_use
    assert app.flows.set_rollout("order@1", 50).transitions == TRANSITIONS
    with pytest.raises(Refused, match="another version"):
        app.flows.publish(a_flow(transitions=more))
    with pytest.raises(Refused, match="version"):
        app.flows.update("order@1", version=7)
    [same] = app.flows.publish(a_flow(transitions=more), new_versions=True)
    assert same.id == "order@2"


def test_who_changes_a_graph_at_the_moment_of_binding_is_too_late_or_seen(tmp_path: Path) -> None:
    more = (*TRANSITIONS, Transition(key="redo", from_="checked", to="checked"))
    with shop(tmp_path, aggregates=[Sale]) as app, shop(tmp_path, aggregates=[Sale]) as other:
        app.flows.publish(a_flow())
        app.flows.shelf()
        # Between the look at the shelf and the append: the one who binds finds another graph, and looks again.
        read = app.flows._shelves.now
        looks: list[int] = []

        def late() -> Any:
            shelf = read()
            if not looks:
                other.flows.update("order@1", transitions=more)
            looks.append(shelf.version)
            return shelf

        app.flows._shelves.now = late  # type: ignore[method-assign]
        id = saved(app)

        assert looks == [2, 3]
        assert app.flows.of(id).transitions == more  # type: ignore[union-attr]


def test_a_rebound_subject_goes_on_by_the_new_flow_where_it_stands(app: Eventflow) -> None:
    app.flows.publish(a_flow(), a_flow(version=2, status=False))
    id = saved(app)
    app.repository.change(Sale, id, lambda order: order.change_status(Status.CHECKED))

    assert app.flows.rebind(id) == app.flows.get("order@1")
    assert len(app.log.headers(id)) == 2
    app.flows.activate("order@2")
    bound = app.flows.rebind(id, reason="better", actor="ann")

    assert bound == app.flows.of(id) == app.flows.get("order@2")
    last = app.history(id)[-1]
    assert (last.header.name, last.header.actor, last.header.flow) == ("order:flow_rebound", "ann", "order@2")
    assert last.event.event_body() == {"place": "checked", "before": "order@1", "reason": "better"}
    assert flows_in_headers(app, id) == ["order@1", "order@1", "order@2"]


def test_a_rebinding_that_finds_nothing_changes_nothing(app: Eventflow) -> None:
    app.flows.publish(a_flow())
    id = saved(app)
    app.flows.deactivate("order@1")

    assert app.flows.rebind(id) is None
    assert app.flows.rebind(id, tuner=lambda picker: picker.only_active(False)) == app.flows.get("order@1")
    with pytest.raises(FlowNotFound):
        app.flows.rebind(id, "order@7")
    assert flows_in_headers(app, id) == ["order@1"]


def test_a_flow_whose_id_is_a_number_is_the_same_one_by_its_text(app: Eventflow) -> None:
    app.flows.publish(a_flow(id=7))
    id = saved(app)

    assert flows_in_headers(app, id) == ["7"] and app.flows.of(id) == app.flows.get("7") == app.flows.get(7)
    app.flows.unbind(id)
    assert app.flows.rebind(id, "7") == app.flows.get(7)
    assert app.flows.run(id, "check").flow == "7"
    with pytest.raises(FlowTaken):
        app.flows.create(a_flow(id="7", version=2))


def test_an_unbound_subject_goes_by_none_until_it_is_bound_again(app: Eventflow) -> None:
    app.flows.publish(a_flow())
    id = saved(app)
    seen = app.get(Sale, id).version

    app.flows.unbind(id, reason="by hand", actor="ann", expected=seen)

    assert app.flows.of(id) is None and flows_in_headers(app, id) == ["order@1", None]
    with pytest.raises(Refused):
        app.flows.unbind(id)
    with pytest.raises(VersionConflict):
        app.flows.rebind(id, "order@1", expected=seen)
    app.flows.rebind(id, "order@1")
    assert flows_in_headers(app, id)[-1] == "order@1"


def test_why_it_was_this_flow_is_told_of_what_there_was_then(tmp_path: Path) -> None:
    clock = Clock()
    with shop(tmp_path, aggregates=[Sale], clock=clock) as app:
        app.flows.publish(a_flow(), a_flow(version=2, status=False))
        id = saved(app)
        clock.forward(hours=1)
        app.flows.activate("order@2")
        app.flows.archive("order@1")

        told = app.flows.why(id)

        assert told.picked == "order@1"
        assert [(one.flow, one.constraint) for one in told.steps[0].dropped] == [("order@2", "status")]
        assert app.flows.preview(Sale.create()).picked == "order@2"
        found = app.flows.pick(FlowQuery(subject_type="order"), {}, at=app.log.headers(id)[0].position)
        assert found.flow is not None and found.flow.id == "order@1"


@pytest.mark.parametrize("rule", [FlowQuery(subject_type="bill"), 1.5, FlowPickerBuilder()])
def test_a_rule_that_says_no_flow_is_told_when_the_application_is_made(tmp_path: Path, rule: Any) -> None:
    class Wrong(Aggregate[Status], category="order", initial=Status.NEW, flow=rule):
        """Something that asks for what cannot be."""

    with pytest.raises(Misconfigured, match="Wrong"), shop(tmp_path, aggregates=[Wrong]):
        pass


class Press(StrEnum):
    """Where a leaflet stands."""

    NEW = "new"
    AT_WORK = "at_work"
    BY_HAND = "by_hand"
    BY_MACHINE = "by_machine"
    FAILED = "failed"


class Leaflet(Aggregate[Press], category="leaflet", initial=Press.NEW, flow=True):
    """Something that is printed in one way or another."""


@task(Leaflet, on=Press.NEW, processing=Press.AT_WORK, complete=Press.BY_HAND, failed=Press.FAILED)
def by_hand(leaflet: Leaflet) -> None:
    """As it always was."""


@task(Leaflet, on=Press.NEW, processing=Press.AT_WORK, complete=Press.BY_MACHINE, failed=Press.FAILED, flow="leaflet@2")
def by_machine(leaflet: Leaflet) -> None:
    """As the second version has it."""


def test_two_versions_run_side_by_side_each_with_its_own_reactions(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Leaflet], reactions=[by_hand, by_machine], flows=[Flow(subject_type="leaflet")])
    old = Leaflet.create()
    app.save(old)
    app.flows.publish(Flow(subject_type="leaflet", version=2))
    new = Leaflet.create()
    app.save(new)
    app.drain()

    assert (app.get(Leaflet, old.id).status, app.get(Leaflet, new.id).status) == (Press.BY_HAND, Press.BY_MACHINE)
    assert {header.flow for header in app.log.headers(old.id)} == {"leaflet@1"}
    assert app.items.count("flow:leaflet@2") == 1
    waiting = Leaflet.create()
    app.flows.deactivate("leaflet@2")
    app.save(waiting)
    app.flows.rebind(waiting.id, "leaflet@2")
    app.drain()
    assert app.get(Leaflet, waiting.id).status is Press.BY_MACHINE


def test_states_of_a_flow_are_found_by_what_they_are(app: Eventflow) -> None:
    [flow] = app.flows.publish(a_flow())

    assert flow.start_state == STATES[0] and flow.end_states == (STATES[2],)
    assert flow.states_by_status() == {state.status: (state,) for state in STATES}
