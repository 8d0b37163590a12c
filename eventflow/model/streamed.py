"""What has a stream: where it stands in the log, what is pending, and how it is made of its events again.

All of it but the commands, which are in ``aggregate.py``. The protocols that ``eventsourcing`` publishes for aggregates
hold here, without its metaclass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256
from json import dumps
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, dataclass_transform
from uuid import UUID

from pydantic import BaseModel, Field, PrivateAttr

from eventflow.errors import Refused, Unreadable, did_you_mean
from eventflow.model.company import parted
from eventflow.model.event import Event
from eventflow.model.folding import Fold, fold_by_names
from eventflow.model.library import Created
from eventflow.model.recorded import Cause, Draft, Head, Header, Kind, Phase, Recorded
from eventflow.model.schema import fields_of
from eventflow.model.snapshot import Snapshot
from eventflow.model.standing import Standing
from eventflow.model.transition import Transition

S = TypeVar("S", bound=Enum)


def spell(status: Enum) -> str:
    """A status as it stands in a header."""
    return str(status.value)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field, PrivateAttr))
class Streamed(
    BaseModel,
    Generic[S],
    frozen=True,
    extra="forbid",
    validate_by_name=True,
    validate_by_alias=True,
    ignored_types=(Transition,),
):
    """A stream of events and the fields they add up to."""

    category: ClassVar[str] = ""
    statuses: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    erasable: ClassVar[bool | None] = None

    _folding: ClassVar[dict[type[Event], Fold]] = {}
    _declared: ClassVar[tuple[type[Event], ...]] = ()
    _inert: ClassVar[frozenset[str]] = frozenset()

    # Where it stands

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
    def bound_flow(self) -> str | None:
        """The id of the flow that it is bound to, if it is."""
        return self._of("_flow")  # type: ignore[no-any-return]

    @property
    def pending(self) -> tuple[Draft, ...]:
        """What was decided on and is not in the log yet."""
        return self._of("_pending")  # type: ignore[no-any-return]

    # How it is kept

    def saved(self, headers: Sequence[Header]) -> None:
        """The pending events are in the log now, under these headers."""
        if headers:
            parted(self)
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
            flow=self.bound_flow,
            place=place_of(self),
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
            document.__dict__["_place"] = snapshot.place
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
        document._become(end.stream, cls._revived(end), version, Head(version, end.hash), standing, end.flow)
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

    # How it changes

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

    def _become(
        self, id: UUID, status: Any, version: int, head: Head, standing: Standing, flow: str | None = None
    ) -> None:
        # Beside the fields, under names that pydantic leaves alone: slots and private attributes would be lost or slow.
        self.__dict__.update(
            _id=id, _status=status, _version=version, _head=head, _standing=standing, _pending=(), _cause=Cause(),
            _flow=flow, _place=self.__dict__.get("_place"),
        )  # fmt: skip

    def _fold(self, event: Event) -> None:
        how = self._folding.get(type(event)) or self._learn(type(event))
        changed = how(self, event)
        if changed:
            self.__dict__.update(changed)
            self.__pydantic_fields_set__.update(changed)

    @classmethod
    def _learn(cls, event: type[Event]) -> Fold:
        cls._folding[event] = fold = fold_by_names(cls, event)
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
            own["_flow"],
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
        ignored = ("_pending", "_head", "_cause", "_company", "_bounds")
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


def cause_of(aggregate: Streamed[Any]) -> Cause:
    """What its next event is caused by when nobody says otherwise."""
    return aggregate._of("_cause")  # type: ignore[no-any-return]


def place_of(aggregate: Streamed[Any]) -> str | None:
    """The state of its flow that its last move led to, or nothing before the first."""
    return aggregate._of("_place")  # type: ignore[no-any-return]
