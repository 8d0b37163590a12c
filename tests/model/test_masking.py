"""What must not be read in the log."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from eventflow.errors import Misconfigured
from eventflow.model.masking import Masker

MASKER = Masker()


@pytest.mark.parametrize(
    "key",
    [
        "password", "Password", "userPassword", "user_password", "client-secret", "clientSecret", "api_key",
        "X-API-Key",
        "apikey", "token", "access_token", "refreshToken", "csrf.token", "Authorization", "Proxy-Authorization",
        "Cookie", "Set-Cookie", "db_pass", "userPwd", "card[pin]", "cvv", "AWS_SECRET_ACCESS_KEY", "private_key", "jwt",
        "credentials", "sessionid", "X-Amz-Signature",
    ],
)  # fmt: skip
def test_what_is_called_like_a_secret_is_one(key: str) -> None:
    assert MASKER.hides(key)


@pytest.mark.parametrize(
    "key", ["title", "author", "opinion", "passage", "key", "keyboard", "cooking", "spin", "compass", "sidebar"]
)
def test_what_only_sounds_like_one_is_not(key: str) -> None:
    assert not MASKER.hides(key)


def test_ones_own_keys_are_compared_without_case_and_separators() -> None:
    masker = Masker(keys=["card number"])

    assert masker.hides("cardNumber")
    assert masker.hides("CARD_NUMBER")
    assert masker.hides("user.iban") is False
    assert Masker(keys="iban").hides("user.iban")


def test_a_pattern_is_for_keys_and_for_texts() -> None:
    masker = Masker(patterns=[r"(?i)secrecy", r"\bSI\d{2}\b"])

    assert masker.value({"topSecrecy": "x", "note": "pay to SI56 now"}) == {
        "topSecrecy": "********",
        "note": "pay to ******** now",
    }


def test_every_pattern_that_does_not_compile_is_told() -> None:
    with pytest.raises(Misconfigured) as problems:
        Masker(patterns=["(", "ok", "["])

    assert [one.split('"')[1] for one in problems.value.problems] == ["(", "["]


def test_everything_below_a_secret_key_is_masked_whole() -> None:
    value = {
        "user": {"PASSWORD": "x", "name": "n"},
        "tokens": [1, {"a": "b"}],
        "pin": 1234,
        "secret": None,
        "has_secret": True,
    }

    assert MASKER.value(value) == {
        "user": {"PASSWORD": "********", "name": "n"},
        "tokens": {"__masked__": True},
        "pin": 99999999,
        "secret": None,
        "has_secret": True,
    }


def test_a_pair_that_is_written_out_is_a_pair() -> None:
    assert MASKER.value([{"name": "password", "value": "x"}]) == [{"name": "password", "value": "********"}]


def test_what_is_nested_too_deep_to_look_at_is_masked() -> None:
    deep: Any = {"password": "hunter2"}
    for _ in range(300):
        deep = {"a": deep}

    assert "hunter2" not in str(MASKER.value(deep))


def test_the_value_handed_in_is_left_alone() -> None:
    value = {"password": "x", "list": [{"token": "y"}]}

    MASKER.value(value)

    assert value == {"password": "x", "list": [{"token": "y"}]}


def test_headers_keep_their_names_and_the_scheme_of_credentials() -> None:
    headers = {
        "Authorization": "Bearer abc.def",
        "Proxy-Authorization": "abcdef ghi",
        "Set-Cookie": ["a=1", "b=2"],
        "X-Api-Key": "k",
        "Location": "https://ann:pw@press.example/?token=t&page=1",
        "Accept": ["a", "b"],
    }

    assert MASKER.headers(headers) == {
        "Authorization": "Bearer ********",
        "Proxy-Authorization": "********",
        "Set-Cookie": "********",
        "X-Api-Key": "********",
        "Location": "https://********@press.example/?token=%2A%2A%2A%2A%2A%2A%2A%2A&page=1",
        "Accept": "a, b",
    }


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("https://h/p?a=1&b=x%20y", "https://h/p?a=1&b=x%20y"),
        (
            "https://u:p@h.example:8443/p/q?a=1&Token=zzz&b=x#frag",
            "https://********@h.example:8443/p/q?a=1&Token=%2A%2A%2A%2A%2A%2A%2A%2A&b=x#frag",
        ),
        ("https://token@h/", "https://********@h/"),
        ("https://h/?user%5Bpassword%5D=x", "https://h/?user%5Bpassword%5D=%2A%2A%2A%2A%2A%2A%2A%2A"),
        ("https://h/?api%5Fkey=x", "https://h/?api%5Fkey=%2A%2A%2A%2A%2A%2A%2A%2A"),
        ("https://h/?key=AIza&q=1", "https://h/?key=%2A%2A%2A%2A%2A%2A%2A%2A&q=1"),
        ("https://h/cb#access_token=x&state=1", "https://h/cb#access_token=%2A%2A%2A%2A%2A%2A%2A%2A&state=1"),
        ("https://h/?next=https%3A%2F%2Fu%3Ap%40i%2F", "https://h/?next=https%3A%2F%2F%2A%2A%2A%2A%2A%2A%2A%2A%40i%2F"),
        ("https://h/?token=", "https://h/?token="),
        ("http://[::1", "http://[::1"),
        ("", ""),
    ],
)
def test_an_address_loses_its_secrets_and_nothing_else(url: str, masked: str) -> None:
    assert MASKER.url(url) == masked


def test_json_is_masked_by_key_wherever_it_stands() -> None:
    body = json.dumps({"user": {"password": "p", "login": "l"}, "note": json.dumps({"token": "t"})})

    assert json.loads(MASKER.body(body, "text/plain")) == {
        "user": {"password": "********", "login": "l"},
        "note": '{"token":"********"}',
    }


def test_json_without_secrets_keeps_every_character() -> None:
    body = '{ "price": 1.10,\n "n": 12345678901234567890, "s": "\\u010d" }'

    assert MASKER.body(body, "application/json") == body


def test_a_key_that_comes_twice_does_not_save_its_first_value() -> None:
    assert "hunter2" not in MASKER.body('{"password": "hunter2", "password": null}', "application/json")


def test_a_key_that_is_written_with_escapes_is_the_same_key() -> None:
    assert "hunter2" not in MASKER.body('{"p\\u0061ssword": "hunter2"}', "application/json")


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 5000 + '"password=hunter2"', '{"password": "hunter2", '])
def test_what_only_looks_like_json_is_masked_as_a_text(body: str) -> None:
    assert "hunter2" not in MASKER.body(body, "application/json")


def test_a_form_is_masked_by_key() -> None:
    form = b"user=ann&password=hun%26ter2&user%5Bpin%5D=1&note=a+b"

    assert (
        MASKER.body(form, "application/x-www-form-urlencoded")
        == "user=ann&password=********&user%5Bpin%5D=********&note=a+b"
    )


def test_a_multipart_form_is_masked_by_the_name_of_the_part() -> None:
    body = (
        '--x\r\nContent-Disposition: form-data; name="password"\r\n\r\nhunter2\r\nand more\r\n'
        '--x\r\nContent-Disposition: form-data; name="title"\r\nContent-Type: text/plain\r\n\r\nWhales\r\n--x--\r\n'
    )

    masked = MASKER.body(body, "multipart/form-data; boundary=x")

    assert "hunter2" not in masked
    assert "and more" not in masked
    assert "Whales" in masked


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer hunter2",
        "authorization: hunter2 hunter2\nnext",
        "Cookie: a=1; sid=hunter2; b=hunter2",
        "headers={'Authorization': 'Bearer hunter2', 'X': 1}",
        "with Bearer hunter2.",
        "password=hunter2&a=1",
        "password = hunter2",
        "password: hunter2, user: ann",
        'login(password="hunter2")',
        "login(password='hun\\'ter2 hunter2')",
        "login(password=decrypt('hunter2'))",
        "{'user': 'ann', 'client_secret': 'hunter2'}",
        '{"token":"hunter2"}',
        '{"a": "{\\"token\\": \\"hunter2\\"}"}',
        '{"tokens": ["a", "hunter2"], "a": 1}',
        "{'secret': {'value': 'hunter2'}}",
        '"password": "hunter2 cut off',
        "api-key: hunter2",
        "API_KEY=hunter2",
        "secret=b'hunter2'",
        'secret = """hunter2"""',
        "db_pass=hunter2",
        "postgresql://ann:hunter2@db/x is out of reach",
        "amqp://ann:hun/hunter2@mq",
        "redis://:hunter2@cache:6379/0",
        "<user><password type='plain'>hunter2</password></user>",
        "<token><![CDATA[hunter2]]></token>",
        "password\n  Input should be a valid integer [type=int_parsing, input_value='hunter2', input_type=str]",
        "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_a_secret_in_a_text_is_masked(text: str) -> None:
    masked = MASKER.text(text)

    assert "hunter2" not in masked
    assert MASKER.text(masked) == masked


@pytest.mark.parametrize(
    "shape",
    [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789",
        "xoxb" + "-123456789012-abcdef",
        "sk_live" + "_abcdefgh12345678",
    ],
)
def test_what_has_the_shape_of_a_secret_is_masked_wherever_it_stands(shape: str) -> None:
    assert MASKER.text(f"it said {shape} and left") == "it said ******** and left"


@pytest.mark.parametrize(
    "text",
    [
        "the token is wrong",
        "KeyError: 'token'",
        "http://host:8080/path/a@b",
        "1 < 2 and 3 > 2",
        "Basic usage is explained",
        "ValueError: invalid literal for int() with base 10: 'x'",
        "a=1, b=2",
    ],
)
def test_a_text_without_secrets_stays_as_it_is(text: str) -> None:
    assert MASKER.text(text) == text


def test_ones_own_keys_are_found_in_texts_too() -> None:
    assert (
        Masker(keys=["card number"]).text("cardNumber: 4111, discard number: 5")
        == "cardNumber: ********, discard number: 5"
    )


def test_the_mask_may_be_anything() -> None:
    assert (
        Masker(mask_char="•", mask_length=4).text("password=x at https://a:b@h/") == "password=•••• at https://••••@h/"
    )


def test_a_masker_is_a_value() -> None:
    assert Masker(keys=["a"]) == Masker(keys=("a",))
    assert hash(Masker()) == hash(Masker())


def test_bytes_that_are_no_text_are_counted_not_shown() -> None:
    assert MASKER.value({"scan": b"\x00\x01"}) == {"scan": "<2 bytes>"}


# -- what is told of places ----------------------------------------------------------------------


PLACED = Masker(paths=["payload.user.tax_id", "body.pages.1.note", "headers.x-tenant"])


def test_a_dotted_path_is_masked_there_and_nowhere_else() -> None:
    body = {"user": {"Tax_ID": "hunter2"}, "tax_id": "free", "pages": [{"note": "a"}, {"note": "hunter2"}]}

    assert json.loads(PLACED.body(json.dumps(body), "application/json")) == {
        "user": {"Tax_ID": "********"},
        "tax_id": "free",
        "pages": [{"note": "a"}, {"note": "********"}],
    }


def test_a_dotted_path_reaches_into_forms_headers_and_json_in_a_string() -> None:
    assert PLACED.body("user[tax_id]=hunter2&tax_id=1", "application/x-www-form-urlencoded") == (
        "user[tax_id]=********&tax_id=1"
    )
    assert PLACED.headers({"X-Tenant": "hunter2", "X-Other": "a"}) == {"X-Tenant": "********", "X-Other": "a"}
    assert "hunter2" not in str(PLACED.message({"payload": json.dumps({"user": {"tax_id": "hunter2"}})}))


@pytest.mark.parametrize(
    "text",
    [
        '{"user": {"tax_id": "hunter2", "name": ',
        "ValueError: {'tax_id': 'hunter2'} is wrong",
        "<user><tax_id>hunter2</tax_id></user>",
        "user.tax_id\n  Input should be a number [type=number, input_value='hunter2', input_type=str]",
    ],
)
def test_where_places_cannot_be_told_the_name_is_enough(text: str) -> None:
    assert "hunter2" not in PLACED.body(text, "application/json")
    assert "hunter2" not in PLACED.text(text)


def test_ones_own_names_in_a_query_are_masked_wherever_the_address_stands() -> None:
    masker = Masker(url_query=["customer"])

    masked = "https://h/a?Customer=%2A%2A%2A%2A%2A%2A%2A%2A&page=1"
    assert masker.url("https://h/a?Customer=hunter2&page=1") == masked
    assert masker.text("GET https://h/a?Customer=hunter2&page=1.") == f"GET {masked}."
    assert masker.headers({"Location": "https://h/a?Customer=hunter2&page=1"}) == {"Location": masked}
    assert masker.value({"customer": "Ann"}) == {"customer": "Ann"}


def test_a_path_pattern_goes_by_position_and_a_route_by_its_words() -> None:
    positional = Masker(url_path="/users/{mask}/orders/{mask}")
    routes = Masker(url_routes=["/users/{mask}/orders/{mask}", "/cards/{any}/{mask}"])

    assert positional.url("https://h/clients/42/orders/77/x") == "https://h/clients/********/orders/********/x"
    assert routes.url("https://h/clients/42/orders/77/x") == "https://h/clients/42/orders/77/x"
    assert routes.url("https://h/USERS/42/orders/77/a b/") == "https://h/USERS/********/orders/********/a b/"
    assert routes.url("https://h/cards/visa/4111?x=1") == "https://h/cards/visa/********?x=1"
    assert routes.url("https://h/users/42") == "https://h/users/********"
    assert routes.url("https://h") == "https://h"


def test_a_path_is_masked_in_messages_too() -> None:
    masker = Masker(url_routes=["/users/{mask}"])

    for text in (
        "GET https://h/users/hunter2 is out of reach",
        "Max retries exceeded with url: /users/hunter2?page=1 (Caused by ...)",
        "(see https://h/users/hunter2).",
        "location='/users/hunter2?page=1'",
        "PATH=/users/hunter2",
    ):
        assert "hunter2" not in masker.text(text)
        assert "/users/********" in masker.text(text)


def test_a_relative_address_in_a_header_is_an_address() -> None:
    masker = Masker(url_routes=["/users/{mask}"], url_query=["customer"])

    assert masker.headers({"Location": "/users/hunter2?customer=1"}) == {
        "Location": "/users/********?customer=%2A%2A%2A%2A%2A%2A%2A%2A"
    }


def test_a_prefix_stays_where_it_is_told_to() -> None:
    masker = Masker(keys=["x-hub"], prefixes={"X-Hub": r"sha256="})

    assert masker.headers({"X-Hub": "sha256=hunter2", "Authorization": "Bearer hunter2"}) == {
        "X-Hub": "sha256=********",
        "Authorization": "Bearer ********",
    }
    assert masker.headers({"X-Hub": "sha256="}) == {"X-Hub": "********"}


def test_a_mask_has_a_character_and_a_length() -> None:
    masker = Masker(mask_char="•", mask_length=2)

    assert masker.value({"pin": "hunter2", "token": 7, "secret": [1]}) == {
        "pin": "•••",
        "token": 99,
        "secret": {"__masked__": True},
    }


def test_everything_that_is_wrong_with_a_masker_is_told_at_once() -> None:
    with pytest.raises(Misconfigured) as problems:
        Masker(
            patterns=["("],
            prefixes={"x": "["},
            mask_char="**",
            mask_length=0,
            paths=["payload..pin"],
            url_path="/users",
            url_routes=["/a/{user}"],
        )

    assert len(problems.value.problems) == 7


def test_a_pattern_that_names_a_key_masks_its_value_in_texts() -> None:
    masker = Masker(patterns=["(?i)nickname"])

    for text in ("nickname=hunter2", "{'old_nickname2': 'hunter2'}", '{"nickname": "hunter2', "Nickname: hunter2, x"):
        assert "hunter2" not in masker.text(text)


def test_a_masker_survives_pickling() -> None:
    masker = Masker(keys=["a"], paths=["payload.b"], prefixes={"a": "x"}, url_routes=["/{mask}"], mask_char="•")

    assert pickle.loads(pickle.dumps(masker)) == masker
