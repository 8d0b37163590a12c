"""The work of an application as spans of OpenTelemetry, each with a way back to its story.

::

    app = Eventflow(settings, aggregates=[...], reactions=[...], listeners=[Spans()])

Whatever provider of tracers the program has set up is used; as long as there is none, nothing is kept. What goes on for
days is no trace: each message that a worker gets begins one of its own, with a link to the story that it belongs to.
There the trace id is the correlation id, and the span id the position of what led to it, as in the ``traceparent`` that
other systems get. No text of an error and no address but a host's name goes into a span.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode, TraceFlags, TracerProvider

from eventflow.__about__ import __version__
from eventflow.model.reaction import EndpointReaction
from eventflow.model.recorded import Header
from eventflow.model.routine import Routine
from eventflow.runtime.attempt import Attempt, CameTo, Fenced
from eventflow.runtime.job import Job
from eventflow.runtime.telemetry import Asked, Listener

SCHEMA = "https://opentelemetry.io/schemas/1.44.0"

NEW_ROOT = Context()
"""A context without a span: what begins in it is a trace of its own."""

BAD = frozenset({CameTo.FAILED, CameTo.OVERDUE})


class Spans(Listener):
    """Tells OpenTelemetry. ``provider`` is where tracers come from, the program's own where none is given.

    Changes: it holds the spans of the handlers that work now, since what they ask is told from other threads.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer("eventflow", __version__, provider, SCHEMA)
        self._open: dict[int, Span] = {}

    def sent(self, queue: str, jobs: Sequence[Job], began: int) -> None:
        """``send QUEUE``: the relay has handed over so many messages."""
        said = {**_messaging("send", queue), "messaging.batch.message_count": len(jobs)}
        self._told(f"send {queue}", SpanKind.PRODUCER, said, began, NEW_ROOT)

    @contextmanager
    def processing(self, job: Job, queue: str) -> Iterator[None]:
        """``process QUEUE``: what a thread of a worker does because of a message, from when it came."""
        said = {**_messaging("process", queue), "messaging.message.id": job.id, "eventflow.reaction": job.reaction}
        with self._span(f"process {queue}", SpanKind.CONSUMER, said, context=NEW_ROOT):
            yield

    @contextmanager
    def working(self, attempt: Attempt) -> Iterator[None]:
        """``task NAME``, ``endpoint NAME`` or ``run NAME``: a handler, linked to its story."""
        story = _story(attempt.context.correlation, attempt.context.causation)
        with self._span(_name(attempt), SpanKind.INTERNAL, _said(attempt), links=story) as span:
            self._open[id(attempt)] = span
            try:
                yield
            except Fenced:
                span.set_attribute("eventflow.outcome", "fenced")
                raise
            else:
                _end(span, attempt)
            finally:
                del self._open[id(attempt)]

    @contextmanager
    def stepping(self, attempt: Attempt, step: str) -> Iterator[None]:
        """``step NAME``: one of a run."""
        said = {"eventflow.step": step, **_of_item(attempt)}
        with self._span(f"step {attempt.reaction.name} {step}", SpanKind.INTERNAL, said) as span:
            try:
                yield
            except BaseException as error:
                span.set_attribute("eventflow.step.ended_by", type(error).__name__)
                raise

    def asked(self, asked: Asked, began: int) -> None:
        """``GET``, ``POST``, …: what a handler asked another system, as a child of its span."""
        around = self._open.get(id(asked.attempt))
        if around is None:
            return
        address = urlsplit(asked.request.url)
        said: dict[str, Any] = {
            "http.request.method": asked.request.method,
            "url.scheme": address.scheme,
            "server.address": address.hostname or "",
            **({"server.port": address.port} if address.port else {}),
            **({"http.response.status_code": asked.status} if asked.status else {"error.type": "no_answer"}),
        }
        is_bad = asked.status is None or asked.status >= 400
        self._told(asked.request.method, SpanKind.CLIENT, said, began, trace.set_span_in_context(around), is_bad=is_bad)

    def appended(self, headers: Sequence[Header], began: int) -> None:
        """``append CATEGORY``: where it is a part of something bigger, a handler or a request to a web application."""
        if not trace.get_current_span().is_recording():
            return
        first, last = headers[0], headers[-1]
        said = {
            "eventflow.stream": str(first.stream),
            "eventflow.events.count": len(headers),
            "eventflow.position.last": last.position,
        }
        links = _story(last.correlation, last.position)
        self._told(f"append {first.category}", SpanKind.INTERNAL, said, began, None, links=links)

    @contextmanager
    def _span(
        self,
        name: str,
        kind: SpanKind,
        said: Mapping[str, Any],
        *,
        context: Context | None = None,
        links: Sequence[Link] = (),
    ) -> Iterator[Span]:
        # What user code raises may quote what nobody else may read.
        with self._tracer.start_as_current_span(
            name, context, kind, said, links, record_exception=False, set_status_on_exception=False
        ) as span:
            yield span

    def _told(
        self,
        name: str,
        kind: SpanKind,
        said: Mapping[str, Any],
        began: int,
        context: Context | None,
        *,
        links: Sequence[Link] = (),
        is_bad: bool = False,
    ) -> None:
        """A span of what is over already."""
        span = self._tracer.start_span(name, context, kind, said, links, began)
        if is_bad:
            span.set_status(StatusCode.ERROR)
        span.end()


def _story(correlation: UUID | None, position: int | None) -> list[Link]:
    """The way back to a story: its trace, and the position that led there."""
    if correlation is None or not position:
        return []
    return [Link(SpanContext(correlation.int, position, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)))]


def _messaging(operation: str, queue: str) -> dict[str, Any]:
    return {
        "messaging.system": "dramatiq",
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.destination.name": queue,
    }


def _name(attempt: Attempt) -> str:
    if isinstance(attempt.reaction, Routine):
        return f"run {attempt.reaction.name}"
    return f"{'endpoint' if isinstance(attempt.reaction, EndpointReaction) else 'task'} {attempt.reaction.name}"


def _of_item(attempt: Attempt) -> dict[str, Any]:
    return {"eventflow.item.type": attempt.document.category, "eventflow.item.id": str(attempt.document.id)}


def _said(attempt: Attempt) -> dict[str, Any]:
    return {
        **_of_item(attempt),
        "eventflow.status.from": str(attempt.document.status.value),
        "eventflow.attempt": attempt.job.attempt,
        "messaging.message.conversation_id": str(attempt.context.correlation),
    }


def _end(span: Span, attempt: Attempt) -> None:
    span.set_attribute("eventflow.outcome", str(attempt.came_to))
    if attempt.came_to in BAD:
        span.set_status(StatusCode.ERROR)
        span.set_attribute("error.type", attempt.failure or str(attempt.came_to))
