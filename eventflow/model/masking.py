"""What must not be read in the log: secrets in headers, addresses, bodies, messages and tracebacks.

Safe without any configuration: whatever is called like a secret is masked, in every form in which it may turn up.
Own keys and patterns come on top. Masking is one-way and happens before anything is recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from json import JSONDecodeError, dumps, loads
from typing import Any
from urllib.parse import quote, unquote, unquote_plus

from eventflow.errors import Misconfigured

ROOTS = (
    "password", "passwd", "passphrase", "passcode", "secret", "token", "apikey", "accesskey", "privatekey",
    "signingkey", "encryptionkey", "sharedkey", "authorization", "credential", "sessionid", "connectionstring",
)  # fmt: skip
"""A key that contains one of these is a secret's, however it is written: ``clientSecret``, ``X-Api-Key``."""

WHOLE = frozenset({
    "pass", "pwd", "pw", "auth", "xauth", "cookie", "cookies", "setcookie", "pin", "otp", "totp", "cvv", "cvc", "jwt",
    "sid", "ssn", "bearer", "signature", "sig", "xamzsignature", "xsignature",
})  # fmt: skip
"""A key that is one of these is a secret's."""

IN_QUERIES = frozenset({"key"})
"""A secret's in an address, harmless elsewhere: ``?key=``."""

DEEPEST = 200
"""What is nested deeper than this is not looked at but masked whole."""

_SEPARATORS = re.compile(r"[\s_.\-:]+")
_SEGMENTS = re.compile(r"[\[\].]+")
_SCHEMES = "bearer|basic|digest|token|apikey|api-key|negotiate|hmac|aws4-hmac-sha256"
_SCHEME = re.compile(rf"\s*({_SCHEMES})\s+\S", re.IGNORECASE)

# Keys in free text: the words above as they are written with separators between their parts.
_KEY_WORDS = "|".join((
    r"pass[-_. ]?(?:word|wd|phrase|code)", "secret", "token", r"(?:api|access|private|signing|encryption|shared)[-_. ]?key",
    "authorization", "credential", r"session[-_. ]?id", r"connection[-_. ]?string",
))  # fmt: skip
_KEY_WHOLE = "|".join((
    r"pass", "pwd", "pw", "auth", "x-auth", "cookies?", "set-cookie", "pin", "otp", "totp", "cvv", "cvc", "jwt", "sid",
    "ssn", "signature", "sig",
))  # fmt: skip
_ENDS_LINE = r"(?:proxy-)?authorization|(?:set-)?cookies?"
_QUOTED = r"""\\*"(?:[^"\\]|\\(?!")(?:.)|(?<=\\)"(?!\s*[,}\]:)]))*"?"""


def normal(key: str) -> str:
    """A key as keys are compared: without case and separators.

    >>> normal("X-Api_Key"), normal("clientSecret")
    ('xapikey', 'clientsecret')
    """
    return _SEPARATORS.sub("", key).lower()
