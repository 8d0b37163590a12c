"""The door of a package: its public names, each imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def door(
    package: str, names: Sequence[str], homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], Sequence[str]]]:
    """What a package calls ``__getattr__`` and ``__dir__``; ``homes`` says which module owns a name.

    >>> look, names = door("shop", ["UUID"], {"UUID": "uuid"})
    >>> look("UUID"), names()
    (<class 'uuid.UUID'>, ['UUID'])
    >>> look("Order")
    Traceback (most recent call last):
    ...
    AttributeError: shop has no "Order".
    """

    # Any: a public name may be whatever it is.
    def look(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f'{package} has no "{name}".')
        return getattr(import_module(homes[name]), name)

    return look, lambda: names
