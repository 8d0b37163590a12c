"""Pages as HTML: the templates, and the words that they are drawn with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple
from uuid import UUID

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from pydantic_core import to_jsonable_python

from eventflow.model.flows.drawing import svg
from eventflow.picking.definition import FlowDefinition

TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}

SHORT = 8
"""Characters of an id that people are shown."""


class Asset(NamedTuple):
    """A file that pages load; ``digest`` is part of its address, so that it may be kept for ever."""

    content: bytes
    type: str
    digest: str


@cache
def assets() -> Mapping[str, Asset]:
    """The files that pages load, by name."""
    return {one.name: _asset(one.name, one.read_bytes()) for one in (files(__package__) / "static").iterdir()}


@cache
def environment() -> Environment:
    """The templates."""
    made = Environment(
        loader=PackageLoader("eventflow.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,  # what is installed anew beneath a running program is for the next one
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        moment=moment,
        lasting=lasting,
        short=short,
        number=number,
        pretty=pretty,
        leaf=leaf,
        ago=ago,
        tree=as_tree,
        drawn=drawn_flow,
    )
    made.globals["asset"] = asset
    return made


def draw(template: str, values: Mapping[str, Any]) -> str:
    """A page as HTML."""
    return environment().get_template(template).render(values)


@pass_context
def asset(context: Context, name: str) -> str:
    """The address of a file that pages load."""
    return str(context["desk"].url("static", assets()[name].digest, name))


def moment(value: datetime | None) -> Markup:
    """A time for people, in UTC, which a browser may show in its own zone; a dash for none."""
    if value is None:
        return Markup("–")
    utc = value.astimezone(UTC)
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        utc.isoformat(), utc.strftime("%Y-%m-%d %H:%M:%S.%f"), utc.strftime("%Y-%m-%d %H:%M:%S")
    )


@pass_context
def ago(context: Context, value: datetime | None) -> Markup:
    """How long ago a time was, or how far ahead it is."""
    if value is None:
        return Markup("–")
    span = context["desk"].now - value
    text = f"{lasting(span)} ago" if span >= timedelta(0) else f"in {lasting(-span)}"
    utc = value.astimezone(UTC)
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(utc.isoformat(), f"{utc:%F %T}", text)


def lasting(span: timedelta | float | None) -> str:
    """A length of time in its two largest units.

    >>> lasting(timedelta(hours=26, minutes=5)), lasting(0.0123), lasting(75)
    ('1 d 2 h', '12 ms', '1 min 15 s')
    """
    if span is None:
        return "–"
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if 0 < seconds < 0.001:
        return "< 1 ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    parts, left = [], int(seconds)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        amount, left = divmod(left, size)
        parts.append((amount, unit))
    first = next(place for place, (amount, _) in enumerate(parts) if amount)
    return " ".join(f"{amount} {unit}" for amount, unit in parts[first : first + 2] if amount)


def short(id: UUID | str) -> str:
    """The beginning of an id, enough for people."""
    return str(id)[:SHORT]


def number(value: float) -> str:
    """A number with its thousands apart.

    >>> number(1234567)
    '1,234,567'
    """
    return f"{value:,}"


def plain(value: Any) -> Any:
    """A value as JSON has it: what programs are given in place of a page. Any: it may be of any shape."""
    return to_jsonable_python(value, fallback=str, bytes_mode="base64", inf_nan_mode="strings")


def pretty(value: Any) -> str:
    """A value as JSON for people."""
    return json.dumps(plain(value), ensure_ascii=False, indent=2)


def leaf(value: Any) -> str:
    """A simple value on one line, as JSON spells it; texts without their quotes."""
    return value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)


def as_tree(value: Any) -> Any:
    """A value of any shape, as dictionaries, lists and simple values."""
    return plain(value)


def drawn_flow(flow: FlowDefinition) -> Markup:
    """The graph of a flow as a picture; whatever is said in it was escaped where it was drawn."""
    return Markup(svg(flow, "en"))


def _asset(name: str, content: bytes) -> Asset:
    kind = TYPES[name.rpartition(".")[2]]
    return Asset(content, kind, hashlib.sha256(content).hexdigest()[:12])
