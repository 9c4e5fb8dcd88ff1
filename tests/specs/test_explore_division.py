"""An exploration in parts gives what a single process finds, in whatever order the parts end, and a fault in the division shows."""

import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import fields, replace
from functools import cache
from typing import Any

import pytest

from tidegate_specs.check import Verdict
from tidegate_specs.explore import division
from tidegate_specs.explore.configurations import BY_NAME
from tidegate_specs.explore.division import Division, explore_divided
from tidegate_specs.explore.judging import run_plan
from tidegate_specs.explore.parts import OtherOrigin, Part, Piece, Whole, origin, run_part
from tidegate_specs.explore.plans import Plan
from tidegate_specs.explore.program import Limits, Report
from tidegate_specs.explore.replay import subject_named
from tidegate_specs.explore.source_sets import Node

UNBOUNDED, TWO, OPCODES, REDUCED = Plan("access", None), Plan("access", 2), Plan("opcode", 1), Plan("access", None, True)
MUTANT = "mutant:drain_misses_claims"
CASES = (
    ("offers-2-take-1", UNBOUNDED, "tidegate"),
    ("offers-2-take-1", TWO, "tidegate"),
    ("claimed-not-published", OPCODES, "tidegate"),
    ("offers-2-take-1-wide", REDUCED, "tidegate"),
    ("offers-3-take-1", REDUCED, "tidegate"),
    ("drain-offers", TWO, MUTANT),
    ("close-offer-take", REDUCED, "mutant:closed_during_offer"),
)
Case = tuple[str, Plan, str]


class Here:
    """Run parts in this process: those that came last end first, so many at a time."""

    def __init__(self, workers: int = 3) -> None:
        self.count = workers
        self.parts: list[Part] = []
        self.futures: list[Future[Any]] = []
        self.waiting: list[Callable[[], None]] = []

    def submit(self, function: Callable[[Any], Any], given: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.futures.append(future)
        if not isinstance(given, Part):
            future.set_result(function(given))
            return future
        self.parts.append(given)
        self.waiting.append(lambda: self.end(future, given))
        return future

    def end(self, future: Future[Any], part: Part) -> None:
        future.set_result(once(part))

    def workers(self) -> int:
        """Be asked before anything is submitted: then everything that was is ended, the last first."""
        while self.waiting:
            self.waiting.pop()()
        return self.count


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the search look again at once: what happens next is decided here, not by time."""
    monkeypatch.setattr(division, "TURN_S", 0.0)


def quiet(text: str) -> None:
    pass


once = cache(run_part)  # a part's piece depends on nothing else, and nobody changes it


@cache
def alone(case: Case, limit: int | None = None) -> Report:
    name, plan, subject = case
    return run_plan(BY_NAME[name], plan, subject_named(subject), Limits(limit))


def divided(case: Case, engine: Here, limits: Limits | None = None, most: int = 12) -> Report:
    name, plan, subject = case
    search = Division(Whole(subject, name, plan, origin(subject)), engine, limits or Limits(), quiet, most)
    search.search()
    return search.report


def differences(one: Report, other: Report) -> list[str]:
    """Name the fields that differ; the times may, and how many schedules were waiting when the last one ran."""
    names = {field.name for field in fields(Report)} - {"seconds", "cpu_seconds", "waiting", "sites", "shared_sites"}
    found = sorted(name for name in names if getattr(one, name) != getattr(other, name))
    return found if list(one.outcomes) == list(other.outcomes) else [*found, "order of outcomes"]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}, {case[1].key}, {case[2]}")
def test_the_report_is_that_of_a_single_process(case: Case, workers: int) -> None:
    expected, engine = alone(case), Here(workers)
    found = divided(case, engine)
    assert differences(expected, found) == []
    assert found.verdict is (Verdict.OK if case[2] == "tidegate" else Verdict.ILLEGAL)
    assert len(engine.parts) > 2  # it was divided at all
    if not case[1].reduced:
        assert found.sites == expected.sites


@pytest.mark.parametrize("case", CASES[3:5], ids=lambda case: case[0])
def test_what_a_subtree_finds_out_reaches_every_point_before_it(case: Case) -> None:
    """With parts of two schedules it passes through many of them."""
    assert differences(alone(case), divided(case, Here(), most=2)) == []


def test_nothing_is_put_off_beyond_the_bound() -> None:
    engine = Here()
    divided(CASES[1], engine)
    assert any(once(part).later for part in engine.parts)
    assert {len(once(part).later) for part in engine.parts if part.last} == {0}


@pytest.mark.parametrize("case", CASES[:5], ids=lambda case: f"{case[0]}, {case[1].key}")
@pytest.mark.parametrize("limit", [1, 17])
def test_a_limit_ends_where_it_ends_in_a_single_process(case: Case, limit: int) -> None:
    found = divided(case, Here(), Limits(limit))
    assert differences(alone(case, limit), found) == []
    assert (found.verdict, found.schedules + found.redundant) == (Verdict.UNKNOWN, limit)


@pytest.mark.parametrize("case", CASES[:3], ids=lambda case: f"{case[0]}, {case[1].key}")
def test_the_division_does_not_depend_on_the_workers(case: Case) -> None:
    one, many = Here(1), Here(4)
    divided(case, one)
    divided(case, many)
    assert len(set(one.parts)) == len(one.parts)
    assert set(one.parts) == set(many.parts)
    assert sum(once(part).runs for part in one.parts) == alone(case).schedules


def test_a_wrong_guess_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    guess: Any = vars(Division)["_guess"]

    def wrong(search: Division, place: tuple[int, ...], part: Part) -> None:
        guess(search, place, replace(part, asleep=0))

    monkeypatch.setattr(Division, "_guess", wrong)
    engine = Here(8)
    assert differences(alone(CASES[3]), divided(CASES[3], engine, most=5)) == []
    assert sum(once(part).runs for part in engine.parts) > alone(CASES[3]).schedules


# Faults planted in the division: each must show in the comparison above.


def drop_the_last(division: Division, place: tuple[int, ...], level: Sequence[bytes], last: bool) -> Any:
    return GROUPS(division, place, level, last)[: -1 if len(place) > 1 else None]


def twice(division: Division, place: tuple[int, ...], level: Sequence[bytes], last: bool) -> Any:
    found = GROUPS(division, place, level, last)
    return [*found, ((*place, len(found)), replace(found[0][1], most=11))] if len(place) > 1 and found else found


def out_of_order(division: Division, place: tuple[int, ...], level: Sequence[bytes], last: bool) -> Any:
    return GROUPS(division, place, level[::-1], last)


GROUPS: Any = vars(Division)["_groups"]


@pytest.mark.parametrize(("fault", "case"), [(drop_the_last, CASES[0]), (twice, CASES[0]), (out_of_order, CASES[5])])
def test_a_subtree_lost_or_run_twice_or_out_of_order_shows(fault: Any, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Division, "_groups", fault)
    assert "schedules" in differences(alone(case), divided(case, Here()))


def test_the_first_piece_to_end_is_not_the_first_witness(monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge that takes pieces as they end reports another witness than a single process."""

    def as_they_end(search: Division, place: tuple[int, ...], part: Part) -> Piece:
        while not search.arrived:
            search._push(place, part)
            search._turn()
        first = search.arrived.pop()
        search._add(search.futures[first].result().report)
        return search.futures.pop(first).result()

    monkeypatch.setattr(Division, "_take", as_they_end)

    def never(report: Report, limits: Limits, start: float) -> bool:
        return False

    monkeypatch.setattr(division, "over", never)
    assert differences(alone(CASES[0]), divided(CASES[0], Here(), most=100)) != []


@pytest.mark.parametrize("case", [CASES[3], CASES[4]])
def test_a_reduction_that_forgets_what_a_subtree_asks_for_shows(case: Case) -> None:
    class Forgetful(Here):
        def end(self, future: Future[Any], part: Part) -> None:
            future.set_result(replace(once(part), requests=()))

    assert "schedules" in differences(alone(case), divided(case, Forgetful(), most=3))


def test_a_reduction_that_wakes_who_should_sleep_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    exact: Callable[..., Part] = vars(Division)["_part"]

    def sleepless(search: Division, nodes: Sequence[Node], base: int) -> Part:
        return replace(exact(search, nodes, base), asleep=0)

    monkeypatch.setattr(Division, "_part", sleepless)
    assert "schedules" in differences(alone(CASES[3]), divided(CASES[3], Here(), Limits(100), most=6))  # it need not end


# What does not come back is never a pass.


class Losing(Here):
    """Lose every part but the first ones."""

    def __init__(self, kept: int) -> None:
        super().__init__(1)
        self.kept = kept

    def end(self, future: Future[Any], part: Part) -> None:
        if len(self.parts) > self.kept:
            future.set_exception(RuntimeError("its worker died. More about that is in the log"))
        else:
            super().end(future, part)


@pytest.mark.parametrize("case", [CASES[0], CASES[1], CASES[4]], ids=lambda case: case[1].key)
def test_a_lost_part_is_unknown_and_named(case: Case) -> None:
    report = divided(case, Losing(2))
    assert report.verdict is Verdict.UNKNOWN
    assert report.why_not.startswith("subtree ")
    assert report.why_not.endswith(" is lost: RuntimeError: its worker died")
    assert 0 < report.schedules < alone(case).schedules


def test_a_fault_found_ahead_of_a_lost_part_is_kept() -> None:
    class First(Here):
        """Lose the second part, which a single process would run next; the parts after it show the fault."""

        def end(self, future: Future[Any], part: Part) -> None:
            if len(self.parts) > 2 and part == self.parts[1]:
                future.set_exception(RuntimeError("lost"))
            else:
                super().end(future, part)

    report = divided(CASES[5], First(40))
    assert report.verdict is Verdict.ILLEGAL
    assert "is lost" in report.why_not
    assert report.faults[0].message.startswith("the state machine has no such history")


@pytest.mark.parametrize("case", [CASES[0], CASES[4]], ids=lambda case: case[1].key)
def test_a_run_that_did_not_end_ends_the_search(case: Case) -> None:
    class Endless(Here):
        def end(self, future: Future[Any], part: Part) -> None:
            piece = once(part)
            why_not = "a run of more than 20,000 steps" if len(self.parts) == 2 else ""
            future.set_result(replace(piece, report=replace(piece.report, why_not=why_not)))

    report = divided(case, Endless(1))
    assert (report.verdict, report.why_not) == (Verdict.UNKNOWN, "a run of more than 20,000 steps")


def test_an_interrupt_ends_the_search_and_takes_back_what_is_with_the_engine() -> None:
    class Interrupting(Here):
        def workers(self) -> int:
            if len(self.parts) > 5:
                raise KeyboardInterrupt
            return super().workers()

    engine = Interrupting()
    report = divided(CASES[0], engine)
    assert (report.verdict, report.why_not) == (Verdict.UNKNOWN, division.INTERRUPTED)
    assert all(future.done() for future in engine.futures)
    assert any(future.cancelled() for future in engine.futures)


def test_an_interrupt_that_somebody_swallows_is_heard_all_the_same() -> None:
    class Swallowing(Here):
        """Do with an interrupt what the interpreter does with one that arrives in a finaliser."""

        def workers(self) -> int:
            with suppress(KeyboardInterrupt):
                if len(self.parts) > 5:
                    signal.raise_signal(signal.SIGINT)
            return super().workers()

    former = signal.getsignal(signal.SIGINT)
    report = divided(CASES[0], Swallowing())
    assert (report.verdict, report.why_not) == (Verdict.UNKNOWN, division.INTERRUPTED)
    assert signal.getsignal(signal.SIGINT) is former


class Silent(Here):
    """Answer nothing but what is shared."""

    def workers(self) -> int:
        return self.count


def test_time_ends_a_search_whose_workers_say_nothing() -> None:
    report = divided(CASES[0], Silent(), Limits(None, 0.05))
    assert (report.verdict, report.why_not) == (Verdict.UNKNOWN, "the limit of 0.05 s")


def test_a_search_does_not_wait_for_workers_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(division, "ALONE_S", 0.05)
    report = divided(CASES[0], Silent(0))
    assert (report.verdict, report.why_not) == (Verdict.UNKNOWN, "no worker for 0.05 s")


def test_a_scheduler_that_is_gone_is_unknown() -> None:
    class Gone(Here):
        def workers(self) -> int:
            raise OSError("connection refused")

    report = divided(CASES[0], Gone())
    assert (report.verdict, report.why_not) == (Verdict.UNKNOWN, "the scheduler is gone: connection refused")


def test_a_worker_with_other_code_refuses() -> None:
    other = Whole("tidegate", "offers-2-take-1", UNBOUNDED, "tidegate 0.0.9 (0123456789ab) on Python 3.11")
    with pytest.raises(OtherOrigin, match=r"a worker has tidegate .* this is tidegate 0\.0\.9") as refused:
        run_part(Part(other, 1))
    assert origin("tidegate") in str(refused.value)


def test_the_origin_changes_with_the_code_of_the_subject(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert origin("mutant:lifo") == origin("tidegate")  # a mutant is a file of the specification
    package = tmp_path / "some_intake"
    package.mkdir()
    (package / "__init__.py").write_text("one = 1\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    before = origin("some_intake")
    assert before != origin("tidegate")
    (package / "part.py").write_text("two = 2\n")
    origin.cache_clear()
    assert origin("some_intake") != before


def test_progress_tells_subtrees_and_schedules() -> None:
    told: list[str] = []
    explore_divided(BY_NAME["claimed-not-published"], UNBOUNDED, "tidegate", Here(), Limits(), told.append)
    assert told[-1] == "claimed-not-published: 1 of 1 known subtrees, 33 schedules, workers: 3"
