"""How bodies go into a segment, and how they come out of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID
from zipfile import ZIP_STORED, ZipFile

import pytest
from eventsourcing.cipher import AESCipher
from eventsourcing.utils import Environment

from eventflow.errors import DamagedBody, DamagedSegment
from eventflow.store.archive import bodies
from eventflow.store.archive.frames import Dictionary, saving, trained
from eventflow.store.archive.manifest import Manifest
from eventflow.store.archive.segment import Sealed, Segment, SegmentWriter, Slice, read_member
from eventflow.store.codec import Codec
from tests.store.rows import a_stream, an_order

CHANCE = Random(20260102)
"""Noise that is the same in every process."""

EVERYTHING: dict[str, Any] = {
    "id": UUID("00000000-0000-4000-8000-000000000007"),
    "at": datetime(2026, 11, 21, 6, 30, 1, 123456, tzinfo=UTC),
    "on": date(2026, 11, 21),
    "when": time(6, 30),
    "took": timedelta(days=-1, microseconds=5),
    "price": Decimal("12.30"),
    "tags": frozenset({"a"}),
    "pair": (1, (2, Decimal("0.1"))),
    "raw": b"\x00\xff",
    "text": 'a "quoted" {"$ text, ünïcode, \u2028 and \n',
    "numbers": [0, -1, 2**64 - 1, -(2**63), 1.0, -0.0, 1e-300, 0.1],
    "nothing": None,
    "yes": True,
}


def a_segment(*slices: Slice, dictionary: Dictionary | None = None, **options: Any) -> tuple[bytes, Sealed]:
    file = BytesIO()
    with SegmentWriter(file, dictionary=dictionary, **options) as writer:
        for slice in slices:
            writer.write(slice)
        sealed = writer.finish()
    return file.getvalue(), sealed


def every_row(data: bytes, sealed: Sealed, dictionary: Dictionary | None = None) -> list[tuple[Any, bytes]]:
    """What the members hold, each fetched by its offset and its length."""
    pieces = [(data[one.offset : one.offset + one.length], one) for one in sealed.members]
    return [(row.header, row.body) for piece, one in pieces for row in read_member(piece, one, dictionary)]


def a_cipher() -> AESCipher:
    return AESCipher(Environment(env={"CIPHER_KEY": AESCipher.create_key(16)}))


def a_dictionary() -> Dictionary:
    streams = [a_stream([an_order(10 * number + each) for each in range(6)], number=number) for number in range(600)]
    sample = [b"".join(Codec().bare(header.codec, body) for header, body in one.rows) for one in streams]
    dictionary = trained(sample)
    assert dictionary is not None
    return dictionary


def test_what_goes_into_a_segment_comes_out_as_it_was() -> None:
    streams = [a_stream([EVERYTHING, {}, an_order(number)], number=number) for number in range(1, 5)]

    data, sealed = a_segment(*streams)

    assert every_row(data, sealed) == [row for stream in streams for row in stream.rows]


def test_headers_come_out_with_everything_they_say() -> None:
    said: dict[str, Any] = {
        "previous": "new", "phase": "deferred", "kind": "exception", "reaction": "bill", "attempt": 2,
        "owner": UUID(int=5), "due": datetime(2027, 1, 1, tzinfo=UTC), "error": 'ValueError: "no"\n', "causation": 12,
        "actor": "Ann <a@b.c>", "tenant": "t", "flow": "f",
    }  # fmt: skip
    stream = a_stream([{"a": 1}, {"a": 2}], **said)

    data, sealed = a_segment(stream)

    assert every_row(data, sealed) == list(stream.rows)


def test_what_is_enciphered_comes_out_as_it_was_and_without_the_key() -> None:
    stream = a_stream([EVERYTHING, {"text": "a" * 900}, {"a": 1}], codec=Codec(a_cipher()))

    data, sealed = a_segment(stream)

    assert {header.codec for header, _ in stream.rows} == {"mze", "me"}
    assert every_row(data, sealed) == list(stream.rows)


@pytest.mark.parametrize(
    "body",
    [
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": {1: "one"}},
        {"a": {b"k": 1}},
        {"a": {"$uuid": "not one"}},
        {"a": {"$ref": "#/x", "more": 1}},
        {"$$a": 1},
        {"a": {"$a": 1, "$$a": 2}},
        {"a": ({"$bytes": "x"},)},
        {"a": ({"$uuid": Decimal(1)}, {"$timedelta": ["x"]}, {"$ext": []}, {"$decimal": 1})},
        {"a": CHANCE.randbytes(3000)},
        {"a": Decimal("NaN")},
    ],
    ids=lambda body: str(body)[:40],
)
def test_what_json_has_no_word_for_comes_out_as_it_was(body: dict[str, Any]) -> None:
    stream = a_stream([body, {"x": 1}])

    data, sealed = a_segment(stream)

    assert every_row(data, sealed) == list(stream.rows)


def test_what_is_nested_as_deeply_as_can_be_written_comes_out_as_it_was() -> None:
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    stream = a_stream([{"a": deep}])

    data, sealed = a_segment(stream)

    assert every_row(data, sealed) == list(stream.rows)


def test_a_body_reads_like_json() -> None:
    packed = Codec().encode({"id": UUID(int=7), "price": Decimal("1.20"), "note": "über", "$ref": "x"})

    assert bodies.as_json(packed) == (
        '{"id":{"$uuid":"00000000-0000-0000-0000-000000000007"},"price":{"$decimal":"1.20"},"note":"über","$ref":"x"}'
    )


def test_the_same_slices_make_the_same_bytes() -> None:
    streams = [a_stream([an_order(number), EVERYTHING], number=number) for number in range(1, 20)]
    dictionary = a_dictionary()

    one, _ = a_segment(*streams, dictionary=dictionary)
    other, _ = a_segment(*streams, dictionary=Dictionary(dictionary.content))

    assert one == other


def test_members_are_stored_and_lie_where_it_is_said() -> None:
    data, sealed = a_segment(*(a_stream([an_order(number)], number=number) for number in range(1, 9)))

    with ZipFile(BytesIO(data)) as segment:
        events = [entry for entry in segment.infolist() if entry.filename.startswith("events/")]
        stored = [segment.read(entry) for entry in events]
        assert segment.testzip() is None

    assert {entry.compress_type for entry in events} == {ZIP_STORED}
    assert [data[one.offset : one.offset + one.length] for one in sealed.members] == stored


def test_a_dictionary_makes_small_pieces_smaller_and_is_needed_to_read_them() -> None:
    streams = [a_stream([an_order(number), an_order(number + 1)], number=number) for number in range(5000, 5400)]
    dictionary = a_dictionary()

    plain, _ = a_segment(*streams)
    data, sealed = a_segment(*streams, dictionary=dictionary)

    assert sum(one.length for one in sealed.members) < 0.7 * len(plain)
    assert every_row(data, sealed, dictionary) == [row for stream in streams for row in stream.rows]
    with pytest.raises(DamagedSegment, match="dictionary"):
        every_row(data, sealed)


def test_a_dictionary_is_made_only_where_it_is_worth_it() -> None:
    assert trained([b"a", b"b"]) is None
    assert trained([CHANCE.randbytes(4000) for _ in range(300)]) is None


def test_a_dictionary_that_does_not_fit_saves_little() -> None:
    dictionary = a_dictionary()
    alike = [json.dumps(an_order(number)).encode() for number in range(200)]

    assert saving(dictionary, [CHANCE.randbytes(2000) for _ in range(50)]) < 0.05 < saving(dictionary, alike)


def test_a_long_stream_is_parted_and_each_part_is_read_alone() -> None:
    stream = a_stream([{"numbers": list(range(number, number + 500))} for number in range(60)])

    data, sealed = a_segment(stream, split=16 * 1024)

    assert len(sealed.members) > 5
    assert [one.first for one in sealed.members[1:]] == [one.last + 1 for one in sealed.members[:-1]]
    assert every_row(data, sealed) == list(stream.rows)


def test_a_stream_may_be_written_slice_by_slice_and_with_gaps() -> None:
    stream = a_stream([an_order(number) for number in range(9)])
    rows = list(stream.rows)

    data, sealed = a_segment(stream._replace(rows=rows[:3]), stream._replace(rows=[rows[3], rows[5], rows[6]]))

    assert [(one.first, one.last) for one in sealed.members] == [(1, 3), (4, 4), (6, 7)]
    assert every_row(data, sealed) == [*rows[:4], *rows[5:7]]


def test_a_manifest_tells_what_is_in_its_segment_and_which_came_before() -> None:
    streams = [a_stream([an_order(1)] * 3, number=1, start=10), a_stream([an_order(2)] * 2, number=2, start=20)]

    _, first = a_segment(streams[0])
    data, second = a_segment(*streams, before=first.manifest.sha256)

    told = second.manifest
    assert (told.lo, told.hi, told.events, told.members) == (10, 21, 5, 2)
    assert told.before == first.manifest.sha256.hex()
    with ZipFile(BytesIO(data)) as segment:
        assert Manifest.read(segment.read("manifest.json")) == told


def test_a_body_that_is_not_as_appended_does_not_go_into_a_segment() -> None:
    stream = a_stream([an_order(1), an_order(2)])
    (header, _), second = stream.rows
    file = BytesIO()

    with SegmentWriter(file) as writer:
        with pytest.raises(DamagedBody, match="at position 1"):
            writer.write(stream._replace(rows=[(header, Codec().pack("e", {"a": 2})[1]), second]))
        with pytest.raises(DamagedBody, match="order of its stream"):
            writer.write(stream._replace(rows=[(header._replace(status="paid"), stream.rows[0][1]), second]))
        sealed = writer.finish()

    assert sealed.members == ()


def test_a_segment_is_read_as_a_whole_without_a_database(tmp_path: Path) -> None:
    streams = [a_stream([EVERYTHING, an_order(number)], number=number) for number in range(1, 50)]
    path = tmp_path / "segment.zip"
    with SegmentWriter(path, dictionary=a_dictionary()) as writer:
        for stream in streams:
            writer.write(stream)
        sealed = writer.finish()

    with Segment(path) as segment:
        assert segment.members() == list(sealed.members)
        assert [(row.header, row.body) for row in segment.rows()] == [row for one in streams for row in one.rows]
    assert path.stat().st_size == sealed.bytes


def damages(data: bytes, sealed: Sealed) -> Iterator[bytes]:
    """The bytes of a segment, each time with another member, the index or the manifest damaged."""
    for one in sealed.members:
        yield data[: one.offset + 9] + bytes([data[one.offset + 9] ^ 1]) + data[one.offset + 10 :]
    with ZipFile(BytesIO(data)) as segment:
        places = [entry.header_offset + 30 + len(entry.filename) for entry in segment.infolist()[-2:]]
    for at in places:
        yield data[: at + 12] + bytes([data[at + 12] ^ 1]) + data[at + 13 :]
    yield data[:-100]


def test_damage_anywhere_is_found() -> None:
    data, sealed = a_segment(*(a_stream([an_order(number)] * 3, number=number) for number in range(1, 6)))

    for damaged in damages(data, sealed):
        with pytest.raises(DamagedSegment), Segment(BytesIO(damaged)) as segment:
            list(segment.rows())


def test_a_damaged_piece_is_named() -> None:
    stream = a_stream([an_order(1), an_order(2)])
    data, sealed = a_segment(stream)
    one = sealed.members[0]

    for piece in (data[one.offset : one.offset + one.length - 1], b"", bytes(one.length)):
        with pytest.raises(DamagedSegment, match=f"{stream.stream} from version 1 to 2"):
            read_member(piece, one)
