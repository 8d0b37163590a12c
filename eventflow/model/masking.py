"""What must not be read in the log: secrets in headers, addresses, bodies, messages and tracebacks.

Safe without any configuration: whatever is called like a secret is masked, in every form in which it may turn up, and
what looks like a secret by its shape is masked wherever it stands. Own keys and patterns come on top. Masking happens
before anything is recorded and cannot be undone. Where it cannot be sure it masks too much rather than too little.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from json import JSONDecodeError, dumps, loads
from typing import Any
from urllib.parse import quote, unquote_plus

from eventflow.errors import Misconfigured

ROOTS = (
    "password", "passwd", "passphrase", "passcode", "secret", "token", "apikey", "accesskey", "privatekey",
    "signingkey", "encryptionkey", "sharedkey", "authorization", "credential", "sessionid", "connectionstring",
)  # fmt: skip
"""A key that contains one of these is a secret's, however it is written: ``clientSecret``, ``X-Api-Key``."""

ENDINGS = (
    "pass", "pwd", "pw", "auth", "cookie", "cookies", "pin", "otp", "totp", "cvv", "cvc", "jwt", "sid", "ssn", "sig",
    "signature",
)  # fmt: skip
"""A key whose last word is one of these is a secret's: ``db_pass``, ``Set-Cookie``, ``userPwd``."""

IN_ADDRESSES = ("key",)
"""A secret's in a query, harmless elsewhere: ``?key=``."""

DEEPEST = 100
"""What is nested deeper than this is not looked at but masked whole."""

SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?<![\w-])eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?"  # a JSON web token
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}"
    r"|(?<![\w-])xox[abeoprs]-[\w-]{8,}"
    r"|\b[sr]k_(?:live|test)_\w{8,}",
    re.DOTALL,
)
"""Secrets that are known by their shape, whatever they are called."""

LONGEST_KEPT = 80
"""Of longer keys it is not remembered whether they are secrets': they could be anything, and many."""

_SEPARATORS = re.compile(r"[\s_.\-:]+")
_WORDS = re.compile(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])")
_ROOT = re.compile("|".join(ROOTS))

_SCHEME = re.compile(r"\s*(bearer|basic|digest|token|apikey|api-key|negotiate|hmac)\s+(?=\S)", re.IGNORECASE)
_CREDENTIALS = re.compile(
    r"\b(bearer|negotiate|basic(?=\s+(?-i:[a-z]*[A-Z0-9])))(\s+)[^\s\"'\\,;<>(){}\[\]*]+", re.IGNORECASE
)
_RUN = re.compile(r"[^\s\"'<>]*")
_AUTHORITY = re.compile(r"[^\s/?#\"'<>]*")
_PORT = re.compile(r"[^:]*:\d{1,5}(?:[/?#]|\Z)")
_MISFIT = re.compile(r"^([\w.]{1,200})\n( +[^\n]{0,1000}?\[type=[^\n]{0,200}?input_value=)([^\n]*)", re.MULTILINE)
_ELEMENT = re.compile(r"(<([\w.:\-]{1,80})(?:\s[^<>]{0,1000})?>)(\s*<!\[CDATA\[.*?(?:\]\]>|\Z)|[^<]+)", re.DOTALL)
_PART = re.compile(
    r"(Content-Disposition:[^\r\n]*\bname=\"?([^\";\r\n]+)[^\r\n]*\r?\n(?:[^\r\n]+\r?\n){0,20}\r?\n)(.*?)(?=\r?\n--|\Z)",
    re.IGNORECASE | re.DOTALL,
)

# Keys in free text. No word character is looked for before a root, lest a long run of letters be read again and again.
_KEYS = (
    r"(?:pass[-_. ]?(?:word|wd|phrase|code)|secret|token|credential|authorization|session[-_. ]?id"
    r"|(?:api|access|private|signing|encryption|shared)[-_. ]?key|connection[-_. ]?string)[\w.\-\[\]]{0,80}"
    rf"|(?<![A-Za-z0-9])(?:{'|'.join(sorted(ENDINGS, key=len, reverse=True))})\]?"
)
# Looking for a few words is far quicker than the expressions above; most texts have none of them.
_HINTS = (
    "pass", "secret", "token", "cred", "auth", "session", "key", "connection", "pwd", "pw", "cookie", "pin", "otp",
    "cvv", "cvc", "jwt", "sid", "ssn", "sig",
)  # fmt: skip
_SHAPED = ("_", "eyJ", "AKIA", "xox", "-----")
_SAYS = re.compile(r"(?:\\*[\"'])?\]?\s*(?:=>|:=|==?|:)[ \t]*(?:[bBrRuUfF]{1,2}(?=[\"']))?")
_BARE = re.compile(r"(?:[^\s,;&<>\"'(){}\[\]\\]|,(?![\s\"']|[\w.\-]+\s*[=:])|\\(?![\"'nrt]))*")
_TO_THE_END = re.compile(r"(?:authorization|cookies?)\]?\Z", re.IGNORECASE)
_LINE = re.compile(r"[^\r\n\"']*")
_CLOSING = {"{": "}", "[": "]", "(": ")"}


def normal(key: str) -> str:
    """A key as keys are compared: without case and separators.

    >>> normal("X-Api_Key"), normal("clientSecret")
    ('xapikey', 'clientsecret')
    """
    return _SEPARATORS.sub("", key).lower()


@dataclass(frozen=True)
class Masker:
    """Puts ``mask`` in the place of secrets.

    ``keys`` are further names of secrets, compared without case and separators. ``patterns`` are regular expressions:
    a key that one is found in is a secret's, and in texts what one matches is masked. Raises ``Misconfigured`` for
    patterns that do not compile, naming each of them.

    >>> Masker(keys=["iban"]).value({"user": {"Password": "hunter2", "name": "Ann"}, "IBAN": "SI56"})
    {'user': {'Password': '***', 'name': 'Ann'}, 'IBAN': '***'}
    """

    keys: Iterable[str] = ()
    patterns: Iterable[str] = ()
    mask: str = "***"
    _own: frozenset[str] = field(init=False, repr=False, compare=False)
    _compiled: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False)
    _in_text: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _known: Callable[[str], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        keys = (self.keys,) if isinstance(self.keys, str) else tuple(self.keys)
        patterns = (self.patterns,) if isinstance(self.patterns, str) else tuple(self.patterns)
        object.__setattr__(self, "keys", keys)
        object.__setattr__(self, "patterns", patterns)
        object.__setattr__(self, "_own", frozenset(normal(key) for key in keys))
        object.__setattr__(self, "_compiled", _compiled(patterns))
        object.__setattr__(self, "_in_text", _keys_in_text(keys))
        # The keys of a conversation are few and come again with every item.
        object.__setattr__(self, "_known", lru_cache(maxsize=1024)(self._is_secret))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.keys, self.patterns, self.mask)

    def hides(self, key: str) -> bool:
        """Whether what stands under this key is a secret."""
        return self._known(key) if len(key) <= LONGEST_KEPT else self._is_secret(key)

    def _is_secret(self, key: str) -> bool:
        plain = normal(key)
        if _ROOT.search(plain) or plain in self._own or any(one.search(key) for one in self._compiled):
            return True
        words = [word for word in _WORDS.split(key) if word]
        return bool(words) and (words[-1].lower() in ENDINGS or any(normal(word) in self._own for word in words))

    def headers(self, headers: Mapping[str, Any]) -> dict[str, str]:
        """The headers of a message; of credentials the scheme stays.

        >>> Masker().headers({"Authorization": "Bearer abc", "Cookie": "a=1; b=2", "Accept": "*/*"})
        {'Authorization': 'Bearer ***', 'Cookie': '***', 'Accept': '*/*'}
        """
        return {name: self._header(name, value) for name, value in headers.items()}

    def url(self, url: str) -> str:
        """An address: without userinfo, with secrets in its query and fragment masked.

        >>> Masker().url("https://ann:pw@press.example/a?page=1&api_key=k#access_token=t")
        'https://***@press.example/a?page=1&api_key=***#access_token=***'
        """
        rest, hash, fragment = url.partition("#")
        path, mark, query = rest.partition("?")
        return self.text(path) + mark + self._pairs(query, IN_ADDRESSES) + hash + self._pairs(fragment, IN_ADDRESSES)

    def body(self, content: bytes | str, content_type: str | None = None) -> str:
        """The text of a body: JSON, a form, a multipart form or whatever else, each masked in its own way.

        >>> Masker().body(b'{"token": "t", "pages": [{"pin": 1}]}', "application/json")
        '{"token":"***","pages":[{"pin":"***"}]}'
        """
        text = content if isinstance(content, str) else decoded(content, content_type)
        kind = (content_type or "").lower()
        if "x-www-form-urlencoded" in kind:
            return self._pairs(text)
        if "multipart/" in kind:
            text = _PART.sub(self._masked_part, text)
        return self._string(text)

    def text(self, text: str) -> str:
        """A message, a traceback, a line of a log.

        >>> Masker().text('login(password="hunter2", user="ann") at https://ann:pw@h/ with Bearer abc.def')
        'login(password="***", user="ann") at https://***@h/ with Bearer ***'
        """
        for pattern in self._compiled:
            text = pattern.sub(self._whole, text)
        if any(hint in text for hint in _SHAPED):
            text = SHAPES.sub(self._whole, text)
        if "://" in text:
            text = "".join(self._addressed(text))
        if "<" in text:
            text = _ELEMENT.sub(self._masked_element, text)
        if "input_value=" in text:
            text = _MISFIT.sub(self._masked_misfit, text)
        if (":" in text or "=" in text) and self._may_tell(text):
            text = "".join(self._said(text))
        return _CREDENTIALS.sub(rf"\g<1>\g<2>{self._literal}", text)

    def value(self, value: Any) -> Any:
        """JSON as Python has it, masked by its keys at any depth; strings are masked as texts (or as JSON in a string).

        What is under a secret's key becomes the mask whole, whatever it is; ``None``, ``True`` and ``False`` stay.
        """
        return self._value(value, 0)

    def _may_tell(self, text: str) -> bool:
        lower = text.lower()
        return any(hint in lower for hint in _HINTS) or bool(self._own)

    def _value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self._string(value, depth)
        if depth > DEEPEST:
            return self.mask
        if isinstance(value, Mapping):
            return {key: self._under(str(key), one, depth) for key, one in self._named(value).items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self._value(one, depth + 1) for one in value]
        if isinstance(value, (bytes, bytearray, memoryview)):
            return f"<{len(value)} bytes>"
        return value

    def _under(self, key: str, value: Any, depth: int) -> Any:
        return self._hidden(value) if self.hides(key) else self._value(value, depth + 1)

    def _hidden(self, value: Any) -> Any:
        return value if value is None or isinstance(value, bool) else self.mask

    def _named(self, value: Mapping[Any, Any]) -> Mapping[Any, Any]:
        # {"name": "password", "value": …}: a pair written out, as in HAR files and many forms.
        name = value.get("name", value.get("key"))
        if "value" in value and isinstance(name, str) and self.hides(name):
            return {**value, "value": self._hidden(value["value"])}
        return value

    def _string(self, text: str, depth: int = 0) -> str:
        if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
            try:
                return self._json(text.lstrip("\ufeff"), depth)
            except (JSONDecodeError, RecursionError):
                pass  # it only looked like JSON: a text like any other
        return self.text(text)

    def _json(self, text: str, depth: int) -> str:
        doubled = False

        def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
            nonlocal doubled
            doubled = doubled or len({key for key, _ in found}) < len(found)
            return dict(found)

        value = loads(text, object_pairs_hook=pairs)
        masked = self._value(value, depth + 1)
        # A key that comes twice hides its first value from us, but not from a reader of the text.
        return text if masked == value and not doubled else dumps(masked, ensure_ascii=False, separators=(",", ":"))

    def _header(self, name: str, value: Any) -> str:
        text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        if not self.hides(name):
            return self.url(text) if "://" in text else self.text(text)
        scheme = _SCHEME.match(text) if "authorization" in name.lower() else None
        return f"{scheme[1]} {self.mask}" if scheme else self.mask

    def _pairs(self, query: str, also: tuple[str, ...] = ()) -> str:
        parts = re.split("([&;])", query)
        return "".join(part if part in "&;" else self._pair(part, also) for part in parts)

    def _pair(self, pair: str, also: tuple[str, ...]) -> str:
        key, equals, value = pair.partition("=")
        plain = unquote_plus(key)
        if value and (self.hides(plain) or normal(plain) in also):
            return f"{key}{equals}{quote(self.mask, safe='*')}"
        before = unquote_plus(value if equals else key)
        after = self._string(before)
        if after == before:
            return pair
        return (key + equals if equals else "") + quote(after, safe="*")

    def _said(self, text: str) -> Iterator[str]:
        """The text in pieces, with the mask for what stands behind a secret's key."""
        done = at = 0
        while key := self._in_text.search(text, at):
            at = key.end()
            if says := _SAYS.match(text, at):
                begin, end, at = _extent(text, says.end(), key[0])
                if begin < end:
                    yield text[done:begin]
                    yield self._kept_scheme(text[begin:end], key[0])
                    done = end
        yield text[done:]

    def _addressed(self, text: str) -> Iterator[str]:
        """The text in pieces, with the mask for the userinfo of addresses."""
        done = at = run = 0
        last = -1
        while (at := text.find("://", at)) >= 0:
            at += 3
            if at > run:
                run = _end(_RUN, text, at)
                last = text.rfind("@", at, run)
            stop = _end(_AUTHORITY, text, at)
            cut = text.rfind("@", at, stop)
            # A password may hold a slash that nobody escaped; then it goes up to the last @. A port is no password.
            if cut < at and text.find(":", at, stop) > at and not _PORT.match(text, at, run):
                cut = last
            if cut >= at:
                yield text[done:at]
                yield self.mask
                done = at = cut
        yield text[done:]

    def _kept_scheme(self, value: str, key: str) -> str:
        scheme = _SCHEME.match(value) if "authorization" in key.lower() else None
        return f"{scheme[1]} {self.mask}" if scheme else self.mask

    def _masked_element(self, found: re.Match[str]) -> str:
        return found[1] + self.mask if found[3].strip() and self.hides(found[2]) else found[0]

    def _masked_misfit(self, found: re.Match[str]) -> str:
        # What pydantic says of a value that does not fit: the field on one line, the value on the next.
        return f"{found[1]}\n{found[2]}{self.mask}]" if self.hides(found[1]) else found[0]

    def _masked_part(self, found: re.Match[str]) -> str:
        return found[1] + (self.mask if self.hides(found[2]) else self._string(found[3]))

    def _whole(self, found: re.Match[str]) -> str:
        return self.mask if found[0] else ""

    @property
    def _literal(self) -> str:
        return self.mask.replace("\\", "\\\\")


def decoded(content: bytes, content_type: str | None = None) -> str:
    """The text of a body by the charset it declares, or by UTF-8; what cannot be read is replaced, not refused."""
    found = re.search(r"charset=\"?([\w\-]+)", content_type or "", re.IGNORECASE)
    try:
        return content.decode(found[1] if found else "utf-8", "replace")
    except (LookupError, ValueError):  # a charset that nobody knows, or that is no charset of texts
        return content.decode("utf-8", "replace")


def _extent(text: str, at: int, key: str) -> tuple[int, int, int]:
    """Where the value that begins at ``at`` begins and ends without its quotes, and where to go on reading."""
    if escaped := re.compile(r"\\+[\"']").match(text, at):
        end = re.compile(rf"(?<!\\){re.escape(escaped[0])}").search(text, escaped.end())
        stop = end.start() if end else len(text)
        return escaped.end(), stop, end.end() if end else stop
    if text[at : at + 3] in ('"""', "'''"):
        end = re.compile(re.escape(text[at : at + 3])).search(text, at + 3)
        stop = end.start() if end else len(text)
        return at + 3, stop, min(stop + 3, len(text))
    if text[at : at + 1] in ('"', "'"):
        inner = re.compile(rf"(?:[^\\{text[at]}]|\\.)*+", re.DOTALL).match(text, at + 1)
        stop = inner.end() if inner else at + 1
        # A lone backslash at the very end belongs to the value that was cut there.
        stop = len(text) if text[stop:] == "\\" else stop
        return at + 1, stop, min(stop + 1, len(text))
    if text[at : at + 1] in _CLOSING:
        stop = _closed(text, at)
        return at, stop, stop
    stop = _end(_LINE if _TO_THE_END.search(key) else _BARE, text, at)
    if at < stop and text[stop : stop + 1] == "(":  # a call: its arguments may tell
        stop = _closed(text, stop)
    return at, stop, stop


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _closed(text: str, at: int) -> int:
    """The end of what a bracket opens; the end of the text when it is never closed."""
    waiting: list[str] = []
    quoted = ""
    position = at
    while position < len(text):
        one = text[position]
        if one == "\\":
            position += 1
        elif quoted:
            quoted = "" if one == quoted else quoted
        elif one in "\"'":
            quoted = one
        elif one in _CLOSING:
            waiting.append(_CLOSING[one])
        elif waiting and one == waiting[-1]:
            waiting.pop()
            if not waiting:
                return position + 1
        position += 1
    return len(text)


def _keys_in_text(keys: Iterable[str]) -> re.Pattern[str]:
    own = ["[-_. ]?".join(map(re.escape, _SEPARATORS.split(key.strip("-_. ")))) for key in keys if normal(key)]
    further = rf"|(?<![A-Za-z0-9])(?:{'|'.join(own)})\]?" if own else ""
    return re.compile(_KEYS + further, re.IGNORECASE)


def _compiled(patterns: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    found, problems = [], []
    for pattern in patterns:
        try:
            found.append(re.compile(pattern))
        except re.error as error:
            problems.append(f'The masking pattern "{pattern}" is no regular expression: {error}.')
    if problems:
        raise Misconfigured(*problems)
    return tuple(found)
