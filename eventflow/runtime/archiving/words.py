"""The dictionary of a segment, and whose words stand in it.

Pieces of the bodies that a dictionary was made of stand in it as they were. So what was made of bodies that may be
erased is not used for another segment.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from eventflow.store.archive.catalogue import Catalogue
from eventflow.store.archive.frames import Dictionary, saving, trained
from eventflow.store.database import Transaction

SAMPLE = 5 * 1024 * 1024
"""Bytes of bodies, as they are in the database, that a dictionary is made from."""

HELPS = 0.25
"""The share of the bytes that a dictionary saves which is used again."""


class Sample(NamedTuple):
    """A piece of a stream of a category, as the text that it will be."""

    category: str
    text: bytes


class Words(NamedTuple):
    """A dictionary, and the categories whose bodies it was made of."""

    dictionary: Dictionary
    sources: frozenset[str]


def fitting(catalogue: Catalogue, sample: Iterable[Sample], erasable: frozenset[str]) -> Words | None:
    """What to compress these with: the dictionary of the last segment while it helps, a new one otherwise, or none."""
    some = list(sample)
    if not some:
        return None
    known, texts = _known(catalogue, erasable), [one.text for one in some]
    helps = saving(known.dictionary, texts) if known is not None else 0.0
    if known is not None and helps >= HELPS:
        return known
    new = trained(texts)
    if new is not None and saving(new, texts) > helps:
        return Words(new, frozenset(one.category for one in some))
    return known if helps > 0 else None


def keep(catalogue: Catalogue, transaction: Transaction, words: Words | None) -> None:
    """Keep a dictionary in the transaction that seals what was compressed with it."""
    if words is not None:
        catalogue.keep_dictionary(transaction, words.dictionary, words.sources)


def _known(catalogue: Catalogue, erasable: frozenset[str]) -> Words | None:
    last = catalogue.last_sealed()
    if last is None or last.dictionary is None:
        return None
    content, sources = catalogue.dictionary(last.dictionary), catalogue.sources(last.dictionary)
    if content is None or sources & erasable:
        return None
    return Words(Dictionary(content), sources)
