"""What a segment says of itself."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from hashlib import sha256

from eventflow.errors import DamagedSegment

FORMAT = "eventflow-archive/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """How much is in a segment, and the digests that everything in it can be proven by, as hexadecimal texts.

    The events lie at positions from ``lo`` to ``hi``, not necessarily all of them. ``index`` is the digest of the
    index, which holds those of the members; ``heads`` that of where each piece of a stream ends, with the hash it has
    in the log; ``dictionary`` that of the dictionary, if any; ``before`` that of the manifest before this one.
    """

    lo: int
    hi: int
    events: int
    members: int
    raw: int
    index: str
    heads: str
    dictionary: str | None = None
    before: str | None = None

    @property
    def sha256(self) -> bytes:
        """What the next manifest knows this one by."""
        return sha256(self.written()).digest()

    def written(self) -> bytes:
        """The manifest as it stands in a segment."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1).encode() + b"\n"

    @classmethod
    def read(cls, text: bytes) -> Manifest:
        """The manifest in a segment. Raises ``DamagedSegment`` when it is none, or one of another format."""
        try:
            told = json.loads(text)
            found = told.pop("format")
            if found == FORMAT:
                return cls(**{one.name: told[one.name] for one in fields(cls)})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DamagedSegment("A manifest", f"it is not one ({error})") from error
        raise DamagedSegment("A manifest", f'it is of the format "{found}", and wanted is "{FORMAT}"')
