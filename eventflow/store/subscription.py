"""A subscription in the sense of ``eventsourcing`` that looks again when the bell rings or some time has passed."""

from __future__ import annotations

from collections.abc import Sequence

from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription

from eventflow.store.bell import Bell

_PAGE = 500
_SHORTEST, _LONGEST = 0.02, 1.0


class PolledSubscription(Subscription[ApplicationRecorder]):
    """Yields what is in the log and waits for more until it is stopped."""

    def __init__(
        self, recorder: ApplicationRecorder, gt: int | None = None, topics: Sequence[str] = (), bell: Bell | None = None
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._bell = bell or Bell()
        self._page: list[Notification] = []

    def stop(self) -> None:
        """End the iteration, also for whoever waits in it."""
        super().stop()
        self._bell.ring()

    def __next__(self) -> Notification:
        """The next event of the log."""
        pause = _SHORTEST
        while not self._has_been_stopped:
            if self._page:
                return self._take()
            seen = self._bell.count
            self._look()
            if not self._page:
                self._bell.wait(seen, pause)
                pause = min(pause * 2, _LONGEST)
        raise StopIteration

    def _take(self) -> Notification:
        notification = self._page.pop()
        self._last_notification_id = notification.id
        return notification

    def _look(self) -> None:
        found = self._recorder.select_notifications(
            start=self._last_notification_id or 0, limit=_PAGE, topics=self._topics, inclusive_of_start=False
        )
        self._page = list(reversed(found))
