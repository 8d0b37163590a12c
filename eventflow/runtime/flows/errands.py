"""Actions that are done later: the reaction that workers do them by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from eventflow.errors import NotFound
from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.flows.errand import Errand, FlowErrand
from eventflow.model.flows.moves import Course, Step, Tasks
from eventflow.model.flows.tasks import FlowTask, Move
from eventflow.model.reaction import TaskReaction, task
from eventflow.model.retry import Retry
from eventflow.runtime.flows.shelf import Shelves
from eventflow.runtime.repository import Repository

AGAIN = Retry(attempts=5, after=timedelta(seconds=10), backoff="exponential", jitter=0.2)
"""How often an action that is done later is tried."""


def errands_of(course: Course) -> list[FlowErrand]:
    """The streams of the actions of a transition that are done later."""
    return [_errand(course, step) for step in course.later]


def _errand(course: Course, step: Step) -> FlowErrand:
    move, document = course.move, course.document
    config = step.config if isinstance(step.config, dict) else step.config.model_dump(mode="json")
    return FlowErrand.create(
        task=step.task.name,
        subject=document.id,
        category_of_subject=document.category,
        flow=str(move.flow.id),
        transition=move.transition.key,
        origin=move.origin.key,
        target=move.target.key,
        payload=dict(move.payload),
        config=config,
        by=move.actor,
    )


class Acting(NamedTuple):
    """An action, as far as the vocabulary has to know it."""

    name: str
    aggregate: type[Aggregate[Any]]
    returns: tuple[type[Event], ...]


def acting(tasks: Sequence[FlowTask[Any]]) -> list[Acting]:
    """The actions of these tasks that record events of an aggregate."""
    return [Acting(one.name, one.aggregate, one.returns) for one in tasks if one.aggregate is not None and one.returns]


def errand_reactions(
    tasks: Sequence[FlowTask[Any]],
    aggregates: Mapping[str, type[Aggregate[Any]]],
    within: Callable[[], tuple[Repository, Shelves]],
) -> list[TaskReaction[Any, Any]]:
    """The reaction that does what was put off until later; none where nothing is. ``within`` is asked at work."""
    known = {one.name: one for one in tasks if one.later}
    if not known:
        return []

    def flow_errand(errand: FlowErrand) -> None:
        repository, shelves = within()
        _do(errand, known, aggregates, repository, shelves)

    steps = task(
        FlowErrand, on=Errand.DUE, processing=Errand.RUNNING, complete=Errand.DONE, failed=Errand.FAILED, retry=AGAIN
    )
    return [steps(flow_errand)]


def _do(
    errand: FlowErrand,
    tasks: Tasks,
    aggregates: Mapping[str, type[Aggregate[Any]]],
    repository: Repository,
    shelves: Shelves,
) -> None:
    done = tasks.get(errand.task)
    if done is None or errand.category_of_subject not in aggregates:
        raise NotFound(f'There is no action "{errand.task}" for a {errand.category_of_subject} here (any more).')
    flow = shelves.now().get(errand.flow).definition
    transition, origin, target = (
        flow.transition(errand.transition),
        flow.state(errand.origin),
        flow.state(errand.target),
    )
    if transition is None or origin is None or target is None:
        raise NotFound(f'The flow "{errand.flow}" has no transition "{errand.transition}" (any more).')
    move = Move(flow, transition, origin, target, errand.payload, errand.by, done.settings(errand.config))
    done(repository.get(aggregates[errand.category_of_subject], errand.subject), move)
