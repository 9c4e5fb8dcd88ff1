"""Hold the ASGI middleware to its clauses, without a server or an event loop: requests are coroutines, stepped by hand.

Whatever a request awaits is a pause, at which others run, the client goes away, or the request is cancelled. So every interleaving
is a list of choices, and after each step the slots in use must be those of the requests in progress.
"""

import asyncio
import random
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from types import CodeType
from typing import Any, Final, final

from ..check import Check, Result, Settings, Subject, Verdict
from ..injection import Injector, Interrupt, quiet_finalisers
from ..progress import progress
from ..stops import handler_entries
from .asgi_site import EXEMPT, Request, Site, Tally, any_target, refusal_fault
from .clauses import web_1, web_2
from .support import GROUP, injector_of, module_of

ENOUGH: Final = 20  # faults, to stop at
ENDINGS: Final = ("returns", "returns", "raises", "works on", "ignores cancellation")


# By chance.


def _new_request(chance: random.Random) -> Request:
    pieces = chance.randint(1, 3)
    return Request(
        kind=chance.choice(("http", "http", "http", "websocket", "lifespan")),
        **any_target(chance),
        denial=chance.random() < 0.5,
        method=chance.choice(("GET", "HEAD", "POST")),
        pieces=pieces,
        ending=chance.choice(ENDINGS),
        raise_at=chance.randrange(pieces) if chance.random() < 0.15 else -1,
    )


def _history(subject: Subject, seed: int, steps: int, tally: Tally) -> None:
    chance = random.Random(seed)
    capacities = {"/": chance.randint(1, 3), "/a": chance.randint(1, 2)} if chance.random() < 0.5 else {"/b": chance.randint(1, 3)}
    site = Site(subject, capacities)
    matched: set[str] = set()
    for number in range(steps):
        alive = [request for request in site.requests if request.running]
        for request in set(site.requests) - set(alive):
            site.forget(request)
        if not alive or (number < steps - 60 and chance.random() < 0.25):
            request = _new_request(chance)
            prefix = site.prefix_of(request)
            room = not prefix or site.inside(prefix) < capacities[prefix]
            site.start(request)
            site.step(request)
            if request.kind != "lifespan":
                matched.add(prefix)
            unmatched, expected = set(site.middleware.unmatched) - {EXEMPT}, set(capacities) - matched
            tally.wrong += unmatched != expected
            if unmatched != expected:
                tally.note(f"{unmatched} are said to be unmatched, and {expected} are")
            _account(request, room, tally, f"{request.kind} {request.scope} for {request.path}")
        else:
            request = chance.choice(alive)
            fate = chance.random()
            if fate < 0.04:
                site.close(request)
            elif fate < 0.1:
                tally.cancelled += 1
                site.step(request, asyncio.CancelledError())
            else:
                request.disconnected = request.disconnected or fate < 0.15
                site.step(request)
                if request.running is None and request.error is None and not request.served:
                    fault = refusal_fault(request)
                    tally.wrong += bool(fault)
                    if fault:
                        tally.note(f"a refused {request.kind} request: {fault}")
        tally.steps += 1
        site.compare(tally, f"after a step of {request.kind} {request.path} ({request.ending})")
        if tally.faults:
            return
    for request in [request for request in site.requests if request.running]:
        site.close(request)
    site.compare(tally, "when all have ended")


def _account(request: Request, room: bool, tally: Tally, what: str) -> None:
    """Compare whether a request was let in with whether there was room."""
    tally.served += request.served
    tally.refused += not request.served
    if request.served != room:
        tally.wrong += 1
        tally.note(f"{what} was {'served' if request.served else 'refused'} with{'' if room else 'out'} a free slot")


def judge(tally: Tally, evidence: str) -> Result:
    """Turn what was counted into a verdict."""
    broken: list[str] = []
    if not web_1(tally.over, 0, tally.wrong):  # both counted above the capacity: it differs from case to case
        broken.append("WEB-1")
    if not web_2(tally.early, tally.lost):
        broken.append("WEB-2")
    found = f": {tally.over} too many in progress, {tally.wrong} refused wrongly, {tally.early} slots back early, {tally.lost} lost"
    return Result(Verdict.ILLEGAL if broken else Verdict.OK, evidence + found, tally.witness if broken else "", tuple(broken))


def _model(subject: Subject, settings: Settings) -> Result:
    histories = {"quick": 150, "full": 1_000}[settings.profile]
    tally, number = Tally(), 0
    with quiet_finalisers():
        for number in range(1, histories + 1):
            _history(subject, settings.seed * 1_000_003 + number, 300, tally)
            if tally.faults:
                break
    evidence = (
        f"{number} histories, {tally.steps:,} steps: {tally.served:,} requests served, {tally.refused:,} refused, "
        f"{tally.cancelled:,} cancelled"
    )
    return judge(tally, evidence)


# At every bytecode, and at every await.


@contextmanager
def sweeping(subject: Subject) -> Generator[Injector]:
    """Give an injector for the middleware, the bulkhead and the kernel below it."""
    owners = (module_of(subject, "asgi").AdmissionMiddleware, module_of(subject, "bulkhead").Bulkhead)
    with quiet_finalisers(), warnings.catch_warnings(), injector_of(subject, owners) as injector:
        warnings.simplefilter("ignore", RuntimeWarning)  # of a coroutine that an exception keeps from being awaited
        yield injector


REQUESTS: Final[dict[str, Callable[[], Request]]] = {
    "http": lambda: Request("http", "/a", "/r/a", "/r"),
    "http that fails": lambda: Request("http", "/a", "http://host/a", raise_at=1),
    "http with work after its last byte": lambda: Request("http", "/a", "/a", ending="works on"),
    "http that ignores cancellation": lambda: Request("http", "/a", "/a", ending="ignores cancellation"),
    "http without a limit": lambda: Request("http", "/c", "/c"),
    "websocket": lambda: Request("websocket", "/a", "a"),
    "websocket with denial": lambda: Request("websocket", "/a", "/a", denial=True),
    "lifespan": lambda: Request("lifespan", "", ""),
}
CANCELLED: Final = "cancelled"
THROWN_AWAY: Final = "thrown away"


@final
@dataclass(frozen=True, slots=True)
class Case:
    """One request, to a full site or not, and how it is ended at one of its steps (0: not at all)."""

    name: str
    full: bool
    end: str = ""
    end_at: int = 0


@dataclass(slots=True)
class _Run:
    reached: int = 0
    raised: str = ""
    steps: int = 0


def _one(subject: Subject, injector: Injector, case: Case, raise_at: int, tally: Tally) -> _Run:
    """Run one request to its end, with an exception at one bytecode (0: never). Then count the slots."""
    site = Site(subject, {"/a": 1})
    held = site.bulkheads["/a"].enter() if case.full else None
    request = REQUESTS[case.name]()
    run = _Run()

    def hook(at: int, code: CodeType, offset: int) -> None:
        run.reached = at
        if at == raise_at and offset not in handler_entries(code):
            run.raised = f"{code.co_qualname}+{offset}"
            raise Interrupt

    def drive() -> None:
        try:
            site.start(request)
            while request.running is not None:
                run.steps += 1
                ending = case.end if run.steps == case.end_at else ""
                if ending == THROWN_AWAY:
                    site.close(request)
                else:
                    site.step(request, asyncio.CancelledError() if ending == CANCELLED else None)
        except Interrupt as error:
            request.running, request.error = None, error

    injector.run(drive, hook)
    where = case.name + (f", {case.end} at its step {case.end_at}" if case.end else "")
    if run.raised:
        where += f", interrupted at {run.raised}"
        tally.points += 1
    else:
        _check_end(site, request, case, held, where, tally)
    request.error = None
    if held:
        held.release()
    leases = [site.bulkheads["/a"].enter() for _ in range(3)]  # one that is refused looks for what was left behind
    entered = sum(map(bool, leases))
    tally.lost += entered < 1
    tally.over += entered > 1
    if entered != 1:
        tally.note(f"{where}: afterwards {entered} of 1 slots can be used")
    return run


def _check_end(site: Site, request: Request, case: Case, held: Any, where: str, tally: Tally) -> None:
    """Count the slots in use, with the exception that ended the request still alive, and look at the refusal."""
    if held:
        in_flight = site.bulkheads["/a"].statistics().in_flight
        tally.over += in_flight != 1
        if not (case.end or request.path == "/c" or request.kind == "lifespan"):
            fault = refusal_fault(request)
            tally.wrong += bool(fault)
            if fault:
                tally.note(f"{where}, refused: {fault}")
    else:
        site.compare(tally, where)


def _sweep(subject: Subject, settings: Settings) -> Result:
    stride = {"quick": 5, "full": 1}[settings.profile]
    tally, awaits, cases = Tally(), 0, 0
    with sweeping(subject) as injector:
        for name, full in product(REQUESTS, (False, True)):
            progress(f"asgi: {name}, {tally.points:,} points so far")
            steps = _sweep_case(subject, injector, Case(name, full), 1, tally)
            for end, end_at in product((CANCELLED, THROWN_AWAY), range(1, steps + 1)):
                _sweep_case(subject, injector, Case(name, full, end, end_at), stride, tally)
                awaits += 1
            cases += 1
            if tally.faults:
                break
    evidence = f"{tally.points:,} exceptions in {cases} cases, {awaits:,} cancellations, each at another await"
    return judge(tally, evidence)


def _sweep_case(subject: Subject, injector: Injector, case: Case, stride: int, tally: Tally) -> int:
    """Sweep one case; the number of steps that it takes when nothing is raised."""
    steps = _one(subject, injector, case, 0, tally).steps
    position = 1
    while tally.faults < ENOUGH:
        run = _one(subject, injector, case, position, tally)
        if run.reached < position:
            break
        position += stride
    return steps


CLAUSES: Final = ("WEB-1", "WEB-2")
CHECKS: Final[tuple[Check, ...]] = (
    Check(
        name="adapters.asgi_model",
        group=GROUP,
        tool="random histories",
        clauses=CLAUSES,
        shows="requests, WebSockets and lifespans in random order, which end well, fail, are cancelled, lose their client or are "
        "thrown away, with targets of every form and roots given in either way: after each step the slots in use are those of the "
        "requests whose application has not ended; a request is refused, completely, exactly when no slot is free; rules that no "
        "request has matched are named",
        shows_not="What a server makes of the messages: the load runs on real servers are for that.",
        run=_model,
    ),
    Check(
        name="adapters.asgi_sweep",
        group=GROUP,
        tool="bytecode sweep",
        clauses=CLAUSES,
        shows="a cancellation at any await, an exception before any bytecode of the middleware, the bulkhead and the kernel, and "
        "an exception after a cancellation, lose no slot",
        shows_not="Two exceptions in one recovery. In the quick profile an exception after a cancellation comes at one bytecode in "
        "five.",
        run=_sweep,
    ),
)
