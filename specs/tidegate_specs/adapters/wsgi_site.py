"""An application behind the WSGI middleware, requests to it, and what each must be answered."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import IO, Any, cast, final
from wsgiref.util import FileWrapper

from ..check import Subject
from .asgi_site import EXEMPT, RETRY_AFTER_S, Failure, Tally, prefix_of
from .support import module_of


@final
class Input:
    """Stand for a request's body, and count who reads it."""

    def __init__(self) -> None:
        self.reads = 0

    def read(self, _size: int = -1) -> bytes:
        self.reads += 1
        return b""


@final
class Body:
    """Be a response with a `close` of its own, or a file."""

    def __init__(self, request: "Request") -> None:
        self._request = request
        self._left = request.pieces

    def __iter__(self) -> "Body":
        return self

    def __next__(self) -> bytes:
        return self.read(1) or _stop()

    def read(self, _size: int) -> bytes:
        if self._request.fails == "in a piece" and self._left < self._request.pieces:
            raise Failure
        self._left -= 1
        return b"x" if self._left >= 0 else b""

    def close(self) -> None:
        if self._request.fails == "in close":
            raise Failure


def _stop() -> bytes:
    raise StopIteration


@final
@dataclass(eq=False, slots=True)
class Request:
    """One request: what its application does, what its server does, and what came of it.

    stops_after: the pieces after which the client goes away. forgets: the server never closes.
    """

    path: str  # what stands in the rules
    target: str  # what the client asked for
    shape: str
    root: str = ""
    method: str = "GET"
    pieces: int = 2
    fails: str = ""
    stops_after: int = 99
    forgets: bool = False
    inside: bool = False
    served: bool = False
    sent: bytes = b""
    started: list[Any] = field(default_factory=list[Any])
    input: Input = field(default_factory=Input)
    running: "Generator[None, None, None] | None" = None
    error: BaseException | None = None

    def start_response(self, status: str, headers: list[tuple[str, str]]) -> Callable[[bytes], None]:
        self.started.append((status, dict(headers)))
        return self.write

    def write(self, piece: bytes) -> None:
        self.sent += piece

    def application(self, start_response: Callable[..., Callable[[bytes], None]]) -> Iterable[bytes]:
        self.inside = self.served = True
        try:
            if self.fails == "at once":
                raise Failure
            write = start_response("200 OK", [])
            if self.fails == "after start_response":
                raise Failure
            return self._body(write)
        except Failure:
            self.inside = False
            raise

    def _body(self, write: Callable[[bytes], None]) -> Iterable[bytes]:
        if self.shape == "write":
            write(b"x" * self.pieces)
            return []
        if self.shape in ("list", "tuple"):
            pieces = [b"x"] * self.pieces
            return pieces if self.shape == "list" else tuple(pieces)
        body = Body(self)
        if self.shape == "file":
            return FileWrapper(cast(IO[bytes], body), 1)
        return (piece for piece in body) if self.shape == "generator" else body

    def serve(self, middleware: Any) -> Generator[None, None, None]:
        """Be the server: a step for the call, for each piece, and for the end."""
        environ = {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": self.root,
            "PATH_INFO": self.target,
            "wsgi.input": self.input,
            "request": self,
        }
        body: Any = middleware(environ, self.start_response)
        yield
        try:
            pieces = iter(body)
            if self.forgets:
                body = None  # all that this server keeps is the iterator
            for number, piece in enumerate(pieces, 1):
                self.sent += piece
                if number > self.stops_after:
                    break
                yield
            else:
                self.inside = False  # read to its end
                yield
        finally:
            if not self.forgets:
                close = getattr(body, "close", None)
                try:
                    if close is not None:
                        close()
                finally:
                    self.inside = False


def refusal_fault(request: Request) -> str:
    """Say what is wrong with a refusal, or nothing."""
    if request.served:
        return "the application was called"
    if request.input.reads:
        return "the body was read"
    if len(request.started) != 1:
        return f"start_response was called {len(request.started)} times"
    status, headers = request.started[0]
    if not status.startswith("503 ") or headers.get("Retry-After") != str(RETRY_AFTER_S):
        return f"it was answered {status} with {headers}"
    length = int(headers.get("Content-Length", -1))
    if length <= 0 or len(request.sent) != (0 if request.method == "HEAD" else length):
        return f"its body has {len(request.sent)} bytes of {length}"
    return "" if headers.get("Content-Type", "").startswith("text/plain") else f"its headers are {headers}"


@final
class Site:
    """A middleware with its bulkheads, the requests on their way through it, and the slots that they should hold."""

    def __init__(self, subject: Subject, capacities: dict[str, int]) -> None:
        bulkhead: Any = module_of(subject, "bulkhead").Bulkhead
        self.capacities = capacities
        self.abandoned = 0  # responses that nobody read to their end, nor closed
        self.bulkheads: dict[str, Any] = {prefix: bulkhead(capacity) for prefix, capacity in capacities.items()}

        def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            request: Request = environ["request"]
            return request.application(start_response)

        self.middleware: Any = module_of(subject, "wsgi").AdmissionMiddleware(
            application, {EXEMPT: None, **self.bulkheads}, retry_after_s=RETRY_AFTER_S
        )
        self.requests: list[Request] = []

    def prefix_of(self, request: Request) -> str:
        """Tell which bulkhead it should be in; none if empty. The prefixes here are one segment long."""
        return prefix_of(request.path, self.capacities)

    def inside(self, prefix: str) -> int:
        """Count the requests in progress."""
        return sum(request.inside and self.prefix_of(request) == prefix for request in self.requests)

    def step(self, request: Request) -> None:
        """Let the server take one step."""
        if request.running is None:
            request.running = request.serve(self.middleware)
            self.requests.append(request)
        try:
            next(request.running)
        except StopIteration:
            request.running = None
        except Failure as error:
            request.running = None
            request.error = error  # as a server's log would, and with it the frames it came through

    def forget(self, request: Request) -> None:
        """Let the server throw everything of a request away, closed or not."""
        request.running = request.error = None  # which closes it, unless it forgets to
        self.abandoned += request.inside and bool(self.prefix_of(request))
        request.inside = False

    def compare(self, tally: Tally, what: str) -> None:
        """Hold the slots in use to the requests in progress."""
        for prefix, capacity in self.capacities.items():
            inside, held = self.inside(prefix), self.bulkheads[prefix].statistics().in_flight
            tally.over += inside > capacity
            tally.early += held < inside
            tally.lost += held > inside
            if held != inside or inside > capacity:
                tally.note(f"{what}: {held} slots are held for {inside} requests in progress at {prefix} of capacity {capacity}")
        abandoned = sum(bulkhead.statistics().abandoned for bulkhead in self.bulkheads.values())
        tally.lost += abandoned != self.abandoned
        if abandoned != self.abandoned:
            tally.note(f"{what}: {abandoned} are counted as abandoned, and {self.abandoned} were")
