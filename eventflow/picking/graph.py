"""The graph of a flow: its states, and the transitions between them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from eventflow.errors import BadFlow
from eventflow.picking.checks import Checked, Problem
from eventflow.picking.parts import KnownTask, State, Transition
from eventflow.picking.reach import KnownWorks, Reach
from eventflow.picking.values import Listed, Value


class Graph(Value):
    """States and transitions. What it says may still be incomplete: ``problems()`` lists what is wrong, all at once."""

    states: Listed[State] = ()
    transitions: Listed[Transition] = ()

    @property
    def start_state(self) -> State | None:
        """The state in which subjects begin; ``None`` when there is none, or more than one."""
        starts = [one for one in self.states if one.is_start]
        return starts[0] if len(starts) == 1 else None

    @property
    def end_states(self) -> tuple[State, ...]:
        """The terminal states."""
        return tuple(one for one in self.states if one.is_end)

    def state(self, key: str) -> State | None:
        """The state of this key."""
        return next((one for one in self.states if one.key == key), None)

    def transition(self, key: str) -> Transition | None:
        """The transition of this key."""
        return next((one for one in self.transitions if one.key == key), None)

    def states_of(self, status: str | None) -> tuple[State, ...]:
        """The states that stand for a status of the subject."""
        return tuple(one for one in self.states if one.status == status)

    def statuses_for(self, initial: str) -> tuple[str, ...]:
        """The statuses within which subjects stay that begin in ``initial``: those that states stand for.

        Where START stands for none it stands for the one they begin in. None at all where no state names one: then the
        flow leaves statuses alone.
        """
        named = [one.status for one in self.states if one.status is not None]
        begun = [initial] if named and self.may_begin_anywhere else []
        return tuple(dict.fromkeys([*begun, *named]))

    @property
    def may_begin_anywhere(self) -> bool:
        """Whether subjects may begin in any status: START stands for none."""
        return self.start_state is None or self.start_state.status is None

    def states_by_status(self) -> dict[str | None, tuple[State, ...]]:
        """The states under the statuses that they stand for."""
        return {one.status: self.states_of(one.status) for one in self.states}

    def exits(self, state: str) -> tuple[Transition, ...]:
        """The transitions that can be taken in the state of this key: its own, then those that lead from everywhere."""
        found = self.state(state)
        return () if found is None else tuple(self._checked().exits(found))

    def is_start_transition(self, transition: Transition) -> bool:
        """Whether it is the one that leaves START."""
        return self.start_state is not None and transition.from_ == self.start_state.key

    def problems(
        self,
        *,
        tasks: Mapping[str, KnownTask] | None = None,
        statuses: Collection[str] | None = None,
        works: KnownWorks | None = None,
    ) -> tuple[Problem, ...]:
        """All that is wrong with the graph.

        ``tasks`` are those that the application has, by name, ``statuses`` those of the subject, and ``works`` what is
        done with it in them; what is not given is not looked at.
        """
        return tuple(self._checked(tasks, statuses, works).problems())

    def strays(self, works: KnownWorks) -> tuple[Problem, ...]:
        """The part of ``problems()`` that tells of work which leads out of the flow."""
        return tuple(self._checked(works=works).strays())

    def validate_graph(
        self,
        *,
        tasks: Mapping[str, KnownTask] | None = None,
        statuses: Collection[str] | None = None,
        works: KnownWorks | None = None,
    ) -> None:
        """Look at the graph as ``problems()`` does; raises ``BadFlow`` with all that is wrong."""
        found = self.problems(tasks=tasks, statuses=statuses, works=works)
        if found:
            raise BadFlow(*map(str, found))

    def _checked(
        self,
        tasks: Mapping[str, KnownTask] | None = None,
        statuses: Collection[str] | None = None,
        works: KnownWorks | None = None,
    ) -> Checked:
        reach = None if works is None else Reach(works, self.statuses_for(works.initial))
        return Checked(self._subject_type(), self.states, self.transitions, tasks, statuses, reach)

    def _subject_type(self) -> str | None:
        return None
