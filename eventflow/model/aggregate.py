"""A business object whose fields are the sum of its events.

::

    class Document(Aggregate[Status], category="document", initial=Status.QUEUED):
        title: str
        content: str = ""

An event sets the fields that it names; a method marked ``@folds(Event)`` says what the special ones change. Nothing
else changes a field: assignment from outside is refused. Decide-then-evolve is the shape of Emmett and Commanded; the
protocols that ``eventsourcing`` publishes for aggregates hold here too, without its metaclass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256
from json import dumps
from types import EllipsisType, MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, Unpack, dataclass_transform
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from eventflow.errors import Misconfigured, Refused, TransitionRefused, Unreadable, did_you_mean
from eventflow.model.event import Event
from eventflow.model.library import LIBRARY, CalledOff, Created, Defibrillated, StatusChanged, Touched
from eventflow.model.recorded import NOWHERE, Cause, Draft, Head, Header, Kind, Phase, Recorded
from eventflow.model.schema import fields_of
from eventflow.model.snapshot import Snapshot
from eventflow.model.standing import Standing
from eventflow.model.transition import Transition

S = TypeVar("S", bound=Enum)
F = TypeVar("F", bound=Callable[..., Mapping[str, Any]])
Fold = Callable[[Any, Any], Mapping[str, Any]]

CATEGORY = re.compile(r"[a-z][a-z0-9_]*\Z")
"""How a category is written: ``document``, ``purchase_order``."""


LONGEST = timedelta(days=365_000)
"""The longest delay: a thousand years."""


def spell(status: Enum) -> str:
    """A status as it stands in a header."""
    return str(status.value)


def folds(event: type[Event]) -> Callable[[F], F]:
    """Mark a method of an aggregate as what this event changes: it takes the event and returns the changed fields."""

    def mark(method: F) -> F:
        method.__folds__ = event  # type: ignore[attr-defined]  # functions take attributes
        return method

    return mark


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field, PrivateAttr))
class Aggregate(
    BaseModel,
    Generic[S],
    frozen=True,
    extra="forbid",
    validate_by_name=True,
    validate_by_alias=True,
    ignored_types=(Transition,),
):
    """A stream of events and the fields they add up to. It changes by ``record`` only, which all commands go through.

    Class keywords: ``category`` (its name in the log), ``initial`` (the status it begins with), ``defibrillate`` (from
    which failed status to which one a restart leads), ``cancelled`` (to which status ``cancel`` leads: from every other
    one, or from those that a mapping names), ``events`` (events that no command or reaction mentions in its
    annotations). Begin one with ``create``; those of the log are made by ``replay``.

    Fields share their values with the events that set them: use tuples and frozen models, not lists to be changed.
    Names like ``id``, ``status``, ``version`` and ``category`` are taken; a field of that name raises ``Misconfigured``
    where the class is defined.
    """

    category: ClassVar[str] = ""
    initial: ClassVar[Any] = None
    restarts: ClassVar[Mapping[Any, Any]] = MappingProxyType({})
    cancellations: ClassVar[Mapping[Any, Any]] = MappingProxyType({})
    events: ClassVar[tuple[type[Event], ...]] = ()
    statuses: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    _folding: ClassVar[dict[type[Event], Fold]] = {}
    _declared: ClassVar[tuple[type[Event], ...]] = ()
    _inert: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(
        cls,
        *,
        category: str | None = None,
        initial: Enum | None = None,
        defibrillate: Mapping[Any, Any] | None = None,
        cancelled: Enum | Mapping[Any, Any] | None = None,
        events: Iterable[type[Event]] = (),
        **config: Unpack[ConfigDict],
    ) -> None:
        super().__init_subclass__(**config)
        _refuse_taken_names(cls)
        cls.category = category if category is not None else cls.category
        cls.initial = initial if initial is not None else cls.initial
        cls.restarts = MappingProxyType(dict(cls.restarts if defibrillate is None else defibrillate))
        cls.events = (*cls.events, *events)
        cls.statuses = MappingProxyType({spell(one): one for one in (status_type(cls) or ())})
        cls.cancellations = cls.cancellations if cancelled is None else _cancellations(cls, cancelled)
        cls._folding = _declared_folds(cls)
        cls._declared = tuple(cls._folding)
        cls._inert = frozenset(
            f"{cls.category}:{one.event_name}" for one in LIBRARY if one not in cls._folding and one is not Created
        )

    # What it is

    @property
    def id(self) -> UUID:
        """The stream's id."""
        return self._of("_id")  # type: ignore[no-any-return]

    @property
    def status(self) -> S:
        """The status it stands in."""
        return self._of("_status")  # type: ignore[no-any-return]

    @property
    def version(self) -> int:
        """The version of its last event, recorded or pending."""
        return self._of("_version")  # type: ignore[no-any-return]

    @property
    def head(self) -> Head:
        """Where its stream ends in the log: what the next append expects."""
        return self._of("_head")  # type: ignore[no-any-return]

    @property
    def head_saved(self) -> Head:
        """The same: pending events do not move it."""
        return self.head

    @property
    def standing(self) -> Standing:
        """Where the work on it stands, pending events included."""
        return self._of("_standing")  # type: ignore[no-any-return]

    @property
    def pending(self) -> tuple[Draft, ...]:
        """What was decided on and is not in the log yet."""
        return self._of("_pending")  # type: ignore[no-any-return]

    # What it does

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
        a status that this aggregate does not have, and for a delay that is none.
        """
        if after is not None:
            _refuse_bad_delay(after, due)
        if not isinstance(event, Event):
            raise Refused(f"{type(self).__name__} records events, not {type(event).__name__}.")
        before: S = self.status
        now = before if status is None else self._known(status)
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
        """Whether ``defibrillate`` would restart it: its status has a target."""
        return self.status in self.restarts

    def can_be_defibrillated_by(self, user: object) -> bool:  # noqa: ARG002  # for whoever overrides it
        """Whether this user may restart it over the web; nobody may unless you override it."""
        return False

    def defibrillate(self, reason: str | None = None) -> None:
        """Restart what failed. Raises ``TransitionRefused`` in a status that ``defibrillate=`` gives no target for."""
        target = self.restarts.get(self.status)
        if target is None:
            raise TransitionRefused(
                f"{type(self).__name__}.defibrillate", spell(self.status), [spell(one) for one in self.restarts]
            )
        self.record(Defibrillated(reason=reason), status=target)

    def cancel(self, reason: str | None = None, *, status: S | None = None) -> None:
        """Go to the status that ``cancelled=`` names, or to this one, whatever is being done about it.

        Raises ``TransitionRefused`` when it stands there already or where nothing leads there.
        """
        target = self.cancellations.get(self.status) if status is None else self._known(status)
        if target is None or target is self.status:
            wanted = [spell(one) for one in self.cancellations]
            raise TransitionRefused(f"{type(self).__name__}.cancel", spell(self.status), wanted)
        self.record(CalledOff(reason=reason), status=target)

    # How it is kept

    def saved(self, headers: Sequence[Header]) -> None:
        """The pending events are in the log now, under these headers."""
        if headers:
            last = headers[-1]
            self.__dict__["_head"] = Head(last.version, last.hash)
            phased = last if last.phase is not None else next((one for one in reversed(headers) if one.phase), None)
            if phased is not None:
                self.__dict__["_cause"] = Cause(phased.correlation, phased.position)
            self.__dict__["_pending"] = self.pending[len(headers) :]
            if last.due is not None and last.version == self.standing.version:
                self.__dict__["_standing"] = self.standing._replace(due=last.due)

    def collect_events(self) -> list[Draft]:
        """Hand the pending events over; they are no longer pending then, as ``eventsourcing`` wants it."""
        drafts = list(self.pending)
        self.__dict__["_pending"] = ()
        return drafts

    def snapshot(self) -> Snapshot:
        """Where it stands. Raises ``Refused`` while events are pending: their hash is not known yet."""
        if self.pending:
            raise Refused(f"{self!r} has pending events; save it before taking a snapshot.")
        return Snapshot(
            stream=self.id,
            category=self.category,
            version=self.version,
            hash=self.head.hash,
            status=spell(self.status),
            standing=self.standing,
            fields=self.model_dump(round_trip=True),
            shape=self.shape(),
            correlation=cause_of(self).correlation,
            position=cause_of(self).position,
        )

    @classmethod
    def folded(cls) -> tuple[type[Event], ...]:
        """The events that its ``@folds`` methods are for."""
        return cls._declared

    @classmethod
    def reads(cls, snapshot: Snapshot) -> bool:
        """Whether the fields are still the ones this snapshot was taken of."""
        return snapshot.category == cls.category and snapshot.shape in ("", cls.shape())

    @classmethod
    def shape(cls) -> str:
        """The fingerprint of its fields: their names and types."""
        known = cls.__dict__.get("_shape")
        if known is None:
            known = sha256(dumps(fields_of(cls), sort_keys=True).encode()).hexdigest()[:16]
            type.__setattr__(cls, "_shape", known)
        return str(known)

    @classmethod
    def upcast_fields(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Override to read the fields of streams that began when they were called otherwise."""
        return fields

    @classmethod
    def replay(cls, recorded: Iterable[Recorded], snapshot: Snapshot | None = None) -> Self:
        """The one that these events add up to, from the snapshot on if there is one.

        Bodies that change no field are not even read. Raises ``Unreadable`` when there is nothing to begin with, when a
        version is missing, when the stream is of another category, and when it stands in a status that is no more.
        """
        document: Self | None = None
        standing, version, last, phased = Standing(), 0, None, None
        if snapshot is not None:
            document, standing, version = cls._restored(snapshot.fields), snapshot.standing, snapshot.version
        inert = cls._inert
        for one in recorded:
            last = one.header
            if document is None:
                document = cls._begun(one)
            elif last.version != version + 1:
                raise Unreadable(f"{cls.category} {last.stream} goes from version {version} to {last.version}.")
            elif last.name not in inert:
                document._fold(one.event)
            version = last.version
            if last.phase is not None:
                standing, phased = standing.after(last), last
        end = last or snapshot
        if document is None or end is None:
            raise Unreadable(f"There is no event and no snapshot to make a {cls.__name__} of.")
        document._become(end.stream, cls._revived(end), version, Head(version, end.hash), standing)
        if (cause := phased or snapshot) is not None:
            document.__dict__["_cause"] = Cause(cause.correlation, cause.position)
        return document

    @classmethod
    def _begun(cls, first: Recorded) -> Self:
        if first.header.category != cls.category:
            raise Unreadable(f"Stream {first.header.stream} is of {first.header.category}, not of {cls.category}.")
        if first.header.version != 1 or not isinstance(first.event, Created):
            raise Unreadable(f"A {cls.category} begins with its creation or a snapshot, not with {first!r}.")
        return cls._restored(cls.upcast_fields(dict(first.event.fields)))

    @classmethod
    def _restored(cls, fields: Mapping[str, Any]) -> Self:
        known = cls.__pydantic_fields__
        document = cls.model_validate({name: fields[name] for name in known if name in fields}, by_name=True)
        document.__pydantic_fields_set__.update(known)
        return document

    @classmethod
    def _revived(cls, end: Header | Snapshot) -> Any:
        status = cls.statuses.get(end.status)
        if status is None:
            raise Unreadable(
                f'{cls.category} {end.stream} stands in "{end.status}", which {cls.__name__} does not have'
                f" (any more).{did_you_mean(end.status, list(cls.statuses))}"
            )
        return status

    @classmethod
    def _beside(cls, fields: dict[str, Any], name: str) -> Any:
        own = name in fields and any(name in (one, info.alias) for one, info in cls.__pydantic_fields__.items())
        return None if own else fields.pop(name, None)

    @classmethod
    def _known(cls, status: Any) -> Any:
        known = cls.statuses.get(spell(status) if isinstance(status, Enum) else str(status))
        if known is None or (isinstance(status, Enum) and known is not status):
            names = list(cls.statuses)
            raise Refused(
                f"{status!r} is no status of {cls.__name__}; it has {', '.join(names)}."
                f"{did_you_mean(str(getattr(status, 'value', status)), names)}"
            )
        return known

    def _become(self, id: UUID, status: Any, version: int, head: Head, standing: Standing) -> None:
        # Beside the fields, under names that pydantic leaves alone: slots and private attributes would be lost or slow.
        self.__dict__.update(
            _id=id, _status=status, _version=version, _head=head, _standing=standing, _pending=(), _cause=Cause()
        )

    def _fold(self, event: Event) -> None:
        how = self._folding.get(type(event)) or self._learn(type(event))
        changed = how(self, event)
        if changed:
            self.__dict__.update(changed)
            self.__pydantic_fields_set__.update(changed)

    @classmethod
    def _learn(cls, event: type[Event]) -> Fold:
        shared = () if event in LIBRARY else tuple(n for n in event.__pydantic_fields__ if n in cls.__pydantic_fields__)
        cls._folding[event] = fold = _by_names(shared)
        return fold

    def _append(
        self,
        event: Event,
        status: Any,
        previous: str | None,
        phase: Phase | None,
        kind: Kind | None = None,
        reaction: str | None = None,
        attempt: int | None = None,
        owner: UUID | None = None,
        due: datetime | None = None,
        error: str | None = None,
        after: timedelta | None = None,
    ) -> None:
        own = self.__dict__
        own["_version"] = version = own["_version"] + 1
        own["_status"] = status
        draft = Draft(
            event,
            spell(status),
            previous,
            phase,
            kind,
            reaction,
            attempt,
            owner,
            due,
            error,
            own["_id"],
            version,
            after,
        )
        own["_pending"] = (*own["_pending"], draft)
        own["_standing"] = own["_standing"].after(draft)

    def _of(self, name: str) -> Any:
        try:
            return self.__dict__[name]
        except KeyError:
            kind = type(self).__name__
            raise Refused(f"This {kind} has no stream: begin one with {kind}.create(...).") from None

    def __eq__(self, other: object) -> bool:
        """The same stream at the same version, with the same fields."""
        if type(other) is not type(self):
            return NotImplemented
        ignored = ("_pending", "_head", "_cause")
        mine = {name: value for name, value in self.__dict__.items() if name not in ignored}
        return mine == {name: value for name, value in other.__dict__.items() if name not in ignored}

    def __hash__(self) -> int:
        return hash(self.id)

    if not TYPE_CHECKING:  # with these in sight a type checker would let every attribute be assigned

        def __setattr__(self, name: str, value: Any) -> None:
            """Refused: a field changes by events only. Before that, validators may set what they like."""
            if "_id" in self.__dict__:
                raise AttributeError(f"{type(self).__name__}.{name} changes by events only.")
            self.__dict__[name] = value

        def __delattr__(self, name: str) -> None:
            raise AttributeError(f"{type(self).__name__}.{name} changes by events only.")


def cause_of(aggregate: Aggregate[Any]) -> Cause:
    """What its next event is caused by when nobody says otherwise."""
    return aggregate._of("_cause")  # type: ignore[no-any-return]


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


def _cancellations(aggregate: type[Aggregate[Any]], target: Enum | Mapping[Any, Any]) -> Mapping[Any, Any]:
    if isinstance(target, Mapping):
        return MappingProxyType(dict(target))
    return MappingProxyType({one: target for one in aggregate.statuses.values() if one is not target})


def _declared_folds(aggregate: type[Aggregate[Any]]) -> dict[type[Event], Fold]:
    found: dict[type[Event], Fold] = {}
    for kind in reversed(aggregate.__mro__):
        for name, member in vars(kind).items():
            if (event := getattr(member, "__folds__", None)) is not None:
                found[event] = getattr(aggregate, name)
    return found


def _by_names(shared: tuple[str, ...]) -> Fold:
    def fold(_: Any, event: Any) -> Mapping[str, Any]:
        own = event.__dict__
        return {name: own[name] for name in shared}

    return fold


def _refuse_taken_names(aggregate: type[Aggregate[Any]]) -> None:
    if aggregate.__module__ == __name__:
        return
    taken = [name for name in vars(aggregate).get("__annotations__", {}) if name in vars(Aggregate)]
    if taken:
        raise Misconfigured(
            *(f'{aggregate.__name__} cannot have a field "{name}": every aggregate has one already.' for name in taken)
        )
