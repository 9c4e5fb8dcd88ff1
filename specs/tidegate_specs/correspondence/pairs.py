"""Walk the net beside the kernel: each event on the one side is a step on the other."""

import sys
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, final

from .. import net
from ..check import Subject
from ..explore.scheduler import frame_above
from ..injection import Injector
from ..net import IDLE, Net, Transition
from ..refinement.observed import View, observe, view
from .reader import Event, Reader

# What the net leaves out, by the function that does it: told here, so that anything else is refused.
EXHAUSTED: Final = "Slots.exhausted" if sys.version_info >= (3, 12) else "Slots.exhausted.<locals>.<listcomp>"
PRIVATE: Final = frozenset(
    {
        # A finaliser owns the slot: what it does to it between the two stores that move it on, nobody else can see.
        ("Slots.recover", "store in items"),
        ("Slots.recover", "store in generations"),
        ("Slots.recover", "generations.get"),
        ("Slots.recover", "next generations"),
        ("Slots.recover", "mark.append"),
        ("Slots.recover", "delete in mark"),
        # A token and a lease that nobody has yet.
        ("SlotRef.__init__", "set home"),
        ("SlotRef.__init__", "set index"),
        ("SlotRef.__init__", "set generation"),
        ("Token.__init__", "set slot"),
        ("Intake.take", "set _slots"),
        ("Intake.take", "set _index"),
        ("Intake.take", "set _mark"),
        # The token of a lease whose release is decided.
        ("Lease.release", "set _token"),
        # For its lock: its answer is not looked at.
        ("Slots.exhausted", "queue.empty"),
        # The iterator's own note of the lease that it gave last.
        ("Intake.__iter__.<locals>.following", "store in last"),
        # A look that failed: it may have been cut short, and then it rings once too often rather than not at all.
        ("Lease.item", "len mark"),
        # What the copy has.
        ("Slots.statistics", "len ready"),
        ("Slots.statistics", "len marked"),
        ("Slots.statistics", "after.count"),
        ("Slots.statistics", "ready.count"),
        # A slot that is in flight and not seen is not counted as settled.
        (EXHAUSTED, "compare mark, false"),
    }
)

# After these a taker goes on from the idle point: it asks on, or waits again.
GOES_ON: Final = frozenset({"not self.closed", "len(self.free)", "turn[1:] == SEEN"})


class LeavesThePath(Exception):
    """Raised when the kernel performs what the net does not, or does not perform what it does."""


# The net beside the kernel.


@final
@dataclass(frozen=True, slots=True)
class Walker:
    """Be at one place of the net that the primitives so far can have led to.

    stack: the program points of the call, the one that goes on last. ended: the call has performed its last primitive.
    """

    net: Net
    stack: tuple[str, ...] = ()
    ended: bool = True

    @property
    def at(self) -> str:
        return self.stack[-1] if self.stack else IDLE

    @property
    def finished(self) -> bool:
        return not self.stack and not self.net.watched


Walkers = dict[Walker, frozenset[Transition]]  # with the transitions that led there
BY_EFFECT: Final[dict[str, list[Transition]]] = {}


def _steps(walker: Walker, operation: str, ways: Iterable[Transition]) -> Iterator[tuple[Transition, Walker]]:
    """Take every step that the net allows where the walker is."""
    n = walker.net
    for t in ways:
        from_idle = t.at == IDLE
        if t.never or t.at != walker.at or (from_idle and (t.operation != operation or walker.ended)):
            continue
        if n.watched and t.primitive == "token = waits.answer":
            continue  # it must decide first
        items = range(len(n.unseen) + len(n.seen)) if t.of_item else (None,)
        for item in items:
            chosen = () if item is None else (item,)
            if net.enabled(n, t, *chosen):
                yield t, _stepped(walker, t, net.fire(n, t, *chosen))


def _stepped(walker: Walker, t: Transition, after: Net) -> Walker:
    below = walker.stack[:-1]
    rings = after.ringing - walker.net.ringing - (t.to == "ringing") + (t.at == "ringing")
    leaves = after.leaving - walker.net.leaving - (t.to == "leaving") + (t.at == "leaving")
    stack = (*below, *("leaving",) * leaves, *((t.to,) if t.to != IDLE else ()), *("ringing",) * rings)
    asks_on = t.primitive in GOES_ON or (t.primitive.startswith("settled") and t.outcome.startswith("false"))
    return Walker(after, stack, bool(stack) or not asks_on)


def _same_text(t: Transition, text: str) -> bool:
    """Tell whether the net names the kernel's own text; a flag may be read through another name of the slots."""
    flag = t.primitive.endswith(".closed") and text.endswith(".closed")
    return flag or t.primitive in text or text in t.primitive


@final
class Pair:
    """Run calls on an intake, and step the net by their primitives."""

    def __init__(self, subject: Subject, capacity: int, injector: Injector) -> None:
        self.subject = subject
        self.injector = injector
        self.intake: Any = subject.Intake(capacity)
        self.slots: Any = self.intake._slots
        self.reader = Reader(self.slots)
        self.walkers: Walkers = {Walker(net.new(capacity)): frozenset()}
        self.iterator: Any = iter(self.intake)
        self.leases: list[Any] = []
        self.finished: list[Any] = []
        self.taken: set[Transition] = set()
        self.private: set[tuple[str, str]] = set()
        self.events = 0
        self.overtaken = False

    def calls(self) -> dict[str, Callable[[], object]]:
        """Give the calls that can be made now, by name. A take or a drain never waits."""
        found: dict[str, Callable[[], object]] = {
            "offer": lambda: self.intake.offer("item"),
            "take": lambda: self.leases.append(self.intake.take(timeout=0)),
            "close": self.intake.close,
            "drain": lambda: self.intake.drain(timeout=0),
            "statistics": self.intake.statistics,
            "next": self._next,
        }
        if self.leases:
            found |= {"look": lambda: self.leases[0].item, "release": self._release, "drop": self._drop}
        if self.finished:
            found["release again"] = self.finished[-1].release
            found["look late"] = lambda: self.finished[-1].item
        return found

    def _next(self) -> None:
        self.leases.append(next(self.iterator))

    def _release(self) -> None:
        self.finished = [self.leases.pop(0)]
        self.finished[0].release()

    def _drop(self) -> None:
        del self.leases[0]

    def run(self, name: str, cut_in: str = "", cut_in_at: int = 0) -> int:
        """Make one call, with a call of another party before one of its bytecodes. Give how many bytecodes it had."""
        operation = name.partition(" ")[0]
        self._go_on()
        if operation == "drop":
            ways = [t for t in net.TRANSITIONS if t.operation == "drop"]
            self.walkers = {after: taken | {t} for w, taken in self.walkers.items() for t, after in _steps(w, operation, ways)}
        bytecodes = 0
        fault: list[str] = []

        def hook(position: int, code: types.CodeType, offset: int) -> None:
            nonlocal bytecodes, operation
            bytecodes = position
            if position == cut_in_at:
                self._cut_in(cut_in)
            frame: types.FrameType | None = frame_above(1)
            while frame is not None and frame.f_code is not code:
                frame = frame.f_back
            event = None if frame is None else self.reader.event(frame, offset)
            if operation == "next" and code.co_name == "take":
                self._go_on()  # what comes before is a look, what comes now is a take
                operation = "take"
            if event is not None and not fault:
                self._perform(operation, event, fault)

        call = self.calls()[name]
        with suppress(self.subject.Empty, self.subject.Closed, StopIteration, ValueError):
            self.injector.run(call, hook)
        if fault:
            raise LeavesThePath(f"{name}: {fault[0]}")
        self._settle(name)
        return bytecodes

    def _go_on(self) -> None:
        self.walkers = {Walker(w.net, w.stack, ended=False): taken for w, taken in self.walkers.items()}

    def _perform(self, operation: str, event: Event, fault: list[str]) -> None:
        self.events += 1
        if (event.function, event.effect) in PRIVATE:
            self.private.add((event.function, event.effect))
            return
        ways = [t for t in BY_EFFECT.get(event.effect, ()) if _same_text(t, event.text)]
        after: Walkers = {}
        for walker, taken in self.walkers.items():
            for t, stepped in _steps(walker, operation, ways):
                after[stepped] = after.get(stepped, frozenset()) | taken | {t}
        if not after:
            points = sorted({walker.at or "idle" for walker in self.walkers})
            fault.append(f"the net, at {' or '.join(points)}, has no {event}")
            return
        self.walkers = after

    def _cut_in(self, name: str) -> None:
        """Have another party make a whole call, and let the net do it by itself."""
        self.overtaken = True
        getattr(self.intake, name)(*(("other",) if name == "offer" else ()))
        after: Walkers = {}
        for walker, taken in self.walkers.items():
            for n in _alone(Walker(walker.net, ended=False), name):
                after[Walker(n, walker.stack, walker.ended)] = taken
        self.walkers = after

    def _settle(self, name: str) -> None:
        """Demand that the net is at the end of a path, and shows what the intake does."""
        ended = {w: taken for w, taken in self.walkers.items() if w.finished}
        if not ended:
            points = sorted({walker.at or "a count that is not decided" for walker in self.walkers})
            raise LeavesThePath(f"{name}: it ended where the net, at {' or '.join(points)}, goes on")
        told = observe(self.intake)
        seen = (told, len(self.slots.free), self.slots.queue.qsize(), self.slots.bell.qsize())
        same = {w: taken for w, taken in ended.items() if _visible(w.net, told.peak if self.overtaken else None) == seen}
        if not same:
            raise LeavesThePath(f"{name}: the intake shows {seen}, the net {_visible(next(iter(ended)).net, None)}")
        for taken in same.values():
            self.taken |= taken
        self.walkers = {Walker(w.net): frozenset() for w in same}


def _visible(n: Net, peak: int | None) -> tuple[View, int, int, int]:
    """Give what an intake at rest in this state shows. peak: what the intake tells; None for exactly the net's.

    The net's is a bound where a close overtook an offer: it counts the claim, the kernel only the slots that held an item.
    """
    shown = view(net.specification(n, 0, 0))
    if peak is not None and shown.queued + shown.in_flight <= peak <= shown.peak:
        shown = replace(shown, peak=peak)
    return shown, n.free, len(n.queue) + n.bells, n.rings


def _alone(start: Walker, operation: str) -> set[Net]:
    """Let the net do a whole call; give where it can end."""
    waiting, found = [start], set[Net]()
    ways = [t for t in net.TRANSITIONS if t.primitive]
    while waiting:
        for _, after in _steps(waiting.pop(), operation, ways):
            (found.add(after.net) if after.finished and after.ended else waiting.append(after))
    return found
