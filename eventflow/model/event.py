"""What happened: a fact in the past tense, frozen, with a name that outlives its class.

The log keeps the name and the version of an event, never its module path. A class that is renamed says ``was=``, a
class whose fields change raises ``version=`` and says with ``@upcast`` how an older body is read::

    class Written(Event, was=("drafted",), version=2):
        content: str

        @staticmethod
        @upcast(1)
        def text_became_content(body: dict[str, Any]) -> dict[str, Any]:
            return {"content": body["text"]}

Upcasting on reading is the habit of Axon and Marten; names apart from classes that of message-db.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, TypeVar, Unpack, dataclass_transform

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
U = TypeVar("U")

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake_case(name: str) -> str:
    """The name of a class as it stands in the log.

    >>> snake_case("StatusChanged"), snake_case("HTTPCallMade"), snake_case("Written2Pages")
    ('status_changed', 'http_call_made', 'written2_pages')
    """
    return _WORDS.sub("_", name).lower()


def upcast(from_version: int) -> Callable[[U], U]:
    """Mark a static method of an event as the way from the body of ``from_version`` to the next version.

    Goes above or below ``@staticmethod``; takes the older body, gives the newer one.
    """

    def mark(method: U) -> U:
        _function(method).__upcasts__ = from_version
        return method

    return mark


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field, PrivateAttr))
class Event(BaseModel, frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True):
    """A fact that was decided on. Subclass it with the fields it tells.

    ``event_name`` is what the log calls it (the class in snake case unless ``name=`` says otherwise), ``event_was`` are
    the names it had before, ``event_version`` is the version of its fields. Raises pydantic's ``ValidationError`` when
    it is built from values that do not fit, also for fields that it does not have.
    """

    event_name: ClassVar[str] = "event"
    event_was: ClassVar[tuple[str, ...]] = ()
    event_version: ClassVar[int] = 1
    event_upcasters: ClassVar[Mapping[int, Upcaster]] = {}

    def __init_subclass__(
        cls,
        *,
        name: str | None = None,
        was: str | tuple[str, ...] = (),
        version: int = 1,
        **config: Unpack[ConfigDict],
    ) -> None:
        super().__init_subclass__(**config)
        cls.event_name = name or snake_case(cls.__name__)
        cls.event_was = (was,) if isinstance(was, str) else tuple(was)
        cls.event_version = version
        cls.event_upcasters = _upcasters(cls)

    def event_body(self) -> dict[str, Any]:
        """The fields as plain data: what the log keeps of this event, and what ``revive`` reads again."""
        return self.model_dump(round_trip=True)

    @classmethod
    def revive(cls, data: Mapping[str, Any], version: int) -> Self:
        """The event behind a stored body that was written by ``version`` of this class.

        Fields that the class does not have (any more, or not yet: a newer program wrote them) are passed over. Raises
        pydantic's ``ValidationError`` when the body does not fit, also when an upcaster stumbles over it.
        """
        body = data if version == cls.event_version else cls._upcast(dict(data), version)
        if not body.keys() <= cls.__pydantic_fields__.keys() and cls.model_config.get("extra") != "allow":
            body = {name: value for name, value in body.items() if name in cls.__pydantic_fields__}
        return cls.model_validate(body, by_name=True)

    @classmethod
    def _upcast(cls, body: dict[str, Any], version: int) -> dict[str, Any]:
        if version > cls.event_version:
            raise _misfit(cls, body, f"it was written by version {version}, this program knows {cls.event_version}")
        for step in range(version, cls.event_version):
            if (upcaster := cls.event_upcasters.get(step)) is None:
                continue
            try:
                body = upcaster(body)
            except Exception as error:  # user code: whatever it says, the body does not fit
                reason = f"the upcaster from version {step} failed with {type(error).__name__}: {error}"
                raise _misfit(cls, body, reason) from error
        return body


def _misfit(event: type[Event], body: dict[str, Any], reason: str) -> ValidationError:
    problem = PydanticCustomError("misfit", "{reason}", {"reason": reason})
    return ValidationError.from_exception_data(event.__name__, [InitErrorDetails(type=problem, loc=(), input=body)])


def _upcasters(event: type[Event]) -> dict[int, Upcaster]:
    found = {}
    for kind in reversed(event.__mro__):
        for member in vars(kind).values():
            function = _function(member)
            if (step := getattr(function, "__upcasts__", None)) is not None:
                found[int(step)] = function
    return found


def _function(member: Any) -> Any:  # a function or a static method around one
    return member.__func__ if isinstance(member, staticmethod) else member
