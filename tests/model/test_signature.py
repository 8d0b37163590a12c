"""Signatures: what is let in, what is not, and that the published examples of others are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventflow.errors import Misconfigured, SignatureRefused
from eventflow.model.incoming import Incoming
from eventflow.model.signature import HMACSignature

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
SECONDS = str(int(NOON.timestamp()))


def signed(signature: HMACSignature, request: Incoming) -> Incoming:
    return Incoming(
        request.method, request.url, {**request.headers, signature.header: signature.sign(request)}, request.content
    )


def test_the_example_of_github_is_let_in() -> None:
    verify = HMACSignature.github("It's a Secret to Everybody")
    told = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    assert verify(Incoming(headers={"x-hub-signature-256": told}, content=b"Hello, World!"), NOON)


def test_the_example_of_the_standard_webhooks_is_let_in() -> None:
    verify = HMACSignature.standard("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }

    assert verify(Incoming(headers=headers, content=b'{"test": 2432232314}'), datetime.fromtimestamp(1614265390, UTC))


def test_what_stripe_signs_is_let_in_while_it_is_young() -> None:
    verify = HMACSignature.stripe("whsec_test")
    unsigned = Incoming(headers={"Stripe-Signature": f"t={SECONDS}"}, content=b"{}")
    request = Incoming(headers={"Stripe-Signature": f"t={SECONDS},v1={verify.sign(unsigned)[3:]},v0=00"}, content=b"{}")

    assert verify(request, NOON)
    assert verify(request, NOON + timedelta(minutes=5))
    for moment in (NOON + timedelta(minutes=5, seconds=1), NOON - timedelta(minutes=5, seconds=1)):
        with pytest.raises(SignatureRefused, match="away from ours"):
            verify(request, moment)


def test_a_new_secret_takes_over_while_the_old_one_is_still_good() -> None:
    old, new = HMACSignature("old"), HMACSignature("new")
    both = HMACSignature("new", "old")
    request = Incoming(content=b"{}")

    assert both(signed(old, request), NOON)
    assert both(signed(new, request), NOON)
    with pytest.raises(SignatureRefused):
        new(signed(old, request), NOON)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "no signature"),
        ({"X-Signature": ""}, "no signature"),
        ({"X-Signature": "not hexadecimal"}, "no signature"),
        ({"X-Signature": "00"}, "not ours"),
        ({"X-Signature": "é"}, "no signature"),
    ],
)
def test_what_bears_no_signature_of_ours_is_refused(headers: dict[str, str], reason: str) -> None:
    with pytest.raises(SignatureRefused, match=reason):
        HMACSignature("s3cr3t")(Incoming(headers=headers, content=b"{}"), NOON)


@pytest.mark.parametrize("time", ["", "soon", "9" * 40, "-1e9", "1.5"])
def test_a_time_that_is_none_is_refused(time: str) -> None:
    verify = HMACSignature("s3cr3t", timestamp_header="X-Time")

    with pytest.raises(SignatureRefused):
        verify(signed(verify, Incoming(headers={"X-Time": time}, content=b"{}")), NOON)


def test_the_time_is_signed_with_the_body() -> None:
    verify = HMACSignature("s3cr3t", timestamp_header="X-Time")
    request = signed(verify, Incoming(headers={"X-Time": SECONDS}, content=b"{}"))
    assert verify(request, NOON)

    later = Incoming(headers={**request.headers, "X-Time": str(int(SECONDS) + 60)}, content=b"{}")

    with pytest.raises(SignatureRefused, match="not ours"):
        verify(later, NOON)


@given(
    body=st.binary(max_size=64),
    at=st.integers(0, 63),
    bit=st.integers(0, 7),
    encoding=st.sampled_from(["hex", "base64"]),
)
def test_whatever_was_changed_on_the_way_is_refused(body: bytes, at: int, bit: int, encoding: Any) -> None:
    verify = HMACSignature("s3cr3t", encoding=encoding)
    request = signed(verify, Incoming(content=body))
    assert verify(request, NOON)

    changed = bytearray(body or b"\0")
    changed[at % len(changed)] ^= 1 << bit

    with pytest.raises(SignatureRefused):
        verify(Incoming(headers=request.headers, content=bytes(changed)), NOON)


@given(st.text(max_size=40), st.binary(max_size=20))
def test_no_header_breaks_it(text: str, body: bytes) -> None:
    for verify in (HMACSignature("s"), HMACSignature("s", encoding="base64"), HMACSignature.stripe("s")):
        with pytest.raises(SignatureRefused):
            verify(Incoming(headers={verify.header: text}, content=body), NOON)


@pytest.mark.parametrize(
    ("secrets", "options"),
    [
        ((), {}),
        (("",), {}),
        (("good", ""), {}),
        (("s",), {"algorithm": "rot13"}),
        (("s",), {"encoding": "morse"}),
        (("s",), {"message": "{timestamp}"}),
        (("s",), {"timestamp_header": "X-Time", "message": "{body}"}),
        (("s",), {"tolerance": timedelta(0)}),
    ],
)
def test_what_would_let_in_nothing_or_anything_is_misconfigured(
    secrets: tuple[str, ...], options: dict[str, Any]
) -> None:
    with pytest.raises(Misconfigured, match="HMACSignature"):
        HMACSignature(*secrets, **options)


def test_a_secret_that_is_no_base64_is_misconfigured() -> None:
    with pytest.raises(Misconfigured, match="whsec_"):
        HMACSignature.standard("whsec_***")


def test_its_secrets_are_not_shown() -> None:
    assert "s3cr3t" not in repr(HMACSignature("s3cr3t"))
