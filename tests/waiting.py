"""Waiting for what is to come about, however busy the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds. Only what will never come is waited for so long: how fast a machine is tells nothing about a program."""


def until(reached: Callable[[], T], what: str = "it comes about", pause: float = 0.01) -> T:
    """What ``reached`` answers as soon as that is something; asked again after ``pause`` seconds."""
    end = time.monotonic() + PATIENCE
    while not (found := reached()):
        assert time.monotonic() < end, f"Not within {PATIENCE:g} s: {what}"
        time.sleep(pause)
    return found
