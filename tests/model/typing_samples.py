"""What the type checker has to say of reactions, commands and fields.

Each ``type: ignore`` stands for an error that must be there: mypy reports the ones that are not needed.
"""

from __future__ import annotations

from typing import assert_type

from eventflow.model.exchange import Exchange, Request
from eventflow.model.reaction import Endpoint, Task, endpoint, task
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


assert_type(one_event, Task[Document, Written])
assert_type(what_the_command_takes, Task[Document, str])
assert_type(conversation, Endpoint[Document, Published])


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
