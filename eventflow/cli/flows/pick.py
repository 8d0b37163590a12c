"""``eventflow flows pick`` and ``explain``: what the picker says about definitions, a query and a subject in files.

With ``--json`` both the answer and the error of a pick go to standard output, one document for each question: whoever
asks a thousand things at once finds every answer in its line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import UUID

import click

from eventflow.cli.exits import Code, code_of
from eventflow.cli.flows.files import A_FILE
from eventflow.cli.moments import at_option
from eventflow.cli.output import Session, harmless, pass_session
from eventflow.errors import BadInput, FlowNotFound
from eventflow.picking import picker
from eventflow.picking.catalogue import Pick
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.explanation import Explanation
from eventflow.picking.query import FlowQuery
from eventflow.picking.reading import Question, definitions_of, now_of, parsed, query_of, question_of, subject_of

if TYPE_CHECKING:
    from eventflow.cli.flows.then import Then

T = TypeVar("T")


class Asked(NamedTuple):
    """What the options say: files, or of the log an item, a moment."""

    definitions: Path | None = None
    query: Path | None = None
    subject: Path | None = None
    now: str | None = None
    item: UUID | None = None
    at: int | datetime | None = None

    def is_of_log(self, session: Session) -> bool:
        """Whether it is about definitions of the log, and not about those in a file."""
        from eventflow.cli.application import is_named

        return self.definitions is None and (self.at is not None or self.item is not None or is_named(session))

    def files(self) -> dict[str, Path | None]:
        """What is read from files."""
        return {"definitions": self.definitions, "query": self.query, "subject": self.subject}


def asking(command: Callable[..., Code | None]) -> Callable[..., Code | None]:
    """The options that make up a question; the command gets them as ``asked``."""

    @click.option(
        "--definitions", type=A_FILE, metavar="FILE", help="A list of definitions, as JSON. Default: those of the log."
    )
    @click.option("--query", type=A_FILE, metavar="FILE", help="What is asked, as JSON.")
    @click.option("--subject", type=A_FILE, metavar="FILE", help="Who it is for, a JSON object.")
    @click.option("--now", metavar="TIME", help="As of this instant, with its time zone. Default: now.")
    @click.option("--item", type=click.UUID, metavar="ID", help="An item of the log, in place of --subject.")
    @at_option
    @wraps(command)
    def asks(**said: Any) -> Code | None:
        asked = Asked(**{name: said.pop(name) for name in Asked._fields})
        return command(asked=asked, **said)

    return asks


@click.command()
@asking
@click.option(
    "--bulk", type=A_FILE, metavar="FILE", help="Many questions, one JSON object in each line; - reads stdin."
)
@pass_session
def pick(
    session: Session,
    asked: Asked,
    bulk: Path | None,
) -> Code:
    """Which flow a subject gets; ends with 3 when it must get one that cannot be had.

    A line of --bulk is {"definitions": [...], "query": {...}, "subject": {...}, "now": TIME}; for each there is a line
    of answer, also where something is wrong with it.

    Examples:
      eventflow flows pick --definitions flows.json --query query.json --subject order.json --json
      eventflow flows pick --bulk questions.jsonl
      eventflow --app shop.app:app flows pick --query query.json --subject order.json --at 2026-03-01T00:00:00Z
    """
    if bulk is not None:
        _refuse_both(asked)
        _answer_all(session, bulk, asked.now)
        return Code.OK
    try:
        if asked.is_of_log(session):
            found = _of_log(session, asked).pick()
        else:
            found = _answer(picker.pick, question_in(asked))
    except (FlowNotFound, BadInput) as error:
        return _failed(session, error)
    session.answer(told(found), _words(found))
    return Code.OK


@click.command()
@asking
@pass_session
def explain(
    session: Session,
    asked: Asked,
) -> None:
    """Why a subject gets the flow that it gets: for every other one the first constraint that dropped it.

    With --item alone: why it got its flow when it began, of what there was then.

    Examples:
      eventflow flows explain --definitions flows.json --query query.json --subject order.json
      eventflow --app shop.app:app flows explain --item 8e7f0c52-1d7e-4d0a-9c1f-7f1f4f4c8a11
    """
    if asked.item is not None and asked == Asked(item=asked.item):
        why = _of_item(session, asked.item)
    elif asked.is_of_log(session):
        why = _of_log(session, asked).explain()
    else:
        why = _answer(picker.explain, question_in(asked))
    session.answer(why.data(), "\n".join(map(harmless, why.words().splitlines())))


def question_in(asked: Asked) -> Question:
    """The question that files make up. Raises ``BadInput`` with everything that is wrong with any of them."""
    if asked.item is not None or asked.at is not None:
        raise click.UsageError("--item and --at are about the log: leave --definitions out, and say --app.")
    missing = [f"--{name}" for name, file in asked.files().items() if file is None]
    if missing:
        raise click.UsageError(f"{' and '.join(missing)} must be given.")
    found: dict[str, Any] = {}
    problems: list[str] = []
    for name, reader in READERS.items():
        try:
            found[name] = reader(getattr(asked, name), name)
        except BadInput as error:
            problems.extend(error.problems)
    if problems:
        raise BadInput(*problems)
    return Question(**found)


def _in_file(reader: Callable[[Any, str], object]) -> Callable[[Path, str], object]:
    return lambda file, name: reader(parsed(_read(file), name), name)


# Any: what an option says is a file or a text.
READERS: dict[str, Callable[[Any, str], object]] = {
    "definitions": _in_file(definitions_of),
    "query": _in_file(query_of),
    "subject": _in_file(subject_of),
    "now": lambda said, name: None if said is None else now_of(said, name),
}


def _answer(
    how: Callable[[tuple[FlowDefinition, ...], FlowQuery, Mapping[str, Any], datetime], T],
    question: Question,
    usual: datetime | None = None,
) -> T:
    now = question.now or usual or datetime.now(UTC)
    return how(question.definitions, question.query, question.subject, now)


# Whoever asks about files waits for no database to be imported.


def _of_log(session: Session, asked: Asked) -> Then:
    from eventflow.cli.flows.then import then

    now = None if asked.now is None else now_of(asked.now)
    return then(session, asked.query, asked.subject, now, asked.at, asked.item)


def _of_item(session: Session, item: UUID) -> Explanation:
    from eventflow.cli.flows.then import why

    return why(session, item)


def told(found: Pick) -> dict[str, Any]:
    """A pick, as programs are told of it."""
    return {
        "picked": None if found.flow is None else found.flow.id,
        "candidates": [one.id for one in found.candidates],
        "fallback_step": found.fallback_step,
        "bucket": found.bucket,
    }


def told_error(error: FlowNotFound | BadInput) -> dict[str, Any]:
    """Why there is no pick, as programs are told of it."""
    said: dict[str, Any] = {"code": type(error).__name__, "message": str(error)}
    if isinstance(error, FlowNotFound):
        said |= {"reason": error.reason, "flow": error.flow}
    else:
        said |= {"code": "BadInput", "problems": list(error.problems)}
    return {"error": said}


def _answer_all(session: Session, bulk: Path, now: str | None) -> None:
    session.json = True  # a line is a document, whoever reads it
    usual = None if now is None else now_of(now, "--now")
    for line in _lines(bulk):
        _say(_answered(line, usual))


def _answered(line: bytes, usual: datetime | None) -> dict[str, Any]:
    try:
        return told(_answer(picker.pick, question_of(parsed(line, "this line")), usual))
    except (FlowNotFound, BadInput) as error:
        return told_error(error)


def _lines(file: Path) -> Iterator[bytes]:
    # Only a newline ends a line: JSON may hold whatever else Unicode breaks lines with.
    with click.open_file(str(file), "rb") as stream:
        for line in stream:
            yield line.removesuffix(b"\n")


def _read(file: Path) -> bytes:
    with click.open_file(str(file), "rb") as stream:
        content: bytes = stream.read()
        return content


def _failed(session: Session, error: FlowNotFound | BadInput) -> Code:
    if not session.json:
        raise error
    _say(told_error(error))
    return code_of(error)


def _say(document: dict[str, Any]) -> None:
    # ASCII only: what came in may hold halves of characters, which no output takes.
    click.echo(json.dumps(document))


def _words(found: Pick) -> str:
    if found.flow is None:
        return "Nothing fits."
    after = f", after {found.fallback_step}" if found.fallback_step else ""
    return harmless(f"{found.flow.id}{after}")


def _refuse_both(asked: Asked) -> None:
    if any(file is not None for file in asked.files().values()):
        raise click.UsageError("--bulk has definitions, query and subject in its lines; say nothing of them beside it.")
