"""The kernel under the explorer: counts, ways that agree, races that must be found. What the manifest has, the gate compares."""

from dataclasses import replace

import pytest

from tidegate.adapters.executor import RejectingExecutor
from tidegate_specs.check import Settings, Subject, Verdict, load_subject
from tidegate_specs.explore.configurations import BY_NAME, CONFIGURATIONS, Configuration
from tidegate_specs.explore.explorer import Explorer
from tidegate_specs.explore.history import History
from tidegate_specs.explore.intake_model import strict_model
from tidegate_specs.explore.judging import modules_of, program_of, run_plan
from tidegate_specs.explore.linearizability import check
from tidegate_specs.explore.plans import Plan
from tidegate_specs.explore.program import Limits, Report
from tidegate_specs.explore.recorded import CHECKS, check_configuration, load_manifest
from tidegate_specs.explore.replay import replay, show
from tidegate_specs.explore.schedules import decode
from tidegate_specs.instructions import VERSIONS
from tidegate_specs.mutation import patching


@pytest.mark.parametrize("name", ["offers-2-take-1", "claimed-not-published", "release-release-offer", "drop-offer-offer"])
def test_reduced_and_unreduced_and_every_opcode_agree_on_outcomes(name: str) -> None:
    subject = load_subject()
    reduced, whole, opcodes = (
        run_plan(BY_NAME[name], plan, subject, Limits())
        for plan in (Plan("access", None, True), Plan("access", None), Plan("opcode", 1))
    )
    assert all(report.exhausted for report in (reduced, whole, opcodes))
    assert reduced.schedules < whole.schedules
    assert set(reduced.outcomes) == set(whole.outcomes) == set(opcodes.outcomes)


def test_counts_are_what_they_are() -> None:
    """Two offers and a taker on one slot: figures that a checker which stops looking would miss."""
    report = run_plan(BY_NAME["offers-2-take-1"], Plan("access", None), load_subject(), Limits())
    assert (report.schedules, len(report.outcomes), len(report.sites)) == (284, 4, 9)
    reduced = run_plan(BY_NAME["offers-2-take-1"], Plan("access", None, True), load_subject(), Limits())
    assert (reduced.schedules, reduced.redundant) == (16, 0)


@pytest.mark.parametrize("name", ["put-back-take", "close-put-back"])
def test_what_is_shared_is_found_soon_and_every_time(name: str) -> None:
    with Explorer(program_of(BY_NAME[name], load_subject())) as explorer:
        found = explorer.learn()
        assert explorer.learn() == found
        assert explorer.learn(500) == found


def test_replays_do_the_same_again() -> None:
    with Explorer(program_of(BY_NAME["offers-2-take-1"], load_subject())) as explorer:
        explorer.scheduler.aim(explorer.learn())
        first, _, history = explorer.run([0, 1, 2, 1, 0])
        for _ in range(20):
            again, _, same = explorer.run(first.steps)
            assert (again.steps, again.enabled) == (first.steps, first.enabled)
            assert same.key() == history.key()


def test_one_step_offers_are_too_strict_for_the_kernel() -> None:
    """Its histories refute the specification in which an offer is one action (design.md), and keep the one with two."""
    program = program_of(BY_NAME["claimed-not-published"], load_subject())
    strict = replace(program, check=_strictly)
    with Explorer(strict) as explorer:
        report = explorer.depth_first("access", None, Limits())
    assert report.verdict is Verdict.ILLEGAL
    assert "FULL" in report.faults[0].message
    assert "Empty" in report.faults[0].message


def _strictly(shared: object, history: History) -> str:
    operations = [op for op in history.operations() if op.name in ("offer", "take")]
    return check(operations, strict_model(1)).timeline


# Those that are soon found: that all of them are, within the stated schedules, the kill matrix shows.
RACES = [
    (name, check, most) for name in patching.mutant_names() for check, most in patching.describe(name).within.items() if most <= 50
]


def explored(configuration: Configuration, subject: Subject, most: int) -> tuple[Report, int]:
    """Explore by the plans of the quick profile, up to a fault, and count the schedules of all."""
    spent = 0
    for plan in configuration.plans:
        if plan.quick:
            report = run_plan(configuration, plan, subject, Limits(most - spent))
            spent += report.schedules
            if report.faults or spent >= most:
                return report, spent
    raise AssertionError(f"no fault in all {spent} schedules")


def kind_of(fault: str) -> str:
    """Leave out which call of an impossible history is named: one that overlaps it may be, where every opcode is a step."""
    return fault.splitlines()[0].partition(" explains ")[0]


@pytest.mark.parametrize(("name", "check_name", "most"), RACES)
def test_a_race_is_found_within_the_stated_schedules_and_replays(name: str, check_name: str, most: int) -> None:
    configuration = BY_NAME[check_name.removeprefix("explore.")]
    subject = patching.load_mutant(name)
    try:
        report, spent = explored(configuration, subject, most)
        assert report.verdict is Verdict.ILLEGAL, report
        assert spent <= most
        schedule = decode(report.faults[0].schedule)
        again = replay(program_of(configuration, subject), schedule.steps)
        assert kind_of(again.fault) == kind_of(report.faults[0].message)
        assert "thread A" in show(again, 132, False)
    finally:
        patching.unload(f"tidegate_mutant_{name}")


def test_no_check_is_ok_without_exploring() -> None:
    deep = [check for check in CHECKS if check.deep]
    assert {check.name for check in deep} == {
        f"explore.{configuration.name}" for configuration in CONFIGURATIONS if not any(plan.quick for plan in configuration.plans)
    }
    (check,) = [check for check in deep if check.name == "explore.offers-2x2-take-2-wide"]
    assert check.run(load_subject(), Settings()).evidence.startswith("2,332 schedules"), "named in quick, it explores"
    nothing = check_configuration(replace(BY_NAME["offers-2-take-1"], plans=()), load_subject(), Settings())
    assert nothing.verdict is Verdict.UNKNOWN


def test_every_configuration_is_a_check_and_its_plans_are_in_the_manifest() -> None:
    assert [each.name for each in CHECKS] == [f"explore.{configuration.name}" for configuration in CONFIGURATIONS]
    manifest = load_manifest()
    assert {f"{major}.{minor}" for major, minor in VERSIONS} <= set(manifest)
    plans = {(configuration.name, plan.key) for configuration in CONFIGURATIONS for plan in configuration.plans if plan.quick}
    for version, entries in manifest.items():
        assert plans <= {(name, key) for name, found in entries.items() for key in found}, version


def test_all_versions_have_the_same_schedules_at_accesses() -> None:
    """What threads share is the same, whatever the instructions are called. A reader that overlooks one access has fewer.

    In one configuration a mark dies, and whether the next list gets its address, and is taken for it, differs: that costs
    schedules, and leaves out none.
    """
    for configuration in CONFIGURATIONS:
        for plan in configuration.plans:
            found = {version: entries.get(configuration.name, {}).get(plan.key) for version, entries in load_manifest().items()}
            counts = {version: entry["schedules"] for version, entry in found.items() if entry}
            if plan.grain == "access":
                fewer = counts.pop("3.11", None) if configuration.name == "release-drop-offer" else None
                assert len({*counts.values()}) <= 1, (configuration.name, plan.key, counts)
                assert fewer is None or not counts or fewer <= min(counts.values())


def test_all_versions_and_all_ways_without_bound_found_the_same_outcomes() -> None:
    for configuration in CONFIGURATIONS:
        found = [entries.get(configuration.name, {}) for entries in load_manifest().values()]
        seen = {outcome for plans in found for entry in plans.values() for outcome in entry["outcomes"]}
        for plans in found:
            for key, entry in plans.items():
                assert "unbounded" not in key or set(entry["outcomes"]) == seen, (configuration.name, key)


def test_what_the_process_does_with_adapters_is_no_part_of_a_program() -> None:
    """All that works on an executor's threads could be reached from there: a search of it at every step took minutes."""
    with RejectingExecutor(1, 1) as executor:
        executor.submit(int).result()
        names = [module.__name__ for module in modules_of(load_subject())]
    assert "tidegate._intake" in names
    assert not [name for name in names if "adapters" in name]
