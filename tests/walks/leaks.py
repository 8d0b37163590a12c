"""All that is kept anywhere, opened: tables, files, objects; for those who look for what must not be in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import psycopg
import zstandard
from psycopg import sql

from eventflow.settings import Settings
from eventflow.store.objects import Objects


def in_tables(settings: Settings) -> Iterator[str]:
    """Every column of every row of every table as text, and what is compressed in it; of SQLite the files, too."""
    address = settings.database.get_secret_value()
    if address.startswith("sqlite"):
        file = Path(address.removeprefix("sqlite:///").partition("?")[0])
        yield from _in_files(file)
        rows = _sqlite(file)
    else:
        rows = _postgres(address)
    for one in rows:
        yield from _read(bytes(one)) if isinstance(one, (bytes, memoryview)) else [str(one)]


def in_objects(objects: Objects) -> Iterator[str]:
    """Every object as text, and each member of a segment, decompressed."""
    for key in objects.list():
        yield key
        yield str(content := objects.get(key), "latin-1")
        with ZipFile(BytesIO(content)) as segment:
            names = segment.namelist()
            dictionary = segment.read("dictionary.zdict") if "dictionary.zdict" in names else b""
            for name in names:
                yield name
                yield from _read(segment.read(name), dictionary)


def _in_files(database: Path) -> Iterator[str]:
    for file in database.parent.glob(f"{database.name}*"):
        yield str(file.read_bytes(), "latin-1")


def _read(content: bytes, dictionary: bytes = b"") -> Iterator[str]:
    yield str(content, "latin-1")
    _, begins, frame = content.partition(zstandard.FRAME_HEADER)
    if begins:
        known = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
        yield str(zstandard.ZstdDecompressor(dict_data=known).decompress(begins + frame), "latin-1")


def _sqlite(file: Path) -> Iterator[object]:
    with closing(sqlite3.connect(file)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for [table] in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):  # a name from the catalogue
                yield from row


def _postgres(address: str) -> Iterator[object]:
    server, _, schema = address.partition("?schema=")
    with psycopg.connect(server) as database:
        tables = database.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema = %s", (schema,)
        ).fetchall()
        assert tables
        for place in tables:
            for row in database.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(*place))):
                yield from row
