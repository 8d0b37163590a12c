"""Whatever is called, a bound subject never stands in a status that its flow does not have, unless it has failed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow.app import Eventflow
from eventflow.errors import EventflowError
from eventflow.model.aggregate import Aggregate
from eventflow.model.callback import callback
from eventflow.model.flows.flow import Flow
from eventflow.model.incoming import Incoming
from eventflow.model.reaction import Reaction, task
from eventflow.model.recorded import Header
from eventflow.model.transition import transition
from eventflow.picking.parts import State, Transition
from eventflow.testing import in_memory
from tests.walks.test_flow_statuses import Weighed


class Status(StrEnum):
    """Where a thing stands."""

    A = "a"
    B = "b"
    C = "c"
    D = "d"


statuses = st.sampled_from(Status)


class Thing(
    Aggregate[Status],
    category="thing",
    initial=Status.A,
    flow=True,
    may_be_unbound=True,
    defibrillate={Status.D: Status.B, Status.C: Status.A},
    cancelled={Status.A: Status.D, Status.B: Status.D},
):
    """Something that goes from here to there."""

    grams: int = 0

    @transition(to=Status.B)
    def to_b(self) -> Weighed:
        """Go to B."""
        return Weighed(grams=1)

    @transition(to=Status.C)
    def to_c(self) -> Weighed:
        """Go to C."""
        return Weighed(grams=2)


@callback(Thing, expects=tuple(Status), verify=None, complete=Status.C, failed=Status.D)
def called(thing: Thing, request: Incoming) -> Weighed:
    """It breaks when it is told to."""
    return Weighed(grams=request.json()["grams"])


@st.composite
def flows(draw: st.DrawFn, version: int) -> Flow:
    """A flow whose states stand for some statuses, or for none; drafts may be as they like."""
    named = draw(st.lists(statuses, unique=True, max_size=3))
    start = draw(st.none() | st.sampled_from(named)) if named else None
    others = [State(key=f"at-{one}", status=one) for one in named if one is not start]
    states = (State(key="start", type="start", status=start), *others, *draw(st.just(()) | st.just((HELD,))))
    ways = [Transition(key=f"to-{one.key}", from_=source.key, to=one.key) for source in states for one in states[1:]]
    return Flow(subject_type="thing", version=version, status=False, states=states, transitions=tuple(ways))


HELD = State(key="held")


@st.composite
def reactions(draw: st.DrawFn) -> list[Reaction[Any, Any]]:
    """A task on one status, which ends well or badly."""
    on, processing, complete, failed = draw(st.permutations(list(Status)))
    breaks = draw(st.booleans())

    def work(thing: Thing) -> Weighed:
        if breaks:
            raise ValueError("it broke")
        return Weighed(grams=7)

    begun = processing if draw(st.booleans()) else None
    return [task(Thing, on=on, processing=begun, complete=complete, failed=failed, name="work")(work)]


steps = st.one_of(
    st.tuples(st.just("change_status"), statuses),
    st.tuples(st.sampled_from(["to_b", "to_c", "touch", "defibrillate", "cancel", "drain", "unbind"]), st.none()),
    st.tuples(st.just("cancel_to"), statuses),
    st.tuples(st.just("rebind"), st.sampled_from(["thing@1", "thing@2"])),
    st.tuples(st.just("run"), st.sampled_from([f"to-at-{one}" for one in Status] + ["to-held"])),
    st.tuples(st.just("call"), st.sampled_from([{"grams": 3}, {}])),
)


def do(app: Eventflow, id: UUID, step: str, said: Any) -> None:
    """One step."""
    if step in ("change_status", "to_b", "to_c", "touch"):
        app.repository.change(Thing, id, lambda thing: getattr(thing, step)(*([] if said is None else [said])))
    elif step == "cancel_to":
        app.cancel(id, status=said)
    elif step == "rebind":
        app.flows.rebind(id, said)
    elif step == "run":
        app.flows.run(id, said)
    elif step == "call":
        app.call_back(called, id, Incoming.of(said))
    elif step == "drain":
        app.drain()
    elif step == "unbind":
        app.flows.unbind(id)
    else:
        getattr(app, step)(id)


def may_stand_there(app: Eventflow, headers: Sequence[Header]) -> bool:
    """Whether a stream with these headers stands within its flow, or was brought out of it by what may do that."""
    last = headers[-1]
    flow = None if last.flow is None else app.flows.get(last.flow)
    named = {} if flow is None else flow.states_by_status()
    entered = next(one for one in reversed(headers) if one.version == 1 or one.previous != one.status)
    is_first = last.status == "a" or entered.version == 1
    return (
        not set(named) - {None}
        or last.status in named
        or (flow is not None and flow.start_state is not None and flow.start_state.status is None and is_first)
        or entered.error is not None
        or entered.name == "thing:called_off"
    )


@settings(max_examples=60)
@given(flows(1), flows(2), reactions(), st.sampled_from([None, *Status]), st.lists(steps, min_size=1, max_size=8))
def test_a_bound_subject_stands_within_its_flow_whatever_is_called_unless_it_has_failed(
    first: Flow, second: Flow, works: list[Reaction[Any, Any]], begins: Status | None, said: list[tuple[str, Any]]
) -> None:
    with in_memory(aggregates=[Thing], reactions=works, callbacks=[called], flows=[first, second]) as app:
        thing = Thing.create() if begins is None else Thing.create(status=begins)
        app.save(thing)
        for step, argument in (("rebind", "thing@1"), *said):
            with suppress(EventflowError, KeyError):
                do(app, thing.id, step, argument)

        headers = app.log.headers(thing.id)
        assert [
            headers[: end + 1][-1] for end in range(len(headers)) if not may_stand_there(app, headers[: end + 1])
        ] == []
