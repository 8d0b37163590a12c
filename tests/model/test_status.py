"""Statuses with looks: what people read, and which ones are alike."""

from __future__ import annotations

import pickle
from enum import IntEnum, StrEnum

import pytest

from eventflow.model.aggregate import Aggregate
from eventflow.model.status import FAILED, LOADING, Look, NumberedStatusEnum, Option, StatusEnum, label_of
from eventflow.model.vocabulary import problems
from tests.model.documents import again, save


class Status(StatusEnum):
    """A document's life."""

    QUEUED = "queued", Look(label="In the queue", group=LOADING)
    PROCESSING = "processing", Look(group=LOADING, icon="pen")
    ERROR = "error", Look(colour="red", group=FAILED)
    SENT_BACK = "back"


class Level(NumberedStatusEnum):
    """A tank's."""

    EMPTY = 0
    LOW = 1, Look(colour="yellow", group=FAILED)


class Document(Aggregate[Status], category="document", initial=Status.QUEUED):
    """What it is about."""


def test_a_status_is_its_value_and_has_looks_beside() -> None:
    assert Status("queued") is Status.QUEUED
    assert str(Status.QUEUED) == "queued"
    assert (Level(0), Level.LOW + 1) == (Level.EMPTY, 2)
    assert (Status.ERROR.colour, Status.PROCESSING.icon, Status.SENT_BACK.group) == ("red", "pen", None)


def test_a_status_without_a_label_is_called_by_its_name_in_words() -> None:
    assert Status.labels() == {
        "queued": "In the queue",
        "processing": "Processing",
        "error": "Error",
        "back": "Sent back",
    }
    assert Level.labels() == {0: "Empty", 1: "Low"}


def test_a_value_that_is_no_status_any_more_stands_for_itself() -> None:
    assert Status.label_for("queued") == Status.label_for(Status.QUEUED) == "In the queue"
    assert Level.label_for(0) == "Empty"
    assert Status.label_for("drafted") == "drafted"


def test_the_statuses_are_told_as_choices() -> None:
    assert (Status.names(), Level.values()) == (["QUEUED", "PROCESSING", "ERROR", "SENT_BACK"], [0, 1])
    assert Status.options()[2] == Option("ERROR", "error", "Error", "red", None, "failed")
    assert Level.options()[0] == Option("EMPTY", 0, "Empty", None, None, None)


def test_statuses_are_grouped() -> None:
    assert Status.loading() == (Status.QUEUED, Status.PROCESSING)
    assert (Status.failed(), Level.failed(), Level.loading()) == ((Status.ERROR,), (Level.LOW,), ())
    assert Status.in_group("archived") == ()


def test_a_status_is_compared_with_several() -> None:
    assert Status.ERROR.is_any(Status.QUEUED, "error")
    assert not Status.ERROR.is_any(Status.QUEUED)
    assert not Status.ERROR.is_any()
    assert Status.all_but("queued", Status.ERROR) == [Status.PROCESSING, Status.SENT_BACK]
    assert Level.all_but() == [Level.EMPTY, Level.LOW]


def test_what_is_no_status_is_refused() -> None:
    with pytest.raises(ValueError, match="drafted"):
        Status.ERROR.is_any("drafted")
    with pytest.raises(ValueError, match="7"):
        Level.all_but(7)


def test_a_status_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps((Status.ERROR, Level.LOW))) == (Status.ERROR, Level.LOW)


def test_an_aggregate_has_statuses_with_looks_like_any_others() -> None:
    document = Document.create()
    document.change_status(Status.SENT_BACK)

    assert problems([Document]) == []
    assert [one.status for one in document.pending] == ["queued", "back"]
    assert again(Document, save(document)).status.label == "Sent back"


def test_statuses_without_looks_have_labels_too() -> None:
    class Plain(StrEnum):
        ON_HOLD = "hold"

    class Number(IntEnum):
        ONE = 1

    assert [label_of(one) for one in (Plain.ON_HOLD, Number.ONE, Status.QUEUED)] == ["On hold", "One", "In the queue"]
