"""The application that a command works on: found by its name, and on the engines that the command line names.

A name is ``MODULE:ATTRIBUTE``. The attribute is an ``Eventflow``, or a function without arguments that makes one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from inspect import Parameter, signature
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
    # While the application is made, its Settings() shall find what the command line says.
    with _environment(_named(session)):
        app = _attribute(module_of(name), attribute)
    _check(app, session)
    return app


def is_named(session: Session) -> bool:
    """Whether anything says which application to work on."""
    return bool(session.app or settings(session).app or _beside())


def _named(session: Session) -> dict[str, str]:
    """The engines that the command line names."""
    engines = {"database": session.database, "broker": session.broker}
    return {name: url for name, url in engines.items() if url is not None}


def _beside() -> bool:
    return Path("app.py").is_file() or Path("app/__init__.py").is_file()


def _default() -> str:
    if _beside():
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


def module_of(name: str) -> ModuleType:
    """A module of this folder, or of what is installed. Raises ``Misconfigured`` when there is none."""
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
    if callable(made := getattr(module, name, None) if name else None):
        return _made(module, name, made)
    if not name and len(apps) == 1:
        return next(iter(apps.values()))
    here = f'"{module.__name__}" holds'
    if name:
        raise Misconfigured(f'{here} no application "{name}".{did_you_mean(name, list(apps))}')
    raise Misconfigured(f"{here} {len(apps)} applications. Name one: {module.__name__}:ATTRIBUTE.")


_OPEN = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def _made(module: ModuleType, name: str, factory: Callable[[], object]) -> Eventflow:
    if isinstance(factory, type) or any(_must_be_given(one) for one in signature(factory).parameters.values()):
        raise Misconfigured(f'"{module.__name__}:{name}" is neither an application nor a function that makes one.')
    app = factory()
    if not isinstance(app, Eventflow):
        raise Misconfigured(f'"{module.__name__}:{name}" made a {type(app).__name__}, not an Eventflow.')
    return app


def _must_be_given(parameter: Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in _OPEN


def _check(app: Eventflow, session: Session) -> None:
    at_work = {"database": app.settings.database, "broker": app.settings.broker}
    ignored = [name for name, url in _named(session).items() if at_work[name].get_secret_value() != url]
    if ignored:
        app.close()
        raise Misconfigured(*(f"--{name} has no effect: the application names its own {name}." for name in ignored))
