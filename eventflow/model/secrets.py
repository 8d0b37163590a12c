"""What a secret is called, and what it looks like."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

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

ALWAYS = frozenset({"authorization", "proxyauthorization", "cookie", "setcookie", "xapikey"})
"""Secrets' also for those who want none of the usual names."""

IN_ADDRESSES = frozenset({"key"})
"""A secret's in a query, harmless elsewhere: ``?key=``."""

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

SHAPED = ("_", "eyJ", "AKIA", "xox", "-----")
"""One of these is in every such shape: looking for them is far quicker than the expression above."""

LONGEST_KEPT = 80
"""Of longer keys it is not remembered whether they are secrets': they could be anything, and many."""

_SEPARATORS = re.compile(r"[\s_.\-:]+")
_WORDS = re.compile(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])")
_ROOT = re.compile("|".join(ROOTS))
# Keys in free text. No word character is looked for before a root, lest a long run of letters be read again and again.
_ROOTS_IN_TEXT = (
    r"(?:pass[-_. ]?(?:word|wd|phrase|code)|secret|token|credential|authorization|session[-_. ]?id"
    r"|(?:api|access|private|signing|encryption|shared)[-_. ]?key|connection[-_. ]?string)[\w.\-\[\]]{0,80}"
)
# Most texts have none of these.
_HINTS = (
    "pass", "secret", "token", "cred", "auth", "session", "key", "connection", "pwd", "pw", "cookie", "pin", "otp",
    "cvv", "cvc", "jwt", "sid", "ssn", "sig",
)  # fmt: skip


def normal(key: str) -> str:
    """A key as keys are compared: without case and separators.

    >>> normal("X-Api_Key"), normal("clientSecret")
    ('xapikey', 'clientsecret')
    """
    return _SEPARATORS.sub("", key).lower()


class Names:
    """Which keys are secrets': ``own`` ones, what one of the ``patterns`` is found in, and the ``usual`` ones.

    ``told`` are names that are secrets' in texts only, where it cannot be seen what they stand under.
    """

    def __init__(
        self, own: Iterable[str], patterns: Iterable[re.Pattern[str]], told: Iterable[str], *, usual: bool
    ) -> None:
        own, told = tuple(own), tuple(told)
        self._own, self._told = frozenset(map(normal, own)), frozenset(map(normal, told))
        self._patterns, self._usual = tuple(patterns), usual
        self.in_text = _in_text((*own, *told), usual=usual)
        # The keys of a conversation are few and come again with every item.
        self._known: Callable[[str], bool] = lru_cache(maxsize=1024)(self._is_secret)

    def hides(self, key: str) -> bool:
        """Whether what stands under this key is a secret."""
        return self._known(key) if len(key) <= LONGEST_KEPT else self._is_secret(key)

    def hides_told(self, key: str) -> bool:
        """Whether what a text says of this key is a secret."""
        return self.hides(key) or normal(key) in self._told

    def may_be_in(self, text: str) -> bool:
        """Whether it is worth looking for keys in a text; quick, and never a wrong no."""
        lower = text.lower()
        return bool(self._own or self._told) or any(hint in lower for hint in _HINTS)

    def _is_secret(self, key: str) -> bool:
        plain = normal(key)
        if plain in ALWAYS or plain in self._own or any(one.search(key) for one in self._patterns):
            return True
        words = [word for word in _WORDS.split(key) if word]
        if any(normal(word) in self._own for word in words):
            return True
        return self._usual and bool(_ROOT.search(plain) or (words and words[-1].lower() in ENDINGS))


def _in_text(further: Iterable[str], *, usual: bool) -> re.Pattern[str]:
    names = [*_spelt(key for key in further if normal(key))]
    names += sorted(ENDINGS, key=len, reverse=True) if usual else _ALWAYS_SPELT
    # At the beginning of a word, also where what is before it is encoded as in an address.
    whole = rf"(?:(?<![A-Za-z0-9])|(?<=%[0-9a-f][0-9a-f]))(?:{'|'.join(names)})\]?"
    return re.compile(f"{_ROOTS_IN_TEXT}|{whole}" if usual else whole, re.IGNORECASE)


def _spelt(keys: Iterable[str]) -> list[str]:
    return ["[-_. ]?".join(map(re.escape, _SEPARATORS.split(key.strip("-_. ")))) for key in keys]


_ALWAYS_SPELT = _spelt(("proxy-authorization", "authorization", "set-cookie", "cookie", "x-api-key"))
