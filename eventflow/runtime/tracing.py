"""On whose behalf this thread acts, and because of what: the context that appends get where nothing else is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from eventflow.model.recorded import Context
from eventflow.model.tracing import correlation_in, correlation_of

# A variable of the context and not of a thread, so that it goes along into the tasks of an event loop.
_AROUND: ContextVar[Context] = ContextVar("eventflow", default=Context())


def around() -> Context:
    """The context that surrounds the caller: that of its attempt inside a handler, else what ``traced`` said."""
    return _AROUND.get()


@contextmanager
def within(context: Context) -> Iterator[None]:
    """Act in this context until the block ends."""
    token = _AROUND.set(context)
    try:
        yield
    finally:
        _AROUND.reset(token)


@contextmanager
def traced(
    *, correlation: UUID | str | None = None, traceparent: str | None = None, actor: str | None = None
) -> Iterator[UUID | None]:
    """Everything that is saved inside the block belongs to one story, in one name; gives the story's id.

    For whoever receives requests: ``with traced(traceparent=request.headers.get("traceparent")): app.save(order)``.
    """
    context = said(actor=actor, correlation=correlation, traceparent=traceparent)
    with within(context):
        yield context.correlation


def said(*, actor: str | None = None, correlation: UUID | str | None = None, traceparent: str | None = None) -> Context:
    """What the caller says, and the context around it where the caller says nothing.

    ``correlation`` comes before ``traceparent``; a ``traceparent`` that is none is passed over.
    """
    outside = _AROUND.get()
    if actor is correlation is traceparent is None:
        return outside
    if isinstance(correlation, str):
        correlation = correlation_of(correlation)
    if correlation is None and traceparent is not None:
        correlation = correlation_in(traceparent)
    return Context(
        correlation=correlation or outside.correlation,
        causation=outside.causation,
        actor=actor or outside.actor,
        tenant=outside.tenant,
    )
