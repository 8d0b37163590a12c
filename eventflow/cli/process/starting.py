"""``eventflow process start``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from pydantic import ValidationError

from eventflow.app import Eventflow
from eventflow.cli.actor import actor
from eventflow.cli.application import application
from eventflow.cli.lengths import Length
from eventflow.cli.output import Session, pass_session
from eventflow.cli.process.chosen import value_of
from eventflow.errors import did_you_mean
from eventflow.model.process.process import Process


class Moment(click.ParamType[datetime]):
    """A time; without an offset it is UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The time; ``Any``, since click hands over texts and what was converted before."""
        if isinstance(value, datetime):
            return value
        try:
            time = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f'"{value}" is no time. Wanted is one such as 2026-11-21T08:00.', param, ctx)
        return time if time.tzinfo else time.replace(tzinfo=UTC)


class About(click.ParamType[tuple[str, str]]):
    """What a run is about: ``order:4f0c…``."""

    name = "category:id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """The category and the id; ``Any``, since click hands over texts and what was converted before."""
        category, colon, id = value if isinstance(value, tuple) else str(value).partition(":")
        if not (category and colon and id):
            self.fail(f'"{value}" is no subject such as order:4f0cb1a5-….', param, ctx)
        return category, id


@click.command()
@click.argument("name")
@click.argument("fields", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--input", "given", metavar="JSON", help="All that the run knows, as one JSON object.")
@click.option("--channel", metavar="NAME", help="The channel that it goes through [default: that of the process].")
@click.option("--subject", type=About(), help="What it is about, as in order:4f0cb1a5-….")
@click.option("--key", metavar="TEXT", help="Start one run under this key, however often that is tried.")
@click.option("--delay", type=Length(), help="Begin after that time (5m, 2h).")
@click.option("--at", type=Moment(), help="Begin then (UTC, unless it has an offset).")
@click.option("--deadline", type=Length(), help="How long it may take in all (2h, 3d).")
@click.option("--reason", metavar="TEXT", help="Why; it is recorded with who started it.")
@pass_session
def start(
    session: Session,
    name: str,
    fields: tuple[str, ...],
    given: str | None,
    channel: str | None,
    subject: tuple[str, str] | None,
    key: str | None,
    delay: timedelta | None,
    at: datetime | None,
    deadline: timedelta | None,
    reason: str | None,
) -> None:
    """Start a run of the process NAME, which knows these fields at its beginning.

    A VALUE is JSON, or else the text that it is. Ends with 3 for a process that there is not, with 4 when it was
    refused.

    Examples:
      eventflow --app shop.app:app process start release document=4f0cb1a5-… pages=12 --subject document:4f0cb1a5-…
      eventflow --app shop.app:app process start import --input '{"files": ["a.csv"]}' --key 2026-11-21
    """
    if delay is not None and at is not None:
        raise click.UsageError("Say either --delay or --at.")
    with application(session) as app:
        process = _knowing(app, name, {**_object(given), **_values(fields)})
        run = app.processes.start(
            process, key=key, channel=channel, subject=subject, delay=delay, at=at, deadline=deadline, reason=reason,
            actor=actor(),
        )  # fmt: skip
        document = {"id": run.id, "process": run.process, "status": str(run.status), "channel": run.channel}
        session.answer(document, f"{app.processes.registry.title(name)} {run.id} is {run.status} in {run.channel}.")


def _knowing(app: Eventflow, name: str, fields: dict[str, Any]) -> Process:
    """The process with what it knows. Raises ``ProcessNotFound``, and a usage error for fields that do not fit."""
    kind = app.processes.registry.get(name).process
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        told = [f"{'.'.join(map(str, one['loc'])) or name}: {one['msg']}" for one in error.errors()]
        unknown = [one for one in fields if one not in kind.model_fields]
        near = did_you_mean(unknown[0], list(kind.model_fields)) if unknown else ""
        raise click.UsageError(f"This is not what {name} knows. {'; '.join(told)}.{near}") from None


def _object(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"--input is no JSON: {error}.") from None
    if not isinstance(found, dict):
        raise click.UsageError('--input has to be a JSON object, such as {"pages": 12}.')
    return found


def _values(fields: Sequence[str]) -> dict[str, Any]:
    values = {}
    for one in fields:
        name, sign, text = one.partition("=")
        if not (name and sign):
            raise click.UsageError(f'"{one}" is not FIELD=VALUE.')
        values[name] = value_of(text)
    return values
