"""What channels say."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from eventflow.errors import Misconfigured
from eventflow.model.channel import Channel, Fatal, Lockdown, channels_of, problems

RUN, OTHER = UUID(int=1), UUID(int=2)


def fatal(process: str = "import", channel: str = "shop", run: UUID = OTHER) -> list[Fatal]:
    return [Fatal(run, process, channel, "ValueError: no")]


@pytest.mark.parametrize(
    ("lockdown", "process", "channel", "is_held"),
    [
        (None, "import", "shop", False),
        ("channel", "import", "shop", True),
        ("channel", "release", "shop", True),
        ("channel", "import", "elsewhere", False),
        ("process", "import", "shop", True),
        ("process", "release", "shop", False),
        ("process", "import", "elsewhere", False),
    ],
)
def test_a_fatal_error_holds_what_the_policy_says(
    lockdown: Lockdown | None, process: str, channel: str, is_held: bool
) -> None:
    held = Channel("shop", lockdown=lockdown).stopped_by(RUN, "import", fatal(process, channel))

    assert (held is not None) is is_held


def test_a_run_is_not_held_by_its_own_error() -> None:
    channel = Channel("shop", lockdown="channel")

    assert channel.stopped_by(RUN, "import", fatal(run=RUN)) is None
    assert channel.stopped_by(RUN, "import", [*fatal(run=RUN), *fatal()]) == fatal()[0]


def test_everything_that_is_wrong_with_a_channel_is_said_at_once() -> None:
    wrong: Any = {"max_concurrency": 0, "lockdown": "all", "quiet_hours": "23:50-00:00", "title": " "}

    with pytest.raises(Misconfigured) as refused:
        Channel("Two Words", **wrong)

    assert len(refused.value.problems) == 5
    assert all("Channel('Two Words'): " in one for one in refused.value.problems)


def test_the_default_channel_is_always_there_and_can_be_said_otherwise() -> None:
    assert channels_of([])["default"].max_concurrency is None
    assert channels_of([Channel(max_concurrency=2)])["default"].max_concurrency == 2
    assert [one.called for one in channels_of([Channel("shop", "The shop")]).values()] == ["default", "The shop"]


def test_a_channel_is_said_once() -> None:
    said: list[Any] = [Channel("shop"), "imports", Channel("shop", "The shop")]

    assert list(problems(said)) == [
        "'imports' is no channel. Write Channel(\"imports\", ...).",
        'There are two channels "shop". Keep one.',
    ]
