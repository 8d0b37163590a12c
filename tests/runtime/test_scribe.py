"""The scribe: what cannot be written keeps nothing else from being written."""

from __future__ import annotations

import pytest

from eventflow.errors import Unavailable
from eventflow.runtime.scribe import Scribe


def written(outcomes: str, *, together: bool = False, bad: str = "", away: str = "") -> str:
    """What is written of these outcomes by the time the scribe has ended."""
    page: list[str] = []

    def alone(outcome: str) -> None:
        if outcome in bad:
            raise ValueError(outcome)
        if outcome in away:
            raise Unavailable("PostgreSQL", "gone")
        page.append(outcome)

    def all_of_them(batch: list[str]) -> bool:
        page.extend(batch if together else ())
        return together

    scribe = Scribe(all_of_them, alone, waiting=100)
    for outcome in outcomes:
        scribe.put(outcome)
    assert scribe.end(30)
    return "".join(page)


@pytest.mark.parametrize("together", [True, False])
def test_outcomes_are_written_in_the_order_in_which_they_came(together: bool) -> None:
    assert written("abcdefgh" * 12, together=together) == "abcdefgh" * 12


def test_an_outcome_that_cannot_be_written_keeps_no_other_from_it(caplog: pytest.LogCaptureFixture) -> None:
    assert written("abcdef", bad="c") == "abdef"
    assert "could not be written" in caplog.text


def test_while_the_database_is_away_the_rest_is_left_to_the_rescue(caplog: pytest.LogCaptureFixture) -> None:
    assert written("abc", away="abc") == ""
    assert "left to the rescue" in caplog.text
