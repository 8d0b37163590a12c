"""The dashboard as a part of what is no Starlette application."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


def mounted_at(prefix: str, dashboard: ASGIApp, other: ASGIApp) -> ASGIApp:
    """An ASGI application that gives what is asked for below ``prefix`` to the dashboard, all else to the other one.

    As the standard has it, the path stays whole and ``root_path`` says which part of it leads there. What is no
    request (``lifespan``) is for the other one. Raises ``ValueError`` for a prefix that is none.

    >>> mounted_at("ops/", None, None)
    Traceback (most recent call last):
    ...
    ValueError: A prefix is like "/ops", not "ops/".
    """
    if not prefix.startswith("/") or prefix.endswith("/"):
        raise ValueError(f'A prefix is like "/ops", not "{prefix}".')

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        if not is_below(prefix, scope):
            await other(scope, receive, send)
        else:
            await dashboard({**scope, "root_path": scope.get("root_path", "") + prefix}, receive, send)

    return choose


def rooted_at(root: str, app: ASGIApp) -> ASGIApp:
    """An application that is told where a proxy in front shows it, whether that one cuts this off the path or not."""

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "root_path": root}, receive, send)

    return told


def is_below(prefix: str, scope: Scope) -> bool:
    """Whether something is asked for at this prefix, seen from where the host itself is mounted."""
    if scope["type"] not in ("http", "websocket"):
        return False
    path = below(scope)
    return path == prefix or path.startswith(f"{prefix}/")


def below(scope: Scope) -> str:
    """What is asked for, without where the application is mounted.

    There are hosts that cut that part off the path by themselves, and proxies that do; both are understood.

    >>> below({"path": "/ops/items", "root_path": "/ops"}), below({"path": "/items", "root_path": "/ops"})
    ('/items', '/items')
    """
    path, root = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    return path.removeprefix(root) if path == root or path.startswith(f"{root}/") else path
