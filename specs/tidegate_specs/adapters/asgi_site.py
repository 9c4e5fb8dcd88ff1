"""An application behind the ASGI middleware, requests to it, and what each must be answered."""

import asyncio
import random
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass, field
from typing import Any, Final, final

from ..check import Subject
from ..injection import Interrupt
from .support import module_of

RETRY_AFTER_S: Final = 7
DENIAL: Final = "websocket.http.response"
EXEMPT: Final = "/c"  # the prefix that is not limited
# What a client may ask for, in every form that servers let through (RFC 9112, 3.2), and the path that it stands for.
TARGETS: Final = {
    "/": "/",
    "/a": "/a",
    "/a/x": "/a/x",
    "/b": "/b",
    "/ab": "/ab",
    "/b/": "/b/",
    "/c": "/c",
    "/c/x": "/c/x",
    "/c/../a": "/",  # nobody knows: in no case exempt
    "//a": "/",
    "*": "/",
    "host:443": "/",
    "": "/",
    "a/x": "/a/x",
    "http://host": "/",
    "http://host/a?": "/a?",
    "https://host:1/a/x": "/a/x",
    "http://host/c": "/c",
}
ROOTS: Final = ("", "", "/a", "/r", "/r/")


class Failure(Exception):
    """Raised by an application."""


@types.coroutine
def pause() -> Generator[None, None, None]:
    """Wait for the scheduler's next choice."""
    yield


@final
@dataclass(eq=False, slots=True)
class Request:
    """One scope on its way: what its client sends, what its application does, and what came of it."""

    kind: str
    path: str  # what stands in the rules
    target: str  # what the client asked for
    root: str = ""
    whole: bool = False  # the server tells the root with the target, as uvicorn does; others tell the target alone
    denial: bool = False
    method: str = "GET"
    pieces: int = 2
    ending: str = "returns"
    raise_at: int = -1
    steps: int = 0
    disconnected: bool = False
    received: int = 0
    inside: bool = False  # the application was called, and its call has not ended
    served: bool = False
    sent: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    running: "Coroutine[Any, Any, None] | None" = None
    error: BaseException | None = None

    @property
    def scope(self) -> dict[str, Any]:
        """Give what the server tells of it."""
        if self.kind == "lifespan":
            return {"type": "lifespan"}
        told = self.root + self.target if self.whole else self.target
        scope: dict[str, Any] = {"type": self.kind, "path": told, "root_path": self.root, "headers": []}
        if self.kind == "http":
            return scope | {"method": self.method}
        return scope | {"extensions": {DENIAL: {}}} if self.denial else scope

    async def receive(self) -> dict[str, Any]:
        self.received += 1
        await pause()
        if self.disconnected:
            return {"type": f"{self.kind}.disconnect"}
        return {"type": f"{self.kind}.request", "body": b"", "more_body": True}

    async def send(self, message: dict[str, Any]) -> None:
        await pause()
        self.sent.append(message)
        await pause()

    async def application(self, _scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        self.inside = self.served = True
        try:
            await self.respond(receive, send)
        except asyncio.CancelledError:
            if self.ending != "ignores cancellation":
                raise
            await pause()
            await pause()
        finally:
            self.inside = False

    async def respond(self, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        """Do what an application does: read, answer in pieces, fail somewhere, work on after the last byte."""
        http = self.kind != "websocket"
        for number in range(self.pieces):
            if number == self.raise_at:
                raise Failure
            message = await receive()
            if message["type"].endswith(".disconnect"):
                raise Failure
            if not number:
                await send({"type": "http.response.start", "status": 200} if http else {"type": "websocket.accept"})
            await send({"type": "http.response.body", "more_body": True} if http else {"type": "websocket.send"})
        await send({"type": "http.response.body", "more_body": False} if http else {"type": "websocket.close"})
        if self.ending == "raises":
            raise Failure
        if self.ending == "works on":
            for _ in range(3):
                await pause()


def refusal_fault(request: Request) -> str:
    """Say what is wrong with a refusal that has ended by itself, or nothing."""
    if request.served:
        return "the application was called"
    if request.received:
        return "the body was read"
    types_sent = [message["type"] for message in request.sent]
    if request.kind == "websocket" and not request.denial:
        return "" if types_sent == ["websocket.close"] else f"it was answered with {types_sent}"
    prefix = "http.response" if request.kind == "http" else DENIAL
    if types_sent != [f"{prefix}.start", f"{prefix}.body"]:
        return f"it was answered with {types_sent}"
    start, body = request.sent
    headers = {bytes(name): bytes(value) for name, value in start["headers"]}
    if start["status"] != 503 or headers.get(b"retry-after") != str(RETRY_AFTER_S).encode():
        return f"it was answered {start['status']} with {headers}"
    text = body.get("body", b"")
    length = int(headers.get(b"content-length", b"-1"))
    if body.get("more_body") or length <= 0 or len(text) != (0 if request.method == "HEAD" and request.kind == "http" else length):
        return f"its body has {len(text)} bytes of {length}"
    return "" if headers.get(b"content-type", b"").startswith(b"text/plain") else f"its headers are {headers}"


def prefix_of(path: str, capacities: dict[str, int]) -> str:
    """Tell which bulkhead a path should be in; none if empty. The prefixes here are one segment long."""
    first = "/" + path.split("/")[1]
    return first if first in capacities else "/" if "/" in capacities and first != EXEMPT else ""


def any_target(chance: random.Random) -> dict[str, Any]:
    """Choose what a client asks for, and how the server tells it, without what no framework can tell apart."""
    target, path = chance.choice(tuple(TARGETS.items()))
    root = chance.choice(ROOTS)
    whole = bool(root) and chance.random() < 0.5
    if whole and not root.endswith("/") and not target.startswith("/") and "://" not in target:
        path = "/"  # without a slash in between it is another first segment: nobody's
    if not whole and (path + "/").startswith(root.rstrip("/") + "/"):
        root = ""  # it would be taken for the whole
    return {"path": path, "target": target, "root": root, "whole": whole}


@final
@dataclass(slots=True)
class Tally:
    """Count requests, and what was wrong with them."""

    served: int = 0
    refused: int = 0
    cancelled: int = 0
    steps: int = 0
    points: int = 0
    over: int = 0
    wrong: int = 0
    early: int = 0
    lost: int = 0
    witness: str = ""

    def note(self, text: str) -> None:
        """Keep the first account of a fault."""
        self.witness = self.witness or text

    @property
    def faults(self) -> int:
        return self.over + self.wrong + self.early + self.lost


@final
class Site:
    """A middleware with its bulkheads, the requests on their way through it, and the slots that they should hold."""

    def __init__(self, subject: Subject, capacities: dict[str, int]) -> None:
        bulkhead: Any = module_of(subject, "bulkhead").Bulkhead
        self.capacities = capacities
        self.bulkheads: dict[str, Any] = {prefix: bulkhead(capacity) for prefix, capacity in capacities.items()}
        self.current: Request | None = None

        async def application(scope: Any, receive: Any, send: Any) -> None:
            request: Request = receive.__self__
            await request.application(scope, receive, send)

        self.middleware: Any = module_of(subject, "asgi").AdmissionMiddleware(
            application, {EXEMPT: None, **self.bulkheads}, retry_after_s=RETRY_AFTER_S
        )
        self.requests: list[Request] = []

    def prefix_of(self, request: Request) -> str:
        """Tell which bulkhead it should be in; none if empty. The prefixes here are one segment long."""
        return prefix_of(request.path, self.capacities) if request.kind in ("http", "websocket") else ""

    def inside(self, prefix: str) -> int:
        """Count the requests in progress."""
        return sum(request.inside and self.prefix_of(request) == prefix for request in self.requests)

    def start(self, request: Request) -> None:
        """Let the server call the middleware."""
        self.requests.append(request)
        request.running = self.middleware(request.scope, request.receive, request.send)

    def step(self, request: Request, error: BaseException | None = None) -> None:
        """Let it run to its next pause; with an exception, it is raised at the pause it is in."""
        assert request.running is not None
        request.steps += 1
        try:
            if error is None:
                request.running.send(None)
            else:
                request.running.throw(error)
        except StopIteration:
            request.running = None
        except (Failure, asyncio.CancelledError, Interrupt) as raised:
            request.running = None
            request.error = raised  # as a server's log would, and with it the frames it came through
        finally:
            error = None  # or the frames that it came through and this one would keep each other

    def close(self, request: Request) -> None:
        """Let the event loop throw it away."""
        assert request.running is not None
        request.running.close()
        request.running = None

    def forget(self, request: Request) -> None:
        """Let go of one that ended."""
        self.requests.remove(request)
        request.error = None

    def compare(self, tally: Tally, what: str) -> None:
        """Hold the slots in use to the requests in progress."""
        for prefix, capacity in self.capacities.items():
            inside, held = self.inside(prefix), self.bulkheads[prefix].statistics().in_flight
            tally.over += inside > capacity
            tally.early += held < inside
            tally.lost += held > inside
            if held != inside or inside > capacity:
                tally.note(f"{what}: {held} slots are held for {inside} requests in progress at {prefix} of capacity {capacity}")
