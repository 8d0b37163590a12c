"""What must not be read in the log: secrets in headers, addresses, bodies, messages and tracebacks.

Safe without any configuration: whatever is called like a secret is masked, in every form in which it may turn up, and
what looks like a secret by its shape is masked wherever it stands. Own keys, paths and patterns come on top. Masking
happens before anything is recorded and cannot be undone. Where it cannot be sure it masks too much rather than too
little.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from json import JSONDecodeError, dumps, loads
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, unquote_plus

from eventflow.errors import Misconfigured
from eventflow.model.addresses import PLACE, masked_path, masked_query, segments, without_userinfo
from eventflow.model.places import below, field_of_form, leaves, places
from eventflow.model.quoting import value_of
from eventflow.model.secrets import IN_ADDRESSES, SHAPED, SHAPES, Names, normal

DEEPEST = 100
"""What is nested deeper than this is not looked at but masked whole."""

SCHEME = r"\s*(?i:bearer|basic|digest|token|apikey|api-key|negotiate|hmac)\s+(?=\S)"
"""What stays of credentials: the scheme. Of an unknown one nothing stays, it may be half of a secret."""

MASKED = "__masked__"
"""The only key of what stands for an object or a list."""

_CREDENTIALS = re.compile(
    r"\b(bearer|negotiate|basic(?=\s+(?-i:[a-z]*[A-Z0-9])))(\s+)[^\s\"'\\,;<>(){}\[\]*]+", re.IGNORECASE
)
_ADDRESS = re.compile(r"\bhttps?://[^\s\"'<>\\^`{|}]*[^\s\"'<>\\^`{|}.,;:!?)\]]", re.IGNORECASE)
_TARGET = re.compile(r"(?<=\burl: )/[^\s\"'<>()]*")  # as urllib3 says it, without the host
_PATH = re.compile(r"(?<![\w/.:%*])/[^\s\"'<>()?#]+")
_MISFIT = re.compile(r"^([\w.]{1,200})\n( +[^\n]{0,1000}?\[type=[^\n]{0,200}?input_value=)([^\n]*)", re.MULTILINE)
_ELEMENT = re.compile(r"(<([\w.:\-]{1,80})(?:\s[^<>]{0,1000})?>)(\s*<!\[CDATA\[.*?(?:\]\]>|\Z)|[^<]+)", re.DOTALL)
_PART = re.compile(
    r"(Content-Disposition:[^\r\n]*\bname=\"?([^\";\r\n]+)[^\r\n]*\r?\n(?:[^\r\n]+\r?\n){0,20}\r?\n)(.*?)(?=\r?\n--|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_REST_OF_KEY = re.compile(r"[\w.\-\[\]]{0,80}")


@dataclass(frozen=True)
class Masker:
    """Puts a mask in the place of secrets.

    * ``keys``: further names of secrets, compared without case and separators, at any depth.
    * ``patterns``: regular expressions; a key that one is found in is a secret's, and in texts what one matches is
      masked.
    * ``paths``: places in a message, ``payload.user.tax_id`` or ``payload.0.pin`` or ``headers.x-tenant``, without
      case; ``body`` says the same as ``payload``.
    * ``url_query``: names in the query of addresses. ``url_path``: ``/users/{mask}/orders/{mask}``, by position
      whatever the other segments are. ``url_routes``: the same for addresses whose other segments are as written;
      ``{any}`` stands for any.
    * ``prefixes``: for a key, a regular expression for the beginning that stays; the scheme of credentials does.
    * ``mask_char``, ``mask_length``: what a mask is made of. A masked number is as many nines, a masked object or list
      is ``{"__masked__": true}``; ``None``, ``True`` and ``False`` stay.
    * ``usual``: with the usual names of secrets. Without them ``Authorization``, cookies, ``X-Api-Key`` and userinfo
      are masked all the same, and what looks like a secret.

    Raises ``Misconfigured`` with everything that is wrong with them: patterns that do not compile, say.

    >>> Masker(keys=["iban"]).value({"user": {"Password": "hunter2", "name": "Ann"}, "IBAN": "SI56", "pin": 1234})
    {'user': {'Password': '********', 'name': 'Ann'}, 'IBAN': '********', 'pin': 99999999}
    """

    keys: Iterable[str] = ()
    patterns: Iterable[str] = ()
    paths: Iterable[str] = field(default=(), kw_only=True)
    url_query: Iterable[str] = field(default=(), kw_only=True)
    url_path: str | None = field(default=None, kw_only=True)
    url_routes: Iterable[str] = field(default=(), kw_only=True)
    prefixes: Mapping[str, str] = field(default_factory=dict, kw_only=True, hash=False)
    mask_char: str = field(default="*", kw_only=True)
    mask_length: int = field(default=8, kw_only=True)
    usual: bool = field(default=True, kw_only=True)
    _names: Names = field(init=False, repr=False, compare=False)
    _in_query: frozenset[str] = field(init=False, repr=False, compare=False)
    _places: frozenset[str] = field(init=False, repr=False, compare=False)
    _compiled: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False)
    _kept: Mapping[str, re.Pattern[str]] = field(init=False, repr=False, compare=False)
    _pattern: list[str] = field(init=False, repr=False, compare=False)
    _routes: list[list[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("keys", "patterns", "paths", "url_query", "url_routes"):
            self._set(name, _several(getattr(self, name)))
        self._set("prefixes", MappingProxyType(dict(self.prefixes)))
        if problems := [*_shape_problems(self), *_pattern_problems([*self.patterns, *self.prefixes.values()])]:
            raise Misconfigured(*problems)
        compiled = tuple(map(re.compile, self.patterns))
        masked = places(self.paths)
        self._set("_compiled", compiled)
        self._set("_places", masked)
        self._set("_names", Names(self.keys, compiled, (*leaves(masked), *self.url_query), usual=self.usual))
        self._set("_in_query", frozenset(map(normal, self.url_query)) | (IN_ADDRESSES if self.usual else frozenset()))
        self._set("_kept", _kept(self.prefixes))
        self._set("_pattern", segments(self.url_path or ""))
        self._set("_routes", [segments(one) for one in self.url_routes])

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        told = {one.name: getattr(self, one.name) for one in fields(self) if one.init}
        return _again, ({**told, "prefixes": dict(self.prefixes)},)

    @property
    def mask(self) -> str:
        """What stands in the place of a text: never so short that it could be read as one."""
        return self.mask_char * max(3, self.mask_length)

    def hides(self, key: str) -> bool:
        """Whether what stands under this key is a secret, wherever the key stands."""
        return self._names.hides(key)

    def message(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """A message as one value: its ``url`` masked as an address, all else by key and path.

        >>> told = {"url": "https://press.example/a?token=t", "payload": {"user": {"tax_id": "1"}, "tax_id": "2"}}
        >>> Masker(paths=["payload.user.tax_id"]).message(told)["payload"]
        {'user': {'tax_id': '********'}, 'tax_id': '2'}
        """
        return {key: self._part(str(key), one) for key, one in message.items()}

    def _part(self, key: str, value: Any) -> Any:
        if key.lower() == "url" and isinstance(value, str) and not self._is_hidden(key, self._root("url")):
            return self.url(value)
        return self._under(key, value, self._root(key.lower()), 0)

    def headers(self, headers: Mapping[str, Any]) -> dict[str, str]:
        """The headers of a message; of credentials the scheme stays.

        >>> Masker().headers({"Authorization": "Bearer abc", "Cookie": "a=1; b=2", "Accept": "*/*"})
        {'Authorization': 'Bearer ********', 'Cookie': '********', 'Accept': '*/*'}
        """
        return {name: self._header(name, value) for name, value in headers.items()}

    def url(self, url: str) -> str:
        """An address: without userinfo, with secrets in its path, query and fragment masked.

        >>> Masker(mask_length=3).url("https://ann:pw@press.example/a?page=1&api_key=k#access_token=t")
        'https://***@press.example/a?page=1&api_key=%2A%2A%2A#access_token=%2A%2A%2A'
        """
        rest, hash, fragment = url.partition("#")
        path, mark, query = rest.partition("?")
        if "://" in path:
            path = "".join(without_userinfo(path, self.mask))
        if self._pattern or self._routes:
            path = masked_path(path, self._pattern, self._routes, self.mask)
        return self._plain(path) + mark + self._query(query) + hash + self._query(fragment)

    def body(self, content: bytes | str, content_type: str | None = None) -> str:
        """The text of a body: JSON, a form, a multipart form or whatever else, each masked in its own way.

        >>> Masker().body(b'{"token": "t", "pages": [{"pin": 1}]}', "application/json")
        '{"token":"********","pages":[{"pin":99999999}]}'
        """
        text = content if isinstance(content, str) else decoded(content, content_type)
        kind = (content_type or "").lower()
        if "x-www-form-urlencoded" in kind:
            return "".join(self._form(text))
        if "multipart/" in kind:
            text = _PART.sub(self._masked_part, text)
        return self._string(text, self._root("payload"))

    def text(self, text: str) -> str:
        """A message, a traceback, a line of a log.

        >>> Masker().text('login(password="hunter2", user="ann") at https://ann:pw@h/ with Bearer abc.def')
        'login(password="********", user="ann") at https://********@h/ with Bearer ********'
        """
        if "://" in text:
            text = "".join(without_userinfo(text, self.mask))
            text = _ADDRESS.sub(lambda found: self.url(found[0]), text)
        if "url: /" in text:
            text = _TARGET.sub(lambda found: self.url(found[0]), text)
        if self._routes and "/" in text:  # a route knows its words; by position a path of files would be one, too
            text = _PATH.sub(lambda found: masked_path(found[0], (), self._routes, self.mask), text)
        return self._plain(text)

    def value(self, value: Any) -> Any:
        """JSON as Python has it, masked by its keys at any depth; strings are masked as texts (or as JSON in a string).

        What is under a secret's key becomes a mask whole, whatever it is; ``None``, ``True`` and ``False`` stay.
        """
        return self._value(value, self._root(""), 0)

    # -- values ----------------------------------------------------------------------------------

    def _root(self, place: str) -> str | None:
        """Where a value begins; ``None`` where nobody asks, since no paths are masked."""
        return place if self._places else None

    def _is_hidden(self, key: str, at: str | None) -> bool:
        return self.hides(key) or (at is not None and at in self._places)

    def _value(self, value: Any, at: str | None, depth: int) -> Any:
        if isinstance(value, str):
            return self._string(value, at, depth)
        if depth > DEEPEST:
            return self.mask
        if isinstance(value, Mapping):
            named = self._named(value)
            return {key: self._under(str(key), one, below(at, str(key)), depth) for key, one in named.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self._under("", one, below(at, str(place)), depth) for place, one in enumerate(value)]
        if isinstance(value, (bytes, bytearray, memoryview)):
            return f"<{len(value)} bytes>"
        return value

    def _under(self, key: str, value: Any, at: str | None, depth: int) -> Any:
        return self._hidden(value, key) if self._is_hidden(key, at) else self._value(value, at, depth + 1)

    def _hidden(self, value: Any, key: str) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._beginning(value, key)
        if isinstance(value, (int, float)):
            return int("9" * max(1, self.mask_length))
        return {MASKED: True} if isinstance(value, (Mapping, list, tuple, set, frozenset)) else self.mask

    def _beginning(self, value: str, key: str) -> str:
        """The mask, behind what may stay of the value under this key."""
        kept = self._kept.get(normal(key))
        found = kept.match(value) if kept else None
        return found[0] + self.mask if found and found.end() < len(value) else self.mask

    def _named(self, value: Mapping[Any, Any]) -> Mapping[Any, Any]:
        # {"name": "password", "value": …}: a pair written out, as in HAR files and many forms.
        name = value.get("name", value.get("key"))
        if "value" in value and isinstance(name, str) and self.hides(name):
            return {**value, "value": self._hidden(value["value"], name)}
        return value

    def _string(self, text: str, at: str | None, depth: int = 0) -> str:
        if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
            try:
                return self._json(text.lstrip("\ufeff"), at, depth)
            except (JSONDecodeError, RecursionError):
                pass  # it only looked like JSON: a text like any other
        return self.text(text)

    def _json(self, text: str, at: str | None, depth: int) -> str:
        doubled = False

        def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
            nonlocal doubled
            doubled = doubled or len({key for key, _ in found}) < len(found)
            return dict(found)

        value = loads(text, object_pairs_hook=pairs)
        masked = self._value(value, at, depth + 1)
        # A key that comes twice hides its first value from us, but not from a reader of the text.
        return text if masked == value and not doubled else dumps(masked, ensure_ascii=False, separators=(",", ":"))

    # -- headers, queries, forms -----------------------------------------------------------------

    def _header(self, name: str, value: Any) -> str:
        text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        if self._is_hidden(name, below(self._root("headers"), name)):
            return self._beginning(text, name)
        return self.url(text) if "://" in text or text.startswith("/") else self.text(text)

    def _query(self, query: str) -> str:
        return masked_query(query, self._asked) if query else query

    def _asked(self, pair: str) -> str:
        return self._pair(pair, lambda key: self.hides(key) or normal(key) in self._in_query, safe="")

    def _form(self, form: str) -> Iterator[str]:
        root = self._root("payload")
        for part in re.split("([&;])", form):
            yield (
                part
                if part in "&;"
                else self._pair(part, lambda key: self._is_hidden(key, field_of_form(root, key)), "*")
            )

    def _pair(self, pair: str, is_hidden: Callable[[str], bool], safe: str) -> str:
        key, equals, value = pair.partition("=")
        if value and is_hidden(unquote_plus(key)):
            return f"{key}{equals}{quote(self.mask, safe=safe)}"
        before = unquote_plus(value if equals else key)
        after = self._string(before, None)
        if after == before:
            return pair
        return (key + equals if equals else "") + quote(after, safe=safe)

    def _masked_part(self, found: re.Match[str]) -> str:
        place = field_of_form(self._root("payload"), found[2])
        return found[1] + (self.mask if self._is_hidden(found[2], place) else self._string(found[3], place))

    # -- texts -----------------------------------------------------------------------------------

    def _plain(self, text: str) -> str:
        """A text of which the addresses have been seen to."""
        for pattern in self._compiled:
            text = "".join(self._matched(text, pattern))
        if any(hint in text for hint in SHAPED):
            text = SHAPES.sub(lambda found: self.mask, text)
        if "<" in text:
            text = _ELEMENT.sub(self._masked_element, text)
        if "input_value=" in text:
            text = _MISFIT.sub(self._masked_misfit, text)
        if (":" in text or "=" in text) and self._names.may_be_in(text):
            text = "".join(self._said(text))
        return _CREDENTIALS.sub(lambda found: f"{found[1]}{found[2]}{self.mask}", text)

    def _matched(self, text: str, pattern: re.Pattern[str]) -> Iterator[str]:
        """The text in pieces, with the mask for what a pattern matches and, where that is a key, for its value."""
        done = 0
        for found in pattern.finditer(text):
            if found.start() < done or not found[0]:
                continue
            yield text[done : found.start()]
            yield self.mask
            done = found.end()
            rest = _REST_OF_KEY.match(text, done)
            said = value_of(text, rest.end() if rest else done, found[0])
            if said and said.begin < said.end:
                yield text[done : said.begin]
                yield self.mask
                done = said.end
        yield text[done:]

    def _said(self, text: str) -> Iterator[str]:
        """The text in pieces, with the mask for what stands behind a secret's key."""
        done = at = 0
        masked = quote(self.mask, safe="")  # in an address: it was seen to
        while key := self._names.in_text.search(text, at):
            at = key.end()
            if said := value_of(text, at, key[0]):
                at = said.after
                if text[said.begin : said.end] not in ("", masked):
                    yield text[done : said.begin]
                    yield self._beginning(text[said.begin : said.end], key[0].rstrip("]"))
                    done = said.end
        yield text[done:]

    def _masked_element(self, found: re.Match[str]) -> str:
        return found[1] + self.mask if found[3].strip() and self._names.hides_told(found[2]) else found[0]

    def _masked_misfit(self, found: re.Match[str]) -> str:
        # What pydantic says of a value that does not fit: the field on one line, the value on the next.
        hides = self._names.hides_told(found[1].rpartition(".")[2]) or self._names.hides_told(found[1])
        return f"{found[1]}\n{found[2]}{self.mask}]" if hides else found[0]


def decoded(content: bytes, content_type: str | None = None) -> str:
    """The text of a body by the charset it declares, or by UTF-8; what cannot be read is replaced, not refused."""
    found = re.search(r"charset=\"?([\w\-]+)", content_type or "", re.IGNORECASE)
    try:
        return content.decode(found[1] if found else "utf-8", "replace")
    except (LookupError, ValueError):  # a charset that nobody knows, or that is no charset of texts
        return content.decode("utf-8", "replace")


def _again(told: dict[str, Any]) -> Masker:
    return Masker(**told)


def _several(told: Iterable[str]) -> tuple[str, ...]:
    return (told,) if isinstance(told, str) else tuple(told)


def _kept(prefixes: Mapping[str, str]) -> dict[str, re.Pattern[str]]:
    usual = dict.fromkeys(("authorization", "proxyauthorization"), re.compile(SCHEME))
    return usual | {normal(key): re.compile(prefix) for key, prefix in prefixes.items()}


def _shape_problems(masker: Masker) -> Iterator[str]:
    one = masker.mask_char
    if len(one) != 1 or not one.isprintable() or one in " \"'\\%&;=<>":
        yield f"A mask is made of one character that no format has a use for, not of {one!r}."
    if masker.mask_length < 1:
        yield f"A mask is at least one character long, not {masker.mask_length}."
    for path in masker.paths:
        if not all(path.split(".")):
            yield f'The masking path "{path}" has an empty segment; it should be like "payload.user.pin".'
    for route in (*([masker.url_path] if masker.url_path is not None else []), *masker.url_routes):
        if PLACE not in segments(route):
            yield f'The masking pattern "{route}" for addresses masks nothing; it should be like "/users/{PLACE}".'


def _pattern_problems(patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            yield f'The masking pattern "{pattern}" is no regular expression: {error}.'
