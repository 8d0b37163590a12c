"""Objects in a bucket of anything that speaks S3."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from eventflow.errors import EventflowError, Misconfigured, NotFound, StorageFull, Unavailable

if TYPE_CHECKING:
    from minio import Minio
    from urllib3 import BaseHTTPResponse

CHUNK = 1024 * 1024
"""As much of an object as is in memory at a time when it is read through."""

PART = 16 * 1024 * 1024
"""What is longer is sent in parts. One that is killed between two of them leaves them where no list shows them, so that
most segments go in one."""

SILENCE = 20
"""Seconds for which a silent server is waited for, unless the address says otherwise."""


class Bucket:
    """Objects in a bucket of anything that speaks S3."""

    def __init__(self, client: Minio, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    @classmethod
    def at(cls, url: str) -> Self:
        """The bucket behind ``url``; one that is not there raises ``Unavailable``, unless it is to be created."""
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
            secure=_is_on(options, "secure", usual=True),
            region=options.get("region", ["us-east-1"])[-1],
            http_client=_patience(_seconds(options)),
        )
        objects = cls(client, bucket)
        try:
            objects._find(create=_is_on(options, "create", usual=False))
        except ValueError as error:
            raise Misconfigured(f'"{bucket}" cannot be the name of a bucket: {error}') from error
        return objects

    def put(self, key: str, content: bytes) -> None:
        """Write an object; nobody ever sees half of it."""
        with _cloud(self._bucket, key):
            self._client.put_object(self._bucket, key, BytesIO(content), len(content))

    def send(self, key: str, file: Path) -> None:
        """The same with what is in a file, whatever its size."""
        with _cloud(self._bucket, key):
            self._client.fput_object(self._bucket, key, str(file), part_size=PART, num_parallel_uploads=1)

    def read(self, key: str) -> Iterator[bytes]:
        """The whole object, some at a time."""
        with _cloud(self._bucket, key), self._opened(key) as response:
            yield from response.stream(CHUNK)

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
        with _cloud(self._bucket, key), self._opened(key, start, length) as response:
            return bytes(response.read())

    @contextmanager
    def _opened(self, key: str, start: int = 0, length: int = 0) -> Iterator[BaseHTTPResponse]:
        response = self._client.get_object(self._bucket, key, offset=start, length=length)
        try:
            yield response
        finally:
            response.close()
            response.release_conn()

    def _find(self, *, create: bool) -> None:
        with _cloud(self._bucket):
            if self._client.bucket_exists(self._bucket):
                return
            if create:
                self._client.make_bucket(self._bucket)
                return
        # A name that was misspelt would be a new archive with nothing in it.
        raise Unavailable(f"bucket {self._bucket}", f"there is no such bucket. {_MISSING}")


def _seconds(options: Mapping[str, Sequence[str]]) -> float:
    said = options.get("timeout", [str(SILENCE)])[-1]
    try:
        seconds = float(said)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise Misconfigured(f"The timeout of a bucket is a number of seconds above zero, not {said}.")
    return seconds


def _is_on(options: Mapping[str, Sequence[str]], name: str, *, usual: bool) -> bool:
    said = options.get(name, [str(usual)])[-1].lower()
    if said not in ("true", "false"):
        raise Misconfigured(f'"{name}" of a bucket is true or false, not {said}.')
    return said == "true"


def _patience(seconds: float) -> Any:
    # The client's own pool would try for minutes before it says that nobody is there.
    from urllib3 import PoolManager, Retry, Timeout
    from urllib3.exceptions import ReadTimeoutError

    class Impatient(Retry):
        """Asks again after whatever went wrong, but for a silence: it was waited for."""

        def increment(
            self,
            method: str | None = None,
            url: str | None = None,
            response: BaseHTTPResponse | None = None,
            error: Exception | None = None,
            *beside: Any,
            **more: Any,
        ) -> Self:
            if isinstance(error, ReadTimeoutError):
                raise error
            return super().increment(method, url, response, error, *beside, **more)

    return PoolManager(
        timeout=Timeout(connect=min(5.0, seconds), read=seconds),
        retries=Impatient(total=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
        maxsize=16,
    )


class _BeyondTheEnd(Unavailable):
    """An object ends before what was asked for."""


@contextmanager
def _cloud(bucket: str, key: str = "") -> Iterator[None]:
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
    if code:
        return code, f"{code}: {str(message).rstrip('.')}"
    # The client says how often it tried, and what; whoever reads this wants to know what went wrong.
    return "", str(getattr(error, "reason", None) or error)


_ELEMENTS = re.compile("<(Code|Message)>([^<]*)</")
_FULL = ("InsufficientCapacity", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull")
_MISSING = "Look at the name of the bucket in the setting objects; with ?create=true it is made."
_KEYS = "Look at the key and the secret in the setting objects."
_ADVICE = {
    "NoSuchBucket": _MISSING,
    "AccessDenied": _KEYS,
    "InvalidAccessKeyId": _KEYS,
    "SignatureDoesNotMatch": _KEYS,
    "RequestTimeTooSkewed": "Set the clock of this machine.",
}
