"""What limits say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from eventflow.errors import Misconfigured
from eventflow.model.limits import CircuitBreaker, Concurrency, RateLimit, host_of, problems


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://press.example/articles?page=1", "press.example"),
        ("https://Press.Example:443/", "press.example"),
        ("http://press.example:443/", "press.example:443"),
        ("http://ann:pw@press.example/", "press.example"),
        ("http://[::1]:8080/", "[::1]:8080"),
        ("//press.example:8080", "press.example:8080"),
    ],
)
def test_a_host_is_named_without_what_is_usual(url: str, host: str) -> None:
    assert host_of(url) == host


def test_a_place_is_called_after_its_reaction_and_its_key() -> None:
    assert Concurrency[str](3).place("publish", "ann") == "publish"
    assert Concurrency[str](3, key=str.upper).place("publish", "ann") == "publish/ANN"
    assert Concurrency[str](3, key=str.upper, name="press").place("publish", "ann") == "press/ANN"


@pytest.mark.parametrize("host", ["", "https://press.example", "Press.example", "press.example/articles"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(Misconfigured, match="a host is wanted"):
        RateLimit(host, 10)
    with pytest.raises(Misconfigured, match="a host is wanted"):
        CircuitBreaker(host)


def test_numbers_that_make_no_sense_are_refused_all_at_once() -> None:
    with pytest.raises(Misconfigured) as refusal:
        RateLimit("press.example", 0, per=timedelta(0))

    assert len(refusal.value.problems) == 2
    with pytest.raises(Misconfigured, match="at least one is needed"):
        Concurrency(0)
    with pytest.raises(Misconfigured, match="above nothing"):
        CircuitBreaker("press.example", rest=timedelta(0))


def test_a_host_has_one_limit_of_a_kind() -> None:
    limits = [RateLimit("*", 1), CircuitBreaker("*"), RateLimit("*", 2), "10/s"]

    assert list(problems(limits)) == [
        'There are two RateLimits for "*". Keep one.',
        "'10/s' is no limit. Write RateLimit(host, requests, per=...) or CircuitBreaker(host).",
    ]
