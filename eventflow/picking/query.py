"""What is asked of the picker: which definitions may be picked, and which of them is preferred."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PlainSerializer, SkipValidation

from eventflow.picking.conditions import Condition
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.facts import Resolver, Subject, resolver
from eventflow.picking.values import FlowId, Listed, Name, Text, Value, listed_as_tuple

Where = Callable[[FlowDefinition, Subject], bool]
"""A condition in code."""

Key = Callable[[FlowDefinition, Subject], Any]
"""An order in code: what definitions are sorted by, the smallest first."""

Direction = Literal["asc", "desc"]
Order = tuple[tuple[str, Direction], ...]

FallbackStep = Literal[
    "drop_channel", "drop_environment", "ignore_timewindow", "disable_rollout", "drop_require_default"
]


class Fallback(StrEnum):
    """What may be given up when nothing fits."""

    DROP_CHANNEL = "drop_channel"
    DROP_ENVIRONMENT = "drop_environment"
    IGNORE_TIMEWINDOW = "ignore_timewindow"
    DISABLE_ROLLOUT = "disable_rollout"
    DROP_REQUIRE_DEFAULT = "drop_require_default"


_RELAXED: dict[str, dict[str, Any]] = {
    "drop_channel": {"channel": None},
    "drop_environment": {"environment": None},
    "ignore_timewindow": {"ignore_time_window": True},
    "disable_rollout": {"evaluate_rollout": False},
    "drop_require_default": {"require_default": False},
}


def _condition(said: object) -> object:
    return said if isinstance(said, Condition) or (callable(said) and not isinstance(said, type)) else _read(said)


def _read(said: object) -> Condition:
    if not isinstance(said, Mapping):
        raise ValueError('{"field": name, "op": operator, "value": value} is wanted')
    return Condition.model_validate(said)


def _order(said: object) -> object:
    """An order as a tuple of pairs; ``None`` for the usual one."""
    if said is None or said == "default" or (isinstance(said, list | tuple) and not said):
        return None
    if callable(said):
        return said
    if not isinstance(said, list | tuple) or not all(_is_pair(one) for one in said):
        raise ValueError('null, "default" or [[field, "asc" or "desc"], ...] is wanted')
    return tuple((str(field), str(direction)) for field, direction in said)


def _is_pair(said: object) -> bool:
    return (
        isinstance(said, list | tuple)
        and len(said) == 2
        and isinstance(said[0], str)
        and bool(said[0])
        and said[1] in ("asc", "desc")
    )


def _said(said: object) -> object:
    """The preferences that say something."""
    listed = listed_as_tuple(said)
    return tuple(one for one in listed if one is not None and one != "") if isinstance(listed, tuple) else listed


def _told(said: object) -> object:
    """What JSON can say of a resolver, a condition or an order; of code its name."""
    if isinstance(said, Value):
        return said.model_dump(mode="json")
    return {"code": getattr(said, "__qualname__", repr(said))} if callable(said) else said


_Resolver = Annotated[SkipValidation[Resolver | None], BeforeValidator(resolver), PlainSerializer(_told)]
_Condition = Annotated[SkipValidation[Condition | Where], BeforeValidator(_condition), PlainSerializer(_told)]
_Order = Annotated[SkipValidation[Order | Key | None], BeforeValidator(_order), PlainSerializer(_told)]


class FlowQuery(Value):
    """What is asked of the picker, frozen.

    A field that is ``None`` asks for nothing; any other value must be equal, and a definition that has none does not
    fit. ``only_active`` asks for the status and, unless ``ignore_time_window``, for the window. ``rollout_key`` is what
    decides to which share a subject belongs, ``force_flow_id`` the id of a flow to be taken whatever fits otherwise,
    unless it is ``None``. ``version_equals`` goes before ``version_min`` and ``version_max``. ``prefer_flows``,
    ``prefer_environments`` and ``prefer_channels`` come before every other order, in this order.
    ``fallback_cascade`` is what is given up, one after the other, when nothing fits.
    """

    subject_type: Name
    subject_scope: Text | None = None
    subject_collection: Text | None = None
    environment: Text | None = None
    channel: Text | None = None
    only_active: bool = True
    ignore_time_window: bool = False
    evaluate_rollout: bool = True
    rollout_namespace: Text | None = None
    rollout_salt: Text | None = None
    rollout_key: _Resolver = None
    version_equals: int | None = None
    version_min: int | None = None
    version_max: int | None = None
    include_flows: Listed[FlowId] = ()
    exclude_flows: Listed[FlowId] = ()
    prefer_flows: Annotated[tuple[FlowId, ...], BeforeValidator(_said)] = ()
    prefer_environments: Annotated[tuple[str, ...], BeforeValidator(_said)] = ()
    prefer_channels: Annotated[tuple[str, ...], BeforeValidator(_said)] = ()
    require_default: bool = False
    where: Listed[_Condition] = ()
    order_by: _Order = None
    match_strategy: Literal["best", "first"] = "best"
    fallback_cascade: Listed[FallbackStep] = ()
    force_flow_id: _Resolver = None
    candidates_limit: int | None = None
    cache: bool = False

    @cached_property
    def steps(self) -> tuple[tuple[str | None, FlowQuery], ...]:
        """The query itself, under ``None``, then what is left of it after each step of the cascade."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        found: list[tuple[str | None, FlowQuery]] = [(None, self)]
        for step in self.fallback_cascade:
            fields = fields | _RELAXED[step]
            found.append((step, FlowQuery.model_construct(**fields)))
        return tuple(found)

    @cached_property
    def is_data(self) -> bool:
        """Whether no condition and no order is code; only then decisions may be kept."""
        return not callable(self.order_by) and all(isinstance(one, Condition) for one in self.where)

    @cached_property
    def text(self) -> str:
        """The whole query but for its resolvers, which are known by what they answer."""
        return self.model_dump_json(exclude={"rollout_key", "force_flow_id"})
