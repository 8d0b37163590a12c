"""In whose name a command acts, and why."""

from __future__ import annotations

import getpass
import os

import click

reason_option = click.option("--reason", metavar="TEXT", help="Why; it is recorded.")


def actor() -> str:
    """What ``EVENTFLOW_ACTOR`` says, or the user of the operating system."""
    named = os.environ.get("EVENTFLOW_ACTOR", "").strip()
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # In a container a user may be a number without a name.
        return f"uid {os.getuid()}"
