"""The checks of limiters: no more callers inside than there are places, no place lost, nobody sent away while there is room.

A limiter is used as its documentation says (`limiter`). Its places are counted by going inside from inside, until no more can.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from types import CodeType
from typing import Any, Final

from ..check import Check, Result, Settings, Subject, Verdict, capabilities_of, needs
from ..explore.explorer import Grain, explore
from ..explore.history import Caller, History
from ..explore.program import Program
from ..explore.runs import WaitsInEarnest
from ..injection import Interrupt
from . import inside
from .adapter import Adapted, injector_for
from .schedules import modules_of, not_scheduled

CAPACITIES: Final = (1, 2, 3)
BOUNDS: Final[tuple[tuple[Grain, int], ...]] = (("access", 2), ("opcode", 1))
SECONDS: Final = {"quick": 15.0, "full": 90.0}
PATIENCE_S: Final = 2.0  # for a call that should not wait
MOST_POINTS: Final = 5_000
REPEATS: Final = 12  # cancellations of the same limiter: what is lost a little at a time is gone then
TURNS: Final = 20  # of an event loop: after them who still waits, waits


def applies_to(check: Check, subject: Subject) -> bool:
    """Tell that they are for limiters: some for those of threads, the others for those of tasks."""
    declared = capabilities_of(subject)
    return "limiter" in declared and ("asyncio" in declared) == ("asyncio" in check.needs)


def room(limiter: Any) -> int:
    """Count the places by going inside from inside, two more times than there should be places."""
    found: list[int] = []

    def deeper() -> None:
        found.append(1)
        if len(found) < limiter.capacity + 2:
            limiter.use(deeper, wait=False)

    limiter.use(deeper, wait=False)
    return len(found)


def places(subject: Subject, _settings: Settings) -> Result:
    """Count the places of limiters of several capacities, twice, and after bodies that raise."""
    for capacity in CAPACITIES:
        limiter = subject.Intake(capacity)
        for when in ("at first", "when all have left", "after a body that raised"):
            if when.endswith("raised"):
                _raising(limiter)
            count = room(limiter)
            if count != capacity:
                blamed = "BOUND-1" if count > capacity else "EXACT-1" if when == "at first" else "BOUND-2"
                return Result(Verdict.ILLEGAL, "", f"capacity {capacity}, {when}: {count} get inside at once", (blamed,))
    return Result(Verdict.OK, f"capacities {', '.join(map(str, CAPACITIES))}, filled three times each")


def _raising(limiter: Any) -> None:
    def body() -> None:
        raise LookupError

    try:
        limiter.use(body, wait=False)
    except LookupError:
        return


# Threads that meet.


def meetings(subject: Subject, settings: Settings) -> Result:
    """Explore two callers that meet at one place, and three that wait for it."""
    assert isinstance(subject, Adapted)
    declared = capabilities_of(subject)
    left_out = not_scheduled(subject)
    if "bytecode" not in declared or left_out:
        what = f"the steps of {left_out[0]} can't be scheduled" if left_out else "`bytecode` is not declared"
        return Result(Verdict.UNKNOWN, f"not judged: {what}")
    plays = [(2, False)] * ("refuses" in declared) + [(2, True), (3, True)] * ("wait" in declared)
    schedules = 0
    for (callers, wait), (grain, bound) in product(plays, BOUNDS):
        try:
            report = explore(_meeting(subject, callers, wait=wait), grain=grain, bound=bound, seconds=SECONDS[settings.profile])
        except WaitsInEarnest as error:
            return Result(Verdict.UNKNOWN, str(error))
        if report.faults:
            fault = report.faults[0]
            clause = "BOUND-1" if "inside" in fault.message else "BOUND-2"
            return Result(Verdict.ILLEGAL, fault.message, f"{fault.message}\n{fault.timeline}\n{fault.schedule}", (clause,))
        if not report.exhausted:
            return Result(Verdict.UNKNOWN, f"{callers} callers: {report.schedules:,} schedules, {report.why_not}")
        schedules += report.schedules
    return Result(Verdict.OK, f"{schedules:,} schedules of callers that meet at one place")


def _meeting(subject: Adapted, callers: int, *, wait: bool) -> Program:
    def make() -> tuple[Any, list[Any], list[int]]:
        return subject.Intake(1), [], []

    def body(shared: tuple[Any, list[Any], list[int]], call: Caller) -> None:
        limiter, within, peak = shared
        call("use", wait, lambda: limiter.use(partial(inside.visit, within, peak), wait=wait))

    def check(shared: tuple[Any, list[Any], list[int]], history: History) -> str:
        limiter, _, peak = shared
        answers = [operation.result for operation in history.operations()]
        if max(peak, default=0) > 1:
            return f"{max(peak)} callers are inside where there is one place"
        if True not in answers or (wait and False in answers):
            return f"{callers} callers, one place: they are answered {answers}"
        count = room(limiter) if "refuses" in subject.capabilities else 1
        return "" if count == 1 else f"{count} places are left of one when all have left"

    return Program(f"{callers} callers", (*modules_of(subject), inside), make, (body,) * callers, check)


# Exceptions that arrive on the way in and out.


def interruptions(subject: Subject, _settings: Settings) -> Result:
    """Raise an exception at every place on the way in and out, and count the places afterwards."""
    lost = minted = stuck = points = 0
    witness = ""
    with injector_for(subject) as injector:
        while points < MOST_POINTS:
            limiter = subject.Intake(2)
            where: list[str] = []

            def hook(at: int, code: CodeType, offset: int, due: int = points + 1, where: list[str] = where) -> None:
                if at == due:
                    where.append(f"{code.co_qualname}, line {_line(code, offset)}")
                    raise Interrupt

            _interrupted(injector, limiter, hook)
            if not where:
                break
            points += 1
            count = _counted(limiter)
            lost, minted, stuck = lost + (count in (0, 1)), minted + (count > 2), stuck + (count < 0)
            if count != 2 and not witness:
                told = "the next caller waits for ever" if count < 0 else f"{count} of 2 places are left"
                witness = f"an exception arrives in {where[0]}: {told}"
            if stuck > 3:
                break
    evidence = f"an exception at {points:,} places of an entry and an exit: {lost} lost a place, {minted} made one, {stuck} hang"
    if not points:
        return Result(Verdict.UNKNOWN, "not one bytecode of the limiter was seen")
    if not witness:
        return Result(Verdict.OK, evidence)
    blames = ("INTERRUPT-1", "BOUND-2") if lost or stuck else ("INTERRUPT-1",)
    return Result(Verdict.ILLEGAL, evidence, witness, (*blames, *(("BOUND-1",) if minted else ())))


def _interrupted(injector: Any, limiter: Any, hook: Callable[[int, CodeType, int], None]) -> None:
    try:
        injector.run(lambda: limiter.use(lambda: None, wait=False), hook)
    except BaseException as error:  # noqa: BLE001 - ours, or what became of it
        del error


def _line(code: CodeType, offset: int) -> int | None:
    return next((line for start, end, line in code.co_lines() if start <= offset < end), None)


def _counted(limiter: Any) -> int:
    """Count the places; -1 if that waits for ever."""
    counts: list[int] = []
    thread = threading.Thread(target=lambda: counts.append(room(limiter)), daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    return counts[0] if counts else -1


# Tasks.


async def turns(count: int = TURNS) -> None:
    """Let the loop go round: who could go on has gone on."""
    for _ in range(count):
        await asyncio.sleep(0)


class _Guest:
    """A task that is inside until it is told to leave."""

    def __init__(self, limiter: Any) -> None:
        self.entered = False
        self._leave = asyncio.Event()
        self.task: asyncio.Task[Any] = asyncio.ensure_future(limiter.use(self._stay, wait=True))

    async def _stay(self) -> None:
        self.entered = True
        await self._leave.wait()

    def leave(self) -> None:
        self._leave.set()

    async def end(self) -> None:
        """Be gone, whatever it was at."""
        self.leave()
        await turns()
        if not self.task.done():
            self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def room_of_tasks(limiter: Any) -> int:
    """Count the tasks that get inside at once."""
    guests = [_Guest(limiter) for _ in range(limiter.capacity + 2)]
    await turns()
    count = sum(guest.entered for guest in guests)
    for guest in guests:
        await guest.end()
    return count


def _cancellations() -> Iterator[tuple[str, int, bool]]:
    """Give when a task that waits is cancelled: so many turns after it came, or after a place became free; and which it is."""
    for count in range(4):
        yield f"cancelled {count} turns after it came to wait", count, False
        yield f"cancelled {count} turns after a place became free", count, True


async def _cancelled(subject: Subject, count: int, *, freed: bool) -> tuple[int, int, bool]:
    """Give how many are inside at once afterwards, how many were on the way, and whether one who waited behind got in."""
    limiter = subject.Intake(1)
    found = (1, 1, True)
    for _ in range(REPEATS):
        found = await _round(limiter, count, freed=freed)
        if found != (1, 1, True):
            break
    return found


async def _round(limiter: Any, count: int, *, freed: bool) -> tuple[int, int, bool]:
    first = _Guest(limiter)
    await turns()
    second, third = _Guest(limiter), _Guest(limiter)
    await turns()
    over = sum(guest.entered for guest in (first, second, third))
    if freed:
        first.leave()
    await turns(count)
    second.task.cancel()
    first.leave()
    await turns()
    second.leave()
    await turns()
    woken = third.entered
    for guest in (first, second, third):
        await guest.end()
    return await room_of_tasks(limiter), over, woken


def cancellation(subject: Subject, _settings: Settings) -> Result:
    """Cancel a task that waits, at every turn of the loop around the moment at which a place becomes free; count the places."""
    runs = 0
    for how, count, freed in _cancellations():
        places_left, over, woken = asyncio.run(_cancelled(subject, count, freed=freed))
        runs += 1
        if over > 1:
            return Result(Verdict.ILLEGAL, "", f"capacity 1: {over} tasks are inside at once", ("BOUND-1",))
        if over < 1 or places_left != 1 or not woken:
            told = "who waits behind it does not get in" if places_left == 1 else f"{places_left} get inside afterwards"
            blamed = ("BOUND-1",) if places_left > 1 else ("INTERRUPT-1", "BOUND-2")
            return Result(Verdict.ILLEGAL, "", f"capacity 1, tasks that wait, one of them {how}: {told}", blamed)
    return Result(Verdict.OK, f"{runs} cancellations of a task that waits, and who waits behind it gets in")


def tasks(subject: Subject, _settings: Settings) -> Result:
    """Count the tasks that get inside at once, twice, and after one was cancelled inside."""
    for capacity in CAPACITIES:
        for when, count in asyncio.run(_fill(subject, capacity)):
            if count != capacity:
                blamed = "BOUND-1" if count > capacity else "EXACT-1" if when == "at first" else "BOUND-2"
                return Result(Verdict.ILLEGAL, "", f"capacity {capacity}, {when}: {count} tasks get inside at once", (blamed,))
    return Result(Verdict.OK, f"capacities {', '.join(map(str, CAPACITIES))}, filled three times each")


async def _fill(subject: Subject, capacity: int) -> list[tuple[str, int]]:
    limiter = subject.Intake(capacity)
    found = [("at first", await room_of_tasks(limiter)), ("when all have left", await room_of_tasks(limiter))]
    guest = _Guest(limiter)
    await turns()
    guest.task.cancel()
    await asyncio.gather(guest.task, return_exceptions=True)
    return [*found, ("after one was cancelled inside", await room_of_tasks(limiter))]


def _check(name: str, tool: str, clauses: str, shows: str, run: Callable[[Subject, Settings], Result], words: str) -> Check:
    not_shown = "More callers than three, other capacities than 1, 2 and 3, and what the limiter's documentation does not speak of."
    return Check(f"limiters.{name}", "limiters", tool, tuple(clauses.split()), shows, not_shown, run, needs=needs(words))


CHECKS: Final[tuple[Check, ...]] = (
    _check(
        "places",
        "enumeration",
        "BOUND-1 BOUND-2 EXACT-1",
        "As many callers get inside as there are places, again when all have left, and after a body that raised.",
        places,
        "limiter refuses",
    ),
    _check(
        "meetings",
        "explorer",
        "BOUND-1 BOUND-2 EXACT-1",
        "Two and three callers meet at one place, under every schedule with two preemptions: one at a time is inside.",
        meetings,
        "limiter refuses threads",
    ),
    _check(
        "interruptions",
        "bytecode sweep",
        "INTERRUPT-1 BOUND-1 BOUND-2",
        "An exception at every place on the way in and out, where the interpreter can raise one, loses no place and makes none.",
        interruptions,
        "limiter refuses bytecode",
    ),
    _check(
        "tasks",
        "enumeration",
        "BOUND-1 BOUND-2 EXACT-1",
        "As many tasks get inside as there are places, again when all have left, and after one was cancelled inside.",
        tasks,
        "limiter asyncio",
    ),
    _check(
        "cancellation",
        "cancellation sweep",
        "INTERRUPT-1 BOUND-1 BOUND-2",
        "A task that waits is cancelled at every turn of the loop around the moment at which a place becomes free: none is lost.",
        cancellation,
        "limiter asyncio bytecode",
    ),
)
