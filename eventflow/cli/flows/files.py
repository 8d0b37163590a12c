"""Definitions in files: JSON, or TOML where the name says so; ``-`` is standard input, as JSON."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click

from eventflow.errors import BadInput
from eventflow.picking.reading import parsed

A_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


def document_in(file: Path) -> Any:
    """What a file says. Raises ``BadInput`` when it is neither JSON nor TOML."""
    with click.open_file(str(file), "rb") as stream:
        content: bytes = stream.read()
    if file.suffix.lower() != ".toml":
        return parsed(content, str(file))
    try:
        return tomllib.loads(content.decode())
    except ValueError as error:  # of the parser or of the encoding
        raise BadInput(f"{file}: this is no TOML: {error}.") from None
