"""What makes a command from outside the same one when it comes again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

from eventflow.errors import Refused

SAVED = "save"
"""The scope of what an application saves under a key."""

FOR_A_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Key:
    """A name that works once in its ``scope``, for as long as ``lasts``.

    The log keeps its digest only: a name may be long, and it may say what nobody else shall read. Raises ``Refused``
    for a name that is empty and for a life that is over when it begins.
    """

    name: str = field(repr=False)
    scope: str = SAVED
    lasts: timedelta = FOR_A_WEEK

    def __post_init__(self) -> None:
        if not self.name:
            raise Refused("A key is a text that is not empty.")
        if self.lasts <= timedelta(0):
            raise Refused(f"A key lasts for a while, not for {self.lasts}.")

    @property
    def digest(self) -> bytes:
        """What the log knows it by: 32 bytes.

        >>> Key("order-17").digest == Key("order-17", lasts=timedelta(days=1)).digest
        True
        >>> Key("order-17").digest == Key("order-17", scope="payments").digest
        False
        """
        # The length of the scope stands before it, so that no scope and name can be read as another pair.
        return sha256(f"{len(self.scope)}:{self.scope}{self.name}".encode("utf-8", "surrogatepass")).digest()
