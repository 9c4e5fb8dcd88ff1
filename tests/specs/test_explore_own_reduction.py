"""The reduction for programs of others: few schedules, and the same answers as without it."""

import importlib.util
import random
from pathlib import Path
from typing import Any

import pytest

from tidegate_specs.check import Verdict
from tidegate_specs.explore.own import Result, Target, labels, reduce
from tidegate_specs.explore.own import search as searching
from tidegate_specs.explore.own.engine import MOST_THREADS, Engine, Outcome, Policy
from tidegate_specs.explore.own.reduce import Reduced
from tidegate_specs.explore.own.search import Search

SMALL = Path(__file__).parent / "explored" / "small.py"


def programs() -> list[str]:
    spec = importlib.util.spec_from_file_location("small", SMALL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [each.__name__ for each in module.PROGRAMS]


def prepared(file: Path, name: str) -> Search:
    return Target(str(file), name).prepared()[0]


def reduced(file: Path, name: str) -> Result:
    with prepared(file, name) as search:
        return search.reduced(go_on=True)


def answers(result: Result) -> set[str]:
    """Give the answers, without the places of a deadlock, whose threads may be told in another order."""
    return {str(each).partition(":")[0] for each in result.outcomes}


TOO_LARGE = {
    "tried_before_crossed": {"deadlock", "(0, 0, True, 'a')", "(0, 0, False, 'a')"},
    "read_while_crossed": {"deadlock", "0", "1", "2", "3"},
}


@pytest.mark.parametrize("name", programs())
def test_the_answers_are_those_of_every_single_schedule(name: str) -> None:
    few = reduced(SMALL, name)
    assert few.exhausted
    if name in TOO_LARGE:
        assert answers(few) == TOO_LARGE[name]
        return
    with prepared(SMALL, name) as search:
        every = search.unreduced(go_on=True)
    assert every.exhausted
    assert answers(few) == answers(every)
    assert few.schedules + few.redundant < every.schedules


COUNTS = """
import queue, threading
def run(*bodies):
    threads = [threading.Thread(target=each) for each in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
class Counter:
    def __init__(self):
        self.value = 0
        self.lock = threading.Lock()
    def add(self):
        with self.lock:
            self.value += 1
def three_with_a_lock():
    counter = Counter()
    run(counter.add, counter.add, counter.add)
    return counter.value
def two_putters_and_a_getter():
    items, got = queue.Queue(1), []
    def put(item):
        try:
            items.put_nowait(item)
        except queue.Full:
            pass
    run(lambda: put("a"), lambda: put("b"), lambda: got.append(items.get()))
    return got[0], items.qsize()
"""


def test_three_threads_that_take_one_lock_need_the_six_orders(tmp_path: Path) -> None:
    file = tmp_path / "counts.py"
    file.write_text(COUNTS, "utf-8")
    result = reduced(file, "three_with_a_lock")
    assert (result.verdict, result.schedules, set(result.outcomes)) == (Verdict.OK, 6, {3})
    assert result.redundant <= 2


def test_the_standard_queue_needs_a_twentieth_of_its_schedules(tmp_path: Path) -> None:
    file = tmp_path / "counts.py"
    file.write_text(COUNTS, "utf-8")
    result = reduced(file, "two_putters_and_a_getter")
    assert result.exhausted
    assert result.schedules + result.redundant <= 548 / 20  # what `explore` of `tidegate_specs.explore` runs for these three calls
    assert set(result.outcomes) == {("a", 0), ("a", 1), ("b", 0), ("b", 1)}  # as that of `..explore`


# Random programs: what random schedules answer, the reduction must find.

OPERATIONS = """S.x += 1
S.y = S.x
R[i].append(S.y)
S.l.append(i)
R[i].append(len(S.l))
S.d['a'] = i
R[i].append(S.d.get('a'))
R[i].append('b' in S.d)
with S.a: S.x += 1
with S.a, S.b: S.y += 1
with S.b, S.a: S.y += 2
R[i].append(S.a.acquire(False) and S.a.release())
R[i].append(S.a.acquire(timeout=1) and S.a.release())
S.q.put(i)
R[i].append(S.q.get())
R[i].append(S.q.empty())
S.e.set()
R[i].append(S.e.wait(1))
R[i].append(S.e.is_set())
R[i].append(time.monotonic())
time.sleep(2)
with S.s: S.x += 1
S.s.release()
R[i].append(S.s.acquire(False))""".splitlines()


def random_program(draw: random.Random) -> str:
    threads = draw.choice((2, 3))
    lines = [
        *("import queue, threading, time", "class State: pass", "S, R = State(), [[], [], []]", "def program():"),
        *("    S.__dict__.clear()", "    for each in R: each.clear()", "    S.x = S.y = 0", "    S.l, S.d = [], {}"),
        *("    S.a, S.b, S.s = threading.Lock(), threading.RLock(), threading.Semaphore(1)",),
        *("    S.q, S.e = queue.SimpleQueue(), threading.Event()",),
        f"    threads = [threading.Thread(target=each) for each in ({', '.join(f'body{n}' for n in range(1, threads))},)]",
        *("    for each in threads: each.start()", "    body0()", "    for each in threads: each.join()"),
        "    return repr((S.x, S.y, S.l, S.d, R, S.s._value))",
    ]
    for number in range(threads):
        lines += [f"def body{number}():", f"    i = {number}"]
        lines += [f"    {draw.choice(OPERATIONS)}" for _ in range(3 if threads == 2 else draw.choice((1, 2)))]
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(8))
def test_no_random_schedule_of_a_random_program_answers_what_the_reduction_missed(seed: int, tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    draw = random.Random(seed)
    for _ in range(3):
        file.write_text(random_program(draw), "utf-8")
        few = reduced(file, "program")
        assert few.exhausted, file.read_text("utf-8")
        with prepared(file, "program") as search:
            seen = {told(search.engine.run(search.program, (), at_random(draw))) for _ in range(60)}
        assert seen <= {str(each) for each in few.outcomes}, file.read_text("utf-8")


def at_random(draw: random.Random) -> Policy:
    def choose(run: object, enabled: int, stayed: int) -> int:
        return draw.choice([n for n in range(MOST_THREADS) if enabled >> n & 1])

    return choose


def told(run: Outcome) -> str:
    return searching.fault_of(run) or str(run.answer)


# Planted faults: reductions that are wrong, each found by a program above.


def test_a_reduction_that_forgets_who_waits_in_vain_misses_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(Reduced):
        def _races(self, run: Any, start: int, end: int) -> None:
            run.left = []
            super()._races(run, start, end)

    monkeypatch.setattr(searching, "Reduced", Forgetful)
    assert answers(reduced(SMALL, "tried_before_crossed")) < TOO_LARGE["tried_before_crossed"]


def test_a_reduction_that_forgets_them_in_runs_that_it_gives_up_misses_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(Reduced):
        def _races(self, run: Any, start: int, end: int) -> None:
            run.left = run.left if self.blocked_at is None else []
            super()._races(run, start, end)

    monkeypatch.setattr(searching, "Reduced", Forgetful)
    assert answers(reduced(SMALL, "read_while_crossed")) < TOO_LARGE["read_while_crossed"]


def test_a_reduction_that_takes_keys_for_independent_misses_the_order_of_a_dictionary(monkeypatch: pytest.MonkeyPatch) -> None:
    def alone(table: object, key: object, write: bool) -> Any:
        return ((id(table), key, write),)

    monkeypatch.setattr(labels, "_keyed", alone)
    assert len(reduced(SMALL, "keys").outcomes) == 1


def test_a_reduction_that_sees_no_conflict_misses_the_race(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(one: object, other: object) -> bool:
        return False

    monkeypatch.setattr(reduce, "conflict", never)
    assert len(reduced(SMALL, "attributes").outcomes) == 1


def test_a_reduction_that_takes_a_release_for_a_race_begins_runs_in_vain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ignore(self: Engine) -> None:
        pass

    monkeypatch.setattr(Engine, "note_shut", ignore)
    file = tmp_path / "counts.py"
    file.write_text(COUNTS, "utf-8")
    assert reduced(file, "three_with_a_lock").redundant > 2
