"""Which versions are at work."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

from eventflow.__about__ import __version__

PACKAGES = (
    "dramatiq",
    "eventsourcing",
    "jinja2",
    "minio",
    "msgpack",
    "pika",
    "psycopg",
    "pydantic",
    "redis",
    "starlette",
    "urllib3",
    "uvicorn",
    "zstandard",
)


def versions() -> dict[str, Any]:
    """Those of eventflow, of Python, and of the packages that both stand on; None for what is not installed."""
    packages = {name: _installed(name) for name in PACKAGES}
    return {"eventflow": __version__, "python": platform.python_version(), "packages": packages}


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
