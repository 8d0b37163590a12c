"""So many in a second, and not all of them at its beginning."""

from __future__ import annotations


class Pace:
    """A bucket that gains ``rate`` in a second and holds what comes in one second; changes with time and use.

    It begins with one, so that the first needs not wait and a new one after a crash is no burst.

    >>> pace = Pace(10.0, now=0.0)
    >>> pace.room(0.0), pace.room(0.5), pace.room(60.0)
    (1, 6, 10)
    >>> pace.take(8)
    >>> pace.room(60.0)
    2
    """

    def __init__(self, rate: float, now: float) -> None:
        self.rate, self._now = rate, now
        self._left, self._most = 1.0, max(1.0, rate)

    def room(self, now: float) -> int:
        """How many may go now."""
        self._left = min(self._most, self._left + max(now - self._now, 0.0) * self.rate)
        self._now = now
        # A hair is added for what adding up many small parts has lost.
        return int(self._left + 1e-9)

    def take(self, amount: int) -> None:
        """So many went."""
        self._left -= amount
