"""A bulkhead in a host's event loop and under the host's own exceptions."""

import asyncio
import queue
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from itertools import product
from types import CodeType
from typing import Any, Final, final

from ..check import Result, Settings, Subject, Verdict
from ..injection import Injector
from ..stops import handler_entries
from .bulkhead_scene import Scene, offered_at, sweeping
from .bulkhead_sweep import close_once, drain_once, enter_once
from .clauses import bulkhead_2
from .support import module_of

LOOP_S: Final = 2.0  # for what takes a few milliseconds in an event loop that goes on


# In somebody else's process: exceptions of types that are answers elsewhere, frames of others, and event loops.


@final
@dataclass(slots=True)
class Host:
    """Count what was done to the host: exceptions swallowed, its frames cleared, its generators ended, its loop stopped."""

    points: int = 0
    swallowed: int = 0
    cleared: int = 0
    ended: int = 0
    stopped: int = 0
    witness: str = ""

    @property
    def faults(self) -> int:
        return self.swallowed + self.cleared + self.ended + self.stopped

    def note(self, text: str) -> None:
        """Keep the first account of a fault."""
        self.witness = self.witness or text


def foreign_types(subject: Subject) -> tuple[type[BaseException], ...]:
    """List the types that are an answer to somebody, to us or below us."""
    ours: Any = subject
    return (
        *(ours.Empty, ours.Closed, queue.Empty, queue.Full, IndexError, KeyError, AttributeError, TypeError, ValueError),
        *(RuntimeError, RecursionError, MemoryError, StopIteration, GeneratorExit, KeyboardInterrupt, SystemExit),
    )


CALLS_OF_THE_HOST: Final[dict[str, tuple[int, int, Callable[[Scene], Any]]]] = {  # who is inside, who was left behind
    "enter": (0, 0, enter_once),
    "enter when full": (1, 0, enter_once),
    "enter on what was left behind": (0, 1, enter_once),
    "close": (0, 0, close_once),
    "close on what was left behind": (0, 1, close_once),
    "drain": (1, 0, drain_once),
}


class _Passing:
    """Raise an exception that went through a generator of the host's, which stands still, and a function that has ended."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.closed = False
        self.generator = self._hold()
        next(self.generator)
        self.generator.throw(error)

    def _hold(self) -> Generator[str]:
        try:
            try:
                yield "begun"
            except BaseException:  # noqa: BLE001 - kept by who threw it, as a task keeps what ended it
                yield "standing still"
            yield "alive"
        finally:
            self.closed = True

    def fly(self) -> None:
        kept = "by the host"
        if kept:
            raise self.error

    def left(self) -> tuple[bool, bool]:
        """Tell whether the frame that has ended still has its variable, and whether the generator goes on."""
        names = set[str]()
        trace = self.error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code is self.fly.__code__:
                names |= set(trace.tb_frame.f_locals)
            trace = trace.tb_next
        return "kept" in names, not self.closed and next(self.generator, "") == "alive"


def _foreign(subject: Subject, injector: Injector, behind_at: int, host: Host) -> None:
    """Raise every type before every bytecode of the adapter's own; each must come out, with what it passed through as it was."""
    file = module_of(subject, "bulkhead").Bulkhead.enter.__code__.co_filename
    for (name, (held, behind, call)), kind in product(CALLS_OF_THE_HOST.items(), foreign_types(subject)):
        position, reached = 0, 0
        while position <= reached and not host.witness:
            position += 1
            scene = Scene(subject, 1, held)
            for _ in range(behind):
                scene.leave_behind(injector, behind_at)
            reached, passing, raised = 0, _Passing(kind()), list[str]()

            def hook(
                _at: int, code: CodeType, offset: int, position: int = position, scene: Scene = scene, passing: _Passing = passing
            ) -> None:
                nonlocal reached
                if code.co_filename == file:
                    reached += 1
                    if reached == position and offset not in handler_entries(code):
                        raised.append(f"{kind.__name__} at {code.co_qualname}+{offset}")  # noqa: B023 - run within this turn
                        passing.fly()

            try:
                answer = injector.run(partial(call, scene), hook)
            except kind as error:
                came_out = error is passing.error
                answer = None
            else:
                came_out = False
            if raised:
                host.points += 1
                variable, alive = passing.left()
                host.swallowed += not came_out
                host.cleared += not variable
                host.ended += not alive
                if host.faults:
                    host.note(
                        f"{name}, {raised[0]}: it {'came out' if came_out else f'did not come out, the answer was {answer!r}'}; "
                        f"a frame of the host's was {'kept' if variable else 'cleared'}, a generator {'kept' if alive else 'ended'}"
                    )


def _in_a_loop(subject: Subject, host: Host) -> None:
    """Drain in an event loop where the loop itself lets the last one out, and where it cancels the drain."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        scene = Scene(subject, 2, 2)
        for lease in scene.inside:
            loop.call_later(0.005, lease.release)
        left = await scene.bulkhead.drain_async(timeout=LOOP_S)
        host.stopped += left != 0
        if left:
            host.note(f"{left} of 2 could not leave while the loop's own drain waited")
            return
        scene = Scene(subject, 1, 1)
        left = await scene.bulkhead.drain_async(timeout=0.01)
        host.stopped += left != 1
        if left != 1:
            host.note(f"a drain with 1 inside said {left} at its deadline")
        threads = threading.active_count()
        task = asyncio.ensure_future(scene.bulkhead.drain_async())
        await asyncio.sleep(0.005)
        task.cancel()
        ended, _ = await asyncio.wait([task], timeout=LOOP_S)
        clean = bool(ended) and task.cancelled() and threading.active_count() == threads
        host.stopped += not clean
        if not clean:
            host.note("a drain that was cancelled did not end, or left a thread behind")

    asyncio.run(main())


def run_host(subject: Subject, _settings: Settings) -> Result:
    host = Host()
    with sweeping(subject) as injector:
        _foreign(subject, injector, offered_at(subject, injector), host)
    if not host.faults:
        _in_a_loop(subject, host)
    evidence = (
        f"{host.points:,} exceptions of {len(foreign_types(subject))} types: {host.swallowed} swallowed, {host.cleared} frames of "
        f"others cleared, {host.ended} generators ended; {host.stopped} drains stopped their loop"
    )
    if bulkhead_2(host.points, 0, host.faults):
        return Result(Verdict.OK, evidence)
    return Result(Verdict.ILLEGAL, evidence, host.witness, ("BULKHEAD-2",))
