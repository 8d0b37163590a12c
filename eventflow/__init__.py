"""Event-sourced workflows: one append-only log, and everything that is done with it.

What applications use is here; each name is imported when it is first asked for, so that looking at a part costs no
more than that part.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from eventflow.__about__ import __version__

if TYPE_CHECKING:
    from eventflow.app import Eventflow
    from eventflow.model.aggregate import Aggregate, folds
    from eventflow.model.event import Event, upcast
    from eventflow.model.exchange import Exchange, Request, Response, Timeout, play, replies
    from eventflow.model.masking import Masker
    from eventflow.model.reaction import Endpoint, Task, endpoint, task
    from eventflow.model.recorded import Header, Recorded
    from eventflow.model.retry import Retry
    from eventflow.model.transition import transition
    from eventflow.model.vocabulary import Vocabulary
    from eventflow.settings import Settings

_HOMES = {
    "Aggregate": "eventflow.model.aggregate",
    "Endpoint": "eventflow.model.reaction",
    "Event": "eventflow.model.event",
    "Eventflow": "eventflow.app",
    "Exchange": "eventflow.model.exchange",
    "Header": "eventflow.model.recorded",
    "Masker": "eventflow.model.masking",
    "Recorded": "eventflow.model.recorded",
    "Request": "eventflow.model.exchange",
    "Response": "eventflow.model.exchange",
    "Retry": "eventflow.model.retry",
    "Settings": "eventflow.settings",
    "Task": "eventflow.model.reaction",
    "Timeout": "eventflow.model.exchange",
    "Vocabulary": "eventflow.model.vocabulary",
    "endpoint": "eventflow.model.reaction",
    "folds": "eventflow.model.aggregate",
    "play": "eventflow.model.exchange",
    "replies": "eventflow.model.exchange",
    "task": "eventflow.model.reaction",
    "transition": "eventflow.model.transition",
    "upcast": "eventflow.model.event",
}

__all__ = [
    "Aggregate",
    "Endpoint",
    "Event",
    "Eventflow",
    "Exchange",
    "Header",
    "Masker",
    "Recorded",
    "Request",
    "Response",
    "Retry",
    "Settings",
    "Task",
    "Timeout",
    "Vocabulary",
    "__version__",
    "endpoint",
    "folds",
    "play",
    "replies",
    "task",
    "transition",
    "upcast",
]


def __getattr__(name: str) -> Any:
    """A public name, from the module that owns it."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f'eventflow has no "{name}".')
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    """The public names."""
    return __all__
