"""The two applications, one for ASGI and one for WSGI: the same routes, and the same database behind them.

    /serve       holds one of the pool's connections for `SERVICE_S`; who finds none waits in the pool's own queue, without bound
    /serve/hang  the same, but its connection hangs for as many seconds as the query string says
    /transfer    reads the request's body, then renders a page of `TRANSFER_BYTES` and sends it piece by piece
    /figures     tells the counts as JSON; never refused

With the middleware, /serve has `SLOTS` slots and /transfer has `TRANSFER_SLOTS` of its own. All else is the same without it.
"""

import asyncio
import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterator, MutableMapping
from typing import Any, Final

from tidegate.adapters import asgi, wsgi
from tidegate.adapters.bulkhead import Bulkhead

from .case import POOL, SERVICE_S, SLOTS, TRANSFER_BYTES, TRANSFER_SLOTS

PIECE_BYTES: Final = 1 << 16
Scope = MutableMapping[str, Any]


class Counter:
    """Count who is inside the application, and the most at once."""

    def __init__(self) -> None:
        self.peak = 0
        self._inside = 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def inside(self) -> Generator[None, None, None]:
        """Be inside."""
        with self._lock:
            self._inside += 1
            self.peak = max(self.peak, self._inside)
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1


class Pool:
    """Hand out connections to threads, first come, first served as in asyncio: `threading.Semaphore` lets newcomers overtake."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiting: deque[threading.Lock] = deque()
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1


class Site:
    """Keep what both applications count, and their bulkheads if they are guarded."""

    def __init__(self, guarded: bool) -> None:
        self.work = Counter()
        self.transfers = Counter()
        self.bulkheads = {"/serve": Bulkhead(SLOTS), "/transfer": Bulkhead(TRANSFER_SLOTS)} if guarded else {}

    def figures(self) -> str:
        """Tell the counts."""
        states = [bulkhead.statistics() for bulkhead in self.bulkheads.values()]
        counts = {
            "peak_inside": self.work.peak,
            "peak_transfers": self.transfers.peak,
            "slots_held": sum(state.in_flight + state.queued for state in states),
        }
        return json.dumps(counts)


def pieces(page: bytes) -> Iterator[bytes]:
    """Cut a page up."""
    return (page[start : start + PIECE_BYTES] for start in range(0, len(page), PIECE_BYTES))


def asgi_app(guarded: bool) -> Callable[..., Awaitable[None]]:
    """Make the Starlette application."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Mount, Route

    site = Site(guarded)
    pool = asyncio.Semaphore(POOL)

    async def work(_request: Request) -> PlainTextResponse:
        with site.work.inside():
            async with pool:
                await asyncio.sleep(SERVICE_S)
        return PlainTextResponse("done\n")

    async def hang(request: Request) -> PlainTextResponse:
        with site.work.inside():
            async with pool:
                await asyncio.sleep(float(request.query_params["seconds"]))
        return PlainTextResponse("done at last\n")

    async def transfer(scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        with site.transfers.inside():
            await Request(scope, receive).body()
            page = b"x" * TRANSFER_BYTES
            headers = [(b"content-length", b"%d" % len(page))]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            for piece in pieces(page):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    async def figures(_request: Request) -> PlainTextResponse:
        return PlainTextResponse(site.figures())

    routes = [Route("/serve", work), Route("/serve/hang", hang), Mount("/transfer", transfer), Route("/figures", figures)]
    application = Starlette(routes=routes)
    return asgi.AdmissionMiddleware(application, site.bulkheads) if guarded else application


def wsgi_app(guarded: bool) -> wsgi.Application:
    """Make the WSGI application."""
    site = Site(guarded)
    pool = Pool(POOL)

    def query(seconds: float) -> bytes:
        with site.work.inside(), pool:
            time.sleep(seconds)
        return b"done\n"

    def transfer(environ: wsgi.Environ, start: wsgi.StartResponse) -> Iterator[bytes]:
        with site.transfers.inside():
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            page = b"x" * TRANSFER_BYTES
            start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(page)))])
            yield from pieces(page)

    def application(environ: wsgi.Environ, start: wsgi.StartResponse) -> Iterator[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith("/transfer"):
            return transfer(environ, start)
        if path == "/figures":
            body = site.figures().encode()
        elif path == "/serve/hang":
            body = query(float(environ["QUERY_STRING"].partition("=")[2]))
        else:
            body = query(SERVICE_S)
        start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return iter([body])

    return wsgi.AdmissionMiddleware(application, site.bulkheads) if guarded else application
