"""Where the interpreter can stop: the tables of `tidegate_specs.stops` against what this interpreter does.

The alarms need no luck. Before a chosen instruction something is made pending, a signal or an exception for this very thread, in a
way at which the interpreter does not look (a comparison whose method is a function of C). Where it arrives is where it looks next.
"""

import ctypes
import importlib
import linecache
import signal
import sys
import threading
import types
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from dis import get_instructions
from functools import partial
from opcode import opmap
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

import tidegate
from tidegate_specs import stops
from tidegate_specs.check import Subject
from tidegate_specs.injection import Injector, Interrupt, quiet_finalisers
from tidegate_specs.sweeps import interrupt, wake
from tidegate_specs.sweeps.operations import Operation, operations_of

Place = tuple[types.CodeType, int]
VERSION = sys.version_info[:2]
KERNEL = Path(tidegate.__file__).parent


class Corpus:
    """Code with every kind of instruction at which something may arrive, in loops."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __enter__(self) -> int:
        return self.value

    def __exit__(self, *exc_info: object) -> None:
        self.value += 1

    @staticmethod
    def plain(a: int, b: int = 2) -> int:
        return a + b

    @staticmethod
    def numbers(n: int) -> Generator[int]:
        while n:
            yield n
            n -= 1

    @staticmethod
    def delegating(n: int) -> Generator[int]:
        yield from Corpus.numbers(n)

    @staticmethod
    async def nothing() -> int:
        return 1

    async def awaiting(self) -> int:
        return await self.nothing()

    def loops(self, items: list[int]) -> object:
        total = 0
        for item in items:
            total += self.plain(item)
            if total > 100:
                continue
            total = len(items) + self.plain(item, b=3) + int("3", base=10) + max(*items) + self.plain(*items[:2])
            try:
                items.index(99)
            except ValueError:
                total -= 1
            with Corpus(1) as value:
                total += value
        n: int | None = 2
        while n:
            n = n - 1
        while n is not None:
            n = None if n else 1
        while n is None:
            n = 1 if total % 3 else None
            total += 1
        n = 0
        while True:
            n += 1
            if n < 3:
                continue
            break
        while n and n > 1:
            n -= 1
        while not n > 2:
            n += 1
        total += sum(x for x in items if x) + sum([x for x in self.delegating(2)])  # noqa: C416 - it is there for its loop
        try:
            self.awaiting().send(None)
        except StopIteration as ended:
            total += ended.value
        first, *others = items
        return {x: -x for x in others}, {*others, first}, f"{total!r:>3} {n}", {**{1: 2}, 3: lambda: total}  # noqa: PIE800

    def call(self) -> None:
        self.loops([1, 2])


# Something is made pending, and nobody looks: after a comparison the interpreter does not, and its method is a function of C.


def pending_signal() -> Any:
    """Give an object whose comparison makes SIGINT pending."""
    trip = ctypes.PYFUNCTYPE(None, ctypes.py_object)(("PyErr_SetInterrupt", ctypes.pythonapi))  # takes nothing, and ignores it
    return type("Trip", (), {"__lt__": trip})()


def pending_exception() -> Any:
    """Give an object whose comparison makes an `Interrupt` pending in this very thread."""
    words = (ctypes.c_ulong, ctypes.py_object, ctypes.py_object)  # the last is what it is compared with, which C ignores
    schedule = ctypes.PYFUNCTYPE(ctypes.c_int, *words)(("PyThreadState_SetAsyncExc", ctypes.pythonapi))
    return type("Trip", (), {"__lt__": staticmethod(partial(schedule, threading.get_ident(), Interrupt))})()


@contextmanager
def landings() -> Generator[list[Place]]:
    """Collect where SIGINT's handler finds the main thread."""
    found: list[Place] = []

    def handle(_number: int, frame: types.FrameType | None) -> None:
        assert frame is not None
        found.append(place_of(frame.f_code, frame.f_lasti))

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield found
    finally:
        signal.signal(signal.SIGINT, before)


def place_of(code: types.CodeType, last: int) -> Place:
    """Give the place of an instruction: the offset of its first EXTENDED_ARG on 3.11.

    On 3.11 a PRECALL may do its CALL's work too, and a comparison that of the jump which follows.
    """
    at = max((at for at in stops.instructions(code) if at <= last), default=-1) if is_stepped(code) else last
    if is_stepped(code) and sys.version_info < (3, 12) and name_of((code, at)) in {"PRECALL", "COMPARE_OP"}:
        at = min(after for after in stops.instructions(code) if after > at)
    return code, at


def is_stepped(code: types.CodeType) -> bool:
    return code.co_qualname.startswith("Corpus.") or code.co_filename.startswith(str(KERNEL))


def name_of(place: Place) -> str:
    return stops.instructions(place[0])[place[1]].name


def disturbed(injector: Injector, call: Callable[[], object], position: int, trip: Any) -> list[Place]:
    """Make a call with something pending before one of its instructions. Give all that it executed, unless it was cut short."""
    trace: list[Place] = []

    def hook(at: int, code: types.CodeType, offset: int) -> None:
        trace.append((code, offset))
        if at == position:
            _ = trip < None

    injector.run(call, hook)
    return trace


def looked(trace: list[Place], index: int) -> bool:
    """Tell whether the interpreter must have looked at a step: a jump backwards that was taken, a call of C code that returned."""
    place, after = trace[index], trace[index + 1] if index + 1 < len(trace) else None
    inside = after is not None and after[0] is not place[0]
    stays = after is not None and not inside and after[1] > place[1]
    raised = after is not None and after[1] == stops.handler(*place)
    name = name_of(place)
    if name in stops.CALLS and (inside or raised or name in UNSPECIALISED or makes_a_generator(place)):
        return False
    return place[1] in stops.looking(place[0]) and not (name in stops.JUMPS_BACK and stays)


UNSPECIALISED = {"CALL_KW"} if VERSION >= (3, 14) else set[str]()  # stepped through, it is never specialised, and does not look


def makes_a_generator(place: Place) -> bool:
    """Tell whether a call only makes a generator or a coroutine: none of its code runs yet, and nobody looks."""
    line, last, start, end = next(step.positions for step in get_instructions(place[0]) if step.offset == place[1]) or (0,) * 4
    text = linecache.getline(place[0].co_filename, line or 0)[start:end] if line == last else " for "
    return " for " in text or any(f"{name}(" in text for name in ("numbers", "delegating", "nothing", "awaiting"))


@dataclass
class Alarm:
    """What was executed, where something arrived, and where it had to.

    What is pending before an instruction arrives at that one; or where no event comes in between, at the start of the function that
    it calls and at the end of the call that it was in; or else in our own callback before the next.
    """

    steps: list[Place]
    seen: set[Place] = field(default_factory=set[Place])
    counted: set[Place] = field(default_factory=set[Place])

    def note(self, index: int, arrived: Place | None) -> None:
        place = self.steps[index]
        if arrived is not None and is_stepped(arrived[0]):
            known = arrived[1] in stops.looking(arrived[0]) or name_of(arrived) in stops.TEXTS
            assert known, f"the interpreter looked at {name_of(arrived)}, {arrived}"
            assert arrived == place or name_of(arrived) in stops.CALLS | stops.STARTS, f"{arrived} is not at or around {place}"
            self.seen.add(arrived)
        if arrived is not None and not is_stepped(arrived[0]) and name_of(place) in stops.CALLS:
            return  # the call runs Python code that nobody steps through, such as the `__init__` of a data class: it looks there
        if looked(self.steps, index):
            assert arrived == place, f"the interpreter did not look at {name_of(place)}, {place}: it arrived at {arrived}"
            self.counted.add(place)


def alarm(injector: Injector, prepare: Callable[[], Callable[[], object]]) -> Alarm:
    """Make SIGINT pending before each instruction of a call in turn."""
    trip = pending_signal()
    found = Alarm(disturbed(injector, prepare(), 0, None))
    with landings() as arrived:
        for index in range(len(found.steps)):
            arrived.clear()
            disturbed(injector, prepare(), index + 1, trip)
            found.note(index, arrived[0] if arrived else None)
    return found


def test_the_interpreter_looks_where_the_tables_say_and_nowhere_else() -> None:
    with Injector(Corpus) as injector:
        found = alarm(injector, lambda: Corpus(1).call)
    here = {name for name in stops.CALLS | stops.JUMPS_BACK if name in opmap} - UNSPECIALISED
    assert {name_of(place) for place in found.counted} == here, "every kind of place is in the corpus"
    assert {name_of(place) for place in found.seen} - stops.TEXTS == here | stops.STARTS
    assert {name_of(place) for place in found.seen} & stops.TEXTS


def test_the_interpreter_looks_at_the_same_places_in_the_kernel() -> None:
    steps, counted = 0, set[Place]()
    with quiet_finalisers(), Injector(tidegate) as injector:
        for operation in operations_of(tidegate):

            def prepare(operation: Operation = operation) -> Callable[[], object]:
                return swallowing(operation.prepare(tidegate).call)

            found = alarm(injector, prepare)
            steps, counted = steps + len(found.steps), counted | found.counted
    assert steps > 1000
    assert {name_of(place) for place in counted} >= {"CALL"}


def swallowing(call: Callable[[], object]) -> Callable[[], object]:
    def called() -> None:
        with suppress(tidegate.Empty, tidegate.Closed):
            call()

    return called


@pytest.mark.filterwarnings("ignore:coroutine", "ignore::pytest.PytestUnraisableExceptionWarning")  # it comes before the await
def test_an_exception_set_by_another_thread_arrives_at_the_same_places() -> None:
    trip, corpus = pending_exception(), Corpus(1)
    with Injector(Corpus) as injector:
        found = Alarm(disturbed(injector, corpus.call, 0, None))
        for index in range(len(found.steps)):
            arrived = None
            try:
                disturbed(injector, corpus.call, index + 1, trip)
            except Interrupt as error:
                arrived = innermost(error)
            found.note(index, arrived)
    assert {name_of(place) for place in found.counted} >= {"CALL", "JUMP_BACKWARD"}


def innermost(error: BaseException) -> Place:
    trace = error.__traceback__
    assert trace is not None
    while trace.tb_next is not None:
        trace = trace.tb_next
    return place_of(trace.tb_frame.f_code, trace.tb_lasti)


def test_a_call_with_keywords_is_looked_at_once_it_is_specialised() -> None:
    def call(trip: Any, times: int) -> None:
        for _ in range(times):
            _ = trip < None
            int("3", base=10)

    kind = next((name for name in ("CALL_KW",) if name in opmap), "CALL")
    with landings() as found:
        for _ in range(100):
            call(Unmoved(), 10)  # the interpreter gets used to it
        call(pending_signal(), 1)
    code, last = found[0]
    assert code is call.__code__
    assert next(step.opname for step in get_instructions(code) if step.offset == last).startswith((kind, "PRECALL"))


class Unmoved:
    def __lt__(self, other: object) -> bool:
        return False


# As it runs by itself: specialised, and with nobody stepping through it.


def test_signals_of_a_timer_arrive_at_no_other_places() -> None:
    corpus = Corpus(1)
    with landings() as found:
        before = signal.signal(signal.SIGALRM, signal.getsignal(signal.SIGINT))
        signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
        try:
            for _ in range(20_000):
                corpus.call()
                if len(found) >= 1_000:
                    break
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    assert found
    assert_looking(found)


def test_exceptions_from_another_thread_arrive_at_no_other_places() -> None:
    landed, ready = SimpleQueue[Place | None](), SimpleQueue[bool]()

    def work() -> None:
        corpus = Corpus(1)
        while True:
            try:
                ready.put(True)
                for _ in range(20_000):
                    corpus.call()
                landed.put(None)  # none came, although this took a while
                return
            except Interrupt as error:
                landed.put(innermost(error))
            if ready.empty() and stopping:
                return

    stopping: list[bool] = []
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    found: list[Place] = []
    for number in range(200):
        assert ready.get(timeout=60)
        if number == 199:
            stopping.append(True)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Interrupt))
        place = landed.get(timeout=60)
        assert place is not None
        found.append(place)
    thread.join(60)
    assert_looking(found)


def assert_looking(found: Iterable[Place]) -> None:
    ours = {place for place in found if place[0].co_qualname.startswith("Corpus.")}
    assert ours
    strange = {(place[0].co_qualname, place[1], name_of(place)) for place in ours if place[1] not in stops.looking(place[0])}
    assert not {place for place in strange if place[2] not in stops.TEXTS}


# What the tables say, against what the interpreter tells of itself.


def codes_of(path: Path) -> Iterable[types.CodeType]:
    todo = [compile(path.read_text(), str(path), "exec")]
    while todo:
        code = todo.pop()
        yield code
        todo.extend(constant for constant in code.co_consts if isinstance(constant, types.CodeType))


OURS = [code for path in sorted(KERNEL.rglob("*.py")) for code in codes_of(path)]


def test_every_instruction_of_this_interpreter_is_known() -> None:
    special = {name for name in opmap if name.startswith(("INSTRUMENTED_", "ENTER_EXECUTOR", "INTERPRETER_EXIT", "TRACE_RECORD"))}
    assert base_instructions() - special <= stops.KNOWN


def base_instructions() -> set[str]:
    """Name the instructions that a compiler makes: none that the interpreter makes of them while it runs."""
    try:
        metadata: Any = importlib.import_module("_opcode_metadata")
        made = set(metadata._specialized_opmap)
    except ModuleNotFoundError:
        opcode: Any = importlib.import_module("opcode")
        made = set(getattr(opcode, "_specialized_instructions", ()))
    return {name for name, number in opmap.items() if number < 256} - made


def test_events_come_at_every_instruction_that_is_described_and_at_no_other() -> None:
    source = "def long(values):\n total = 0\n for value in values:\n  if value:\n" + "   total += 1\n" * 200 + " return total\n"
    space: dict[str, Any] = {}
    exec(compile(source, __file__, "exec"), space)
    long: types.FunctionType = space["long"]
    assert "EXTENDED_ARG" in {step.opname for step in get_instructions(long)}
    raw: set[int] = set()

    def hook(_at: int, code: types.CodeType, offset: int) -> None:
        if code is long.__code__:
            raw.add(offset)

    with raw_events(), Injector(type("Owner", (), {"call": long, "__module__": long.__module__})) as injector:
        injector.files = (__file__,)
        injector.run(lambda: long([0, 1]), hook)
    left = set(stops.instructions(long.__code__)) - raw
    names = {stops.instructions(long.__code__)[at].name for at in left}
    assert names <= {"RESUME", "END_FOR", "POP_TOP"}, "no event comes at a start, and a loop's end jumps over what may end it"
    assert raw <= set(stops.instructions(long.__code__))


def test_a_gap_in_an_exception_table_is_no_stop() -> None:
    """Or the interpreter does look there, and what arrives does leave the `try` block: jumps backwards, on 3.12 to 3.14."""
    found = [stops.instructions(code)[at] for code in OURS for at in stops.gaps(code)]
    strange = {stop.name for stop in found if stop.raises or stop.looks}
    assert strange <= ({"JUMP_BACKWARD"} if (3, 12) <= VERSION < (3, 15) else set())
    core = [code for code in OURS if Path(code.co_filename).parent == KERNEL]
    assert not [stop for code in core for at in stops.gaps(code) for stop in [stops.instructions(code)[at]] if stop.looks]


def test_an_exception_that_arrives_at_a_gap_leaves_the_block_for_real() -> None:
    """Which is why others' code is held to what arrives there, and is not accused of more."""

    def searched(values: list[int]) -> str:
        try:
            for value in values:
                try:
                    if value:
                        continue
                except ZeroDivisionError:
                    pass
        except Interrupt:
            return "handled"
        return "none came"

    assert handled_where_told(searched, [1, 2, 3])


def handled_where_told(function: types.FunctionType | Callable[[list[int]], str], values: list[int]) -> bool:
    trip, code = pending_exception(), function.__code__
    with Injector(type("Owner", (), {"call": function, "__module__": __name__})) as injector:
        injector.files = (__file__,)
        whole = disturbed(injector, lambda: function(values), 0, None)
        for index, place in enumerate(whole):
            if place[0] is not code or not stops.instructions(code)[place[1]].looks or place[1] == whole[0][1]:
                continue
            answers: list[str] = []
            try:
                disturbed(injector, partial(_into, answers, function, values), index + 1, trip)
            except Interrupt:
                answers.append("gone")
            wanted = "handled" if stops.handler_of_arrival(code, place[1]) >= 0 else "gone"
            assert answers == [wanted], (place[1], name_of(place), answers)
    return True


def _into(answers: list[str], function: Callable[[list[int]], str], values: list[int]) -> None:
    answers.append(function(values))


def test_an_instruction_that_nobody_knows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stops, "KNOWN", stops.KNOWN - {"RETURN_VALUE"})
    stops.instructions.cache_clear()
    try:
        with pytest.raises(stops.Unclassified, match=r"RETURN_VALUE does on 3\.\d+"):
            stops.instructions(Corpus.plain.__code__)
    finally:
        stops.instructions.cache_clear()


# The wrong verdicts of 0.1.0: it injected at placeholders too.


def no_placeholders(_code: types.CodeType) -> frozenset[int]:
    return frozenset()


@contextmanager
def raw_events() -> Generator[None]:
    """Have the injector take every event, as 0.1.0 did."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tidegate_specs.injection.placeholders", no_placeholders)
        yield


def uncovered(codes: Iterable[types.CodeType]) -> list[str]:
    """Name the placeholders that the exception tables leave out of a `try` block."""
    return [f"{code.co_qualname}+{at}" for code in codes for at in stops.gaps(code) & stops.placeholders(code)]


def test_only_since_3_14_are_there_placeholders_at_which_events_come() -> None:
    found = {stops.instructions(code)[at].name for code in OURS for at in stops.placeholders(code)}
    assert found - {"EXTENDED_ARG"} == ({"NOT_TAKEN"} if VERSION >= (3, 14) else set())


class Careful:
    """Catch whatever is raised in a block in which there are conditional jumps."""

    def call(self, flag: bool) -> str:
        try:
            if flag:
                len(())
            if not flag:
                abs(0)
        except Interrupt:
            return "handled"
        return "ended"


def test_an_exception_injected_at_a_placeholder_flies_past_its_handler() -> None:
    code = Careful.call.__code__

    def answers() -> dict[str, set[str]]:
        """Raise at each instruction inside the block in turn: name those, by what became of the exception."""
        found: dict[str, set[str]] = {}
        for flag in (True, False):
            for at in sorted(stops.instructions(code)):

                def hook(_at: int, here: types.CodeType, offset: int, wanted: int = at) -> None:
                    inside = stops.handler(code, offset - 2) >= 0 or offset in stops.placeholders(code)
                    if here is code and offset == wanted and inside and offset not in stops.handler_entries(code):
                        raise Interrupt

                try:
                    answer = injector.run(partial(Careful().call, flag), hook)
                except Interrupt:
                    answer = "gone"
                found.setdefault(answer, set()).add(stops.instructions(code)[at].name)
        return found

    with raw_events(), Injector(Careful) as injector:
        assert ("NOT_TAKEN" in answers().get("gone", ())) == bool(uncovered([code]))
    with Injector(Careful) as injector:
        assert "NOT_TAKEN" not in answers().get("gone", ())
        assert answers()["handled"]


def test_the_wrong_verdicts_of_0_1_0_do_not_come_back() -> None:
    core = [code for code in OURS if Path(code.co_filename).parent == KERNEL]
    with raw_events():
        accused = accusations(tidegate)
    assert bool(accused) == bool(uncovered(core)), "at a placeholder that no table covers the old sweep accuses, and nowhere else"
    assert not accusations(tidegate)


def accusations(subject: Subject) -> list[str]:
    return [text for text in (interrupt(subject).witness, wake(subject).witness) if text]
