"""Transitions at run time: who may make them, what is asked for, what they do, and what is recorded of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from eventflow.app import Eventflow
from eventflow.errors import (
    BadFlow,
    EventflowError,
    Misconfigured,
    MoveDenied,
    MoveFailed,
    MoveRefused,
    NotFound,
    PayloadRefused,
    VersionConflict,
)
from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.flows.flow import Flow
from eventflow.model.flows.moves import TransitionResult
from eventflow.model.flows.tasks import FlowTask, Move, Verdict, action, allow, deny, restriction, validation
from eventflow.model.reaction import task
from eventflow.picking.parts import State, TaskBinding, Transition
from eventflow.settings import Settings
from tests.walks.conftest import MakeApp
from tests.walks.flow_words import Status, shop


class Stamped(Event):
    """Somebody put a stamp on it."""

    by: str


class Order(Aggregate[Status], category="order", initial=Status.NEW, flow=True, may_be_unbound=True):
    """Something that goes from state to state."""

    total: int = 0
    by: str = ""


class Limit(BaseModel):
    """How much is too much."""

    most: int = 100


@restriction(Order, config=Limit, title="Not too much", tags=("money",))
def within_limit(order: Order, move: Move) -> Verdict:
    """Whether it is cheap enough."""
    move.say(f"looked at {order.total}")
    return allow() if order.total <= move.config.most else deny(402, "It is too much.")


class Signature(BaseModel):
    """Who signs."""

    by: str = Field(min_length=2)


class Amount(BaseModel):
    """How many."""

    pieces: int = 1


signature = validation(Order)(Signature)
amount = validation(Order)(Amount)


@action(Order)
def stamp(order: Order, move: Move) -> Stamped:
    """Put a stamp on it."""
    move.say("stamped")
    move.tell(pieces=move.payload["pieces"], seen=order.status)
    return Stamped(by=move.payload["by"])


CALLED: list[str] = []


def called(name: str, kind: str = "action") -> FlowTask[Any]:
    """A task that says that it was called."""

    def look(order: Order, move: Move) -> Verdict | None:
        CALLED.append(name)
        return allow() if kind == "restriction" else None

    making: Any = {"action": action, "restriction": restriction, "validation": validation}[kind]
    made: FlowTask[Any] = making(Order, name=name)(look)
    return made


@action(Order)
def breaks(order: Order, move: Move) -> Stamped:
    """Decide on something, then fail."""
    move.say("about to break")
    raise ValueError("password=hunter2 is wrong")


def binding(task: FlowTask[Any], **fields: Any) -> TaskBinding:
    return TaskBinding(task=task.name, kind=task.kind, **fields)


STATES = (
    State(key="new", type="start", status="new", on_leave=(TaskBinding(task="leaving", kind="action"),)),
    State(key="checked", status="checked"),
    State(key="held"),
    State(key="sent", status="sent", is_terminal=True, on_enter=(TaskBinding(task="entering", kind="action"),)),
)
CHECK = Transition(
    key="check",
    from_="new",
    to="checked",
    tasks=(
        binding(stamp),
        binding(signature),
        binding(within_limit, config={"most": 50}),
        binding(amount),
        binding(breaks, enabled=False),
    ),
)
TRANSITIONS = (
    CHECK,
    Transition(key="hold", from_="checked", to="held"),
    Transition(key="note", to=None, from_="held", tasks=(binding(called("noted")),)),
    Transition(key="again", from_="checked", to="checked"),
    Transition(key="send", to="sent"),
    Transition(key="break", from_="held", to="checked", tasks=(binding(stamp), binding(breaks))),
)
TASKS = (
    within_limit, signature, amount, stamp, breaks, called("leaving"), called("entering"), called("noted"),
)  # fmt: skip
FLOW = Flow(subject_type="order", states=STATES, transitions=TRANSITIONS)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Eventflow]:
    """A shop with one flow, and nothing called yet."""
    CALLED.clear()
    with shop(tmp_path, aggregates=[Order], flow_tasks=TASKS, flows=[FLOW]) as app:
        yield app


def an_order(app: Eventflow, **fields: Any) -> UUID:
    order = Order.create(**fields)
    app.save(order)
    return order.id


def a_checked_one(app: Eventflow) -> UUID:
    id = an_order(app)
    app.flows.run(id, "check", {"by": "Ann"})
    return id


def names(app: Eventflow, id: UUID) -> list[str]:
    return [header.name.partition(":")[2] for header in app.log.headers(id)]


def test_a_transition_records_what_its_actions_decide_and_itself_in_one_append(app: Eventflow) -> None:
    id = an_order(app, total=50)

    result = app.flows.run(id, "check", {"by": "Ann", "password": "hunter2"}, actor="bea")

    assert names(app, id) == ["created", "stamped", "flow_moved"]
    stamped, moved = app.history(id)[1:]
    assert stamped.header.append == moved.header.append
    assert (moved.header.status, moved.header.phase, moved.header.actor) == ("checked", "announced", "bea")
    told = moved.event.event_body()
    assert (told["transition"], told["origin"], told["place"], told["completed"]) == ("check", "new", "checked", False)
    assert told["payload"] == {"by": "Ann", "pieces": 1, "password": "********"}
    order = app.get(Order, id)
    assert (order.by, order.status, order.bound_flow) == ("Ann", Status.CHECKED, "order@1")
    assert result == TransitionResult(
        success=True,
        code="made",
        transition="check",
        flow="order@1",
        origin="new",
        state="checked",
        status="checked",
        messages=("looked at 50", "stamped"),
        data={"pieces": 1, "seen": Status.NEW},
        position=moved.header.position,
        version=3,
    )
    assert CALLED == ["leaving"]


def test_a_restriction_denies_with_its_code_before_anything_is_validated_or_done(app: Eventflow) -> None:
    id = an_order(app, total=51)

    with pytest.raises(MoveDenied) as told:
        app.flows.run(id, "check", {}, actor="bea")

    result = told.value.result
    assert (result.success, result.code, result.task) == (False, 402, "within_limit")
    assert (result.errors, result.messages) == (("It is too much.",), ("looked at 51",))
    assert (result.origin, result.state, result.status) == ("new", "new", "new")
    last = app.history(id)[-1]
    assert (last.header.name, last.header.phase, last.header.actor) == ("order:flow_move_refused", None, "bea")
    assert last.event.event_body()["code"] == "402"
    assert CALLED == [] and app.get(Order, id).status is Status.NEW


def test_everything_that_is_wrong_with_a_payload_is_told_and_what_was_sent_is_not(app: Eventflow) -> None:
    id = an_order(app)

    with pytest.raises(PayloadRefused) as told:
        app.flows.run(id, "check", {"by": "x", "pieces": "hunter2"})

    assert [error.partition(":")[0] for error in told.value.result.errors] == ["by", "pieces"]
    assert "hunter2" not in str(told.value)
    assert told.value.result.messages == ("looked at 0",)
    assert names(app, id) == ["created", "flow_move_refused"]


def test_an_action_that_raises_leaves_nothing_of_the_transition_but_its_failure(app: Eventflow) -> None:
    id = a_checked_one(app)
    app.flows.run(id, "hold")
    before = names(app, id)

    with pytest.raises(MoveFailed) as told:
        app.flows.run(id, "break", {"by": "Ann", "pieces": 2})

    assert isinstance(told.value.__cause__, ValueError)
    result = told.value.result
    assert (result.code, result.task, result.messages) == ("task_failed", "breaks", ("stamped", "about to break"))
    assert names(app, id) == [*before, "flow_move_refused"]
    body = app.history(id)[-1].event.event_body()
    assert "hunter2" not in str(body) and body["data"] == {"pieces": 2, "seen": "checked"}
    instance = app.flows.instance(id)
    assert instance.state is not None and instance.state.key == "held"


def test_a_transition_begins_where_the_subject_stands_or_nowhere(app: Eventflow) -> None:
    id = an_order(app)

    for key in ("hold", "again", "send"):
        with pytest.raises(MoveRefused, match="new") as told:
            app.flows.run(id, key)
        assert told.value.result.code == "wrong_state"
    with pytest.raises(NotFound, match='Did you mean "check"'):
        app.flows.run(id, "chek")
    assert names(app, id) == ["created", *["flow_move_refused"] * 3]
    assert CALLED == []


def test_what_has_come_to_its_end_moves_no_more(app: Eventflow) -> None:
    id = a_checked_one(app)

    result = app.flows.run(id, "send")

    assert (result.completed, result.status) == (True, "sent")
    assert CALLED == ["leaving", "entering"]
    with pytest.raises(MoveRefused) as told:
        app.flows.run(id, "send")
    assert told.value.result.code == "completed"
    instance = app.flows.instance(id)
    assert not instance.is_active and instance.completed_at is not None and instance.last_transition == "send"
    assert instance.duration(instance.completed_at) == instance.completed_at - instance.started_at


def test_a_subject_without_a_flow_makes_no_transition(app: Eventflow) -> None:
    id = an_order(app)
    app.flows.unbind(id)

    with pytest.raises(MoveRefused) as told:
        app.flows.run(id, "check", {"by": "Ann"})

    assert told.value.reason == "not_bound"
    assert app.flows.possible(id) == [] and app.flows.instance(id).state is None


def test_a_state_without_a_status_and_a_transition_that_stays_leave_the_status_alone(app: Eventflow) -> None:
    id = a_checked_one(app)
    app.flows.run(id, "hold")
    CALLED.clear()

    result = app.flows.run(id, "note")

    assert (result.origin, result.state, result.status) == ("held", "held", "checked")
    assert CALLED == ["noted"]
    assert app.log.headers(id)[-1].phase is None
    assert app.flows.run(id, "send").status == "sent"


def test_a_way_back_to_the_same_state_does_not_start_its_work_again(app: Eventflow) -> None:
    id = a_checked_one(app)

    result = app.flows.run(id, "again")

    assert (result.state, result.origin) == ("checked", "checked")
    assert app.log.headers(id)[-1].phase is None


def test_where_it_stands_is_kept_in_snapshots(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'log.db'}", broker="embedded://", snapshot_every=2)
    with Eventflow(settings, aggregates=[Order], flow_tasks=TASKS, flows=[FLOW]) as app:
        id = a_checked_one(app)
        app.flows.run(id, "hold")

        assert app.log.snapshots.get(id).place == "held"  # type: ignore[union-attr]
        instance = app.flows.instance(id)
        assert instance.state is not None and instance.state.key == "held"


def test_what_can_be_done_is_told_with_what_keeps_it(app: Eventflow) -> None:
    id = an_order(app, total=51)

    [one] = app.flows.possible(id)

    assert (one.transition.key, one.verdict) == ("check", Verdict(402, "It is too much."))
    assert [each.transition.key for each in app.flows.possible(a_checked_one(app))] == ["hold", "again", "send"]
    assert names(app, id) == ["created"]


def test_a_task_that_this_program_does_not_have_stops_the_transition(tmp_path: Path, app: Eventflow) -> None:
    id = an_order(app)
    with shop(tmp_path, aggregates=[Order], flow_tasks=[one for one in TASKS if one is not within_limit]) as poorer:
        with pytest.raises(MoveFailed) as told:
            poorer.flows.run(id, "check", {"by": "Ann"})
        assert (told.value.result.code, told.value.result.task) == ("unknown_task", "within_limit")
    assert CALLED == [] and app.get(Order, id).status is Status.NEW


def test_a_restriction_that_says_nothing_denies(tmp_path: Path) -> None:
    @restriction(Order)
    def shrugs(order: Order, move: Move) -> Verdict:
        return None  # type: ignore[return-value]  # as a careless one would

    with shop(tmp_path, aggregates=[Order], flow_tasks=[shrugs]) as app:
        app.flows.publish(flow_with(binding(shrugs)))
        with pytest.raises(MoveFailed) as told:
            app.flows.run(an_order(app), "go")
        assert told.value.result.code == "no_verdict"


def flow_with(*tasks: TaskBinding) -> Flow:
    """From the start to the end, with these tasks on the way."""
    states = (State(key="new", type="start"), State(key="end", status="sent", is_terminal=True))
    return Flow(
        subject_type="order", states=states, transitions=(Transition(key="go", from_="new", to="end", tasks=tasks),)
    )


def test_of_two_who_make_a_transition_at_once_one_does(place: Settings) -> None:
    meeting = threading.Barrier(2)
    waited: set[int] = set()

    @action(Order)
    def meet(order: Order, move: Move) -> None:
        if threading.get_ident() not in waited:
            waited.add(threading.get_ident())
            meeting.wait(timeout=20)

    with Eventflow(place, aggregates=[Order], flow_tasks=[meet]) as app:
        app.flows.publish(flow_with(binding(meet)))
        id = an_order(app)
        came: list[Any] = []

        def go(expected: int | None) -> None:
            try:
                came.append(app.flows.run(id, "go", expected=expected).code)
            except EventflowError as error:
                came.append(error.code)

        both = [threading.Thread(target=go, args=(expected,)) for expected in (1, 1)]
        for one in both:
            one.start()
        for one in both:
            one.join()

        assert sorted(came) == ["made", "version_conflict"]
        assert names(app, id) == ["created", "flow_moved"]


def test_who_comes_too_late_without_a_version_in_mind_is_told_where_it_stands(app: Eventflow) -> None:
    id = an_order(app)
    app.flows.run(id, "check", {"by": "Ann"}, expected=1)

    with pytest.raises(VersionConflict):
        app.flows.run(id, "check", {"by": "Ann"}, expected=1)
    with pytest.raises(MoveRefused, match="checked"):
        app.flows.run(id, "check", {"by": "Ann"})


LETTERS: list[tuple[str, int, Any, str | None]] = []


class Address(BaseModel):
    """Where letters go."""

    to: str


@action(Order, later=True, config=Address)
def write_letter(order: Order, move: Move) -> None:
    """Write to somebody, once the transition is in the log."""
    LETTERS.append((str(order.status), order.total, move.payload, move.config.to))
    if order.total == 13 and len(LETTERS) == 1:
        raise ConnectionError("the post is closed")


def test_an_action_for_later_is_a_message_that_is_sent_when_the_transition_is_in_the_log(make_app: MakeApp) -> None:
    LETTERS.clear()
    app = make_app(aggregates=[Order], flow_tasks=[write_letter])
    app.flows.publish(flow_with(binding(write_letter, config={"to": "ann@example.com"})))
    id = an_order(app, total=7)

    app.flows.run(id, "go", {"note": "soon"}, actor="bea")

    assert LETTERS == []
    app.drain()
    assert LETTERS == [("sent", 7, {"note": "soon"}, "ann@example.com")]
    [errand] = app.items.page("category:eventflow_flow_errand").rows
    assert errand.status == "done"
    moved, begun = app.log.headers(id)[-1], app.log.headers(errand.id)[0]
    assert (begun.append, begun.correlation, begun.actor) == (moved.append, moved.correlation, "bea")


def test_an_action_for_later_that_fails_is_tried_again_and_the_transition_stays(tmp_path: Path) -> None:
    LETTERS.clear()
    with shop(tmp_path, aggregates=[Order], flow_tasks=[write_letter]) as app:
        app.flows.publish(flow_with(binding(write_letter, config={"to": "ann@example.com"})))
        id = an_order(app, total=13)
        app.flows.run(id, "go")
        app.drain()
        [errand] = app.items.page("category:eventflow_flow_errand").rows
        assert (errand.phase, errand.error) == ("deferred", "ConnectionError: the post is closed")
        app.wake(errand.id)
        app.drain()

        assert len(LETTERS) == 2 and app.items.get(errand.id).status == "done"
        assert app.get(Order, id).status is Status.SENT


def test_a_denied_transition_sends_nothing(tmp_path: Path) -> None:
    LETTERS.clear()
    with shop(tmp_path, aggregates=[Order], flow_tasks=[write_letter, within_limit]) as app:
        app.flows.publish(flow_with(binding(write_letter, config={"to": "ann@example.com"}), binding(within_limit)))
        with pytest.raises(MoveDenied):
            app.flows.run(an_order(app, total=101), "go")
        app.drain()

        assert LETTERS == [] and app.items.page("category:eventflow_flow_errand").rows == ()


@task(Order, on=Status.CHECKED, processing=Status.PACKING, complete=Status.SENT, failed=Status.FAILED)
def pack(order: Order) -> None:
    """Pack what was checked."""


def test_the_status_that_a_transition_leads_to_starts_its_reaction_and_that_takes_the_subject_along(
    tmp_path: Path,
) -> None:
    flow = FLOW.replace(states=(*STATES, State(key="packing", status="packing")))
    with shop(tmp_path, aggregates=[Order], flow_tasks=TASKS, flows=[flow], reactions=[pack]) as app:
        id = a_checked_one(app)
        app.drain()

        instance = app.flows.instance(id)
        assert (instance.status, instance.state.key if instance.state else None) == ("sent", "sent")
        assert not instance.is_active


@task(Order, on=Status.CHECKED, processing=None, complete=Status.SENT, failed=Status.FAILED)
def lose(order: Order) -> None:
    """Lose what was checked."""
    raise LookupError("it is lost")


def test_a_subject_that_has_failed_stands_nowhere_in_its_flow_until_it_is_brought_back(tmp_path: Path) -> None:
    with shop(tmp_path, aggregates=[Order], flow_tasks=TASKS, flows=[FLOW], reactions=[lose]) as app:
        id = a_checked_one(app)
        app.drain()

        assert app.flows.instance(id).status == "failed"
        assert app.flows.instance(id).state is None and app.flows.possible(id) == []
        with pytest.raises(MoveRefused) as told:
            app.flows.run(id, "send")
        assert told.value.result.code == "no_state"
        app.repository.change(Order, id, lambda order: order.change_status(Status.CHECKED))
        assert app.flows.run(id, "send").completed


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (TaskBinding(task="stmp", kind="action"), "unknown_task"),
        (TaskBinding(task="stamp", kind="restriction"), "wrong_kind"),
        (TaskBinding(task="within_limit", kind="restriction", config={"most": "a lot"}), "wrong_config"),
    ],
)
def test_a_task_that_does_not_fit_is_refused_when_it_is_published(
    app: Eventflow, wrong: TaskBinding, code: str
) -> None:
    flow = flow_with(wrong).replace(version=2)

    with pytest.raises(BadFlow):
        app.flows.publish(flow)
    assert [one.code for one in app.flows.problems(flow)] == [code]


def test_what_tasks_there_are_is_told_to_whoever_puts_a_flow_together(app: Eventflow) -> None:
    [told] = app.flows.tasks("order", "restriction")

    assert (told["task"], told["title"], told["description"]) == (
        "within_limit", "Not too much", "Whether it is cheap enough.",
    )  # fmt: skip
    assert (told["subject_type"], told["tags"], told["later"]) == ("order", ["money"], False)
    assert told["config"]["properties"]["most"]["default"] == 100
    assert app.flows.tasks("bill") == [] and len(app.flows.tasks()) == len(TASKS)


def test_a_task_that_says_nothing_of_itself_is_not_described_by_what_it_is_made_from() -> None:
    class Silent(BaseModel):
        by: str

    assert validation(Order)(Silent).described()["description"] is None


def test_a_task_is_a_plain_function_still() -> None:
    move = Move(FLOW, CHECK, STATES[0], STATES[1], {}, config=Limit(most=5))

    assert within_limit(Order.create(total=5), move) == allow()
    assert within_limit(Order.create(total=6), move).code == 402


def test_tasks_that_make_no_sense_are_told_when_the_application_is_made(tmp_path: Path) -> None:
    class Stranger(Aggregate[Status], category="stranger", initial=Status.NEW):
        """Nobody knows it."""

    @restriction(Stranger, later=True)  # type: ignore[arg-type]  # it takes the subject only
    def strange(stranger: Stranger) -> Verdict:
        return allow()

    def plain(order: Order, move: Move) -> None:
        """Not decorated."""

    with pytest.raises(Misconfigured) as told, shop(tmp_path, flow_tasks=[strange, plain, called("a"), called("a")]):
        pass
    text = str(told.value)
    for part in ("plain is no task", "Stranger is not among", "later=True", "the subject and the move", "2 tasks"):
        assert part in text
