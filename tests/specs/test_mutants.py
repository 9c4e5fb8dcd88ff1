"""The mutants fit the kernel, say what they break, and die; a mutant that lives is reported."""

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import tidegate
from tidegate_specs import mutation
from tidegate_specs.check import Settings, Verdict
from tidegate_specs.clauses import BY_ID
from tidegate_specs.mutants import Patch
from tidegate_specs.mutation import patching, running
from tidegate_specs.mutation.matrix import NOT_RUN, Cell, Fate, Matrix, judge, render
from tidegate_specs.mutation.patching import Mutant, StaleMutant
from tidegate_specs.sweeps import CHECKS as SWEEPS

NAMES = patching.mutant_names()
HARMLESS = Mutant(
    "harmless",
    "Nothing is broken.",
    ("BOUND-1",),
    ("audit",),
    (Patch("_intake.py", "YIELD_EVERY: Final = 24", "YIELD_EVERY: Final = 17"),),
)


EVERYBODY = [name for package in patching.PACKAGES for name in patching.mutant_names(importlib.import_module(package))]


@pytest.mark.parametrize("name", EVERYBODY)
def test_each_mutant_of_core_adapters_and_policies_is_python_that_compiles(name: str) -> None:
    """One that does not would die of that, or of nothing: its check could not be seen to find the fault."""
    for file, source in patching.patched_sources(patching.describe(name).patches, name=name).items():
        compile(source, file, "exec")


RACES = {  # a race mutant, or several, of each kind
    "the flag, then the claim": ["no_second_look"],
    "a claim, then a check": ["check_then_act", "claim_in_two_steps"],
    "a counter": ["full_count_torn", "closed_count_torn", "peak_torn"],
    "a drop": ["put_back_publishes_early", "drop_counted_late", "drop_misses_close"],
    "a release": ["release_clears_late", "slot_free_before_empty"],
    "a lost wake-up": ["bell_swallowed", "bell_before_flag", "iterator_looks_in_silence", "late_claim_wakes_nobody"],
    "an iterator and a lost lease": ["iterator_forgets", "look_settles_a_lost_lease"],
    "a publication": ["published_before_stored"],
    "an offer in progress": ["closed_during_offer", "drain_misses_claims"],
    "a reading": ["statistics_torn"],
    "a look": ["look_reads_late"],
}


def test_there_are_enough() -> None:
    assert len(NAMES) >= 30
    assert "give_back_in_except" in NAMES


def test_every_race_is_of_a_known_kind_and_states_its_schedules() -> None:
    known = [name for names in RACES.values() for name in names]
    assert sorted(known) == [name for name in NAMES if patching.describe(name).within]


@pytest.mark.parametrize("name", NAMES)
def test_what_the_explorer_must_kill_is_a_race_that_quick_tries_first(name: str) -> None:
    mutant = patching.describe(name)
    assert (mutant.named("explore") or ()) == tuple(mutant.within)
    assert list(mutant.within) == list(mutant.killed_by[: len(mutant.within)])
    assert mutant.named("stress") is None


def test_every_sweep_has_a_mutant_that_it_must_kill() -> None:
    named = {entry for name in NAMES for entry in patching.describe(name).killed_by}
    assert {check.name for check in SWEEPS} - named == {"sweeps.controls"}  # which has controls instead, and sees no kernel


@pytest.mark.parametrize("name", NAMES)
def test_a_mutant_says_what_it_breaks(name: str) -> None:
    mutant = patching.describe(name)
    assert mutant.what
    assert mutant.breaks
    assert set(mutant.breaks) <= set(BY_ID)
    assert mutant.killed_by
    assert {entry.partition(".")[0] for entry in mutant.killed_by} <= {*running.GROUPS, "overload"}


@pytest.mark.parametrize("name", NAMES)
def test_a_mutant_loads_and_differs_from_the_kernel(name: str) -> None:
    mutant = patching.describe(name)
    unpatched = patching.patched_sources(())
    assert patching.patched_sources(mutant.patches, name=name) != unpatched
    subject = patching.load_mutant(name)
    package = f"tidegate_mutant_{name}"
    try:
        assert subject.Intake is not tidegate.Intake
        assert subject.Intake.__module__ == f"{package}._intake"
        assert package in subject.Intake.offer.__code__.co_filename
        assert {module for module in sys.modules if module.startswith(package)} >= {
            package,
            f"{package}._slots",
            f"{package}._types",
        }
    finally:
        patching.unload(package)
    assert not {module for module in sys.modules if module.startswith(package)}


def test_a_mutant_can_be_named_in_a_text() -> None:
    assert patching.subject_from("tidegate") is tidegate
    subject = patching.subject_from("mutant:extra_slot")
    patching.unload("tidegate_mutant_extra_slot")
    intake = subject.Intake(1)
    assert [bool(intake.offer(number)) for number in range(3)] == [True, True, False]


def test_an_unknown_mutant_is_refused() -> None:
    with pytest.raises(StaleMutant, match="there is no mutant named nobody"):
        patching.load_mutant("nobody")


@pytest.mark.parametrize(("old", "times"), [("text that is not in the kernel", " 0 times"), ("slots.closed", r" [1-9]\d* times")])
def test_a_stale_mutant_is_detected(old: str, times: str) -> None:
    with pytest.raises(StaleMutant, match=f"is in _intake.py{times}, not once"):
        patching.load_patched([Patch("_intake.py", old, "pass")], "stale")
    assert "tidegate_mutant_stale" not in sys.modules


def test_a_mutant_of_a_vendored_copy(tmp_path: Path) -> None:
    for name, source in patching.patched_sources(()).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source.replace("YIELD_EVERY: Final = 24", "YIELD_EVERY: Final = 8"), "utf-8")
    subject = patching.load_mutant("extra_slot", tmp_path)
    module = sys.modules[subject.Intake.__module__]
    patching.unload("tidegate_mutant_extra_slot")
    assert vars(module)["YIELD_EVERY"] == 8


@pytest.fixture
def harmless(tmp_path: Path) -> Path:
    """Make a folder with a kernel in which the fault of `no_yield` is none: the yield is somewhere else too."""
    full = "            outcome, rejections = FULL, next(slots.answered_full)\n"
    for name, source in patching.patched_sources(()).items():
        changed = source.replace(full, full + "            yield_processor()\n")
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(changed, "utf-8")
    return tmp_path


def test_a_survivor_is_reported(harmless: Path) -> None:
    matrix = running.kill_matrix({"audit": "tidegate_specs.audit"}, names=["no_yield"], source_dir=harmless)
    assert matrix.control["audit"].fate is Fate.SURVIVES
    assert matrix.cells["no_yield", "audit"].fate is Fate.SURVIVES
    assert matrix.survivors == ("no_yield: no check kills it",)
    result = judge(matrix)
    assert result.verdict is Verdict.ILLEGAL
    assert result.blames == ("RESPONSIVE-2",)
    assert "SURVIVOR no_yield" in render(matrix)


def test_a_check_that_the_kernel_fails_kills_nothing(tmp_path: Path) -> None:
    for name, source in patching.patched_sources(()).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(
            source.replace("    def close(self)", "    def resize(self) -> None: ...\n\n    def close(self)"), "utf-8"
        )
    matrix = running.kill_matrix({"audit": "tidegate_specs.audit"}, names=["settable_capacity"], source_dir=tmp_path)
    assert matrix.survivors == ()
    assert judge(matrix).verdict is Verdict.UNKNOWN


def test_a_few_mutants_end_to_end() -> None:
    names = ["lock_around_offer", "item_compared", "settable_capacity", "capacity_zero"]
    matrix = running.kill_matrix({"audit": "tidegate_specs.audit"}, names=names)
    result = judge(matrix)
    assert result.verdict is Verdict.OK, result.witness
    assert {name: matrix.cells[name, "audit"].by for name in names} == {
        "lock_around_offer": "audit.wait_free",
        "item_compared": "audit.quiet",
        "settable_capacity": "audit.imports",
        "capacity_zero": "audit.hostile",
    }


def test_a_mutant_that_hangs_is_killed() -> None:
    matrix = running.kill_matrix({"audit": "tidegate_specs.audit"}, "full", names=["drain_without_deadline"])
    cell = matrix.cells["drain_without_deadline", "audit"]
    assert (cell.fate, cell.by, cell.note) == (Fate.KILLED, "audit.hostile", "hung")
    assert "K hostile (hung)" in render(matrix)


def test_a_group_that_does_not_load_is_no_pass() -> None:
    matrix = running.kill_matrix({"audit": "tidegate_specs.no_such_module"}, names=["no_yield"])
    assert matrix.control["audit"].fate is Fate.UNKNOWN
    assert matrix.cells == {}
    assert judge(matrix).verdict is Verdict.UNKNOWN


def matrix_of(mutant: Mutant, **cells: Cell) -> Matrix:
    control = {group: Cell(Fate.SURVIVES) for group in cells}
    return Matrix((mutant,), tuple(cells), {(mutant.name, group): cell for group, cell in cells.items()}, control, 1.0)


KILLED = Cell(Fate.KILLED, "audit.quiet", "it prints")
SURVIVES = Cell(Fate.SURVIVES)
UNKNOWN = Cell(Fate.UNKNOWN, "audit.quiet", "a time-out")


@pytest.mark.parametrize(
    ("killed_by", "audit", "stateful", "verdict"),
    [
        (("audit",), KILLED, SURVIVES, Verdict.OK),
        (("audit", "stateful"), KILLED, SURVIVES, Verdict.ILLEGAL),
        (("audit.quiet",), KILLED, SURVIVES, Verdict.OK),
        (("audit.hostile",), KILLED, SURVIVES, Verdict.ILLEGAL),
        (("audit",), SURVIVES, SURVIVES, Verdict.ILLEGAL),
        (("audit",), SURVIVES, KILLED, Verdict.ILLEGAL),
        (("audit",), UNKNOWN, KILLED, Verdict.UNKNOWN),
        (("stateful",), UNKNOWN, KILLED, Verdict.OK),
        (("stateful",), UNKNOWN, NOT_RUN, Verdict.UNKNOWN),
        (("audit",), NOT_RUN, NOT_RUN, Verdict.UNKNOWN),
    ],
)
def test_a_verdict_follows_from_the_cells(killed_by: tuple[str, ...], audit: Cell, stateful: Cell, verdict: Verdict) -> None:
    mutant = Mutant("planted", "Something is broken.", ("BOUND-1",), killed_by, ())
    assert judge(matrix_of(mutant, audit=audit, stateful=stateful)).verdict is verdict


RACE = Mutant("planted", "A race.", ("BOUND-1",), ("explore.wake-2",), (), {"explore.wake-2": 100})
FOUND = Cell(Fate.KILLED, "explore.wake-2", "a deadlock", 100)


@pytest.mark.parametrize(
    ("explore", "stress", "verdict"),
    [
        (FOUND, SURVIVES, Verdict.OK),
        (FOUND, Cell(Fate.UNKNOWN, "stress.plain"), Verdict.OK),
        (replace(FOUND, effort=101), SURVIVES, Verdict.ILLEGAL),
        (SURVIVES, Cell(Fate.KILLED, "stress.plain", "lost", 12), Verdict.ILLEGAL),
    ],
)
def test_a_race_must_die_within_the_schedules_stated(explore: Cell, stress: Cell, verdict: Verdict) -> None:
    assert judge(matrix_of(RACE, explore=explore, stress=stress)).verdict is verdict


def test_the_races_have_a_table_of_their_own() -> None:
    text = render(matrix_of(RACE, audit=SURVIVES, explore=FOUND, stress=Cell(Fate.KILLED, "stress.plain", "lost", 1_234)))
    above, below = text.split("The races")
    assert "explore" not in above
    assert "K wake-2 (100)" in below
    assert "K after 1,234 rounds" in below
    assert "stated" in below
    assert "audit" not in below


def test_a_race_under_the_explorer_end_to_end() -> None:
    matrix = running.kill_matrix({"explore": "tidegate_specs.explore"}, names=["statistics_torn"])
    cell = matrix.cells["statistics_torn", "explore"]
    assert (cell.fate, cell.by) == (Fate.KILLED, "explore.statistics-release-offer")
    assert 0 < cell.effort <= patching.describe("statistics_torn").within[cell.by]
    assert judge(matrix).verdict is Verdict.OK


def test_a_kernel_that_fails_is_no_measure() -> None:
    matrix = matrix_of(HARMLESS, audit=KILLED)
    broken = Matrix(matrix.rows, matrix.groups, matrix.cells, {"audit": KILLED}, 1.0)
    assert judge(broken).verdict is Verdict.UNKNOWN


def test_a_matrix_is_readable_in_132_columns() -> None:
    groups = {group: Cell(Fate.KILLED, f"{group}.a_check_with_a_very_long_name", "hung") for group in (*running.GROUPS, "overload")}
    text = render(matrix_of(HARMLESS, **groups))
    assert all(len(line) <= 132 for line in text.splitlines())
    assert "1 of 1 mutants killed" in text


def test_the_check_bears_on_every_clause_that_is_broken() -> None:
    (check,) = mutation.CHECKS
    assert (check.name, check.group) == ("mutants.kill_matrix", "mutants")
    assert set(check.clauses) == {clause for name in NAMES for clause in patching.describe(name).breaks}
    assert check.run(patching.load_mutant("no_yield"), Settings()).verdict is Verdict.UNKNOWN  # its source is in no file
    patching.unload("tidegate_mutant_no_yield")
