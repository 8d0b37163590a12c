"""A secret under a secret's key never comes through a masker, wherever the key stands."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

from hypothesis import example, given
from hypothesis import strategies as st

from eventflow.model.masking import Masker

MASKER = Masker(keys=["card number"])

KEYS = [
    "password", "Password", "user_password", "clientSecret", "API-Key", "api_key", "access_token", "refreshToken",
    "Authorization", "credentials", "session_id", "card_number", "cardNumber", "db_pass", "pin",
]  # fmt: skip

keys = st.sampled_from(KEYS)
# A secret that nothing else in these texts could be taken for, with whatever around it that is hard to read.
hard = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
secrets = st.tuples(hard, hard).map(lambda pair: f"{pair[0]}hunter2{pair[1]}")
plain = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
trees = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@st.composite
def planted(draw: st.DrawFn) -> Any:
    """A tree with a secret somewhere in it."""
    secret = draw(secrets)
    tree: Any = {draw(keys): draw(st.sampled_from([secret, [secret], {"a": secret}]))}
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            tree = [*draw(st.lists(trees, max_size=2)), tree]
        else:
            tree = {**draw(st.dictionaries(st.text(max_size=5), trees, max_size=2)), "in": tree}
    return tree


@given(planted())
def test_in_json(tree: Any) -> None:
    assert "hunter2" not in str(MASKER.value(tree))
    assert "hunter2" not in MASKER.body(json.dumps(tree), "application/json")
    assert "hunter2" not in MASKER.body(json.dumps(tree, ensure_ascii=False, indent=2).encode(), None)


@given(planted())
def test_in_json_within_json(tree: Any) -> None:
    twice = {"payload": json.dumps({"payload": json.dumps(tree)})}

    assert "hunter2" not in MASKER.body(json.dumps(twice), "application/json")


@given(planted(), st.data())
def test_in_json_that_is_cut_off(tree: Any, data: st.DataObject) -> None:
    text = json.dumps(tree)
    cut = text[: data.draw(st.integers(0, len(text)))]

    assert "hunter2" not in MASKER.body(cut, "application/json")


@given(planted())
def test_in_the_repr_of_python_values(tree: Any) -> None:
    assert "hunter2" not in MASKER.text(f"ValueError: {tree!r} is wrong")


@given(keys, secrets, st.text(max_size=5))
@example("password", "hunter2", "")
def test_in_forms_and_addresses(key: str, secret: str, other: str) -> None:
    form = urlencode({"a": other, key: secret, "b": other})

    assert "hunter2" not in MASKER.body(form, "application/x-www-form-urlencoded")
    assert "hunter2" not in MASKER.url(f"https://press.example/a?{form}#{form}")
    assert "hunter2" not in MASKER.url(
        f"https://press.example/?next={quote(f'https://other.example/?{form}', safe='')}"
    )


@given(secrets)
def test_in_the_userinfo_of_addresses(secret: str) -> None:
    userinfo = quote(secret, safe="")

    for url in (f"postgresql://ann:{userinfo}@db/x", f"https://{userinfo}@press.example/"):
        assert "hunter2" not in MASKER.url(url)
        assert "hunter2" not in MASKER.text(f"{url} is out of reach")


@given(st.sampled_from(["Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "Proxy-Authorization"]), secrets)
def test_in_headers(name: str, secret: str) -> None:
    assert "hunter2" not in str(MASKER.headers({name: secret}))
    assert "hunter2" not in str(MASKER.headers({name: f"Bearer {secret}"}))


@given(keys, secrets)
def test_in_elements(key: str, secret: str) -> None:
    assert "hunter2" not in MASKER.body(f"<a><{key} kind='x'>{escape(secret)}</{key}></a>", "text/xml")


@given(keys, st.sampled_from("\"'"), secrets)
def test_in_quoted_texts(key: str, quoted: str, secret: str) -> None:
    written = secret.replace("\\", "\\\\").replace(quoted, f"\\{quoted}")

    for text in (f"login({key}={quoted}{written}{quoted})", f"{quoted}{key}{quoted}: {quoted}{written}{quoted}, more"):
        assert "hunter2" not in MASKER.text(text)


@given(keys, st.from_regex(r"[A-Za-z0-9._~+/-]*hunter2[A-Za-z0-9._~+/-]*", fullmatch=True))
def test_in_bare_texts(key: str, secret: str) -> None:
    for text in (f"{key}={secret}", f"{key}: {secret}\nnext", f"a=1&{key}={secret}&b=2", f"Bearer {secret}"):
        assert "hunter2" not in MASKER.text(text)


@given(st.text(max_size=200))
def test_masking_twice_is_masking_once(text: str) -> None:
    once = MASKER.text(text)

    assert MASKER.text(once) == once


@given(trees)
def test_what_is_no_secret_is_left_alone(tree: Any) -> None:
    assert MASKER.value(["title", 3, None]) == ["title", 3, None]
    json.dumps(MASKER.value(tree))


@given(
    st.binary(max_size=200),
    st.sampled_from([None, "application/json", "text/plain; charset=utf-16", "multipart/form-data"]),
)
def test_every_body_can_be_masked(body: bytes, content_type: str | None) -> None:
    assert isinstance(MASKER.body(body, content_type), str)


@given(secrets, trees, st.data())
def test_at_a_place(secret: str, other: Any, data: st.DataObject) -> None:
    masker = Masker(paths=["payload.user.tax no"])
    tree = {"a": other, "user": {"tax no": data.draw(st.sampled_from([secret, [secret], {"a": secret}]))}, "z": other}
    text = json.dumps(tree)
    cut = text[: data.draw(st.integers(0, len(text)))]

    assert "hunter2" not in str(masker.message({"payload": tree}))
    assert "hunter2" not in masker.body(text, "application/json")
    assert "hunter2" not in masker.body(cut, "application/json")
    assert "hunter2" not in masker.text(f"ValueError: {tree!r} is wrong")


@given(st.from_regex(r"[A-Za-z0-9._~-]{0,5}hunter2[A-Za-z0-9_~-]{0,5}", fullmatch=True))
def test_in_the_path_of_addresses(secret: str) -> None:
    for masker in (Masker(url_path="/users/{mask}"), Masker(url_routes=["/users/{mask}"])):
        assert "hunter2" not in masker.url(f"https://press.example/users/{secret}/orders")
        assert "hunter2" not in masker.text(f"GET https://press.example/users/{secret} is out of reach")
