"""Definitions of flows: published, changed, put away, and told as they were."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from eventflow.app import Eventflow
from eventflow.errors import BadFlow, BadInput, FlowNotFound, FlowTaken, NotFound, Refused, VersionConflict
from eventflow.model.flows.flow import CATALOGUE, Flow, flow_stream
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.parts import State, TaskBinding, Transition
from eventflow.settings import Settings
from eventflow.testing import Clock
from tests.walks.flow_words import STATES, TRANSITIONS, Order, a_flow, shop

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Eventflow]:
    """A shop without any flow."""
    with shop(tmp_path) as app:
        yield app


def changes(app: Eventflow, id: str) -> list[tuple[str, str | None, Any]]:
    told = [(one.header.name, one.header.actor, one.event.event_body()) for one in app.flows.history(id)]
    return [(name.partition(":")[2], actor, body.get("reason")) for name, actor, body in told]


def test_a_flow_begins_with_its_fields_and_a_start_state_of_its_own(app: Eventflow) -> None:
    made = app.flows.create(Flow(subject_type="order", names={"en": "Orders"}), reason="we sell", actor="ann")

    assert made.id == "order@1" and made == app.flows.get("order@1")
    assert (made.version, made.is_default, made.status, made.ordering) == (1, False, True, 0)
    assert (made.rollout_pct, made.active_from, made.active_to, made.deleted) == (None, None, None, False)
    assert made.start_state is not None and made.start_state.look().icon == "play"
    [begun] = app.flows.history("order@1")
    assert (begun.header.name, begun.header.actor) == ("eventflow_flow:created", "ann")
    assert begun.event.event_body()["body"] == {"reason": "we sell"}


def test_every_change_is_an_event_with_who_made_it_and_why(app: Eventflow) -> None:
    app.flows.create(a_flow())
    how: dict[str, Any] = {"reason": "so", "actor": "bea"}

    app.flows.deactivate("order@1", **how)
    app.flows.activate("order@1", **how)
    app.flows.toggle("order@1", **how)
    app.flows.set_default("order@1", **how)
    app.flows.set_window("order@1", MARCH, None, **how)
    app.flows.set_rollout("order@1", 30, **how)
    app.flows.update("order@1", names={"de": "Auftrag"}, attributes={"team": 7}, **how)
    app.flows.reorder("order@1", **how)
    app.flows.archive("order@1", **how)
    app.flows.restore("order@1", **how)

    names = (
        "deactivated activated deactivated default_set window_set rollout_set updated ordering_set archived restored"
    )
    assert changes(app, "order@1")[1:] == [
        (name if "_" in name else f"flow_{name}", "bea", "so") for name in names.split()
    ]
    now = app.flows.get("order@1")
    assert (now.status, now.is_default, now.active_from, now.rollout_pct) == (False, True, MARCH, 30)
    assert (now.names, now.attributes, now.ordering, now.deleted) == ({"de": "Auftrag"}, {"team": 7}, 1, False)


def test_what_changes_nothing_is_no_event(app: Eventflow) -> None:
    app.flows.create(a_flow())
    app.flows.activate("order@1")
    app.flows.publish(a_flow())

    assert len(app.flows.history("order@1")) == 1
    assert app.flows.shelf().version == 2


def test_values_that_do_not_fit_are_refused_and_nothing_is_recorded(app: Eventflow) -> None:
    app.flows.create(a_flow())

    for wrong in (
        {"rollout_pct": 101},
        {"rollout_pct": -1},
        {"version": 0},
        {"ordering": -1},
        {"channel": "c" * 65},
        {"active_from": MARCH, "active_to": MARCH - timedelta(days=1)},
        {"active_from": datetime(2026, 3, 1)},
        {"colour": "red"},
    ):
        with pytest.raises(ValidationError):
            app.flows.update("order@1", **wrong)
    with pytest.raises(FlowNotFound, match="order@1"):
        app.flows.update("ordr@1", ordering=2)
    assert len(app.flows.history("order@1")) == 1


def test_whoever_has_seen_an_older_version_is_told_so(app: Eventflow) -> None:
    app.flows.create(a_flow())
    seen = app.flows.stream("order@1").version
    app.flows.set_rollout("order@1", 10, expected=seen)

    with pytest.raises(VersionConflict):
        app.flows.set_rollout("order@1", 20, expected=seen)
    assert app.flows.get("order@1").rollout_pct == 10


def test_a_version_is_there_once_for_the_same_subjects_unless_the_other_is_archived(app: Eventflow) -> None:
    app.flows.create(a_flow())

    with pytest.raises(FlowTaken, match="version 1"):
        app.flows.create(a_flow(id="other"))
    for different in ({"subject_scope": "eu"}, {"channel": "web"}, {"environment": "test"}, {"version": 2}):
        app.flows.create(a_flow(**different))
    app.flows.archive("order@1")
    app.flows.create(a_flow(id="other"))
    with pytest.raises(FlowTaken, match="other"):
        app.flows.restore("order@1")
    with pytest.raises(FlowTaken):
        app.flows.create(a_flow(id="other", version=9))


def test_a_default_is_the_only_one_among_its_versions(app: Eventflow) -> None:
    first, second, web = a_flow(), a_flow(version=2), a_flow(channel="web")
    app.flows.publish(first, second, web)

    app.flows.set_default("order@1")
    app.flows.set_default(web.id)
    app.flows.set_default("order@2", reason="better")

    assert {one.id for one in app.flows.all() if one.is_default} == {"order@2", web.id}
    assert changes(app, "order@1")[-1] == ("default_set", None, "better")
    app.flows.create(a_flow(version=3, is_default=True))
    assert {one.id for one in app.flows.all() if one.is_default} == {"order@3", web.id}


def test_of_several_that_are_made_the_default_together_the_last_one_is(app: Eventflow) -> None:
    app.flows.publish(a_flow(is_default=True), a_flow(version=2, is_default=True), a_flow(version=3))

    assert [one.is_default for one in app.flows.all()] == [False, True, False]
    app.flows.publish(
        a_flow(version=4, is_default=True), a_flow(version=3, is_default=True), a_flow(version=2), everything=True
    )
    assert [one.id for one in app.flows.all() if one.is_default] == ["order@3"]


def test_an_archived_default_comes_back_as_one_only_where_there_is_no_other(app: Eventflow) -> None:
    app.flows.publish(a_flow(is_default=True), a_flow(version=2))
    app.flows.archive("order@1")
    assert app.flows.restore("order@1").is_default
    app.flows.archive("order@1")
    app.flows.set_default("order@2")

    assert not app.flows.restore("order@1").is_default
    assert app.flows.get("order@2").is_default


def test_the_first_of_a_new_order_is_preferred_most(app: Eventflow) -> None:
    app.flows.publish(a_flow(), a_flow(version=2), a_flow(version=3), Flow(subject_type="bill"))

    app.flows.reorder("order@2", "order@3", "order@1")

    by_preference = sorted(app.flows.all("order"), key=lambda one: -one.ordering)
    assert [one.id for one in by_preference] == ["order@2", "order@3", "order@1"]
    with pytest.raises(FlowNotFound):
        app.flows.reorder("order@2", "order@9")
    with pytest.raises(Refused, match="different subjects"):
        app.flows.reorder("order@2", "bill@1")
    with pytest.raises(Refused, match="twice"):
        app.flows.reorder("order@2", "order@2")


def test_a_duplicate_has_the_whole_graph_one_version_up_and_is_off(app: Eventflow) -> None:
    states = (*STATES[:2], State(key="sent", is_terminal=True, status="sent", names={"de": "versandt"}))
    app.flows.create(a_flow(states=states, is_default=True, names={"en": "Orders"}, rollout_pct=50))

    copy = app.flows.duplicate("order@1", status=True, version=7, is_default=True, ordering=4, actor="ann")

    assert (copy.id, copy.version, copy.status, copy.is_default, copy.ordering) == ("order@2", 2, False, False, 4)
    assert (copy.states, copy.transitions, copy.names) == (states, TRANSITIONS, {"en": "Orders"})
    assert app.flows.history("order@2")[0].event.event_body()["body"] == {"duplicated_from": "order@1"}
    assert app.flows.duplicate("order@1").version == 3
    assert app.flows.duplicate("order@1", graph=False).transitions == ()


def test_only_a_graph_that_holds_together_is_active_and_all_that_is_wrong_is_told(app: Eventflow) -> None:
    broken = a_flow(
        states=(*STATES, State(key="island", status="nowhere")),
        transitions=(*TRANSITIONS, Transition(key="back", from_="sent", to="new")),
    )

    with pytest.raises(BadFlow) as told:
        app.flows.create(broken)
    text = str(told.value)
    assert "island" in text and "terminal" in text and "START" in text and "nowhere" in text
    app.flows.create(broken.replace(status=False))
    assert {one.code for one in app.flows.problems("order@1")} >= {"unreachable", "terminal_exit", "unknown_status"}
    with pytest.raises(BadFlow):
        app.flows.activate("order@1")
    app.flows.update("order@1", states=STATES, transitions=TRANSITIONS)
    assert app.flows.activate("order@1").status and app.flows.problems("order@1") == ()


def test_parts_of_a_graph_are_put_in_changed_and_taken_out_and_the_rest_stays(app: Eventflow) -> None:
    app.flows.create(a_flow())
    held = State(key="held", color="#abc", names={"de": "angehalten"})
    hold, resume = Transition(key="hold", from_="checked", to="held"), Transition(key="resume", from_="held", to="sent")

    app.flows.put("order@1", held, hold, resume, reason="holidays")
    app.flows.put("order@1", held.model_copy(update={"color": "#def"}))

    flow = app.flows.get("order@1")
    changed = flow.state("held")
    assert changed is not None and (changed.color, changed.names) == ("#def", {"de": "angehalten"})
    assert flow.states[:3] == STATES and flow.transitions == (*TRANSITIONS, hold, resume)
    with pytest.raises(Refused, match="hold, resume"):
        app.flows.drop("order@1", "held")
    with pytest.raises(Refused, match="START"):
        app.flows.drop("order@1", "new", "check")
    with pytest.raises(NotFound, match="held"):
        app.flows.drop("order@1", "helt")
    with pytest.raises(BadFlow):
        app.flows.drop("order@1", "check")
    app.flows.drop("order@1", "held", "hold", "resume")
    assert app.flows.get("order@1") == a_flow().definition


def test_a_task_that_the_application_does_not_have_is_refused_when_the_flow_is_defined(app: Eventflow) -> None:
    stamp = TaskBinding(task="stamp", kind="action")

    with pytest.raises(BadFlow, match="stamp"):
        app.flows.create(a_flow(transitions=(TRANSITIONS[0].model_copy(update={"tasks": (stamp,)}), TRANSITIONS[1])))
    assert app.flows.all() == []


def test_publishing_changes_what_code_says_and_leaves_what_operators_say(tmp_path: Path) -> None:
    with shop(tmp_path, flows=[a_flow(rollout_pct=10)]) as app:
        begun = app.flows.history("order@1")[0]
        assert begun.header.actor == "program"
        app.flows.set_rollout("order@1", 40)
        app.flows.deactivate("order@1")
    with shop(tmp_path, flows=[a_flow(rollout_pct=10, names={"en": "Orders"})]) as app:
        flow = app.flows.get("order@1")
        assert (flow.rollout_pct, flow.status, flow.names) == (40, False, {"en": "Orders"})
        app.flows.publish(a_flow(rollout_pct=10), everything=True)
        flow = app.flows.get("order@1")
        assert (flow.rollout_pct, flow.status, flow.names) == (10, True, {})


def test_what_is_published_together_comes_together_or_not_at_all(app: Eventflow) -> None:
    with pytest.raises(FlowTaken):
        app.flows.publish(a_flow(), a_flow(version=2), a_flow(id="again", version=2))

    assert app.flows.all() == [] and app.log.head(CATALOGUE) is None


def test_an_export_is_taken_in_as_it_was_and_ids_that_are_taken_are_replaced(app: Eventflow, tmp_path: Path) -> None:
    flows = app.flows.publish(
        a_flow(is_default=True, active_from=MARCH, attributes={"a": [1, None]}), a_flow(version=2)
    )
    document = app.flows.export()

    other = tmp_path / "other"
    other.mkdir()
    with shop(other) as empty:
        assert empty.flows.import_(document, actor="ann") == flows
        assert empty.flows.export() == document
        again = empty.flows.import_(document, channel="web")
        assert [one.id for one in again] == ["order@1-2", "order@2-2"]
        assert [one.replace(id=two.id, channel=None) for one, two in zip(again, flows, strict=True)] == flows
        with pytest.raises(FlowTaken):
            empty.flows.import_(document)


def test_an_import_that_does_not_hold_together_is_refused(app: Eventflow) -> None:
    good = app.flows.export()
    assert good["flows"] == []

    with pytest.raises(BadInput, match=r"flows\[0\]\.version"):
        app.flows.import_({"format": "eventflow-flows/1", "flows": [{"subject_type": "order", "version": 0}]})
    with pytest.raises(BadInput, match="format"):
        app.flows.import_({"format": "another/1", "flows": []})
    with pytest.raises(BadInput):
        app.flows.import_("order")
    stray = a_flow(status=False, transitions=(*TRANSITIONS, Transition(key="x", from_="checked", to="elsewhere")))
    with pytest.raises(BadFlow, match="elsewhere"):
        app.flows.import_({"flows": [stray.definition.model_dump(mode="json")]})


def test_archiving_erases_nothing(app: Eventflow) -> None:
    app.flows.create(a_flow())
    app.flows.archive("order@1")

    assert app.flows.all() == [] and [one.id for one in app.flows.all(archived=True)] == ["order@1"]
    assert app.flows.get("order@1").deleted
    assert len(app.log.headers(flow_stream("order@1"))) == 2


def test_the_catalogue_is_told_as_it_was_at_a_position_and_at_a_time(tmp_path: Path) -> None:
    clock = Clock()
    with shop(tmp_path, clock=clock) as app:
        before, none = clock(), app.log.last_position()
        clock.forward(hours=1)
        app.flows.create(a_flow())
        first = app.log.last_position()
        clock.forward(hours=1)
        middle = clock()
        clock.forward(hours=1)
        app.flows.publish(a_flow(version=2))
        app.flows.set_rollout("order@1", 30)

        assert app.flows.all(at=none) == app.flows.all(at=before) == []
        assert app.flows.all(at=first) == app.flows.all(at=middle) == [a_flow().definition]
        assert app.flows.get("order@1", at=app.log.last_position()).rollout_pct == 30
        assert app.flows.shelf(clock()).definitions == app.flows.shelf().definitions
        with pytest.raises(FlowNotFound):
            app.flows.get("order@2", at=middle)
        with pytest.raises(Refused, match="time zone"):
            app.flows.all(at=datetime(2026, 3, 1))


def together(*acts: Any) -> list[Any]:
    """What came of each, begun at the same moment."""
    gate, found = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number: int, act: Any) -> None:
        gate.wait()
        try:
            found[number] = act()
        except Exception as error:  # noqa: BLE001  # it is what came of it
            found[number] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=one) for one in enumerate(acts)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return found


def test_of_many_who_publish_the_same_version_at_once_one_does(place: Settings) -> None:
    with Eventflow(place, aggregates=[Order]) as one, Eventflow(place, aggregates=[Order]) as two:
        acts = [lambda app=app, n=n: app.flows.create(a_flow(id=f"flow-{n}")) for n, app in enumerate([one, two] * 3)]

        came = together(*acts)

        made = [each for each in came if isinstance(each, FlowDefinition)]
        assert len(made) == 1 and sum(isinstance(each, FlowTaken) for each in came) == 5
        assert one.flows.all() == two.flows.all() == made


def test_of_many_who_want_to_be_the_default_at_once_one_is_and_nothing_else_is_lost(place: Settings) -> None:
    with Eventflow(place, aggregates=[Order]) as one, Eventflow(place, aggregates=[Order]) as two:
        one.flows.publish(*(a_flow(version=n) for n in range(1, 5)))

        came = together(
            *(lambda app=app, n=n: app.flows.set_default(f"order@{n}") for n, app in enumerate([one, two] * 2, 1)),
            *(lambda app=app, n=n: app.flows.set_rollout(f"order@{n}", n) for n, app in enumerate([two, one] * 2, 1)),
        )

        assert all(isinstance(each, FlowDefinition) for each in came)
        assert sum(each.is_default for each in one.flows.all()) == 1
        assert [each.rollout_pct for each in two.flows.all()] == [1, 2, 3, 4]


def test_parts_that_several_put_in_at_once_are_all_there(place: Settings) -> None:
    with Eventflow(place, aggregates=[Order]) as one, Eventflow(place, aggregates=[Order]) as two:
        one.flows.create(a_flow(status=False))

        together(
            *(
                lambda app=app, n=n: app.flows.put("order@1", State(key=f"state-{n}"))
                for n, app in enumerate([one, two] * 2)
            )
        )
        keys = [state.key for state in two.flows.get("order@1").states]
        assert sorted(keys[len(STATES) :]) == [f"state-{n}" for n in range(4)]

        one.flows.drop("order@1", *(f"state-{n}" for n in range(4)))
        together(*(lambda app=app: app.flows.toggle("order@1") for app in (one, two, one)))
        assert two.flows.get("order@1").status is True


def test_two_who_have_seen_the_same_version_do_not_both_change_it(place: Settings) -> None:
    with Eventflow(place, aggregates=[Order]) as one, Eventflow(place, aggregates=[Order]) as two:
        one.flows.create(a_flow())
        seen = two.flows.stream("order@1").version

        came = together(
            lambda: one.flows.set_rollout("order@1", 10, expected=seen),
            lambda: two.flows.set_rollout("order@1", 20, expected=seen),
        )

        assert sum(isinstance(each, VersionConflict) for each in came) == 1
