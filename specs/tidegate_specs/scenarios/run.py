"""What every scenario stands on: how it is registered, watched and judged, and how it stops a thread at a bytecode.

A scenario is judged in a thread of its own while the caller's thread watches. A subject may wait for ever where the contract says
that it must not: then the scenario is ILLEGAL and names the operation that did not return; its thread is left behind (a
daemon), after an attempt to end it by an exception.
"""

import contextlib
import gc
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from .. import child
from ..check import WHOLE, Check, Result, Settings, Subject, Verdict, capabilities_of
from ..check import needs as capabilities
from ..conformance.adapter import files_under, injector_for
from ..conformance.classes import CLASSES
from ..injection import Injector, Interrupt, Unraisable, quiet_finalisers
from ..progress import progress
from .jobs import SLICE_S, WAKE_S, Job, Violation, ends_within, operation_of, start, stop, stuck

PATIENCE_S = 2.0  # for an operation that must not wait at all, or whose wait is over


class Inconclusive(Exception):
    """End a scenario as UNKNOWN: what cut it short."""


class Frozen:
    """An operation in a thread of its own, stopped before a bytecode until thawed."""

    def __init__(self, injector: Injector, operation: Callable[[], Any], position: int) -> None:
        self._go = threading.Event()
        self._here = threading.Event()
        self.reached = False
        self.where = ""

        def freeze(at: int, code: Any, offset: int) -> None:
            if at == position:
                self.where = f"{code.co_qualname}+{offset}"
                self.reached = True
                self._here.set()
                self._go.wait()

        def run() -> Any:
            try:
                return injector.run(operation, freeze)
            finally:
                self._here.set()

        self.job: Job[Any] = start(run, "frozen")
        if not ends_within(self._here, WAKE_S):
            raise Violation((), f"{operation_of(self.job, injector.files) or 'an operation'} did not return")

    def thaw(self) -> Any:
        """Let it go on, and give its answer, or its exception's type."""
        self._go.set()
        if not ends_within(self.job.ended, WAKE_S):
            raise Violation((), f"after a stop at {self.where} the operation did not return")
        answer, self.job.value = self.job.value, None
        return answer if self.job.error is None else type(self.job.error)

    def abandon(self) -> None:
        """Let it go on without looking any more."""
        self._go.set()


@dataclass(slots=True)
class Run:
    """Give a scenario its subject, its settings and its tools."""

    subject: Subject
    settings: Settings
    files: tuple[str, ...]
    alive_s: float = field(default_factory=time.monotonic)
    points: int = 0  # bytecodes at which something was done
    stray: list[str] = field(default_factory=list[str])
    in_finalisers: int = 0  # of the interrupts
    faults: dict[str, str] = field(default_factory=dict[str, str])  # by clause, the first
    injectors: list[Injector] = field(default_factory=list[Injector])

    @property
    def full(self) -> bool:
        """Tell whether the profile asks for the whole number of rounds."""
        return self.settings.profile == "full"

    def intake(self, capacity: int) -> Any:
        """Make an intake of the subject's."""
        return self.subject.Intake(capacity)

    def can(self, capability: str) -> bool:
        """Tell whether the subject declares that it can do this."""
        return capability in capabilities_of(self.subject)

    def fault(self, clauses: str, message: str) -> None:
        """Note that clauses (ids, with blanks between) are broken, of a scenario that can go on to look at the others."""
        for id_ in clauses.split():
            self.faults.setdefault(id_, message)

    @contextlib.contextmanager
    def noting(self, clauses: str) -> Generator[None, None, None]:
        """Go on after a violation of no other clauses than these."""
        try:
            yield
        except Violation as violation:
            if not set(violation.clauses) <= set(clauses.split()):
                raise
            self.fault(" ".join(violation.clauses), str(violation))

    def alive(self, text: str = "") -> None:
        """Tell the watch that the scenario makes progress, and the reader of the gate how far it is."""
        self.alive_s = time.monotonic()
        if text:
            progress(text)

    def finish(self, jobs: Sequence[Job[Any]], clauses: str, limit_s: float = WAKE_S) -> list[Any]:
        """Wait for threads whose work must come to an end by itself, and give their answers."""
        waited_s = 0.0
        for job in jobs:
            while not job.ended.wait(SLICE_S):
                waited_s += SLICE_S
                if waited_s > limit_s:
                    operation = operation_of(job, self.files)
                    if operation and stuck(job, self.files):
                        raise Violation(clauses.split(), f"{operation} did not return ({job.name or 'a thread'} waits for ever)")
                    if waited_s > 2 * limit_s:
                        raise Inconclusive(f"{job.name or 'a thread'} was still running after {2 * limit_s:g} s")
                self.alive()
        return [job.result() for job in jobs]

    def inside(self, job: Job[Any]) -> bool:
        """Tell whether a thread is in an operation of the subject's now."""
        return bool(operation_of(job, self.files))

    @contextlib.contextmanager
    def injecting(self) -> Generator[tuple[Injector, Unraisable], None, None]:
        """Give an injector for the subject, with finalisers quiet and no collection of its own accord."""
        with quiet_finalisers() as unraisable, injector_for(self.subject) as injector:
            self.injectors.append(injector)
            yield injector, unraisable
        self.stray.extend(unraisable.strays())
        self.in_finalisers += len(unraisable.names) - len(unraisable.strays())

    def at_every_bytecode(self, injector: Injector, prepare: Callable[[], "Step"]) -> Iterator[tuple["Step", int]]:
        """Give a fresh step for each position until the caller finds that the operation ended before it (`Step.over`)."""
        for position in count(1):
            step = prepare()
            step.injector, step.position = injector, position
            yield step, position
            if step.over:
                return
            self.points += 1
            self.alive()


@dataclass(slots=True)
class Step:
    """One operation on a fresh intake, to be disturbed at one bytecode."""

    intake: Any
    operation: Callable[[], Any]
    held: list[Any] = field(default_factory=list[Any])  # leases that nothing but the caller ends
    loose: list[Any] = field(default_factory=list[Any])  # leases that the operation may end
    must: list[Any] = field(default_factory=list[Any])  # items accepted and not taken: each comes out once, whatever happens
    may: list[Any] = field(default_factory=list[Any])  # items that the operation may bring in or finish
    name: str = ""
    injector: Injector = field(init=False)
    position: int = 0
    over: bool = False
    where: str = ""

    def hooked(self, action: Callable[[], None]) -> Any:
        """Run the operation with an action before its bytecode at `position`. Give its answer, or its exception's type.

        Nothing keeps the exception, nor through its traceback the locals of the frames it left.
        """
        hit = False
        broken = ""

        def hook(at: int, code: Any, offset: int) -> None:
            nonlocal hit, broken
            if at == self.position:
                hit = True
                self.where = f"{code.co_qualname}+{offset}"
                try:
                    action()
                except Exception as error:
                    broken = repr(error)
                    raise

        try:
            answer = self.injector.run(self.operation, hook)
        except (Exception, Interrupt) as error:  # noqa: BLE001  the subject's own answers, and ours
            answer = type(error)
        self.over = not hit
        if broken:
            raise Violation((), f"{self.name}: what was called inside at {self.where} raised {broken}")
        return answer

    def interrupted(self) -> Any:
        """Run the operation and raise an `Interrupt` at its bytecode."""

        def interrupt() -> None:
            raise Interrupt

        return self.hooked(interrupt)

    @contextlib.contextmanager
    def frozen(self) -> Generator[Frozen, None, None]:
        """Run the operation in another thread and stop it before its bytecode, while the caller does something else."""
        frozen = Frozen(self.injector, self.operation, self.position)
        self.over, self.where = not frozen.reached, frozen.where
        try:
            yield frozen
        finally:
            frozen.abandon()


Body = Callable[[Run], str]
_registered: dict[int, Check] = {}


def scenario(
    number: int,
    clauses: str,
    source: str,
    shows: str,
    shows_not: str,
    limit_s: tuple[float, float] = (30.0, 90.0),
    needs: str = "",
) -> Callable[[Body], Body]:
    """Register a scenario under its number. Its function returns the evidence, or raises a `Violation`.

    needs: the capabilities that it needs of a subject; if none are named, all.
    """

    def register(body: Body) -> Body:
        def run(subject: Subject, settings: Settings) -> Result:
            return judge(body, tuple(clauses.split()), subject, settings, limit_s[settings.profile == "full"])

        _registered[number] = Check(
            name=f"scenarios.{number:02d}",
            group="scenarios",
            tool="scenario",
            clauses=tuple(clauses.split()),
            shows=f"{shows} (The fault: {source}.)",
            shows_not=shows_not,
            run=run,
            limit_s=(limit_s[0] + 30, limit_s[1] + 30),
            needs=capabilities(needs) if needs else WHOLE,
        )
        return body

    return register


def registered() -> tuple[Check, ...]:
    """Give the checks of all scenarios, by number."""
    return tuple(_registered[number] for number in sorted(_registered))


def judge(body: Body, clauses: tuple[str, ...], subject: Subject, settings: Settings, limit_s: float) -> Result:
    """Run one scenario in a thread of its own, and make a verdict of how it ended, or of its not ending."""
    run = Run(subject, settings, files_under(subject))
    hook, collecting = sys.unraisablehook, gc.isenabled()
    job = start(lambda: body(run), "the scenario")
    result = _watch(job, run, clauses, limit_s)
    if result is None:
        return _fair(_verdict(job, run, clauses), capabilities_of(subject))
    stop(job, run.files)
    for injector in run.injectors:
        injector.close()
    sys.unraisablehook = hook
    gc.unfreeze()
    if collecting:
        gc.enable()
    return _fair(result, capabilities_of(subject))


def _fair(result: Result, declared: frozenset[str]) -> Result:
    """Accuse somebody else's intake of no more than can be told: if that is no clause of this scenario, the verdict is UNKNOWN.

    What stopped the scenario is for another check to judge. Of the kernel, all clauses of the scenario are then in doubt. That an
    offer waits can be told of anybody, although that it never does can't.
    """
    if result.verdict is not Verdict.ILLEGAL or "kernel" in declared:
        return result
    blames = tuple(id_ for id_ in result.blames if CLASSES[id_].needs <= declared)
    if not blames and result.witness.endswith(".offer did not return"):
        blames = ("NOWAIT-1",)
    if blames:
        return replace(result, blames=blames)
    return Result(Verdict.UNKNOWN, "another fault stopped it", result.witness)


def _watch(job: Job[str], run: Run, clauses: tuple[str, ...], limit_s: float) -> Result | None:
    """Wait for a scenario to end. If it hangs, or takes too long, say so."""
    begun_s = time.monotonic()
    seen_s, quiet_s = run.alive_s, 0.0
    while not job.ended.wait(SLICE_S):
        now_s = time.monotonic()
        seen_s, quiet_s = run.alive_s, quiet_s + SLICE_S if run.alive_s == seen_s else 0.0
        if quiet_s > PATIENCE_S:
            operation = operation_of(job, run.files)
            if operation and stuck(job, run.files) and not job.ended.is_set():
                return Result(Verdict.ILLEGAL, "", f"{operation} did not return", _blamed(operation, clauses))
        if now_s - begun_s > limit_s:
            return Result(Verdict.UNKNOWN, "", f"the scenario was still running after {limit_s:g} s")
    return None


def _verdict(job: Job[str], run: Run, clauses: tuple[str, ...]) -> Result:
    """Make a verdict of how a scenario ended, and of the faults that it had noted by then."""
    end = _how_it_ended(job, run, clauses)
    noted = run.faults
    if not noted:
        return end
    own = noted if end.verdict is not Verdict.ILLEGAL else dict.fromkeys(end.blames, end.witness) | noted
    whole = clauses if end.verdict is Verdict.OK else end.cleared
    cleared = tuple(id_ for id_ in whole if id_ not in own)
    return Result(Verdict.ILLEGAL, "", "\n".join(dict.fromkeys(own.values())), tuple(own), cleared, witnesses=own)


def _how_it_ended(job: Job[str], run: Run, clauses: tuple[str, ...]) -> Result:
    match job.error:
        case None:
            return Result(Verdict.OK, f"{job.value}{', ' + _strays(run) if run.stray else ''}")
        case Violation() as violation:
            blamed = tuple(clause for clause in violation.clauses if clause in clauses)
            return Result(Verdict.ILLEGAL, "", str(violation), blamed, violation.cleared)
        case Inconclusive() as inconclusive:
            return Result(Verdict.UNKNOWN, "", str(inconclusive))
        case error:
            text = "".join(traceback.format_exception_only(error)).strip()
            return Result(Verdict.ILLEGAL, "", f"an operation raised {text} ({job.where})")


def _strays(run: Run) -> str:
    return f"{len(run.stray)} other exceptions in finalisers ({', '.join(sorted(set(run.stray)))})"


_BLAMED = {"offer": "NOWAIT-1 NOWAIT-2 REENTRY-1", "close": "CLOSE-1", "take": "CLOSE-2 LOCAL-1", "drain": "CLOSE-2"}


def _blamed(operation: str, clauses: tuple[str, ...]) -> tuple[str, ...]:
    """Choose, of a scenario's clauses, those that an operation breaks by not returning; all when that can't be told."""
    for name, blamed in _BLAMED.items():
        if f".{name}" in operation:
            return tuple(clause for clause in clauses if clause in blamed.split())
    return ()


def in_child(work: Callable[[], None], limit_s: float, clauses: str) -> None:
    """Run something in a fork of this process, whose only thread is then the main one. A violation there is one here.

    The child is killed when it takes longer: something in it did not return.
    """

    def report() -> dict[str, Any]:
        try:
            work()
        except Violation as violation:
            return {"blames": list(violation.clauses), "violation": str(violation)}
        return {}

    found = child.in_child(report, limit_s)
    if "died" in found:
        raise Violation(clauses.split(), f"after a fork, the child did not come through its calls: {found['died']}")
    if found:
        raise Violation(found["blames"], found["violation"])


def rounds(run: Run, quick: int, full: int, chunk: int = 1000) -> Iterator[int]:
    """Count rounds by the profile, telling the watch now and then."""
    total = full if run.full else quick
    for number in range(total):
        if number % chunk == 0:
            run.alive(f"{number:,} of {total:,} rounds")
        yield number
