"""A business object whose fields are the sum of its events.

::

    class Document(Aggregate[Status], category="document", initial=Status.QUEUED):
        title: str
        content: str = ""

An event sets the fields that it names; a method marked ``@folds(Event)`` says what the special ones change. Nothing
else changes a field: assignment from outside is refused. Here is what may be done to one; how it is kept as a
stream is in ``streamed.py``, how events change fields in ``folding.py``. Decide-then-evolve is the shape of Emmett and
Commanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from types import EllipsisType, MappingProxyType
from typing import Any, ClassVar, Generic, Self, Unpack
from uuid import UUID, uuid4

from pydantic import ConfigDict

from eventflow.errors import Misconfigured, Refused, TransitionRefused
from eventflow.model.bounds import is_free, is_within, refuse_to_leave
from eventflow.model.event import Event
from eventflow.model.folding import declared_folds, folds
from eventflow.model.library import LIBRARY, CalledOff, Created, Defibrillated, Placing, StatusChanged, Touched
from eventflow.model.recorded import NOWHERE, Kind, Phase
from eventflow.model.standing import Standing
from eventflow.model.streamed import S, Streamed, cause_of, spell
from eventflow.model.transition import Transition

__all__ = ["CATEGORY", "LONGEST", "Aggregate", "cause_of", "commands", "folds", "spell", "status_type"]

CATEGORY = re.compile(r"[a-z][a-z0-9_]*\Z")
"""How a category is written: ``document``, ``purchase_order``."""

LONGEST = timedelta(days=365_000)
"""The longest delay: a thousand years."""


class Aggregate(Streamed[S], Generic[S]):
    """A stream of events and the fields they add up to. It changes by ``record`` only, which all commands go through.

    Class keywords: ``category`` (its name in the log), ``initial`` (the status it begins with), ``defibrillate`` (from
    which failed status to which one a restart leads), ``cancelled`` (to which status ``cancel`` leads: from every other
    one, or from those that a mapping names), ``events`` (events that no command or reaction mentions in its
    annotations), ``flow`` (the query that picks the flow it is bound to before its first event, a function of it that
    gives one, or the id of a flow) and ``may_be_unbound`` (whether it may begin when no flow matches), ``erasable``
    (whether its bodies are enciphered, so that they can be erased; the settings say it where nothing is said). Begin
    one with ``create``; those of the log are made by ``replay``.

    Fields share their values with the events that set them: use tuples and frozen models, not lists to be changed.
    Names like ``id``, ``status``, ``version`` and ``category`` are taken; a field of that name raises ``Misconfigured``
    where the class is defined.
    """

    initial: ClassVar[Any] = None
    restarts: ClassVar[Mapping[Any, Any]] = MappingProxyType({})
    cancellations: ClassVar[Mapping[Any, Any]] = MappingProxyType({})
    cancels_whatever: ClassVar[Any] = None
    events: ClassVar[tuple[type[Event], ...]] = ()
    flow_rule: ClassVar[Any] = None
    may_be_unbound: ClassVar[bool] = False

    def __init_subclass__(
        cls,
        *,
        category: str | None = None,
        initial: Enum | None = None,
        defibrillate: Mapping[Any, Any] | None = None,
        cancelled: Mapping[Any, Any] | None = None,
        events: Iterable[type[Event]] = (),
        flow: Any = None,
        may_be_unbound: bool | None = None,
        erasable: bool | None = None,
        **config: Unpack[ConfigDict],
    ) -> None:
        super().__init_subclass__(**config)
        _refuse_taken_names(cls)
        cls.category = category if category is not None else cls.category
        cls.initial = initial if initial is not None else cls.initial
        cls.restarts = MappingProxyType(dict(cls.restarts if defibrillate is None else defibrillate))
        cls.events = (*cls.events, *events)
        cls.flow_rule = cls.flow_rule if flow is None else flow
        cls.may_be_unbound = cls.may_be_unbound if may_be_unbound is None else may_be_unbound
        cls.erasable = cls.erasable if erasable is None else erasable
        cls.statuses = MappingProxyType({spell(one): one for one in (status_type(cls) or ())})
        if cancelled is not None:
            cls.cancellations = _cancellations(cls, cancelled)
            cls.cancels_whatever = _whatever(cancelled)
        cls._folding = declared_folds(cls)
        cls._declared = tuple(cls._folding)
        cls._inert = frozenset(
            f"{cls.category}:{one.event_name}"
            for one in LIBRARY
            if one not in cls._folding and one is not Created and not issubclass(one, Placing)
        )

    @classmethod
    def create(cls, *, id: UUID | None = None, status: S | None = None, **fields: Any) -> Self:
        """A new one, with ``Created`` pending. Raises pydantic's ``ValidationError`` when the fields do not fit.

        ``body=`` and ``kind=`` say of the creation what they say in ``change_status``, unless the aggregate has fields
        of these names: then they are those.
        """
        body, kind = (cls._beside(fields, name) for name in ("body", "kind"))
        document = cls.model_validate(fields, by_name=True)
        document.__pydantic_fields_set__.update(cls.__pydantic_fields__)
        document._become(uuid4() if id is None else id, cls.initial, 0, NOWHERE, Standing())
        event = Created.model_construct(fields=document.model_dump(round_trip=True), body=body)
        document._append(event, cls._known(cls.initial if status is None else status), None, Phase.ANNOUNCED, kind)
        return document

    def record(
        self,
        event: Event,
        *,
        status: S | None = None,
        kind: Kind | None = None,
        phase: Phase | EllipsisType | None = ...,
        reaction: str | None = None,
        attempt: int | None = None,
        owner: UUID | None = None,
        due: datetime | None = None,
        after: timedelta | None = None,
        error: str | None = None,
    ) -> None:
        """Take an event in: its fields now, the log with the next save.

        With a ``status`` it is announced (unless ``phase`` says otherwise), without one it is a mere fact. Who reacts
        to it begins when it is ``due``, or so long ``after`` it was saved. Raises ``Refused`` for what is no event, for
        a status that this aggregate does not have, and for a delay that is none; ``NotInFlow`` for one that the flow
        which it is bound to does not have, unless an ``error`` leads there.
        """
        if after is not None:
            _refuse_bad_delay(after, due)
        if not isinstance(event, Event):
            raise Refused(f"{type(self).__name__} records events, not {type(event).__name__}.")
        before: S = self.status
        now = before if status is None else self._known(status)
        if now is not before and not is_free(event, error):
            refuse_to_leave(self, now)
        if phase is ...:
            phase = None if status is None else Phase.ANNOUNCED
        self._fold(event)
        self._append(event, now, spell(before), phase, kind, reaction, attempt, owner, due, error, after)

    def change_status(
        self,
        status: S,
        *,
        body: dict[str, Any] | None = None,
        kind: Kind | None = None,
        due: datetime | None = None,
        after: timedelta | None = None,
    ) -> None:
        """Go to a status, and say why in ``body``.

        The same status with another body is a fact of its own: it is recorded, and whatever is being done goes on.
        ``touch`` announces the status again. The status is entered at once; who reacts to it begins when that is
        ``due``, or so long ``after`` it was saved. A delay announces the same status again, too.
        """
        stays = status is self.status and due is None and after is None
        self.record(StatusChanged(body=body), status=None if stays else status, kind=kind, due=due, after=after)

    def touch(self, *, due: datetime | None = None, after: timedelta | None = None) -> None:
        """Announce the present status once more; who reacts to it begins when that is ``due``, or so long ``after``."""
        self.record(Touched(), status=self.status, due=due, after=after)

    @property
    def can_be_defibrillated(self) -> bool:
        """Whether ``defibrillate`` would restart it: its status has a target, which is one of its flow."""
        target = self.restarts.get(self.status)
        return target is not None and is_within(self, target)

    def can_be_defibrillated_by(self, user: object) -> bool:  # noqa: ARG002  # for whoever overrides it
        """Whether this user may restart it over the web; nobody may unless you override it."""
        return False

    def defibrillate(self, reason: str | None = None) -> None:
        """Restart what failed. Raises ``TransitionRefused`` in a status that ``defibrillate=`` gives no target for.

        Raises ``NotInFlow`` for a target that the flow it is bound to does not have.
        """
        target = self.restarts.get(self.status)
        if target is None:
            raise TransitionRefused(
                f"{type(self).__name__}.defibrillate", spell(self.status), [spell(one) for one in self.restarts]
            )
        self.record(Defibrillated(reason=reason), status=target)

    def cancel(self, reason: str | None = None, *, status: S | None = None) -> None:
        """Go to the status that ``cancelled=`` names, or to this one, whatever is being done about it.

        That may be one which the flow it is bound to does not have. Raises ``TransitionRefused`` when it stands there
        already, and in a status that ``cancelled=`` does not lead on from: what is finished is not cancelled. A class
        that says nothing of it can be told where to from anywhere.
        """
        target = self.cancellations.get(self.status) if status is None else self._known(status)
        is_barred = bool(self.cancellations) and self.status not in self.cancellations
        if target is None or target is self.status or is_barred:
            wanted = [spell(one) for one in self.cancellations]
            raise TransitionRefused(f"{type(self).__name__}.cancel", spell(self.status), wanted)
        self.record(CalledOff(reason=reason), status=target)

    @classmethod
    def _beside(cls, fields: dict[str, Any], name: str) -> Any:
        own = name in fields and any(name in (one, info.alias) for one, info in cls.__pydantic_fields__.items())
        return None if own else fields.pop(name, None)


def status_type(aggregate: type[Aggregate[Any]]) -> type[Enum] | None:
    """The enum an aggregate class was given in brackets."""
    for kind in aggregate.__mro__:
        for argument in getattr(kind, "__pydantic_generic_metadata__", {}).get("args", ()):
            if isinstance(argument, type) and issubclass(argument, Enum):
                return argument
    return None


def commands(aggregate: type[Aggregate[Any]]) -> dict[str, Transition[Any, ..., Any]]:
    """The commands of an aggregate by name, inherited ones included."""
    found = {}
    for kind in reversed(aggregate.__mro__):
        found.update({name: member for name, member in vars(kind).items() if isinstance(member, Transition)})
    return found


def _refuse_bad_delay(after: timedelta, due: datetime | None) -> None:
    if due is not None:
        raise Refused("Something is either due at a time or some time after it is saved: say one of them.")
    if not timedelta(0) <= after <= LONGEST:
        raise Refused(f"after={after!r} is no delay: wanted is a timedelta from zero to a thousand years.")


def _cancellations(aggregate: type[Aggregate[Any]], target: Any) -> Mapping[Any, Any]:
    # One status alone does not say from where; that is told at composition.
    if isinstance(target, Mapping):
        return MappingProxyType(dict(target))
    return MappingProxyType({one: target for one in aggregate.statuses.values() if one is not target})


def _whatever(said: object) -> object:
    return None if isinstance(said, Mapping) else said


def _refuse_taken_names(aggregate: type[Aggregate[Any]]) -> None:
    if aggregate.__module__ == __name__:
        return
    own = {**vars(Streamed), **vars(Aggregate)}
    taken = [name for name in vars(aggregate).get("__annotations__", {}) if name in own]
    if taken:
        raise Misconfigured(
            *(f'{aggregate.__name__} cannot have a field "{name}": every aggregate has one already.' for name in taken)
        )
