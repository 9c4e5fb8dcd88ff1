"""Each bound says why, by how much, and what breaks it; and a judgement is OK, ILLEGAL or UNKNOWN for the right reasons."""

import fnmatch
from dataclasses import replace

import pytest

from tidegate_specs.check import Verdict
from tidegate_specs.clauses import CLAUSES
from tidegate_stress.lab.bounds import BOUNDS, MEASURES, Evidence, judge
from tidegate_stress.lab.case import Ladder, Pair, Result
from tidegate_stress.lab.cases import NAMES, case_named
from tidegate_stress.lab.histogram import Histogram, ladder

FINE = {
    "peak_depth": 64.0,
    "goodput_share": 1.0,
    "generator_cores": 0.1,
    "longest_service_s": 0.0045,
    "late_max_s": 0.001,
    "rss_growth_bytes": 4096.0,
    "recovery_s": 0.002,
    "normal_s": 0.0,
    "crashed": 5.0,
    "accepted": 1000.0,
    "finished": 995.0,
    "rejected": 2e8,
    "stolen_share": 0.0,
    "provisioned_noise": 0.01,
    "rss_peak_bytes": 0.0,
}


def times(value_ns: int, count: int = 1000) -> Ladder:
    histogram = Histogram()
    for _ in range(count):
        histogram.record(value_ns)
    found = ladder([histogram])
    assert found is not None
    return found


def result(case: str = "100x", /, **figures: float) -> Result:
    ladders = {"sojourn": times(128_000_000)}
    return Result(case_named(case), "whole", "", {**FINE, **figures}, ladders)


def verdict(bound: str, seen: Result, pair: Pair | None = None) -> Verdict:
    return judge(BOUNDS[bound], Evidence(seen, {"2x": result("2x")}, pair)).verdict


PAIR = Pair(100.0, times(200), times(1400))


@pytest.mark.parametrize("bound", BOUNDS.values(), ids=lambda bound: bound.name)
def test_a_bound_says_why_and_what_breaks_it(bound: object) -> None:
    found = BOUNDS[getattr(bound, "name", "")]
    assert set(found.clauses) <= {clause.id for clause in CLAUSES}
    assert found.what
    assert found.rationale
    assert found.margin
    assert found.unit
    assert found.broken_by, "a bound that nothing breaks is a defect"
    assert all(breaker.case in NAMES for breaker in found.broken_by)
    assert all(any(fnmatch.fnmatchcase(name, pattern) for name in NAMES) for pattern in found.cases), (
        "a pattern that matches no case"
    )


def test_every_bound_is_measured() -> None:
    assert set(MEASURES) == set(BOUNDS)


@pytest.mark.parametrize("bound", sorted(set(BOUNDS) - {"collapse", "offer_p50", "offer_p50_calm", "offer_p999"}))
def test_a_good_run_is_ok(bound: str) -> None:
    assert verdict(bound, result("crashing workers" if bound == "crash" else "100x")) is Verdict.OK


@pytest.mark.parametrize(
    ("bound", "figures"),
    [
        ("depth", {"peak_depth": 65.0}),
        ("goodput", {"goodput_share": 0.94}),
        ("goodput_spinning", {"goodput_share": 0.79}),
        ("goodput_work", {"goodput_share": 0.7}),
        ("sojourn", {"longest_service_s": 0.0039}),
        ("memory", {"rss_growth_bytes": 2**21 + 1.0}),
        ("recovery", {"recovery_s": 0.025}),
        ("recovery", {"normal_s": 1.0}),
        ("crash", {"finished": 994.0}),
        ("rejections", {"rejected": 1e8 - 1}),
    ],
)
def test_a_little_more_is_illegal(bound: str, figures: dict[str, float]) -> None:
    assert verdict(bound, result(**figures)) is Verdict.ILLEGAL


def test_differences_and_slow_offers_are_illegal() -> None:
    assert verdict("ledger", replace(result(), problems=("accepted is 1, callers counted 2",))) is Verdict.ILLEGAL
    assert verdict("offer_p50", result(), PAIR) is Verdict.OK
    assert verdict("offer_p50", result(), Pair(100.0, times(500), times(1400))) is Verdict.ILLEGAL
    assert verdict("offer_p999", result(), PAIR) is Verdict.OK
    allowed = BOUNDS["offer_p999"].limit  # another one from 3.14 on
    assert verdict("offer_p999", result(), Pair(100.0, times(int(1400 * allowed * 1.1)), times(1400))) is Verdict.ILLEGAL
    assert verdict("offer_p999", result(), Pair(100.0, times(int(1400 * allowed * 0.9)), times(1400))) is Verdict.OK
    grown = replace(result(), ladders={"sojourn": times(170_000_000)})
    assert verdict("sojourn_flat", grown) is Verdict.ILLEGAL


@pytest.mark.parametrize("noise", [{"stolen_share": 0.5}, {"provisioned_noise": 0.4}])
def test_noise_is_no_fault_of_what_is_timed_and_no_excuse_for_what_is_counted(noise: dict[str, float]) -> None:
    assert verdict("goodput", result(goodput_share=0.5, **noise)) is Verdict.UNKNOWN
    assert verdict("depth", result(peak_depth=65.0, **noise)) is Verdict.ILLEGAL


def test_what_says_nothing_is_unknown() -> None:
    assert verdict("sojourn", result(longest_service_s=0.1)) is Verdict.UNKNOWN, "a bound that noise made long"
    assert verdict("recovery", result(longest_service_s=0.1)) is Verdict.UNKNOWN
    assert verdict("goodput", result(generator_cores=0.5)) is Verdict.UNKNOWN, "the generator is what was measured"
    assert verdict("offer_p50", result()) is Verdict.UNKNOWN
    assert verdict("crash", result("crashing workers", crashed=0.0)) is Verdict.UNKNOWN
    assert verdict("collapse", result("collapse")) is Verdict.UNKNOWN
    assert verdict("sojourn", replace(result(), ladders={})) is Verdict.UNKNOWN


def test_a_run_that_broke_off_never_passes() -> None:
    for bound in ("ledger", "depth", "goodput", "memory", "rejections"):
        assert verdict(bound, replace(result(), ended="hang: no word for 20 s")) is Verdict.UNKNOWN
    assert verdict("depth", replace(result(peak_depth=9e5), ended="the process grew by 512 MiB")) is Verdict.ILLEGAL
    assert verdict("memory", replace(result(rss_peak_bytes=2.0**29), ended="the process grew by 512 MiB")) is Verdict.ILLEGAL


def test_a_fault_names_the_command_that_shows_it() -> None:
    finding = judge(BOUNDS["depth"], Evidence(result(peak_depth=65.0), {}))
    assert finding.replay == "tidegate stress --case 100x --seconds 3 --seed 0"
    assert finding.measured == pytest.approx(65 / 64)
