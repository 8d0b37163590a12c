"""Requests and responses look as they did before: vectors for curl commands and HTTP messages."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from eventflow.model.curl import curl
from eventflow.model.message_text import Layout, request_text, response_text

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "masking_vectors.json").read_text(encoding="utf-8")
)


def named(group: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", VECTORS[group], ids=lambda vector: vector["name"])


@named("curl")
def test_a_request_as_a_curl_command(vector: dict[str, Any]) -> None:
    mask = {"mask_char": vector["mask_char"]} if "mask_char" in vector else {}

    assert curl(vector["input"], **mask) == vector["output"]


@named("http_request")
def test_a_request_as_a_message(vector: dict[str, Any]) -> None:
    assert request_text(vector["input"], Layout(**vector["options"])) == vector["output"]


@named("http_response")
def test_a_response_as_a_message(vector: dict[str, Any]) -> None:
    text = response_text(vector["input"], Layout(**vector["options"]))

    assert text == vector["output"]
    assert base64.b64encode(text.encode()).decode() == vector["output_base64"]
