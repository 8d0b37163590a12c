"""How fields become bytes and come back."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.cipher import AESCipher
from eventsourcing.utils import Environment
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AnyUrl, BaseModel

from eventflow.errors import DamagedBody, Unwritable
from eventflow.model.event import Event
from eventflow.store.codec import Codec
from eventflow.store.database import open_database
from eventflow.store.log import open_log
from tests.store.words import a_stream, vocabulary


class Colour(Enum):
    """A plain enum."""

    RED = "red"
    BLUE = "blue"


class Size(IntEnum):
    """Numbers."""

    SMALL = 1
    LARGE = 2


class Mood(StrEnum):
    """Words."""

    CALM = "calm"
    WILD = "wild"


class Part(BaseModel):
    """A model inside an event."""

    name: str
    weight: Decimal
    made: date | None = None


class Everything(Event):
    """An event with a field of every kind."""

    id: UUID
    at: datetime
    day: date
    hour: time
    took: timedelta
    price: Decimal
    raw: bytes
    ratio: float
    number: int
    flag: bool
    text: str
    colour: Colour
    size: Size
    mood: Mood
    tags: set[str]
    ids: frozenset[UUID]
    pair: tuple[int, datetime]
    parts: list[Part]
    by_name: dict[str, Part]
    by_number: dict[int, str]
    by_id: dict[UUID, int]
    anything: dict[str, Any]
    maybe: UUID | None = None


times = st.datetimes(timezones=st.none() | st.just(UTC) | st.just(timezone(timedelta(hours=5, minutes=30))))
decimals = st.decimals(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(codec="utf-8"))
parts = st.builds(Part, name=texts, weight=decimals, made=st.none() | st.dates())
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False), texts, st.binary(),
    st.uuids(), times, st.dates(), st.times(), st.timedeltas(), decimals,
)  # fmt: skip
hashable = st.one_of(texts, st.integers(0, 9), st.uuids(), st.dates(), st.tuples(texts, st.integers(0, 9)))
anything = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.tuples(inner, inner), st.sets(hashable, max_size=3),
        st.frozensets(hashable, max_size=3), st.dictionaries(hashable, inner, max_size=3),
    ),
    max_leaves=8,
)  # fmt: skip
everything = st.builds(
    Everything, id=st.uuids(), at=times, day=st.dates(), hour=st.times(), took=st.timedeltas(), price=decimals,
    raw=st.binary(), ratio=st.floats(allow_nan=False), number=st.integers(-(2**63), 2**64 - 1), flag=st.booleans(),
    text=texts, colour=st.sampled_from(Colour), size=st.sampled_from(Size), mood=st.sampled_from(Mood),
    tags=st.sets(texts, max_size=3), ids=st.frozensets(st.uuids(), max_size=3),
    pair=st.tuples(st.integers(0, 9), times), parts=st.lists(parts, max_size=2),
    by_name=st.dictionaries(texts, parts, max_size=2),
    by_number=st.dictionaries(st.integers(0, 2**40), texts, max_size=2),
    by_id=st.dictionaries(st.uuids(), st.integers(0, 9), max_size=2),
    anything=st.dictionaries(texts, anything, max_size=3), maybe=st.none() | st.uuids(),
)  # fmt: skip


@given(everything)
def test_an_event_comes_back_as_it_was(event: Everything) -> None:
    codec = Codec()

    tag, body = codec.pack("e", event.event_body())

    assert Everything.revive(codec.unpack(tag, body), 1) == event


@given(anything)
def test_plain_data_comes_back_as_it_was(value: Any) -> None:
    codec = Codec()

    found = codec.decode(codec.encode(value))

    assert found == value
    assert type(found) is type(value)


@given(st.binary(max_size=80), st.sampled_from(["m", "mz", "", "x"]))
def test_bytes_of_any_kind_are_read_or_refused_and_nothing_else(body: bytes, tag: str) -> None:
    codec = Codec()

    try:
        codec.unpack(tag, body)
    except ValueError:
        return


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**64, "64 bits"),
        (-(2**63) - 1, "64 bits"),
        (object(), "object is not plain data"),
        (lambda: 1, "function is not plain data"),
        ("\ud800", "surrogates not allowed"),
    ],
)
def test_what_cannot_be_written_is_refused_with_its_reason(value: object, reason: str) -> None:
    with pytest.raises(Unwritable, match=reason) as caught:
        Codec().pack("document:written", {"value": [value]})

    assert caught.value.name == "document:written"


def test_what_refers_to_itself_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)

    with pytest.raises(Unwritable):
        Codec().pack("document:written", {"value": circle})


def test_what_pydantic_writes_as_text_is_written_as_text() -> None:
    codec = Codec()

    tag, body = codec.pack("e", {"url": AnyUrl("https://press.example/a"), "path": Path("a/b")})

    assert codec.unpack(tag, body) == {"url": "https://press.example/a", "path": "a/b"}


def test_small_bodies_are_left_and_large_ones_compressed() -> None:
    codec = Codec()

    assert codec.pack("e", {"text": "a" * 400})[0] == "m"
    assert codec.pack("e", {"text": "a" * 600})[0] == "mz"
    assert len(codec.pack("e", {"text": "a" * 6000})[1]) < 100


def test_what_does_not_get_smaller_is_not_compressed() -> None:
    assert Codec().pack("e", {"raw": os.urandom(2000)})[0] == "m"


def test_a_body_is_known_by_what_was_packed_and_not_by_how_it_was_compressed() -> None:
    event = {"numbers": [f"{number * number} of {number}" for number in range(400)]}

    quick, thorough = Codec(level=1).seal("e", event), Codec(level=19).seal("e", event)

    assert quick.body != thorough.body
    assert quick.digest == thorough.digest == sha256(Codec().bare("mz", quick.body)).digest()


def test_what_is_enciphered_is_known_by_its_ciphertext() -> None:
    codec = Codec(a_cipher())

    tag, body, digest = codec.seal("e", {"text": "a secret " * 200})

    assert digest == sha256(body).digest()
    assert codec.bare(tag, body) == body


def test_a_body_that_claims_to_be_huge_is_refused() -> None:
    codec = Codec()
    bomb = codec.compress(b"\0" * (300 * 1024 * 1024))

    with pytest.raises(ValueError, match="more than"):
        codec.decompress(bomb)


def a_cipher() -> AESCipher:
    return AESCipher(Environment(env={"CIPHER_KEY": AESCipher.create_key(16)}))


def test_with_a_cipher_nobody_reads_the_bytes_without_it() -> None:
    codec = Codec(a_cipher())

    tag, body = codec.pack("e", {"text": "a secret " * 200})

    assert tag == "mze"
    assert b"secret" not in body
    assert codec.unpack(tag, body) == {"text": "a secret " * 200}
    with pytest.raises(ValueError, match="no cipher"):
        Codec().unpack(tag, body)
    with pytest.raises(ValueError, match="cannot be deciphered"):
        Codec(a_cipher()).unpack(tag, body)


def test_a_log_with_the_wrong_key_says_which_body_it_cannot_read() -> None:
    with open_database("sqlite://") as database:
        (header,) = a_stream(open_log(database, vocabulary(), codec=Codec(a_cipher())), content="a secret")
        (found,) = open_log(database, vocabulary(), codec=Codec(a_cipher())).read(header.stream)

        with pytest.raises(DamagedBody, match="deciphered") as caught:
            _ = found.event
        assert caught.value.position == header.position
        open_log(database, vocabulary()).verify(header.stream)


def test_a_transcoder_of_the_library_finds_what_it_expects() -> None:
    codec = Codec()
    value = {"id": uuid4(), "tuple": (1, "a"), "nested": {"a": {"b": 1}}}

    assert codec.decode(codec.encode(value)) == value
    assert codec.decompress(codec.compress(b"bytes")) == b"bytes"
