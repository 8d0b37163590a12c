"""Where the work leads that an application does with its subjects, beside the transitions of their flow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class KnownWork:
    """Something that is done with a subject ``on`` a status, as far as a graph has to know it.

    It leads ``to`` these statuses, one after the other, when it goes well. Those ``aside`` are where it may end in
    another way, a failure or a cancellation: they need not be statuses of the flow. What is done ``by_hand`` is refused
    to whoever asks for it, where it would lead out of the flow; nothing else is wrong with that.
    """

    name: str
    on: str
    to: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class KnownWorks:
    """What is done with subjects that begin in ``initial``."""

    initial: str
    works: Sequence[KnownWork] = ()


class Stray(NamedTuple):
    """Work that leads out of a flow: to ``status``."""

    work: KnownWork
    status: str


@dataclass(frozen=True)
class Reach:
    """What is done with the subjects of a flow that has these statuses."""

    known: KnownWorks
    statuses: Sequence[str]

    def strays(self) -> Iterator[Stray]:
        """The works that subjects of this flow meet and that lead out of it, in the order in which they were given."""
        if not self.statuses:
            return
        met, told = self._met(self.statuses), set()
        for work in self.known.works:
            for status in work.to if work.on in met and not work.by_hand else ():
                if status not in self.statuses and (work.name, status) not in told:
                    told.add((work.name, status))
                    yield Stray(work, status)

    def leads(self, status: str | None) -> set[str]:
        """The statuses to which work leads from this one, or from the first where it is none."""
        return self._met([self.known.initial if status is None else status])

    def _met(self, statuses: Iterable[str]) -> set[str]:
        """These, and all to which work leads from them; out of the flow only where it may end in another way."""
        found, waiting = set(statuses), list(statuses)
        while waiting:
            status = waiting.pop()
            for work in self.known.works:
                if work.on == status:
                    ahead = {one for one in work.to if one in self.statuses} | set(work.aside)
                    waiting.extend(ahead - found)
                    found |= ahead
        return found
