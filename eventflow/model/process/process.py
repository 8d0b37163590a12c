"""What a process is: a frozen value that knows its steps, and comes out of each one wiser.

::

    class Release(Process, name="release", version=1, title="Release of a document"):
        document: UUID
        pages: int = 0

        @step
        def typeset(self) -> Self:
            return self.learn(pages=12)

        @step(retry=Retry(attempts=5, after=timedelta(minutes=1)))
        def announce(self) -> None: ...

    Release(document=some_id).typeset()      # still plain methods

Nothing is registered by that; the composition root is given the class. What the class says wrongly is told there, all
at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel

from eventflow.model.event import snake_case
from eventflow.model.process.step import Step
from eventflow.model.retry import Retry

F = TypeVar("F", bound=Callable[..., Any])

PATIENT = Retry(attempts=50, after=timedelta(seconds=60), backoff="linear", grace=3)
"""The retry of a step of which nothing else is said: fifty attempts, over some eighteen hours."""


UndoOn = Literal["abandon", "failure"]
"""What makes a run take back what it has done: that somebody gives it up; or that it fails, as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a process says of itself as a whole."""

    name: str
    version: int = 1
    title: str | None = None
    channel: str = "default"
    retry: Retry = PATIENT
    deadline: timedelta | None = None
    priority: int = 0
    undo_on: UndoOn = "abandon"
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """What was said and means nothing: told at composition."""


class Process(BaseModel, frozen=True, extra="forbid", ignored_types=(Step,)):
    """Several steps, done one after the other by whichever worker is there, each recorded when it is done.

    Class keywords: ``name`` (what the log calls it), ``version``, ``title`` (what people see), ``channel``, ``retry``
    (of its steps), ``deadline`` (how long a run may take in all), ``priority``, ``undo_on`` (when
    a run is abandoned, what its steps have done is taken back by what their ``undo=`` names; with ``"failure"`` also
    when it fails). The fields are what a run knows: give them types that pydantic can turn into plain data. ``steps``
    is for those who keep steps outside of the class.

    A process may have a beginning and an end: methods ``started`` and ``finished`` are steps before and behind the
    others, which no ``goto`` passes over.
    """

    keywords: ClassVar[Options] = Options(name="process")
    steps: ClassVar[Sequence[Any] | None] = None

    def __init_subclass__(
        cls,
        *,
        name: str | None = None,
        version: int = 1,
        title: str | None = None,
        channel: str = "default",
        retry: Retry = PATIENT,
        deadline: timedelta | None = None,
        priority: int = 0,
        undo_on: UndoOn = "abandon",
        **config: Any,
    ) -> None:
        super().__init_subclass__()
        cls.keywords = Options(
            name=name or snake_case(cls.__name__),
            version=version,
            title=title or _own_title(cls),
            channel=channel,
            retry=retry,
            deadline=deadline,
            priority=priority,
            undo_on=undo_on,
            unknown=config,
        )

    def learn(self, **changes: Any) -> Self:
        """The same process, with these fields changed. Raises pydantic's ``ValidationError`` when they do not fit."""
        known = {name: value for name, value in self.__dict__.items() if name in type(self).__pydantic_fields__}
        return type(self).model_validate({**known, **changes}, by_name=True)

    # -- what may be overridden ------------------------------------------------------------------

    def boot(self) -> None:
        """Called by a worker each time before it goes on with a run; what it raises is a failure of the step."""

    def before_step(self, step: str) -> None:
        """Called before each step; what it raises is a failure of the step."""

    def on_failure(self, step: str, error: BaseException) -> None:
        """Called when an attempt of a step has failed; when this raises as well, the run stands in EXCEPTION."""


def _own_title(process: type[Process]) -> str | None:
    # A keyword of pydantic's as well, which keeps it for itself and hands it down.
    told: str | None = process.model_config.get("title")
    inherited = any(getattr(one, "model_config", {}).get("title") == told for one in process.__bases__)
    return None if inherited else told


def migration(*, from_version: int, steps: Mapping[str, str] | None = None) -> Callable[[F], F]:
    """Mark a static method of a process as the way of its runs from an older version to the next one.

    It takes what the run knew, as plain data, and gives what it knows now. ``steps`` says what older steps are called
    now, where that has changed::

        class Release(Process, name="release", version=2):
            @staticmethod
            @migration(from_version=1, steps={"announce": "publish"})
            def a_release_has_a_language(state: dict[str, Any]) -> dict[str, Any]:
                return {**state, "language": "en"}
    """

    def mark(method: F) -> F:
        _function(method).__migrates__ = Migration(from_version, dict(steps or {}), _function(method))
        return method

    return mark


@dataclass(frozen=True, slots=True)
class Migration:
    """The way from one version of a process to the next: what its steps are called now, and what it knows now."""

    version: int
    steps: Mapping[str, str]
    convert: Callable[[dict[str, Any]], dict[str, Any]]


def _function(member: Any) -> Any:  # a function or a static method around one
    return member.__func__ if isinstance(member, staticmethod) else member


def migrations_of(process: type[Process]) -> list[Migration]:
    """The migrations that a process declares, inherited ones included."""
    return [
        found
        for kind in process.__mro__
        for member in vars(kind).values()
        if isinstance(found := getattr(_function(member), "__migrates__", None), Migration)
    ]
