"""Run a program under every schedule that matters.

    report = explore(program, bound=2)
    report.verdict, report.schedules, report.outcomes, report.faults

A *schedule* is the list of the threads that took each step. Exploring is stateless: every schedule is run from the start, and the
points at which another thread could have been chosen give further schedules. A *preemption* is a switch away from a thread that
could have gone on; most faults need few.
"""

import gc
import random
import time
import types
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

from ..check import Verdict
from .accesses import Site, Sites, conflict
from .history import Caller, History
from .processor import one_processor
from .scheduler import DEFAULT_WATCH, Run, Scheduler, substituted
from .schedules import encode

Grain = Literal["access", "opcode"]
Thread = Callable[[Any, Caller], None]
LEARNING_STEPS: Final = 1000  # in a run that shows what is shared: one of a subject that spins would not end
COLLECT_EVERY: Final = 2000  # schedules
FOUND: Final = "a fault was found"


def no_fault(shared: Any, history: History) -> str:
    """Accept every run."""
    return ""


def results_of(shared: Any, history: History) -> Hashable:
    """Give the result of every call, thread by thread."""
    return history.results()


@dataclass(frozen=True)
class Program:
    """Describe what to explore.

    modules: those whose opcodes are scheduled. make: gives the shared object; it runs before the threads. threads: each gets the
    shared object and a `Caller`, through which it makes the calls that are to appear in the history. check: runs after the threads,
    and names a fault or gives "". outcome: what of a run is counted.
    """

    name: str
    modules: tuple[types.ModuleType, ...]
    make: Callable[[], Any]
    threads: tuple[Thread, ...]
    check: Callable[[Any, History], str] = no_fault
    outcome: Callable[[Any, History], Hashable] = results_of


@dataclass(frozen=True)
class Fault:
    """Name a fault, and the schedule that shows it."""

    message: str
    schedule: str
    timeline: str


@dataclass
class Report:
    """Tell what was explored.

    schedules: complete runs, each another schedule. redundant: runs that turned out to be another one's equivalent.
    by_preemptions: how many schedules had 0, 1, 2, ... preemptions, where they were bounded. exhausted: nothing within the bound
    was left out. sites: the opcodes at which threads were switched. steps, handed: choices made, and how often another thread than
    before went on, in all schedules. faults: the first, unless more were asked for.
    """

    program: str
    grain: str
    bound: int | None
    reduced: bool
    schedules: int = 0
    redundant: int = 0
    by_preemptions: list[int] = field(default_factory=list[int])
    exhausted: bool = False
    outcomes: Counter[Hashable] = field(default_factory=Counter[Hashable])
    faults: list[Fault] = field(default_factory=list[Fault])
    sites: frozenset[Site] = frozenset()
    shared_sites: frozenset[Site] = frozenset()
    steps: int = 0
    handed: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    why_not: str = ""
    waiting: int = 0  # schedules known and not yet run

    @property
    def verdict(self) -> Verdict:
        """OK only if nothing within the bound was left out, and something was within it."""
        if self.faults:
            return Verdict.ILLEGAL
        return Verdict.OK if self.exhausted and self.schedules else Verdict.UNKNOWN

    def __str__(self) -> str:
        extent = "without bound" if self.bound is None else f"with at most {self.bound} preemptions"
        how = f"{self.schedules:,} schedules {extent}{', reduced' if self.reduced else ''}, at every {self.grain}"
        end = "exhausted" if self.exhausted else f"stopped: {self.why_not}"
        return f"{self.program}: {self.verdict.value}: {how}, {end}; {len(self.outcomes)} outcomes, {self.cpu_seconds:.1f} s of CPU"


def limit_of(schedules: int) -> str:
    """Say that a limit on schedules was hit."""
    return f"the limit of {schedules:,} schedules"


@dataclass
class Limits:
    """Say when to stop: after so many schedules, after so many seconds, at the first fault."""

    schedules: int | None = None
    seconds: float | None = None
    faults: int = 1


def over(report: Report, limits: Limits, start: float) -> bool:
    """Tell whether to stop, and say why in the report. start: of the search, by `time.perf_counter`."""
    if report.why_not:
        return True
    if len(report.faults) >= limits.faults:
        report.why_not = FOUND
    elif limits.schedules is not None and report.schedules + report.redundant >= limits.schedules:
        report.why_not = limit_of(limits.schedules)
    elif limits.seconds is not None and time.perf_counter() - start >= limits.seconds:
        report.why_not = f"the limit of {limits.seconds:g} s"
    return bool(report.why_not)


class Explorer:
    """Explore one program. Holds the threads; use as a context manager."""

    def __init__(self, program: Program, watch: str = DEFAULT_WATCH, max_steps: int = 20_000) -> None:
        self.program = program
        self.sites = sites_of(program.modules)
        self.scheduler = Scheduler(self.sites, watch, max_steps)
        self.progress: Callable[[Report], None] | None = None
        self._substituted = substituted(program.modules)
        self._collecting = False
        self._processor = one_processor()

    def __enter__(self) -> Self:
        self._processor.__enter__()
        self._collecting = gc.isenabled()
        gc.disable()  # finalisers of what the collector finds would run at points of its choosing
        self._substituted.__enter__()
        self.scheduler.hire(len(self.program.threads))
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._substituted.__exit__(None, None, None)
        self.scheduler.close()
        if self._collecting:
            gc.enable()
        self._processor.__exit__(None, None, None)

    # One schedule.

    def run(self, prefix: Sequence[int] = (), policy: Callable[[Run, int, int], int] | None = None) -> tuple[Run, Any, History]:
        """Run one schedule; give the run, the shared object and the history."""
        shared = self.program.make()
        history = History(len(self.program.threads), self.scheduler)
        bodies = [_body(thread, shared, caller) for thread, caller in zip(self.program.threads, history.callers, strict=True)]
        run = self.scheduler.run(bodies, prefix, policy, shared)
        history.end(run)
        return run, shared, history

    def _judge(self, report: Report, run: Run, shared: Any, history: History) -> None:
        report.schedules += 1
        report.steps += len(run.steps)
        report.handed += run.handed
        if run.limited:
            report.why_not = report.why_not or f"a run of more than {self.scheduler.max_steps} steps"
            return
        fault = f"deadlock: {run.deadlock}" if run.deadlock else self.program.check(shared, history)
        report.outcomes["deadlock" if run.deadlock else self.program.outcome(shared, history)] += 1
        if fault:
            report.faults.append(self._fault(fault, run, report))
        if not report.schedules % COLLECT_EVERY:
            gc.collect()
        if self.progress is not None:
            self.progress(report)

    def _fault(self, message: str, run: Run, report: Report) -> Fault:
        """Run the schedule again, counting every opcode, so that its id does not depend on the grain.

        What a call does before the first point at which there was a choice is its thread's own affair; it is put off until then, or
        in the replay the call would begin earlier than it did here.
        """
        self.scheduler.aim(report.sites, report.reduced, logged=True)
        try:
            again, _, history = self.run(run.steps)
        finally:
            self.scheduler.aim(report.sites, report.reduced)
        order: list[float] = list(range(len(again.log)))
        for operation in history.operations():
            mine = [n for n in range(operation.logged, len(again.log)) if again.log[n][0] == operation.thread]
            first = next((n for n in mine if again.log[n][-1]), 0)
            for n in mine:
                if n < first:
                    order[n] = first - 0.5
        steps = [again.log[n][0] for n in sorted(range(len(order)), key=order.__getitem__)]
        return Fault(message, encode(self.program.name, steps), history.timeline())

    # All schedules, without and with a bound on preemptions.

    def depth_first(self, grain: Grain, bound: int | None, limits: Limits, points: frozenset[Site] | None = None) -> Report:
        """Run every schedule with at most `bound` preemptions, those with fewer first."""
        report = Report(self.program.name, grain, bound, False, why_not=self.sites.unread)
        if grain == "opcode":
            report.sites = self.sites.everything()
        else:
            report.sites = points if points is not None else self.learn()
        self.scheduler.aim(report.sites)
        start, start_cpu = time.perf_counter(), time.process_time()
        level: list[bytes] = [b""]
        preemptions = 0
        while level and (bound is None or preemptions <= bound) and not report.why_not:
            before = report.schedules
            later: list[bytes] = []
            self._descend(report, level, later, preemptions == bound, limits, start)
            if bound is not None:
                report.by_preemptions.append(report.schedules - before)
            if not report.why_not:
                level, preemptions = later, preemptions + 1
        report.exhausted = not report.why_not
        report.seconds = time.perf_counter() - start
        report.cpu_seconds = time.process_time() - start_cpu
        return report

    def _descend(self, report: Report, level: list[bytes], later: list[bytes], last: bool, limits: Limits, start: float) -> None:
        """Run the schedules of a level from its end on, and what they lead to; put off to `later` what takes one more."""
        costly = level if report.bound is None else None if last else later
        while level and not over(report, limits, start):
            prefix = level.pop()
            report.waiting = len(level) + len(later)
            run, shared, history = self.run(prefix)
            self._judge(report, run, shared, history)
            _alternatives(run, len(prefix), level, costly)

    def part(self, report: Report, level: list[bytes], last: bool, most: int) -> list[bytes]:
        """Run at most so many schedules of a level, and leave the rest there; give those that take one more preemption."""
        later: list[bytes] = []
        self.scheduler.aim(report.sites)
        start_cpu = time.process_time()
        self._descend(report, level, later, last, Limits(most), 0.0)
        report.cpu_seconds = time.process_time() - start_cpu
        return later

    # One schedule of each class of equivalent ones.

    def reduced(self, limits: Limits, points: frozenset[Site] | None = None) -> Report:
        """Run at least one schedule of each class of equivalent ones, without a bound (source sets and sleep sets)."""
        report = Report(self.program.name, "access", None, True, sites=points or self.sites.candidates(), why_not=self.sites.unread)
        self.reduced_part(report, SourceSets(len(self.program.threads)), limits)
        return report

    def reduced_part(self, report: Report, search: "SourceSets", limits: Limits) -> None:
        """Go on with a reduced search, until nothing is left of it or a limit is hit."""
        self.scheduler.aim(report.sites, labelled=True)
        shared_sites: set[Site] = set()
        start, start_cpu = time.perf_counter(), time.process_time()
        while not over(report, limits, start):
            prefix = search.prefix()
            run, shared, history = self.run(prefix, search.policy)
            _shared_sites(run, shared_sites)
            if search.blocked_at is not None:
                report.redundant += 1
            else:
                self._judge(report, run, shared, history)
            if not search.learn(run, len(prefix)):
                report.exhausted = not report.why_not and not report.faults
                break
        report.seconds = time.perf_counter() - start
        report.cpu_seconds = time.process_time() - start_cpu
        report.shared_sites = frozenset(shared_sites)

    def learn(self, schedules: int = 0) -> frozenset[Site]:
        """Find the opcodes at which threads touch what others touch too, one of them writing.

        Where a reduced exploration is not done after some schedules (36 with three threads, 216 with four), a sample goes on until
        so many in a row show nothing new (0: twelve times the square of the number of threads). Where the opcodes can't be read it
        finds nothing, and what follows is UNKNOWN.
        """
        if self.sites.unread:
            return frozenset()
        schedules = schedules or 12 * len(self.program.threads) ** 2
        most = self.scheduler.max_steps
        self.scheduler.max_steps = min(most, LEARNING_STEPS)
        try:
            return self._learn(schedules)
        finally:
            self.scheduler.max_steps = most

    def _learn(self, schedules: int) -> frozenset[Site]:
        report = self.reduced(Limits(schedules=6 ** (len(self.program.threads) - 1), faults=1 << 30))
        sites = set(report.shared_sites)
        if not report.exhausted:
            self.scheduler.aim(self.sites.candidates(), labelled=True)
            length = max(1, report.steps // max(1, report.schedules))
            seed = idle = 0
            while idle < schedules:
                known = len(sites)
                run, _, _ = self.run((), _Priorities(len(self.program.threads), 3, seed, length))
                _shared_sites(run, sites)
                length = max(length, len(run.steps))
                seed, idle = seed + 1, 0 if len(sites) > known else idle + 1
        return frozenset(sites)

    # A sample.

    def sample(self, schedules: int, depth: int, seed: int, limits: Limits, points: frozenset[Site] | None = None) -> Report:
        """Run schedules drawn by priorities with `depth` - 1 changes (PCT): never more than UNKNOWN, if it finds nothing."""
        report = Report(self.program.name, "access", depth, False, why_not=self.sites.unread)
        report.sites = points if points is not None else self.learn()
        self.scheduler.aim(report.sites)
        start, start_cpu = time.perf_counter(), time.process_time()
        length = 1
        for number in range(schedules):
            if over(report, limits, start):
                break
            run, shared, history = self.run((), _Priorities(len(self.program.threads), depth, seed + number, length))
            length = max(length, len(run.steps))
            self._judge(report, run, shared, history)
        report.why_not = report.why_not or f"a sample of {schedules:,}"
        report.seconds = time.perf_counter() - start
        report.cpu_seconds = time.process_time() - start_cpu
        return report


def _body(thread: Thread, shared: Any, caller: Caller) -> Callable[[], None]:
    return lambda: thread(shared, caller)


_SITES: Final[dict[tuple[types.ModuleType, ...], Sites]] = {}


def sites_of(modules: tuple[types.ModuleType, ...]) -> Sites:
    """Read the opcodes of some modules, once."""
    if modules not in _SITES:
        _SITES[modules] = Sites(modules)
    return _SITES[modules]


def _alternatives(run: Run, start: int, free: list[bytes], costly: list[bytes] | None) -> None:
    """Add, for each point of a run from `start` on, the schedules that choose otherwise there."""
    steps, stayed = run.steps, run.stayed
    taken = bytes(steps)
    for depth in range(start, len(steps)):
        others = run.enabled[depth] & ~(1 << steps[depth])
        if not others:
            continue
        target = free if stayed[depth] < 0 else costly
        if target is None:
            continue
        before = taken[:depth]
        thread = 0
        while others:
            if others & 1:
                target.append(before + bytes((thread,)))
            others >>= 1
            thread += 1


def _shared_sites(run: Run, found: set[Site]) -> None:
    """Add the opcodes of a run that touched what another thread touched too, one of them writing."""
    places: dict[int, list[tuple[Any, bool, int, Site | None]]] = {}
    for thread, label, site in zip(run.steps, run.labels, run.sites, strict=True):
        for base, part, write in label:
            places.setdefault(base, []).append((part, write, thread, site))
            if not base and site is not None:
                found.add(site)
    for uses in places.values():
        if len({thread for _, _, thread, _ in uses}) > 1 and any(write for _, write, _, _ in uses):
            for part, write, thread, site in uses:
                if site is not None and site not in found:
                    for other, other_write, other_thread, _ in uses:
                        if thread != other_thread and (write or other_write) and (part == other or part is None or other is None):
                            found.add(site)
                            break


class _Priorities:
    """Choose by random priorities with a few random changes: probabilistic concurrency testing (Burckhardt and others, 2010).

    length: of the longest run so far, within which the changes fall.
    """

    def __init__(self, threads: int, depth: int, seed: int, length: int) -> None:
        draw = random.Random(seed)
        self._priority = draw.sample(range(depth, depth + threads), threads)
        self._changes = {draw.randrange(length): lowered for lowered in range(depth - 1)}

    def __call__(self, run: Run, enabled: int, stayed: int) -> int:
        lowered = self._changes.get(len(run.steps))
        if lowered is not None and run.steps:
            self._priority[run.steps[-1]] = lowered
        return max((thread for thread in range(len(self._priority)) if enabled >> thread & 1), key=self._priority.__getitem__)


class Node:
    """One point of the current schedule: who could run, who must be tried, who was, and who need not be (asleep)."""

    __slots__ = ("backtrack", "chosen", "clock", "done", "enabled", "sleep")

    def __init__(self, chosen: int, enabled: int, sleep: int) -> None:
        self.chosen, self.enabled, self.sleep = chosen, enabled, sleep
        self.backtrack = 1 << chosen
        self.done = 0
        self.clock: list[int] = []

    @property
    def left(self) -> int:
        """Tell which threads must still be tried."""
        return self.backtrack & ~self.done & ~self.sleep & self.enabled

    def want(self, initials: int, preferred: int) -> None:
        """Have one of some threads tried: the preferred one if it can be; all that can, if none of those can."""
        if initials & self.backtrack:
            return
        if initials & self.enabled:
            initials &= self.enabled
            wanted = preferred if initials >> preferred & 1 else (initials & -initials).bit_length() - 1
            self.backtrack |= 1 << wanted
        else:
            self.backtrack |= self.enabled


Request = tuple[int, int, int]  # the number of a point, threads of which one should be tried there, and the preferred one


class SourceSets:
    """Dynamic partial order reduction with source sets (Abdulla, Aronis, Jonsson, Sagonas, 2014).

    After each run every pair of conflicting steps that could have come the other way round (a *race*) makes sure that some thread
    that leads there is tried at the point of the first. A thread whose next step was tried already sleeps until something
    conflicts with it.

    nodes: where to go on; none for the whole tree. base: the search ends before it changes one of the first so many choices. What
    it finds out about their points is kept in `requests`, in order, each once: the subtree itself does not depend on it.
    """

    def __init__(self, threads: int, nodes: Sequence[Node] = (), base: int = 0) -> None:
        self.threads = threads
        self.nodes = list(nodes)
        self.base = base
        self.requests: dict[Request, None] = {}
        self.blocked_at: int | None = None
        self._sleeps: list[int] = []

    def prefix(self) -> list[int]:
        self.blocked_at = None
        self._sleeps = []
        return [node.chosen for node in self.nodes]

    def policy(self, run: Run, enabled: int, stayed: int) -> int:
        """Choose a thread that is not asleep; if all are, the run is redundant."""
        depth = len(run.steps)
        if depth == len(self.nodes):
            sleep = 0
            if depth:
                node = self.nodes[-1]
                sleep = _awake(node.sleep | node.done, run, depth - 1)
        else:
            sleep = _awake(self._sleeps[-1], run, depth - 1)
        self._sleeps.append(sleep)
        candidates = enabled & ~sleep
        if not candidates:
            if self.blocked_at is None:
                self.blocked_at = depth
            candidates = enabled
        if stayed >= 0 and candidates >> stayed & 1:
            return stayed
        return (candidates & -candidates).bit_length() - 1

    def learn(self, run: Run, known: int) -> bool:
        """Take in a run, and go to the next point that needs another choice. False when there is none."""
        end = len(run.steps) if self.blocked_at is None else self.blocked_at
        for depth in range(known, end):
            self.nodes.append(Node(run.steps[depth], run.enabled[depth], self._sleeps[depth - known]))
        self._races(run, max(known - 1, 0), end)
        return advance(self.nodes, self.base)

    def _races(self, run: Run, start: int, end: int) -> None:
        steps, labels = run.steps[:end], run.labels
        number = [0] * end  # how many steps of its thread there were, this one included
        counts = [0] * self.threads
        last: list[int] = [-1] * self.threads
        touching: list[int] = []  # the steps that touched anything shared
        for i in range(end):
            thread = steps[i]
            counts[thread] += 1
            number[i] = counts[thread]
            if i >= start:
                self._race(run, number, last[thread], i, touching if labels[i] else [])
            last[thread] = i
            if labels[i]:
                touching.append(i)

    def _race(self, run: Run, number: list[int], previous: int, i: int, touching: list[int]) -> None:
        steps, labels, nodes = run.steps, run.labels, self.nodes
        thread, label = steps[i], labels[i]
        known = list(nodes[previous].clock) if previous >= 0 else [0] * self.threads
        after = list(known)
        for j in reversed(touching):
            other = steps[j]
            if other == thread or number[j] <= known[other] or not conflict(labels[j], label):
                continue
            clock = nodes[j].clock
            if nodes[j].enabled >> thread & 1 or previous > j:  # else it was this very step that made the later one possible
                self._reverse(steps, nodes, number, j, i, after)
                known = list(map(max, known, clock))
            after = list(map(max, after, clock))
        after[thread] = number[i]
        nodes[i].clock = after

    def _reverse(self, steps: list[int], nodes: list[Node], number: list[int], j: int, i: int, after: list[int]) -> None:
        """Make sure that the point of step j tries a thread that leads to step i happening first."""
        owner, turn = steps[j], number[j]
        free = [k for k in range(j + 1, i) if nodes[k].clock[owner] < turn]
        initials = 0
        seen = 0
        for position, k in enumerate([*free, i]):
            thread = steps[k]
            if seen >> thread & 1:
                continue
            seen |= 1 << thread
            clock = after if k == i else nodes[k].clock
            if all(clock[steps[m]] < number[m] for m in free[:position]):
                initials |= 1 << thread
        if j < self.base:
            self.requests[j, initials, steps[i]] = None
        else:
            nodes[j].want(initials, steps[i])


def advance(nodes: list[Node], base: int) -> bool:
    """Take the last choice as done, and go to the next point from `base` on that needs another one. False when there is none."""
    while len(nodes) > base:
        node = nodes[-1]
        node.done |= 1 << node.chosen
        left = node.left
        if left:
            node.chosen = (left & -left).bit_length() - 1
            return True
        nodes.pop()
    return False


def _awake(sleep: int, run: Run, depth: int) -> int:
    """Wake the sleepers whose next step conflicts with what was done at `depth`."""
    if not sleep:
        return 0
    label, pending = run.labels[depth], run.pending[depth]
    kept = sleep & ~(1 << run.steps[depth])
    for thread in range(len(pending)):
        if kept >> thread & 1 and conflict(label, pending[thread]):
            kept &= ~(1 << thread)
    return kept


def explore(
    program: Program,
    *,
    grain: Grain = "access",
    bound: int | None = None,
    reduce: bool = False,
    limit: int | None = None,
    seconds: float | None = None,
    faults: int = 1,
    points: frozenset[Site] | None = None,
    watch: str = DEFAULT_WATCH,
    progress: Callable[[Report], None] | None = None,
) -> Report:
    """Explore a program, and tell what was found.

    grain: switch threads at every access to what they share, or at every opcode. bound: the most preemptions; None for any number.
    reduce: run one schedule of each class of equivalent ones (at accesses, without bound). limit, seconds, faults: stop after so
    many schedules (the verdict is then UNKNOWN), so much time, so many faults. points: the opcodes to switch at, instead of those
    that a reduced exploration finds to be shared. watch: "settrace" or "monitoring".
    """
    if reduce and (grain != "access" or bound is not None):
        raise ValueError("a reduction is for accesses, without a bound")
    limits = Limits(limit, seconds, faults)
    with Explorer(program, watch) as explorer:
        if reduce:
            explorer.progress = progress
            return explorer.reduced(limits, points)
        if grain == "access" and points is None:
            points = explorer.learn()
        explorer.progress = progress
        return explorer.depth_first(grain, bound, limits, points)
