"""Whatever a body holds, it reads back byte for byte when it is enciphered after it was archived in plain."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from typing import Any

from eventsourcing.cipher import AESCipher
from eventsourcing.utils import Environment
from hypothesis import given
from hypothesis import strategies as st

from eventflow.store.archive.segment import Segment, SegmentWriter, Slice
from eventflow.store.ciphers import new_key
from eventflow.store.codec import Codec
from eventflow.store.database import open_database
from eventflow.store.keyring import Keyring
from eventflow.store.marks import is_veiled
from eventflow.store.veils import Veils, unveiled
from tests.properties.test_archived_bodies import fields
from tests.store.rows import a_stream

CIPHER = AESCipher(Environment(env={"CIPHER_KEY": AESCipher.create_key(16)}))


@given(st.lists(fields, min_size=1, max_size=4), st.booleans(), st.booleans())
def test_what_was_archived_in_plain_comes_out_of_the_segment_that_took_its_place(
    said: list[dict[str, Any]], secret: bool, carried: bool
) -> None:
    stream = a_stream(said, codec=Codec(CIPHER if secret else None))
    old, new = BytesIO(), BytesIO()
    with SegmentWriter(old) as writer:
        writer.write(stream)
        first = writer.finish()
    with open_database("sqlite://") as database:
        veils = Veils(Keyring(database, categories=[] if carried else [stream.category]))
    keys = {stream.stream: new_key()}

    with Segment(old) as source, SegmentWriter(new, before=first.manifest.sha256) as writer:
        for text in source.texts():
            if carried:
                writer.carry(text)
            else:
                rows = veils.over([(row.header, row.body) for row in text.rows], keys)
                writer.write(Slice(stream.stream, stream.category, rows))
        sealed = writer.finish()

    assert sealed.manifest.heads == first.manifest.heads
    assert [one.secret for one in sealed.members] == [not carried] * len(sealed.members)
    with Segment(new) as opened:
        found = list(opened.rows())
    assert [row.header for row in found] == [header for header, _ in stream.rows]
    assert [is_veiled(row.bare) for row in found] == [not carried] * len(found)
    for row, (header, body) in zip(found, stream.rows, strict=True):
        kept = row.body if carried else unveiled(header, row.body, keys[stream.stream])
        assert Codec().bare(header.codec, kept) == Codec().bare(header.codec, body)
        assert sha256(Codec().bare(header.codec, kept)).digest() == header.digest
