"""Who gets into the dashboard of the shop."""

from __future__ import annotations

from eventflow.dashboard import Basic

access = Basic({"ann": "whale"})
