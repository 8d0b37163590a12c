"""``eventflow version``: which versions are at work."""

from __future__ import annotations

import platform
from importlib import metadata

import click

from eventflow.__about__ import __version__
from eventflow.cli.output import Session, Table, pass_session

PACKAGES = (
    "dramatiq",
    "eventsourcing",
    "minio",
    "msgpack",
    "pika",
    "psycopg",
    "pydantic",
    "redis",
    "urllib3",
    "zstandard",
)


@click.command()
@pass_session
def version(session: Session) -> None:
    """Which versions are at work: of eventflow, of Python, of what both stand on.

    Example:
      eventflow version --json
    """
    packages = {name: _installed(name) for name in PACKAGES}
    document = {"eventflow": __version__, "python": platform.python_version(), "packages": packages}
    rows = [("eventflow", __version__), ("Python", document["python"])]
    rows += [(name, found or "not installed") for name, found in packages.items()]
    session.answer(document, Table(("name", "version"), rows))


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
