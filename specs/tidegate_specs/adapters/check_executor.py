"""Check the executor: random histories beside a model, hung workers, an exception at every bytecode, and the interpreter's exit.

Every work here is a `Job` that says when it starts and waits for leave to end, so that what the executor must do next is known at
each step, with no timing in it.
"""

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import Future
from concurrent.futures.thread import BrokenThreadPool
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from queue import Empty, SimpleQueue
from types import CodeType
from typing import Any, Final, cast, final
from unittest.mock import patch

from ..builds import FREE_THREADED
from ..check import Check, Profile, Result, Settings, Subject, Verdict
from ..child import in_child
from ..injection import Hook, Injector, Interrupt, quiet_finalisers
from ..progress import progress
from ..stops import handler_entries
from ..sweeps.party import ENDED, Party
from .clauses import executor_1, executor_2, executor_3
from .support import GROUP, by_the_living, injector_of, module_of

LIMIT_S: Final = 5.0  # for what takes no time at all unless something is lost

CHILD_S: Final[dict[Profile, float]] = {"quick": 55.0, "full": 280.0}

HISTORIES: Final[dict[Profile, int]] = {"quick": 150, "full": 1_500}
STEPS: Final = 25

THREADS: Final = 3
OFFERS: Final = 400  # by each thread, while every worker hangs
STORM: Final[dict[Profile, int]] = {"quick": 3_000, "full": 30_000}


submitting: Final[ContextVar[int | None]] = ContextVar("submitting", default=None)


class Failure(BaseException):
    """What works fail with: not even an Exception."""


@final
@dataclass(slots=True)
class Tally:
    """Count what the predicates of the clauses ask for."""

    capacity: int = 0
    waited: int = 0
    peak: int = 0
    spurious: int = 0
    held: int = 0
    lost: int = 0
    unended: int = 0
    doubled: int = 0
    points: int = 0
    steps: int = 0
    witness: str = ""

    def note(self, text: str) -> None:
        """Keep the first account of a fault."""
        self.witness = self.witness or text

    def broken(self) -> tuple[str, ...]:
        """Name the clauses that do not hold."""
        verdicts = {
            "EXECUTOR-1": executor_1(self.waited, self.peak, self.capacity, self.spurious),
            "EXECUTOR-2": executor_2(self.held, self.lost),
            "EXECUTOR-3": executor_3(self.unended, self.doubled),
        }
        return tuple(clause for clause, holds in verdicts.items() if not holds)

    def judge(self, evidence: str) -> Result:
        """Turn the counts into a verdict."""
        broken = self.broken()
        if not broken and not self.witness:
            return Result(Verdict.OK, evidence)
        return by_the_living(Result(Verdict.ILLEGAL, evidence, self.witness or str(self), broken))


@final
class Job:
    """A work that tells `started` its name, and ends as its gate tells it: by returning its name, or by a failure."""

    def __init__(self, name: int, started: "SimpleQueue[int]") -> None:
        self.name, self.started = name, started
        self.gate: SimpleQueue[bool] = SimpleQueue()
        self.runs = 0
        self.ran_for: int | None = None  # as a context variable says it: the name of the work that was submitted

    def __call__(self) -> int:
        self.runs += 1
        self.ran_for = submitting.get()
        submitting.set(-1)  # nobody else is to see that
        self.started.put(self.name)
        if not self.gate.get():
            raise Failure(self.name)
        return self.name


def _threads_of(prefix: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(prefix)]


def _left_over(prefix: str) -> int:
    """Wait for the workers of an executor to end, and count those that do not."""
    deadline_s = time.monotonic() + LIMIT_S
    for thread in _threads_of(prefix):
        thread.join(max(0.0, deadline_s - time.monotonic()))
    return len(_threads_of(prefix))


# Histories beside a model.


@final
class History:
    """An executor, and the plain lists that say what must be waiting and running in it."""

    def __init__(self, module: Any, subject: Subject, chance: random.Random, tally: Tally) -> None:
        self.outcome, self.chance, self.tally = subject.Outcome, chance, tally
        self.capacity = chance.choice((1, 2, 3, 5))
        self.workers = chance.randint(1, self.capacity)
        self.prefix = f"history-{tally.steps}-"
        self.executor = module.RejectingExecutor(self.capacity, self.workers, thread_name_prefix=self.prefix)
        self.refused: type[Exception] = module.Rejected
        self.started: SimpleQueue[int] = SimpleQueue()
        self.ended: SimpleQueue[int] = SimpleQueue()
        self.jobs: list[Job] = []
        self.futures: dict[int, Future[int]] = {}
        self.waiting: list[int] = []
        self.running: list[int] = []
        self.cancelled: set[int] = set()
        self.finished: set[int] = set()
        self.left = 0  # unfinished works that have not told their end
        self.closed = False
        self.told: list[str] = [f"RejectingExecutor({self.capacity}, {self.workers})"]

    @property
    def unfinished(self) -> int:
        return len(self.waiting) + len(self.running)

    def fault(self, what: str) -> None:
        self.tally.note(f"{what}, after {'; '.join(self.told)}")

    def run(self) -> None:
        for _ in range(self.chance.randint(5, STEPS)):
            self.tally.steps += 1
            try:
                self.step()
                self.settle()
            except Exception as error:  # noqa: BLE001 - no call here has a right to raise
                self.fault(f"{type(error).__name__}: {error}")
            if self.tally.witness:
                break
        self.end()

    def step(self) -> None:
        choices: list[Callable[[], None]] = [self.submit] * 6
        choices += [self.finish] * 4 if self.running else []
        choices += [self.cancel] * 3 if self.futures else []
        choices += [self.storm] if self.waiting else []
        choices += [self.shut_down] if len(self.told) > 8 and self.chance.random() < 0.2 else []
        self.chance.choice(choices)()

    def submit(self) -> None:
        job = Job(len(self.jobs), self.started)
        self.told.append(f"submit {job.name}")
        submitting.set(job.name)
        try:
            answer = self.executor.submit(job) if self.chance.random() < 0.5 else self.executor.try_submit(job)
        except self.refused as refusal:
            answer = cast(Any, refusal).outcome
        full = self.unfinished == self.capacity
        expected = self.outcome.CLOSED if self.closed else self.outcome.FULL if full else None
        if isinstance(answer, self.outcome):
            self.tally.spurious += answer is not expected
            if answer is not expected:
                self.fault(f"the answer was {answer} with {self.unfinished} of {self.capacity} works unfinished")
            return
        self.left += 1
        self.jobs.append(job)
        self.futures[job.name] = answer
        (self.running if len(self.running) < self.workers else self.waiting).append(job.name)
        self.tally.peak = max(self.tally.peak, self.unfinished - self.capacity)
        if expected is not None:
            self.fault(f"a work was accepted instead of {expected}")
        answer.add_done_callback(partial(self.note_end, job.name))

    def note_end(self, name: int, _future: object) -> None:
        """Look at the room at the moment a future shows its end; nothing else is going on then."""
        self.left -= 1
        in_flight = self.executor.statistics().in_flight
        if in_flight > self.left:
            self.tally.held += in_flight - self.left
            self.fault(f"the slot of {name} was still held when its future had ended")
        self.ended.put(name)

    def cancel(self) -> None:
        name = self.chance.choice(list(self.futures))
        self.told.append(f"cancel {name}")
        expected = name in self.waiting or name in self.cancelled
        answer = self.futures[name].cancel()
        if answer is not expected:
            self.tally.doubled += 1
            self.fault(f"cancel said {answer}")
        elif name in self.waiting:
            self.waiting.remove(name)
            self.await_end(name)

    def storm(self) -> None:
        """Cancel every waiting work and submit as many; there must be room for them at once."""
        self.told.append("a storm")
        for name in list(self.waiting):
            self.futures[name].cancel()
            self.waiting.remove(name)
            self.await_end(name)
            self.submit()

    def finish(self) -> None:
        name = self.running.pop(self.chance.randrange(len(self.running)))
        well = self.chance.random() < 0.7
        self.told.append(f"{'finish' if well else 'fail'} {name}")
        self.jobs[name].gate.put(well)
        self.await_end(name)
        future = self.futures[name]
        if future.done() and (future.exception() is None) is not well:
            self.fault(f"the future of {name} is {future}")

    def await_end(self, name: int) -> None:
        try:
            ended = self.ended.get(timeout=LIMIT_S)
        except Empty:
            self.tally.unended += 1
            self.fault(f"the future of {name} did not end")
        else:
            (self.cancelled if self.futures[ended].cancelled() else self.finished).add(ended)

    def shut_down(self) -> None:
        cancel = self.chance.random() < 0.5
        self.told.append(f"shutdown{' and cancel' if cancel else ''}")
        self.closed = True
        self.executor.shutdown(wait=False, cancel_futures=cancel)
        while cancel and self.waiting and not self.tally.witness:
            self.await_end(self.waiting.pop(0))

    def settle(self) -> None:
        """Wait until as many works run as can, and compare the room."""
        while self.waiting and len(self.running) < self.workers:
            self.running.append(self.waiting.pop(0))
        late = {name for name in self.running if not self.jobs[name].runs or self.futures[name].running() is False}
        while late and not self.tally.witness:
            try:
                late.discard(self.started.get(timeout=LIMIT_S))
            except Empty:
                self.tally.unended += len(late)
                self.fault(f"works {sorted(late)} did not start")
        read = self.executor.statistics()
        if (read.in_flight, read.free) != (self.unfinished, self.capacity - self.unfinished):
            self.tally.lost += abs(read.in_flight - self.unfinished)
            self.fault(f"{self.unfinished} works are unfinished, and the books say {read}")

    def end(self) -> None:
        """Let everything end, and count what did not, what ran twice and what is missing."""
        self.executor.shutdown(wait=False)
        for job in self.jobs:
            job.gate.put(True)
        left_over = _left_over(self.prefix)
        unended = sum(not future.done() for future in self.futures.values()) + left_over
        runs = {job.name: job.runs for job in self.jobs}
        doubled = sum(count > 1 or (count and name in self.cancelled) for name, count in runs.items())
        strange = sum(job.runs > 0 and job.ran_for != job.name for job in self.jobs)
        never = sum(not runs[name] for name in self.finished)
        free = self.executor.statistics().free
        self.tally.unended += unended
        self.tally.doubled += doubled + strange + never
        self.tally.lost += self.capacity - free
        if unended or doubled or strange or never or free != self.capacity:
            self.fault(
                f"in the end {unended} futures or workers had not ended, {doubled} works had run twice and {strange} in another's "
                f"context, {free} slots were free"
            )


def _break(module: Any, tally: Tally) -> None:
    """Let an initializer fail while works wait: all fail, and every slot comes back."""
    gate: SimpleQueue[None] = SimpleQueue()

    def fail() -> None:
        gate.get(timeout=LIMIT_S)
        raise Failure("initializer")

    executor = module.RejectingExecutor(3, 1, thread_name_prefix="broken", initializer=fail)
    futures = [executor.submit(int) for _ in range(3)]
    gate.put(None)
    left_over = _left_over("broken")
    unended = [future for future in futures if not future.done()]
    tally.unended += len(unended) + left_over
    tally.lost += 3 - executor.statistics().free
    tally.doubled += sum(future.done() and future.exception() is None for future in futures)
    if left_over or unended or executor.statistics().free != 3:
        tally.note(f"an initializer failed: {len(unended)} futures did not end, {executor.statistics()}")


def _end_maps(module: Any, tally: Tally) -> None:
    """Close and drop iterators of `map` that have not begun: that cancels. Refuse the last work of one: no result is lost by it."""
    gate: SimpleQueue[None] = SimpleQueue()
    executor = module.RejectingExecutor(3, 1, thread_name_prefix="mapped")
    held = executor.submit(partial(gate.get, timeout=LIMIT_S))
    for end in ("closed", "dropped"):
        results = executor.map(abs, (1, 2))
        if end == "closed":
            results.close()
        del results
        held_slots = executor.statistics().in_flight - 1
        if held_slots:
            tally.lost += held_slots
            tally.note(f"an iterator of map was {end} before it began, and {held_slots} works still waited")
            break
    gate.put(None)
    held.result(LIMIT_S)
    results = executor.map(abs, (1, -2, 3, -4), buffersize=2)
    given: list[object] = [next(results)]
    executor.shutdown(wait=False)  # after the third was submitted
    try:
        given.extend(results)  # in a list's `extend` those that come before an exception stay
    except module.Rejected as refusal:
        given.append(refusal.outcome.value)
    if given != [1, 2, 3, "closed"]:
        tally.unended += 1
        tally.note(f"map over 1, -2, 3, -4, of which the last was refused, gave {given}")
    _left_over("mapped")


def run_model(subject: Subject, settings: Settings) -> Result:
    """Run random histories, each step compared with the model."""
    module = module_of(subject, "executor")
    chance = random.Random(settings.seed)
    tally = Tally()
    histories = 0
    for _ in range(HISTORIES[settings.profile]):
        if not tally.witness:
            History(module, subject, chance, tally).run()
            histories += 1
    for scenario in (_break, _end_maps):
        if not tally.witness:
            scenario(module, tally)
    return tally.judge(f"{histories} histories, {tally.steps:,} steps")


# Hung workers.


def _offer_all(executor: Any, refused: type[Exception], job: Callable[[], object]) -> list[Any]:
    """Offer again and again; half of them by each of the two ways."""
    accepted: list[Any] = []
    for number in range(OFFERS):
        if number % 2:
            answer = executor.try_submit(job)
            accepted += [answer] if answer else []
        else:
            with suppress(refused):
                accepted.append(executor.submit(job))
    return accepted


def _storm(executor: Any, waiting: list[Any], turns: int, tally: Tally) -> int:
    """Cancel the oldest waiting work and submit one, again and again. Give the most futures that were alive at once."""
    alive: weakref.WeakSet[Any] = weakref.WeakSet(waiting)
    most = len(alive)
    for _ in range(turns):
        waiting.pop(0).cancel()
        answer = executor.try_submit(int)
        if not answer:
            tally.spurious += 1
            tally.note(f"{answer} although a waiting work had been cancelled just before")
            break
        alive.add(answer)
        waiting.append(answer)
        del answer
        most = max(most, len(alive))
    return most


def run_hung(subject: Subject, settings: Settings) -> Result:
    """Let every worker hang, and submit from many threads; then cancel and submit in a storm."""
    module = module_of(subject, "executor")
    capacity, workers = 8, 2
    tally = Tally(capacity=capacity)
    gate, started = threading.Event(), SimpleQueue[None]()

    def hang() -> None:
        started.put(None)
        gate.wait()

    executor = module.RejectingExecutor(capacity, workers, thread_name_prefix="hung")
    futures = [executor.submit(hang) for _ in range(workers)]
    for _ in futures:
        started.get(timeout=LIMIT_S)
    parties = [Party() for _ in range(THREADS)]
    for party in parties:
        party.start(partial(_offer_all, executor, module.Rejected, int))
    waiting: list[Any] = []
    for party in parties:
        if party.wait(confirm_s=2.0) != ENDED:
            tally.waited += 1
            tally.note(f"with every worker hung, a submission waits in {party.where()}")
            continue
        waiting += party.answer() or []
        if party.error is not None:
            tally.note(f"with every worker hung, a submission raised {party.text}")
    tally.peak = workers + len(waiting)
    if tally.peak > capacity:
        tally.note(f"{tally.peak} works were unfinished, of {capacity} allowed")
    if tally.peak < capacity and not tally.waited:
        tally.spurious += 1
        tally.note(f"only {tally.peak} of {capacity} works were accepted")
    turns = STORM[settings.profile]
    if not tally.witness:
        tally.peak = workers + _storm(executor, waiting, turns, tally)
        if tally.peak > capacity + 1:  # one is being replaced
            tally.note(f"{tally.peak} futures were kept, of {capacity} works allowed")
        tally.peak -= tally.peak == capacity + 1
    gate.set()
    executor.shutdown(wait=False)
    for party in parties:
        party.dismiss()
    tally.unended += 0 if tally.waited else _left_over("hung")
    return tally.judge(f"{THREADS * OFFERS:,} submissions by {THREADS} threads, {turns:,} cancelled and replaced, workers hung")


# An exception at every bytecode.


@final
@dataclass(slots=True)
class Point:
    """One bytecode of one run, at which something is done once."""

    position: int
    act: Callable[[], None]
    where: str = ""
    done: bool = False
    in_thread: str = ""
    within: str = ""  # a part of the names of the files where it is done

    def hook(self, at: int, code: CodeType, offset: int) -> None:
        if at == self.position and not self.where and threading.current_thread().name.endswith(self.in_thread):
            self.where = f"{code.co_qualname}+{offset}"
            if offset not in handler_entries(code) and self.within in code.co_filename:
                self.done = True
                self.act()


def _interrupt() -> None:
    raise Interrupt


@final
@dataclass(slots=True)
class Scene:
    """An executor of three slots and one worker, which runs a job that has not ended; and the call that is swept.

    known: the futures that the sweep has. own: the works of the swept call itself.
    """

    module: Any
    executor: Any
    started: "SimpleQueue[int]"
    jobs: list[Job]
    known: list[Future[Any]]
    own: Counter[str] = field(default_factory=Counter[str])
    call: Callable[[], object] = int
    closed: bool = False

    def work(self) -> None:
        self.own["runs"] += 1

    def mapped(self, _: str) -> None:
        self.work()


def _scene(module: Any) -> Scene:
    started: SimpleQueue[int] = SimpleQueue()
    executor = module.RejectingExecutor(3, 1, thread_name_prefix="swept")
    jobs = [Job(0, started)]
    known = [executor.submit(jobs[0])]
    started.get(timeout=LIMIT_S)
    return Scene(module, executor, started, jobs, known)


def _wait_in_line(scene: Scene, number: int) -> None:
    for _ in range(number):
        scene.jobs.append(Job(len(scene.jobs), scene.started))
        scene.known.append(scene.executor.submit(scene.jobs[-1]))


def _submit(scene: Scene) -> None:
    _wait_in_line(scene, 1)
    scene.call = partial(scene.executor.submit, scene.work)


def _try_submit_full(scene: Scene) -> None:
    _wait_in_line(scene, 2)
    scene.call = partial(scene.executor.try_submit, scene.work)


def _try_submit_closed(scene: Scene) -> None:
    scene.executor.shutdown(wait=False)
    scene.closed = True
    scene.call = partial(scene.executor.try_submit, scene.work)


def _cancel(scene: Scene) -> None:
    _wait_in_line(scene, 2)
    scene.call = scene.known[1].cancel


def _cancel_running(scene: Scene) -> None:
    scene.call = scene.known[0].cancel


def _map(scene: Scene) -> None:
    scene.call = partial(scene.executor.map, scene.mapped, "ab")


def _shutdown(scene: Scene) -> None:
    _wait_in_line(scene, 1)
    scene.closed = True
    scene.call = partial(scene.executor.shutdown, wait=False)


def _shutdown_cancel(scene: Scene) -> None:
    _wait_in_line(scene, 2)
    scene.closed = True
    scene.call = partial(scene.executor.shutdown, wait=False, cancel_futures=True)


def _construct(scene: Scene) -> None:
    scene.call = partial(scene.module.RejectingExecutor, 2, 2, thread_name_prefix="swept")


CALLS: Final[dict[str, Callable[[Scene], None]]] = {
    "submit": _submit,
    "try_submit to a full executor": _try_submit_full,
    "try_submit to a closed executor": _try_submit_closed,
    "cancel": _cancel,
    "cancel a running work": _cancel_running,
    "map": _map,
    "shutdown": _shutdown,
    "construct, and drop": _construct,
    "shutdown that cancels": _shutdown_cancel,
}


def _end_of(scene: Scene, tally: Tally, where: str) -> None:
    """Fill the executor, let everything end, and count."""
    kept: list[Future[Any]] = []
    held = sum(not future.done() for future in scene.known)
    while not scene.closed and len(kept) <= 3 and (answer := scene.executor.try_submit(int)):
        kept.append(answer)
    for job in scene.jobs:
        job.gate.put(True)
    scene.executor.shutdown(wait=False)
    left_over = _left_over("swept")
    lost = 3 - scene.executor.statistics().free
    unfilled = 0 if scene.closed else 3 - held - len(kept) - scene.own["runs"]
    unended = sum(not future.done() for future in (*scene.known, *kept)) + left_over
    doubled = sum(job.runs > 1 or (job.runs and future.cancelled()) for job, future in zip(scene.jobs, scene.known, strict=True))
    tally.lost += abs(lost) + abs(unfilled)
    tally.unended += unended
    tally.doubled += doubled
    if lost or unfilled or unended or doubled:
        tally.note(
            f"{where}: {unfilled} slots could not be used, {lost} were not free in the end, "
            f"{unended} futures or workers did not end, {doubled} works ran twice"
        )


def _sweep_calls(module: Any, injector: Injector, tally: Tally) -> None:
    """Raise an exception at every bytecode of each call that a submitter makes."""
    for name, prepare in CALLS.items():
        position, point = 0, Point(0, _interrupt, where="begin")
        while point.where and not tally.witness:
            position += 1
            scene = _scene(module)
            prepare(scene)
            within = "/adapters/" if prepare is _construct else ""  # an intake half made is the kernel's to answer for
            point = Point(position, _interrupt, within=within)
            with suppress(Interrupt, module.Rejected):
                injector.run(scene.call, point.hook)
            tally.points += point.done
            _end_of(scene, tally, f"{name}, interrupted at {point.where}")


FOREIGN: Final = (ValueError, IndexError, StopIteration, GeneratorExit)  # what somebody here catches, and what ends iterations


def _sweep_foreign(module: Any, injector: Injector, tally: Tally) -> None:
    """Raise an exception of a type that somebody here catches wherever one can arrive: it comes out, and is no answer."""
    injector.arrivals_only = True
    for (name, prepare), kind in product(CALLS.items(), FOREIGN):
        position, point = 0, Point(0, _interrupt, where="begin")
        while point.where and not tally.witness:
            position += 1
            scene = _scene(module)
            prepare(scene)
            foreign = kind("from a signal handler")

            def arrive(foreign: BaseException = foreign) -> None:
                raise foreign

            point = Point(position, arrive, within="/adapters/")
            came_out = False
            try:
                injector.run(scene.call, point.hook)
            except BaseException as error:  # noqa: BLE001 - any: which is what is judged
                came_out = foreign in (error, error.__cause__)  # a generator turns a StopIteration into a RuntimeError
            foreign.__traceback__ = None
            tally.points += point.done
            where = f"{name}, where a {kind.__name__} arrived at {point.where}"
            if point.done and not came_out:
                tally.unended += 1
                tally.note(f"{where}: it was taken for an answer")
            _end_of(scene, tally, where)
    injector.arrivals_only = FREE_THREADED


def _sweep_close(module: Any, injector: Injector, tally: Tally) -> None:
    """Shut down at every bytecode of a submission, with a worker that looks before the submission goes on."""
    position, point = 0, Point(0, _interrupt, where="begin")
    while point.where and not tally.witness:
        position += 1
        executor = module.RejectingExecutor(1, 1, thread_name_prefix="swept")
        worker = _threads_of("swept")[0]

        def close(executor: Any = executor, worker: threading.Thread = worker) -> None:
            executor.shutdown(wait=False)
            _await_rest(worker)

        _await_rest(worker)
        point = Point(position, close)
        answer = injector.run(partial(executor.try_submit, int), point.hook)
        tally.points += point.done
        executor.statistics()
        left_over = _left_over("swept") if point.done else 0
        unended = left_over + (point.done and bool(answer) and not answer.done())
        tally.unended += unended
        tally.lost += 1 - executor.statistics().free if point.done else 0
        if unended or tally.lost:
            tally.note(f"submit, overtaken at {point.where} by a shutdown: {unended} futures or workers did not end")
        executor.shutdown(wait=False)
        _left_over("swept")


def _await_rest(worker: threading.Thread) -> None:
    """Give a worker time until it sleeps or has ended, where the system tells; else a moment."""
    stat = Path(f"/proc/self/task/{worker.native_id}/stat")
    asleep, deadline_s = 0, time.monotonic() + 0.2
    while worker.is_alive() and asleep < 3 and time.monotonic() < deadline_s:
        time.sleep(0.0002)
        try:
            asleep = asleep + 1 if stat.read_text().rpartition(")")[2].split()[0] == "S" else 0
        except OSError:
            asleep = 0


@contextmanager
def _traced_workers(injector: Injector, hook: Hook) -> Generator[None]:
    """Have the threads that are made here run under the injector."""

    class Traced(threading.Thread):
        def run(self) -> None:
            with suppress(Interrupt):
                injector.run(super().run, hook)

    with patch.object(threading, "Thread", Traced):
        yield


def _sweep_worker(module: Any, injector: Injector, tally: Tally) -> None:
    """Raise an exception at every bytecode of a worker that runs works that return, fail and were cancelled, to the end."""
    position, point = 0, Point(0, _interrupt, where="begin")
    while point.where and not tally.witness:
        position += 1
        point = Point(position, _interrupt)
        gate, begun = SimpleQueue[None](), Counter[str]()

        def initialize(gate: "SimpleQueue[None]" = gate, begun: Counter[str] = begun) -> None:
            begun["worker"] += 1
            gate.get(timeout=LIMIT_S)

        with _traced_workers(injector, point.hook):
            executor = module.RejectingExecutor(4, 1, thread_name_prefix="swept", initializer=initialize)
        jobs = [Job(number, SimpleQueue()) for number in range(4)]
        for job in jobs:
            job.gate.put(job.name != 1)
        futures: list[Future[int]] = []
        with suppress(BrokenThreadPool):  # it was interrupted before its initializer: then it is broken
            for job in jobs:
                futures.append(executor.submit(job))  # noqa: PERF401 - those submitted before are kept
            futures[2].cancel()
        executor.shutdown(wait=False)
        gate.put(None)
        left_over = _left_over("swept")
        if not begun["worker"] and point.done:
            continue  # it ended before its first step
        tally.points += point.done
        unended = sum(not future.done() for future in futures) + left_over
        doubled = sum(job.runs > 1 or (job.runs and future.cancelled()) for job, future in zip(jobs, futures, strict=False))
        lost = 4 - executor.statistics().free
        spoilt = sum(isinstance(future.exception(), Interrupt) for future in futures if future.done() and not future.cancelled())
        tally.unended, tally.doubled, tally.lost = tally.unended + unended, tally.doubled + doubled, tally.lost + lost
        if unended or doubled or lost or spoilt > 1:
            tally.note(
                f"a worker, interrupted at {point.where}: {unended} futures or workers did not end, {doubled} works ran twice, "
                f"{lost} slots lost, {spoilt} works failed by it"
            )


def _sweep_wake(module: Any, injector: Injector, tally: Tally) -> None:
    """Raise an exception at every bytecode of one of two workers that two works wake: both works start, or end by it."""
    position, point = 0, Point(0, _interrupt, where="begin")
    while point.where and not tally.witness:
        position += 1
        point = Point(position, _interrupt, in_thread="_0")
        ready: SimpleQueue[None] = SimpleQueue()
        with _traced_workers(injector, point.hook):
            executor = module.RejectingExecutor(2, 2, thread_name_prefix="swept", initializer=partial(ready.put, None))
        with suppress(Empty):
            ready.get(timeout=LIMIT_S)
            if not point.done:
                ready.get(timeout=LIMIT_S)
        started: SimpleQueue[int] = SimpleQueue()
        jobs = [Job(number, started) for number in range(2)]
        futures: list[Future[int]] = []
        with suppress(BrokenThreadPool):
            for job in jobs:
                futures.append(executor.submit(job))  # noqa: PERF401 - those submitted before are kept
        late = {0, 1} if len(_threads_of("swept")) == 2 else set[int]()
        deadline_s = time.monotonic() + LIMIT_S
        while late and time.monotonic() < deadline_s:
            with suppress(Empty):
                late.discard(started.get(timeout=0.02))
            late -= {number for number, future in enumerate(futures) if future.done()}
        for job in jobs:
            job.gate.put(True)
        executor.shutdown(wait=False)
        unended = _left_over("swept") + len(late) + sum(not future.done() for future in futures)
        tally.points += point.done
        tally.unended += unended
        if unended:
            tally.note(f"one of two workers, interrupted at {point.where}: {len(late)} works did not start")


def _sweep_stand(module: Any, injector: Injector, tally: Tally) -> None:
    """Have two workers stand at the same bytecode on their way to sleep while two works come: both works start."""
    position, stood = 0, 2
    while stood and not tally.witness:
        position += 1
        go: SimpleQueue[None] = SimpleQueue()
        standing: list[str] = []

        def stand(at: int, code: CodeType, offset: int, until: int = position, go: Any = go, standing: Any = standing) -> None:
            if at == until:
                standing.append(f"{code.co_qualname}+{offset}")
                go.get(timeout=LIMIT_S)

        with _traced_workers(injector, stand):
            executor = module.RejectingExecutor(2, 2, thread_name_prefix="swept")
        for worker in _threads_of("swept"):
            _await_rest(worker)
        stood = len(standing)
        started: SimpleQueue[int] = SimpleQueue()
        jobs = [Job(number, started) for number in range(2)]
        for job in jobs:
            executor.submit(job)
        for _ in jobs:
            go.put(None)
        late = {0, 1}
        with suppress(Empty):
            while late:
                late.discard(started.get(timeout=LIMIT_S))
        for job in jobs:
            job.gate.put(True)
        executor.shutdown(wait=False)
        tally.points += stood
        tally.unended += len(late) + _left_over("swept")
        if late:
            tally.note(f"two workers, standing at {' and '.join(standing)} when two works come: {len(late)} did not start")


def run_sweep(subject: Subject, _settings: Settings) -> Result:
    """Raise an exception at every bytecode of submitters and workers, one in each run."""
    module = module_of(subject, "executor")
    tally = Tally()
    with quiet_finalisers(), injector_of(subject, [module.RejectingExecutor]) as injector:
        # Without a GIL what a finaliser has to mend is mended late: there, only where an exception can arrive, which needs none.
        injector.arrivals_only = FREE_THREADED
        for sweep in (_sweep_calls, _sweep_foreign, _sweep_close, _sweep_worker, _sweep_wake, _sweep_stand):
            if not tally.witness:
                progress(f"{sweep.__name__.strip('_')}, {tally.points:,} points so far")
                sweep(module, injector, tally)
    return tally.judge(f"{tally.points:,} points of {len(CALLS)} calls, of a submission overtaken by a shutdown, and of workers")


# The interpreter's exit.

PROGRAM: Final = """
import atexit, os, sys, threading, time
late = []
def after():
    made = RejectingExecutor(1, 1)
    for executor in (late[0], made):
        os.write(1, b"late:" + executor.try_submit(int).value.encode() + b" ")
atexit.register(after)
from {package}.adapters.executor import RejectingExecutor
atexit.register(os.write, 1, b"atexit ")
gate = threading.Event()
def open_gate():  # until the main thread is over no work can end
    threading.main_thread().join()
    gate.set()
threading.Thread(target=open_gate).start()
def work(name):
    gate.wait()
    time.sleep(0.02)  # longer than an interpreter takes to exit that waits for nobody
    os.write(1, name.encode() + b" ")
kept, closed, dropped = (RejectingExecutor(4, 1) for _ in range(3))
late.append(kept)
for number in range(4):
    kept.submit(work, f"kept{{number}}")
    closed.submit(work, f"closed{{number}}")
    dropped.submit(work, f"dropped{{number}}")
closed.shutdown(wait=False)
del dropped
os.write(1, b"end ")
{last}
"""
LAST: Final = {"returns": "", "raises": "raise SystemExit(0)"}
FORKED: Final = """
import multiprocessing, os, sys, time, warnings
from {package}.adapters.executor import RejectingExecutor
def work(name):
    time.sleep(0.02)
    os.write(1, name.encode() + b" ")
def child():  # up to 3.12 it ends without its handlers of atexit
    kept, closed, dropped = (RejectingExecutor(4, 1) for _ in range(3))
    for number in range(4):
        kept.submit(work, f"kept{{number}}")
        closed.submit(work, f"closed{{number}}")
        dropped.submit(work, f"dropped{{number}}")
    closed.shutdown(wait=False)
    globals().update(kept=kept)
    os.write(1, b"end late:" + parents.try_submit(int).value.encode() + b" ")
    parents.shutdown(cancel_futures=True)
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
parents = RejectingExecutor(1, 1)
parents.submit(time.sleep, 0.2)
process = multiprocessing.get_context("fork").Process(target=child)
process.start()
process.join()
os.write(1, b"late:closed " * (process.exitcode == 0) + b"atexit ")
"""


def _write_sources(package: str, folder: Path) -> None:
    """Write the sources of an imported package, which may be in memory only, to where another process can import them."""
    for name, module in list(sys.modules.items()):
        if name == package or name.startswith(package + "."):
            loader = module.__spec__.loader if module.__spec__ else None
            source = cast(Any, loader).get_source(name)
            path = folder.joinpath(*name.split("."))
            path = path / "__init__.py" if hasattr(module, "__path__") else path.with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
    for number in range(1, package.count(".") + 1):  # regular packages above it: those are found before others of their names
        folder.joinpath(*package.split(".")[:number], "__init__.py").touch()


def run_exit(subject: Subject, _settings: Settings) -> Result:
    """Let interpreters exit while works are accepted, and see that all ran and that the process ended."""
    package = cast(Any, subject).__name__
    module_of(subject, "executor")
    expected = {f"{kind}{number}" for kind in ("kept", "closed", "dropped") for number in range(4)}
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        _write_sources(package, Path(folder))
        programs = {name: PROGRAM.format(package=package, last=last) for name, last in LAST.items()}
        programs |= {"is a forked child": FORKED.format(package=package)} if hasattr(os, "fork") else {}
        for name, program in programs.items():
            if tally.witness:
                break
            try:
                done = subprocess.run(
                    [sys.executable, "-W", "error", "-c", f"import sys; sys.path.insert(0, {folder!r})\n{program}"],
                    capture_output=True,
                    timeout=LIMIT_S * 2,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                tally.unended += 1
                tally.note(f"a program that {name} with works accepted did not end")
                continue
            told = done.stdout.decode().split()
            before = told[: told.index("atexit")] if "atexit" in told else []
            ran = Counter(told)
            tally.unended += len(expected - set(before))
            tally.doubled += sum(ran[work] > 1 for work in expected)
            right = ran == Counter([*expected, "end", "late:closed", "late:closed", "atexit"]) and expected <= set(before)
            if not right or done.returncode or done.stderr:
                missing = sorted(expected - set(before))
                tally.unended += not missing
                tally.note(f"a program that {name}: {missing} never ran, or too late; {done.stdout!r} {done.stderr!r}")
    return tally.judge(f"{len(programs)} interpreters exited with {len(expected)} works accepted in each")


def _apart(check: Callable[[Subject, Settings], Result]) -> Callable[[Subject, Settings], Result]:
    """Run a check in a process of its own: the hung workers of a faulty executor end with it."""

    def run(subject: Subject, settings: Settings) -> Result:
        def work() -> dict[str, Any]:
            result = check(subject, settings)
            return {**asdict(result), "verdict": result.verdict.value}

        found = in_child(work, CHILD_S[settings.profile])
        if "died" in found:
            return Result(Verdict.UNKNOWN, "no answer", found["died"])
        return Result(Verdict(found["verdict"]), found["evidence"], found["witness"], tuple(found["blames"]))

    return run


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "adapters.executor_model",
        GROUP,
        "random histories",
        ("EXECUTOR-1", "EXECUTOR-2", "EXECUTOR-3"),
        "every answer, and the room after every step and at the moment a future ends, are the model's; every future ends, once",
        "threads that meet inside an operation",
        _apart(run_model),
    ),
    Check(
        "adapters.executor_hung",
        GROUP,
        "scenario",
        ("EXECUTOR-1",),
        "with every worker hung, submissions are answered, no more works are kept than there are slots, cancelled ones make room",
        "that answers come within a certain time",
        _apart(run_hung),
    ),
    Check(
        "adapters.executor_sweep",
        GROUP,
        "bytecode sweep",
        ("EXECUTOR-2", "EXECUTOR-3"),
        "an exception at any bytecode of a submitter or a worker loses no slot, leaves no future unended and runs no work twice, "
        "and is never taken for an answer",
        "exceptions inside `concurrent.futures`, two exceptions in one recovery, a worker's bytecodes before its first step",
        _apart(run_sweep),
    ),
    Check(
        "adapters.executor_exit",
        GROUP,
        "scenario",
        ("EXECUTOR-3",),
        "an interpreter that exits, or a forked child, first finishes the works accepted, of executors in use, shut down and "
        "dropped, then runs handlers of `atexit`, whose works are refused, and then ends",
        "works that never return",
        run_exit,
    ),
)
