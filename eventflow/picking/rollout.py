"""Who belongs to a share: every key falls into one of a hundred buckets, always the same one."""

from __future__ import annotations

from zlib import crc32

BUCKETS = 100
"""One for each per cent."""


def bucket_of(namespace: str | None, salt: str | None, key: object) -> int | None:
    """The bucket of a key, from 0 to 99; ``None`` without a key, that is for ``None`` and the empty text.

    Namespace and salt shuffle the keys anew, so that not always the same ones are first.

    >>> bucket_of(None, None, "42"), bucket_of("order_v2", "2024", 1), bucket_of(None, None, "")
    (99, 40, None)
    """
    if key is None or key == "":
        return None
    # Half a character in a key is no reason to fail: every text has its bucket.
    return crc32(f"{namespace or ''}|{salt or ''}|{key}".encode("utf-8", "surrogatepass")) % BUCKETS


def admits(rollout_pct: int | None, bucket: int | None) -> bool:
    """Whether a share lets a bucket in: 0 nobody, 30 exactly 30 buckets, 100 and ``None`` everybody, with a key or not.

    >>> admits(30, 29), admits(30, 30), admits(0, 0), admits(100, None), admits(99, None)
    (True, False, False, True, False)
    """
    if rollout_pct is None or rollout_pct >= BUCKETS:
        return True
    return bucket is not None and bucket < rollout_pct
