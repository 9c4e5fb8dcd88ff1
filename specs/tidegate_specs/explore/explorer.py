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
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, Self

from .accesses import Site, Sites
from .history import Caller, History
from .processor import one_processor
from .program import Fault, Limits, Program, Report, Thread, over
from .runs import Run
from .scheduler import Scheduler
from .schedules import encode
from .simulated import substituted
from .source_sets import SourceSets
from .watches import DEFAULT_WATCH

Grain = Literal["access", "opcode"]
LEARNING_STEPS: Final = 1000  # in a run that shows what is shared: one of a subject that spins would not end
COLLECT_EVERY: Final = 2000  # schedules


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
