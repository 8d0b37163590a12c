"""What a process class says, and what is wrong with one, all of it at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self

import pytest
from pydantic import ValidationError

from eventflow.errors import Misconfigured, ProcessNotFound, Refused
from eventflow.model.process.definition import definition_of, problems
from eventflow.model.process.process import PATIENT, Process, migration
from eventflow.model.process.registry import Registry
from eventflow.model.process.step import FINISH, START, Done, StepTask, step
from eventflow.model.retry import Retry
from tests.model.process.words import RELEASE, Release


def test_its_steps_stand_in_the_order_of_its_class() -> None:
    assert RELEASE.keys == ("typeset", "announce", "archive")
    assert [one.title for one in RELEASE.steps] == ["Typeset", "Announce it", "Archive"]


def test_a_step_is_still_a_plain_method_that_makes_it_wiser() -> None:
    before = Release(document="Whales")

    after = before.typeset()

    assert (before.pages, after.pages) == (0, 12)
    assert RELEASE.learned(before, after) == {"pages": 12}


def test_it_is_frozen_and_what_it_learns_has_to_fit() -> None:
    release = Release(document="Whales")

    with pytest.raises(ValidationError):
        release.pages = 3  # type: ignore[misc]
    with pytest.raises(ValidationError):
        release.learn(pages="many")
    with pytest.raises(ValidationError):
        release.learn(page=3)


class Typeset(StepTask["Listed"]):
    """A step as a class."""

    retry = Retry(attempts=3)

    def handle(self) -> Listed:
        return self.process.learn(pages=7)


def announce(process: Listed) -> Done[Listed]:
    """A step as a function."""
    return Done(message=f"{process.pages} pages")


class Listed(Process, name="listed"):
    """Steps that live elsewhere."""

    pages: int = 0

    @step(key="put-away", light=True)
    def archive(self) -> None:
        """Marked, and listed."""

    steps = [Typeset, announce, archive]  # noqa: RUF012 - as one writes it


def test_steps_may_be_classes_and_functions_that_are_listed() -> None:
    listed = definition_of(Listed)
    typeset, told, archive = listed.steps

    assert [*problems([Listed])] == []
    assert listed.keys == ("typeset", "announce", "put-away")
    assert typeset.function(Listed()).pages == 7
    assert told.function(Listed(pages=3)).message == "3 pages"
    assert (typeset.retry, archive.light) == (Retry(attempts=3), True)


def test_it_may_have_a_beginning_and_an_end() -> None:
    class Whole(Process):
        def finished(self) -> None: ...

        @step
        def work(self) -> None: ...

        @step(retry=Retry(attempts=2))
        def started(self) -> None: ...

    whole = definition_of(Whole)

    assert whole.keys == (START, "work", FINISH)
    assert whole.retry(START) == Retry(attempts=2)
    assert [one.title for one in whole.steps] == ["Process started", "Work", "Process finished"]


def test_a_subclass_has_the_steps_of_its_base_first_and_may_override_them() -> None:
    class Longer(Release, name="longer"):
        @step
        def print(self) -> None: ...

        @step
        def announce(self) -> None: ...

    assert definition_of(Longer).keys == ("typeset", "announce", "archive", "print")
    assert definition_of(Longer).retry("announce") == PATIENT


def test_the_retry_of_a_step_of_which_nothing_is_said_grows_after_the_third() -> None:
    waits = [PATIENT.delay(attempt).total_seconds() for attempt in range(1, 50)]

    assert waits[:6] == [60, 60, 60, 60, 120, 180]
    assert waits[-1] == 2760
    assert round(sum(waits) / 3600, 2) == 18.07
    assert PATIENT.attempts == 50
    assert RELEASE.retry("typeset") == PATIENT


def test_everything_that_is_wrong_is_told_at_once_and_says_what_to_do() -> None:
    class Wrong(Process, name="wr ong", version="one", chanel="x", retry=3, deadline=timedelta(0)):
        @step(undo="recal", retyr=1, time_limit=5)  # type: ignore[call-overload, untyped-decorator]
        def announce(self, loudly: bool) -> None: ...

        def recall(self) -> None: ...

        @step(key="announce")
        async def publish(self) -> None: ...

        @staticmethod
        @migration(from_version=1)
        def on(state: dict[str, Any]) -> dict[str, Any]:
            return state

    with pytest.raises(Misconfigured) as told:
        Registry([Wrong, Release, Release, 5])  # type: ignore[list-item]
    said = str(told.value)

    for one in (
        "name='wr ong'",
        "version='one'",
        "chanel= means nothing",
        'Did you mean "channel"?',
        "retry=3 is no Retry",
        "deadline=",
        'undo="recal" is no method of it. Did you mean "recall"?',
        'retyr= means nothing to a step. Did you mean "retry"?',
        "time_limit=5",
        "is called with the process alone, but takes (self, loudly",
        'two of its steps are called "announce"',
        "is a coroutine",
        "5 is no process",
    ):
        assert one in said


def test_a_process_without_steps_and_one_with_a_taken_name_are_refused() -> None:
    class Empty(Process): ...

    class Greedy(Process):
        @step
        def learn(self) -> None: ...  # type: ignore[override]

        @step
        def work(self) -> None: ...

    assert any("has no steps" in one for one in problems([Empty]))
    assert any('"learn" is what every process has already' in one for one in problems([Greedy]))


def test_what_is_marked_has_to_be_listed_where_there_is_a_list() -> None:
    class Half(Process):
        @step
        def forgotten(self) -> None: ...

        steps = [announce, "typo"]  # noqa: RUF012

    found = [*problems([Half])]

    assert any('"forgotten" is marked @step, but not in steps' in one for one in found)
    assert any("'typo' is no step" in one for one in found)


def test_the_registry_knows_what_people_see_and_what_is_near() -> None:
    registry = Registry([Release])

    assert registry.get("release").title == "Release of a document"
    assert registry.titles() == {"release": "Release of a document"}
    assert registry.title("gone") == "gone"
    with pytest.raises(ProcessNotFound, match='Did you mean "release"'):
        registry.get("relaese")


def test_a_channel_that_there_is_not_is_refused() -> None:
    registry = Registry([Release], ["default", "imports"])

    assert registry.channel(RELEASE) == "default"
    assert registry.channel(RELEASE, "imports") == "imports"
    with pytest.raises(Refused, match='Did you mean "imports"'):
        registry.channel(RELEASE, "import")


class Other(Process, name="release"):
    """Another one of the same name."""

    @step
    def work(self) -> Self:
        return self


def test_two_processes_cannot_have_one_name() -> None:
    assert any('both called "release"' in one for one in problems([Release, Other]))
