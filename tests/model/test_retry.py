"""Whether there is another attempt, and when."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import pytest

from eventflow.errors import AnswerRefused, Misconfigured
from eventflow.model.retry import LONGEST, Again, GiveUp, Retry, asked_for

TEN = timedelta(seconds=10)


class Busy(Exception):
    """Come again."""

    def __init__(self, retry_after: object) -> None:
        self.retry_after = retry_after


def never() -> float:
    """Chance that must not be asked."""
    raise AssertionError("chance was asked without need")


@pytest.mark.parametrize(
    ("backoff", "seconds"),
    [("constant", [10, 10, 10, 10]), ("linear", [10, 20, 30, 40]), ("exponential", [10, 20, 40, 80])],
)
def test_waits_grow_as_they_are_told_to(
    backoff: Literal["constant", "linear", "exponential"], seconds: list[int]
) -> None:
    retry = Retry(attempts=9, after=TEN, backoff=backoff)

    assert [retry.delay(attempt).total_seconds() for attempt in (1, 2, 3, 4)] == seconds


def test_a_wait_is_never_longer_than_at_most() -> None:
    retry = Retry(attempts=9, after=TEN, backoff="exponential", at_most=timedelta(seconds=25), jitter=1.0)

    assert retry.delay(3) == timedelta(seconds=25)
    assert retry.decide(3, ValueError(), lambda: 1.0) == Again(timedelta(seconds=25))


def test_waits_without_a_cap_do_not_overflow() -> None:
    assert Retry(after=timedelta(days=300), backoff="exponential").delay(10_000) > timedelta(days=300_000)
    assert Retry(after=timedelta(0), backoff="exponential").delay(10_000) == timedelta(0)


def test_there_is_no_attempt_after_the_last_one() -> None:
    retry = Retry(attempts=3, after=TEN)

    assert retry.decide(2, ValueError(), never) == Again(TEN)
    assert retry.decide(3, ValueError(), never) == GiveUp("attempt 3 of 3 failed")
    assert retry.decide(4, ValueError(), never) == GiveUp("attempt 4 of 3 failed")


def test_without_being_told_so_nothing_is_tried_again() -> None:
    assert Retry().decide(1, ValueError(), never) == GiveUp("attempt 1 of 1 failed")


def test_chance_only_ever_adds_to_a_wait() -> None:
    retry = Retry(attempts=2, after=TEN, jitter=0.5)

    assert retry.decide(1, ValueError(), lambda: 0.0) == Again(TEN)
    assert retry.decide(1, ValueError(), lambda: 1.0) == Again(timedelta(seconds=15))


def test_what_the_peer_asks_for_is_honoured_when_it_is_longer() -> None:
    retry = Retry(attempts=2, after=TEN)

    assert retry.decide(1, AnswerRefused("GET", "https://press.example/", 503, 60.0), never) == Again(
        timedelta(seconds=60)
    )
    assert retry.decide(1, Busy(3), never) == Again(TEN)
    assert retry.decide(1, Busy(timedelta(minutes=2)), never) == Again(timedelta(minutes=2))


def test_a_peer_cannot_make_us_wait_for_ever() -> None:
    assert Retry(attempts=2).decide(1, Busy(1e12), never) == Again(LONGEST)
    assert Retry(attempts=2, at_most=TEN).decide(1, Busy(1e12), never) == Again(TEN)


@pytest.mark.parametrize("nonsense", [None, "soon", -1, float("nan"), float("inf"), True])
def test_nonsense_that_a_peer_asks_for_is_nothing(nonsense: object) -> None:
    assert asked_for(Busy(nonsense)) == timedelta(0)


def test_interruptions_have_a_budget_of_their_own() -> None:
    retry = Retry(attempts=1, interruptions=2)

    assert retry.after_interruption(1) == Again(timedelta(0))
    assert retry.after_interruption(2) == Again(timedelta(seconds=1))
    assert retry.after_interruption(3) == GiveUp("interrupted 3 times")
    assert Retry(interruptions=99).after_interruption(99) == Again(timedelta(seconds=60))


def test_every_mistake_in_a_policy_is_told_at_once() -> None:
    with pytest.raises(Misconfigured) as problems:
        Retry(
            attempts=0,
            after=-TEN,
            backoff="quadratic",  # type: ignore[arg-type]
            at_most=-TEN,
            jitter=2.0,
            interruptions=-1,
        )

    assert len(problems.value.problems) == 6


def test_only_chosen_errors_are_tried_again() -> None:
    retry = Retry(attempts=3, on=(OSError, 503))

    assert retry.decide(1, ConnectionError(), never) == Again(timedelta(0))
    assert retry.decide(1, AnswerRefused("GET", "https://press.example/", 503), never) == Again(timedelta(0))
    assert retry.decide(1, AnswerRefused("GET", "https://press.example/", 404), never) == GiveUp(
        "AnswerRefused is not tried again"
    )
    assert retry.decide(1, ValueError(), never) == GiveUp("ValueError is not tried again")


def test_some_errors_are_never_tried_again() -> None:
    retry = Retry(attempts=3, unless=(ValueError, 404))

    assert retry.decide(1, OSError(), never) == Again(timedelta(0))
    assert isinstance(retry.decide(1, UnicodeError(), never), GiveUp)
    assert isinstance(retry.decide(1, AnswerRefused("GET", "https://press.example/", 404), never), GiveUp)


def test_what_is_no_kind_of_error_is_refused() -> None:
    with pytest.raises(Misconfigured, match="no class of errors and no HTTP status"):
        Retry(on=("timeout",))  # type: ignore[arg-type]
