"""Flows as pictures."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from eventflow.model.flows.drawing import Picture, mermaid, svg
from eventflow.model.flows.flow import Flow
from eventflow.picking.parts import State, Transition

FLOW = Flow(
    subject_type="order",
    names={"en": "<Orders>"},
    states=(
        State(key="new", type="start"),
        State(key="checked", names={"de": 'Geprüft "ja"'}, color="#123456"),
        State(key="sent", is_terminal=True),
        State(key="lost"),
    ),
    transitions=(
        Transition(key="check", from_="new", to="checked"),
        Transition(key="note", from_="checked", to=None),
        Transition(key="send", from_=None, to="sent", names={"de": "Senden & fertig"}),
        Transition(key="back", from_="sent", to="checked"),
    ),
)
NAMESPACE = "{http://www.w3.org/2000/svg}"


def texts(drawn: str) -> list[str | None]:
    return [one.text for one in ET.fromstring(drawn).iter(f"{NAMESPACE}text")]


def test_every_state_and_transition_stands_in_the_diagram() -> None:
    assert mermaid(FLOW).splitlines() == [
        "stateDiagram-v2",
        "    direction LR",
        '    state "new" as s0',
        '    state "checked" as s1',
        '    state "sent" as s2',
        '    state "lost" as s3',
        '    state "any state" as s4',
        "    [*] --> s0",
        "    s0 --> s1: check",
        "    s1 --> s1: note",
        "    s4 --> s2: send",
        "    s2 --> s1: back",
        "    s2 --> [*]",
    ]


def test_a_name_does_not_end_the_text_it_stands_in() -> None:
    assert 'state "Geprüft #34;ja#34;" as s1' in mermaid(FLOW, "de")
    assert "Senden & fertig" in texts(svg(FLOW, "de"))


def test_a_picture_is_a_document_with_every_state_and_transition_in_it() -> None:
    drawn = ET.fromstring(svg(FLOW))

    assert drawn.tag == f"{NAMESPACE}svg" and drawn.findtext(f"{NAMESPACE}title") == "<Orders>"
    assert set(texts(svg(FLOW))) == {"new", "checked", "sent", "lost", "any state", "check", "note", "send", "back"}
    assert len(list(drawn.iter(f"{NAMESPACE}rect"))) == 5
    assert len([one for one in drawn.iter(f"{NAMESPACE}path") if one.get("marker-end")]) == 4
    inks = {one.text: one.get("fill") for one in drawn.iter(f"{NAMESPACE}text")}
    assert (inks["checked"], inks["new"], inks["sent"]) == ("#fff", "#000", "#fff")


def test_no_two_states_stand_in_the_same_place() -> None:
    boxes = [
        (float(one.get("x", 0)), float(one.get("y", 0)), float(one.get("width", 0)))
        for one in ET.fromstring(svg(FLOW)).iter(f"{NAMESPACE}rect")
    ]

    for number, (x, y, width) in enumerate(boxes):
        for other_x, other_y, other_width in boxes[number + 1 :]:
            assert y != other_y or x + width <= other_x or other_x + other_width <= x


def test_a_step_further_is_a_column_further_and_what_is_lost_stands_last() -> None:
    assert Picture.of(FLOW).layers() == [[0, 4], [1, 2], [3]]


def test_a_flow_without_states_is_an_empty_picture() -> None:
    assert texts(svg(Flow(subject_type="order"))) == []
    assert mermaid(Flow(subject_type="order")) == "stateDiagram-v2\n    direction LR"
