"""Objects: bytes under a name, in a folder or in a bucket."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from eventflow.errors import EventflowError, Misconfigured, NotFound, StorageFull, Unavailable

if TYPE_CHECKING:
    from minio import Minio


class Objects(Protocol):
    """Whole objects are written and replaced; parts of them can be read.

    A key is a relative path with slashes. Raises ``NotFound`` for a key that is not there, ``Unavailable`` when the
    place cannot be reached.
    """

    def put(self, key: str, content: bytes) -> None:
        """Write an object; nobody ever sees half of it."""

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

    A bucket also knows ``region=…`` and ``timeout=…``: the seconds for which a silent server is waited for (60).
    """
    scheme = urlsplit(url).scheme
    if scheme == "file":
        return Folder(_path(url))
    if scheme == "s3":
        return S3.at(url)
    raise Misconfigured(f"Objects are kept in file:///… or s3://…, not {scheme or 'nothing'}://…")


class Folder:
    """Objects as files below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def put(self, key: str, content: bytes) -> None:
        """Write an object; nobody ever sees half of it."""
        path = self._at(key)
        with _disk(self._root):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Beside its place first and then onto it: a crash in between leaves the old object or the new one.
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
                try:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                    Path(file.name).replace(path)
                except BaseException:
                    Path(file.name).unlink(missing_ok=True)
                    raise
            _persist(path.parent)

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
        with _disk(self._root):
            self._at(key).unlink(missing_ok=True)

    def list(self, prefix: str = "") -> Iterator[str]:
        """The keys that begin with ``prefix``, in order."""
        files = (path for path in self._root.rglob("*") if path.is_file() and not path.name.startswith("."))
        keys = sorted(path.relative_to(self._root).as_posix() for path in files)
        return (key for key in keys if key.startswith(prefix))

    def _at(self, key: str) -> Path:
        parts = key.split("/")
        if any(part in ("", ".", "..") or part.startswith(".") for part in parts):
            raise ValueError(f'"{key}" is not a key: its parts are names, divided by slashes, that begin with no dot')
        return self._root.joinpath(*parts)


class S3:
    """Objects in a bucket of anything that speaks S3."""

    def __init__(self, client: Minio, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    @classmethod
    def at(cls, url: str) -> S3:
        """The bucket behind ``url``; it is made if there is none."""
        try:
            # The client is an extra; who keeps objects in a folder need not have it.
            from minio import Minio
        except ImportError as error:
            raise Misconfigured("S3 needs a client: pip install 'eventflow[s3]'") from error
        parts = urlsplit(url)
        bucket = parts.path.strip("/")
        if not parts.hostname or not bucket or "/" in bucket:
            raise Misconfigured("A bucket is s3://key:secret@host:port/bucket?secure=false")
        options = parse_qs(parts.query)
        host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
        client = Minio(
            host,
            access_key=unquote(parts.username or ""),
            secret_key=unquote(parts.password or ""),
            secure=options.get("secure", ["true"])[-1].lower() != "false",
            region=options.get("region", ["us-east-1"])[-1],
            http_client=_patience(_seconds(options)),
        )
        objects = cls(client, bucket)
        try:
            objects._make()
        except ValueError as error:
            raise Misconfigured(f'"{bucket}" cannot be the name of a bucket: {error}') from error
        return objects

    def put(self, key: str, content: bytes) -> None:
        """Write an object; nobody ever sees half of it."""
        with _cloud(self._bucket, key):
            self._client.put_object(self._bucket, key, BytesIO(content), len(content))

    def get(self, key: str) -> bytes:
        """The whole object."""
        return self._read(key)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """``length`` bytes from ``start``; fewer where the object ends."""
        if length == 0:
            # Nothing and everything are both called 0 in the client.
            return b""
        try:
            return self._read(key, start, length)
        except _BeyondTheEnd:
            return b""

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        try:
            with _cloud(self._bucket, key):
                self._client.stat_object(self._bucket, key)
        except NotFound:
            return False
        return True

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens when there is none."""
        if self.exists(key):
            with _cloud(self._bucket, key):
                self._client.remove_object(self._bucket, key)

    def list(self, prefix: str = "") -> Iterator[str]:
        """The keys that begin with ``prefix``, in order."""
        with _cloud(self._bucket, prefix):
            for found in self._client.list_objects(self._bucket, prefix=prefix, recursive=True):
                if found.object_name is not None:
                    yield found.object_name

    def _read(self, key: str, start: int = 0, length: int = 0) -> bytes:
        with _cloud(self._bucket, key):
            response = self._client.get_object(self._bucket, key, offset=start, length=length)
            try:
                return bytes(response.read())
            finally:
                response.close()
                response.release_conn()

    def _make(self) -> None:
        with _cloud(self._bucket, ""):
            if not self._client.bucket_exists(self._bucket):
                self._client.make_bucket(self._bucket)


def _path(url: str) -> Path:
    parts = urlsplit(url)
    return Path(unquote(parts.netloc + parts.path))


def _seconds(options: Mapping[str, Sequence[str]]) -> float:
    said = options.get("timeout", ["60"])[-1]
    try:
        seconds = float(said)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise Misconfigured(f"The timeout of a bucket is a number of seconds above zero, not {said}.")
    return seconds


def _patience(seconds: float) -> Any:
    # The client's own pool would try for minutes before it says that nobody is there.
    from urllib3 import PoolManager, Retry, Timeout

    return PoolManager(
        timeout=Timeout(connect=min(5.0, seconds), read=seconds),
        retries=Retry(total=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
        maxsize=16,
    )


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


class _BeyondTheEnd(Unavailable):
    """An object ends before what was asked for."""


@contextmanager
def _cloud(bucket: str, key: str) -> Iterator[None]:
    from minio.error import MinioException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (MinioException, HTTPError, OSError) as error:
        raise _translated(bucket, key, error) from error


def _translated(bucket: str, key: str, error: Exception) -> EventflowError:
    code, message = _told(error)
    if code in ("NoSuchKey", "NoSuchObject"):
        return NotFound(f'There is no object "{key}" in the bucket {bucket}.')
    if code in _FULL:
        return StorageFull(f"bucket {bucket}", message)
    if code == "InvalidRange":
        return _BeyondTheEnd(f"bucket {bucket}", message)
    advice = _ADVICE.get(code)
    return Unavailable(f"bucket {bucket}", f"{message}. {advice}" if advice else message)


def _told(error: Exception) -> tuple[str, str]:
    """The code of S3 in an answer, and what it says; the rest of it (requests, hosts) is for its own operator."""
    code, message = getattr(error, "code", None), getattr(error, "message", None)
    if code is None:
        # Some servers send the right answer under another content type than the client expects.
        found = dict(_ELEMENTS.findall(str(error)))
        code, message = found.get("Code"), found.get("Message")
    return (code, f"{code}: {str(message).rstrip('.')}") if code else ("", str(error))


_ELEMENTS = re.compile("<(Code|Message)>([^<]*)</")
_FULL = ("InsufficientCapacity", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull")
_KEYS = "Look at the key and the secret in the setting objects."
_ADVICE = {
    "NoSuchBucket": "Look at the name of the bucket in the setting objects.",
    "AccessDenied": _KEYS,
    "InvalidAccessKeyId": _KEYS,
    "SignatureDoesNotMatch": _KEYS,
    "RequestTimeTooSkewed": "Set the clock of this machine.",
}


def _persist(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
