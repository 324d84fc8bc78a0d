"""Serves the built site on this machine only, over loopback, with byte ranges.

A content security policy makes browsers block every request to another host.
"""

import errno
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import SO_REUSEADDR, SOL_SOCKET, socket
from threading import Thread
from time import sleep

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from churn.project.options import DEFAULT_PORT
from churn.terminal.errors import InputError

LOOPBACK = "127.0.0.1"
# Evidence needs inline scripts and compiles DuckDB; charts and tables set inline styles
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:; "
    "worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self' blob: data:; frame-ancestors 'none'; "
    "base-uri 'self'; form-action 'none'"
)
_HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
# a path with a digest changes with its content; browsers revalidate all other paths
_DIGEST = re.compile(r"/_app/immutable/|/data/.*/[0-9a-f]{32}/")
_KEPT = (b"cache-control", b"max-age=31536000, immutable")
_ASKED = (b"cache-control", b"no-cache")
_LAST_PORT = 65_535


class _WithHeaders:
    """Adds the security and cache headers to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = _KEPT if _DIGEST.search(scope["path"]) else _ASKED
                message["headers"] = [*message["headers"], *_HEADERS, kept]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def serve(site: Path, base_path: str, port: int, on_start: Callable[[str], None]) -> None:
    """Serve until stopped (Ctrl-C); calls `on_start` with the address of the first page.

    Raises InputError if the port is not available.
    """
    server, bound = _server(site, base_path), _bound(port)
    on_start(_address(bound, base_path))
    server.run(sockets=[bound])


@contextmanager
def serving(site: Path, base_path: str = "") -> Iterator[str]:
    """Serve on a free port while the block runs; yields the address of the first page."""
    server, bound = _server(site, base_path), _bound(0)
    thread = Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            sleep(0.01)
        yield _address(bound, base_path)
    finally:
        server.should_exit = True
        thread.join()


def _server(site: Path, base_path: str) -> uvicorn.Server:
    routes: list[Mount | Route] = [Mount(base_path or "/", StaticFiles(directory=site, html=True))]
    if base_path:
        routes.append(Route("/", lambda _: RedirectResponse(f"{base_path}/")))
    app = Starlette(
        routes=routes,
        middleware=[
            # refuse foreign host names that resolve to this machine (DNS rebinding)
            Middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost"]),
            Middleware(_WithHeaders),
        ],
    )
    return uvicorn.Server(uvicorn.Config(app, log_level="error"))


def _address(bound: socket, base_path: str) -> str:
    return f"http://{LOOPBACK}:{bound.getsockname()[1]}{base_path}/"


def _bound(port: int) -> socket:
    bound = socket()
    bound.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    try:
        bound.bind((LOOPBACK, port))
    except OSError as error:
        bound.close()
        raise port_refused(error, port, "reports-serve") from error
    return bound


def check_port(port: int, target: str) -> None:
    """Raise InputError if the port is not available; `target` is the make target that needs it."""
    try:
        with socket() as bound:
            bound.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
            bound.bind((LOOPBACK, port))
    except OSError as error:
        raise port_refused(error, port, target) from error


def port_refused(error: OSError, port: int, target: str) -> InputError:
    """Return an error that says why a port is not available, and names one that is."""
    other = DEFAULT_PORT if port != DEFAULT_PORT else DEFAULT_PORT + 1
    if error.errno == errno.EADDRINUSE:
        what, other = f"Port {port} is in use.", port + 1 if port < _LAST_PORT else other
    elif error.errno in (errno.EACCES, errno.EPERM):
        what = f"You have no permission to use port {port}; below 1024 the system keeps them."
    else:
        what = f"Port {port} cannot be used: {error.strerror or error}."
    return InputError(f"{what} Name another: make {target} PORT={other}")
