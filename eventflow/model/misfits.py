"""What a class of a task or an endpoint says wrongly, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Generic, get_args

from eventflow.errors import Refused, did_you_mean
from eventflow.model.exchange import Request
from eventflow.model.handlers import CONVERSATIONS, Asking, AsyncTask, Handler, PayloadAs, Task
from eventflow.model.reaction import Options

Kind = type[Any]


def missing(handler: Handler[Any, Any]) -> list[str]:
    """What a class has to say and does not: without it nobody can tell what it returns."""
    kind: Kind = type(handler)
    if not isinstance(handler, Asking):
        is_told = getattr(kind, "handle", Task.handle) not in (Task.handle, AsyncTask.handle)
        return [] if is_told else ["handle(self, document) is missing."]
    if kind.handle not in CONVERSATIONS:
        return []
    has_address = kind.request is not Asking.request or hasattr(handler, "url")
    has_result = kind.process_response is not Asking.process_response
    address = [] if has_address else ["url= is missing."]
    return address if has_result else [*address, "process_response(self, document, response) is missing."]


def misfits(handler: Handler[Any, Any]) -> list[str]:
    """What it says that cannot be meant so."""
    return [*_near_misses(handler), *(_spoken(handler) if isinstance(handler, Asking) else ())]


def _spoken(endpoint: Asking[Any, Any]) -> Iterator[str]:
    way, ways = endpoint.payload_as, get_args(PayloadAs)
    if way is not None and not callable(way) and way not in ways:
        yield f'payload_as="{way}" is none of {", ".join(ways)}.{did_you_mean(str(way), ways)}'
    for name, wanted, is_so in _KINDS:
        value = getattr(endpoint, name)
        if value is not None and not callable(value) and not is_so(value):
            yield f"{name}={value!r} is no {wanted}."
    url = getattr(endpoint, "url", None)
    if url is not None and not callable(url):
        yield from _address_problems(url)


_KINDS: tuple[tuple[str, str, Callable[[Any], bool]], ...] = (
    ("method", "method", lambda value: isinstance(value, str) and value.isalpha()),
    ("headers", "mapping of texts", lambda value: isinstance(value, Mapping)),
    ("timeout", "positive timedelta", lambda value: isinstance(value, timedelta) and value > timedelta(0)),
    ("connect_timeout", "positive timedelta", lambda value: isinstance(value, timedelta) and value > timedelta(0)),
    ("raise_for_status", "True or False", lambda value: isinstance(value, bool)),
)


def _address_problems(url: Any) -> Iterator[str]:
    try:
        Request("GET", str(url))
    except Refused as error:
        yield f"url= is wrong: {error}"


def _near_misses(handler: Handler[Any, Any]) -> Iterator[str]:
    known = [*_known(type(handler)), *Options.__annotations__]
    own = list(dict.fromkeys(name for kind in type(handler).__mro__ if not _is_ours(kind) for name in vars(kind)))
    unsaid = [name for name in known if name not in own]
    if "masker" in own:
        yield '"masker" is called sanitizer on a class.'
    for name in own:
        near = get_close_matches(name, unsaid, n=1, cutoff=0.85)
        if near and name not in known and not name.startswith("_"):
            yield f'"{name}" is nothing that a class is asked for. Did you mean "{near[0]}"?'


def _known(kind: Kind) -> list[str]:
    ours = [one for one in kind.__mro__ if _is_ours(one)]
    names = (name for one in ours for name in (*vars(one), *vars(one).get("__annotations__", ())))
    return [name for name in names if not name.startswith("_")]


def _is_ours(kind: Kind) -> bool:
    return kind.__module__ == Handler.__module__ or kind in (object, Generic)
