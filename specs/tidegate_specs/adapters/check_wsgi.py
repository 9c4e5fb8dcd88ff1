"""Hold the WSGI middleware to its clauses, without a server: requests are served by hand, a piece at a time.

A server that keeps to PEP 3333 calls the application, iterates over what it gives, and closes that, whatever happened; another
never does that, as bridges to ASGI. Several requests are under way at once, and after each step the slots in use must be those of
the requests in progress.
"""

import random
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from types import CodeType
from typing import IO, Any, Final, cast, final
from wsgiref.util import FileWrapper

from ..check import Check, Result, Settings, Subject
from ..injection import Injector, Interrupt, quiet_finalisers
from ..progress import progress
from ..stops import handler_entries
from .check_asgi import CLAUSES, ENOUGH, EXEMPT, RETRY_AFTER_S, TARGETS, Failure, Tally, judge, prefix_of
from .support import GROUP, injector_of, module_of

SHAPES: Final = ("list", "tuple", "generator", "iterator", "file", "write")
FAILS: Final = ("", "", "", "at once", "after start_response", "in a piece", "in close")


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


# By chance.


def _history(subject: Subject, seed: int, steps: int, tally: Tally) -> None:
    chance = random.Random(seed)
    capacities = {"/": chance.randint(1, 3), "/a": chance.randint(1, 2)} if chance.random() < 0.5 else {"/b": chance.randint(1, 3)}
    site = Site(subject, capacities)
    for _ in range(steps):
        alive = [request for request in site.requests if request.running]
        if not alive or chance.random() < 0.3:
            target, path = chance.choice(tuple(TARGETS.items()))
            request = Request(
                path=path,
                target=target,
                root=chance.choice(("", "/a", "/r")),
                shape=chance.choice(SHAPES),
                method=chance.choice(("GET", "HEAD", "POST")),
                pieces=chance.randint(0, 3),
                fails=chance.choice(FAILS),
                stops_after=chance.choice((0, 1, 99, 99)),
                forgets=chance.random() < 0.1,
            )
            prefix = site.prefix_of(request)
            room = not prefix or site.inside(prefix) < capacities[prefix]
            site.step(request)
            tally.served += request.served
            tally.refused += not request.served
            if request.served != room:
                tally.wrong += 1
                tally.note(
                    f"{request.target!r}, which is {request.path}, was {'served' if request.served else 'refused'} "
                    f"with{'' if room else 'out'} a free slot"
                )
        else:
            request = chance.choice(alive)
            site.step(request)
        _end_step(site, request, tally)
        if tally.faults:
            return
    for request in site.requests:
        site.forget(request)
    site.compare(tally, "when all are forgotten")


def _end_step(site: Site, request: Request, tally: Tally) -> None:
    tally.steps += 1
    if request.running is None:
        if not request.served and request.stops_after > 1 and not request.error:
            fault = refusal_fault(request)
            tally.wrong += bool(fault)
            if fault:
                tally.note(f"a refused {request.method} request: {fault}")
        if request.forgets:
            site.forget(request)
        site.compare(tally, f"after the last step of {request.shape}, failing {request.fails or 'not'}")
        site.requests.remove(request)
        request.error = None
    else:
        site.compare(tally, f"after a step of {request.shape}, failing {request.fails or 'not'}")


def _model(subject: Subject, settings: Settings) -> Result:
    histories = {"quick": 150, "full": 2_000}[settings.profile]
    tally, number = Tally(), 0
    with quiet_finalisers():
        for number in range(1, histories + 1):
            _history(subject, settings.seed * 1_000_003 + number, 200, tally)
            if tally.faults:
                break
    evidence = f"{number} histories, {tally.steps:,} steps: {tally.served:,} requests served, {tally.refused:,} refused"
    return judge(tally, evidence)


# At every bytecode.


@contextmanager
def sweeping(subject: Subject) -> Generator[Injector]:
    """Give an injector for the middleware, its responses, the bulkhead and the kernel below it."""
    wsgi = module_of(subject, "wsgi")
    owners = (wsgi.AdmissionMiddleware, module_of(subject, "bulkhead").Bulkhead)
    with quiet_finalisers(), injector_of(subject, owners) as injector:
        yield injector


@final
@dataclass(frozen=True, slots=True)
class Case:
    """One request, to a full site or not."""

    shape: str
    fails: str = ""
    stops_after: int = 99
    forgets: bool = False
    full: bool = False


@dataclass(slots=True)
class _Run:
    reached: int = 0
    raised: str = ""


def _one(subject: Subject, injector: Injector, case: Case, raise_at: int, tally: Tally) -> _Run:
    """Serve one request to its end, with an exception at one bytecode (0: never). Then count the slots."""
    site = Site(subject, {"/a": 1})
    held = site.bulkheads["/a"].enter() if case.full else None
    request = Request("/a", "/a", case.shape, fails=case.fails, stops_after=case.stops_after, forgets=case.forgets)
    run = _Run()

    def hook(at: int, code: CodeType, offset: int) -> None:
        run.reached = at
        if at == raise_at and offset not in handler_entries(code):
            run.raised = f"{code.co_qualname}+{offset}"
            raise Interrupt

    def drive() -> None:
        try:
            site.step(request)
            while request.running is not None:
                site.step(request)
            if case.forgets:
                site.forget(request)
        except Interrupt:
            request.running = None

    injector.run(drive, hook)
    where = f"a response of shape {case.shape}" + (f", failing {case.fails}" if case.fails else "")
    if run.raised:
        where += f", interrupted at {run.raised}"
        tally.points += 1
    elif not case.full:
        site.compare(tally, where)
    elif case.stops_after > 1:
        fault = refusal_fault(request)
        tally.wrong += bool(fault)
        if fault:
            tally.note(f"{where}, refused: {fault}")
    site.forget(request)
    if held:
        held.release()
    leases = [site.bulkheads["/a"].enter() for _ in range(3)]  # one that is refused looks for what was left behind
    entered = sum(map(bool, leases))
    tally.lost += entered < 1
    tally.over += entered > 1
    if entered != 1:
        tally.note(f"{where}: afterwards {entered} of 1 slots can be used")
    return run


def cases() -> Iterator[Case]:
    """List what is swept."""
    for shape in SHAPES:
        for fails in dict.fromkeys(FAILS):
            yield Case(shape, fails)
        for stops_after, forgets in product((0, 1, 99), (False, True)):
            yield Case(shape, "", stops_after, forgets)
        yield Case(shape, full=True)


def _sweep(subject: Subject, _settings: Settings) -> Result:
    tally, number = Tally(), 0
    with sweeping(subject) as injector:
        for case in cases():
            progress(f"wsgi: {case.shape}, {tally.points:,} points so far")
            number += 1
            _one(subject, injector, case, 0, tally)
            position = 1
            while tally.faults < ENOUGH and _one(subject, injector, case, position, tally).reached >= position:
                position += 1
            if tally.faults:
                break
    return judge(tally, f"{tally.points:,} exceptions in {number} cases")


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        name="adapters.wsgi_model",
        group=GROUP,
        tool="random histories",
        clauses=CLAUSES,
        shows="requests with responses of every kind in random order, which end well, fail, lose their client, or are never "
        "closed, with targets of every form and below any root: after each step the slots in use are those of the requests whose "
        "response was not read to its end, closed or dropped; a request is refused, completely, exactly when no slot is free; "
        "those whose response was dropped before its end, and no others, are counted as abandoned",
        shows_not="What a server makes of the answer: the load runs on real servers are for that.",
        run=_model,
    ),
    Check(
        name="adapters.wsgi_sweep",
        group=GROUP,
        tool="bytecode sweep",
        clauses=CLAUSES,
        shows="an exception before any bytecode of the middleware, of the response, of the bulkhead and of the kernel, and a "
        "response that is closed early or never, lose no slot",
        shows_not="Two exceptions in one recovery.",
        run=_sweep,
    ),
)
