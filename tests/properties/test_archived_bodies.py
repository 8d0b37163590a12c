"""Whatever a body holds, it comes out of a segment byte for byte, and its digest is the one in its header."""

from __future__ import annotations

import json
from datetime import UTC
from hashlib import sha256
from io import BytesIO
from typing import Any

from eventsourcing.cipher import AESCipher
from eventsourcing.utils import Environment
from hypothesis import given
from hypothesis import strategies as st

from eventflow.store.archive import bodies
from eventflow.store.archive.segment import SegmentWriter, read_member
from eventflow.store.codec import Codec
from tests.store.rows import a_stream

texts = st.text(st.characters(exclude_categories=["Cs"]))
keys = st.one_of(texts, st.sampled_from(["$", "$$", "$uuid", "$bytes", "$$uuid", "$ext", "$tuple"]))
plain = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), texts, st.binary(), st.uuids(),
    st.datetimes(timezones=st.just(UTC)), st.dates(), st.times(), st.timedeltas(), st.decimals(allow_nan=False),
)  # fmt: skip
values = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(keys, inner, max_size=4),
        st.dictionaries(st.integers(0, 9), inner, max_size=2),
        st.lists(inner, max_size=3).map(tuple),
    ),
    max_leaves=20,
)
fields = st.dictionaries(keys, values, max_size=5)

CIPHER = AESCipher(Environment(env={"CIPHER_KEY": AESCipher.create_key(16)}))


@given(st.lists(fields, min_size=1, max_size=4), st.booleans())
def test_what_goes_into_a_segment_comes_out_byte_for_byte(said: list[dict[str, Any]], secret: bool) -> None:
    codec = Codec(CIPHER if secret else None)
    stream = a_stream(said, codec=codec)
    file = BytesIO()
    with SegmentWriter(file) as writer:
        writer.write(stream)
        member = writer.finish().members[0]

    rows = read_member(file.getvalue()[member.offset : member.offset + member.length], member)

    assert [(row.header, row.body) for row in rows] == list(stream.rows)
    for bare in [row.bare for row in rows if not secret]:
        text = bodies.as_json(bare)
        assert text is None or bodies.as_packed(json.loads(text), marked=bodies.is_marked(text.encode())) == bare
        assert text is None or "\n" not in text
    assert [sha256(row.bare).digest() for row in rows] == [header.digest for header, _ in stream.rows]
