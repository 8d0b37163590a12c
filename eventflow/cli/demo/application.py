"""The demo as an application that ``--app`` can name: for a look at what it left behind, or to work on there."""

from __future__ import annotations

from functools import cache

from eventflow.app import Eventflow
from eventflow.cli.demo.documents import Document, reactions
from eventflow.cli.demo.press import Press


def app() -> Eventflow:
    """The demo on the engines that the settings name, with a press that takes everything.

    It is started with the first document that is sent to it.
    """

    @cache
    def press() -> str:
        return Press().address

    return Eventflow(aggregates=[Document], reactions=reactions(press))
