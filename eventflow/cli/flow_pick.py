"""``eventflow flows pick`` and ``explain``: what the picker says about definitions, a query and a subject in files.

With ``--json`` both the answer and the error of a pick go to standard output, one document for each question: whoever
asks a thousand things at once finds every answer in its line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from eventflow.cli.exits import Code, code_of
from eventflow.cli.moments import at_option
from eventflow.cli.output import Session, harmless, pass_session
from eventflow.errors import BadInput, FlowNotFound
from eventflow.picking import picker
from eventflow.picking.catalogue import Pick
from eventflow.picking.explanation import Explanation
from eventflow.picking.reading import Question, definitions_of, now_of, parsed, query_of, question_of, subject_of

if TYPE_CHECKING:
    from eventflow.cli.flow_then import Then

A_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


@click.command()
@click.option(
    "--definitions", type=A_FILE, metavar="FILE", help="A list of definitions, as JSON. Default: those of the log."
)
@click.option("--query", type=A_FILE, metavar="FILE", help="What is asked, as JSON.")
@click.option("--subject", type=A_FILE, metavar="FILE", help="Who it is for, a JSON object.")
@click.option("--now", metavar="TIME", help="As of this instant, with its time zone. Default: now.")
@click.option("--item", type=click.UUID, metavar="ID", help="An item of the log, in place of --subject.")
@at_option
@click.option(
    "--bulk", type=A_FILE, metavar="FILE", help="Many questions, one JSON object in each line; - reads stdin."
)
@pass_session
def pick(
    session: Session,
    definitions: Path | None,
    query: Path | None,
    subject: Path | None,
    now: str | None,
    item: UUID | None,
    at: int | datetime | None,
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
        _refuse_both(definitions, query, subject)
        _answer_all(session, bulk, now)
        return Code.OK
    try:
        if definitions is None and _asks_log(session, item, at):
            found = _of_log(session, query, subject, now, item, at).pick()
        else:
            _refuse_log(item, at)
            question = asked(definitions, query, subject, now)
            found = picker.pick(question.definitions, question.query, question.subject, _moment(question.now))
    except (FlowNotFound, BadInput) as error:
        return _failed(session, error)
    session.answer(told(found), _words(found))
    return Code.OK


@click.command()
@click.option(
    "--definitions", type=A_FILE, metavar="FILE", help="A list of definitions, as JSON. Default: those of the log."
)
@click.option("--query", type=A_FILE, metavar="FILE", help="What is asked, as JSON.")
@click.option("--subject", type=A_FILE, metavar="FILE", help="Who it is for, a JSON object.")
@click.option("--now", metavar="TIME", help="As of this instant, with its time zone. Default: now.")
@click.option("--item", type=click.UUID, metavar="ID", help="An item of the log, in place of --subject.")
@at_option
@pass_session
def explain(
    session: Session,
    definitions: Path | None,
    query: Path | None,
    subject: Path | None,
    now: str | None,
    item: UUID | None,
    at: int | datetime | None,
) -> None:
    """Why a subject gets the flow that it gets: for every other one the first constraint that dropped it.

    With --item alone: why it got its flow when it began, of what there was then.

    Examples:
      eventflow flows explain --definitions flows.json --query query.json --subject order.json
      eventflow --app shop.app:app flows explain --item 8e7f0c52-1d7e-4d0a-9c1f-7f1f4f4c8a11
    """
    if definitions is None and item is not None and query is None and at is None and now is None:
        why = _of_item(session, item)
    elif definitions is None and _asks_log(session, item, at):
        why = _of_log(session, query, subject, now, item, at).explain()
    else:
        _refuse_log(item, at)
        question = asked(definitions, query, subject, now)
        why = picker.explain(question.definitions, question.query, question.subject, _moment(question.now))
    session.answer(why.data(), "\n".join(map(harmless, why.words().splitlines())))


def asked(definitions: Path | None, query: Path | None, subject: Path | None, now: str | None) -> Question:
    """The question that files make up. Raises ``BadInput`` with everything that is wrong with any of them."""
    files = {"definitions": definitions, "query": query, "subject": subject}
    missing = [f"--{name}" for name, file in files.items() if file is None]
    if missing:
        raise click.UsageError(f"{' and '.join(missing)} must be given.")
    readers = {"definitions": definitions_of, "query": query_of, "subject": subject_of}
    found: dict[str, Any] = {"now": None}
    problems: list[str] = []
    for name, file in files.items():
        try:
            found[name] = readers[name](parsed(_read(file), name))
        except BadInput as error:
            problems.extend(error.problems)
    try:
        found["now"] = None if now is None else now_of(now)
    except BadInput as error:
        problems.extend(error.problems)
    if problems:
        raise BadInput(*problems)
    return Question(**found)


# Whoever asks about files waits for no database to be imported.


def _of_log(
    session: Session,
    query: Path | None,
    subject: Path | None,
    now: str | None,
    item: UUID | None,
    at: int | datetime | None,
) -> Then:
    from eventflow.cli.flow_then import then

    return then(session, query, subject, None if now is None else now_of(now), at, item)


def _of_item(session: Session, item: UUID) -> Explanation:
    from eventflow.cli.flow_then import why

    return why(session, item)


def _asks_log(session: Session, item: UUID | None, at: int | datetime | None) -> bool:
    from eventflow.cli.application import is_named

    return at is not None or item is not None or is_named(session)


def _refuse_log(item: UUID | None, at: int | datetime | None) -> None:
    if item is not None or at is not None:
        raise click.UsageError("--item and --at are about the log: leave --definitions out, and say --app.")


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
        question = question_of(parsed(line, "this line"))
        now = question.now or _moment(usual)
        return told(picker.pick(question.definitions, question.query, question.subject, now))
    except (FlowNotFound, BadInput) as error:
        return told_error(error)


def _lines(file: Path) -> Iterator[bytes]:
    # Only a newline ends a line: JSON may hold whatever else Unicode breaks lines with.
    with click.open_file(str(file), "rb") as stream:
        for line in stream:
            yield line.removesuffix(b"\n")


def _read(file: Path | None) -> bytes:
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


def _moment(now: datetime | None) -> datetime:
    return datetime.now(UTC) if now is None else now


def _refuse_both(*files: Path | None) -> None:
    if any(file is not None for file in files):
        raise click.UsageError("--bulk has definitions, query and subject in its lines; say nothing of them beside it.")
