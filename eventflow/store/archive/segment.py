"""Segments: bodies of old events in one file, written in the order of streams and read piece by piece.

::

    README.txt                                   how to open this
    dictionary.zdict                             the dictionary of the frames, if one was worth it
    events/<stream>.<first version>.jsonl.zst    consecutive versions of a stream, an event a line
    index.jsonl.zst                              [stream, first, last, offset, length, raw length, sha256] of each
    manifest.json                                what is in here, and what proves it

A ZIP whose members are stored: each is a frame already, and its bytes can be fetched without the rest. The same slices
with the same dictionary make the same bytes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, NamedTuple, Protocol
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from eventflow.errors import DamagedSegment
from eventflow.model.recorded import Header
from eventflow.store.archive import lines
from eventflow.store.archive.frames import LEVEL, Dictionary, compressor, decompress, decompress_all, opener
from eventflow.store.archive.lines import Row
from eventflow.store.archive.manifest import Manifest
from eventflow.store.archive.portions import portions
from eventflow.store.closing import Closing
from eventflow.store.codec import OWN_KEY, Codec
from eventflow.store.marks import is_veiled

ENOUGH = 64 * 1024 * 1024
"""Bytes of lines after which a segment is long enough: what is in it once, as the dictionary, no longer counts."""

SPLIT = 256 * 1024
"""Bytes of lines after which another piece of a stream begins."""

_ABOUT, _GROWTH = 400, 3
"""How long the header of an event becomes as text, and how many times as long a compressed body: about."""

_LOCAL_HEADER = 30
"""Bytes that stand in front of the name of a member."""

_TOGETHER = 1024 * 1024
"""Bytes of lines that are compressed in one go."""

_CHUNK = 1024 * 1024

_BEGINNING = (1980, 1, 1, 0, 0, 0)
"""When every member was made, so that the bytes do not depend on the day."""

_README = """\
These are the bodies of events, moved out of a database by eventflow (format eventflow-archive/1).

Each file in events/ holds consecutive versions of one stream as JSON Lines, an event a line, compressed with zstandard.
Open it with

    zstd -D dictionary.zdict -dc events/<stream>.<version>.jsonl.zst

or, where there is no dictionary.zdict, without -D. index.jsonl.zst needs no dictionary. In a body, {"$uuid": ...} and
the like say what JSON has no word for; "raw" instead of "body" is base64 of what is enciphered or fits no JSON, and
"secret" of what was enciphered after it had been appended ("digest" is the SHA-256 of what it was then). A line
without "correlation" belongs to the story called by its stream, one without "causation" was led to by the line before.
"""


class _Waiting(NamedTuple):
    stream: UUID
    first: int
    last: int
    text: bytes
    secret: bool


class Slice(NamedTuple):
    """Rows of one stream, in the order of their versions, each with its body as the database keeps it."""

    stream: UUID
    category: str
    rows: Sequence[Row]


class Member(NamedTuple):
    """Where a run of versions lies in a segment: ``length`` bytes from ``offset``, ``raw_length`` when decompressed.

    Whoever writes it knows whether each body in it is ``secret``: enciphered with the key of the stream. The index does
    not say.
    """

    stream: UUID
    first: int
    last: int
    offset: int
    length: int
    raw_length: int
    sha256: bytes
    secret: bool = False


class Sealed(NamedTuple):
    """A finished segment: what it says of itself, the digest and the length of the file, and where each piece is."""

    manifest: Manifest
    sha256: bytes
    bytes: int
    members: Sequence[Member]


class Piece(Protocol):
    """What has to be known of a member to read it."""

    @property
    def stream(self) -> UUID:
        """The stream."""

    @property
    def first(self) -> int:
        """Its first version."""

    @property
    def last(self) -> int:
        """Its last version."""

    @property
    def raw_length(self) -> int:
        """How many bytes it is when decompressed."""

    @property
    def sha256(self) -> bytes:
        """The digest of its bytes."""


@dataclass(frozen=True, slots=True)
class ArchivedRow:
    """An event out of a segment. ``bare`` is what its digest is of: the packed fields, or the ciphertext.

    What was enciphered after it had been appended is as the database keeps it.
    """

    header: Header
    bare: bytes

    @property
    def body(self) -> bytes:
        """The body as the database keeps it, compressed again where it was."""
        is_compressed = self.header.codec == "mz" and not is_veiled(self.bare)
        return Codec().compress(self.bare) if is_compressed else self.bare


class Text(NamedTuple):
    """A piece of a stream as it stands in a segment: its lines, and the events in them."""

    lines: bytes
    rows: Sequence[ArchivedRow]


class SegmentWriter(Closing):
    """Writes slices into a file; holds a slice, some pieces and the index in memory. Changes with every slice."""

    def __init__(
        self,
        file: Path | IO[bytes],
        *,
        dictionary: Dictionary | None = None,
        before: bytes | None = None,
        level: int = LEVEL,
        split: int = SPLIT,
    ) -> None:
        self._file: IO[bytes] = file.open("w+b") if isinstance(file, Path) else file
        self._owned = isinstance(file, Path)
        self._zip = ZipFile(self._file, "w", ZIP_STORED)
        self._dictionary, self._before, self._split = dictionary, before, split
        self._squeeze, self._bare = compressor(dictionary, level), opener()
        self._members: list[Member] = []
        self._heads = sha256()
        self._waiting: list[_Waiting] = []
        self._ahead: tuple[list[_Waiting], Future[list[bytes]]] | None = None
        self._helper = ThreadPoolExecutor(1, thread_name_prefix="segment")
        self._lo = self._hi = self._events = self._raw = self._flushed = 0
        self._put("README.txt", _README.encode())
        if dictionary is not None:
            # The only one worth deflating; every tool that opens a ZIP undoes that.
            self._put("dictionary.zdict", dictionary.content, how=ZIP_DEFLATED)

    @property
    def raw(self) -> int:
        """Bytes of lines so far: what tells when a segment is long enough."""
        return self._raw

    @property
    def events(self) -> int:
        """Events so far."""
        return self._events

    def write(self, slice: Slice) -> None:
        """Add rows of a stream. Raises ``DamagedBody``, and adds nothing, when one is not as it was appended."""
        pieces = [rows for run in _runs(slice.rows) for rows in portions(run, _about, most=self._split)]
        told = [lines.written(rows, self._bare) for rows in pieces]
        for rows, text in zip(pieces, told, strict=True):
            self._write(rows, b"".join(text))

    def carry(self, text: Text) -> None:
        """Add a piece of another segment as it is."""
        self._write([(row.header, row.bare) for row in text.rows], text.lines)

    def finish(self) -> Sealed:
        """End the segment: its index and its manifest are written, and the file is whole."""
        self._flush()
        self._settle()
        index = compressor(level=LEVEL)([b"".join(map(_entry, self._members))])[0]
        self._put("index.jsonl.zst", index)
        manifest = Manifest(
            lo=self._lo,
            hi=self._hi,
            events=self._events,
            members=len(self._members),
            raw=self._raw,
            index=sha256(index).hexdigest(),
            heads=self._heads.hexdigest(),
            dictionary=self._dictionary.sha256.hex() if self._dictionary is not None else None,
            before=self._before.hex() if self._before is not None else None,
        )
        self._put("manifest.json", manifest.written())
        self._zip.close()
        length, digest = _measured(self._file)
        self.close()
        return Sealed(manifest, digest, length, tuple(self._members))

    def close(self) -> None:
        """Let go of the file; what was not finished is no segment."""
        self._helper.shutdown()
        self._zip.close()
        if self._owned:
            self._file.close()

    def _write(self, rows: Sequence[Row], text: bytes) -> None:
        first, last = rows[0][0], rows[-1][0]
        secret = all(header.codec.endswith(OWN_KEY) or is_veiled(body) for header, body in rows)
        self._waiting.append(_Waiting(first.stream, first.version, last.version, text, secret))
        self._heads.update(_head(last))
        self._lo = min(first.position, self._lo or first.position)
        self._hi = max(last.position, self._hi)
        self._events += len(rows)
        self._raw += len(text)
        if self._raw - self._flushed >= _TOGETHER:
            self._flush()

    def _flush(self) -> None:
        """Have what waits compressed while the next lines are written."""
        self._settle()
        frames = self._helper.submit(self._squeeze, [one.text for one in self._waiting])
        self._ahead, self._waiting = (self._waiting, frames), []
        self._flushed = self._raw

    def _settle(self) -> None:
        """Put away what was compressed, in the order in which it came."""
        if self._ahead is None:
            return
        pieces, frames = self._ahead
        for (stream, first, last, text, secret), frame in zip(pieces, frames.result(), strict=True):
            offset, digest = self._put(_name(stream, first), frame), sha256(frame).digest()
            self._members.append(Member(stream, first, last, offset, len(frame), len(text), digest, secret))
        self._ahead = None

    def _put(self, name: str, content: bytes, *, how: int = ZIP_STORED) -> int:
        """Where the content of a new member begins."""
        if name in self._zip.NameToInfo:
            raise ValueError(f"{name} is in this segment already")
        entry = ZipInfo(name, _BEGINNING)
        entry.compress_type, entry.create_system, entry.external_attr = how, 3, 0o644 << 16
        self._zip.writestr(entry, content)
        return entry.header_offset + _LOCAL_HEADER + len(name)


def read_member(data: bytes, member: Piece, dictionary: Dictionary | None = None) -> list[ArchivedRow]:
    """The events behind the bytes of a member, proven. Raises ``DamagedSegment``, and says what is not as it was."""
    return list(read_text(data, member, dictionary).rows)


def read_text(data: bytes, member: Piece, dictionary: Dictionary | None = None) -> Text:
    """Like ``read_member``, with the lines as they stand there."""
    part = f"The piece of {member.stream} from version {member.first} to {member.last}"
    if sha256(data).digest() != member.sha256:
        raise DamagedSegment(part, f"its {len(data)} bytes are not the ones that were sealed")
    try:
        text = decompress(data, member.raw_length, dictionary)
        rows = lines.read(text)
    except ValueError as error:
        raise DamagedSegment(part, str(error)) from error
    found = [(header.stream, header.version) for header, _ in rows]
    if found != [(member.stream, version) for version in range(member.first, member.last + 1)]:
        raise DamagedSegment(part, "it holds other versions")
    return Text(text, [ArchivedRow(header, bare) for header, bare in rows])


class Segment(Closing):
    """A segment that is at hand as a whole; no database is needed to open it."""

    def __init__(self, file: Path | IO[bytes]) -> None:
        try:
            self._zip = ZipFile(file)
        except BadZipFile as error:
            raise DamagedSegment("A segment", f"it is cut off, or is none ({error})") from error
        self.manifest = Manifest.read(self._content("manifest.json"))
        self.dictionary = self._read_dictionary()

    def members(self) -> list[Member]:
        """Where each piece lies, as the index says."""
        index = self._content("index.jsonl.zst")
        self._match("The index", index, self.manifest.index)
        try:
            return [_member(*json.loads(line)) for line in decompress_all(index).splitlines()]
        except (ValueError, TypeError) as error:
            raise DamagedSegment("The index", str(error)) from error

    def rows(self) -> Iterator[ArchivedRow]:
        """Every event, piece by piece, each proven. Raises ``DamagedSegment`` at the first that is not as it was."""
        for text in self.texts():
            yield from text.rows

    def text(self, member: Member) -> Text:
        """One piece, proven. Raises ``DamagedSegment``."""
        return read_text(self._content(_name(member.stream, member.first)), member, self.dictionary)

    def texts(self) -> Iterator[Text]:
        """The pieces in their order, each proven. Raises ``DamagedSegment`` at the first that is not as it was."""
        heads = sha256()
        for member in self.members():
            text = self.text(member)
            heads.update(_head(text.rows[-1].header))
            yield text
        if heads.hexdigest() != self.manifest.heads:
            raise DamagedSegment("A segment", "its streams do not end as its manifest says")

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()

    def _read_dictionary(self) -> Dictionary | None:
        if self.manifest.dictionary is None:
            return None
        content = self._content("dictionary.zdict")
        self._match("The dictionary", content, self.manifest.dictionary)
        return Dictionary(content)

    def _content(self, name: str) -> bytes:
        try:
            return self._zip.read(name)
        except (KeyError, BadZipFile, EOFError, zlib.error) as error:
            raise DamagedSegment(name, str(error)) from error

    def _match(self, part: str, content: bytes, wanted: str) -> None:
        if sha256(content).hexdigest() != wanted:
            raise DamagedSegment(part, "its bytes are not the ones that the manifest names")


def _runs(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """The rows, parted where a version is missing."""
    start = 0
    for index in range(1, len(rows) + 1):
        if index == len(rows) or rows[index][0].version != rows[index - 1][0].version + 1:
            yield rows[start:index]
            start = index


def _about(row: Row) -> int:
    """How long a row will be when it is text, roughly."""
    header, body = row
    is_packed = header.codec == "mz" and not is_veiled(body)
    return _ABOUT + (_GROWTH * len(body) if is_packed else len(body))


def _measured(file: IO[bytes]) -> tuple[int, bytes]:
    # Only now: the ZIP goes back to what it wrote when it knows how long that became.
    digest = sha256()
    file.seek(0)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return file.tell(), digest.digest()


def _name(stream: UUID, version: int) -> str:
    return f"events/{stream}.{version}.jsonl.zst"


def _head(header: Header) -> bytes:
    return header.stream.bytes + header.version.to_bytes(8, "big") + header.hash


def _entry(member: Member) -> bytes:
    told = [member.stream.hex, *member[1:6], member.sha256.hex()]
    return json.dumps(told, separators=(",", ":")).encode() + b"\n"


def _member(stream: str, first: int, last: int, offset: int, length: int, raw_length: int, digest: str) -> Member:
    return Member(UUID(stream), first, last, offset, length, raw_length, bytes.fromhex(digest))
