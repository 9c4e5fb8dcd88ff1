"""Divide an exploration into parts that other processes run, with the result of a single process.

A *part* says where in the tree of schedules to go on, and how many to run at most; what it finds, its *piece*, depends on nothing
else. `Division` is the search of a single process, except that it asks for pieces where that runs schedules: it takes them in the
same order and adds them up. Which parts there are follows from the pieces before, never from how many workers there are or how
fast. While the part that is needed next is not done, those that will be needed after it are run ahead.

Depth first, what will be needed is known: the prefixes that a piece leaves over, in groups. In a reduced search it is guessed. What
a subtree finds out about the points before it decides which threads are tried there next, and who is asleep then; the subtree
itself depends on the choices before it and on who is asleep, so a guess is right or is not asked for.
"""

import heapq
import signal
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import count
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Final, Protocol, TypeVar

from .configurations import Configuration
from .explorer import sites_of
from .parts import Part, Piece, Whole, learn, node_of, origin, program_named, run_part, sites, state_of
from .plans import Plan
from .program import Limits, Report, limit_of, over
from .schedules import encode
from .source_sets import Node, Request, advance

MOST: Final = 1000  # schedules in a part: about a second
GROUPS: Final = 8  # that what a part leaves over is divided into
LARGEST: Final = 256  # prefixes in a group
TURN_S: Final = 0.1  # between two looks at the clock
ALONE_S: Final = 60.0  # without a worker, before the search gives up
INTERRUPTED: Final = "interrupted"
Given = TypeVar("Given")
Found = TypeVar("Found")
Place = tuple[int, ...]  # where in the order of a single process


class Engine(Protocol):
    """Call functions, here or elsewhere."""

    def submit(self, function: Callable[[Given], Found], given: Given) -> "Future[Found]":
        """Have a function called; what is submitted first need not end first."""
        ...

    def workers(self) -> int:
        """Tell how many parts can run at once, now. OSError if there is no telling."""
        ...


class _Over(Exception):
    """Raised when the search stops; the report tells why."""


class Division:
    """Search as a single process does, with the pieces of an engine."""

    def __init__(self, whole: Whole, engine: Engine, limits: Limits, tell: Callable[[str], None], most: int = MOST) -> None:
        self.whole, self.engine, self.limits, self.tell, self.most = whole, engine, limits, tell, most
        plan = whole.plan
        self.report = Report(whole.configuration, plan.grain, plan.bound, plan.reduced)
        self.start = time.perf_counter()
        self.futures: dict[Part, Future[Piece]] = {}
        self.places: dict[Part, Place] = {}
        self.arrived: set[Part] = set()  # what has ended, and is not yet needed
        self.known: set[Part] = set()  # what is in the heap
        self.ahead: list[tuple[Place, int, Part]] = []  # a heap of what is not yet submitted, in the order of a single process
        self.ended: SimpleQueue[Part] = SimpleQueue()
        self.here: Place = ()
        self.running = self.done = self.schedules = 0
        self.attended = self.start  # when there were workers last
        self.interrupts: list[int] = []
        self._number = count()

    def search(self) -> None:
        """Fill in the report. However the search ends, no part is left with the engine."""
        try:
            with _heard(self.interrupts):
                self._learn()
                self._branch((), [], 0) if self.whole.plan.reduced else self._levels()
            self.report.exhausted = not self.report.why_not and not (self.whole.plan.reduced and self.report.faults)
        except _Over:
            pass
        except KeyboardInterrupt:
            self.report.why_not = INTERRUPTED
        finally:
            for future in self.futures.values():
                future.cancel()
        if not self.report.faults and self.report.why_not and self.report.why_not != limit_of(self.limits.schedules or 0):
            self._found_ahead()
        self.report.seconds = time.perf_counter() - self.start

    def _found_ahead(self) -> None:
        """Keep a fault that was found ahead of where the search was cut short: it is one, though perhaps not the first."""
        for part in sorted(self.futures, key=self.places.__getitem__):
            future = self.futures[part]
            if future.done() and not future.cancelled() and not future.exception() and future.result().report.faults:
                self.report.faults.append(future.result().report.faults[0])
                return

    def _learn(self) -> None:
        """Have a worker find the points, so that this process explores nothing, and no processor is kept for it."""
        unread = sites_of(program_named(self.whole.configuration, self.whole.subject).modules).unread
        if unread:
            raise self._stopped(unread)
        if self.whole.plan.grain == "access" and not self.whole.plan.reduced:
            future = self.engine.submit(learn, self.whole)
            try:
                while not future.done():
                    self._turn()
                self.whole = replace(self.whole, points=future.result())
            except _Over:
                raise
            except Exception as error:
                raise self._stopped(f"what threads share was not found out: {_reason(error)}") from error
            finally:
                future.cancel()
        self.report.sites = sites(self.whole)

    def _stopped(self, why: str) -> _Over:
        self.report.why_not = why
        return _Over()

    # Depth first.

    def _levels(self) -> None:
        report, bound = self.report, self.whole.plan.bound
        level: Sequence[bytes] = (b"",)
        preemptions = 0
        while level and (bound is None or preemptions <= bound) and not report.why_not:
            before = report.schedules
            later: list[bytes] = []
            last = preemptions == bound
            with suppress(_Over):
                self._level((preemptions,), level, last, later)
            if bound is not None:
                report.by_preemptions.append(report.schedules - before)
            level, preemptions = later, preemptions + 1

    def _level(self, place: Place, level: Sequence[bytes], last: bool, later: list[bytes]) -> None:
        parts = self._groups(place, level, last)
        for there, part in parts:
            self._guess(there, part)
        for there, part in parts:
            piece = self._take(there, part)
            later.extend(piece.later)
            self._level(there, piece.level, last, later)

    def _groups(self, place: Place, level: Sequence[bytes], last: bool) -> list[tuple[Place, Part]]:
        """Divide what is left of a level, from its end on."""
        size = max(1, min(LARGEST, len(level) // GROUPS))
        groups = [level[max(0, end - size) : end] for end in range(len(level), 0, -size)]
        return [((*place, n), Part(self.whole, self.most, tuple(group), last)) for n, group in enumerate(groups)]

    # Reduced.

    def _branch(self, place: Place, nodes: list[Node], base: int) -> dict[Request, None]:
        """Go on until the first `base` choices are left; give what was found out about their points."""
        piece = self._take(place, self._part(nodes, base))
        requests = dict.fromkeys(piece.requests)
        _go_on(nodes, base, piece)
        middle = _middle(base, len(nodes))
        number = 0
        while len(nodes) > base:
            asked = self._branch((*place, number), nodes, len(nodes) if number else middle)
            for j, initials, preferred in asked:
                if j < base:
                    requests[j, initials, preferred] = None
                else:
                    nodes[j].want(initials, preferred)
            number += 1
            if advance(nodes, base):
                self._guess((*place, number), self._part(nodes, len(nodes)))
                self._guess_after(place, number + 1, nodes, base)
        return requests

    def _part(self, nodes: Sequence[Node], base: int) -> Part:
        stack = tuple(map(state_of, nodes[base:]))
        path = tuple((node.chosen, node.enabled, tuple(node.clock)) for node in nodes[:base])
        if stack or not base:
            return Part(self.whole, self.most, path=path, stack=stack)
        last = nodes[base - 1]
        return Part(self.whole, self.most, path=(*path[:-1], (last.chosen, last.enabled, ())), asleep=last.sleep | last.done)

    def _guess_after(self, place: Place, number: int, nodes: Sequence[Node], base: int) -> None:
        """Guess which subtrees come when the last choice is done, as far as is known now."""
        path = [(node.chosen, node.enabled, tuple(node.clock)) for node in nodes]
        for k in range(len(nodes) - 1, base - 1, -1):
            node = nodes[k]
            done = node.done | 1 << node.chosen
            left = node.left & ~done
            while left:
                choice = ((left & -left).bit_length() - 1, node.enabled, ())
                part = Part(self.whole, self.most, path=(*path[:k], choice), asleep=node.sleep | done)
                self._guess((*place, number), part)
                done |= left & -left
                left &= left - 1
                number += 1

    # Pieces.

    def _take(self, place: Place, part: Part) -> Piece:
        """Wait for the piece that a single process would work on now, and add it up."""
        if over(self.report, self.limits, self.start):
            raise _Over
        self.here = place
        if part not in self.futures:
            self._push(place, part)
        while part not in self.arrived:
            self._turn()
        self.arrived.remove(part)
        del self.places[part]
        try:
            piece = self.futures.pop(part).result()
        except Exception as error:
            raise self._stopped(f"{_name(place, part)} is lost: {_reason(error)}") from error
        limit = self.limits.schedules
        left = None if limit is None else limit - self.report.schedules - self.report.redundant
        if left is not None and piece.runs > left:
            return self._take(place, replace(part, most=left))
        self.here = (*place, 0)
        self._add(piece.report)
        return piece

    def _add(self, piece: Report) -> None:
        report = self.report
        report.schedules += piece.schedules
        report.redundant += piece.redundant
        report.steps += piece.steps
        report.handed += piece.handed
        report.cpu_seconds += piece.cpu_seconds
        report.outcomes.update(piece.outcomes)
        report.faults.extend(piece.faults)
        report.why_not = piece.why_not

    def _guess(self, place: Place, part: Part) -> None:
        if part not in self.futures and part not in self.known:
            self._push(place, part)

    def _push(self, place: Place, part: Part) -> None:
        self.known.add(part)
        heapq.heappush(self.ahead, (place, next(self._number), part))

    def _turn(self) -> None:
        """Give the engine what it can take, and wait a moment for something to end."""
        if self.interrupts:
            raise KeyboardInterrupt
        try:
            workers = self.engine.workers()
        except OSError as error:
            raise self._stopped(f"the scheduler is gone: {error}") from error
        now = time.perf_counter()
        self.attended = now if workers else self.attended
        if now - self.attended > ALONE_S:
            raise self._stopped(f"no worker for {ALONE_S:g} s")
        free = workers - self.running
        while free > 0 and self.ahead:
            place, _, part = heapq.heappop(self.ahead)
            self.known.discard(part)
            if part not in self.futures and place >= self.here:  # else it runs already, or was a wrong guess
                self.futures[part] = future = self.engine.submit(run_part, part)
                self.places[part] = place
                self.running += 1
                free -= 1
                future.add_done_callback(partial(self._ended, part))
        with suppress(Empty):
            self._arrived(self.ended.get(timeout=TURN_S))
        if over(self.report, Limits(None, self.limits.seconds), self.start):
            raise _Over
        subtrees = f"{self.done:,} of {self.done + self.running + len(self.known):,} known subtrees"
        self.tell(f"{self.report.program}: {subtrees}, {self.schedules:,} schedules, workers: {workers}")

    def _ended(self, part: Part, future: "Future[Piece]") -> None:
        self.ended.put(part)

    def _arrived(self, part: Part) -> None:
        """Guess what a piece makes necessary."""
        self.running -= 1
        self.arrived.add(part)
        future, place = self.futures[part], self.places[part]
        if future.cancelled() or future.exception():
            return
        piece = future.result()
        self.done += 1
        self.schedules += piece.report.schedules
        for there, group in self._groups(place, piece.level, part.last):
            self._guess(there, group)
        if piece.stack:
            base = len(part.path)
            nodes = [node_of((thread, enabled, 0, 0, 0, clock)) for thread, enabled, clock in part.path]
            _go_on(nodes, base, piece)
            middle = _middle(base, len(nodes))
            self._guess((*place, 0), self._part(nodes, middle))
            self._guess_after(place, 1, nodes[:middle], base)


@contextmanager
def _heard(interrupts: list[int]) -> Generator[None]:
    """Note each Ctrl-C beside raising it: raised in a finaliser or in a callback of the collector, it goes no further."""
    former = signal.getsignal(signal.SIGINT)
    if not callable(former) or threading.current_thread() is not threading.main_thread():
        yield
        return
    raise_it = former

    def hear(number: int, frame: FrameType | None) -> None:
        interrupts.append(number)
        raise_it(number, frame)

    signal.signal(signal.SIGINT, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


def _go_on(nodes: list[Node], base: int, piece: Piece) -> None:
    """Replace what follows the first `base` choices by what a piece leaves over."""
    nodes[base:] = map(node_of, piece.stack)
    if base:
        nodes[base - 1].clock = list(piece.clock)


def _middle(base: int, end: int) -> int:
    """Choose where a stack is cut: the deeper half is gone on with as one part, each choice above it leads to parts of its own."""
    return (base + end) // 2


def _reason(error: Exception) -> str:
    if isinstance(error, CancelledError):
        return "the scheduler gave it up, or is gone"
    return f"{type(error).__name__}: {str(error).partition('. ')[0]}"


def _name(place: Place, part: Part) -> str:
    begin = encode("", list(part.prefix)).partition(":")[2]
    return f"subtree {'.'.join(map(str, place)) or '0'} (of the schedules that begin with {begin or 'anything'})"


def explore_divided(
    configuration: Configuration, plan: Plan, subject: str, engine: Engine, limits: Limits, tell: Callable[[str], None]
) -> Report:
    """Explore a configuration by one of its plans with the workers of an engine; the report is that of a single process.

    A part that is lost, like a limit, ends the search: UNKNOWN, unless a fault was found by then.
    """
    whole = Whole(subject, configuration.name, plan, origin(subject))
    division = Division(whole, engine, limits, tell)
    division.search()
    return division.report
