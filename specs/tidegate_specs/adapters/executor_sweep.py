"""Interrupts at every bytecode of a caller's call on the executor."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from queue import SimpleQueue
from types import CodeType
from typing import Any, Final, final

from ..builds import FREE_THREADED
from ..injection import Injector, Interrupt
from ..stops import handler_entries
from .executor_jobs import LIMIT_S, Job, Tally, what_is_left

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


def interrupt() -> None:
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
    left_over = what_is_left("swept")
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


def sweep_calls(module: Any, injector: Injector, tally: Tally) -> None:
    """Raise an exception at every bytecode of each call that a submitter makes."""
    for name, prepare in CALLS.items():
        position, point = 0, Point(0, interrupt, where="begin")
        while point.where and not tally.witness:
            position += 1
            scene = _scene(module)
            prepare(scene)
            within = "/adapters/" if prepare is _construct else ""  # an intake half made is the kernel's to answer for
            point = Point(position, interrupt, within=within)
            with suppress(Interrupt, module.Rejected):
                injector.run(scene.call, point.hook)
            tally.points += point.done
            _end_of(scene, tally, f"{name}, interrupted at {point.where}")


FOREIGN: Final = (ValueError, IndexError, StopIteration, GeneratorExit)  # what somebody here catches, and what ends iterations


def sweep_foreign(module: Any, injector: Injector, tally: Tally) -> None:
    """Raise an exception of a type that somebody here catches wherever one can arrive: it comes out, and is no answer."""
    injector.arrivals_only = True
    for (name, prepare), kind in product(CALLS.items(), FOREIGN):
        position, point = 0, Point(0, interrupt, where="begin")
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
