"""Whatever is said to other systems, no secret of it is in what is recorded, nor in how that is shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from eventflow.model import outcome
from eventflow.model.exchange import Request, Response
from eventflow.model.masking import Masker
from eventflow.model.reaction import endpoint
from eventflow.model.rendering import as_curl, as_message
from tests.walks.library import Document, Published, Status

SECRET = "hunter2"
MASKER = Masker(
    keys=["iban"],
    paths=["payload.user.tax_no", "headers.x-tenant"],
    url_query=["customer"],
    url_routes=["/users/{mask}"],
)
NAMES = ["password", "apiKey", "access_token", "IBAN", "card-pin", "Client_Secret"]

secrets = st.from_regex(r"[A-Za-z0-9!$._~-]{0,6}hunter2[A-Za-z0-9!$_~-]{0,6}", fullmatch=True)
names = st.sampled_from(NAMES)
plain = st.dictionaries(st.sampled_from(["title", "pages", "note"]), st.integers() | st.text("abc é", max_size=5))


@endpoint(Document, on=Status.QUEUED, processing=Status.SENDING, complete=Status.COMPLETE, failed=Status.ERROR)
def send(document: Document) -> Any:
    """Never called."""
    yield Published(url="")


@st.composite
def bodies(draw: st.DrawFn, secret: str) -> dict[str, Any]:
    """The body of a request with the secret in it."""
    held: Any = draw(st.sampled_from([secret, [secret], {"a": [{"b": secret}]}]))
    tree = {**draw(plain), draw(names): held, "user": {"tax_no": held, draw(names): held}}
    flat = {**draw(plain), draw(names): secret, "user[tax_no]": secret}
    twice = {"payload": json.dumps({draw(names): held})}
    return draw(
        st.sampled_from(
            [
                {"json": tree},
                {"json": twice},
                {"form": flat},
                {"content": json.dumps(tree), "headers": {"Content-Type": "text/plain"}},
                {"content": f"{draw(names)}: {secret}\ntax_no={secret}"},
                {"content": "".join(f"<{name}>{secret}</{name}>" for name in (draw(names), "tax_no"))},
            ]
        )
    )


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Request, Response]:
    """A request and its answer, with a secret wherever one may be."""
    secret = draw(secrets)
    said, heard = draw(bodies(secret)), draw(bodies(secret))
    request = Request(
        "POST",
        f"https://ann:{quote(secret)}@press.example/users/{quote(secret)}?customer={quote(secret)}#{draw(names)}={secret}",
        params={draw(names): secret, **draw(plain)},
        **{**said, "headers": {"Authorization": f"Bearer {secret}", "X-Tenant": secret, **said.get("headers", {})}},
    )
    asked = Request("POST", "https://press.example/", **heard)
    headers = {**asked.wire_headers(), "Set-Cookie": f"sid={secret}", "Location": request.full_url()}
    return request, Response(draw(st.sampled_from([200, 422, 503])), headers, asked.wire_body() or b"")


@given(conversations(), st.integers(20, 400))
def test_a_conversation_is_recorded_without_its_secrets(said: tuple[Request, Response], limit: int) -> None:
    document = Document.create(title="Whales")
    request, response = said

    outcome.request(document, send, request, MASKER, limit)
    outcome.response(document, send, response, MASKER, limit)

    asked, answered = [draft.event for draft in document.pending[-2:]]
    assert SECRET not in str([draft.event.event_body() for draft in document.pending])
    assert SECRET not in as_curl(asked) + as_message(asked) + as_message(answered)
    assert SECRET in request.full_url(), "what is sent is never masked"


@given(conversations())
def test_a_failure_that_quotes_a_conversation_is_recorded_without_its_secrets(said: tuple[Request, Response]) -> None:
    document = Document.create(title="Whales")
    request, response = said
    error = RuntimeError(f"{request.full_url()} {dict(request.headers)} {request.json!r} {response.text}")

    outcome.defer(document, send, 1, datetime(2026, 1, 1, tzinfo=UTC), error, MASKER)
    outcome.fail(document, send, error, 2, MASKER)

    assert SECRET not in str(document.pending)
