"""The suites that the event sourcing library publishes for recorders, inherited for both databases."""

from __future__ import annotations

from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any
from unittest import TestCase
from uuid import UUID

from eventsourcing.persistence import AggregateRecorder, StoredEvent
from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)

from eventflow.store.database import open_database
from eventflow.store.recorder import Recorder
from tests.services import fresh_schema


class _Memory(TestCase):
    def url(self) -> str:
        return "sqlite://"

    def create_recorder(self) -> Any:
        return self.enterContext(open_database(self.url())).recorder()


class _File(_Memory):
    def url(self) -> str:
        return f"sqlite:///{self.enterContext(TemporaryDirectory())}/log.db?synchronous=normal"


class _Postgres(_Memory):
    def url(self) -> str:
        return self.enterContext(fresh_schema())


class _Positionless(AggregateRecorder):
    """What the suite for aggregates expects: a recorder that does not say where events went."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        self._recorder.insert_events(stored_events, **kwargs)

    def select_events(self, originator_id: UUID | str, **kwargs: Any) -> Sequence[StoredEvent]:
        return self._recorder.select_events(originator_id, **kwargs)


class TestAggregatesInMemory(_Memory, AggregateRecorderTestCase):
    """Streams, in memory."""

    def create_recorder(self) -> AggregateRecorder:
        return _Positionless(super().create_recorder())


class TestAggregatesInAFile(_File, AggregateRecorderTestCase):
    """Streams, in a file."""

    def create_recorder(self) -> AggregateRecorder:
        return _Positionless(super().create_recorder())


class TestAggregatesInPostgres(_Postgres, AggregateRecorderTestCase):
    """Streams, in PostgreSQL."""

    def create_recorder(self) -> AggregateRecorder:
        return _Positionless(super().create_recorder())


class _Subscribing(ApplicationRecorderTestCase[Recorder]):
    """The suite with its optional part: ours can be subscribed to in every database."""

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestApplicationInMemory(_Memory, _Subscribing):
    """The log, in memory."""


class TestApplicationInAFile(_File, _Subscribing):
    """The log, in a file."""


class TestApplicationInPostgres(_Postgres, _Subscribing):
    """The log, in PostgreSQL."""

    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = False


class TestTrackingInMemory(_Memory, TrackingRecorderTestCase):
    """Tracking, in memory."""


class TestTrackingInAFile(_File, TrackingRecorderTestCase):
    """Tracking, in a file."""


class TestTrackingInPostgres(_Postgres, TrackingRecorderTestCase):
    """Tracking, in PostgreSQL."""


class TestProcessInMemory(_Memory, ProcessRecorderTestCase):
    """The log with tracking, in memory."""


class TestProcessInAFile(_File, ProcessRecorderTestCase):
    """The log with tracking, in a file."""


class TestProcessInPostgres(_Postgres, ProcessRecorderTestCase):
    """The log with tracking, in PostgreSQL."""


class TestNonInterleavingInMemory(_Memory, NonInterleavingNotificationIDsBaseCase):
    """Appends in one piece, in memory."""


class TestNonInterleavingInAFile(_File, NonInterleavingNotificationIDsBaseCase):
    """Appends in one piece, in a file."""


class TestNonInterleavingInPostgres(_Postgres, NonInterleavingNotificationIDsBaseCase):
    """Holds for the threads of one process, which share their commits."""


# Pytest would run what is imported as well.
del (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
    _Subscribing,
)
