"""All is proved, as much as expected; what is false, vacuous or undecided is no pass; unknown values behave like plain ones."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_specs import machine, prove
from tidegate_specs.check import Settings, Verdict, load_subject
from tidegate_specs.clauses import BY_ID
from tidegate_specs.machine import State
from tidegate_specs.prove import EXPECTED, FAMILIES, NOT_PROVED, command, obligation, record
from tidegate_specs.prove import solver as z3
from tidegate_specs.prove.mutants import MUTANTS, Mutant
from tidegate_specs.prove.obligation import Base, Goal, Obligation, World, judge
from tidegate_specs.prove.symbolic import Symbolic, an_int, known, paths, value_in

M = Symbolic(vars(machine))
SERIALS = st.lists(st.integers(0, 5), max_size=4).map(tuple)
COUNT = st.integers(-1, 4)
STATES = st.builds(
    State, COUNT, COUNT, COUNT, COUNT, SERIALS, SERIALS, SERIALS, st.booleans(), st.booleans(), st.booleans(), *[COUNT] * 6
)


@pytest.mark.parametrize("check", [check for check in prove.CHECKS if check.deep], ids=lambda check: check.name)
def test_what_the_quick_gate_leaves_out_is_proved(check: Any) -> None:
    result = check.run(load_subject(), Settings())
    assert (result.verdict, result.witness) == (Verdict.OK, "")


def test_the_checks_are_those_of_the_families() -> None:
    assert {*EXPECTED} <= {check.name.partition(".")[2] for check in prove.CHECKS}
    assert all(check.group == "prove" and set(check.clauses) <= set(BY_ID) for check in prove.CHECKS)


def test_every_clause_has_an_obligation_or_a_reason() -> None:
    found = prove.obligations()
    named = {clause for each in found for clause in each.clauses}
    assert named | set(NOT_PROVED) == set(BY_ID)
    assert not named & set(NOT_PROVED)
    assert len({each.name for each in found}) == len(found) == sum(EXPECTED.values()) == 1_168
    for check in prove.CHECKS[: len(FAMILIES)]:
        family = check.name.partition(".")[2]
        assert set(check.clauses) == {clause for each in found if each.family == family for clause in each.clauses}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (None, "29 obligations, 28 are recorded"),
        ({"says": "otherwise"}, "1 obligations are not as recorded"),
        ({"clauses": ()}, "1 obligations are not as recorded"),
    ],
)
def test_obligations_other_than_are_recorded_are_unknown(
    change: dict[str, Any] | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = [each for each in record.recorded() if each.family == "latency"]
    changed = others if change is None else [replace(first, **change), *others]
    monkeypatch.setattr(record, "recorded", lambda: changed)
    (check,) = [check for check in prove.CHECKS if check.name == "prove.latency"]
    result = check.run(load_subject(), Settings())
    assert result.verdict is Verdict.UNKNOWN
    assert result.witness.startswith(told)


def test_what_is_recorded_is_written_as_it_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    former = record.RECORD.read_text("utf-8")
    monkeypatch.setattr(record, "RECORD", tmp_path / "obligations.json")
    record.write(record.recorded())
    assert (tmp_path / "obligations.json").read_text("utf-8") == former


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_is_refuted(mutant: Mutant) -> None:
    finding = prove.refute(mutant)
    assert finding.verdict is Verdict.ILLEGAL
    assert finding.account
    assert mutant.breaks in BY_ID


def test_a_mutant_that_changes_nothing_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    idle = Mutant("idle", "BOUND-2", "inductive.claim.bound_2", "return s.free > 0", "return 0 < s.free")
    monkeypatch.setattr(prove, "MUTANTS", (idle,))
    result = prove.run_mutants()
    assert result.verdict is Verdict.ILLEGAL
    assert "idle" in result.witness
    with pytest.raises(ValueError, match="0 times"):
        prove.changed(replace(idle, old="no such text"))


# The code that is proved is the code.


def test_the_functions_are_the_modules_own() -> None:
    for name, function in M.functions.items():
        assert function.__code__ is getattr(machine, name).__code__


NO_CHOICE = z3.Solver()
NO_CHOICE.check()


def concrete(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a symbolic function on known values: one path, and no question asked."""
    (path,) = paths(function, *(known(each) for each in arguments))
    if path.error:
        return IndexError
    return value_in(NO_CHOICE.model(), path.value)


def plain(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except IndexError:
        return IndexError


@settings(max_examples=60, deadline=None)
@given(STATES, STATES, st.integers(-3, 3))
def test_known_values_behave_like_plain_ones(s: State, a: State, i: int) -> None:
    for name in (*obligation.STATE_PREDICATES, "invariant", "left", "in_flight"):
        assert concrete(getattr(M, name), s) == plain(getattr(machine, name), s), name
    for name in (*obligation.STEP_PREDICATES, "step"):
        assert concrete(getattr(M, name), s, a) == plain(getattr(machine, name), s, a), name
    for guard, action in machine.ACTIONS:
        assert concrete(M.of(guard), s) == plain(guard, s)
        assert concrete(M.of(action), s) == plain(action, s), action.__name__
    for can, of_lease in machine.LEASE_ACTIONS:
        assert concrete(M.of(can), s, i) == plain(can, s, i)
        assert concrete(M.of(of_lease), s, i) == plain(of_lease, s, i), of_lease.__name__


@settings(max_examples=30, deadline=None)
@given(STATES, STATES)
def test_formulas_agree_with_plain_runs(s: State, a: State) -> None:
    world = WORLD
    for name in obligation.STATE_PREDICATES:
        assert z3.is_true(z3.simplify(world.law(name)(known(s)))) == getattr(machine, name)(s), name
    for name in obligation.STEP_PREDICATES:
        assert z3.is_true(z3.simplify(world.step_law(name)(known(s), known(a)))) == getattr(machine, name)(s, a), name


WORLD = World()


def _outer(q: Any, i: int, j: int) -> Any:
    return q[i:] + q[:j]


def _item(q: Any, i: int) -> Any:
    return q[i]


def _last(q: Any) -> Any:
    return q[-1:]


@given(SERIALS, st.integers(-6, 6), st.integers(-6, 6))
@settings(deadline=None)
def test_slices_are_pythons(items: tuple[int, ...], i: int, j: int) -> None:
    assert concrete(_outer, items, i, j) == items[i:] + items[:j]
    assert concrete(_last, items) == items[-1:]
    assert concrete(_item, items, i) == plain(_item, items, i)


# What is no pass.


def test_a_vacuous_hypothesis_is_noticed() -> None:
    n = an_int("n")
    goal = Goal(Base(n.it > 0, n.it < 0), n.it == 3)
    finding = judge(Obligation("test.vacuous", (), "", (), (goal,)))
    assert finding.verdict is Verdict.ILLEGAL
    assert "vacuous" in finding.account
    assert judge(Obligation("test.empty", (), "", (), ())).verdict is Verdict.ILLEGAL


def undecided(*_: object) -> tuple[str, None]:
    return "unknown", None


def negative(n: int) -> bool:
    return n < 0


WANTED: tuple[Literal["holds", "occurs"], ...] = ("holds", "occurs")


def test_unknown_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    base = Base()
    monkeypatch.setattr(base, "ask", undecided)
    n = an_int("n")
    for wanted in WANTED:
        one = Obligation("test.hard", (), "", (), (Goal(base, n.it == n.it),), wanted)
        assert judge(one).verdict is Verdict.UNKNOWN


def test_a_witness_that_python_denies_is_refuted() -> None:
    n = an_int("n")
    one = Obligation("test.witness", (), "", (), (Goal(Base(n.it > 0), n.it > 3, (("n", n),), negative),), "occurs")
    assert judge(one).verdict is Verdict.ILLEGAL


def test_too_few_obligations_are_unknown() -> None:
    assert prove.conclude("latency", prove.prove(("latency",))[1:]).verdict is Verdict.UNKNOWN


# The command.


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["latency", "progress"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^latency +OK +29 ", out, re.MULTILINE)
    assert "OK: 65 obligations" in out
    assert "QUIET-1" in out


def test_the_list_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list", "history"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == EXPECTED["history"]
    assert command.main(["--json", "latency"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["verdict"] for row in rows} == {"OK"}


def test_bad_usage() -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["no-such-family"])
    assert ended.value.code == 2


def test_a_broken_specification_prints_a_counterexample(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = next(mutant for mutant in MUTANTS if mutant.name == "a claim without a free slot")
    plain_world = prove.changed(broken).plain
    monkeypatch.setattr(prove, "World", lambda: World(plain_world))
    assert command.main(["inductive"]) == 1
    out = capsys.readouterr().out
    assert "ILLEGAL inductive.claim.bound_2 [BOUND-2]" in out
    assert re.search(r"^before +capacity \d+, free 0", out, re.MULTILINE)
    assert re.search(r"^after claim +capacity \d+, free -1", out, re.MULTILINE)


def test_an_undecided_obligation_exits_with_3(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(Base, "ask", undecided)
    assert command.main(["latency"]) == 3
    assert "UNKNOWN" in capsys.readouterr().out


def test_a_value_that_stands_for_all_is_looked_up_nowhere() -> None:
    with pytest.raises(TypeError, match="stands for every value"):
        hash(an_int("n"))
