"""Lists of items, and what can be done with many of them at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from eventflow.app import Eventflow
from eventflow.dashboard.desk import ROWS, Desk, Done, Page
from eventflow.dashboard.pages import filters
from eventflow.dashboard.pages.pacing import pace
from eventflow.errors import BadInput, Conflict, NotFound, Refused, StreamNotFound, Unreadable, did_you_mean
from eventflow.model.recorded import Recorded
from eventflow.views import histories
from eventflow_projections import Metrics
from eventflow_projections.where import parse

COUNTED = 10_000
"""Beyond so many, "more" is said in place of a number."""

CHOSEN = 200
"""As many as can be chosen one by one: they have room in a filter."""

OPTIONAL = ("tenant", "reaction", "due")
"""Columns that are there when a row has something to say in them."""

NOTHING: dict[str, Any] = {
    **dict.fromkeys(("chips", "rows", "columns", "statuses"), ()),
    "after": None,
    "count": 0,
    "can": {},
    "directly": ROWS,
}
"""What is found with a filter that cannot be read."""


def index(desk: Desk) -> Page:
    """The items of a category that pass a filter, the newest first."""
    category = str(desk.request.path_params["category"])
    check_known(desk.app, category)
    where, title = desk.asked("where"), category.replace("_", " ").capitalize()
    around = {"category": category, "where": where, "suggested": _suggested(desk, category, where), "counted": COUNTED}
    if problem := filters.wrong(where):
        return Page("items.html", title, {**around, **NOTHING, **problem}, 400)
    return Page("items.html", title, {**around, **_found(desk, category, where)})


def _found(desk: Desk, category: str, where: str) -> dict[str, Any]:
    narrowed = desk.narrowed(f"category:{category} {where}")
    page = desk.app.items.page(narrowed, after=desk.asked("after") or None, limit=ROWS)
    return {
        "chips": filters.chips(desk, where),
        "rows": page.rows,
        "after": page.after,
        "count": desk.app.items.count(narrowed, at_most=COUNTED),
        "columns": [name for name in OPTIONAL if any(getattr(one, name) for one in page.rows)],
        "statuses": _statuses(desk, category),
        "can": _possible(desk, category),
        "directly": ROWS,
    }


def _suggested(desk: Desk, category: str, where: str) -> list[str]:
    kind = desk.app.vocabulary.aggregates[category]
    reactions = {name for name, one in desk.app.routes.reactions.items() if one.aggregate.category == category}
    beside = [*(f"status:{one}" for one in kind.statuses), *(f"reaction:{one}" for one in sorted(reactions))]
    return filters.suggestions(where, beside)


# -- very many at once ---------------------------------------------------------------------------


def defibrillate(desk: Desk) -> Done:
    """Restart the items that were chosen: a few at once, many or all that pass as a batch."""
    category = _category(desk, "items.defibrillate")
    chosen = _chosen(desk)
    if chosen is not None and len(chosen) <= ROWS:
        reason, actor = desk.said("reason"), desk.actor
        return _each(desk, category, chosen, "restarted", partial(desk.app.defibrillate, reason=reason, actor=actor))
    where = _where(desk, category) if chosen is None else _these(category, chosen)
    batch = desk.app.defibrillate_where(
        desk.narrowed(where),
        reason=desk.said("reason"),
        actor=desk.actor,
        **pace(desk),
    )
    told = f"A batch has begun, over {batch.total:,} items; workers move it on."
    return Done(told, f"/items/{category}" if desk.scope else f"/batch/{batch.id}")


def cancel(desk: Desk) -> Done:
    """Let go of the items that were chosen, a few at once."""
    category = _category(desk, "items.cancel")
    chosen = _chosen(desk)
    if chosen is None:
        chosen = list(desk.app.items.ids(desk.narrowed(_where(desk, category)), limit=ROWS + 1))
    if len(chosen) > ROWS:
        raise Refused(f"At most {ROWS} items are cancelled at once, and these are more: choose some of them.")
    reason, actor = desk.said("reason"), desk.actor
    return _each(desk, category, chosen, "cancelled", partial(desk.app.cancel, reason=reason, actor=actor))


def _each(desk: Desk, category: str, ids: Sequence[UUID], word: str, act: Callable[[UUID], object]) -> Done:
    """Do it to each; those of which that is refused are left, and the first reason is told."""
    seen = set(desk.app.items.ids(desk.narrowed(_these(category, ids)))) if ids else set()
    done, left = 0, list[str]()
    for id in ids:
        try:
            if id not in seen:
                raise StreamNotFound(id, category)
            act(id)
            done += 1
        except (Refused, NotFound, Unreadable, Conflict) as error:
            left.append(f"{str(id)[:8]}: {error}")
    because = f" {len(left)} {'is' if len(left) == 1 else 'are'} left as before, {left[0]}" if left else ""
    return Done(f"{done} {word}.{because}", _back(desk, category))


def _category(desk: Desk, action: str) -> str:
    category = str(desk.request.path_params["category"])
    check_known(desk.app, category)
    desk.check(action, category)
    return category


def _chosen(desk: Desk) -> list[UUID] | None:
    """The ids that were ticked, or None for all that pass. Raises ``BadInput`` when nothing was chosen."""
    if desk.said("all"):
        return None
    try:
        found = list(dict.fromkeys(UUID(one) for one in desk.chosen("id")))
    except ValueError:
        raise BadInput("What is chosen are ids of items.") from None
    if not 0 < len(found) <= CHOSEN:
        raise BadInput(f"Choose from 1 to {CHOSEN} items, or all that pass the filter.")
    return found


def _these(category: str, ids: Sequence[UUID]) -> str:
    return f"category:{category} id:{','.join(map(str, ids))}"


def _where(desk: Desk, category: str) -> str:
    where = desk.said("where") or ""
    parse(where)  # by itself, so that what is wrong is told of what was typed
    return f"category:{category} {where}".strip()


def _back(desk: Desk, category: str) -> str:
    where = desk.said("where")
    return f"/items/{category}" + (f"?{urlencode({'where': where})}" if where else "")


def _possible(desk: Desk, category: str) -> dict[str, bool]:
    """What this person can do with items of a category, some of them at least."""
    kind = desk.app.aggregates.get(category)
    return {
        "defibrillate": kind is not None and bool(kind.restarts) and desk.may("items.defibrillate", category),
        "cancel": kind is not None and bool(kind.cancellations) and desk.may("items.cancel", category),
    }


# -- what others use -----------------------------------------------------------------------------


def told(desk: Desk, recorded: Recorded) -> dict[str, Any]:
    """An event as this person may see it, with its body wherever that lies."""
    return histories.whole(desk.app, recorded, desk.redacted)


def check_seen(desk: Desk, id: UUID) -> None:
    """Raise ``StreamNotFound`` for an item that this person does not see."""
    if desk.scope and not desk.app.items.count(desk.narrowed(f"id:{id}"), at_most=1):
        raise StreamNotFound(id)


def check_known(app: Eventflow, category: str) -> None:
    """Raise ``NotFound`` for a category that there is not."""
    if category not in app.vocabulary.aggregates:
        raise NotFound(f'There is no category "{category}".{did_you_mean(category, list(app.aggregates))}')


def _statuses(desk: Desk, category: str) -> list[tuple[Any, int]]:
    """How many stand in each status; not for who sees a part only, as the sums are of all."""
    if desk.scope:
        return []
    return [
        (desk.looks.of(category, status), n) for status, n in Metrics(desk.app.database).population(category).items()
    ]


PAGES = (("/items/{category}", index),)
ACTIONS = (
    ("/items/{category}/defibrillate", "items.defibrillate", defibrillate),
    ("/items/{category}/cancel", "items.cancel", cancel),
)
