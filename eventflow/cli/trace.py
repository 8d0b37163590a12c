"""``eventflow trace``: what led to what, across streams."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import click

from eventflow.cli import history
from eventflow.cli.output import Session, harmless, moment, one_line, pass_session
from eventflow.cli.view import View, opened, tell_lag
from eventflow.errors import NotFound
from eventflow.model.recorded import Header
from eventflow.views import stories
from eventflow_projections import Step, Story

SHORT = 8
"""Characters of an id that people are shown."""


@click.command()
@click.argument("id")
@pass_session
def trace(session: Session, id: str) -> None:
    """The tree of a story: every event below what led to it, through all the streams that take part.

    ID is a correlation id (or the text it was made of), an item (or the beginning of its id), a position in the log,
    or a traceparent as other systems show it. An item that takes part in several stories is told with all of them.

    Examples:
      eventflow trace 4f0c
      eventflow trace 00-4f0cb1a5000040008000000000000001-00f067aa0ba902b7-01 --json
    """
    with opened(session) as view:
        found = _stories(view, id)
        text = "\n".join(line for story in found for line in _told(story))
        session.answer({"stories": [stories.document(story) for story in found]}, text)
        tell_lag(session, view)


def _stories(view: View, id: str) -> list[Story]:
    """The stories that are meant. Raises ``NotFound``, and a usage error for what can be no story."""

    def stream(id: str) -> UUID:
        try:
            return view.stream(id)
        except click.BadParameter as error:
            raise NotFound(error.message) from error

    try:
        return list(stories.meant(view.log, view.stories, id, stream))
    except NotFound as error:
        if isinstance(error.__cause__, click.BadParameter):
            raise error.__cause__ from None
        raise


def _told(story: Story) -> Iterator[str]:
    times = sorted(step.header.recorded_at for step in story.steps)
    yield (
        f"story {story.correlation}: {_amount(len(story.steps), 'event')} of {_amount(len(story.streams), 'stream')},"
        f" {moment(times[0])} to {moment(times[-1])} UTC"
    )
    known = {step.header.position for step in story.steps}
    for step in story.steps:
        yield from _lines(step, known)
    if story.is_cut:
        yield "  … and more, which is not shown"


def _lines(step: Step, known: set[int]) -> Iterator[str]:
    header, indent = step.header, "│  " * step.depth
    yield (
        f"  {indent}#{header.position} {header.recorded_at:%H:%M:%S.%f}"[:-3]
        + f"  {harmless(header.category)} {str(header.stream)[:SHORT]}  {history.told(header)}{_because(header, known)}"
    )
    if header.error:
        yield f"  {indent}     {click.style(one_line(header.error), fg='red')}"


def _because(header: Header, known: set[int]) -> str:
    if header.causation is None or header.causation in known:
        return ""
    return click.style(f"  (because of #{header.causation}, another story)", dim=True)


def _amount(number: int, of: str) -> str:
    return f"{number} {of}" if number == 1 else f"{number} {of}s"
