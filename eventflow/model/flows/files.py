"""Definitions as they are exported: a document that says what it is, and holds one flow or several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from eventflow.errors import BadInput
from eventflow.model.flows.flow import Flow
from eventflow.picking.definition import FlowDefinition

FORMAT = "eventflow-flows/1"


def exported(flows: Iterable[FlowDefinition], *, graph: bool = True) -> dict[str, Any]:
    """A document that ``imported`` reads as the same definitions again; without their graphs if so wanted."""
    left = None if graph else {"states", "transitions"}
    return {"format": FORMAT, "flows": [one.model_dump(mode="json", exclude=left) for one in flows]}


def imported(document: Any) -> list[FlowDefinition]:
    """The definitions in a document, in a list of definitions, or of one alone.

    Raises ``BadInput`` with everything that is wrong with any of them.
    """
    found: list[FlowDefinition] = []
    problems: list[str] = []
    for number, one in enumerate(_flows(document)):
        try:
            found.append(Flow.model_validate(one).definition)
        except ValidationError as error:
            problems += [f"flows[{number}]{told}" for told in told_of(error)]
    if problems:
        raise BadInput(*problems)
    return found


def _flows(document: Any) -> list[Any]:
    if isinstance(document, Mapping) and "flows" in document:
        known = document.get("format", FORMAT)
        if known != FORMAT:
            raise BadInput(f'The format "{known}" is not known here; "{FORMAT}" is.')
        document = document["flows"]
    flows = [document] if isinstance(document, Mapping) else document
    if not isinstance(flows, list):
        raise BadInput('A list of flows is wanted, or an object with "flows", or one flow.')
    return flows


def told_of(error: ValidationError) -> list[str]:
    """What does not fit, each by its place, without what was given."""
    found = error.errors(include_url=False, include_context=False)
    return [f"{''.join(f'.{part}' for part in one['loc'])}: {one['msg']}." for one in found]
