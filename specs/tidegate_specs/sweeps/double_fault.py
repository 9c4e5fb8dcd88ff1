"""Raise a second exception at every bytecode of the recovery from a first, and count what that can cost.

One exception costs nothing (see `interrupt`). Two in the same recovery may take a slot out of use; what must hold all the same is
that no slot is minted, no item comes out twice, and that `statistics` goes on telling of the slot.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from types import CodeType, FrameType
from typing import Any, Final, final

from ..check import Subject
from ..injection import Injector, Interrupt, is_in
from ..progress import progress
from ..stops import handler_entries, stops
from .audits import Audit, audit, interrupted
from .interrupt import tell
from .operations import Operation, Overtaken, Stage, operations_of, sweeping
from .party import ENDED, Party

RECOVERING: Final = (
    "offer",
    "take",
    "take the last item of a closed intake",
    "release",
    "release after close",
    "drop a seen lease",
    "drop a seen lease after close",
    "drop an unseen lease",
)


@final
class Faults:
    """Raise several exceptions in one run: before the bytecode at the first position, then so many bytecodes after each fault.

    `sys.settrace` is switched off by the interpreter when its function raises. Up to 3.11 a profile function switches it on again
    at the next function that is entered, which is the next finaliser: so there the rest of the interrupted function itself is left
    out.
    """

    def __init__(self, injector: Injector, gaps: tuple[int, ...]) -> None:
        self._injector, self._gaps = injector, gaps
        self._since = 0
        self.places: list[str] = []

    def run(self, stage: Stage) -> Any:
        """Make the stage's call; its answer, or its exception's type."""
        if sys.version_info >= (3, 12):
            return interrupted(self._injector, stage, self._step)
        sys.setprofile(self._entered)
        try:
            return interrupted(self._injector, stage, self._step)
        finally:
            sys.setprofile(None)
            sys.settrace(None)

    def _step(self, _at: int, code: CodeType, offset: int) -> None:
        if offset in handler_entries(code):
            return
        self._since += 1
        if len(self.places) < len(self._gaps) and self._since == self._gaps[len(self.places)]:
            self._since = 0
            self.places.append(f"{code.co_qualname}+{offset}")
            raise Interrupt

    def _entered(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and 0 < len(self.places) < len(self._gaps) and is_in(frame.f_code, self._injector.files):
            frame.f_trace = self._traced
            frame.f_trace_lines, frame.f_trace_opcodes = False, True
            sys.settrace(self._called)

    def _called(self, frame: FrameType, _event: str, _: Any) -> Any:
        if not is_in(frame.f_code, self._injector.files):
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        return self._traced

    def _traced(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode" and frame.f_lasti in stops(frame.f_code):
            self._step(0, frame.f_code, frame.f_lasti)
        return self._traced


@final
@dataclass(slots=True)
class DoubleTally:
    """Count runs with all their faults, and what they cost.

    untold: runs that lost a slot of which statistics say that it is free.
    """

    runs: int = 0
    slots_lost: int = 0
    items_lost: int = 0
    untold: int = 0
    minted: int = 0
    doubled: int = 0
    broken: int = 0
    witness: str = ""
    cost_witness: str = ""
    lost_by: dict[str, tuple[int, int]] = field(
        default_factory=dict[str, tuple[int, int]]
    )  # by operation: runs that lost a slot, runs

    def count(self, found: Audit, where: str) -> None:
        """Count one audit."""
        lost = found.slots < found.capacity
        self.slots_lost += lost
        self.items_lost += found.lost
        self.minted += found.slots > found.capacity
        self.doubled += found.doubled
        self.untold += found.told > found.slots
        if lost or found.lost:
            self.cost_witness = self.cost_witness or f"{where}: {tell(found)}"
        if found.slots > found.capacity or found.doubled or found.told > found.slots:
            self.witness = self.witness or f"{where}: {tell(found)}"


@dataclass(slots=True)
class _Run:
    places: list[str] = field(default_factory=list[str])
    found: Audit | None = None


def _run(subject: Subject, injector: Injector, operation: Operation, gaps: tuple[int, ...], run: _Run) -> None:
    stage = operation.prepare(subject)  # in the thread that is interrupted, or without a GIL another would run the finalisers
    faults = Faults(injector, gaps)
    answer = faults.run(stage)
    run.places = faults.places
    out = [answer.item] if hasattr(answer, "release") else []
    if out:
        answer.release()
    answer = None
    if len(run.places) == len(gaps):
        run.found = audit(subject, stage, out)


def double_fault(
    subject: Subject, stride: int = 1, step: int = 1, third: int = 0, names: Iterable[str] = RECOVERING
) -> DoubleTally:
    """Raise at each position of each operation that can leave a slot to be recovered, and again at each bytecode after that.

    stride, step: of the first positions, and of the bytecodes after each, try one in so many. third: if not 0, raise a third
    exception, this many bytecodes after the second.
    """
    tally = DoubleTally()
    with sweeping(subject) as injector:
        chosen = [operation for operation in operations_of(subject) if operation.name in names]
        overtaken = Overtaken(subject, injector)
        if overtaken.at:
            chosen.append(overtaken.operation())
        party = Party()
        for operation in chosen:
            before = (tally.slots_lost, tally.runs)
            for first in range(1, 10_000, stride):
                progress(f"two faults in {operation.name}, {tally.runs:,} pairs so far")
                party, reached = _seconds(subject, injector, operation, first, step, third, tally, party)
                if not reached or tally.broken > 3:
                    break
            tally.lost_by[operation.name] = (tally.slots_lost - before[0], tally.runs - before[1])
        party.dismiss()
    return tally


def _seconds(
    subject: Subject, injector: Injector, operation: Operation, first: int, step: int, third: int, tally: DoubleTally, party: Party
) -> tuple[Party, bool]:
    """Try every second fault after one first; false when the operation ended before the first."""
    for second in range(1 + first % step, 10_000, step):
        gaps = (first, second, third) if third else (first, second)
        run = _Run()
        party.start(partial(_run, subject, injector, operation, gaps, run))
        event = party.wait(confirm_s=1.0)
        if len(run.places) < 2 and event == ENDED and party.error is None:
            return party, bool(run.places)
        where = f"{operation.name}, interrupted at {' and '.join(run.places)}"
        if event != ENDED or party.error is not None:
            tally.broken += 1
            tally.witness = tally.witness or f"{where}: {party.text or 'afterwards ' + party.where() + ' waits for ever'}"
            party.dismiss()
            party = Party()
            if tally.broken > 3:
                break
        elif run.found is not None:
            tally.runs += 1
            tally.count(run.found, where)
    return party, True
