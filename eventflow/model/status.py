"""Statuses with looks: what people read in place of the bare value, and which ones are alike.

::

    class DocumentStatus(StatusEnum):
        QUEUED = "queued", Look(label="In the queue", group="loading")
        WRITING = "writing", Look(colour="blue", icon="pen", group="loading")
        WRITTEN = "written"
        ERROR = "error", Look(colour="red", group="failed")

Any ``StrEnum`` or ``IntEnum`` will do for an aggregate; these two know how they want to be shown as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum
from typing import Any, NamedTuple, Self

LOADING = "loading"
"""The group of what is not done yet."""

FAILED = "failed"
"""The group of what did not go well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a status is shown: its label (or else its name in words), colour, icon and group."""

    label: str | None = None
    colour: str | None = None
    icon: str | None = None
    group: str | None = None


PLAIN = Look()


class Option(NamedTuple):
    """A status as a choice in a list."""

    name: str
    value: str | int
    label: str
    colour: str | None
    icon: str | None
    group: str | None


class _Shown(Enum):
    """What both kinds of statuses have in common."""

    look: Look
    _value_: Any

    @property
    def label(self) -> str:
        """What people read."""
        return self.look.label or in_words(self.name)

    @property
    def colour(self) -> str | None:
        """The colour it is shown in."""
        return self.look.colour

    @property
    def icon(self) -> str | None:
        """The icon beside it."""
        return self.look.icon

    @property
    def group(self) -> str | None:
        """Which ones it is alike."""
        return self.look.group

    @classmethod
    def options(cls) -> list[Option]:
        """Every status as a choice in a list, in the order of the class."""
        return [
            Option(one.name, value, one.label, one.colour, one.icon, one.group)
            for one, value in zip(cls, cls.values(), strict=True)
        ]

    @classmethod
    def names(cls) -> list[str]:
        """The names of all."""
        return [one.name for one in cls]

    @classmethod
    def values(cls) -> list[Any]:
        """The values of all."""
        return [one.value for one in cls]

    @classmethod
    def labels(cls) -> dict[Any, str]:
        """The label of each value."""
        return {one.value: one.label for one in cls}

    @classmethod
    def label_for(cls, value: Any) -> str:
        """The label of a value; a value that is none (any more) stands for itself."""
        return cls.labels().get(getattr(value, "value", value), str(value))

    @classmethod
    def in_group(cls, group: str) -> tuple[Self, ...]:
        """The statuses of a group."""
        return tuple(one for one in cls if one.group == group)

    @classmethod
    def loading(cls) -> tuple[Self, ...]:
        """What is not done yet."""
        return cls.in_group(LOADING)

    @classmethod
    def failed(cls) -> tuple[Self, ...]:
        """What did not go well."""
        return cls.in_group(FAILED)

    @classmethod
    def all_but(cls, *ones: Any) -> list[Self]:
        """Every status except these (members or values). Raises ``ValueError`` for what is none."""
        left_out = {cls(one) for one in ones}
        return [one for one in cls if one not in left_out]

    def is_any(self, *ones: Any) -> bool:
        """Whether it is one of these (members or values); of none it is not. Raises ``ValueError`` for what is none."""
        return self in [type(self)(one) for one in ones]


class StatusEnum(_Shown, StrEnum):
    """Statuses whose values are texts.

    >>> class Status(StatusEnum):
    ...     IN_PRESS = "press", Look(group="loading")
    ...     OUT = "out", Look(label="In the shops")
    >>> Status.labels()
    {'press': 'In press', 'out': 'In the shops'}
    >>> Status.OUT.is_any("press"), Status("press") in Status.loading()
    (False, True)
    """

    _value_: str

    def __new__(cls, value: str, look: Look = PLAIN) -> Self:
        """A status with its looks."""
        one = str.__new__(cls, value)
        one._value_, one.look = value, look
        return one


class NumberedStatusEnum(_Shown, IntEnum):
    """Statuses whose values are numbers.

    >>> class Level(NumberedStatusEnum):
    ...     LOW = 1
    ...     HIGH = 2, Look(colour="red")
    >>> Level(2).colour, Level.HIGH > Level.LOW
    ('red', True)
    """

    _value_: int

    def __new__(cls, value: int, look: Look = PLAIN) -> Self:
        """A status with its looks."""
        one = int.__new__(cls, value)
        one._value_, one.look = value, look
        return one


def label_of(status: Enum) -> str:
    """What people read in place of a status, of whichever enum it is.

    >>> from enum import Enum
    >>> label_of(Enum("Status", "ON_HOLD").ON_HOLD)
    'On hold'
    """
    return status.label if isinstance(status, _Shown) else in_words(status.name)


def in_words(name: str) -> str:
    """The name of a member as a label.

    >>> in_words("ON_HOLD")
    'On hold'
    """
    return name.replace("_", " ").capitalize()
