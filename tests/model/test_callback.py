"""Callbacks: values like functions, and what is told of those that do not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eventflow.errors import Misconfigured, SignatureRefused
from eventflow.model.callback import Callback, CallbackReaction, callback, callback_of
from eventflow.model.composition import check
from eventflow.model.incoming import Incoming
from eventflow.model.key import Key
from tests.model.documents import Approved, Document, Published, Status, Written, a_document
from tests.model.test_reaction import Paper, Sheet, a_task

STEPS: dict[str, Any] = {
    "expects": Status.QUEUED,
    "complete": Status.WRITTEN,
    "failed": Status.ERROR,
    "verify": None,
}
CALL = Incoming.of({"id": 7, "text": "Whales"})
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def take(document: Document, request: Incoming) -> Written:
    """A function that fits."""
    return Written(content=request.json()["text"])


def a_callback(function: Callable[..., Any] = take, **options: Any) -> Any:
    """A callback with whatever options."""
    return callback(Document, **{**STEPS, **options})(function)


def problems(*callbacks: Any) -> str:
    return "\n".join(check([], [Document], callbacks))


def test_who_may_call_has_to_be_said_and_nobody_may_until_then() -> None:
    unsaid = {name: value for name, value in STEPS.items() if name != "verify"}

    one = callback(Document, **unsaid)(take)

    assert "take: verify= is missing: anybody could call it." in problems(one)
    assert "taken: verify= is missing" in problems(Taken)
    assert "verify" not in problems(a_callback(verify=None))
    with pytest.raises(SignatureRefused):
        one.let_in(CALL, NOW)
    a_callback().let_in(CALL, NOW)


def test_a_callback_is_still_a_plain_function() -> None:
    one = a_callback()

    assert one(a_document(), CALL) == Written(content="Whales")
    assert (one.__name__, one.__doc__, one.name) == ("take", "A function that fits.", "take")
    assert repr(one) == "<callback take of document in queued>"


def test_one_that_fits_has_no_problems() -> None:
    assert (
        problems(
            a_callback(),
            a_callback(name="two", expects=(Status.QUEUED, Status.ERROR), processing=Status.WRITING),
            a_callback(
                as_text, name="three", processing=Document.begin, complete=Document.write, failed=Document.give_up
            ),
            a_callback(name="four", complete=lambda document, request: Status.WRITTEN),
        )
        == ""
    )


def as_text(document: Document, request: Incoming) -> str:
    """What a command takes."""
    return "Whales"


def unsaid(document: Document, request: Incoming):  # type: ignore[no-untyped-def]  # that is what it is about
    """Says nothing of what it returns."""


def several(document: Document, request: Incoming) -> Iterator[Written]:
    """Yields."""
    yield Written(content="")


async def later(document: Document, request: Incoming) -> Written:
    """Awaits."""
    return Written(content="")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"expects": None}, "expects= is missing"),
        ({"expects": ()}, "expects= is missing"),
        ({"expects": "queued"}, "write Status.QUEUED"),
        ({"expects": (Status.QUEUED, Paper.FLAT)}, "is of Paper, but Document has Status"),
        ({"complete": None}, "complete= is missing"),
        ({"failed": None}, "failed= is missing"),
        ({"complete": "writen"}, 'Did you mean "written"'),
        ({"complete": Sheet.fold}, "is a command of another aggregate"),
        ({"processing": Document.approve}, "is called with nothing only"),
        ({"verify": True}, "verify=True is no function"),
        ({"fingerprint": "id"}, "fingerprint=id is no function"),
        ({"lifetime": timedelta(0)}, "is no positive timedelta"),
        ({"accepts": "application/json"}, 'Write accepts=["application/json"]'),
        ({"methods": "POST"}, 'Write methods=["POST"]'),
        ({"name": "not a name"}, "letters, digits and _"),
    ],
)
def test_options_that_do_not_fit_are_told(options: dict[str, Any], told: str) -> None:
    assert told in problems(a_callback(**options))


@pytest.mark.parametrize(
    ("function", "options", "told"),
    [
        (as_text, {}, "it returns str, but complete="),
        (unsaid, {}, "it does not say what it returns"),
        (several, {}, "neither yields nor awaits"),
        (later, {}, "neither yields nor awaits"),
        (
            as_text,
            {"expects": (Status.QUEUED, Status.ERROR), "complete": Document.write},
            "needs writing, but the status",
        ),
    ],
)
def test_functions_that_do_not_fit_are_told(function: Any, options: dict[str, Any], told: str) -> None:
    assert told in problems(a_callback(function, **options))


def test_a_callback_and_a_reaction_are_not_mistaken_for_each_other() -> None:
    assert "take is a callback. Give it in callbacks=[...]." in check([a_callback()], [Document])
    assert "is no callback" in problems(a_task())
    assert "Decorate it with @callback" in problems(take)


def test_names_are_for_one_callback_each() -> None:
    assert '2 callbacks are called "take"' in problems(a_callback(), a_callback())


def test_the_aggregate_has_to_be_there() -> None:
    assert "take: Document is not among aggregates=[...]." in check([], [], [a_callback()])


def test_what_only_a_callback_returns_is_known_to_the_log() -> None:
    def approve(document: Document, request: Incoming) -> Approved | Published:
        return Approved(by="Ann")

    assert a_callback(approve).returns == (Approved, Published)


class Taken(Callback[Document]):
    """A callback as a class."""

    expects, processing = (Status.QUEUED, Status.ERROR), Status.WRITING
    complete, failed = Status.WRITTEN, Status.ERROR
    lifetime = timedelta(days=1)
    silent = True

    def fingerprint(self, request: Incoming) -> str:
        return str(request.json()["id"])

    def handle(self, document: Document, request: Incoming) -> Written:
        return Written(content=request.json()["text"])


class LetIn(Taken):
    """The same, for whoever comes."""

    verify = None


def test_a_class_is_a_callback_too() -> None:
    made = callback_of(Taken)

    assert isinstance(made, CallbackReaction)
    assert (made.name, made.aggregate, made.expects) == ("taken", Document, (Status.QUEUED, Status.ERROR))
    assert (made.processing, made.complete, made.failed) == (Status.WRITING, Status.WRITTEN, Status.ERROR)
    assert (made.silent, made.lifetime, made.returns) == (True, timedelta(days=1), (Written,))
    assert made.key(CALL) == Key("7", "callback/document/taken", timedelta(days=1))
    assert Taken()(a_document(), CALL) == Written(content="Whales")
    assert problems(LetIn) == problems(LetIn()) == ""


def test_classes_that_say_too_little_are_told() -> None:
    class Nothing(Callback[Document]):
        """Says nothing."""

    class Nobodys(Callback):  # type: ignore[type-arg]  # that is what it is about
        """Says not whose it is."""

    class Needy(Callback[Document]):
        """Needs something."""

        def __init__(self, secret: str) -> None:
            self.secret = secret

    told = problems(Nothing, Nobodys, Needy)

    assert "nothing: handle(self, document, request) is missing." in told
    assert "nothing: expects= is missing." in told
    assert "Write class Nobodys(Callback[Document])." in told
    assert "Give an instance of it: callbacks=[Needy(...)]." in told
    with pytest.raises(Misconfigured):
        callback_of(Nobodys)


def test_attributes_that_are_nearly_right_are_told() -> None:
    class Mistaken(Taken):
        """Two of them are misspelt."""

        fingerprnt = None
        verfy = None
        helper = 1

    told = problems(Mistaken)

    assert 'mistaken: "verfy" is nothing that a callback is asked for. Did you mean "verify"?' in told
    assert "helper" not in told


def test_a_fingerprint_has_a_scope() -> None:
    def key(**options: Any) -> Key | None:
        found: Key | None = a_callback(fingerprint=lambda request: "7", **options).key(CALL)
        return found

    assert key() == Key("7", "callback/document/take")
    assert key(name="other") == Key("7", "callback/document/other")
    assert key(fingerprint_scope="stripe") == Key("7", "callback/stripe")
    assert key(fingerprint_scope=lambda request: request.method) == Key("7", "callback/POST")
    assert a_callback().key(CALL) is None
    assert a_callback(fingerprint=lambda request: "").key(CALL) is None
