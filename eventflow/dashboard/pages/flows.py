"""Flows: definitions with their windows and shares, how each came to be so, and why one is picked."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from eventflow.dashboard.desk import Desk, Done, Page
from eventflow.errors import BadInput
from eventflow.model.flows.flow import availability
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.explanation import Explanation
from eventflow.picking.reading import parsed, query_of, subject_of
from eventflow.views.flows import change, id_of, share


def index(desk: Desk) -> Page:
    """Every definition; with ``archived`` those that were put away as well."""
    desk.check_all()
    archived = bool(desk.asked("archived"))
    found = desk.app.flows.all(archived=True)
    values = {
        "flows": [_row(one) for one in found if archived or not one.deleted],
        "archived": archived,
        "put_away": sum(one.deleted for one in found),
        "rollouts": [share(desk.app, one.flow, one) for one in desk.app.flows.ramps.all()],
    }
    return Page("flows.html", "Flows", values)


def detail(desk: Desk) -> Page:
    """One definition: for whom it is, its graph, who changed it and why."""
    desk.check_all()
    found = desk.app.flows.stream(_named(desk))
    flow = found.definition
    rollout = share(desk.app, flow.id)
    values = {
        "flow": flow,
        "state": str(availability(flow)),
        "in_use": found.in_use,
        "version": found.version,
        "problems": [str(one) for one in desk.app.flows.problems(flow)],
        "rollout": rollout,
        "changes": [change(one) for one in reversed(desk.app.flows.history(flow.id))],
        "can": {name: desk.may(f"flows.{name}", str(flow.id)) for name in ("activate", "deactivate", "share", "stop")},
    }
    return Page("flow.html", flow.name("en"), values)


def explain(desk: Desk) -> Page:
    """Why an item got its flow when it began, or why a subject gets the flow that it would get now."""
    desk.check_all()
    asked = {name: desk.asked(name) for name in ("item", "query", "subject")}
    found = _explained(desk, **asked)
    values = {"asked": asked, "explanation": None if found is None else found.data()}
    return Page("explain.html", "Why this flow?", values)


def activate(desk: Desk) -> Done:
    """Let a flow be picked."""
    flow = _checked(desk, "flows.activate")
    desk.app.flows.activate(flow, **_why(desk))
    return _done(flow, "is active")


def deactivate(desk: Desk) -> Done:
    """Let a flow be picked no more; who goes by it goes on."""
    flow = _checked(desk, "flows.deactivate")
    desk.app.flows.deactivate(flow, **_why(desk))
    return _done(flow, "is not picked any more")


def set_share(desk: Desk) -> Done:
    """Set the share of subjects that a flow admits; nothing said is everybody."""
    flow = _checked(desk, "flows.share")
    said = desk.said("share")
    if said is not None and not (said.isdecimal() and len(said) <= 3 and int(said) <= 100):
        raise BadInput(f'"{said}" is no share. Wanted is a number from 0 to 100, or nothing for everybody.')
    desk.app.flows.set_rollout(flow, None if said is None else int(said), **_why(desk))
    return _done(flow, "admits everybody" if said is None else f"admits {int(said)} %")


def stop(desk: Desk) -> Done:
    """Raise the share of a flow no further."""
    flow = _checked(desk, "flows.stop")
    reason = desk.said("reason")
    desk.app.flows.stop_rollout(flow, **({} if reason is None else {"reason": reason}), actor=desk.actor)
    return _done(flow, "keeps the share that it has")


def _named(desk: Desk) -> int | str:
    return id_of(desk.app, str(desk.request.path_params["id"]))


def _checked(desk: Desk, action: str) -> int | str:
    desk.check_all()
    flow = desk.app.flows.get(_named(desk)).id
    desk.check(action, str(flow))
    return flow


def _why(desk: Desk) -> dict[str, Any]:
    """Who changes it, why, and which version of it that person saw."""
    seen = desk.said("version")
    expected = int(seen) if seen is not None and seen.isdecimal() and len(seen) < 10 else None
    return {"reason": desk.said("reason"), "actor": desk.actor, "expected": expected}


def _done(flow: int | str, what: str) -> Done:
    return Done(f"{flow} {what}.", f"/flows/{flow}")


def _explained(desk: Desk, item: str, query: str, subject: str) -> Explanation | None:
    if item:
        return desk.app.flows.why(_uuid(item))
    if not query and not subject:
        return None
    asked = query_of(parsed(query.encode(), "query"), "query")
    return desk.app.flows.explain(asked, subject_of(parsed(subject.encode(), "subject"), "subject"))


def _uuid(said: str) -> UUID:
    try:
        return UUID(said)
    except ValueError:
        raise BadInput(f'"{said}" is no id of an item.') from None


def _row(flow: FlowDefinition) -> dict[str, Any]:
    where = [flow.subject_type, flow.subject_scope, flow.subject_collection, flow.environment, flow.channel]
    return {
        "id": flow.id,
        "name": flow.name("en"),
        "for": "/".join(filter(None, where)),
        "version": flow.version,
        "state": str(availability(flow)),
        "is_default": flow.is_default,
        "share": flow.rollout_pct,
        "from": flow.active_from,
        "to": flow.active_to,
        "ordering": flow.ordering,
    }


PAGES = (("/flows", index), ("/flows/explain", explain), ("/flows/{id:path}", detail))
ACTIONS = (
    ("/flows/{id:path}/activate", "flows.activate", activate),
    ("/flows/{id:path}/deactivate", "flows.deactivate", deactivate),
    ("/flows/{id:path}/share", "flows.share", set_share),
    ("/flows/{id:path}/stop", "flows.stop", stop),
)
