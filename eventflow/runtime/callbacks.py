"""Calls from outside: let in, decided on and recorded once, whatever comes at the same moment."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from eventflow.errors import KeyTaken, NotFound, VersionConflict, did_you_mean
from eventflow.model.callback import CallbackReaction
from eventflow.model.incoming import Incoming
from eventflow.model.key import Key
from eventflow.model.masking import Masker
from eventflow.model.reception import Receipt, is_expected, receive
from eventflow.model.recorded import Context
from eventflow.runtime.repository import Repository
from eventflow.store.log import Log

log = logging.getLogger("eventflow.callbacks")


class Callbacks:
    """The callbacks of an application."""

    def __init__(
        self,
        callbacks: Sequence[CallbackReaction[Any, Any]],
        *,
        log: Log,
        repository: Repository,
        masker: Masker,
        clock: Callable[[], datetime],
        record_limit: int,
        lifetime: timedelta,
    ) -> None:
        self._callbacks = {one.name: one for one in callbacks}
        self._log, self._repository, self._masker, self._clock = log, repository, masker, clock
        self._record_limit, self._lifetime = record_limit, lifetime

    def get(self, name: str) -> CallbackReaction[Any, Any]:
        """One of them. Raises ``NotFound``."""
        if name not in self._callbacks:
            raise NotFound(f'There is no callback "{name}".{did_you_mean(name, list(self._callbacks))}')
        return self._callbacks[name]

    def call(self, name: str, stream: UUID | None, request: Incoming, context: Context) -> Receipt:
        """What came of a call.

        Raises what it is refused for: ``NotFound``, ``SignatureRefused``, ``BadInput``, ``TransitionRefused``, and what
        the function itself refuses; the error of the function, once it is recorded; ``Unavailable``.
        """
        callback = self.get(name)
        callback.let_in(request, self._clock())
        if stream is None:
            stream = callback.whose(request)
        key = callback.key(request, self._lifetime)
        while True:
            try:
                return self._call(callback, stream, request, key, context)
            except KeyTaken as taken:
                return _again(callback, taken.position, taken.stream)
            except VersionConflict:
                continue  # somebody else was faster: see what is there now

    def _call(
        self, callback: CallbackReaction[Any, Any], stream: UUID, request: Incoming, key: Key | None, context: Context
    ) -> Receipt:
        document = self._repository.get(callback.aggregate, stream)
        # After the document: of the same call, once it has changed the status, the key is there to be seen as well.
        first = self._log.taken(key) if key is not None else None
        if first is not None:
            return _again(callback, first.position, first.stream)
        if not is_expected(callback, document):
            log.info("%s came for %s in status %s, and is passed over.", callback.name, stream, document.status)
            return Receipt("ignored", self._log.last_position(), stream)
        decided, error = receive(callback, document, request, self._masker, callback.record_limit or self._record_limit)
        # What failed may come again: its key stays free.
        headers = self._repository.save(decided, context=context, key=key if error is None else None)
        if error is not None:
            raise error
        return Receipt("accepted", headers[-1].position, stream)


def _again(callback: CallbackReaction[Any, Any], position: int, stream: UUID) -> Receipt:
    log.info("%s came again for %s; it stands at position %s.", callback.name, stream, position)
    return Receipt("duplicate", position, stream)
