"""``eventflow flows publish``, ``activate``, ``default``, …: definitions are made and changed, with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from eventflow.app import Eventflow
from eventflow.cli.actor import actor, reason_option
from eventflow.cli.application import application
from eventflow.cli.flows.files import A_FILE, document_in
from eventflow.cli.moments import Instant
from eventflow.cli.output import Session, pass_session
from eventflow.errors import BadInput
from eventflow.model.flows.files import imported, told_of
from eventflow.picking.definition import FlowDefinition


def change(act: Callable[..., FlowDefinition]) -> click.Command:
    """A command that changes one flow as ``act`` does: it gets the application, the flow, and how it is to be done."""

    @click.command(params=[click.Argument(["flow"])])
    @click.option(
        "--if-version", "expected", type=click.IntRange(1), help="Only if its stream is at this version still."
    )
    @reason_option
    @wraps(act)
    @pass_session
    def command(session: Session, /, **said: Any) -> None:
        _answer(session, lambda app: [act(app, **said, actor=actor())])

    return command


def assigned(said: str) -> tuple[str, Any]:
    """A field and its value, which is JSON or else a text. A usage error for what is neither."""
    name, equals, value = said.partition("=")
    if not equals or name in ("reason", "actor", "expected", "graph") or not name.isidentifier():
        raise click.BadParameter(f'"{said}" is no FIELD=VALUE.')
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


# click hands over the context and the parameter as well.
def _all_assigned(_context: click.Context, _parameter: click.Parameter, said: tuple[str, ...]) -> dict[str, Any]:
    return dict(map(assigned, said))


def set_option(help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option ``--set FIELD=VALUE``, which the command gets as a dict."""
    return click.option("--set", "overrides", multiple=True, metavar="FIELD=VALUE", callback=_all_assigned, help=help)


@click.command()
@click.argument("files", nargs=-1, required=True, type=A_FILE)
@click.option(
    "--everything", is_flag=True, help="Of flows that are there also share, window, state, default, ordering."
)
@click.option("--new-versions", is_flag=True, help="Another graph of a flow in use becomes a version of its own.")
@reason_option
@pass_session
def publish(
    session: Session, files: tuple[Path, ...], everything: bool, new_versions: bool, reason: str | None
) -> None:
    """Bring in the definitions in files (JSON or TOML), all or none; what is there as it is said is left alone.

    Example:
      eventflow --app shop.app:app flows publish flows/*.toml --reason "spring sale"
    """
    found = [one for file in files for one in imported(document_in(file))]
    _answer(
        session,
        lambda app: app.flows.publish(
            *found, everything=everything, new_versions=new_versions, reason=reason, actor=actor()
        ),
    )


@click.command("import")
@click.argument("file", type=A_FILE)
@set_option("Another value for all of them.")
@reason_option
@pass_session
def import_(session: Session, file: Path, overrides: dict[str, Any], reason: str | None) -> None:
    """Take in what "flows export" wrote, as it was; an id that is taken is replaced by a free one.

    Example:
      eventflow --app shop.app:app flows import order.json --set channel=web --set status=false
    """
    document = document_in(file)
    _answer(session, lambda app: app.flows.import_(document, reason=reason, actor=actor(), **overrides))


@change
@click.argument("changes", nargs=-1, required=True, metavar="FIELD=VALUE...", callback=_all_assigned)
def update(app: Eventflow, flow: str, changes: dict[str, Any], **how: Any) -> FlowDefinition:
    """Change fields of a flow; a value is JSON, or else a text.

    Example:
      eventflow --app shop.app:app flows update order@2 channel=web 'names={"en": "Orders"}'
    """
    return app.flows.update(flow, **changes, **how)


@change
def activate(app: Eventflow, flow: str, **how: Any) -> FlowDefinition:
    """Let a flow be picked.

    Example:
      eventflow --app shop.app:app flows activate order@2
    """
    return app.flows.activate(flow, **how)


@change
def deactivate(app: Eventflow, flow: str, **how: Any) -> FlowDefinition:
    """Let a flow be picked no more; whoever goes by it goes on.

    Example:
      eventflow --app shop.app:app flows deactivate order@1 --reason "the second one is better"
    """
    return app.flows.deactivate(flow, **how)


@change
def default(app: Eventflow, flow: str, **how: Any) -> FlowDefinition:
    """Make a flow the default; whichever version of it was so is so no longer.

    Example:
      eventflow --app shop.app:app flows default order@2
    """
    return app.flows.set_default(flow, **how)


@change
@click.option("--from", "start", type=Instant(), metavar="TIME", help="In force from then on. Default: open.")
@click.option("--to", "end", type=Instant(), metavar="TIME", help="In force until then. Default: open.")
def window(app: Eventflow, flow: str, start: datetime | None, end: datetime | None, **how: Any) -> FlowDefinition:
    """Let a flow be in force between two times, both inclusive.

    Example:
      eventflow --app shop.app:app flows window order@2 --from 2026-12-01T00:00:00Z
    """
    return app.flows.set_window(flow, start, end, **how)


@change
def archive(app: Eventflow, flow: str, **how: Any) -> FlowDefinition:
    """Put a flow away; whoever goes by it goes on.

    Example:
      eventflow --app shop.app:app flows archive order@1
    """
    return app.flows.archive(flow, **how)


@change
def restore(app: Eventflow, flow: str, **how: Any) -> FlowDefinition:
    """Bring an archived flow back.

    Example:
      eventflow --app shop.app:app flows restore order@1
    """
    return app.flows.restore(flow, **how)


@click.command()
@click.argument("flows", nargs=-1, required=True)
@reason_option
@pass_session
def reorder(session: Session, flows: tuple[str, ...], reason: str | None) -> None:
    """Prefer the first of these flows most, and so on.

    Example:
      eventflow --app shop.app:app flows reorder order@3 order@1 order@2
    """
    _answer(session, lambda app: app.flows.reorder(*flows, reason=reason, actor=actor()))


@click.command()
@click.argument("flow")
@set_option("Another value than the original has.")
@click.option("--no-graph", is_flag=True, help="Without its states and transitions.")
@reason_option
@pass_session
def duplicate(session: Session, flow: str, overrides: dict[str, Any], no_graph: bool, reason: str | None) -> None:
    """Make another flow like this one: one version up, inactive, not the default.

    Example:
      eventflow --app shop.app:app flows duplicate order@1 --set channel=web
    """
    _answer(
        session,
        lambda app: [app.flows.duplicate(flow, graph=not no_graph, reason=reason, actor=actor(), **overrides)],
    )


def _answer(session: Session, act: Callable[[Eventflow], list[FlowDefinition]]) -> None:
    with application(session) as app:
        try:
            found = act(app)
        except ValidationError as error:
            raise BadInput(*told_of(error)) from None
        versions = [app.flows.stream(one.id).version for one in found]
    told = [
        {**one.model_dump(mode="json"), "stream_version": version} for one, version in zip(found, versions, strict=True)
    ]
    session.answer(
        {"flows": told}, "\n".join(f"{one.id} is at version {at}" for one, at in zip(found, versions, strict=True))
    )
