"""The hint that something was appended; never the truth, only a reason to look now."""

from __future__ import annotations

from threading import Condition


class Bell:
    """Counts its rings, so that a ring between looking and waiting is not missed. Changes with every ring."""

    def __init__(self) -> None:
        self._rung = Condition()
        self._count = 0

    @property
    def count(self) -> int:
        """How often it rang so far: what to hand to ``wait`` later."""
        return self._count

    def ring(self) -> None:
        """Wake everybody who waits."""
        with self._rung:
            self._count += 1
            self._rung.notify_all()

    def wait(self, seen: int, timeout: float) -> int:
        """The count, as soon as it is above ``seen`` or ``timeout`` seconds have passed."""
        with self._rung:
            self._rung.wait_for(lambda: self._count > seen, timeout)
            return self._count

    def close(self) -> None:
        """Let go of whatever carries the sound to other processes."""
