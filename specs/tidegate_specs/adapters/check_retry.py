"""Hold the two middlewares to what they may tell refused clients: random histories on a clock of our own, beside a model (WEB-3).

The model knows when each request ended and when each was refused, and works out anew between which two numbers an answer must lie.
Times are eighths of a second, which are exact, and the clock stands still, jumps and runs backwards.
"""

import gc
import random
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final, final

from ..check import Check, Result, Settings, Subject, Verdict
from .clauses import web_3
from .support import GROUP, module_of

HISTORIES: Final = {"quick": 150, "full": 3_000}
STEPS: Final = 60
CROWD: Final = 64  # refusals at one instant: told the same number by chance, of two, once in 2 ** 63
PASSED_S: Final = (0, 0, 0.125, 0.25, 1, 1.25, 2, 2.125, 7, 3600, -1)
LOCKS: Final = (type(threading.Lock()), type(threading.RLock()), threading.Condition, threading.Semaphore)
NOT_OURS: Final = (type, ModuleType, FunctionType, BuiltinFunctionType)


def tell_wsgi(middleware: Any, path: str) -> str:
    """Have a WSGI request refused, and give what its client is told."""
    told: dict[str, str] = {}

    def start_response(_status: str, headers: list[tuple[str, str]]) -> None:
        told.update(headers)

    middleware({"REQUEST_METHOD": "GET", "PATH_INFO": path}, start_response)
    return told.get("Retry-After", "")


def tell_asgi(middleware: Any, path: str) -> str:
    """Have an ASGI request refused, and give what its client is told."""
    told: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    serving: Coroutine[Any, Any, None] = middleware({"type": "http", "method": "GET", "path": path}, None, send)
    try:
        serving.send(None)
    except StopIteration:
        pass
    finally:
        serving.close()
    return str(bytes(dict(told[0]["headers"]).get(b"retry-after", b"")), "ascii") if told else ""


@final
@dataclass(slots=True)
class Wait:
    """Model one bulkhead: what is inside, what has ended, and what the last interval says."""

    bulkhead: Any
    capacity: int
    inside: list[Any] = field(default_factory=list[Any])
    ended: int = 0
    began: "tuple[float, int] | None" = None
    wait_s: float = 0.0

    def allowed(self, now: float, longest_s: int) -> range:
        """Give the numbers that a client refused now may be told."""
        lasted = None if self.began is None else now - self.began[0]
        if self.began is None or lasted is None or not 0 <= lasted < 1:
            self.wait_s = 0.0
            if self.began is not None and lasted is not None and 1 <= lasted <= 2:
                finished = self.ended - self.began[1]
                self.wait_s = self.capacity * lasted / finished if finished else longest_s
            self.began = now, self.ended
        least = max(1, min(ceil(self.wait_s), longest_s // 2))
        return range(least, min(2 * least, longest_s) + 1)


@final
@dataclass(slots=True)
class Tally:
    """Count refusals, and what was wrong with them."""

    refusals: int = 0
    wrong: int = 0
    kept: int = 0
    witness: str = ""

    def note(self, text: str) -> None:
        """Keep the first account of a fault."""
        self.witness = self.witness or text


@final
class Site:
    """A middleware with two bulkheads, and the model of each."""

    def __init__(self, subject: Subject, name: str, tell: Callable[[Any, str], str], chance: random.Random, tally: Tally) -> None:
        bulkhead: Any = module_of(subject, "bulkhead").Bulkhead
        module = module_of(subject, name)
        self.chance, self.tally, self.now = chance, tally, 100.0
        self.longest_s = chance.choice((2, 3, 10, 30))
        capacities = {"/": chance.randint(1, 4), "/a": chance.randint(5, 20)}
        self.waits = {prefix: Wait(bulkhead(capacity), capacity) for prefix, capacity in capacities.items()}
        how = module.RetryAfter(self.longest_s, clock=lambda: self.now, chance=random.Random(chance.random()).random)
        rules = {prefix: wait.bulkhead for prefix, wait in self.waits.items()}
        self.middleware: Any = module.AdmissionMiddleware(int, rules, retry_after_s=how)
        self.tell: Final = partial(tell, self.middleware)

    def step(self) -> None:
        """Let requests end, let time pass, and have one or a crowd refused."""
        prefix = self.chance.choice(tuple(self.waits))
        wait = self.waits[prefix]
        while lease := wait.bulkhead.enter():
            wait.inside.append(lease)
        self.refuse(prefix, CROWD if self.chance.random() < 0.1 else 1)
        for _ in range(self.chance.choice((0, 1, len(wait.inside)))):
            wait.inside.pop().release()
            wait.ended += 1
        self.now += self.chance.choice(PASSED_S)

    def refuse(self, prefix: str, number: int) -> None:
        """Have requests refused at one instant, and compare what they are told."""
        allowed = self.waits[prefix].allowed(self.now, self.longest_s)
        told = [self.tell(prefix) for _ in range(number)]
        self.tally.refusals += number
        wrong = [each for each in told if not each.isdecimal() or int(each) not in allowed]
        self.tally.wrong += len(wrong)
        if wrong:
            self.tally.note(f"a client was told {wrong[0]!r}, and {allowed[0]}-{allowed[-1]} is right, of {self.longest_s} at most")
        if number == CROWD and len(set(told)) == 1 and len(allowed) > 1:
            self.tally.wrong += 1
            self.tally.note(f"{number} clients were all told {told[0]}: they come back together")

    def keeps(self) -> int:
        """Count the objects that the middleware holds, and compare the locks among them with none."""
        seen: dict[int, Any] = {}
        ahead = [self.middleware]
        while ahead:
            each = ahead.pop()
            if id(each) in seen or isinstance(each, NOT_OURS) or each is self:
                continue
            seen[id(each)] = each
            if isinstance(each, LOCKS):
                self.tally.kept += 1
                self.tally.note("a refusal has a lock to wait for")
            if all(each is not wait.bulkhead for wait in self.waits.values()):
                ahead += gc.get_referents(each)
        return len(seen)


def _model(subject: Subject, settings: Settings, name: str, tell: Callable[[Any, str], str]) -> Result:
    chance, tally, histories = random.Random(settings.seed), Tally(), 0
    while histories < HISTORIES[settings.profile] and not tally.witness:
        histories += 1
        site = Site(subject, name, tell, chance, tally)
        site.step()
        before = site.keeps()
        for _ in range(STEPS):
            if not tally.witness:
                site.step()
        more = site.keeps() - before - 8  # two intervals and two waits, of a few objects each
        if more > 0:
            tally.kept += more
            tally.note(f"after {tally.refusals} refusals the middleware holds {more + 8} objects more than after the first")
    evidence = f"{histories:,} histories, {tally.refusals:,} refusals"
    if tally.witness or not web_3(tally.refusals, tally.wrong, tally.kept):
        return Result(Verdict.ILLEGAL, evidence, tally.witness or "nothing was refused", ("WEB-3",))
    return Result(Verdict.OK, evidence)


def _check(name: str, tell: Callable[[Any, str], str]) -> Check:
    return Check(
        name=f"adapters.{name}_retry_after",
        group=GROUP,
        tool="random histories",
        clauses=("WEB-3",),
        shows="in random histories on a clock that stands, jumps and runs backwards each refused client is told a number between "
        "the wait and twice the wait, of its own bulkhead and never beyond the longest; a crowd is told different ones; no lock is "
        "there, and refusals leave nothing behind",
        shows_not="whether the requests inside take as long as those before them",
        run=partial(_model, name=name, tell=tell),
    )


ASGI: Final = (_check("asgi", tell_asgi),)
WSGI: Final = (_check("wsgi", tell_wsgi),)
