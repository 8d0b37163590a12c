"""What must hold for aggregates, standings, retries and vocabularies, whatever happens to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from eventflow.errors import Refused
from eventflow.model import outcome
from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.exchange import Request, Response, idempotency_key
from eventflow.model.reaction import Reaction
from eventflow.model.recorded import Draft, Phase, Recorded
from eventflow.model.retry import Again, Retry
from eventflow.model.standing import Standing
from eventflow.model.vocabulary import Vocabulary
from tests.model.documents import NOW, WORKER, Document, Stamped, Status, Written, generate, publish, save

Step = Callable[[Document], object]

texts = st.text(max_size=20)
statuses = st.sampled_from(Status)
reactions: st.SearchStrategy[Reaction[Any, Any]] = st.sampled_from([generate, publish])
steps: st.SearchStrategy[Step] = st.one_of(
    st.just(lambda document: document.begin()),
    texts.map(lambda text: lambda document: document.write(text)),
    texts.map(lambda text: lambda document: document.approve(by=text)),
    texts.map(lambda text: lambda document: document.give_up(text)),
    texts.map(lambda text: lambda document: document.record(Stamped(by=text))),
    texts.map(lambda text: lambda document: document.record(Written(content=text), phase=None)),
    statuses.map(lambda status: lambda document: document.change_status(status, body={"a": 1})),
    st.just(lambda document: document.touch()),
    st.just(lambda document: document.defibrillate()),
    reactions.map(lambda one: lambda document: outcome.claim(document, one, document.standing.attempt or 1, WORKER)),
    st.just(lambda document: outcome.interrupt(document, "gone", NOW)),
    st.just(lambda document: outcome.defer(document, generate, 1, NOW, ValueError("no"))),
    st.just(lambda document: outcome.fail(document, generate, ValueError("no"), 1)),
    texts.map(lambda text: lambda document: outcome.finish(document, generate, Written(content=text))),
    st.just(lambda document: outcome.request(document, publish, Request("GET", "https://press.example/"))),
    texts.map(lambda text: lambda document: outcome.response(document, publish, Response.of({"text": text}))),
)


def taken(document: Document, several: Sequence[Step]) -> Document:
    """The document after those of the steps that it allows."""
    for step in several:
        before = document.pending, document.model_dump(), document.status
        try:
            step(document)
        except Refused:
            assert (document.pending, document.model_dump(), document.status) == before
    return document


@given(texts, st.lists(steps, max_size=30))
def test_a_replay_gives_the_document_that_was_lived(title: str, several: list[Step]) -> None:
    document = taken(Document.create(title=title), several)

    found = Document.replay(save(document))

    assert found == document
    assert (found.status, found.standing, found.head) == (document.status, document.standing, document.head)
    assert found.model_fields_set == document.model_fields_set


@given(st.lists(steps, max_size=15), st.lists(steps, max_size=15))
def test_a_replay_from_a_snapshot_is_a_replay_from_the_beginning(before: list[Step], after: list[Step]) -> None:
    document = taken(Document.create(title="Whales"), before)
    recorded = save(document)
    snapshot = type(document.snapshot()).model_validate(document.snapshot().model_dump())

    rest = save(taken(document, after))

    assert Document.replay(rest, snapshot) == Document.replay([*recorded, *rest]) == document


@given(st.lists(st.lists(steps, max_size=5), max_size=5))
def test_it_does_not_matter_when_a_document_is_saved(portions: list[list[Step]]) -> None:
    saved, unsaved = Document.create(id=UUID(int=1), title="a"), Document.create(id=UUID(int=1), title="a")

    for portion in portions:
        save(taken(saved, portion))
        taken(unsaved, portion)
    save(saved)
    save(unsaved)

    assert (saved, saved.head, saved.standing) == (unsaved, unsaved.head, unsaved.standing)


@given(st.lists(steps, max_size=20))
def test_versions_and_statuses_of_the_pending_events_are_a_chain(several: list[Step]) -> None:
    pending = taken(Document.create(title="Whales"), several).pending

    assert [one.version for one in pending] == list(range(1, len(pending) + 1))
    assert [one.previous for one in pending] == [None, *(one.status for one in pending[:-1])]


drafts = st.builds(
    Draft,
    st.sampled_from([Stamped(by="Ann")]),
    statuses.map(str),
    phase=st.none() | st.sampled_from(Phase),
    reaction=st.none() | st.sampled_from(["generate", "publish"]),
    attempt=st.none() | st.integers(1, 5),
    owner=st.none() | st.uuids(),
    version=st.integers(1, 100),
)


@given(st.lists(drafts, max_size=20))
def test_a_standing_is_made_by_headers_with_a_phase_only(headers: list[Draft]) -> None:
    def fold(some: list[Draft]) -> Standing:
        standing = Standing()
        for one in some:
            standing = standing.after(one)
        return standing

    with_a_phase = [one for one in headers if one.phase]

    assert fold(headers) == fold(with_a_phase)
    if with_a_phase:
        last = with_a_phase[-1]
        assert fold(headers)[:3] == (last.version, last.phase, last.status)


waits = st.timedeltas(timedelta(0), timedelta(days=1000))
policies = st.builds(
    Retry,
    attempts=st.integers(1, 100),
    after=waits,
    backoff=st.sampled_from(["constant", "linear", "exponential"]),
    at_most=st.none() | waits,
    jitter=st.floats(0, 1),
    interruptions=st.integers(0, 20),
)


@given(policies, st.integers(1, 10_000))
def test_waits_never_get_shorter_and_never_longer_than_the_cap(retry: Retry, attempt: int) -> None:
    assert retry.delay(attempt) <= retry.delay(attempt + 1)
    if retry.at_most is not None:
        assert retry.delay(attempt) <= retry.at_most


class Asking(Exception):
    """An error that asks for a wait."""

    retry_after: object = None


@given(policies, st.integers(1, 200), st.floats(0, 1), st.none() | st.floats() | st.integers() | waits)
def test_a_decision_ends_with_the_attempts_and_keeps_to_the_cap(
    retry: Retry, attempt: int, chance: float, asked: object
) -> None:
    error = Asking()
    error.retry_after = asked

    decision = retry.decide(attempt, error, lambda: chance)

    assert isinstance(decision, Again) == (attempt < retry.attempts)
    if isinstance(decision, Again):
        assert decision.after >= retry.delay(attempt)
        assert retry.at_most is None or decision.after <= retry.at_most


@given(policies, st.integers(1, 30))
def test_interruptions_end_too(retry: Retry, times: int) -> None:
    assert isinstance(retry.after_interruption(times), Again) == (times <= retry.interruptions)


KINDS: list[Any] = [int, str, bool, float, bytes, UUID, Decimal, list[int], dict[str, str], str | None, tuple[int, str]]
fields = st.dictionaries(st.from_regex(r"f[a-z]{0,5}", fullmatch=True), st.sampled_from(KINDS), max_size=5)
several_fields = st.lists(fields, min_size=1, max_size=4)


def a_vocabulary(*events: type[Event]) -> Vocabulary:
    """The vocabulary of a note with these events."""

    class Note(Aggregate[Status], category="note", initial=Status.QUEUED, events=events):
        title: str

    return Vocabulary.of([Note])


def events_of(several: list[dict[str, Any]]) -> list[type[Event]]:
    """One event class for each dict of fields."""
    return [type(f"Event{at}", (Event,), {"__annotations__": some}) for at, some in enumerate(several)]


@given(several_fields)
def test_a_vocabulary_covers_its_own_lock(several: list[dict[str, Any]]) -> None:
    vocabulary = a_vocabulary(*events_of(several))

    assert vocabulary.covers(json.loads(json.dumps(vocabulary.lock()))) == []


@given(several_fields, st.data())
def test_an_event_that_is_lost_is_always_noticed(several: list[dict[str, Any]], data: st.DataObject) -> None:
    events = events_of(several)
    lost = data.draw(st.sampled_from(events))

    problems = a_vocabulary(*(one for one in events if one is not lost)).covers(a_vocabulary(*events).lock())

    assert len(problems) == 1
    assert f'"note:{lost.event_name}"' in problems[0]


@given(fields, fields)
def test_a_change_that_is_covered_can_read_the_older_bodies(before: dict[str, Any], now: dict[str, Any]) -> None:
    [old], [new] = events_of([before]), events_of([now])
    body = {name: st_example(kind) for name, kind in before.items()}

    if not a_vocabulary(new).covers(a_vocabulary(old).lock()):
        new.revive(old(**body).event_body(), 1)


def st_example(kind: Any) -> Any:
    """A value of one of the kinds above."""
    values = {int: 1, str: "a", bool: True, float: 1.5, bytes: b"a", UUID: UUID(int=1), Decimal: Decimal("1.5")}
    if kind in values:
        return values[kind]
    return {list[int]: [1], dict[str, str]: {"a": "b"}, str | None: None, tuple[int, str]: (1, "a")}[kind]


@given(
    st.tuples(texts, st.uuids(), st.integers(), st.integers()),
    st.tuples(texts, st.uuids(), st.integers(), st.integers()),
)
def test_idempotency_keys_are_equal_for_equal_facts_only(
    one: tuple[str, UUID, int, int], other: tuple[str, UUID, int, int]
) -> None:
    assert (idempotency_key(*one) == idempotency_key(*other)) == (one == other)


@given(st.lists(steps, max_size=10))
def test_recorded_events_are_read_once_and_only_when_touched(several: list[Step]) -> None:
    recorded = save(taken(Document.create(title="Whales"), several))

    for one in recorded:
        assert isinstance(one, Recorded)
        assert one.event is one.event
