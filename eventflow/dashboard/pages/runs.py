"""Runs of processes: lists of them, one of them with its steps and its history, and what can be done with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from eventflow.dashboard.desk import ROWS, Desk, Done, Page
from eventflow.dashboard.pages import filters
from eventflow.dashboard.pages.item import STEPS
from eventflow.dashboard.pages.items import COUNTED
from eventflow.dashboard.pages.pacing import pace
from eventflow.errors import BadFilter, BadInput, NotAllowed, NotFound, RunNotFound
from eventflow.model.process.deed import Deed, Verb
from eventflow.model.process.long import waits_for
from eventflow.model.process.run import Run
from eventflow.model.process.status import RESTARTABLE, RunStatus
from eventflow.model.wait import FOREVER
from eventflow.views import histories, runs, steps
from eventflow_projections import RunRow
from eventflow_projections.where import RUNS, Condition, Text, Where, parse

KIN = 50
"""Children and items of a run that are named on its page; a list has the others."""

NOTHING: dict[str, Any] = {
    **dict.fromkeys(("chips", "rows", "facets"), ()),
    "after": None,
    "count": 0,
    "restart": False,
}
"""What is found with a filter that cannot be read."""

FAILED = "status:error,exception"

VERBS: tuple[Verb, ...] = ("restart", "goto", "skip", "abandon", "migrate")


def index(desk: Desk) -> Page:
    """The runs that pass a filter, the newest first."""
    where, columns = desk.asked("where"), _names(desk.asked("columns"))
    around = {"has_runs": runs.has_runs(desk.app), "where": where, "columns": columns, "counted": COUNTED}
    if not around["has_runs"]:
        return Page("runs.html", "Runs", {**around, **NOTHING})
    around["suggested"] = filters.suggestions(where, [f"status:{one}" for one in RunStatus], RUNS.names)
    if problem := filters.wrong(where, RUNS):
        return Page("runs.html", "Runs", {**around, **NOTHING, **problem}, 400)
    return Page("runs.html", "Runs", {**around, **_found(desk, where, columns)})


def _found(desk: Desk, where: str, columns: Sequence[str]) -> dict[str, Any]:
    narrowed = within(desk, where)
    page = desk.app.runs.page(narrowed, after=desk.asked("after") or None, limit=ROWS)
    return {
        "chips": filters.chips(desk, where, RUNS),
        "rows": [_row(desk, one, columns) for one in page.rows],
        "after": page.after,
        "count": desk.app.runs.count(narrowed, at_most=COUNTED),
        "facets": _facets(desk, where),
        "restart": bool(where.strip()) and desk.may("runs.restart"),
    }


def detail(desk: Desk) -> Page:
    """One run as the log has it now: where it stands, its steps, what it knows, what happened to it."""
    id = desk.request.path_params["id"]
    check_run_seen(desk, id)
    found = steps.course(steps.read(desk.app, id), desk.now)
    run, last = desk.app.processes.get(id), found.row.version
    upto = desk.asked_number("upto", last, least=1, most=last)
    shown, knows = _shown(desk, found.row, run), desk.redacted(runs.known(desk.app, id) or {})
    values = {
        "run": shown,
        "knows": knows,
        "length": histories.length_of(knows),
        "steps": steps.steps(found, runs.step_titles(desk.app, run.process)),
        "lasted": steps.lasted(found),
        "kin": _kin(desk, run),
        "events": _events(desk, id, max(upto - STEPS, 0), upto),
        "older": upto - STEPS if upto > STEPS else None,
        "room": histories.ROOM,
        "can": _possible(desk, run),
    }
    return Page("run.html", f"{shown['title']} {str(id)[:8]}", values)


# -- what can be done --------------------------------------------------------------------------------


def see_to(verb: Verb, desk: Desk) -> Done:
    """Do one of the things that can be done to a run; whatever its status where that was asked for."""
    id = desk.request.path_params["id"]
    check_run_seen(desk, id)
    desk.check(f"runs.{verb}", desk.app.processes.get(id).channel)
    named = tuple(one for one in desk.chosen("step") if one)
    deed = Deed(verb=verb, steps=named, force=desk.said("force") == "yes")
    run = desk.app.processes.see_to(id, deed, reason=desk.said("reason"), actor=desk.actor)
    at = f", at {run.step}" if run.step and not run.has_finished else ""
    return Done(f"{deed.past.capitalize()}: it is {run.status} now{at}.", f"/run/{id}")


def restart_all(desk: Desk) -> Done:
    """Begin to restart every run that passes a filter, as a batch that workers move on."""
    where = desk.said("where")
    if where is None:
        raise BadInput("An empty filter means every run. Say which ones are meant.")
    batch = desk.app.steer_where(
        within(desk, f"{_allowed(desk, 'runs.restart')}{where}"),
        Deed.restart(),
        reason=desk.said("reason"),
        actor=desk.actor,
        **pace(desk),
    )
    amount = f"{batch.total} run{'' if batch.total == 1 else 's'}"
    told = f"Batch {str(batch.id)[:8]} has begun, over {amount}. Workers move it on."
    return Done(told, "/runs" if desk.scope else f"/batch/{batch.id}")


# -- who sees what -----------------------------------------------------------------------------------


def within(desk: Desk, where: str) -> str:
    """A filter of runs, within what this person sees.

    Raises ``NotAllowed`` where that is said by something that runs do not have: nobody could tell then which are seen.
    """
    try:
        parse(desk.scope, RUNS)
    except BadFilter as error:
        raise NotAllowed(f"To see runs, for who sees a part that no run can be told by ({desk.scope}),") from error
    return desk.narrowed(where)


def check_run_seen(desk: Desk, id: UUID) -> None:
    """Raise ``RunNotFound`` for a run that this person does not see."""
    if desk.scope and not (runs.has_runs(desk.app) and desk.app.runs.count(within(desk, f"id:{id}"), at_most=1)):
        raise RunNotFound(id)


def _allowed(desk: Desk, action: str) -> str:
    """What keeps a filter from the channels in which this person may not do that."""
    forbidden = [one for one in desk.app.channels if not desk.may(action, one)]
    return f"-channel:{','.join(forbidden)} " if forbidden else ""


def _possible(desk: Desk, run: Run) -> dict[str, Any]:
    """What this person can do with the run now, and to which of its steps."""
    may = {verb: desk.may(f"runs.{verb}", run.channel) for verb in VERBS}
    goes_on = not run.has_finished
    here = run.steps.index(run.step) if run.step in run.steps else len(run.steps)
    ahead = [one for one in run.steps if one not in run.done and one not in run.skips]
    return {
        "restart": list(run.steps) if may["restart"] else [],
        "by_force": run.status not in RESTARTABLE,
        "is_busy": run.status is RunStatus.IN_PROGRESS,
        "goto": [one for one in run.steps[here + 1 :] if one not in run.done] if may["goto"] and goes_on else [],
        "skip": ahead if may["skip"] and goes_on else [],
        "abandon": may["abandon"] and goes_on,
        "migrate": may["migrate"] and goes_on and _is_old(desk, run),
    }


def _is_old(desk: Desk, run: Run) -> bool:
    try:
        return desk.app.processes.registry.get(run.process).version != run.definition
    except NotFound:
        return False


# -- what is shown -----------------------------------------------------------------------------------


def _shown(desk: Desk, row: RunRow, run: Run) -> dict[str, Any]:
    return {
        **runs.told(row, desk.app),
        "waits": _waits(desk, row, run),
        "due": _due(row),
        "why": run.why,
        "skips": list(run.skips),
        "subject_item": _subject(desk, run),
        "channel_title": desk.app.channels[row.channel].called if row.channel in desk.app.channels else row.channel,
    }


def _waits(desk: Desk, row: RunRow, run: Run) -> str | None:
    """What holds it up, or what its step waits for; whose error it is, is not for who sees a part."""
    held = runs.held_up(desk.app.database, row.id, row.channel, None if desk.scope else desk.app)
    return held or waits_for(run)


def _row(desk: Desk, row: RunRow, columns: Sequence[str]) -> dict[str, Any]:
    known = runs.fields(desk.app, row.id, columns)
    return {**runs.told(row, desk.app), "due": _due(row), "knows": desk.redacted(known) if known else {}}


def _events(desk: Desk, id: UUID, after: int, upto: int) -> list[dict[str, Any]]:
    found = histories.stretch(desk.app, id, after, upto, desk.redacted)
    return [{**one, "due": _some(one["due"])} for one in found]


def _due(row: RunRow) -> datetime | None:
    """When it goes on, where there is such a time."""
    return None if row.is_over else _some(row.due)


def _some(due: datetime | None) -> datetime | None:
    return None if due == FOREVER else due


def _subject(desk: Desk, run: Run) -> UUID | None:
    """The item that a run is about, if it is one of this application."""
    category, id = run.subject or ("", "")
    if category not in desk.app.aggregates:
        return None
    try:
        return UUID(id)
    except ValueError:
        return None


def _kin(desk: Desk, run: Run) -> dict[str, Any]:
    """The children and items of a run, those first that failed, as far as this person sees them; what it waits for."""
    if not runs.has_runs(desk.app):
        return {"rows": [], "total": 0, "awaited": []}
    own = within(desk, f"parent:{run.id}")
    failed = desk.app.runs.page(f"{own} {FAILED}", limit=KIN).rows
    others = desk.app.runs.page(f"{own} -{FAILED}", limit=KIN).rows
    index = {one.run: one.index for one in run.kin}
    rows = [{**runs.told(one, desk.app), "index": _index(desk, index, one)} for one in (*failed, *others)[:KIN]]
    awaited = [one.run for one in run.kin if not one.own and one.is_open]
    return {"rows": rows, "total": desk.app.runs.count(own, at_most=COUNTED), "awaited": awaited}


def _index(desk: Desk, known: Mapping[UUID, int | None], row: RunRow) -> int | None:
    """The place of an item; the run that it is a part of forgets it once the step is done."""
    if row.id in known or "." not in row.process:
        return known.get(row.id)
    found: int | None = runs.fields(desk.app, row.id, ["index"]).get("index")
    return found


def _facets(desk: Desk, where: str) -> list[dict[str, Any]]:
    """How many runs there are of each status, process and channel; not for who sees a part, as the sums are of all."""
    if desk.scope:
        return []
    counts = desk.app.runs.counts()
    found: list[dict[str, Any]] = []
    for field in ("status", "process", "channel"):
        sums: Counter[str] = Counter()
        for one in counts:
            sums[getattr(one, field)] += one.amount
        found.append({"field": field, "rows": _values(field, sums.items(), where, _labels(desk, field))})
    return found


def _values(
    field: str, sums: Iterable[tuple[str, int]], where: str, label: Callable[[str], str]
) -> list[dict[str, Any]]:
    return [
        {"value": value, "label": label(value), "amount": amount, "where": refined(where, field, value)}
        for value, amount in sums
    ]


def _labels(desk: Desk, field: str) -> Callable[[str], str]:
    if field == "process":
        return desk.app.processes.registry.title
    if field == "channel":
        return lambda name: desk.app.channels[name].called if name in desk.app.channels else name
    return str


def refined(where: str, field: str, value: str) -> str:
    """A filter with another word about a field, in place of what it says of that.

    >>> refined('status:error channel:imports', "status", "retry")
    'channel:imports status:retry'
    """
    kept = tuple(one for one in parse(where, RUNS).conditions if one.field != field)
    return str(Where((*kept, Condition(field, ":", (Text(value),)))))


def _names(said: str) -> list[str]:
    return [one.strip() for one in said.split(",") if one.strip()]


PAGES = (("/runs", index), ("/run/{id:uuid}", detail))
ACTIONS: tuple[tuple[str, str, Callable[[Desk], Done]], ...] = (
    ("/runs/restart", "runs.restart", restart_all),
    *((f"/run/{{id:uuid}}/{verb}", f"runs.{verb}", partial(see_to, verb)) for verb in VERBS),
)
