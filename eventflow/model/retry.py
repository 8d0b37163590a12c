"""Whether there is another attempt, and when.

Deciding is pure, as in River and Procrastinate: an error and a number go in, ``Again`` or ``GiveUp`` comes out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from math import isfinite
from typing import Literal

from eventflow.errors import AnswerRefused, Misconfigured

LONGEST = timedelta(days=1)
"""No peer makes us wait longer than this, unless ``at_most`` says more."""

_FOREVER = timedelta(days=365_000)

Which = type[BaseException] | int
"""A kind of error: a class, or the HTTP status of an answer that refuses."""


@dataclass(frozen=True, slots=True)
class Again:
    """Another attempt is due after this time."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class GiveUp:
    """There is no further attempt, and this is why."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often a reaction is attempted in all, and how long it waits in between.

    ``attempts`` counts the first one. ``after`` is the first wait; with ``backoff="linear"`` the second is twice as
    long, the third three times; with ``"exponential"`` each is twice the one before. The first ``grace`` waits are not
    longer than the first one, growth begins behind them. ``at_most`` caps every wait.
    ``jitter`` adds up to that share of the wait, by chance, so that what failed together does not return together.
    With ``on`` only these errors are tried again, be they classes or, for answers that refuse, HTTP statuses;
    ``unless`` names those that are not. ``interruptions`` is how often an attempt may end with its worker before that
    counts as a failure.

    Raises ``Misconfigured`` for numbers that make no sense, all of them at once.
    """

    attempts: int = 1
    after: timedelta = timedelta(0)
    backoff: Literal["constant", "linear", "exponential"] = "constant"
    at_most: timedelta | None = None
    jitter: float = 0.0
    on: tuple[Which, ...] = ()
    unless: tuple[Which, ...] = ()
    interruptions: int = 10
    grace: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "on", tuple(self.on))
        object.__setattr__(self, "unless", tuple(self.unless))
        problems = [text for is_wrong, text in self._checks() if is_wrong]
        if problems:
            raise Misconfigured(*problems)

    def delay(self, attempt: int) -> timedelta:
        """How long to wait after a failed ``attempt`` (the first one is 1), before chance has its share.

        >>> Retry(after=timedelta(seconds=10), backoff="linear").delay(2)
        datetime.timedelta(seconds=20)
        >>> Retry(after=timedelta(seconds=10), backoff="linear", grace=3).delay(5)
        datetime.timedelta(seconds=20)
        >>> Retry(after=timedelta(seconds=10), backoff="exponential", at_most=timedelta(minutes=1)).delay(60)
        datetime.timedelta(seconds=60)
        """
        times = max(attempt - self.grace, 1)
        # Beyond 2**64 every wait is longer than any cap; the exponent itself must not become a giant.
        factor = {"constant": 1, "linear": times, "exponential": 2 ** min(times - 1, 64)}[self.backoff]
        cap = self.at_most if self.at_most is not None else _FOREVER
        return cap if self.after and factor > cap // self.after else min(self.after * factor, cap)

    def decide(self, attempt: int, error: BaseException, chance: Callable[[], float]) -> Again | GiveUp:
        """What follows the failure of ``attempt``; ``chance`` gives a number from 0 to 1, asked only for jitter.

        What the peer asked for (``error.retry_after``, in seconds) is honoured when it is longer than our own wait, up
        to ``at_most`` or else a day.

        >>> Retry(attempts=2, after=timedelta(seconds=3)).decide(1, ValueError(), lambda: 0.5)
        Again(after=datetime.timedelta(seconds=3))
        >>> Retry(attempts=2).decide(2, ValueError(), lambda: 0.5)
        GiveUp(reason='attempt 2 of 2 failed')
        >>> Retry(attempts=2, on=(OSError, 503)).decide(1, ValueError(), lambda: 0.5)
        GiveUp(reason='ValueError is not tried again')
        """
        if not self.is_worth_it(error):
            return GiveUp(f"{type(error).__name__} is not tried again")
        if attempt >= self.attempts:
            return GiveUp(f"attempt {attempt} of {self.attempts} failed")
        wait = self.delay(attempt)
        if self.jitter and wait:
            wait = min(wait * (1 + self.jitter * chance()), self.at_most or _FOREVER)
        return Again(max(wait, min(asked_for(error), self.at_most if self.at_most is not None else LONGEST)))

    def is_worth_it(self, error: BaseException) -> bool:
        """Whether this kind of error is tried again at all.

        >>> Retry(unless=(404,)).is_worth_it(AnswerRefused("GET", "https://press.example/", 404))
        False
        """
        return (not self.on or _is_one_of(error, self.on)) and not _is_one_of(error, self.unless)

    def after_interruption(self, times: int) -> Again | GiveUp:
        """What follows when an attempt ended with its worker for the ``times``-th time since the announcement.

        The first time it is tried again at once; then later and later (up to a minute), lest it takes one worker after
        the other with it.

        >>> Retry().after_interruption(1), Retry().after_interruption(4)
        (Again(after=datetime.timedelta(0)), Again(after=datetime.timedelta(seconds=4)))
        >>> Retry(interruptions=3).after_interruption(4)
        GiveUp(reason='interrupted 4 times')
        """
        if times > self.interruptions:
            return GiveUp(f"interrupted {times} times")
        if times <= 1:
            return Again(timedelta(0))
        return Again(timedelta(seconds=min(2 ** min(times - 2, 6), 60)))

    def _checks(self) -> list[tuple[bool, str]]:
        known = ("constant", "linear", "exponential")
        return [
            (self.attempts < 1, f"Retry(attempts={self.attempts}): at least one attempt is needed."),
            (self.after < timedelta(0), f"Retry(after={self.after}): a wait cannot be negative."),
            (self.backoff not in known, f'Retry(backoff="{self.backoff}"): known are {", ".join(known)}.'),
            (self.at_most is not None and self.at_most < timedelta(0), f"Retry(at_most={self.at_most}) is negative."),
            (not 0 <= self.jitter <= 1, f"Retry(jitter={self.jitter}): a share from 0 to 1 is needed."),
            *(
                (not _is_kind(one), f"Retry(on, unless): {one!r} is no class of errors and no HTTP status.")
                for one in (*self.on, *self.unless)
            ),
            (self.interruptions < 0, f"Retry(interruptions={self.interruptions}) is negative."),
            (self.grace < 0, f"Retry(grace={self.grace}) is negative."),
        ]


def _is_one_of(error: BaseException, kinds: tuple[Which, ...]) -> bool:
    status = getattr(error, "status", None) if isinstance(error, AnswerRefused) else None
    return any(one == status if isinstance(one, int) else isinstance(error, one) for one in kinds)


def _is_kind(one: object) -> bool:
    if isinstance(one, type):
        return issubclass(one, BaseException)
    return isinstance(one, int) and 100 <= one < 600


def asked_for(error: BaseException) -> timedelta:
    """How long the peer behind an error asked us to wait; nothing when it did not, or asked for nonsense."""
    asked = getattr(error, "retry_after", None)
    if isinstance(asked, timedelta):
        return max(asked, timedelta(0))
    if isinstance(asked, (int, float)) and not isinstance(asked, bool) and isfinite(asked) and asked > 0:
        return timedelta(seconds=min(float(asked), _FOREVER.total_seconds()))
    return timedelta(0)
