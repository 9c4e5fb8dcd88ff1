"""Run the threads of somebody's program one at a time, and decide at every point who goes on.

A *point* is what the rewritten source (`rewrite`) and the simulated locks (`primitives`) come to before they touch what threads
share. There the thread says what it is about to touch, and stops until it is chosen. Nothing waits in earnest: a thread that waits
says what for, and can be chosen when that is there or, if the wait has a time-out, at any time. Whatever waits all the same is
found by looking at what the operating system says of the thread, and named with its place.

All threads share one clock, which only sleeping and time-outs move.
"""

import contextvars
import sys
import threading
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import get_ident
from typing import Any, Final

from ..labels import LOCAL, Label
from ..runs import Abandoned, Diverged, Run, name_of

MOST_THREADS: Final = 12
LOOK_EVERY_S: Final = 0.1
PATIENCE_S: Final = 20.0  # where the operating system does not tell who sleeps
ASLEEP_LOOKS: Final = 3
CLOCK: Final = -2
HERE: Final = str(Path(__file__).parent)
Ready = Callable[[], bool]
Policy = Callable[[Run, int, int], int]
current_frames: Final[Callable[[], dict[int, types.FrameType]]] = vars(sys)["_current_frames"]
frame_above: Final[Callable[[int], types.FrameType]] = vars(sys)["_getframe"]


class NotSimulated(BaseException):
    """Say that a program does what the explorer can't simulate or attribute, and where. The verdict is then UNKNOWN.

    Not an `Exception`: a program's own `except Exception` would make a pass of it.
    """


class Task:
    """One thread of a program, in one schedule."""

    __slots__ = (
        "background",
        "begins",
        "body",
        "carried",
        "daemon",
        "done",
        "ident",
        "index",
        "label",
        "name",
        "ready",
        "timed",
        "token",
        "what",
    )

    def __init__(self, index: int, body: Callable[[], object], name: str, daemon: bool, token: object) -> None:
        self.index, self.body, self.name, self.daemon, self.background = index, body, name, daemon, False
        self.token: object = token or self  # what its start, its end and whoever joins it touch
        self.label: Label = ((id(self.token), None, True),)
        self.ready: Ready | None = None
        self.timed = self.done = False
        self.begins = index > 0
        self.what = ""
        self.ident = 0
        self.carried: list[Label] = []  # what the calls into other people's code touch that are still under way


class Outcome(Run):
    """What happened in one schedule: `Run`, and what the program answered.

    blocking: the steps that could be taken only when what they touch first was free, filled, ended. shut: those before which what
    they touch first was not so: a blocking step can't come before such a one. left: threads that could
    not go on in the end, and their next steps.
    """

    __slots__ = ("answer", "blocking", "failures", "left", "shut", "threads", "unclear")

    def __init__(self) -> None:
        super().__init__()
        self.answer: object = None
        self.failures: list[tuple[str, BaseException]] = []
        self.unclear: BaseException | None = None
        self.blocking: set[int] = set()
        self.shut: set[int] = set()
        self.left: list[tuple[int, Label]] = []
        self.threads: list[str] = []


class Engine:
    """Hold the baton. One for any number of schedules of one program; close it at the end."""

    def __init__(self, max_steps: int = 5000) -> None:
        self.max_steps = max_steps
        self.many = False  # a second thread was started: from now on there is something to decide
        self.running = False
        self.now_s = 0.0
        self.aliases: dict[int, int] = {}  # of the dictionaries of objects' attributes: the object
        self.current = 0
        self.number = 0  # of the schedule
        self.tasks: list[Task] = []
        self.run_ = Outcome()
        self.logged = False
        self._abandoning = False
        self._after_end = 0
        self._ticks = 0
        self._prefix: Sequence[int] = ()
        self._policy: Policy | None = None
        self._main = threading.Lock()
        self._main.acquire()
        self._locks: list[Any] = []
        self._threads: list[threading.Thread] = []
        self._stopping = self._lost = False

    def refused(self, why: str) -> NotSimulated:
        """Give what to raise where a program does what can't be explored. Its verdict is UNKNOWN, even if it swallows that."""
        error = NotSimulated(why)
        self.run_.unclear = self.run_.unclear or error
        return error

    # One schedule.

    def run(self, body: Callable[[], object], prefix: Sequence[int] = (), policy: Policy | None = None) -> Outcome:
        """Run a program to its end, following `prefix` and then `policy` (-1: give the run up)."""
        self.number += 1
        self.run_ = Outcome()
        self._prefix, self._policy = prefix, policy
        self.many = self._abandoning = False
        self.now_s, self.current, self._after_end = 0.0, 0, 0
        self.tasks = []
        self.aliases.clear()

        def main() -> None:
            self.run_.answer = body()

        self._add(main, "main", False, None)
        self.running = True
        try:
            self._locks[0].release()
            self._wait_for_end()
        finally:
            self.running = self.many = False
        run = self.run_
        run.threads = [task.name for task in self.tasks]
        if run.unclear is not None:
            raise run.unclear
        for error in run.errors:
            raise error
        if len(run.steps) < len(prefix) and not run.limited:
            raise Diverged(f"the run ended after {len(run.steps)} of {len(prefix)} steps")
        return run

    def _wait_for_end(self) -> None:
        looks = asleep = 0
        ticks, used = -1, ""
        while True:
            if self._main.acquire(timeout=LOOK_EVERY_S):
                return
            looks = 0 if ticks != self._ticks else looks + 1
            ticks = self._ticks
            state = _state(self._threads[self.current].native_id or 0)
            asleep = asleep + 1 if state and looks and state == used and state[0] in "SD" else 0
            used = state
            if asleep >= ASLEEP_LOOKS or looks * LOOK_EVERY_S > PATIENCE_S:
                self._lost = True
                where = place_of(current_frames().get(self._threads[self.current].ident or 0))
                does = "waits" if asleep else f"runs for {PATIENCE_S:g} s without an end"
                raise NotSimulated(f"{self.tasks[self.current].name} {does} at {where}, in what is not simulated")

    def close(self) -> None:
        """End the worker threads. Those that are stuck for good stay so, as daemons."""
        self._stopping = True
        if self._lost:
            return
        for lock in self._locks:
            lock.release()
        for thread in self._threads:
            thread.join()

    def _add(self, body: Callable[[], object], name: str, daemon: bool, token: object) -> Task:
        index = len(self.tasks)
        if index >= MOST_THREADS:
            raise self.refused(f"more than {MOST_THREADS} threads in one schedule, at {place_of(frame_above(1))}")
        task = Task(index, body, name, daemon, token)
        self.tasks.append(task)
        if len(self._threads) < len(self.tasks):
            lock = threading.Lock()
            lock.acquire()
            self._locks.append(lock)
            self._threads.append(threading.Thread(target=self._work, args=(index, lock), daemon=True))
            self._threads[-1].start()
        task.ident = self._threads[index].ident or 0
        return task

    def start(self, body: Callable[[], object], name: str, daemon: bool = False, token: object = None) -> Task:
        """Start another thread, as the running one."""
        if not self.running:
            raise self.refused("a thread is started while a module is imported")
        self.many = True
        return self._add(body, name, daemon, token)

    # What the worker threads do.

    def _work(self, index: int, lock: Any) -> None:
        while True:
            lock.acquire()
            if self._stopping:
                return
            task = self.tasks[index]
            try:
                if not self._abandoning:
                    contextvars.Context().run(task.body)
                    self.point(((id(task.token), None, True),))
                    self.note_shut()
            except Abandoned:
                pass
            except NotSimulated as error:
                self.run_.unclear = self.run_.unclear or error
            except SystemExit as error:
                if not index and error.code:
                    self.run_.failures.append((task.name, error))
            except BaseException as error:  # noqa: BLE001 (the program's own fault)
                self.run_.failures.append((task.name, error))
            self._finish(task)

    def point(self, label: Label, ready: Ready | None = None, timeout_s: float | None = None, what: str = "") -> bool:
        """Stop before touching what the label says, and go on when chosen. True if it is ready, False if the time is over."""
        self._ticks += 1
        if not self.running:
            return ready is None or ready()
        task = self.tasks[self.current]
        if get_ident() != task.ident:
            raise self.refused(f"a thread that is not simulated runs the program at {place_of(frame_above(1))}")
        deadline_s = None if timeout_s is None else self.now_s + max(timeout_s, 0.0)
        if self._abandoning:
            self._after_end += 1
            if (ready is None or ready()) and self._after_end < self.max_steps:
                return True
            raise Abandoned
        if self.many or not (ready is None or ready() or timeout_s is not None):
            task.label = label
            for carried in task.carried:
                task.label += carried
            if self.aliases:
                task.label = tuple([(self.aliases.get(base, base), part, write) for base, part, write in task.label])
            if deadline_s is not None:
                task.label += ((CLOCK, None, True),)
            task.ready, task.timed, task.what = ready, timeout_s is not None, what
            self._decide(task)
            if self.logged:
                self.run_.log.append((task.index, place_of(frame_above(1), ""), 0, _told(label, what), True))
            task.ready = None
        if ready is None or ready():
            return True
        self.now_s = max(self.now_s, deadline_s or 0.0)
        return False

    def note_shut(self) -> None:
        """Say, right after a point, that whoever waits for what it touches could not go on so far."""
        if self.many and not self._abandoning:
            self.run_.shut.add(len(self.run_.steps) - 1)

    def _enabled(self) -> int:
        enabled = 0
        for task in self.tasks:
            if not task.done and (task.ready is None or task.timed or task.ready()):
                enabled |= 1 << task.index
        return enabled

    def _decide(self, me: Task) -> None:
        """Choose the next step's thread, and hand the baton over if it is another's."""
        run = self.run_
        enabled = self._enabled()
        alive = [task for task in self.tasks if not task.done]
        if not enabled:
            run.left = [(task.index, task.label) for task in alive]
            if not all(task.daemon or task.background for task in alive):
                waiting = [task for task in alive if task.ready is not None]
                run.deadlock = "; ".join(f"{task.name} waits for {task.what}{self._where(task)}" for task in waiting)
            self._abandon(me)
            return
        chosen = self._chosen(enabled, me)
        if chosen < 0:
            run.left = [(task.index, task.label) for task in alive if not enabled >> task.index & 1]
            self._abandon(me)
            return
        task = self.tasks[chosen]
        if task.begins or (task.ready is not None and not task.timed):
            run.blocking.add(len(run.steps))
            task.begins = False
        run.steps.append(chosen)
        run.enabled.append(enabled)
        run.stayed.append(me.index if enabled >> me.index & 1 else -1)
        run.labels.append(task.label)
        run.pending.append(tuple([each.label for each in self.tasks]))
        if chosen != me.index:
            self._pass_baton(me, chosen)

    def _chosen(self, enabled: int, me: Task) -> int:
        run = self.run_
        depth = len(run.steps)
        stayed = me.index if enabled >> me.index & 1 else -1
        if depth < len(self._prefix):
            chosen = self._prefix[depth]
            if not enabled >> chosen & 1:
                run.errors.append(
                    Diverged(f"thread {name_of(chosen)} can't go on at step {depth}: the program is not deterministic")
                )
                return -1
            return chosen
        if depth >= self.max_steps:
            run.limited = True
            return -1
        if self._policy is not None:
            return self._policy(run, enabled, stayed)
        return stayed if stayed >= 0 else (enabled & -enabled).bit_length() - 1

    def _where(self, task: Task) -> str:
        return f" at {place_of(current_frames().get(task.ident))}"

    def _pass_baton(self, me: Task, to: int) -> None:
        done = me.done  # read before the other goes on: it may begin the next schedule
        self.current = to
        self._locks[to].release()
        if not done:
            self._locks[me.index].acquire()
            if self._abandoning:
                raise Abandoned

    def _finish(self, task: Task) -> None:
        task.done = True
        task.label = LOCAL
        if all(each.done for each in self.tasks):
            self._main.release()
        elif self._abandoning or self.run_.unclear is not None:
            self._abandoning = True
            self._unwind()
        else:
            self._decide(task)

    def _abandon(self, me: Task) -> None:
        self._abandoning = True
        if not me.done:
            raise Abandoned
        self._unwind()

    def _unwind(self) -> None:
        """Have the next thread end; it passes the baton on."""
        thread = next(each.index for each in self.tasks if not each.done)
        self.current = thread
        self._locks[thread].release()


def _told(label: Label, what: str) -> str:
    """Say in a few words what a step touches."""
    _, part, write = label[0] if label else (0, None, False)
    if what or not isinstance(part, str):
        return what
    return f"{'writes' if write else 'reads'} {part.rpartition(' ')[2]}"


def place_of(frame: types.FrameType | None, otherwise: str | None = None) -> str:
    """Give the innermost place of a stack that is the program's own, as file:line."""
    inner = frame
    while frame is not None:
        name = frame.f_code.co_filename
        if "__explore__" in frame.f_globals and not frame.f_globals.get("__explore_library__"):
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    if otherwise is not None:
        return otherwise
    return f"{inner.f_code.co_filename}:{inner.f_lineno}" if inner is not None else "?"


def _state(native_id: int) -> str:
    """Give what the operating system says of a thread: R or S, and the time that it has used. "" where it does not tell."""
    try:
        fields = Path(f"/proc/self/task/{native_id}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:
        return ""
    return " ".join((fields[0], fields[11], fields[12]))
