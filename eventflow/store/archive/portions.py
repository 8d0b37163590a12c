"""Very many things, as many at a time as one may hold in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def portions(things: Iterable[T], size: Callable[[T], int], *, most: int, many: int | None = None) -> Iterator[list[T]]:
    """The things in their order, parted before they come to more than ``most`` together, or are more than ``many``.

    What is larger than ``most`` is alone.

    >>> [*portions([3, 4, 9, 1, 1, 1], size=int, most=7, many=2)]
    [[3, 4], [9], [1, 1], [1]]
    """
    portion: list[T] = []
    total = 0
    for one in things:
        long = size(one)
        if portion and (total + long > most or len(portion) == many):
            yield portion
            portion, total = [], 0
        portion.append(one)
        total += long
    if portion:
        yield portion
