"""What the type checker has to say of reactions, commands and fields.

Each ``type: ignore`` stands for an error that must be there: mypy reports the ones that are not needed.
"""

from __future__ import annotations

from typing import assert_type

from eventflow.model.callback import callback
from eventflow.model.exchange import AsyncExchange, Exchange, Request, Response, play
from eventflow.model.handlers import Endpoint, Task
from eventflow.model.incoming import Incoming
from eventflow.model.reaction import EndpointReaction, TaskReaction, endpoint, task
from eventflow.model.status import FAILED, Look, NumberedStatusEnum, StatusEnum
from tests.model.documents import Begun, Document, Published, Stamped, Status, Written


@task(Document, on=Status.QUEUED, processing=Status.WRITING, complete=Status.WRITTEN, failed=Status.ERROR)
def one_event(document: Document) -> Written:
    """Returns an event."""
    return Written(content=document.title)


@task(Document, on=Status.QUEUED, processing=None, complete=Status.WRITTEN, failed=Document.give_up)
def several_events(document: Document) -> list[Written | Stamped]:
    """Returns several."""
    return [Stamped(by="Ann"), Written(content=document.title)]


@task(Document, on=Status.QUEUED, processing=Status.WRITING, complete=Status.WRITTEN, failed=Status.ERROR)
def nothing(document: Document) -> None:
    """Returns nothing."""


@task(Document, on=Status.QUEUED, processing=Document.begin, complete=Document.write, failed=Document.give_up)
def what_the_command_takes(document: Document) -> str:
    """Returns what ``write`` takes."""
    return document.title


@endpoint(Document, on=Status.APPROVED, processing=Status.PUBLISHING, complete=Status.PUBLISHED, failed=Status.ERROR)
def conversation(document: Document) -> Exchange[Published]:
    """Ends in an event."""
    response = yield Request("GET", "https://press.example/")
    return Published(url=response.text)


@endpoint(Document, on=Status.QUEUED, processing=Document.begin, complete=Document.write, failed=Document.give_up)
def conversation_for_a_command(document: Document) -> Exchange[str]:
    """Ends in what ``write`` takes."""
    response = yield Request("GET", "https://press.example/")
    return response.text


assert_type(one_event, TaskReaction[Document, Written])
assert_type(what_the_command_takes, TaskReaction[Document, str])
assert_type(conversation, EndpointReaction[Document, Published])


def calls(document: Document) -> None:
    """What one gets by calling."""
    assert_type(one_event(document), Written)
    assert_type(what_the_command_takes(document), str)
    assert_type(conversation(document), Exchange[Published])
    assert_type(document.begin(), Begun)
    assert_type(document.status, Status)
    one_event("a document")  # type: ignore[arg-type]
    document.write(content=3)  # type: ignore[arg-type]
    document.write(text="")  # type: ignore[call-arg]
    document.title = "x"  # type: ignore[misc]
    document.change_status("written")  # type: ignore[arg-type]
    Written(content="x").content = "y"  # type: ignore[misc]


@task(Document, on=Status.QUEUED, processing=Status.WRITING, complete=Status.WRITTEN, failed=Status.ERROR)  # type: ignore[type-var]
def a_text_is_no_event(document: Document) -> str:
    """A status takes events."""
    return ""


@task(Document, on=Status.QUEUED, processing=Document.begin, complete=Document.write, failed=Document.give_up)  # type: ignore[arg-type]
def not_what_the_command_takes(document: Document) -> int:
    """The command takes a text."""
    return 1


@task(Document, on=Status.QUEUED, processing=Document.write, complete=Status.WRITTEN, failed=Status.ERROR)  # type: ignore[arg-type]
def processing_takes_nothing(document: Document) -> None:
    """There is no text to write with yet."""


@task(Document, on=Status.QUEUED, processing=None, complete=Status.WRITTEN, failed=Document.begin)  # type: ignore[arg-type]
def failed_takes_the_message(document: Document) -> None:
    """The command has no place for it."""


@task(Document, on=Status.QUEUED, processing=None, complete=Status.WRITTEN, failed=Status.ERROR)  # type: ignore[arg-type]
def not_a_document(document: str) -> None:
    """The function gets the aggregate."""


@endpoint(Document, on=Status.QUEUED, processing=None, complete=Document.write, failed=Status.ERROR)  # type: ignore[arg-type]
def ends_in_an_event(document: Document) -> Exchange[Written]:
    """The command takes a text."""
    yield Request("GET", "https://press.example/")
    return Written(content="")


@endpoint(Document, on=Status.QUEUED, processing=None, complete=Status.WRITTEN, failed=Status.ERROR)  # type: ignore[arg-type]
def no_conversation(document: Document) -> Written:
    """An endpoint yields requests."""
    return Written(content="")


class AClass(Task[Document]):
    """Returns an event."""

    on, processing, complete, failed = Status.QUEUED, Status.WRITING, Status.WRITTEN, Status.ERROR

    def handle(self, document: Document) -> Written:
        """One."""
        return Written(content=document.title)


class AClassForACommand(Task[Document, str]):
    """Returns what the command takes."""

    on = Status.QUEUED
    processing, complete, failed = Document.begin, Document.write, Document.give_up

    def handle(self, document: Document) -> str:
        """A text."""
        return document.title


class AnEndpointClass(Endpoint[Document]):
    """Ends in an event."""

    on, processing, complete, failed = Status.APPROVED, Status.PUBLISHING, Status.PUBLISHED, Status.ERROR
    method = "PUT"

    def url(self, document: Document) -> str:
        """Where."""
        return f"https://press.example/{document.id}"

    def process_response(self, document: Document, response: Response) -> Published:
        """What."""
        return Published(url=response.text)


assert_type(AClass().handle(Document.create(title="")), Written)


class ATextIsNoEvent(Task[Document]):
    """A status takes events."""

    def handle(self, document: Document) -> str:  # type: ignore[override]
        """A text."""
        return ""


class NotADocument(Task[Document]):
    """It gets the aggregate."""

    def handle(self, document: str) -> None:  # type: ignore[override]
        """Nothing."""


class NoStatus(AnEndpointClass):
    """An attribute of another type."""

    on = "approved"  # type: ignore[assignment]
    raise_for_status = "no"  # type: ignore[assignment]

    def timeout(self, document: Document) -> int:  # type: ignore[override]
        """A number."""
        return 30


class Paper(StatusEnum):
    """Statuses with looks."""

    FLAT = "flat"
    TORN = "torn", Look(group=FAILED)


class Level(NumberedStatusEnum):
    """Numbered ones."""

    LOW = 1


assert_type(Paper.TORN.value, str)
assert_type(Paper.TORN.label, str)
assert_type(Paper.failed(), tuple[Paper, ...])
assert_type(Paper("flat"), Paper)
assert_type(Level.LOW.value, int)


@task(Document, on=Status.QUEUED, processing=Status.WRITING, complete=Status.WRITTEN, failed=Status.ERROR)
async def on_the_loop(document: Document) -> Written:
    """A coroutine that returns an event."""
    return Written(content=document.title)


@task(Document, on=Status.QUEUED, processing=Document.begin, complete=Document.write, failed=Document.give_up)
async def on_the_loop_for_a_command(document: Document) -> str:
    """A coroutine that returns what ``write`` takes."""
    return document.title


@endpoint(Document, on=Status.APPROVED, processing=Status.PUBLISHING, complete=Status.PUBLISHED, failed=Status.ERROR)
async def conversation_on_the_loop(document: Document) -> AsyncExchange[Published]:
    """Yields requests, and at last an event."""
    response = yield Request("GET", "https://press.example/")
    assert_type(response, Response)
    yield Published(url=response.text)


@task(Document, on=Status.QUEUED, processing=Status.WRITING, complete=Status.WRITTEN, failed=Status.ERROR)  # type: ignore[type-var]
async def a_text_is_no_event_on_the_loop_either(document: Document) -> str:
    """A status takes events."""
    return ""


async def calls_on_the_loop(document: Document) -> None:
    """What one gets by calling."""
    assert_type(await on_the_loop(document), Written)
    assert_type(await on_the_loop_for_a_command(document), str)
    assert_type(conversation_on_the_loop(document), AsyncExchange[Published])
    assert_type(play(conversation_on_the_loop(document), lambda request: Response(200)), Published)


@callback(Document, expects=Status.QUEUED, complete=Status.WRITTEN, failed=Status.ERROR, verify=None)
def called(document: Document, request: Incoming) -> Written:
    """Returns an event."""
    return Written(content=request.text)


@callback(Document, expects=[Status.WRITING], complete=Document.write, failed=Document.give_up, verify=None)
def called_for_a_command(document: Document, request: Incoming) -> str:
    """Returns what ``write`` takes."""
    return request.text


@callback(
    Document,
    expects=Status.WRITING,
    complete=lambda document, request: Status.WRITTEN,
    failed=Status.ERROR,
    verify=None,
)
def called_for_a_choice(document: Document, request: Incoming) -> Written | None:
    """Returns an event, or nothing."""
    return None


@callback(Document, expects=Status.QUEUED, complete=Status.WRITTEN, failed=Status.ERROR, verify=None)  # type: ignore[type-var]
def a_text_is_no_event_of_a_callback(document: Document, request: Incoming) -> str:
    """A status takes events."""
    return ""


@callback(Document, expects=Status.WRITING, complete=Document.write, failed=Status.ERROR, verify=None)  # type: ignore[arg-type]
def a_number_is_no_text(document: Document, request: Incoming) -> int:
    """``write`` takes a text."""
    return 1


def called_by_hand(document: Document) -> None:
    """What one gets by calling."""
    assert_type(called(document, Incoming()), Written)
    assert_type(called_for_a_command(document, Incoming()), str)
