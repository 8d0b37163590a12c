"""``eventflow dashboard``: the dashboard of an application as a process of its own."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

import click
import uvicorn

from eventflow.app import Eventflow
from eventflow.cli.actor import actor
from eventflow.cli.application import application, module_of
from eventflow.cli.exits import Code
from eventflow.cli.output import Session, pass_session
from eventflow.cli.worker import LOOK, told_to_stop
from eventflow.dashboard import Access, Dashboard, Here, Token
from eventflow.dashboard.mounting import rooted_at
from eventflow.errors import Misconfigured, Refused, did_you_mean

GRACE = timedelta(seconds=30)
"""How long handlers of ``--worker`` may go on when it is told to stop."""

LAST_ANSWERS = 2
"""Seconds for answers that are on their way when it is told to stop."""


class Served(NamedTuple):
    """What is served, where, and for whom."""

    dashboard: Dashboard
    listening: socket.socket
    access: Access
    root: str

    @property
    def url(self) -> str:
        """Where it is, for who sits at this machine; with the token, if that is what opens it."""
        host, port = self.listening.getsockname()[:2]
        near = ("[::1]" if ":" in host else "127.0.0.1") if ipaddress.ip_address(host).is_unspecified else _quoted(host)
        token = f"?token={self.access.token}" if isinstance(self.access, Token) else ""
        return f"http://{near}:{port}{self.root}/{token}"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Where to listen; 0 takes a free one.",
)
@click.option("--access", metavar="MODULE:ATTR", help="Who gets in: an Access, or a function that makes one.")
@click.option(
    "--token/--no-token",
    default=None,
    help="Let in who has the token in the address that is printed [default]; or whoever sits at this machine.",
)
@click.option("--root-path", default="", metavar="/PATH", help="Below which path a proxy in front shows it.")
@click.option("--worker", "works", is_flag=True, help="Do the work of the application in this process as well.")
@pass_session
def dashboard(
    session: Session, host: str, port: int, access: str | None, token: bool | None, root_path: str, works: bool
) -> Code:
    """Show an application on pages: what there is, what happened to it, what failed; and steer it.

    It prints the address to open. That one holds a token, which a browser keeps from then on; who has none does not get
    in. In place of it, an application may say itself who gets in and what they may do: --access shop.app:access.

    The first SIGTERM or Ctrl-C lets answers that are on their way go out and ends with 0. Ends with 4 when somebody
    else listens there.

    Examples:
      eventflow --app shop.app:app dashboard
      eventflow --app shop.app:app dashboard --port 0 --worker
      eventflow --app shop.app:app dashboard --host 0.0.0.0 --access shop.app:access --root-path /ops
    """
    _check(access, token, host, root_path)
    with application(session) as app, _listening(host, port) as listening:
        let_in = _access(access, token=token is not False)
        served = Served(Dashboard(app, access=let_in), listening, let_in, root_path)
        with told_to_stop(session) as stopping, _serving(served) as server:
            session.line({"url": served.url}, f"The dashboard is at {served.url}")
            clean = _work(app, server, stopping) if works else _wait(server, stopping)
            was_told = stopping.is_set()
    return _ended(session, clean=clean, was_told=was_told)


def _ended(session: Session, *, clean: bool, was_told: bool) -> Code:
    if not was_told:
        session.warn("It ended though nobody told it to: see above, or say -v before the command.")
    elif not clean:
        session.warn("A handler did not end; what it held is given to another worker when the lease is over.")
    else:
        session.hint("Ended well.")
    return Code.OK if clean and was_told else Code.SOME_FAILED


def _check(access: str | None, token: bool | None, host: str, root_path: str) -> None:
    if access is not None and token is not None:
        raise click.UsageError("Say either --access or --token; an access says itself who gets in.")
    if token is False and not _is_near(host):
        raise click.UsageError(
            f"Without a token whoever reaches {host} would get in. Leave --no-token out, listen on 127.0.0.1, or say"
            " who gets in: --access MODULE:ATTR."
        )
    if root_path and (not root_path.startswith("/") or root_path.endswith("/")):
        raise click.BadParameter(f'It is like "/ops", not "{root_path}".', param_hint="--root-path")


def _is_near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _access(name: str | None, *, token: bool) -> Access:
    """Who gets in. Raises ``Misconfigured`` for a name that leads to no ``Access``."""
    if name is None:
        return Token(name=actor()) if token else Here()
    module_name, _, attribute = name.partition(":")
    module = module_of(module_name)
    found = getattr(module, attribute, None) if attribute else None
    made = found() if callable(found) and not isinstance(found, Access) else found
    if not isinstance(made, Access):
        there = [one for one, value in vars(module).items() if isinstance(value, Access)]
        raise Misconfigured(
            f'--access: "{name}" is no Access and no function that makes one, as MODULE:ATTR is to be.'
            f"{did_you_mean(attribute, there)}"
        )
    return made


# -- listening and answering -----------------------------------------------------------------------


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that connections come to. Raises ``Refused`` when the port is taken, ``Misconfigured`` for no host."""
    try:
        [(family, _, _, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listening = socket.create_server(address[:2], family=family, backlog=128)
    except OSError as error:
        raise _not_listening(host, port, error) from error
    with listening:
        yield listening


def _not_listening(host: str, port: int, error: OSError) -> Refused | Misconfigured:
    where = f"port {port} of {host}"
    if isinstance(error, socket.gaierror):
        return Misconfigured(f'--host: there is no address "{host}": {error.strerror}.')
    if error.errno == errno.EADDRINUSE:
        return Refused(f"Somebody listens on {where} already. Name another one; --port 0 takes one that is free.")
    if error.errno == errno.EACCES:
        return Refused(f"This user may not listen on {where}. Ports from 1024 on are open to everybody.")
    return Misconfigured(f"Nobody can listen on {where}: {os.strerror(error.errno or 0)}.")


@contextmanager
def _serving(served: Served) -> Iterator[uvicorn.Server]:
    """A server that answers, for a block; after that it has ended, and nobody waits for an answer."""
    # Who gets in is told by addresses as they are, not as headers say that they were.
    config = uvicorn.Config(
        rooted_at(served.root, served.dashboard),
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=LAST_ANSWERS,
    )
    server = uvicorn.Server(config)

    def answer() -> None:
        try:
            server.run(sockets=[served.listening])
        finally:
            server.should_exit = True

    # Beside the main thread: there signals are heard, and are ours.
    answering = threading.Thread(target=answer, name="dashboard")
    answering.start()
    try:
        while not server.started and answering.is_alive():
            time.sleep(LOOK / 10)
        yield server
    finally:
        served.dashboard.end()
        server.should_exit = True
        answering.join()


def _wait(server: uvicorn.Server, stopping: threading.Event) -> bool:
    while not stopping.wait(LOOK) and not server.should_exit:
        pass
    return True


def _work(app: Eventflow, server: uvicorn.Server, stopping: threading.Event) -> bool:
    """Do the work meanwhile; whether it ended well."""
    worker = app.worker()
    worker.start()
    while not stopping.wait(LOOK) and not server.should_exit and not worker.hung.is_set():
        pass
    server.should_exit = True
    return worker.stop(GRACE) and not worker.hung.is_set()


def _quoted(host: str) -> str:
    return f"[{host}]" if ":" in host else host
