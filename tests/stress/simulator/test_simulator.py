"""`tidegate simulate`: a service with a knee in virtual time, the limits that are compared, and the table that is checked in."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tidegate_gate import cli
from tidegate_specs.check import Verdict
from tidegate_stress.simulator import AIMD, Fixed, Gradient2, Limiter, Vegas, Workload, ours, simulate
from tidegate_stress.simulator import judge as judging
from tidegate_stress.simulator.judge import OURS, best_fixed, compare, from_json, table, to_json
from tidegate_stress.simulator.rows import FIRST, ROWS
from tidegate_stress.simulator.workload import ARRIVALS, SERVICES

ROOT = Path(__file__).parents[3]
REPORT = from_json((ROOT / "stress" / "reports" / "simulate.json").read_text("utf-8"))
KNOWN_MISSES = {
    ("exponential work", 64),
    ("work 3x slower from 20 to 40 s", 4),
    ("knee 16, 8 from 20 s, 24 from 40 s", 64),
    ("slow work, 200 ms", 64),
    ("no knee below the wall", 4),
}
PAGE = (ROOT / "kernel" / "docs" / "limit.md").read_text("utf-8")
MAKERS: dict[str, Callable[[], Limiter]] = {
    "ours": lambda: ours(4, 64),
    "Gradient2": lambda: Gradient2(4, 64, 20),
    "Vegas": lambda: Vegas(4, 64, 20),
    "AIMD": lambda: AIMD(4, 64, 20),
    "fixed": lambda: Fixed(20),
}


@pytest.mark.parametrize("service", SERVICES)
def test_the_mean_time_is_what_it_says(service: str) -> None:
    workload = Workload(service=service, offered=0.05)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    result = simulate(workload, Fixed(64), 600, 1)
    assert result.finished > 20_000
    assert result.offered == pytest.approx(0.05 * workload.best_per_s() * 600, rel=0.05)


@pytest.mark.parametrize("arrivals", ARRIVALS)
def test_what_comes_is_as_much_as_it_says(arrivals: str) -> None:
    workload = Workload(arrivals=arrivals, offered=2.0, rest=0.2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    wanted = workload.best_per_s() * 60 * (1.1 if arrivals == "on/off" else 2.0)
    assert simulate(workload, Fixed(16), 60, 1).offered == pytest.approx(wanted, rel=0.05)


def test_a_service_does_the_most_at_its_knee() -> None:
    workload = Workload(service="constant", contention=0.5, arrivals="constant", offered=4.0)
    per_s = {n: simulate(workload, Fixed(n), 20, 1).finished / 20 for n in (8, 16, 32, 64)}
    assert per_s[8] == pytest.approx(400, rel=0.03)
    assert per_s[16] == pytest.approx(800, rel=0.03)
    assert per_s[32] == pytest.approx(800 / 1.5, rel=0.03)
    assert per_s[64] == pytest.approx(800 / 2.5, rel=0.05)


def test_callers_give_up() -> None:
    patient = simulate(Workload(service="constant"), Fixed(64), 20, 1)
    hasty = simulate(Workload(service="constant", patience_s=0.05), Fixed(64), 20, 1)
    assert patient.finished == hasty.finished
    assert patient.good == patient.finished
    assert hasty.good < 0.05 * hasty.finished
    assert hasty.p50_s == pytest.approx(0.08, rel=0.05)


@pytest.mark.parametrize("name", MAKERS)
def test_the_same_seed_gives_the_same_result(name: str) -> None:
    workload = Workload(service="heavy", arrivals="on/off", knees=((5, 8),), patience_s=0.2)
    first, again = (simulate(workload, MAKERS[name](), 10, 7) for _ in range(2))
    assert first == again
    assert first != simulate(workload, MAKERS[name](), 10, 8)
    assert first.offered == simulate(workload, Fixed(1), 10, 7).offered, "every limiter is offered the same"
    assert all(1 <= limit <= 64 for _, limit in first.limits)


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("name", ["constant work", "bimodal work", "heavy-tailed work", "slow work, 200 ms"])
def test_ours_finds_the_knee(name: str, first: int) -> None:
    (row,) = [row for row in ROWS if row.name == name]
    result = simulate(row.workload, ours(4, 64, first), 60, 1)
    assert result.limit_between(50, 60) == pytest.approx(row.knee, rel=0.3)
    _, best_per_s = best_fixed(replace(row.workload), 60, [1])
    assert result.goodput_per_s >= 0.85 * best_per_s


def test_planted_worse_limit_goes_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "LIMITERS", {**judging.LIMITERS, OURS: judging.LIMITERS["fixed"]})
    (row,) = [row for row in ROWS if row.name == "constant work"]
    lines = compare(row, FIRST, 10, [1])
    assert [line.verdict for line in lines] == [Verdict.ILLEGAL] * 2
    assert "best fixed limit" in lines[0].wrong[0]
    assert "within 20% of the knee" in lines[1].wrong[-1]


def test_the_report_is_of_all_rows_and_misses_what_the_page_says() -> None:
    assert [(line.row, line.first) for line in REPORT] == [(row.name, first) for row in ROWS for first in FIRST]
    assert {(line.row, line.first) for line in REPORT if line.verdict is not Verdict.OK} == KNOWN_MISSES
    assert min(line.goodput[OURS] for line in REPORT) > 0.84
    assert min(line.goodput[OURS] / max(line.goodput.values()) for line in REPORT) > 0.94
    assert from_json(to_json(REPORT, 60, [1])) == REPORT


def test_the_table_is_what_the_report_says() -> None:
    found = re.search(r"<!-- table: simulate .*?-->\n(.*?)<!-- end -->", PAGE, re.DOTALL)
    assert found is not None
    assert found[1] == table(REPORT)


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    assert cli.main(["simulate", "--row", "no overload", "--seconds", "10", "--json", str(file)]) in (0, 1)
    assert "no overload, from 4" in capsys.readouterr().out
    assert [line["first"] for line in json.loads(file.read_text())["lines"]] == list(FIRST)
    assert cli.main(["simulate", "--from", str(file), "--markdown"]) in (0, 1)
    assert capsys.readouterr().out.startswith("| load | from | AdaptiveLimit |")
    assert cli.main(["simulate", "--row", "nosuch"]) == 2
    assert "no row has nosuch" in capsys.readouterr().err
    assert cli.main(["simulate", "--from", str(tmp_path / "none.json")]) == 2
