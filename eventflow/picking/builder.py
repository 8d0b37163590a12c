"""A query, said one thing after the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, Self

from eventflow.picking.conditions import Condition, When
from eventflow.picking.facts import Attr, Const
from eventflow.picking.query import Direction, FlowQuery, Key, Where


class FlowPickerBuilder:
    """Builds a ``FlowQuery``; every method changes the builder and returns it.

    ::

        query = FlowPickerBuilder().subject_type("order").channel("web").version_at_least(2).build()

    Nothing is checked before ``build()``. ``now`` is the time that ``time_now`` set; it is no part of the query.
    """

    def __init__(self, subject_type: str | None = None) -> None:
        self._fields: dict[str, Any] = {} if subject_type is None else {"subject_type": subject_type}
        self.now: datetime | None = None

    @classmethod
    def of(cls, query: FlowQuery) -> Self:
        """A builder that goes on where a query ends."""
        builder = cls()
        builder._fields = {name: getattr(query, name) for name in FlowQuery.model_fields}
        return builder

    def build(self) -> FlowQuery:
        """The query; raises pydantic's ``ValidationError`` with everything that does not fit, as ``FlowQuery`` does."""
        return FlowQuery(**self._fields)

    def subject_type(self, name: str) -> Self:
        """For this type of subjects. Must be said."""
        return self._set(subject_type=name)

    def subject_scope(self, scope: str | None) -> Self:
        """In this scope only; ``None``: in any."""
        return self._set(subject_scope=scope)

    def subject_collection(self, collection: str | None) -> Self:
        """In this collection only; ``None``: in any."""
        return self._set(subject_collection=collection)

    def environment(self, environment: str | None) -> Self:
        """In this environment only; ``None``: in any."""
        return self._set(environment=environment)

    def channel(self, channel: str | None) -> Self:
        """On this channel only; ``None``: on any."""
        return self._set(channel=channel)

    def only_active(self, wanted: bool = True) -> Self:
        """Only what is active, and in its window."""
        return self._set(only_active=wanted)

    def ignore_time_window(self, wanted: bool = True) -> Self:
        """Whether the window counts or not, it must be active."""
        return self._set(ignore_time_window=wanted)

    def time_now(self, now: datetime | None) -> Self:
        """Pick as of this instant rather than of the moment when the picker is asked."""
        self.now = now
        return self

    def evaluate_rollout(self, wanted: bool = True) -> Self:
        """Whether shares are looked at."""
        return self._set(evaluate_rollout=wanted)

    def rollout_namespace(self, namespace: str | None) -> Self:
        """Shuffle the keys for this namespace."""
        return self._set(rollout_namespace=namespace)

    def rollout_salt(self, salt: str | None) -> Self:
        """Shuffle the keys with this salt."""
        return self._set(rollout_salt=salt)

    def rollout_key(self, key: Attr | Const | Any) -> Self:
        """What decides to which share a subject belongs: ``Attr``, ``Const`` or a function of the subject."""
        return self._set(rollout_key=key)

    def rollout_key_resolver(self, key: Attr | Const | Any) -> Self:
        """The same as ``rollout_key``."""
        return self.rollout_key(key)

    def where(
        self,
        condition: str | Condition | Where,
        op: str = "eq",
        value: Any = None,
        *,
        subject_attr: str | None = None,
        when: When | None = None,
    ) -> Self:
        """One more condition: a ``Condition``, a function, or the name of a field with what it is held against."""
        if isinstance(condition, str):
            said: dict[str, Any] = {"field": condition, "op": op, "when": when}
            said |= {"value": value} if subject_attr is None else {"subject_attr": subject_attr, "value": value}
            return self._add("where", said)
        return self._add("where", condition)

    def order_by_default(self) -> Self:
        """The usual order."""
        return self._set(order_by=None)

    def order_by(self, *order: tuple[str, Direction] | str | Key | None) -> Self:
        """In this order instead of the usual one: pairs of a field and ``"asc"`` or ``"desc"``, or a function.

        What is said last counts.
        """
        if len(order) == 1 and not isinstance(order[0], tuple):
            return self._set(order_by=order[0])
        return self._set(order_by=order)

    def match_strategy(self, strategy: Literal["best", "first"] | str) -> Self:
        """``"best"`` by the order, or ``"first"`` by the id."""
        return self._set(match_strategy=strategy)

    def pick_first_match(self, wanted: bool = True) -> Self:
        """The first by the id rather than the best."""
        return self.match_strategy("first" if wanted else "best")

    def require_default(self, wanted: bool = True) -> Self:
        """Only defaults."""
        return self._set(require_default=wanted)

    def include_flows(self, ids: Iterable[int | str]) -> Self:
        """Only these; nothing said, all."""
        return self._set(include_flows=tuple(ids))

    def exclude_flows(self, ids: Iterable[int | str]) -> Self:
        """Not these, whatever is included."""
        return self._set(exclude_flows=tuple(ids))

    def prefer_flows(self, ids: Iterable[int | str | None]) -> Self:
        """These before all others, in this order."""
        return self._set(prefer_flows=tuple(ids))

    def prefer_environments(self, environments: Iterable[str | None]) -> Self:
        """Those of these environments before the others, in this order."""
        return self._set(prefer_environments=tuple(environments))

    def prefer_channels(self, channels: Iterable[str | None]) -> Self:
        """Those of these channels before the others, in this order."""
        return self._set(prefer_channels=tuple(channels))

    def version_equals(self, version: int | None) -> Self:
        """Only this version, whatever is said of a range."""
        return self._set(version_equals=version)

    def version_at_least(self, version: int | None) -> Self:
        """This version or a later one."""
        return self._set(version_min=version)

    def version_at_most(self, version: int | None) -> Self:
        """This version or an earlier one."""
        return self._set(version_max=version)

    def version_min(self, version: int | None) -> Self:
        """The same as ``version_at_least``."""
        return self.version_at_least(version)

    def version_max(self, version: int | None) -> Self:
        """The same as ``version_at_most``."""
        return self.version_at_most(version)

    def fallback_cascade(self, steps: Sequence[str]) -> Self:
        """What is given up, one after the other, when nothing fits."""
        return self._set(fallback_cascade=tuple(steps))

    def force_flow_id(self, flow: Attr | Const | Any) -> Self:
        """The id of the flow to be taken: ``Attr``, ``Const`` or a function of the subject; ``None`` forces nothing."""
        return self._set(force_flow_id=flow)

    def force_flow_id_resolver(self, flow: Attr | Const | Any) -> Self:
        """The same as ``force_flow_id``."""
        return self.force_flow_id(flow)

    def return_candidates(self, wanted: bool = True) -> Self:  # noqa: ARG002
        """Nothing: a pick always tells its candidates."""
        return self

    def candidates_limit(self, limit: int | None) -> Self:
        """At most so many candidates are told; ``None`` or nothing above 0: all."""
        return self._set(candidates_limit=limit)

    def cache(self, wanted: bool = True) -> Self:
        """Keep decisions until the catalogue changes or a window opens or closes."""
        return self._set(cache=wanted)

    def cache_in_request(self, wanted: bool = True) -> Self:
        """The same as ``cache``."""
        return self.cache(wanted)

    def _set(self, **fields: Any) -> Self:
        self._fields |= fields
        return self

    def _add(self, name: str, one: object) -> Self:
        return self._set(**{name: (*self._fields.get(name, ()), one)})
