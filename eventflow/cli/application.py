"""The application that a command works on: found by its name, and on the engines that the command line names."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

from eventflow.app import Eventflow
from eventflow.cli.output import Session
from eventflow.errors import Misconfigured, did_you_mean
from eventflow.settings import PREFIX, Given, Settings


def settings(session: Session) -> Settings:
    """The settings, with what the command line says above all else."""
    given: Given = {}
    if session.database is not None:
        given["database"] = session.database
    if session.broker is not None:
        given["broker"] = session.broker
    return Settings(**given)


def application(session: Session) -> Eventflow:
    """The application that ``--app``, ``EVENTFLOW_APP``, the settings or an ``app.py`` in this folder name.

    Raises ``Misconfigured`` when there is none, and when it does not obey ``--database`` or ``--broker`` because its
    own code says otherwise.
    """
    name, _, attribute = (session.app or settings(session).app or _default()).partition(":")
    # While the module is imported, its Settings() shall find what the command line says.
    with _environment(_named(session)):
        app = _attribute(_module(name), attribute)
    _check(app, session)
    return app


def _named(session: Session) -> dict[str, str]:
    """The engines that the command line names."""
    engines = {"database": session.database, "broker": session.broker}
    return {name: url for name, url in engines.items() if url is not None}


def _default() -> str:
    if Path("app.py").is_file() or Path("app/__init__.py").is_file():
        return "app"
    raise Misconfigured("Which application? Say --app MODULE:ATTRIBUTE, set EVENTFLOW_APP, or work beside an app.py.")


@contextmanager
def _environment(engines: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update({f"{PREFIX}{name.upper()}": url for name, url in engines.items()})
    try:
        yield
    finally:
        for name in engines:
            _restore(f"{PREFIX}{name.upper()}", before)


def _restore(name: str, before: dict[str, str]) -> None:
    if name in before:
        os.environ[name] = before[name]
    else:
        del os.environ[name]


def _module(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        # What the application itself fails to import is its own matter, and told as such.
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise Misconfigured(f'There is no module "{name}" here.') from error


def _attribute(module: ModuleType, name: str) -> Eventflow:
    apps = {one: value for one, value in vars(module).items() if isinstance(value, Eventflow)}
    if name in apps:
        return apps[name]
    if not name and len(apps) == 1:
        return next(iter(apps.values()))
    here = f'"{module.__name__}" holds'
    if name:
        raise Misconfigured(f'{here} no application "{name}".{did_you_mean(name, list(apps))}')
    raise Misconfigured(f"{here} {len(apps)} applications. Name one: {module.__name__}:ATTRIBUTE.")


def _check(app: Eventflow, session: Session) -> None:
    at_work = {"database": app.settings.database, "broker": app.settings.broker}
    ignored = [name for name, url in _named(session).items() if at_work[name].get_secret_value() != url]
    if ignored:
        app.close()
        raise Misconfigured(*(f"--{name} has no effect: the application names its own {name}." for name in ignored))
