"""Services to be probed. How many each works on at once is known."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

NUMBER = 7
_pool = threading.Semaphore(3)
_connections: list[asyncio.Semaphore] = []


async def asgi(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """Serve four at once, in 20 ms."""
    if scope["type"] == "lifespan":
        _connections.clear()
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                _connections.append(asyncio.Semaphore(4))  # of this loop
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    async with _connections[0]:
        await asyncio.sleep(0.02)
    await _answer(send, 200)


async def asgi_404(scope: dict[str, Any], _receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """Know no path, and no lifespan."""
    if scope["type"] != "http":
        raise ValueError(scope["type"])
    await _answer(send, 404)


async def _answer(send: Callable[[Any], Any], status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})


class _Object:
    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        await asgi(scope, receive, send)


asgi_object = _Object()


def wsgi(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serve three at once, in 20 ms."""
    with _pool:
        time.sleep(0.02)
    start_response("200 OK", [])
    return [b"done"]


def wsgi_404(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Know no path."""
    start_response("404 Not Found", [])
    return [b"nothing"]


def make() -> Callable[..., Any]:
    """Make an application."""
    return wsgi


def work() -> None:
    """Do three at once, in 20 ms."""
    with _pool:
        time.sleep(0.02)


async def later() -> None:
    """Do any number at once, in 20 ms."""
    await asyncio.sleep(0.02)


async def hangs() -> None:
    """Never end."""
    await asyncio.Event().wait()


def fails() -> None:
    """Raise."""
    raise ValueError(NUMBER)


def exits() -> None:
    """Raise what ends programs."""
    raise SystemExit(NUMBER)


class here:  # noqa: N801 - a place for a name with a dot
    """Hold a function."""

    @staticmethod
    def there() -> None:
        """Do nothing."""
