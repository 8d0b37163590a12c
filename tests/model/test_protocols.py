"""Aggregates and events are what ``eventsourcing`` publishes protocols for, so its machinery serves them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from eventsourcing.domain import CollectEventsProtocol, DomainEventProtocol, ImmutableAggregateProtocol

from eventflow.model.recorded import Draft, Recorded
from tests.model.documents import Document, save


def identified(aggregate: ImmutableAggregateProtocol[UUID]) -> tuple[UUID, int]:
    """What the library reads of an aggregate."""
    return aggregate.id, aggregate.version


def placed(event: DomainEventProtocol[UUID]) -> tuple[UUID, int]:
    """What the library reads of an event."""
    return event.originator_id, event.originator_version


def collected(aggregate: CollectEventsProtocol) -> Sequence[DomainEventProtocol[UUID]]:
    """How the library takes events off an aggregate."""
    return aggregate.collect_events()


def test_an_aggregate_is_one_for_the_library() -> None:
    document = Document.create(title="Whales")
    document.begin()

    assert identified(document) == (document.id, 2)


def test_pending_and_recorded_events_are_domain_events_for_the_library() -> None:
    document = Document.create(title="Whales")
    draft: Draft = document.pending[0]
    recorded: Recorded = save(document)[0]

    assert placed(draft) == placed(recorded) == (document.id, 1)


def test_events_can_be_collected_as_the_library_does() -> None:
    document = Document.create(title="Whales")
    document.begin()

    assert isinstance(document, CollectEventsProtocol)
    assert [placed(one) for one in collected(document)] == [(document.id, 1), (document.id, 2)]
    assert document.pending == ()
