"""A process to try things on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self
from uuid import UUID

from eventflow.model.process.definition import Definition, definition_of
from eventflow.model.process.process import Process
from eventflow.model.process.run import Run
from eventflow.model.process.step import step
from eventflow.model.retry import Retry

A_WORKER = UUID(int=17)
A_RUN = UUID(int=4)


class Release(Process, name="release", version=1, title="Release of a document"):
    """Three steps, of which the second one may be tried twice."""

    document: str
    pages: int = 0
    language: str = "en"

    @step
    def typeset(self) -> Self:
        return self.learn(pages=12)

    @step(retry=Retry(attempts=2, after=timedelta(seconds=5)), title="Announce it")
    def announce(self) -> None:
        """Tell the world."""

    @step
    def archive(self) -> None:
        """Put it away."""


RELEASE: Definition = definition_of(Release)


def a_run(definition: Definition = RELEASE, **fields: Any) -> Run:
    """A run that has not begun."""
    return Run.begin(
        **{
            "id": A_RUN,
            "process": definition.name,
            "definition": definition.version,
            "fingerprint": definition.fingerprint,
            "steps": definition.keys,
            "state": {"document": "Whales", "pages": 0, "language": "en"},
            "channel": "default",
            **fields,
        }
    )


def a_run_at(step: str, definition: Definition = RELEASE) -> Run:
    """A run whose worker is at this step."""
    run = a_run(definition)
    run.claim(A_WORKER)
    while run.step is not None and run.step != step:
        run.succeed(run.step)
    return run
