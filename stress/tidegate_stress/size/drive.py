"""Call a target by schedule, whatever its answers are: in threads, or in an event loop in a thread of its own.

The times are made beforehand (`lab.arrivals`) and count from when a call was due. So a service that does not keep up slows no load
down, and what it makes its callers wait is seen. The caller of `run` is the producer: a Ctrl-C reaches it between two calls. What
hangs is left behind in daemon threads.
"""

import asyncio
import queue
import threading
import time
from array import array
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Final, Protocol, Self

from tidegate.adapters.bulkhead import Bulkhead
from tidegate_specs.extras import UsageError
from tidegate_specs.progress import progress

from ..lab.arrivals import due_times
from ..lab.case import Arrivals, Case
from .target import FAILED, UNSENT, Lifespan, Target, where_it_failed

clock: Final = time.perf_counter_ns
TICK_S: Final = 0.001  # the producer sleeps at least this long, then makes all calls that are due
LOOK_S: Final = 0.2  # between two looks of somebody who waits
START_S: Final = 30.0  # that the start of an application may take
STOP_S: Final = 3.0
THREADS: Final = 256  # that serve at once; further calls wait, as in a server
PROBLEMS_KEPT: Final = 3
LEAD_NS: Final = 1_000_000


def schedule(rate_per_s: float, seconds: float, arrivals: Arrivals = "constant", seed: int = 0) -> "array[int]":
    """Give the times at which calls are due. A ramp goes from nothing to twice the rate."""
    return array("q", due_times(Case("", "", seconds, 1.0, arrivals, seed=seed), rate_per_s, 0, 1))


@dataclass(slots=True)
class Run:
    """Record calls by number: when each was due, began and ended (0: not yet), and how. Times are of `clock`.

    handed: calls made. unsent: those that were not, for too many had not ended.
    """

    due_ns: "array[int]"
    begun_ns: "array[int]"
    ended_ns: "array[int]"
    answers: bytearray
    start_ns: int
    handed: int = 0
    done: int = 0
    unsent: int = 0
    problems: list[str] = field(default_factory=list[str])
    lock: Any = field(default_factory=threading.Lock)

    @property
    def outstanding(self) -> int:
        """Calls that were made and have not ended."""
        return self.handed - self.done

    def ended(self, place: int, answer: int, problem: str = "") -> None:
        """Note how a call ended."""
        self.answers[place] = answer
        self.ended_ns[place] = clock()
        with self.lock:
            self.done += 1
            if problem and len(self.problems) < PROBLEMS_KEPT and problem not in self.problems:
                self.problems.append(problem)

    def wait(self, limit_s: float) -> bool:
        """Wait until every call has ended; False if some have not by then."""
        end_s = time.monotonic() + limit_s
        while self.outstanding and time.monotonic() < end_s:
            progress(f"waiting for {self.outstanding} calls to end")
            time.sleep(min(LOOK_S, 0.005))
        return not self.outstanding


class Engine(Protocol):
    """Make calls side by side."""

    def serve(self, target: Target) -> None:
        """Make further calls of this, which is the same with another wall."""
        ...

    def hand_over(self, run: Run, first: int, last: int) -> None:
        """Have the calls from `first` up to, not including, `last` made at once, or as soon as it can."""
        ...

    def abandon(self, run: Run) -> None:
        """Give up the calls of a run that have not begun, or, in a loop, have not ended. They end as `FAILED`."""
        ...

    def stop(self) -> None:
        """End, however many calls have not."""
        ...


class Threads:
    """Serve in threads: as many as there are calls at once, up to a limit."""

    def __init__(self, target: Target, most: int = THREADS) -> None:
        self.most: Final = most
        self._serve = target.server()
        self._queue: queue.SimpleQueue[tuple[Run, int] | None] = queue.SimpleQueue()
        self._threads = 0

    def serve(self, target: Target) -> None:
        """Make further calls of this."""
        self._serve = target.server()

    def hand_over(self, run: Run, first: int, last: int) -> None:
        """Have calls made."""
        for place in range(first, last):
            self._queue.put((run, place))
        while self._threads < min(self.most, run.outstanding):
            self._threads += 1
            threading.Thread(target=self._work, daemon=True).start()

    def abandon(self, run: Run) -> None:
        """Give up the calls that wait for a thread."""
        with suppress(queue.Empty):
            while (entry := self._queue.get_nowait()) is not None:
                run.ended(entry[1], FAILED)

    def stop(self) -> None:
        """Have the threads end that are idle, and the others when their call has ended."""
        for _ in range(self._threads):
            self._queue.put(None)

    def _work(self) -> None:
        while (entry := self._queue.get()) is not None:
            run, place = entry
            run.begun_ns[place] = clock()
            try:
                run.ended(place, self._serve())
            except BaseException as error:  # noqa: BLE001 - whatever a call raises is how it ended, and the thread goes on
                run.ended(place, FAILED, where_it_failed(error))


class Loop:
    """Serve in an event loop, which has a thread of its own, each call in a task."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lifespan: Lifespan | None = None
        self._state: dict[str, Any] = {}
        self._serve = target.async_server(self._state)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(self._start(), self._loop)
        try:
            started.result(START_S)
        except TimeoutError:
            raise UsageError(f"{target.name} had not started after {START_S:g} s") from None

    def serve(self, target: Target) -> None:
        """Make further calls of this."""
        self._serve = target.async_server(self._state)

    def hand_over(self, run: Run, first: int, last: int) -> None:
        """Have calls made."""
        self._loop.call_soon_threadsafe(self._begin, run, first, last)

    def abandon(self, run: Run) -> None:
        """Cancel the calls."""
        self._loop.call_soon_threadsafe(self._cancel)

    def stop(self) -> None:
        """End the calls, the application's lifespan and the loop; a loop that is blocked is left behind."""
        stopping = asyncio.run_coroutine_threadsafe(self._stop(), self._loop)
        with suppress(TimeoutError, Exception):
            stopping.result(STOP_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LOOK_S)
        if not self._thread.is_alive():
            self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _start(self) -> None:
        if self._target.kind == "ASGI application":
            self._lifespan = Lifespan(self._target.call, self._state)
            await self._lifespan.start()

    def _cancel(self) -> list[asyncio.Task[None]]:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        return tasks

    async def _stop(self) -> None:
        tasks = self._cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._lifespan is not None:
            await self._lifespan.end()

    def _begin(self, run: Run, first: int, last: int) -> None:
        for place in range(first, last):
            task = self._loop.create_task(self._call(run, place))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _call(self, run: Run, place: int) -> None:
        run.begun_ns[place] = clock()
        try:
            run.ended(place, await self._serve())
        except BaseException as error:  # noqa: BLE001 - likewise, a cancellation too; the loop goes on
            run.ended(place, FAILED, where_it_failed(error))


class Drive:
    """Make calls of one target, load after load. A context manager: at its end the target is ended, too."""

    def __init__(self, target: Target, engine: Engine | None = None) -> None:
        self.target = target
        self._given = engine
        self._engine: Engine

    def __enter__(self) -> Self:
        self._engine = self._given or (Loop(self.target) if self.target.in_loop else Threads(self.target))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._engine.stop()

    def behind(self, wall: Bulkhead | None) -> None:
        """Make further calls through this wall, or through none."""
        self._engine.serve(replace(self.target, wall=wall))

    def abandon(self, run: Run, limit_s: float) -> bool:
        """Give up what has not ended, and wait for what can't be given up. False if it has not ended by then."""
        self._engine.abandon(run)
        return run.wait(limit_s)

    def run(self, dues: Iterable[int], most: int, told: str = "", *, stop_when_full: bool = False) -> Run:
        """Make calls when they are due, and come back when the last was made.

        most: calls that have not ended, at which no further one is made; with `stop_when_full` the load ends there. told: what is
        said meanwhile.
        """
        start_ns = clock() + LEAD_NS
        due_ns = array("q", (start_ns + each for each in dues))
        length = len(due_ns)
        run = Run(due_ns, array("q", bytes(8 * length)), array("q", bytes(8 * length)), bytearray(length), start_ns)
        place = 0
        while place < length:
            now_ns = clock()
            if now_ns < due_ns[place]:
                progress(f"{told}: {max(0, now_ns - start_ns) / 1e9:.1f} s")
                time.sleep(min(LOOK_S, max(TICK_S, (due_ns[place] - now_ns) / 1e9)))
                continue
            last = place + 1
            while last < length and due_ns[last] <= now_ns:
                last += 1
            sent = min(last, place + max(0, most - run.outstanding))
            if sent < last and stop_when_full:
                run.unsent = length - place
                break
            run.unsent += last - sent
            run.answers[sent:last] = bytes([UNSENT]) * (last - sent)
            run.handed += sent - place
            self._engine.hand_over(run, place, sent)
            place = last
        return run
