"""Objects: bytes under a name, in a folder or in a bucket."""

from __future__ import annotations

import errno
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import unquote, urlsplit

from eventflow.errors import Misconfigured, NotFound, StorageFull, Unavailable
from eventflow.store.bucket import Bucket

CHUNK = 1024 * 1024
"""As much of an object as is in memory at a time when it is read through."""


class Objects(Protocol):
    """Whole objects are written and replaced; parts of them can be read.

    A key is a relative path with slashes. Raises ``NotFound`` for a key that is not there, ``Unavailable`` when the
    place cannot be reached.
    """

    def put(self, key: str, content: bytes) -> None:
        """Write an object; nobody ever sees half of it."""

    def send(self, key: str, file: Path) -> None:
        """The same with what is in a file, whatever its size."""

    def read(self, key: str) -> Iterator[bytes]:
        """The whole object, some at a time."""

    def get(self, key: str) -> bytes:
        """The whole object."""

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """``length`` bytes from ``start``; fewer where the object ends."""

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens when there is none."""

    def list(self, prefix: str = "") -> Iterator[str]:
        """The keys that begin with ``prefix``, in order."""


def open_objects(url: str) -> Objects:
    """The place behind ``url``: ``file:///folder`` or ``s3://key:secret@host:port/bucket?secure=false``.

    A bucket also knows ``region=…``, ``timeout=…``: the seconds for which a silent server is waited for (20), and
    ``create=true``: it is made if there is none. Without that a bucket that is not there raises ``Unavailable``.
    """
    scheme = urlsplit(url).scheme
    if scheme == "file":
        return Folder(_path(url))
    if scheme == "s3":
        return Bucket.at(url)
    raise Misconfigured(f"Objects are kept in file:///… or s3://…, not {scheme or 'nothing'}://…")


class Folder:
    """Objects as files below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def put(self, key: str, content: bytes) -> None:
        """Write an object; nobody ever sees half of it."""
        self._write(key, BytesIO(content))

    def send(self, key: str, file: Path) -> None:
        """The same with what is in a file, whatever its size."""
        with file.open("rb") as content:
            self._write(key, content)

    def read(self, key: str) -> Iterator[bytes]:
        """The whole object, some at a time."""
        with _disk(self._root, key), self._at(key).open("rb") as file:
            while some := file.read(CHUNK):
                yield some

    def get(self, key: str) -> bytes:
        """The whole object."""
        with _disk(self._root, key):
            return self._at(key).read_bytes()

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """``length`` bytes from ``start``; fewer where the object ends."""
        with _disk(self._root, key), self._at(key).open("rb") as file:
            file.seek(start)
            return file.read(length)

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        return self._at(key).is_file()

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens when there is none."""
        path = self._at(key)
        with _disk(self._root):
            # With whatever somebody left behind who was killed while it was written.
            for left in (path, *path.parent.glob(f".{glob.escape(path.name)}.*")):
                left.unlink(missing_ok=True)

    def list(self, prefix: str = "") -> Iterator[str]:
        """The keys that begin with ``prefix``, in order."""
        files = (path for path in self._root.rglob("*") if path.is_file() and not path.name.startswith("."))
        keys = sorted(path.relative_to(self._root).as_posix() for path in files)
        return (key for key in keys if key.startswith(prefix))

    def _write(self, key: str, content: IO[bytes]) -> None:
        path = self._at(key)
        with _disk(self._root):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Beside its place first and then onto it: a crash in between leaves the old object or the new one.
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
                try:
                    shutil.copyfileobj(content, file, CHUNK)
                    file.flush()
                    os.fsync(file.fileno())
                    Path(file.name).replace(path)
                except BaseException:
                    Path(file.name).unlink(missing_ok=True)
                    raise
            _persist(path.parent)

    def _at(self, key: str) -> Path:
        parts = key.split("/")
        if any(part in ("", ".", "..") or part.startswith(".") for part in parts):
            raise ValueError(f'"{key}" is not a key: its parts are names, divided by slashes, that begin with no dot')
        return self._root.joinpath(*parts)


def _path(url: str) -> Path:
    parts = urlsplit(url)
    return Path(unquote(parts.netloc + parts.path))


@contextmanager
def _disk(root: Path, key: str = "") -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise NotFound(f'There is no object "{key}" in {root}.') from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(str(root), error) from error
        raise Unavailable(str(root), error) from error


def _persist(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
