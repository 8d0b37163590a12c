"""One fetch for all who want the same thing at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Flights(Generic[K, V]):
    """The fetches that are under way. Changes with each; safe in threads."""

    def __init__(self) -> None:
        self._mutex = Lock()
        self._open: dict[K, Future[V]] = {}

    def fly(self, key: K, fetch: Callable[[], V]) -> V:
        """What ``fetch`` brings, or what the fetch of somebody else brings that is under way for the same key."""
        while True:
            flight: Future[V] = Future()
            with self._mutex:
                other = self._open.setdefault(key, flight)
            if other is flight:
                return self._lead(key, flight, fetch)
            try:
                return other.result()
            except CancelledError:
                # Whoever led was interrupted, which is no answer for anybody else.
                continue

    def _lead(self, key: K, flight: Future[V], fetch: Callable[[], V]) -> V:
        try:
            value = fetch()
        except Exception as error:
            flight.set_exception(error)
            raise
        else:
            flight.set_result(value)
            return value
        finally:
            with self._mutex:
                del self._open[key]
            flight.cancel()
