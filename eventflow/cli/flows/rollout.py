"""``eventflow flows rollout``: which share of subjects a flow admits, set at once or raised step by step."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from eventflow.cli.actor import actor, reason_option
from eventflow.cli.application import application
from eventflow.cli.lengths import Length
from eventflow.cli.output import Session, Table, moment, one_line, pass_session
from eventflow.views.flows import share

SHARE = click.IntRange(0, 100)


@click.command()
@click.argument("flow")
@click.option("--to", type=SHARE, help="The share to come to, in percent; without --by and --every at once.")
@click.option("--everybody", is_flag=True, help="Admit everybody, without any share.")
@click.option("--from", "start", type=SHARE, help="Begin with this share. Default: as it is.")
@click.option("--by", type=click.IntRange(1, 100), help="Raise it by so much each time.")
@click.option("--every", type=Length(), help="Raise it so often: 10m, 1h, 1d.")
@click.option("--halt-when", metavar="CONDITION", help="Stop by itself then: error_rate>5%, errors>=10.")
@click.option("--stop", is_flag=True, help="Raise it no further.")
@reason_option
@pass_session
def rollout(
    session: Session,
    flow: str,
    to: int | None,
    everybody: bool,
    start: int | None,
    by: int | None,
    every: timedelta | None,
    halt_when: str | None,
    stop: bool,
    reason: str | None,
) -> None:
    """Set the share of subjects that a flow admits, or raise it step by step; without options, how far that is.

    Workers raise it, the first time at once. It stops by itself when too much goes wrong with the subjects that are
    bound to the flow, when the flow is no longer active, and when somebody else sets the share.

    Examples:
      eventflow --app shop.app:app flows rollout order@2 --to 30 --by 10 --every 1h --halt-when 'error_rate>5%'
      eventflow --app shop.app:app flows rollout order@2 --to 50
      eventflow --app shop.app:app flows rollout order@2 --stop --reason "it is late"
    """
    _refuse_nonsense(to, everybody, stop, start, by, every, halt_when)
    why = {"reason": reason, "actor": actor()}
    with application(session) as app:
        if stop:
            app.flows.stop_rollout(flow, **{name: value for name, value in why.items() if value is not None})
        elif to is not None and by is not None and every is not None:
            app.flows.rollout(flow, to=to, by=by, every=every, halt_when=halt_when, start=start, **why)
        elif to is not None or everybody:
            app.flows.set_rollout(flow, to, **why)
        document = share(app, flow)
    session.answer(document, Table(("", ""), [(name, one_line(str(value))) for name, value in _rows(document)]))


@click.command()
@pass_session
def rollouts(session: Session) -> None:
    """The shares that are being raised, and those that were.

    Example:
      eventflow --app shop.app:app flows rollouts
    """
    with application(session) as app:
        found = [share(app, one.flow, one) for one in app.flows.ramps.all()]
    columns = ("flow", "state", "share", "to", "next", "subjects", "errors", "why")
    rows = [
        (
            one["flow"],
            one["state"],
            one["share"],
            one["to"],
            moment(one["next_at"]),
            one["subjects"],
            one["errors"],
            one["why"],
        )
        for one in found
    ]
    session.answer({"rollouts": found}, Table(columns, rows))


def _rows(document: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(name.replace("_", " "), value) for name, value in document.items() if value is not None]


def _refuse_nonsense(
    to: int | None,
    everybody: bool,
    stop: bool,
    start: int | None,
    by: int | None,
    every: timedelta | None,
    halt_when: str | None,
) -> None:
    if (to is not None) + everybody + stop > 1:
        raise click.UsageError("Say one of --to, --everybody and --stop.")
    if (by is None) != (every is None):
        raise click.UsageError("--by and --every go together.")
    if by is None and (start is not None or halt_when is not None):
        raise click.UsageError("--from and --halt-when are of a share that is raised: say --by and --every as well.")
    if by is not None and to is None:
        raise click.UsageError("--by and --every need --to: the share to come to.")
