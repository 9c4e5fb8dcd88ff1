"""Hold the WSGI middleware to its clauses, without a server: requests are served by hand, a piece at a time.

A server that keeps to PEP 3333 calls the application, iterates over what it gives, and closes that, whatever happened; another
never does that, as bridges to ASGI. Several requests are under way at once, and after each step the slots in use must be those of
the requests in progress.
"""

import random
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from types import CodeType
from typing import Final, final

from ..check import Check, Result, Settings, Subject
from ..injection import Injector, Interrupt, quiet_finalisers
from ..progress import progress
from ..stops import handler_entries
from .asgi_site import TARGETS, Tally
from .check_asgi import CLAUSES, ENOUGH, judge
from .support import GROUP, injector_of, module_of
from .wsgi_site import Request, Site, refusal_fault

SHAPES: Final = ("list", "tuple", "generator", "iterator", "file", "write")
FAILS: Final = ("", "", "", "at once", "after start_response", "in a piece", "in close")


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
