"""Which flow a subject gets: definitions, queries, the picker that chooses. Pure; knows pydantic and no database.

What applications use is here; each name is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventflow.lazily import door

if TYPE_CHECKING:
    from eventflow.errors import BadFlow, FlowNotFound
    from eventflow.picking.builder import FlowPickerBuilder
    from eventflow.picking.catalogue import Catalogue, Pick
    from eventflow.picking.checks import Problem
    from eventflow.picking.conditions import Condition, When
    from eventflow.picking.decisions import Decisions
    from eventflow.picking.definition import FlowDefinition
    from eventflow.picking.explanation import Explanation
    from eventflow.picking.facts import Attr, Const
    from eventflow.picking.graph import Graph
    from eventflow.picking.parts import KnownTask, Place, State, TaskBinding, Transition
    from eventflow.picking.picker import demand, explain, pick, preview
    from eventflow.picking.query import Fallback, FlowQuery
    from eventflow.picking.reach import KnownWork, KnownWorks
    from eventflow.picking.rollout import bucket_of

_HOMES = {
    "Attr": "eventflow.picking.facts",
    "BadFlow": "eventflow.errors",
    "Catalogue": "eventflow.picking.catalogue",
    "Condition": "eventflow.picking.conditions",
    "Const": "eventflow.picking.facts",
    "Decisions": "eventflow.picking.decisions",
    "Explanation": "eventflow.picking.explanation",
    "Fallback": "eventflow.picking.query",
    "FlowDefinition": "eventflow.picking.definition",
    "FlowNotFound": "eventflow.errors",
    "FlowPickerBuilder": "eventflow.picking.builder",
    "FlowQuery": "eventflow.picking.query",
    "Graph": "eventflow.picking.graph",
    "KnownTask": "eventflow.picking.parts",
    "KnownWork": "eventflow.picking.reach",
    "KnownWorks": "eventflow.picking.reach",
    "Pick": "eventflow.picking.catalogue",
    "Place": "eventflow.picking.parts",
    "Problem": "eventflow.picking.checks",
    "State": "eventflow.picking.parts",
    "TaskBinding": "eventflow.picking.parts",
    "Transition": "eventflow.picking.parts",
    "When": "eventflow.picking.conditions",
    "bucket_of": "eventflow.picking.rollout",
    "demand": "eventflow.picking.picker",
    "explain": "eventflow.picking.picker",
    "pick": "eventflow.picking.picker",
    "preview": "eventflow.picking.picker",
}

__all__ = [
    "Attr",
    "BadFlow",
    "Catalogue",
    "Condition",
    "Const",
    "Decisions",
    "Explanation",
    "Fallback",
    "FlowDefinition",
    "FlowNotFound",
    "FlowPickerBuilder",
    "FlowQuery",
    "Graph",
    "KnownTask",
    "KnownWork",
    "KnownWorks",
    "Pick",
    "Place",
    "Problem",
    "State",
    "TaskBinding",
    "Transition",
    "When",
    "bucket_of",
    "demand",
    "explain",
    "pick",
    "preview",
]

__getattr__, __dir__ = door(__name__, __all__, _HOMES)
