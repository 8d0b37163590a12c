"""What is recorded of an attempt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from eventflow.errors import TransitionRefused, WrongResult
from eventflow.model import outcome
from eventflow.model.aggregate import Aggregate
from eventflow.model.exchange import Request, Response
from eventflow.model.library import (
    Claimed,
    Interrupted,
    RequestSent,
    ResponseReceived,
    RetryScheduled,
    RetryStarted,
    StatusChanged,
)
from eventflow.model.masking import Masker
from eventflow.model.reaction import task
from eventflow.model.recorded import Draft, Kind, Phase
from eventflow.model.telling import SHORT, TRACEBACK
from eventflow.model.transition import transition
from tests.model.documents import (
    NOW,
    WORKER,
    Approved,
    Begun,
    Document,
    GivenUp,
    Stamped,
    Status,
    Written,
    a_document,
    draft,
    generate,
    publish,
    save,
)


@task(Document, on=Status.QUEUED, processing=None, complete=Status.WRITTEN, failed=Status.ERROR)
def quietly(document: Document) -> None:
    """A task whose claim leaves the status as it is."""


def a_claimed_document(reaction: Any = generate) -> Document:
    """A document on which the first attempt is under way."""
    document = a_document(status=reaction.on)
    outcome.claim(document, reaction, 1, WORKER)
    save(document)
    return document


def an_error(message: str = "no such page") -> ValueError:
    """An error that was really raised."""
    try:
        raise ValueError(message)
    except ValueError as error:
        return error


def only(document: Document) -> Draft:
    """The one pending event."""
    [draft] = document.pending
    return draft


def test_a_claim_goes_to_the_processing_status_and_names_its_owner() -> None:
    document = a_document()

    outcome.claim(document, generate, 1, WORKER)

    claim = only(document)
    assert (claim.event, claim.status, claim.phase) == (StatusChanged(), "writing", Phase.CLAIMED)
    assert (claim.reaction, claim.attempt, claim.owner) == ("generate", 1, WORKER)
    assert document.standing.origin == 1


def test_a_claim_by_command_records_the_events_of_the_command() -> None:
    document = a_document()

    outcome.claim(document, draft, 1, WORKER)

    assert (only(document).event, document.status) == (Begun(), Status.WRITING)
    assert only(document).phase is Phase.CLAIMED


def test_a_claim_without_a_processing_status_leaves_the_status_as_it_is() -> None:
    document = a_document()

    outcome.claim(document, quietly, 1, WORKER)

    assert (only(document).event, document.status, only(document).phase) == (Claimed(), Status.QUEUED, Phase.CLAIMED)


def test_a_later_attempt_begins_where_the_first_one_left_the_document() -> None:
    document = a_claimed_document()
    outcome.defer(document, generate, 1, NOW, an_error())
    save(document)

    outcome.claim(document, generate, 2, WORKER)

    assert (only(document).event, only(document).attempt, document.status) == (RetryStarted(), 2, Status.WRITING)
    assert (document.standing.phase, document.standing.origin) == (Phase.CLAIMED, 1)


def test_what_is_claimed_cannot_be_claimed_again() -> None:
    document = a_claimed_document()

    with pytest.raises(TransitionRefused, match='claim of generate needs the status "queued"'):
        outcome.claim(document, generate, 1, WORKER)
    assert document.pending == ()


def test_another_reaction_cannot_claim_what_does_not_wait_for_it() -> None:
    document = a_document()

    with pytest.raises(TransitionRefused):
        outcome.claim(document, publish, 1, WORKER)

    deferred = a_claimed_document()
    outcome.defer(deferred, generate, 1, NOW, an_error())
    with pytest.raises(TransitionRefused):
        outcome.claim(deferred, publish, 2, WORKER)


def test_an_event_goes_with_the_step_to_the_complete_status() -> None:
    document = a_claimed_document()

    outcome.finish(document, generate, Written(content="Once"))

    end = only(document)
    assert (end.event, end.status, end.phase) == (Written(content="Once"), "written", Phase.ANNOUNCED)
    assert (end.reaction, end.attempt, document.content) == ("generate", 1, "Once")


def test_of_several_events_the_last_one_announces() -> None:
    document = a_claimed_document()

    outcome.finish(document, generate, (Stamped(by="Ann"), Written(content="Once")))

    first, last = document.pending
    assert (first.status, first.phase, first.reaction, first.attempt) == ("writing", None, "generate", 1)
    assert (last.previous, last.status, last.phase) == ("writing", "written", Phase.ANNOUNCED)
    assert document.standing.version == 4


@pytest.mark.parametrize("nothing", [None, (), []])
def test_nothing_is_a_result_too(nothing: object) -> None:
    document = a_claimed_document()

    outcome.finish(document, generate, nothing)

    assert (only(document).event, document.status) == (StatusChanged(), Status.WRITTEN)


@pytest.mark.parametrize(
    "result",
    ["text", 3, object(), {"content": "x"}, [Written(content="x"), "text"], {Stamped(by="Ann")}, Written],
)
def test_what_is_no_event_is_a_wrong_result_and_nothing_is_recorded(result: object) -> None:
    document = a_claimed_document()

    with pytest.raises(WrongResult, match="generate returned"):
        outcome.finish(document, generate, result)
    assert document.pending == ()


def test_an_event_that_the_reaction_does_not_promise_is_a_wrong_result() -> None:
    class Mine(Written):
        pass

    document = a_claimed_document()

    with pytest.raises(WrongResult, match="generate returned Mine; wanted was Written, Stamped"):
        outcome.finish(document, generate, Mine(content="x"))
    assert document.pending == ()


def test_an_event_that_the_category_knows_may_be_returned() -> None:
    document = a_claimed_document()

    outcome.finish(document, generate, Approved(by="Ann"))

    assert only(document).event == Approved(by="Ann")


def test_a_command_completes_with_the_result() -> None:
    document = a_claimed_document(draft)

    outcome.finish(document, draft, "# Whales")

    assert (only(document).event, document.status) == (Written(content="# Whales"), Status.WRITTEN)
    assert (only(document).reaction, only(document).phase) == ("draft", Phase.ANNOUNCED)


def test_a_command_without_arguments_completes_without_the_result() -> None:
    class Letter(Aggregate[Status], category="letter", initial=Status.QUEUED):
        @transition(Status.QUEUED, to=Status.APPROVED)
        def sign(self) -> Approved:
            return Approved(by="Ann")

    @task(Letter, on=Status.QUEUED, processing=None, complete=Letter.sign, failed=Status.ERROR)
    def sign(letter: Letter) -> None:
        return None

    letter = Letter.create()
    outcome.claim(letter, sign, 1, WORKER)

    outcome.finish(letter, sign, None)

    assert letter.status is Status.APPROVED


def test_a_failure_is_recorded_with_its_type_message_and_traceback() -> None:
    document = a_claimed_document()

    outcome.fail(document, generate, an_error(), 3)

    end = only(document)
    assert isinstance(end.event, StatusChanged)
    assert end.event.body is not None
    trace = end.event.body.pop("traceback")
    assert end.event.body == {"type": "ValueError", "message": "no such page", "attempt": 3}
    assert "in an_error" in trace
    assert (end.status, end.phase, end.kind, end.attempt) == ("error", Phase.ANNOUNCED, Kind.EXCEPTION, 3)
    assert end.error == "ValueError: no such page"


def test_secrets_in_an_error_are_masked_everywhere() -> None:
    document = a_claimed_document()

    outcome.fail(document, generate, an_error('login failed: password="hunter2"'), 1)

    assert "hunter2" not in repr(only(document))
    assert only(document).error == 'ValueError: login failed: password="********"'


def test_the_masker_of_the_reaction_comes_before_the_one_of_the_application() -> None:
    strict = task(
        Document, on=Status.QUEUED, processing=None, complete=Status.WRITTEN, failed=Status.ERROR,
        masker=Masker(patterns=["whale"]),
    )(quietly.function)  # fmt: skip

    for reaction, message in ((strict, "no ********s"), (quietly, "no whales")):
        document = a_claimed_document(reaction)
        outcome.fail(document, reaction, an_error("no whales"), 1, Masker())
        assert only(document).error == f"ValueError: {message}"


def test_a_command_fails_with_the_message() -> None:
    document = a_claimed_document(draft)

    outcome.fail(document, draft, an_error(), 1)

    assert (only(document).event, document.status) == (GivenUp(why="no such page"), Status.ERROR)
    assert (only(document).kind, only(document).error) == (Kind.EXCEPTION, "ValueError: no such page")


def test_a_failure_is_recorded_even_when_the_command_for_it_fails() -> None:
    class Letter(Aggregate[Status], category="letter", initial=Status.QUEUED):
        @transition(to=Status.ERROR)
        def give_up(self, why: str) -> GivenUp:
            raise KeyError(why)

    @task(Letter, on=Status.QUEUED, processing=None, complete=Status.WRITTEN, failed=Letter.give_up)
    def write(letter: Letter) -> None:
        return None

    letter = Letter.create()
    outcome.claim(letter, write, 1, WORKER)

    outcome.fail(letter, write, an_error(), 1)

    assert letter.status is Status.ERROR
    event = letter.pending[-1].event
    assert isinstance(event, StatusChanged)
    assert event.body is not None
    assert (event.body["type"], event.body["then"]["type"]) == ("ValueError", "KeyError")


def test_an_error_whose_message_cannot_be_had_is_an_error_all_the_same() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("mute")

    document = a_claimed_document()

    outcome.fail(document, generate, Mute(), 1)

    assert only(document).error is not None
    assert str(only(document).error).startswith("Mute: ")


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), RecursionError("deep"), ExceptionGroup("g", [an_error()])]
)
def test_every_kind_of_error_can_be_recorded(error: BaseException) -> None:
    document = a_claimed_document()

    outcome.fail(document, generate, error, 1)

    assert str(only(document).error).startswith(type(error).__name__)


def test_a_long_error_is_cut() -> None:
    document = a_claimed_document()

    outcome.fail(document, generate, an_error("first\n" + "x" * 1_000_000 + "last"), 1)

    event = only(document).event
    assert isinstance(event, StatusChanged)
    assert event.body is not None
    assert len(str(only(document).error)) == SHORT
    assert len(event.body["message"]) < 2 * TRACEBACK
    assert event.body["message"].startswith("first\n")
    assert event.body["message"].endswith("last")


def test_an_error_holds_nothing_that_a_database_refuses() -> None:
    document = a_claimed_document()

    outcome.fail(document, generate, an_error("zero \0 and half \ud800 a pair"), 1)

    assert only(document).error == "ValueError: zero \ufffd and half ? a pair"
    repr(only(document)).encode()


def test_a_deferral_says_when_the_next_attempt_is_due() -> None:
    document = a_claimed_document()
    due = NOW + timedelta(seconds=30)

    outcome.defer(document, generate, 1, due, an_error("password=hunter2"))

    later = only(document)
    assert isinstance(later.event, RetryScheduled)
    assert (later.event.type, later.event.message, later.event.attempt) == ("ValueError", "password=********", 1)
    assert "hunter2" not in str(later.event.traceback)
    assert (later.status, later.phase, later.kind) == ("writing", Phase.DEFERRED, Kind.EXCEPTION)
    assert (later.reaction, later.attempt, later.due) == ("generate", 2, due)
    assert document.standing.due == due


def test_an_interruption_keeps_the_attempt_and_is_counted() -> None:
    document = a_claimed_document()

    outcome.interrupt(document, "the worker was stopped", NOW)

    stop = only(document)
    assert (stop.event, stop.phase, stop.attempt, stop.due) == (
        Interrupted(reason="the worker was stopped"),
        Phase.DEFERRED,
        1,
        NOW,
    )
    assert (stop.reaction, stop.error, document.status) == ("generate", "the worker was stopped", Status.WRITING)
    assert document.standing.interruptions == 1


def test_only_an_attempt_that_is_under_way_can_be_interrupted() -> None:
    document = a_document()

    with pytest.raises(TransitionRefused, match="An interruption needs"):
        outcome.interrupt(document, "why not", NOW)


def test_a_conversation_is_recorded_on_both_sides_and_masked() -> None:
    document = a_claimed_document(publish)
    request = Request(
        "POST", "https://ann:pw1@press.example/a?api_key=k1", json={"text": "Once", "password": "pw2"},
        headers={"Authorization": "Bearer t1"},
    )  # fmt: skip
    response = Response.of({"url": "u", "token": "t2"}, status=201, headers={"Set-Cookie": "sid=s1"})

    outcome.request(document, publish, request)
    outcome.response(document, publish, response)

    asked, answered = document.pending
    assert asked.event == RequestSent(
        method="POST",
        url="https://********@press.example/a?api_key=%2A%2A%2A%2A%2A%2A%2A%2A",
        headers={"Authorization": "Bearer ********", "Content-Type": "application/json"},
        body='{"text":"Once","password":"********"}',
        size=32,
    )
    assert answered.event == ResponseReceived(
        status=201,
        headers={"Content-Type": "application/json", "Set-Cookie": "********"},
        body='{"url":"u","token":"********"}',
        size=27,
    )
    assert (asked.kind, answered.kind, asked.phase, asked.status) == (Kind.REQUEST, Kind.RESPONSE, None, "publishing")
    assert (asked.reaction, asked.attempt) == ("publish", 1)
    assert document.standing.version == 2


def test_a_request_without_a_body_has_none() -> None:
    document = a_claimed_document(publish)

    outcome.request(document, publish, Request("GET", "https://press.example/"))

    assert only(document).event == RequestSent(method="GET", url="https://press.example/")


@pytest.mark.parametrize(
    "record",
    [
        lambda document: outcome.finish(document, generate, Written(content="Once")),
        lambda document: outcome.fail(document, generate, an_error(), 1),
        lambda document: outcome.defer(document, generate, 1, NOW, an_error()),
        lambda document: outcome.interrupt(document, "gone", NOW),
    ],
)
def test_an_outcome_can_be_recorded_again_on_a_copy(record: Callable[[Document], None]) -> None:
    document = a_claimed_document()
    first, second = document.model_copy(), document.model_copy()

    record(first)
    record(second)

    assert first.pending == second.pending
    assert document.pending == ()


def test_a_deep_traceback_is_kept_short() -> None:
    def deeper(n: int) -> int:
        return deeper(n + 1) + 1

    document = a_claimed_document()
    try:
        deeper(0)
    except RecursionError as error:
        outcome.fail(document, generate, error, 1)

    event = only(document).event
    assert isinstance(event, StatusChanged)
    assert event.body is not None
    assert len(event.body["traceback"]) <= TRACEBACK + 10
