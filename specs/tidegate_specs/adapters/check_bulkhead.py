"""Hold the bulkhead to its clauses: random histories beside a model, and an exception at every bytecode.

A caller enters in steps, and others enter, leave and close between any two of them. Mostly another caller is a call made before a
bytecode of the first, in the same thread; a caller that stands still while others come and go has a thread of its own.
"""

import asyncio
import queue
import random
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from types import CodeType, FunctionType
from typing import Any, Final, cast, final

from ..check import Check, Result, Settings, Subject, Verdict
from ..injection import Injector, Interrupt, quiet_finalisers
from ..progress import progress
from ..stops import handler_entries
from .clauses import bulkhead_1, bulkhead_2
from .support import GROUP, injector_of, module_of

WAIT_S: Final = 10.0
LOOP_S: Final = 2.0  # for what takes a few milliseconds in an event loop that goes on
# Others cut in at every second bytecode of the adapter and at one in so many of the kernel's; an exception beside them comes at one
# bytecode in one less. Who stands still does so at one bytecode of the adapter in so many.
STRIDE: Final = {"quick": 9, "full": 4}
STANDING_STRIDE: Final = {"quick": 3, "full": 1}
VISIT: Final = "<visit>"
ENOUGH: Final = 20  # faults, to stop at


def visit(bulkhead: Any, work: Callable[[], Any]) -> Any:
    """Use a bulkhead as its page says: swept with it."""
    lease = bulkhead.enter()
    if not lease:
        return lease
    with lease:
        return work()


visit.__code__ = visit.__code__.replace(co_filename=VISIT)  # so that of this file it alone is swept


@contextmanager
def sweeping(subject: Subject) -> Generator[Injector]:
    """Give an injector for the bulkhead, the kernel below it, and `visit`."""
    injector = injector_of(subject, (module_of(subject, "bulkhead").Bulkhead, cast(FunctionType, visit)))
    injector.files = (*injector.files, VISIT)
    with quiet_finalisers(), injector:
        yield injector


@final
@dataclass(slots=True)
class Tally:
    """Count points, and what was found after them: slots lost, callers inside above the capacity, refusals without a reason.

    pairs: points beside another caller. late: slots that only came back when the exception's traceback was dropped.
    """

    points: int = 0
    pairs: int = 0
    lost: int = 0
    over: int = 0
    spurious: int = 0
    late: int = 0
    witness: str = ""

    @property
    def faults(self) -> int:
        return self.lost + self.over + self.spurious

    def count(self, where: str, lost: int, over: int, spurious: int) -> None:
        self.lost += lost
        self.over += over
        self.spurious += spurious
        if (lost or over or spurious) and not self.witness:
            self.witness = f"{where}: {lost} slots lost, {over} callers too many inside, {spurious} refused with room inside"


@final
class Scene:
    """A bulkhead in a known state, and who is inside."""

    def __init__(self, subject: Subject, capacity: int, held: int = 0) -> None:
        self.capacity = capacity
        self.bulkhead: Any = module_of(subject, "bulkhead").Bulkhead(capacity)
        self.full: Any = subject.Outcome.FULL
        self.inside: list[Any] = []
        self.closed = False
        self.close_ended = False
        for _ in range(held):
            self.enter()

    def enter(self) -> Any:
        """Let one caller in, or not."""
        answer = self.bulkhead.enter()
        if answer:
            self.inside.append(answer)
        return answer

    def leave_behind(self, injector: Injector, offered_at: int) -> None:
        """Be interrupted between the offer and the rest of an entry."""

        def hook(at: int, _code: CodeType, _offset: int) -> None:
            if at == offered_at:
                raise Interrupt

        interrupted(injector, self.bulkhead.enter, hook)

    def audit(self) -> tuple[int, int]:
        """Fill it up, empty it, and count the slots that were lost, and the callers that were inside above the capacity."""
        capacity = self.capacity
        if not self.closed:
            for _ in range(capacity + 2):
                if not self.enter():
                    break
        over = max(0, len(self.inside) - capacity)
        lost = 0 if self.closed else max(0, capacity - len(self.inside))
        while self.inside:
            self.inside.pop().release()
        if self.closed and not self.close_ended:
            self.bulkhead.close()
        return max(lost, capacity - int(self.bulkhead.statistics().free)), over


def interrupted(injector: Injector, call: Callable[[], Any], hook: Callable[[int, CodeType, int], None]) -> Any:
    """Make a call with a hook; its answer, or the Interrupt, whose traceback keeps what it keeps until the answer is dropped."""

    def caught() -> Any:
        try:
            return call()
        except Interrupt as error:
            return error

    return injector.run(caught, hook)


def offered_at(subject: Subject, injector: Injector) -> int:
    """Find where in `enter` an exception leaves an item behind, by trying; 0 if nowhere."""
    for position in range(1, 1000):
        scene = Scene(subject, 2)
        reached = 0

        def hook(at: int, code: CodeType, offset: int, position: int = position) -> None:
            nonlocal reached
            reached = at
            if at == position and offset not in handler_entries(code):
                raise Interrupt

        interrupted(injector, scene.bulkhead.enter, hook)
        if scene.bulkhead.statistics().queued:
            return position
        if reached < position:
            break
    return 0


# Who else comes, at one bytecode of the swept call.

Other = Callable[[Scene, list[Any]], None]


def _nobody(_scene: Scene, _answers: list[Any]) -> None:
    """Come not at all."""


def _comes(scene: Scene, answers: list[Any]) -> None:
    answers.append(scene.enter())


def _comes_and_goes(scene: Scene, answers: list[Any]) -> None:
    answer = scene.bulkhead.enter()
    answers.append(answer)
    if answer:
        answer.release()


def _leaves(scene: Scene, _answers: list[Any]) -> None:
    if scene.inside:
        scene.inside.pop().release()


def _closes(scene: Scene, _answers: list[Any]) -> None:
    scene.closed = True
    scene.bulkhead.close()
    scene.close_ended = True


OTHERS: Final = {"comes": _comes, "comes and goes": _comes_and_goes, "leaves": _leaves, "closes": _closes}


@final
@dataclass(frozen=True, slots=True)
class Case:
    """What is swept: a bulkhead's state, a call, and who else comes. kept: the call's answer, if true, stays inside."""

    name: str
    capacity: int
    held: int = 0
    behind: int = 0
    call: Callable[[Scene], Any] = Scene.enter
    other: Other = _nobody
    entering: bool = True


def _work() -> None:
    """Do the work of a call that ends well."""


def _failing() -> None:
    raise Interrupt


def _visit(scene: Scene) -> Any:
    return bool(visit(scene.bulkhead, _work))


def _visit_failing(scene: Scene) -> Any:
    return visit(scene.bulkhead, _failing)


def _close(scene: Scene) -> None:
    _closes(scene, [])


def _drain(scene: Scene) -> None:
    scene.closed = True
    scene.bulkhead.drain(timeout=0)


def _enter(scene: Scene) -> Any:
    return scene.bulkhead.enter()


def cases() -> Iterator[Case]:
    """List what is swept."""
    for capacity in (1, 2):
        for held in range(capacity + 1):
            for behind in range(capacity - held + 1):
                state = f"capacity {capacity}, {held} inside, {behind} left behind"
                yield Case(f"enter, {state}", capacity, held, behind, _enter)
                for name, other in OTHERS.items():
                    yield Case(f"enter while another {name}, {state}", capacity, held, behind, _enter, other)
        yield Case(f"visit, capacity {capacity}", capacity, 0, 0, _visit, entering=False)
        yield Case(f"visit on what was left behind, capacity {capacity}", capacity, 0, capacity, _visit, entering=False)
        yield Case(f"visit that fails, capacity {capacity}", capacity, 0, 0, _visit_failing, entering=False)
        for behind in range(capacity + 1):
            yield Case(f"close, capacity {capacity}, {behind} left behind", capacity, 0, behind, _close, entering=False)
            yield Case(f"drain, capacity {capacity}, {behind} left behind", capacity, 0, behind, _drain, entering=False)


@dataclass(slots=True)
class _Run:
    reached: int = 0
    where: str = ""
    raised: bool = False
    own: list[int] = field(default_factory=list[int])  # positions of the adapter's own bytecodes


def _one(subject: Subject, injector: Injector, case: Case, behind_at: int, points: tuple[int, int], tally: Tally) -> _Run:
    """Make the case's call once: the other comes at the first point, an exception at the second (0: never). Then audit."""
    other_at, raise_at = points
    scene = Scene(subject, case.capacity, case.held)
    for _ in range(case.behind):
        scene.leave_behind(injector, behind_at)
    answers: list[Any] = []
    most = len(scene.inside)
    run = _Run()

    def hook(at: int, code: CodeType, offset: int) -> None:
        nonlocal most
        run.reached = at
        if not code.co_filename.endswith(("_intake.py", "_slots.py")):
            run.own.append(at)
        if at == other_at:
            case.other(scene, answers)
            most = max(most, len(scene.inside))
        if at == raise_at:
            run.where = f"{code.co_qualname}+{offset}"
            if offset not in handler_entries(code):
                run.raised = True
                raise Interrupt

    answer = interrupted(injector, lambda: case.call(scene), hook)
    spurious = 0
    if case.entering and not run.raised:
        if answer is scene.full:
            found = case.behind if any(answers) or scene.closed else 0  # found by the other: until then it counted as held
            spurious += most + found < case.capacity
            spurious += answers == [scene.full] and case.held < case.capacity  # both were refused, with room inside
        elif answer:
            scene.inside.append(answer)
    lost, over = scene.audit()  # with the traceback still alive: a server may log it first
    kept, answer = lost, None
    in_kernel = run.where.startswith("Intake.")
    if kept and not (case.entering and in_kernel):  # the caller's frame holds it, or `enter`'s at its very end
        lost, over = scene.audit()
        tally.late += not lost
    where = case.name
    if run.raised:
        where += f", interrupted at {run.where}"
    if other_at:
        where += f", the other before its bytecode {other_at}"
    tally.count(where, lost, over, spurious)
    return run


def _sweep_case(subject: Subject, injector: Injector, case: Case, behind_at: int, stride: int, tally: Tally) -> None:
    if case.behind and not behind_at:
        return
    whole = _one(subject, injector, case, behind_at, (0, 0), tally)
    others = [0]
    if case.other is not _nobody:
        own = set(whole.own)
        others = [at for at in range(1, whole.reached + 1) if at in own or at % stride == 0]
        others = others[::2]
    for other_at in others:
        if other_at:
            _one(subject, injector, case, behind_at, (other_at, 0), tally)
        position = other_at or 1
        while tally.faults < ENOUGH:
            run = _one(subject, injector, case, behind_at, (other_at, position), tally)
            if run.reached < position:
                break
            tally.points += run.raised
            tally.pairs += bool(run.raised and other_at)
            position += stride - 1 if other_at else 1


# A caller that stands still while others come and go.


@final
class Standing:
    """A caller in a thread of its own, that stands still before one bytecode until let go."""

    def __init__(self, injector: Injector, bulkhead: Any, position: int, file: str) -> None:
        self.answer: Any = None
        self.seen = 0
        self._there, self._on = threading.Event(), threading.Event()

        def hook(_at: int, code: CodeType, _offset: int) -> None:
            if code.co_filename == file:
                self.seen += 1
                if self.seen == position:
                    self._there.set()
                    self._on.wait(WAIT_S)

        def run() -> None:
            self.answer = injector.run(bulkhead.enter, hook)
            self._there.set()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        self._there.wait(WAIT_S)

    def go_on(self) -> Any:
        """Let it end; its answer."""
        self._on.set()
        self._thread.join(WAIT_S)
        return self.answer


def _stale(subject: Subject, injector: Injector, behind_at: int, stride: int, tally: Tally) -> int:
    """Let one be refused, two leave, and a third enter, each standing still before each of its bytecodes: the third must get in."""
    file = module_of(subject, "bulkhead").Bulkhead.enter.__code__.co_filename
    runs, first = 0, 1
    while tally.faults < ENOUGH:
        second, ended = 1, False
        while tally.faults < ENOUGH:
            scene = Scene(subject, 2)
            scene.leave_behind(injector, behind_at)
            while scene.enter():
                pass
            one = Standing(injector, scene.bulkhead, first, file)
            ended = one.seen < first
            while scene.inside:
                scene.inside.pop().release()
            third = Standing(injector, scene.bulkhead, second, file)
            one_answer, third_answer = one.go_on(), third.go_on()
            scene.inside.extend(answer for answer in (one_answer, third_answer) if answer)
            spurious = int(third_answer is scene.full)
            runs += 1
            lost, over = scene.audit()
            tally.count(f"one stands at its bytecode {first} while two leave, the next at its {second}", lost, over, spurious)
            if third.seen < second:
                break
            second += stride
        if ended:
            break
        first += stride
    return runs


def _sweep(subject: Subject, settings: Settings) -> Result:
    stride = STRIDE[settings.profile]
    tally, runs, number = Tally(), 0, 0
    with sweeping(subject) as injector:
        behind_at = offered_at(subject, injector)
        for case in cases():
            number += 1
            progress(f"bulkhead: {case.name}, {tally.points:,} points so far")
            _sweep_case(subject, injector, case, behind_at, stride, tally)
            if tally.faults >= ENOUGH:
                break
        if behind_at:
            runs = _stale(subject, injector, behind_at, STANDING_STRIDE[settings.profile], tally)
    evidence = (
        f"{tally.points:,} exceptions in {number} cases, {tally.pairs:,} beside another caller, {runs:,} pairs of callers standing "
        f"still: "
        f"{tally.lost} slots lost, {tally.over} too many inside, {tally.spurious} refused with room inside; "
        f"{tally.late} slots back only with the traceback"
    )
    return _judge(tally, evidence)


def _judge(tally: Tally, evidence: str) -> Result:
    broken: list[str] = []
    if not bulkhead_1(tally.over, 0, tally.spurious):  # both counted above the capacity: it differs from case to case
        broken.append("BULKHEAD-1")
    if not bulkhead_2(tally.points, tally.lost):
        broken.append("BULKHEAD-2")
    return Result(Verdict.ILLEGAL if broken else Verdict.OK, evidence, tally.witness if broken else "", tuple(broken))


# Random histories beside a model. The model is a number: how many are inside.


@final
class History:
    """Drive one bulkhead by chance, and hold each answer to the number of callers inside."""

    def __init__(self, subject: Subject, injector: Injector, seed: int) -> None:
        self.chance = random.Random(seed)
        self.injector = injector
        self.outcome: Any = subject.Outcome
        self.capacity = self.chance.randint(1, 4)
        self.bulkhead: Any = module_of(subject, "bulkhead").Bulkhead(self.capacity)
        self.inside: list[Any] = []
        self.closed = False
        self.told: list[str] = []
        self.tally = Tally()
        self.counts: Counter[str] = Counter()

    def run(self, steps: int) -> None:
        """Take so many steps, and then count the slots."""
        enter, leave = self.enter, self.leave
        moves = (enter, enter, enter, self.interrupted, self.interrupted, leave, leave, self.drop, self.look)
        for _ in range(steps):
            self.chance.choice(moves)()
            if not self.closed and self.chance.random() < 0.01:
                self.close()
            if self.tally.faults:
                return
        while self.inside:
            self.leave()
        if not self.closed:
            for _ in range(self.capacity):
                self.enter()
            self.enter()  # refused, with good reason
            self.inside.clear()
        self.close()
        left = self.bulkhead.drain(timeout=0)
        self.hold(left == 0, f"{left} slots are left when nobody is inside", lost=left)

    def hold(self, truth: bool, what: str, lost: int = 0, over: int = 0, spurious: int = 0) -> None:
        """Count a fault, with the history that led to it."""
        if not truth:
            self.tally.count(" ".join(self.told[-40:]) + f": {what}", lost, over, spurious)

    def entered(self, answer: Any, name: str) -> None:
        """Compare one answer with the model."""
        self.told.append(name)
        if answer:
            self.inside.append(answer)
            self.counts["entered"] += 1
            self.hold(len(self.inside) <= self.capacity, f"{len(self.inside)} inside of {self.capacity}", over=1)
            self.hold(not self.closed, "a caller got inside after close", over=1)
        elif answer is self.outcome.FULL:
            self.counts["refused"] += 1
            self.hold(len(self.inside) == self.capacity, f"FULL with {len(self.inside)} inside of {self.capacity}", lost=1)
        else:
            self.hold(self.closed and answer is self.outcome.CLOSED, f"{answer} while open", spurious=1)

    def enter(self) -> None:
        """Enter, uninterrupted."""
        self.entered(self.bulkhead.enter(), "enter")

    def interrupted(self) -> None:
        """Enter, with an exception at a bytecode, or with none if it is a later one."""
        position = self.chance.randint(1, 220)

        def hook(at: int, code: CodeType, offset: int) -> None:
            if at == position and offset not in handler_entries(code):
                raise Interrupt

        answer = interrupted(self.injector, self.bulkhead.enter, hook)
        if isinstance(answer, Interrupt):
            self.told.append("enter!")
            self.tally.points += 1
        else:
            self.entered(answer, "enter")
        answer = None  # or the traceback and this frame would keep each other

    def leave(self) -> None:
        """End one of the calls inside, by a return or by an exception, and then once more."""
        if self.inside:
            self.told.append("leave")
            lease = self.inside.pop(self.chance.randrange(len(self.inside)))
            with suppress(Interrupt), lease:
                if self.chance.random() < 0.5:
                    raise Interrupt
            self.hold(lease.release() is False, "a slot was given back twice", over=1)

    def drop(self) -> None:
        """Forget a lease."""
        if self.inside:
            self.told.append("drop")
            self.inside.pop()

    def look(self) -> None:
        """Compare statistics with the model."""
        read = self.bulkhead.statistics()
        self.hold(read.in_flight == len(self.inside), f"{read.in_flight} in flight with {len(self.inside)} inside", lost=1)
        self.hold(read.queued <= self.tally.points, f"{read.queued} left behind by {self.tally.points} interrupted entries", lost=1)

    def close(self) -> None:
        """Close it."""
        self.told.append("close")
        self.closed = True
        self.bulkhead.close()
        self.hold(self.bulkhead.statistics().queued == 0, "a slot is still left behind after close", lost=1)


def _model(subject: Subject, settings: Settings) -> Result:
    histories = {"quick": 400, "full": 4_000}[settings.profile]
    whole, counts, number = Tally(), Counter[str](), 0
    with sweeping(subject) as injector:
        for number in range(1, histories + 1):
            history = History(subject, injector, settings.seed * 1_000_003 + number)
            history.run(40)
            counts += history.counts
            whole.points += history.tally.points
            whole.count("", history.tally.lost, history.tally.over, history.tally.spurious)
            if history.tally.faults:
                whole.witness = f"capacity {history.capacity}: {history.tally.witness}"
                break
    evidence = (
        f"{number} histories: {counts['entered']:,} entered, {counts['refused']:,} refused, {whole.points:,} interrupted: "
        f"{whole.lost} slots lost, {whole.over} too many inside, {whole.spurious} refused with room inside"
    )
    return _judge(whole, evidence)


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
    "enter": (0, 0, _enter),
    "enter when full": (1, 0, _enter),
    "enter on what was left behind": (0, 1, _enter),
    "close": (0, 0, _close),
    "close on what was left behind": (0, 1, _close),
    "drain": (1, 0, _drain),
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


def _host(subject: Subject, _settings: Settings) -> Result:
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


CLAUSES: Final = ("BULKHEAD-1", "BULKHEAD-2")
CHECKS: Final[tuple[Check, ...]] = (
    Check(
        name="adapters.bulkhead_model",
        group=GROUP,
        tool="random histories",
        clauses=CLAUSES,
        shows="in random histories of entries, interrupted entries, returns, exceptions, dropped leases and close, a caller is "
        "refused exactly when as many are inside as there are slots, and every slot is free in the end",
        shows_not="Several callers at once: the sweep is for those.",
        run=_model,
    ),
    Check(
        name="adapters.bulkhead_sweep",
        group=GROUP,
        tool="bytecode sweep",
        clauses=CLAUSES,
        shows="an exception before any bytecode of enter, of a call inside, of its end, of close, of drain and of the kernel below "
        "loses no slot, lets nobody in too many, and nobody is refused without reason; also if another caller enters, leaves or "
        "closes before an earlier bytecode",
        shows_not="Two exceptions in one recovery. Three callers at once, except that one stands still while another leaves and a "
        "third enters. The other caller comes at some of the bytecodes only, at more of them in the full profile.",
        run=_sweep,
    ),
    Check(
        name="adapters.bulkhead_host",
        group=GROUP,
        tool="bytecode sweep",
        clauses=("BULKHEAD-2",),
        shows="an exception before any bytecode of the bulkhead, of any type that our code uses as an answer elsewhere, reaches "
        "the caller, and the frames and generators of others on its way stay as they were; a drain in an event loop does not stop "
        "the loop, and a cancelled one leaves no thread",
        shows_not="The kernel's own bytecodes: the sweeps are for those. Other loops than asyncio's.",
        run=_host,
    ),
)
