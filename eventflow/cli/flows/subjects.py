"""``eventflow flows move``, ``moves``, ``rebind``, ``unbind``: what is done with an item by its flow."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import click

from eventflow.cli.actor import actor, reason_option
from eventflow.cli.application import application
from eventflow.cli.exits import Code, code_of
from eventflow.cli.output import Session, Table, moment, one_line, pass_session
from eventflow.errors import MoveFailed, MoveRefused
from eventflow.picking.reading import parsed, subject_of

expected_option = click.option("--if-version", "expected", type=click.IntRange(1), help="Only if it is there still.")


@click.command()
@click.argument("id", type=click.UUID)
@click.argument("transition")
@click.option("--payload", metavar="JSON", default="{}", help="What is sent along, a JSON object.")
@expected_option
@pass_session
def move(session: Session, id: UUID, transition: str, payload: str, expected: int | None) -> Code:
    """Make a transition of an item, by the flow that it is bound to.

    With --json what came of it is on standard output, also when it was refused or failed.

    Example:
      eventflow --app shop.app:app flows move 4f0c... approve --payload '{"by": "Ann"}'
    """
    said = subject_of(parsed(payload, "--payload"), "--payload")
    with application(session) as app:
        try:
            result = app.flows.run(id, transition, said, expected=expected, actor=actor())
        except (MoveRefused, MoveFailed) as error:
            if not session.json or error.result is None:
                raise
            session.answer(error.result, "")
            return code_of(error)
    lines = [f"{id} stands in {result.state} ({result.status})", *result.messages]
    session.answer(result, "\n".join(map(one_line, lines)))
    return Code.OK


@click.command()
@click.argument("id", type=click.UUID)
@pass_session
def moves(session: Session, id: UUID) -> None:
    """Where an item stands in its flow, the transitions it has made, and those it could make now.

    Example:
      eventflow --app shop.app:app flows moves 4f0c...
    """
    with application(session) as app:
        instance, possible = app.flows.instance(id), app.flows.possible(id)
    made = [_made(one.event.event_body(), one.header) for one in instance.moves]
    document = {
        "id": id,
        "flow": instance.flow,
        "state": None if instance.state is None else instance.state.key,
        "status": instance.status,
        "started_at": instance.started_at,
        "completed_at": instance.completed_at,
        "moves": made,
        "possible": [
            {"transition": one.transition.key, "allowed": one.verdict.allowed, "code": one.verdict.code}
            for one in possible
        ],
    }
    rows: list[tuple[Any, ...]] = [
        (moment(one["at"]), one["by"], one["transition"], f"{one['from']} -> {one['to']}") for one in made
    ]
    rows += [(None, None, one.transition.key, _can(one.verdict.code)) for one in possible]
    session.answer(document, Table(("at", "by", "transition", ""), rows))


@click.command()
@click.argument("id", type=click.UUID)
@click.argument("flow", required=False)
@expected_option
@reason_option
@pass_session
def rebind(session: Session, id: UUID, flow: str | None, expected: int | None, reason: str | None) -> Code:
    """Let an item go on by another flow, or by what its own query picks now; ends with 1 when nothing fits.

    Example:
      eventflow --app shop.app:app flows rebind 4f0c... order@2 --reason "the first one was withdrawn"
    """
    with application(session) as app:
        found = app.flows.rebind(id, flow, expected=expected, reason=reason, actor=actor())
        bound = app.log.heads([id])[0]
    document = {"id": id, "flow": None if bound is None else bound.flow, "found": found is not None}
    session.answer(document, f"{id} goes by {document['flow']}" if found else "Nothing fits; it stays as it is.")
    return Code.OK if found else Code.SOME_FAILED


@click.command()
@click.argument("id", type=click.UUID)
@expected_option
@reason_option
@pass_session
def unbind(session: Session, id: UUID, expected: int | None, reason: str | None) -> None:
    """Let an item go by no flow any more.

    Example:
      eventflow --app shop.app:app flows unbind 4f0c... --reason "by hand from now on"
    """
    with application(session) as app:
        app.flows.unbind(id, expected=expected, reason=reason, actor=actor())
    session.answer({"id": id, "flow": None}, f"{id} goes by no flow")


def _made(body: dict[str, Any], header: Any) -> dict[str, Any]:
    return {
        "transition": body["transition"],
        "from": body["origin"],
        "to": body["place"],
        "at": header.recorded_at,
        "by": header.actor,
        "messages": body["messages"],
    }


def _can(code: str | int | None) -> str:
    return "possible now" if code is None else f"denied ({code})"
