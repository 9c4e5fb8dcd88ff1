"""Interrupts at every bytecode of a visit, and of what comes between."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Final, final

from ..check import Result, Settings, Subject
from ..injection import Injector, Interrupt
from ..progress import progress
from ..stops import handler_entries
from .bulkhead_scene import ENOUGH, WAIT_S, Scene, Tally, conclude, interrupted, offered_at, sweeping, visit
from .support import module_of

# Others cut in at every second bytecode of the adapter and at one in so many of the kernel's; an exception beside them comes at one
# bytecode in one less. Who stands still does so at one bytecode of the adapter in so many.
STRIDE: Final = {"quick": 9, "full": 4}
STANDING_STRIDE: Final = {"quick": 3, "full": 1}


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


def close_once(scene: Scene) -> None:
    _closes(scene, [])


def drain_once(scene: Scene) -> None:
    scene.closed = True
    scene.bulkhead.drain(timeout=0)


def enter_once(scene: Scene) -> Any:
    return scene.bulkhead.enter()


def cases() -> Iterator[Case]:
    """List what is swept."""
    for capacity in (1, 2):
        for held in range(capacity + 1):
            for behind in range(capacity - held + 1):
                state = f"capacity {capacity}, {held} inside, {behind} left behind"
                yield Case(f"enter, {state}", capacity, held, behind, enter_once)
                for name, other in OTHERS.items():
                    yield Case(f"enter while another {name}, {state}", capacity, held, behind, enter_once, other)
        yield Case(f"visit, capacity {capacity}", capacity, 0, 0, _visit, entering=False)
        yield Case(f"visit on what was left behind, capacity {capacity}", capacity, 0, capacity, _visit, entering=False)
        yield Case(f"visit that fails, capacity {capacity}", capacity, 0, 0, _visit_failing, entering=False)
        for behind in range(capacity + 1):
            yield Case(f"close, capacity {capacity}, {behind} left behind", capacity, 0, behind, close_once, entering=False)
            yield Case(f"drain, capacity {capacity}, {behind} left behind", capacity, 0, behind, drain_once, entering=False)


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


def run_sweep(subject: Subject, settings: Settings) -> Result:
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
    return conclude(tally, evidence)
