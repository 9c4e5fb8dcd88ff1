"""Exceptions at every bytecode of the asynchronous calls."""

import queue
import sys
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import CodeType
from typing import Final, cast

from ..check import Result, Settings, Subject, Verdict
from ..injection import Injector, Interrupt, quiet_finalisers
from ..progress import progress
from ..stops import handler_entries
from .aio_scene import ENOUGH, Hand, HandLoop, Tally, forget, hand_loop
from .clauses import async_3, async_3_foreign
from .support import injector_of, module_of

KERNEL_STRIDE: Final = {"quick": 5, "full": 1}  # each bytecode of the adapter is swept, one in so many of the kernel's


# An exception at every bytecode

SWEPT: Final[dict[str, tuple[str, str]]] = {  # what comes before, and what is interrupted
    "offer, two wait": ("start A;start B;settle", "offer"),
    "offer to a full intake": ("offer;offer", "offer"),
    "offer to a closed intake": ("close", "offer"),
    "two offers and the turns that serve them": ("start A;start B;settle", "offer;offer;turn;turn;turn;turn"),
    "wake one of two": ("start A;start B;settle;offer", "turn;turn;turn"),
    "come, wait, be served beside another": ("start B;settle", "start A;turn;offer;turn;turn;offer;turn;turn"),
    "come when an item is there": ("offer;start for B;settle;offer", "start A;turn"),
    "cancelled when woken": ("start A;start B;settle;offer;turn;cancel A", "turn;turn;turn"),
    "cancelled when asleep": ("start A;start B;settle;cancel A", "turn;turn"),
    "leave": ("start A;offer;settle;start B;let A", "turn;turn"),
    "leave, a drain waits": ("start A;offer;settle;start drain D;settle;let A", "turn;turn;turn"),
    "iterate, leave and come again": ("start for A;start B;offer;settle;let for A", "turn;turn;offer;turn;turn"),
    "close, two wait": ("start A;start B;settle", "close"),
    "close and the turns that tell": ("start A;start for B;settle", "close;turn;turn;turn"),
    "drain, a taker waits": ("start A;settle", "start drain D;turn;turn;turn"),
    "the last of a closed intake": ("offer;close;start A;start B", "turn;turn;turn"),
}


def point(injector: Injector, hand: Hand, steps: str, hook: Callable[[int, CodeType, int], None]) -> list[BaseException]:
    """Do the steps with a hook; an exception ends one step and not the row. Give what came out."""
    came: list[BaseException] = []

    def row() -> None:
        for step in steps.split(";"):
            try:
                hand.do(step)
            except BaseException as error:
                if not isinstance(error, Interrupt) and type(error).__name__ != "Foreign":
                    raise
                came.append(error)
                forget(error)  # its traceback would keep what was lost from dying

    injector.run(row, hook)
    return came


def _positions(subject: Subject, injector: Injector, loop: HandLoop, row: tuple[str, str], stride: int) -> list[int]:
    """Choose the bytecodes of a row to interrupt at: all of the adapter's, one in `stride` of the kernel's, 0: none."""
    own = module_of(subject, "aio").AsyncIntake.offer.__code__.co_filename
    before, steps = row
    hand = Hand(subject, loop)
    for step in before.split(";"):
        hand.do(step)
    chosen: list[int] = []

    def hook(at: int, code: CodeType, offset: int) -> None:
        if (code.co_filename == own or (stride and not at % stride)) and offset not in handler_entries(code):
            chosen.append(at)

    point(injector, hand, steps, hook)
    hand.rest()
    return chosen


@contextmanager
def _dropped_by_finalisers() -> Generator[list[object]]:
    """Note an interruption that the interpreter drops. It is the first of its row: nothing had been lost before."""
    dropped: list[object] = []

    def note(args: "sys.UnraisableHookArgs") -> None:
        if not dropped:
            dropped.append(args.exc_type)

    quiet, sys.unraisablehook = sys.unraisablehook, note
    try:
        yield dropped
    finally:
        sys.unraisablehook = quiet


@contextmanager
def sweeping(subject: Subject) -> Generator[tuple[HandLoop, Injector]]:
    """Give a loop and an injector, and silence what an exception between making a coroutine and awaiting it makes asyncio say."""
    aio = module_of(subject, "aio")
    with warnings.catch_warnings(), quiet_finalisers(), hand_loop() as loop:
        warnings.simplefilter("ignore", RuntimeWarning)
        with injector_of(subject, (aio.AsyncIntake, aio.AsyncLease)) as injector:
            yield loop, injector


def _foreign_types(subject: Subject) -> tuple[type[BaseException], ...]:
    """Name what is raised and caught in the adapter and the kernel, and what the interpreter gives a meaning.

    But for StopAsyncIteration, which ends an `async for` wherever it comes from.
    """
    ours = (subject.Empty, subject.Closed, queue.Empty, IndexError, ValueError, RuntimeError)
    return (*ours, StopIteration, GeneratorExit, MemoryError, RecursionError, Interrupt)


FOREIGN: Final[dict[str, tuple[str, str]]] = {  # what comes before, and what is interrupted
    "offer, two wait": ("start A;start B;settle", "offer"),
    "wake one of two": ("start A;start for B;settle;offer", "turn;turn"),
    "come": ("offer;settle", "start for A;turn"),
    "leave, a drain waits": ("start A;offer;settle;start drain D;settle;let A", "turn;turn"),
    "close, two wait": ("start A;start for B;settle", "close;turn;turn"),
}


def _foreign(subject: Subject, loop: HandLoop, injector: Injector) -> tuple[int, int, str]:
    """Raise each type at each bytecode of the adapter. Give the number of points, of exceptions that never came out, and one."""
    own = module_of(subject, "aio").AsyncIntake.offer.__code__.co_filename
    points, kept, witness = 0, 0, ""
    for title, (before, steps) in FOREIGN.items():
        for position in _positions(subject, injector, loop, (before, steps), 0):
            for number, kind in enumerate(_foreign_types(subject)):
                if kind is not Interrupt and (position + number) % 2:
                    continue  # a neighbour has it
                error = cast("BaseException", type("Foreign", (kind,), {})())
                where = [""]
                hand = Hand(subject, loop)
                for step in before.split(";"):
                    hand.do(step)
                loop.told.clear()

                def hook(
                    at: int,
                    code: CodeType,
                    offset: int,
                    position: int = position,
                    error: BaseException = error,
                    where: list[str] = where,
                ) -> None:
                    if at == position and code.co_filename == own:
                        where[0] = f"{code.co_qualname}+{offset}"
                        raise error

                came = [*point(injector, hand, steps, hook), *loop.told, *hand.scene.told]
                came += [end for task in hand.tasks if task.done() and not task.cancelled() and (end := task.exception())]
                points += bool(where[0])
                if where[0] and not any(_is_behind(error, end) for end in came):
                    kept += 1
                    witness = witness or f"{title}, {kind.__name__} raised at {where[0]} never came out"
                hand.rest()
                if kept >= ENOUGH:
                    return points, kept, witness
    return points, kept, witness


def _is_behind(error: BaseException, end: BaseException | None) -> bool:
    """Tell whether one exception is another, or what that was raised from."""
    seen: list[BaseException] = []
    while end is not None and end not in seen:
        if end is error:
            return True
        seen.append(end)
        end = end.__cause__ or end.__context__
    return False


def run_sweep(subject: Subject, settings: Settings) -> Result:
    tally = Tally()
    stride = KERNEL_STRIDE[settings.profile]
    lands = 0
    with sweeping(subject) as (loop, injector):
        injector.arrivals_only = True  # an exception before the very load that raises ours would be no different from it
        foreign, kept, witness = _foreign(subject, loop, injector)
        injector.arrivals_only = False
        for title, (before, steps) in SWEPT.items():
            progress(f"{title}, {tally.points:,} points so far")
            for position in _positions(subject, injector, loop, (before, steps), stride):
                hand = Hand(subject, loop)
                for step in before.split(";"):
                    hand.do(step)
                where: list[str] = []

                def hook(at: int, code: CodeType, offset: int, position: int = position, where: list[str] = where) -> None:
                    if at == position:
                        where.append(f"{code.co_qualname}+{offset}")
                        raise Interrupt

                with _dropped_by_finalisers() as dropped:
                    point(injector, hand, steps, hook)
                foreign, kept = foreign + 1, kept + len(dropped)
                witness = witness or (f"{title}: an exception at {where[0]} was dropped, as in a finaliser" if dropped else "")
                lands += bool(where)
                tally.audit(hand.scene, hand.rest(), f"{title}, interrupted at {where[0] if where else 'nowhere'}")
                if tally.faults >= ENOUGH:
                    break
            if tally.faults >= ENOUGH:
                break
    evidence = (
        f"{tally.points:,} exceptions in {len(SWEPT)} rows of steps: "
        f"{tally.slots_lost} slots, {tally.items_lost} items, {tally.asleep} wake-ups lost; "
        f"{foreign:,}, of any type: {kept} never came out"
    )
    if not async_3(tally.points, tally.slots_lost, tally.items_lost, tally.asleep):
        return Result(Verdict.ILLEGAL, evidence, tally.witness)
    if not async_3_foreign(foreign, kept):
        return Result(Verdict.ILLEGAL, evidence, witness)
    if lands != tally.points:
        return Result(
            Verdict.UNKNOWN, evidence, f"{tally.points - lands} exceptions were never raised: the rows are not deterministic"
        )
    return Result(Verdict.OK, evidence)
