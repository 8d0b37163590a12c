"""``eventflow flows list``, ``show``, ``diff``, ``check``, ``draw``, ``export``: definitions as they are, or were."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import click

from eventflow.cli.application import application
from eventflow.cli.exits import Code
from eventflow.cli.moments import Moment, at_option
from eventflow.cli.output import Session, Table, as_json, harmless, moment, one_line, pass_session
from eventflow.model.flows.drawing import mermaid, svg
from eventflow.model.flows.flow import availability
from eventflow.model.recorded import Recorded
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.parts import TaskKind
from eventflow.runtime.flows.flows import Id
from eventflow.views.flows import change, id_of, own


@click.command("list")
@click.option("--subject-type", metavar="NAME", help="Of these subjects only.")
@click.option("--archived", is_flag=True, help="The archived ones as well.")
@at_option
@pass_session
def list_(session: Session, subject_type: str | None, archived: bool, at: int | datetime | None) -> None:
    """Definitions, now or as they were at a position or a time.

    Example:
      eventflow --app shop.app:app flows list --at 2026-03-01T00:00:00Z
    """
    with application(session) as app:
        shelf = app.flows.shelf(at)
        found = app.flows.all(subject_type, archived=archived, at=at)
    columns = ("id", "for", "version", "state", "default", "share", "from", "to", "ordering")
    document = {"position": shelf.position, "flows": [one.model_dump(mode="json") for one in found]}
    session.answer(document, Table(columns, [_row(one) for one in found]))


@click.command()
@click.argument("flow")
@click.option("--history", is_flag=True, help="Every change of it, with who made it and why.")
@at_option
@pass_session
def show(session: Session, flow: str, history: bool, at: int | datetime | None) -> None:
    """One definition, or with --history how it came to be so.

    Example:
      eventflow --app shop.app:app flows show order@2 --history
    """
    with application(session) as app:
        found = app.flows.stream(id_of(app, flow), at=at)
        changes = [_change(one) for one in app.flows.history(found.definition.id)] if history else []
    said = {**found.definition.model_dump(mode="json"), "in_use": found.in_use, "stream_version": found.version}
    if history:
        rows = [(one["version"], moment(one["at"]), one["by"], one["what"], one["said"]) for one in changes]
        session.answer({**said, "history": changes}, Table(("version", "at", "by", "what", ""), rows))
        return
    rows_of_fields = [(name, _cell(value)) for name, value in said.items() if value not in (None, [], {})]
    session.answer(said, Table(("", ""), rows_of_fields))


@click.command()
@click.argument("first", required=False)
@click.argument("second", required=False)
@click.option("--since", type=Moment(), help="What has changed since then, instead of two flows.")
@click.option("--until", type=Moment(), help="What had changed by then. Default: now.")
@at_option
@pass_session
def diff(
    session: Session,
    first: str | None,
    second: str | None,
    since: int | datetime | None,
    until: int | datetime | None,
    at: int | datetime | None,
) -> None:
    """In what two flows differ; or what has become of the catalogue between two positions or times.

    Examples:
      eventflow --app shop.app:app flows diff order@1 order@2
      eventflow --app shop.app:app flows diff 4711 2026-03-01T00:00:00Z
      eventflow --app shop.app:app flows diff --since 2026-03-01T00:00:00Z
    """
    if (first is None or second is None) == (since is None):
        raise click.UsageError("Name two flows, or two positions or times, or say --since.")
    with application(session) as app:
        if first is not None and second is not None:
            one, two = id_of(app, first), id_of(app, second)
            known = [id for id in (one, two) if app.flows.shelf(at).find(id) is not None]
            if known or not (_is_moment(first) and _is_moment(second)):
                _tell_fields(session, one, two, app.flows.diff(one, two, at=at))
                return
            since, until = (Moment().convert(said, None, None) for said in (first, second))
        assert since is not None, "click has seen to it"
        _tell_changes(session, app.flows.changes(since, until))


def _is_moment(said: str) -> bool:
    try:
        Moment().convert(said, None, None)
    except click.BadParameter:
        return False
    return True


def _tell_fields(session: Session, one: Id, two: Id, fields: dict[str, tuple[Any, Any]]) -> None:
    rows = [(name, *map(_cell, pair)) for name, pair in fields.items()]
    table = Table(("field", str(one), str(two)), rows)
    session.answer({"fields": fields}, table if rows else "They do not differ.")


def _tell_changes(session: Session, changed: dict[Id, tuple[FlowDefinition | None, FlowDefinition | None]]) -> None:
    told = [{"flow": id, "before": _told(one), "after": _told(two)} for id, (one, two) in changed.items()]
    rows = [(id, name, _cell(was), _cell(now)) for id, pair in changed.items() for name, was, now in _fields(*pair)]
    table = Table(("flow", "field", "before", "after"), rows)
    session.answer({"flows": told}, table if rows else "Nothing changed.")


@click.command()
@click.argument("flows", nargs=-1)
@pass_session
def check(session: Session, flows: tuple[str, ...]) -> Code:
    """What is wrong with the graphs of flows (all, or these); ends with 1 when there is anything.

    Example:
      eventflow --app shop.app:app flows check
    """
    return _checked(session, flows)


@click.command()
@click.argument("flows", nargs=-1)
@pass_session
def validate(session: Session, flows: tuple[str, ...]) -> Code:
    """The same as check: what is wrong with the graphs of flows; ends with 1 when there is anything.

    Example:
      eventflow --app shop.app:app flows validate order@2
    """
    return _checked(session, flows)


def _checked(session: Session, flows: tuple[str, ...]) -> Code:
    with application(session) as app:
        ids = [id_of(app, one) for one in flows] or [one.id for one in app.flows.all()]
        found = [(id, one) for id in ids for one in app.flows.problems(id)]
    told = [{"flow": id, "code": one.code, "where": one.where, "message": one.message} for id, one in found]
    rows = [(id, one.code, str(one)) for id, one in found]
    session.answer({"problems": told}, Table(("flow", "code", ""), rows) if rows else "They hold together.")
    return Code.SOME_FAILED if found else Code.OK


@click.command()
@click.argument("flow")
@click.option("--format", "how", type=click.Choice(["mermaid", "svg"]), default="mermaid", show_default=True)
@click.option("--locale", multiple=True, metavar="NAME", help="By names in this language, or else in the next one.")
@at_option
@pass_session
def draw(session: Session, flow: str, how: str, locale: tuple[str, ...], at: int | datetime | None) -> None:
    """The states and transitions of a flow as a picture.

    Example:
      eventflow --app shop.app:app flows draw order@2 --format svg > order.svg
    """
    with application(session) as app:
        found = app.flows.get(id_of(app, flow), at=at)
    drawn = (mermaid if how == "mermaid" else svg)(found, *locale)
    session.answer({"flow": found.id, "format": how, "picture": drawn}, harmless(drawn))


@click.command()
@click.argument("flows", nargs=-1)
@click.option("--no-graph", is_flag=True, help="Without states and transitions.")
@at_option
@pass_session
def export(session: Session, flows: tuple[str, ...], no_graph: bool, at: int | datetime | None) -> None:
    """Flows (all, or these) as a JSON document for "flows import" and "flows publish".

    Example:
      eventflow --app shop.app:app flows export order@2 > order.json
    """
    with application(session) as app:
        found = app.flows.export(*(id_of(app, one) for one in flows), graph=not no_graph, at=at)
    session.answer(found, json.dumps(found, indent=2))


@click.command()
@click.option("--subject-type", metavar="NAME", help="For these subjects only.")
@click.option("--kind", type=click.Choice(["restriction", "validation", "action"]), multiple=True)
@pass_session
def tasks(session: Session, subject_type: str | None, kind: tuple[TaskKind, ...]) -> None:
    """What the transitions of flows may call here, with what each of them takes.

    Example:
      eventflow --app shop.app:app flows tasks --kind restriction --json
    """
    with application(session) as app:
        found = app.flows.tasks(subject_type, *kind)
    rows = [(one["task"], one["kind"], one["subject_type"], one["title"], one["description"]) for one in found]
    session.answer({"tasks": found}, Table(("task", "kind", "for", "title", ""), rows))


def _row(one: FlowDefinition) -> tuple[object, ...]:
    where = [one.subject_type, one.subject_scope, one.subject_collection, one.environment, one.channel]
    share = None if one.rollout_pct is None else f"{one.rollout_pct} %"
    window = (moment(one.active_from), moment(one.active_to))
    default = "yes" if one.is_default else None
    return (
        one.id,
        "/".join(filter(None, where)),
        one.version,
        availability(one),
        default,
        share,
        *window,
        one.ordering,
    )


def _change(recorded: Recorded) -> dict[str, Any]:
    told = change(recorded)
    return told | {"said": _said(told["reason"], own(recorded))}


def _said(reason: str | None, changes: dict[str, Any]) -> str:
    told = " ".join(f"{name}={_cell(value)}" for name, value in changes.items())
    return one_line(" ".join(filter(None, (told, f"({reason})" if reason else None))))


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    text = as_json(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _told(one: FlowDefinition | None) -> dict[str, Any] | None:
    return None if one is None else one.model_dump(mode="json")


def _fields(before: FlowDefinition | None, after: FlowDefinition | None) -> Iterable[tuple[str, Any, Any]]:
    one, two = _told(before) or {}, _told(after) or {}
    for name in two:
        if one.get(name) != two[name] and (before is not None or two[name] not in (None, [], {})):
            yield name, one.get(name), two[name]
