"""Zstandard frames, with a dictionary where one is worth its bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

import zstandard

from eventflow.store.codec import LARGEST

LEVEL = 9
"""How hard a segment is compressed; it is written once and read now and then."""

LONG = 6
"""Bytes of the shortest match that is looked for with a dictionary."""

DICTIONARY = 256 * 1024
"""Bytes of a dictionary; of a small sample it takes a sixteenth."""

LEAST = 256 * 1024
"""Bytes of a sample that it takes to make a dictionary."""

WORTH = 0.1
"""What a dictionary has to save of a sample, so that it is used."""

Squeeze = Callable[[Sequence[bytes]], list[bytes]]


class Dictionary:
    """What the pieces of many streams have in common. Known by its SHA-256; may be used by several threads."""

    def __init__(self, content: bytes) -> None:
        self.content, self.sha256 = content, sha256(content).digest()
        self.compiled = zstandard.ZstdCompressionDict(content)

    def __reduce__(self) -> tuple[type[Dictionary], tuple[bytes]]:
        return Dictionary, (self.content,)


def compressor(dictionary: Dictionary | None = None, level: int = LEVEL) -> Squeeze:
    """A function that makes a frame of each text, for one thread to call; others may work meanwhile."""
    if dictionary is None:
        tool = zstandard.ZstdCompressor(level=level)
    else:
        # In front of a dictionary there is a match for most short stretches; longer ones take fewer bytes to name.
        how = zstandard.ZstdCompressionParameters.from_level(level, min_match=LONG, write_dict_id=True)
        compiled = zstandard.ZstdCompressionDict(dictionary.content)
        # Once, and not for every frame again.
        compiled.precompute_compress(compression_params=how)
        tool = zstandard.ZstdCompressor(dict_data=compiled, compression_params=how)

    def squeeze(texts: Sequence[bytes]) -> list[bytes]:
        return [tool.compress(text) for text in texts]

    return squeeze


def opener() -> Callable[[str, bytes], bytes]:
    """A function that takes the compression off bodies, as ``Codec.bare`` does, for one thread: it keeps its tools."""
    decompress = zstandard.ZstdDecompressor().decompress

    def bare(tag: str, body: bytes) -> bytes:
        if tag != "mz":
            return body
        try:
            if zstandard.frame_content_size(body) > LARGEST:
                raise ValueError(f"it claims to be more than {LARGEST} bytes")
            return decompress(body, max_output_size=LARGEST)
        except zstandard.ZstdError as error:
            raise ValueError(f"it cannot be decompressed ({error})") from error

    return bare


def decompress(frame: bytes, length: int, dictionary: Dictionary | None = None) -> bytes:
    """The ``length`` bytes in a frame. Raises ``ValueError`` when it holds anything else."""
    try:
        if zstandard.frame_content_size(frame) != length:
            raise ValueError(f"it does not hold {length} bytes")
        wanted = zstandard.get_frame_parameters(frame).dict_id
        if wanted and dictionary is None:
            raise ValueError("it was compressed with a dictionary, and there is none here")
        compiled = dictionary.compiled if dictionary is not None else None
        return zstandard.ZstdDecompressor(dict_data=compiled).decompress(frame)
    except zstandard.ZstdError as error:
        raise ValueError(f"it cannot be decompressed ({error})") from error


def decompress_all(frame: bytes) -> bytes:
    """All the bytes in a frame that was made without a dictionary; for what is as long as it says and no longer."""
    try:
        length = zstandard.frame_content_size(frame)
    except zstandard.ZstdError as error:
        raise ValueError(f"it cannot be decompressed ({error})") from error
    return decompress(frame, length)


def trained(sample: Sequence[bytes]) -> Dictionary | None:
    """A dictionary made from pieces of streams, or nothing when they have too little in common to be worth it."""
    size = sum(map(len, sample))
    if size < LEAST:
        return None
    try:
        made = zstandard.train_dictionary(min(DICTIONARY, size // 16), list(sample))
    except zstandard.ZstdError:
        # There is too little of everything to make one.
        return None
    dictionary = Dictionary(made.as_bytes())
    return dictionary if saving(dictionary, sample) > WORTH else None


def saving(dictionary: Dictionary, sample: Sequence[bytes]) -> float:
    """The share of the compressed bytes of a sample that a dictionary saves."""
    some = sample[:: max(1, len(sample) // 64)]
    without, with_it = compressor(), compressor(dictionary)
    alone = sum(map(len, without(some)))
    return 1 - sum(map(len, with_it(some))) / alone if alone else 0.0
