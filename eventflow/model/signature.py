"""Who a request from outside is from: signatures of its raw body, made with a secret that both sides share."""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from eventflow.errors import Misconfigured, SignatureRefused
from eventflow.model.incoming import Incoming

Verify = Callable[[Incoming, datetime], bool]
"""Whether a request is let in, at this time. May raise ``SignatureRefused`` with the reason."""

FIVE_MINUTES = timedelta(minutes=5)

_PART = re.compile(r"\{([A-Za-z0-9-]+)\}")
_BETWEEN = re.compile(r"[,\s]+")


@dataclass(frozen=True)
class HMACSignature:
    """Lets in what is signed with one of ``secrets``: several of them while one is replaced by another.

    The signature stands in ``header`` (one or more, by commas or spaces), behind ``prefix``, as ``encoding`` says. What
    is signed is ``message``: the raw ``{body}``, the ``{timestamp}``, any other header by its name. The timestamp
    (seconds since 1970) stands in ``timestamp_header``, behind ``timestamp_prefix``; it may be ``tolerance`` away from
    the present and has to be signed. Without one, an old request is as good as a new one: let a fingerprint keep it
    from being done again.

    Signatures are compared in a time that says nothing. Raises ``Misconfigured`` for what could never let anything in,
    and for what would let in anything.
    """

    secrets: tuple[bytes, ...] = field(repr=False)
    header: str
    prefix: str
    algorithm: str
    encoding: Literal["hex", "base64"]
    message: str
    timestamp_header: str | None
    timestamp_prefix: str
    tolerance: timedelta

    def __init__(
        self,
        *secrets: str | bytes,
        header: str = "X-Signature",
        prefix: str = "",
        algorithm: str = "sha256",
        encoding: Literal["hex", "base64"] = "hex",
        message: str | None = None,
        timestamp_header: str | None = None,
        timestamp_prefix: str = "",
        tolerance: timedelta = FIVE_MINUTES,
    ) -> None:
        said = {
            "secrets": tuple(one.encode() if isinstance(one, str) else one for one in secrets),
            "header": header,
            "prefix": prefix,
            "algorithm": algorithm,
            "encoding": encoding,
            "message": message or ("{timestamp}.{body}" if timestamp_header else "{body}"),
            "timestamp_header": timestamp_header,
            "timestamp_prefix": timestamp_prefix,
            "tolerance": tolerance,
        }
        for name, value in said.items():
            object.__setattr__(self, name, value)
        if problems := list(_problems(self)):
            raise Misconfigured(*problems)

    @classmethod
    def github(cls, *secrets: str | bytes) -> HMACSignature:
        """As GitHub signs: ``X-Hub-Signature-256: sha256=…``, no timestamp."""
        return cls(*secrets, header="X-Hub-Signature-256", prefix="sha256=")

    @classmethod
    def stripe(cls, *secrets: str | bytes, tolerance: timedelta = FIVE_MINUTES) -> HMACSignature:
        """As Stripe signs: ``Stripe-Signature: t=…,v1=…``."""
        header = "Stripe-Signature"
        return cls(
            *secrets, header=header, prefix="v1=", timestamp_header=header, timestamp_prefix="t=", tolerance=tolerance
        )

    @classmethod
    def standard(cls, *secrets: str, tolerance: timedelta = FIVE_MINUTES) -> HMACSignature:
        """As the Standard Webhooks sign: ``webhook-signature: v1,…``; the secrets are written ``whsec_…``."""
        return cls(
            *(_standard_secret(one) for one in secrets),
            header="webhook-signature",
            encoding="base64",
            message="{webhook-id}.{timestamp}.{body}",
            timestamp_header="webhook-timestamp",
            tolerance=tolerance,
        )

    def __call__(self, request: Incoming, now: datetime) -> bool:
        """Let it in. Raises ``SignatureRefused`` with the reason why not."""
        if self.timestamp_header is not None and abs(now - self._signed_at(request)) > self.tolerance:
            raise SignatureRefused(f"its time is more than {self.tolerance} away from ours")
        given = [*self._given(request)]
        if not given:
            raise SignatureRefused(f"no signature stands in {self.header}")
        message = self._message(request)
        wanted = [hmac.new(secret, message, self.algorithm).digest() for secret in self.secrets]
        # All of them are compared, whichever fits: how long it takes tells nobody anything.
        fits = [hmac.compare_digest(one, other) for one in given for other in wanted]
        if not any(fits):
            raise SignatureRefused("its signature is not ours")
        return True

    def sign(self, request: Incoming) -> str:
        """The signature that this request has to bear, prefix included: for whoever sends, and for tests."""
        digest = hmac.new(self.secrets[0], self._message(request), self.algorithm)
        if self.encoding == "hex":
            return self.prefix + digest.hexdigest()
        return self.prefix + b64encode(digest.digest()).decode()

    def _given(self, request: Incoming) -> Iterator[bytes]:
        for one in _BETWEEN.split(request.header(self.header) or ""):
            if one.startswith(self.prefix) and (digest := _digest(one.removeprefix(self.prefix), self.encoding)):
                yield digest

    def _signed_at(self, request: Incoming) -> datetime:
        try:
            return datetime.fromtimestamp(int(self._timestamp(request)), UTC)
        except (ValueError, OverflowError, OSError):
            raise SignatureRefused(f"no time stands in {self.timestamp_header}") from None

    def _timestamp(self, request: Incoming) -> str:
        parts = _BETWEEN.split(request.header(self.timestamp_header or "") or "")
        prefix = self.timestamp_prefix
        return next((one.removeprefix(prefix) for one in parts if one.startswith(prefix)), "")

    def _message(self, request: Incoming) -> bytes:
        before, body, after = self.message.partition("{body}")
        return self._filled(before, request) + (request.content if body else b"") + self._filled(after, request)

    def _filled(self, text: str, request: Incoming) -> bytes:
        def told(found: re.Match[str]) -> str:
            name = found[1]
            return self._timestamp(request) if name == "timestamp" else request.header(name) or ""

        return _PART.sub(told, text).encode("utf-8", "surrogateescape")


def _digest(text: str, encoding: str) -> bytes:
    try:
        return bytes.fromhex(text) if encoding == "hex" else b64decode(text, validate=True)
    except (ValueError, NotBase64):
        return b""


def _standard_secret(secret: str) -> bytes:
    try:
        return b64decode(secret.removeprefix("whsec_"), validate=True)
    except (ValueError, NotBase64):
        raise Misconfigured("A secret of the Standard Webhooks is whsec_ and base64.") from None


def _problems(signature: HMACSignature) -> Iterator[str]:
    if not signature.secrets or not all(signature.secrets):
        yield "HMACSignature needs a secret, and an empty one is none."
    try:
        hmac.new(b"secret", b"", signature.algorithm)
    except ValueError:
        yield f'HMACSignature: algorithm="{signature.algorithm}" is unknown here. Write "sha256", say.'
    if signature.encoding not in ("hex", "base64"):
        yield f'HMACSignature: encoding="{signature.encoding}" is neither "hex" nor "base64".'
    if signature.message.count("{body}") != 1:
        yield "HMACSignature: message= has to hold {body}, once; an unsigned body can be anybody's."
    if signature.timestamp_header is not None and "{timestamp}" not in signature.message:
        yield "HMACSignature: message= has to hold {timestamp}; one that is not signed can be anything."
    if signature.tolerance <= timedelta(0):
        yield f"HMACSignature: tolerance={signature.tolerance!r} is no positive timedelta."
