"""Making a transition: guards first, then all restrictions, then all validations, and only then actions.

Nothing here asks for the time, reads or saves: it is decided what becomes of a subject that was loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, ValidationError

from eventflow.errors import MoveDenied, MoveFailed, MoveRefused, PayloadRefused, Refused
from eventflow.model.aggregate import Aggregate
from eventflow.model.event import Event
from eventflow.model.flows.states import standing_in
from eventflow.model.flows.tasks import FlowTask, Move, Verdict, is_model
from eventflow.model.library import FlowMoved, FlowMoveRefused
from eventflow.model.masking import Masker
from eventflow.model.streamed import spell
from eventflow.model.telling import told
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.parts import State, TaskBinding, Transition

Tasks = Mapping[str, FlowTask[Any]]
Error = type[MoveRefused] | type[MoveFailed]


class TransitionResult(BaseModel):
    """What came of a transition: also when it was not made, with what its tasks had said until then.

    ``code`` is ``"made"``, what a restriction denied it with, or why it could not be made: ``wrong_state``,
    ``completed``, ``invalid_payload``, ``unknown_task``, ``task_failed``, … ``task`` is the one that kept it.
    ``position`` and ``version`` are those of the event that tells of it.
    """

    model_config = ConfigDict(frozen=True)

    success: bool
    code: str | int
    transition: str
    flow: str | None = None
    origin: str | None = None
    state: str | None = None
    status: str | None = None
    completed: bool = False
    task: str | None = None
    errors: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    data: dict[str, Any] = {}
    position: int | None = None
    version: int | None = None


class Stopped(Exception):
    """A transition is not made: by which kind of error that is told, the code, and what there is to say."""

    def __init__(self, kind: Error, code: str | int, *errors: str, task: str | None = None) -> None:
        super().__init__(code)
        self.kind, self.code, self.errors, self.task = kind, code, errors, task


@dataclass(frozen=True)
class Step:
    """A task of a transition with its settings."""

    task: FlowTask[Any]
    config: Any

    def call(self, document: Aggregate[Any], move: Move) -> Any:
        """What it says. Whatever it raises stops the transition."""
        move.config = self.config
        try:
            return self.task(document, move)
        except Exception as error:
            raise Stopped(MoveFailed, "task_failed", told(error), task=self.task.name) from error


@dataclass
class Course:
    """A transition of one subject: where it leads, and the tasks on the way in the order in which they are called.

    Grows while it is made: ``later`` are the actions that a worker does when it is in the log.
    """

    document: Aggregate[Any]
    move: Move
    steps: Sequence[Step]
    later: list[Step] = field(default_factory=list)

    def make(self, masker: Masker) -> None:
        """Record the transition on the subject. Raises ``Stopped``; the subject is to be let go of then."""
        self.ask()
        self.validate()
        for step in self.of("action"):
            self._act(step)
        self.document.record(_moved(self.move, masker), status=self._status())

    def ask(self) -> None:
        """Let every restriction have its say. Raises ``Stopped`` by the first that does not allow it."""
        for step in self.of("restriction"):
            verdict = step.call(self.document, self.move)
            if not isinstance(verdict, Verdict):
                wanted = f"{step.task.name} says {verdict!r}; a restriction says allow() or deny(code)."
                raise Stopped(MoveFailed, "no_verdict", wanted, task=step.task.name)
            if not verdict.allowed:
                errors = (verdict.message,) if verdict.message else ()
                raise Stopped(MoveDenied, verdict.code or "denied", *errors, task=step.task.name)

    def validate(self) -> None:
        """Hold the payload against every model. Raises ``Stopped`` with all that is wrong with it."""
        made: dict[str, Any] = {}
        problems: list[str] = []
        for step in self.of("validation"):
            model = step.task.function if is_model(step.task.function) else step.call(self.document, self.move)
            if model is None:
                continue
            if not is_model(model):
                wanted = f"{step.task.name} gives {model!r}; a validation gives a pydantic model."
                raise Stopped(MoveFailed, "no_model", wanted, task=step.task.name)
            try:
                made |= _validated(model, self.move.payload)
            except ValidationError as error:
                problems += _problems(error)
        if problems:
            raise Stopped(PayloadRefused, "invalid_payload", *dict.fromkeys(problems))
        self.move.payload = {**self.move.payload, **made}

    def of(self, kind: str) -> Iterator[Step]:
        """The steps of a kind."""
        return (one for one in self.steps if one.task.kind == kind)

    def _act(self, step: Step) -> None:
        if step.task.later:
            self.later.append(step)
            return
        for event in _events(step, step.call(self.document, self.move)):
            self.document.record(event)

    def _status(self) -> Any:
        status = self.move.target.status
        stays = status is None or status == spell(self.document.status)
        return None if stays else self.document.statuses[str(status)]


def course(
    flow: FlowDefinition,
    document: Aggregate[Any],
    transition: Transition,
    tasks: Tasks,
    payload: Mapping[str, Any],
    actor: str | None,
) -> Course:
    """The transition of a subject, ready to be made. Raises ``Stopped`` when it does not begin where that stands.

    Every task on the way is looked up before any is called: one that is not there, or not what the definition takes it
    for, stops it.
    """
    origin = _origin(flow, document)
    _guard(flow, document, transition, origin)
    target = origin if transition.to is None else flow.state(transition.to)
    if target is None:
        raise Stopped(MoveFailed, "unknown_state", f'The flow "{flow.id}" has no state "{transition.to}".')
    if target.status is not None and target.status not in document.statuses:
        raise Stopped(MoveFailed, "unknown_status", f'A {document.category} has no status "{target.status}".')
    bindings = [one for one in _bindings(transition, origin, target) if one.enabled]
    steps = [_step(one, document, tasks) for one in bindings]
    return Course(document, Move(flow, transition, origin, target, dict(payload), actor), steps)


def refused(stopped: Stopped, course: Course | None, transition: str, payload: Any, masker: Masker) -> FlowMoveRefused:
    """What is recorded of a transition that was not made."""
    messages, data = ([], {}) if course is None else (course.move.messages, course.move.data)
    return FlowMoveRefused(
        transition=transition,
        code=str(stopped.code),
        task=stopped.task,
        errors=tuple(masker.text(one) for one in stopped.errors),
        messages=tuple(masker.text(one) for one in messages),
        data=masker.value(data),
        payload=masker.value(dict(payload)),
    )


def _guard(flow: FlowDefinition, document: Aggregate[Any], transition: Transition, origin: State) -> None:
    if origin.is_terminal:
        _refuse("completed", f'The {document.category} has come to its end in "{origin.key}".')
    if transition.from_ is None and origin.is_start:
        _refuse("wrong_state", f'The {document.category} stands in START "{origin.key}"; nothing else leads out of it.')
    if transition.from_ not in (None, origin.key):
        known = ", ".join(f'"{one.key}"' for one in flow.exits(origin.key)) or "nothing"
        _refuse(
            "wrong_state",
            f'The {document.category} stands in "{origin.key}"; "{transition.key}" leads from "{transition.from_}".'
            f" From here: {known}.",
        )


def _origin(flow: FlowDefinition, document: Aggregate[Any]) -> State:
    try:
        return standing_in(flow, document)
    except Refused as error:
        raise Stopped(MoveRefused, "no_state", str(error)) from error


def _refuse(code: str, message: str) -> NoReturn:
    raise Stopped(MoveRefused, code, message)


def _bindings(transition: Transition, origin: State, target: State) -> tuple[TaskBinding, ...]:
    """Those of the transition alone, between what is done on leaving the one state and on entering the other."""
    if transition.to is None:
        return transition.tasks
    return (*origin.on_leave, *transition.tasks, *target.on_enter)


def _step(binding: TaskBinding, document: Aggregate[Any], tasks: Tasks) -> Step:
    task = tasks.get(binding.task)
    fits = task is not None and task.kind == binding.kind
    if task is None or not fits or not (task.aggregate is None or isinstance(document, task.aggregate)):
        what = f'There is no {binding.kind} "{binding.task}" for a {document.category} here.'
        raise Stopped(MoveFailed, "unknown_task", what, task=binding.task)
    try:
        return Step(task, task.settings(binding.config))
    except ValidationError as error:
        raise Stopped(MoveFailed, "wrong_config", *_problems(error), task=binding.task) from error


def _validated(model: type[BaseModel], payload: Mapping[str, Any]) -> dict[str, Any]:
    return model.model_validate(payload).model_dump()


def _problems(error: ValidationError) -> list[str]:
    # Without what was sent: it may be a secret.
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [f"{'.'.join(map(str, one['loc'])) or 'payload'}: {one['msg']}." for one in found]


def _events(step: Step, said: Any) -> list[Event]:
    events = [] if said is None else [said] if isinstance(said, Event) else said
    if not isinstance(events, (list, tuple)) or not all(isinstance(one, Event) for one in events):
        wanted = f"{step.task.name} returned {type(said).__name__}; an action returns an event, several or nothing."
        raise Stopped(MoveFailed, "no_event", wanted, task=step.task.name)
    return list(events)


def _moved(move: Move, masker: Masker) -> FlowMoved:
    return FlowMoved(
        place=move.target.key,
        transition=move.transition.key,
        origin=move.origin.key,
        completed=move.target.is_terminal,
        payload=masker.value(dict(move.payload)),
        messages=tuple(masker.text(one) for one in move.messages),
        data=masker.value(move.data),
    )
