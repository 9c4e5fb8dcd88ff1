"""Run a program's threads one at a time, and decide at every point who goes on.

The threads are real and run the subject's own bytecode. They pass a baton: whoever holds it runs until it comes to a *point*, an
opcode of the subject that the scheduler was told to stop before; there the next thread is chosen. 3.11 is watched with
`sys.settrace` and `f_trace_opcodes`, later versions with INSTRUCTION events of `sys.monitoring`, local to the subject's code
objects.

Nothing waits in earnest. In the subject's modules the C `SimpleQueue`, the locks and the clock are replaced (`substituted`): the
queue is a subclass of the C one that keeps all of it but the wait. A thread that would wait is *parked*: the scheduler can run it
when what it waits for is there, and, if its wait has a time-out, at any time before, which is how a time-out happens. Each thread
has a clock of its own that only its own time-outs move.
"""

import sys
import threading
import types
from collections.abc import Callable, Sequence
from typing import Any, Final

from .accesses import Site, Sites
from .labels import LOCAL, Label, touched
from .runs import Abandoned, Diverged, Policy, Run, WaitsInEarnest, name_of
from .values import fixed, harmless_to_hold, mutable, reachable
from .watches import DEFAULT_WATCH, WATCHES

Body = Callable[[], None]
PROLOGUE, RUNNING, ABANDONING = 0, 1, 2
current_frames: Final[Callable[[], dict[int, types.FrameType]]] = vars(sys)["_current_frames"]
frame_above: Final[Callable[[int], types.FrameType]] = vars(sys)["_getframe"]
PATIENCE_S: Final = 20.0  # a run takes milliseconds


class _Parked:
    __slots__ = ("label", "ready", "timed", "where")

    def __init__(self, ready: Callable[[], bool], timed: bool, label: Label, where: str) -> None:
        self.ready, self.timed, self.label, self.where = ready, timed, label, where


class Scheduler:
    """Hold the baton. One for any number of runs of programs with at most `threads` threads; close it at the end.

    It can follow a schedule (`prefix`) and goes on by a policy: by default whoever runs goes on, and when it can't, the first
    thread that can. Only one scheduler is at work at a time in a process.
    """

    def __init__(self, sites: Sites, watch: str = DEFAULT_WATCH, max_steps: int = 20_000) -> None:
        self.sites = sites
        self.watch = WATCHES[watch](self)
        self.max_steps = max_steps
        self.watching = False
        self.current = -1
        self.now: list[float] = []
        self.labelled = False
        self.deciding: frozenset[Site] | None = None  # None: every point is one to choose at
        self.logged = False
        self.run_: Run = Run()
        self._main = threading.Lock()
        self._main.acquire()
        self._locks: list[Any] = []
        self._threads: list[threading.Thread] = []
        self._bodies: Sequence[Body] = ()
        self._prefix: Sequence[int] = ()
        self._policy: Policy | None = None
        self._phase = PROLOGUE
        self._count = 0
        self._ready = 0  # threads neither parked nor finished, a bit each
        self._alive = 0  # threads not finished
        self._parked: dict[int, _Parked] = {}
        self._next: list[Label] = []
        self._next_site: list[Site | None] = []
        self._stopping = False
        self._lost = False
        self._root: object = None
        self._shared: set[int] = set()  # identities of objects that all threads can reach until the run ends
        self._held: list[Any] = []  # kept alive until the run ends, so that their identities stay theirs
        names = [(name, value) for module in sites.modules for name, value in vars(module).items()]
        values = [value for name, value in names if not name.startswith("__") and not isinstance(value, type)]
        self._modules = [value for value in values if any(map(mutable, reachable([value]).values()))]
        self._global = fixed(values) | {id(vars(module)) for module in sites.modules}

    def aim(self, points: frozenset[Site], labelled: bool = False, logged: bool = False) -> None:
        """Choose the points to stop at, whether to find out what each step touches, and whether to log every opcode on the way."""
        self.labelled, self.logged = labelled, logged
        self.deciding = points if logged else None
        self.watch.aim(self.sites.everything() if logged else points)

    def run(self, bodies: Sequence[Body], prefix: Sequence[int] = (), policy: Policy | None = None, root: object = None) -> Run:
        """Run the bodies to the end, following `prefix` and then `policy`. root: what the threads share, to tell that from the
        rest."""
        self.hire(len(bodies))
        run = self.run_ = Run()
        self._bodies, self._prefix, self._policy = bodies, prefix, policy
        self._count = len(bodies)
        self._alive = self._ready = (1 << self._count) - 1
        self._parked.clear()
        self._next = [LOCAL] * self._count
        self._next_site = [None] * self._count
        self.now = [0.0] * self._count
        self._phase = PROLOGUE
        if self.labelled:
            self._root = root
            self._shared = self._global | fixed([root])
        self.current = 0
        ACTIVE.append(self)
        self.watching = True
        try:
            self._locks[0].release()
            self._wait_for_end()
        finally:
            self.watching = False
            self.current = -1
            ACTIVE.pop()
            self._root = None
            self._held.clear()
        if len(run.steps) < len(prefix) and not run.limited:
            raise Diverged(f"the run ended after {len(run.steps)} of {len(prefix)} steps")
        for error in run.errors:
            raise error
        return run

    def _wait_for_end(self) -> None:
        try:
            ended = self._main.acquire(timeout=PATIENCE_S)
        except BaseException:  # an interrupt from the keyboard: let the run end first, it is short
            self._main.acquire(timeout=PATIENCE_S)
            raise
        if not ended:
            self._lost = True
            frame = current_frames().get(self._threads[self.current].ident or 0)
            where = f"{frame.f_code.co_qualname}, line {frame.f_lineno}" if frame is not None else "?"
            raise WaitsInEarnest(f"{name_of(self.current)} waits in {where}, which the scheduler does not simulate")

    def close(self) -> None:
        """End the worker threads and stop watching."""
        self._stopping = True
        if self._lost:
            self.watch.stop()
            return
        for lock in self._locks:
            lock.release()
        for thread in self._threads:
            thread.join()
        self.watch.stop()

    def hire(self, count: int) -> None:
        """Have so many worker threads. Those who hire before they make anything keep all that they make from being a worker's."""
        while len(self._threads) < count:
            self._hire()

    # What the worker threads do.

    def _hire(self) -> None:
        lock = threading.Lock()
        lock.acquire()
        self._locks.append(lock)
        thread = threading.Thread(target=self._work, args=(len(self._threads), lock), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self, me: int, lock: Any) -> None:
        begin, end = self.watch.begin, self.watch.end
        while True:
            lock.acquire()
            if self._stopping:
                return
            try:
                if self._phase != ABANDONING:
                    begin()
                    self._bodies[me]()
            except Abandoned:
                pass
            except BaseException as error:  # noqa: BLE001 (the program's own fault: `run` raises it)
                self.run_.errors.append(error)
            finally:
                end()
            self._finish(me)

    def pause(self, code: types.CodeType, offset: int, frame: types.FrameType | None) -> None:
        """Stop before an opcode, and go on when chosen. Called by the thread that holds the baton."""
        me = self.current
        if self._phase == ABANDONING:
            return
        if self.labelled or self.logged:
            frame = frame or frame_above(2)
            chosen = self._chosen_here(me, code, offset, frame)
            if chosen:
                self._open(me) if self._phase == PROLOGUE else self._decide(me, me)
            if self.logged:
                self.run_.log.append((me, code.co_filename, frame.f_lineno or 0, self.sites.names[code].get(offset, ""), chosen))
        elif self._phase == PROLOGUE:
            self._open(me)
        else:
            self._decide(me, me)

    def _chosen_here(self, me: int, code: types.CodeType, offset: int, frame: types.FrameType) -> bool:
        """Tell whether this opcode is one to choose at, and note what it touches."""
        site = (code, offset)
        if self.deciding is not None and site not in self.deciding:
            return False
        if self.labelled:
            read = self.sites.readers[code].get(offset)
            label = LOCAL if read is None else read(frame.f_locals, frame.f_globals)
            if not label:
                return False
            self._next[me] = self._visible(label)
            self._next_site[me] = site
        return True

    def _visible(self, label: Label) -> Label:
        """Leave out what only this thread can reach now: whoever reaches it later does so after this step, in every schedule."""
        shared = self._shared
        if all(base <= 0 or base in shared for base, _, _ in label):
            return label
        now = reachable([self._root, *self._modules])
        for base, _, _ in label:
            if base in now and harmless_to_hold(now[base]):
                self._held.append(now[base])
                shared.add(base)
        return tuple(access for access in label if access[0] <= 0 or access[0] in shared or access[0] in now)

    def _open(self, me: int) -> None:
        """In the prologue every thread runs to its first point, in order; what comes before it is local."""
        if me + 1 < self._count:
            self._pass_baton(me, me + 1)
        else:
            self._phase = RUNNING
            self._decide(me, -1)

    def _decide(self, me: int, stayed: int) -> None:
        """Choose the next step's thread, and hand the baton over if it is another's."""
        run = self.run_
        steps = run.steps
        depth = len(steps)
        enabled = self._ready
        if self._parked:
            for thread, parked in self._parked.items():
                if parked.timed or parked.ready():
                    enabled |= 1 << thread
        if not enabled:
            self._stuck(me)
            return
        if depth < len(self._prefix):
            chosen = self._prefix[depth]
            if chosen < 0 or not enabled >> chosen & 1:
                run.errors.append(Diverged(f"thread {chosen} can't go on at step {depth}"))
                self._abandon(me)
                return
        elif depth >= self.max_steps:
            run.limited = True
            self._abandon(me)
            return
        elif self._policy is not None:
            chosen = self._policy(run, enabled, stayed)
        elif stayed >= 0:
            chosen = stayed
        else:
            chosen = (enabled & -enabled).bit_length() - 1
        steps.append(chosen)
        run.enabled.append(enabled)
        run.stayed.append(stayed)
        if self.labelled:
            run.labels.append(self._next[chosen])
            run.sites.append(self._next_site[chosen])
            run.pending.append(tuple(self._next))
        if chosen != me:
            self._pass_baton(me, chosen)

    def _pass_baton(self, me: int, to: int) -> None:
        ends = not self._alive >> me & 1  # read before the others go on: they may begin the next run
        self.current = to
        self.run_.handed += 1
        self._locks[to].release()
        if not ends:
            self._locks[me].acquire()
            if self._phase == ABANDONING:
                raise Abandoned

    def park(self, ready: Callable[[], bool], timeout_s: float | None, what: str, waits_for: object) -> bool:
        """Wait, as the running thread, until `ready()` or until the scheduler has the time-out happen. Tell which: True if
        ready."""
        me = self.current
        if self._phase == ABANDONING:
            raise Abandoned
        label = touched(waits_for)
        self._parked[me] = _Parked(ready, timeout_s is not None, label, what)
        self._ready &= ~(1 << me)
        self._next[me] = label
        self._next_site[me] = None
        try:
            if self._phase == PROLOGUE:
                self._open(me)
            else:
                self._decide(me, -1)
        finally:
            del self._parked[me]
            self._ready |= 1 << me
        if self.logged:
            self.run_.log.append((me, "", 0, f"wait for {what}", True))
        if ready():
            return True
        self.now[me] += timeout_s or 0.0
        return False

    def _finish(self, me: int) -> None:
        self._alive &= ~(1 << me)
        self._ready &= ~(1 << me)
        self._next[me] = LOCAL
        if not self._alive:
            self._main.release()
        elif self._phase == PROLOGUE:
            self._open(me)
        elif self._phase == ABANDONING:
            self._unwind()
        else:
            self._decide(me, -1)

    def _stuck(self, me: int) -> None:
        frames = current_frames()
        places: list[str] = []
        for thread, parked in sorted(self._parked.items()):
            frame = frames.get(self._threads[thread].ident or 0)
            while frame is not None and frame.f_code not in self.sites.opcodes:
                frame = frame.f_back
            at = f" in {frame.f_code.co_qualname}, line {frame.f_lineno}" if frame is not None else ""
            places.append(f"{name_of(thread)} waits for {parked.where}{at}")
        self.run_.deadlock = "; ".join(places)
        self._abandon(me)

    def _abandon(self, me: int) -> None:
        self._phase = ABANDONING
        if self._alive >> me & 1:
            raise Abandoned
        self._unwind()

    def _unwind(self) -> None:
        """Have the next thread end; it passes the baton on."""
        thread = (self._alive & -self._alive).bit_length() - 1
        self.current = thread
        self._locks[thread].release()


ACTIVE: Final[list[Scheduler]] = []
