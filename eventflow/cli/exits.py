"""With which code a command ends, and what it says of its error."""

from __future__ import annotations

from enum import IntEnum

from eventflow import errors


class Code(IntEnum):
    """The exit codes; a command returns one, or ends with ``OK``."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    LOCKED = 5
    UNREACHABLE = 6
    DAMAGED = 7
    TIMED_OUT = 8
    INTERRUPTED = 130


# The first kind that fits counts.
_CODES: tuple[tuple[type[errors.EventflowError], Code], ...] = (
    (errors.BodyMissing, Code.DAMAGED),
    (errors.NotFound, Code.NOT_FOUND),
    (errors.BadFilter, Code.USAGE),
    (errors.LockHeld, Code.LOCKED),
    (errors.CommandDisabled, Code.LOCKED),
    (errors.Refused, Code.REFUSED),
    (errors.Conflict, Code.REFUSED),
    (errors.Unavailable, Code.UNREACHABLE),
    (errors.Unreadable, Code.DAMAGED),
    (errors.TimedOut, Code.TIMED_OUT),
    (errors.Misconfigured, Code.USAGE),
)

_HINTS: tuple[tuple[type[errors.EventflowError], str], ...] = (
    (errors.StorageFull, "Work that waits for room goes on by itself as soon as there is some."),
    (errors.Unavailable, 'See that it runs and that its address is right: "eventflow doctor" looks at each service.'),
    (
        errors.LockHeld,
        'See "eventflow locks status". One whose holder is gone is taken over when its lease is over.',
    ),
    (errors.CommandDisabled, 'To let it be run again: "eventflow locks enable KEY" or "--all".'),
    (errors.VersionConflict, "Somebody else was faster. Look at the item and try again."),
)


def code_of(error: errors.EventflowError) -> Code:
    """The exit code that an error of the tree stands for."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Code.SOME_FAILED)


def hint_of(error: errors.EventflowError) -> str | None:
    """What to do about an error, where that is known."""
    return next((hint for kind, hint in _HINTS if isinstance(error, kind)), None)
