"""Whether what was recorded fits the definition there is."""

from __future__ import annotations

from typing import Any, Self

import pytest

from eventflow.model.event import Event
from eventflow.model.process import long
from eventflow.model.process.awaiting import Moment, Signal
from eventflow.model.process.definition import definition_of
from eventflow.model.process.fan import Each
from eventflow.model.process.fit import Unfit, fit
from eventflow.model.process.process import Process, migration
from eventflow.model.process.run import Run
from eventflow.model.process.step import step
from tests.model.process.words import A_WORKER, a_run


class Order(Process, name="order", version=1):
    """What was recorded."""

    items: tuple[str, ...] = ("a", "b")
    by: str = ""
    count: int = 0

    @step
    def check(self) -> Self:
        return self.learn(count=2)

    @step(awaits=Signal("approved"), undo="forget")
    def approve(self, by: str) -> Self:
        return self.learn(by=by)

    def forget(self) -> None: ...

    @step(over=Each("items"))
    def pack(self, item: str) -> None: ...


ORDER = definition_of(Order)


def recorded() -> list[tuple[int, Event]]:
    """A run of it that goes over its items."""
    run = a_run(ORDER, state=ORDER.state(Order()), undoable=ORDER.undoable)
    run.claim(A_WORKER)
    run.succeed("check", learned={"count": 2})
    long.put_aside(run, "approve", "signal approved", None, seen=run.news)
    long.signal(run, "approved", "Ada")
    run.claim(A_WORKER)
    long.take(run, "approve", run.letters[0].key)
    run.succeed("approve", learned={"by": "Ada"})
    long.fan_out(run, "pack", ["a", "b"])
    return told(run)


def told(run: Run) -> list[tuple[int, Event]]:
    """The events of a run, each with its version."""
    return [(one.version, one.event) for one in run.pending]


def against(process: type[Process]) -> Unfit | None:
    """What does not fit this."""
    return fit(definition_of(process), recorded())


def test_what_was_recorded_fits_what_recorded_it() -> None:
    assert fit(ORDER, recorded()) is None


def test_the_first_step_that_is_another_is_named() -> None:
    class Changed(Order, name="order", version=1):
        steps = ("check", "pack", "approve")

    found = against(Changed)

    assert found is not None
    assert found[:2] == (1, "approve")
    assert "the order was check, approve, pack and is check, pack, approve" in found.reason


def test_what_a_step_has_learned_has_to_fit() -> None:
    class Changed(Order, name="order", version=1):
        count: str = ""  # type: ignore[assignment]

    found = against(Changed)

    assert found is not None
    assert found.step == "check"
    assert "count" in found.reason


@pytest.mark.parametrize(
    ("now", "step", "reason"),
    [
        ({"awaits": Signal("agreed"), "undo": "forget"}, "approve", "It waited for signal approved, and waits for si"),
        ({"awaits": Moment(until="x"), "undo": "forget"}, "approve", "and waits for time now"),
        ({"undo": "forget"}, "approve", "and waits for nothing now"),
        ({"awaits": Signal("approved")}, "approve", "has no undo= any more"),
    ],
)  # fmt: skip
def test_a_step_that_waits_otherwise_is_named(now: dict[str, Any], step: str, reason: str) -> None:
    from eventflow.model.process.step import step as stepped

    def approve(self: Any, by: str = "") -> None: ...

    changed: Any = type(
        "Changed",
        (Order,),
        {"__module__": __name__, "approve": stepped(**now)(approve), "__annotations__": {}},
        name="order",
        version=1,
    )
    found = against(changed)

    assert found is not None
    assert found.step == step
    assert reason in found.reason


def test_what_a_run_was_told_has_to_fit() -> None:
    class Changed(Order, name="order", version=1):
        @step(awaits=Signal("approved"), undo="forget")
        def approve(self, by: int) -> Self:  # type: ignore[override]
            return self

    found = against(Changed)

    assert found is not None
    assert (found.step, found.reason[:38]) == ("approve", "What it was told does not fit any more")


def test_items_have_to_fit() -> None:
    class Changed(Order, name="order", version=1):
        @step(over=Each("items"))
        def pack(self, item: int) -> None: ...  # type: ignore[override]

    found = against(Changed)

    assert found is not None
    assert (found.step, found.reason[:31]) == ("pack", "Item 0 does not fit any more: 1")


def test_a_newer_version_needs_a_way() -> None:
    @step(awaits=Signal("approved"), undo="forget")
    def agree(order: Order, by: str) -> Order:
        return order

    class Alone(Order, name="order", version=2):
        """No way leads here."""

    class Led(Order, name="order", version=2):
        steps = ("check", agree, "pack")

        @staticmethod
        @migration(from_version=1, steps={"approve": "agree"})
        def agreed(state: dict[str, Any]) -> dict[str, Any]:
            return state

    class Lost(Order, name="order", version=2):
        steps = ("check", agree, "pack")

        @staticmethod
        @migration(from_version=1, steps={"approve": "agree"})
        def agreed(state: dict[str, Any]) -> dict[str, Any]:
            return {**state, "count": "many"}

    without, lost = against(Alone), against(Lost)

    assert without is not None
    assert without.reason == "No migration leads on from version 1 of order."
    assert against(Led) is None
    assert lost is not None
    assert lost.step == "check"


def test_a_run_of_a_newer_program_does_not_fit_an_older_one() -> None:
    events = recorded()
    created: Any = events[0][1]
    created.fields["definition"] = 2

    found = fit(ORDER, events)

    assert found is not None
    assert found.reason == "It is of version 2, which is newer than 1."
