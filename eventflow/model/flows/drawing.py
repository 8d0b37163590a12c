"""The graph of a flow as a picture: Mermaid for documents, SVG for everything else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from eventflow.picking.definition import FlowDefinition
from eventflow.picking.parts import State, Transition

ANYWHERE = "any state"
"""Where transitions begin that can be made in every state."""

LETTER, LINE, PAD = 8, 44, 14
"""The width of a letter, the height of a box and the room around its text."""

ACROSS, DOWN = 110, 44
"""The room between layers, and between the boxes of one."""


class Edge(NamedTuple):
    """A line in a picture, between the numbers of two boxes."""

    origin: int
    target: int
    label: str


@dataclass(frozen=True)
class Box:
    """A state in a picture, or the one that stands for all of them."""

    label: str
    color: str = "#fff"
    is_start: bool = False
    is_end: bool = False
    is_anywhere: bool = False

    @property
    def width(self) -> int:
        """As wide as its text."""
        return max(64, len(self.label) * LETTER + 2 * PAD)


@dataclass(frozen=True)
class Picture:
    """What there is to be drawn of a flow."""

    title: str
    boxes: Sequence[Box]
    edges: Sequence[Edge]

    @classmethod
    def of(cls, flow: FlowDefinition, *locales: str) -> Picture:
        """The states and transitions of a flow, by their names in the first of these languages, else by their keys."""
        places = {state.key: number for number, state in enumerate(flow.states)}
        boxes = [_box(state, locales) for state in flow.states]
        if any(one.from_ is None for one in flow.transitions):
            places[""] = len(boxes)
            boxes.append(Box(ANYWHERE, is_anywhere=True))
        return cls(flow.name(*locales), boxes, [*_edges(flow.transitions, places, locales)])

    def layers(self) -> list[list[int]]:
        """The numbers of the boxes by how many steps it takes to come there; what cannot be reached stands last."""
        waiting = [number for number, box in enumerate(self.boxes) if box.is_start or box.is_anywhere]
        found, layers = set(waiting), [waiting] if waiting else []
        while waiting:
            ahead = [edge.target for edge in self.edges if edge.origin in waiting]
            waiting = [one for one in dict.fromkeys(ahead) if one not in found]
            found.update(waiting)
            layers += [waiting] if waiting else []
        lost = [number for number in range(len(self.boxes)) if number not in found]
        return layers + ([lost] if lost else [])


def mermaid(flow: FlowDefinition, *locales: str) -> str:
    """A flow as a Mermaid state diagram.

    >>> from eventflow.model.flows.flow import Flow
    >>> states = [{"key": "new", "type": "start"}, {"key": "sent", "is_terminal": True}]
    >>> transitions = [{"key": "send", "from": "new", "to": "sent"}]
    >>> print(mermaid(Flow(subject_type="order", states=states, transitions=transitions)))
    stateDiagram-v2
        direction LR
        state "new" as s0
        state "sent" as s1
        [*] --> s0
        s0 --> s1: send
        s1 --> [*]
    """
    picture = Picture.of(flow, *locales)
    boxes = [*enumerate(picture.boxes)]
    lines = [
        "direction LR",
        *(f'state "{_quoted(box.label)}" as s{number}' for number, box in boxes),
        *(f"[*] --> s{number}" for number, box in boxes if box.is_start),
        *(f"s{edge.origin} --> s{edge.target}: {_quoted(edge.label)}" for edge in picture.edges),
        *(f"s{number} --> [*]" for number, box in boxes if box.is_end),
    ]
    return "\n".join(["stateDiagram-v2", *(f"    {line}" for line in lines)])


def svg(flow: FlowDefinition, *locales: str) -> str:
    """A flow as an SVG document of its own: START to the left, every step one column further."""
    picture = Picture.of(flow, *locales)
    middles, width, height = _laid(picture)
    drawn = [_edge(edge, picture, middles, number) for number, edge in enumerate(picture.edges)]
    drawn += [_drawn(box, *middles[number]) for number, box in enumerate(picture.boxes)]
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
                f' height="{height}" font-family="sans-serif" font-size="14" role="img">'
            ),
            f"<title>{escape(picture.title)}</title>",
            (
                '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8"'
                ' orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="#555"/></marker></defs>'
            ),
            *drawn,
            "</svg>",
        ]
    )


def _box(state: State, locales: Sequence[str]) -> Box:
    label = _named(state.names, locales) or state.key
    return Box(label, state.look().color, state.is_start, state.is_end)


def _edges(transitions: Sequence[Transition], places: Mapping[str, int], locales: Sequence[str]) -> Iterator[Edge]:
    for one in transitions:
        origin = places.get(one.from_ or "")
        target = origin if one.to is None else places.get(one.to)
        if origin is not None and target is not None:
            yield Edge(origin, target, _named(one.names, locales) or one.key)


def _named(names: Mapping[str, str], locales: Sequence[str]) -> str:
    return next((names[one] for one in locales if names.get(one)), "")


def _quoted(text: str) -> str:
    """A text as Mermaid takes it: what would end it is written by its number."""
    return re.sub(r'[#";:\\<>{}\[\]\n\r]', lambda found: f"#{ord(found[0])};", text)


def _laid(picture: Picture) -> tuple[list[tuple[int, int]], int, int]:
    """The middle of every box, and how much room all of them need."""
    middles = [(0, 0)] * len(picture.boxes)
    layers, x, tallest = picture.layers(), 30, 1
    for layer in layers:
        widest = max(picture.boxes[number].width for number in layer)
        for row, number in enumerate(layer):
            middles[number] = (x + widest // 2, 70 + row * (LINE + DOWN))
        x += widest + ACROSS
        tallest = max(tallest, len(layer))
    return middles, max(x - ACROSS, 60) + 30, 70 + tallest * (LINE + DOWN)


def _drawn(box: Box, x: int, y: int) -> str:
    left, top = x - box.width // 2, y - LINE // 2
    line = 'stroke-dasharray="5 4"' if box.is_anywhere else f'stroke-width="{3 if box.is_start or box.is_end else 1.5}"'
    return (
        f'<g><rect x="{left}" y="{top}" width="{box.width}" height="{LINE}" rx="{22 if box.is_start else 6}"'
        f' fill="{box.color}" stroke="#333" {line}/>'
        f'<text x="{x}" y="{y + 5}" text-anchor="middle" fill="{_ink(box.color)}">{escape(box.label)}</text></g>'
    )


def _edge(edge: Edge, picture: Picture, middles: Sequence[tuple[int, int]], number: int) -> str:
    (x1, y1), (x2, y2) = middles[edge.origin], middles[edge.target]
    half1, half2 = picture.boxes[edge.origin].width // 2, picture.boxes[edge.target].width // 2
    if edge.origin == edge.target:
        path = f"M{x1 - 14} {y1 - 22}C{x1 - 26} {y1 - 58} {x1 + 26} {y1 - 58} {x1 + 14} {y1 - 22}"
        at = (x1, y1 - 52)
    elif x2 > x1:
        path = f"M{x1 + half1} {y1}C{x1 + half1 + 50} {y1} {x2 - half2 - 50} {y2} {x2 - half2} {y2}"
        at = ((x1 + half1 + x2 - half2) // 2, (y1 + y2) // 2 - 6)
    else:  # back, or within a column: below the boxes, each line with a depth of its own
        deep = max(y1, y2) + 40 + 6 * (number % 5)
        path = f"M{x1} {y1 + 22}C{x1} {deep + 20} {x2} {deep + 20} {x2} {y2 + 22}"
        at = ((x1 + x2) // 2, deep + 8)
    return (
        f'<path d="{path}" fill="none" stroke="#555" stroke-width="1.5" marker-end="url(#tip)"/>'
        f'<text x="{at[0]}" y="{at[1]}" text-anchor="middle" font-size="12" fill="#555">{escape(edge.label)}</text>'
    )


def _ink(color: str) -> str:
    """Black on what is light, white on what is dark."""
    digits = color[1:] if len(color) == 7 else "".join(2 * one for one in color[1:])
    red, green, blue = (int(digits[at : at + 2], 16) for at in (0, 2, 4))
    return "#000" if red * 299 + green * 587 + blue * 114 > 128_000 else "#fff"
