"""A bulkhead with visits, and what is counted of it."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, Final, cast, final

from ..check import Result, Subject, Verdict
from ..injection import Injector, Interrupt, quiet_finalisers
from ..stops import handler_entries
from .clauses import bulkhead_1, bulkhead_2
from .support import injector_of, module_of

WAIT_S: Final = 10.0
VISIT: Final = "<visit>"
ENOUGH: Final = 20  # faults, to stop at


def visit(bulkhead: Any, work: Callable[[], Any]) -> Any:
    """Use a bulkhead as its page says: swept with it."""
    lease = bulkhead.enter()
    if not lease:
        return lease
    with lease:
        return work()


@contextmanager
def sweeping(subject: Subject) -> Generator[Injector]:
    """Give an injector for the bulkhead, the kernel below it, and `visit`."""
    injector = injector_of(subject, (module_of(subject, "bulkhead").Bulkhead, cast(FunctionType, visit)))
    injector.files = (*injector.files, VISIT)
    with quiet_finalisers(), injector:
        yield injector


@final
@dataclass(slots=True)
class Tally:
    """Count points, and what was found after them: slots lost, callers inside above the capacity, refusals without a reason.

    pairs: points beside another caller. late: slots that only came back when the exception's traceback was dropped.
    """

    points: int = 0
    pairs: int = 0
    lost: int = 0
    over: int = 0
    spurious: int = 0
    late: int = 0
    witness: str = ""

    @property
    def faults(self) -> int:
        return self.lost + self.over + self.spurious

    def count(self, where: str, lost: int, over: int, spurious: int) -> None:
        self.lost += lost
        self.over += over
        self.spurious += spurious
        if (lost or over or spurious) and not self.witness:
            self.witness = f"{where}: {lost} slots lost, {over} callers too many inside, {spurious} refused with room inside"


@final
class Scene:
    """A bulkhead in a known state, and who is inside."""

    def __init__(self, subject: Subject, capacity: int, held: int = 0) -> None:
        self.capacity = capacity
        self.bulkhead: Any = module_of(subject, "bulkhead").Bulkhead(capacity)
        self.full: Any = subject.Outcome.FULL
        self.inside: list[Any] = []
        self.closed = False
        self.close_ended = False
        for _ in range(held):
            self.enter()

    def enter(self) -> Any:
        """Let one caller in, or not."""
        answer = self.bulkhead.enter()
        if answer:
            self.inside.append(answer)
        return answer

    def leave_behind(self, injector: Injector, offered_at: int) -> None:
        """Be interrupted between the offer and the rest of an entry."""

        def hook(at: int, _code: CodeType, _offset: int) -> None:
            if at == offered_at:
                raise Interrupt

        interrupted(injector, self.bulkhead.enter, hook)

    def audit(self) -> tuple[int, int]:
        """Fill it up, empty it, and count the slots that were lost, and the callers that were inside above the capacity."""
        capacity = self.capacity
        if not self.closed:
            for _ in range(capacity + 2):
                if not self.enter():
                    break
        over = max(0, len(self.inside) - capacity)
        lost = 0 if self.closed else max(0, capacity - len(self.inside))
        while self.inside:
            self.inside.pop().release()
        if self.closed and not self.close_ended:
            self.bulkhead.close()
        return max(lost, capacity - int(self.bulkhead.statistics().free)), over


def interrupted(injector: Injector, call: Callable[[], Any], hook: Callable[[int, CodeType, int], None]) -> Any:
    """Make a call with a hook; its answer, or the Interrupt, whose traceback keeps what it keeps until the answer is dropped."""

    def caught() -> Any:
        try:
            return call()
        except Interrupt as error:
            return error

    return injector.run(caught, hook)


def offered_at(subject: Subject, injector: Injector) -> int:
    """Find where in `enter` an exception leaves an item behind, by trying; 0 if nowhere."""
    for position in range(1, 1000):
        scene = Scene(subject, 2)
        reached = 0

        def hook(at: int, code: CodeType, offset: int, position: int = position) -> None:
            nonlocal reached
            reached = at
            if at == position and offset not in handler_entries(code):
                raise Interrupt

        interrupted(injector, scene.bulkhead.enter, hook)
        if scene.bulkhead.statistics().queued:
            return position
        if reached < position:
            break
    return 0


def conclude(tally: Tally, evidence: str) -> Result:
    broken: list[str] = []
    if not bulkhead_1(tally.over, 0, tally.spurious):  # both counted above the capacity: it differs from case to case
        broken.append("BULKHEAD-1")
    if not bulkhead_2(tally.points, tally.lost):
        broken.append("BULKHEAD-2")
    return Result(Verdict.ILLEGAL if broken else Verdict.OK, evidence, tally.witness if broken else "", tuple(broken))
