"""The README's examples run, and its tables say what the code says."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tidegate_specs import adapters
from tidegate_specs.explore.configurations import CONFIGURATIONS
from tidegate_specs.mutation import describe, mutant_names
from tidegate_specs.operators import record as operators
from tidegate_specs.prove import EXPECTED
from tidegate_specs.prove.mutants import MUTANTS
from tidegate_specs.registry import CLAUSES
from tidegate_stress.bench import BARS_FROM_3_14, BARS_TO_3_13, FLAT_BAR, GOODPUT_BAR, SLOT_BAR_BYTES
from tidegate_stress.lab.bounds import BOUNDS
from tidegate_stress.lab.case import OURS, from_json
from tidegate_stress.lab.text import number, time_text
from tidegate_stress.peers import as_markdown, read
from tidegate_stress.web.case import WebResult
from tidegate_stress.web.case import from_json as web_report
from tidegate_stress.web.report import recovery_text

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def table(name: str) -> list[list[str]]:
    """Give the cells of the table below its marker, without the two lines of its head."""
    found = re.search(rf"<!-- table: {name} .*?-->\n(.*?)<!-- end -->", README, re.DOTALL)
    assert found is not None, name
    lines = [line for line in found[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("name", ["first", "worker", "adapter"])
def test_example_runs(name: str) -> None:
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", README, re.DOTALL)
    assert found is not None
    subprocess.run([sys.executable, "-W", "error", "-c", found[1]], check=True, timeout=60)


def test_vendor_example_runs(tmp_path: Path) -> None:
    """As it stands, but for the last command, of which one check is run."""
    found = re.search(r"<!-- example: vendor -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert found is not None
    (tmp_path / "src" / "myapp").mkdir(parents=True)
    (tmp_path / "src" / "myapp" / "__init__.py").touch()
    commands = [line.partition("#")[0].split() for line in found[1].splitlines()]
    commands[-1] += ["--check", "scenarios.01"]
    for name, *words in commands:
        assert name == "tidegate"
        subprocess.run([sys.executable, "-m", "tidegate_stress", *words], cwd=tmp_path, check=True, timeout=60)


@pytest.mark.parametrize("options", ["--markdown", "--markdown --adapters"])
def test_guarantee_tables_are_the_registry(options: str) -> None:
    command = [sys.executable, "-m", "tidegate_stress", "spec", *options.split()]
    shown = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert shown.returncode == 0, shown.stderr
    assert f"(tidegate spec {options}) -->\n{shown.stdout}<!-- end -->" in README, f"put in what `tidegate spec {options}` prints"


def test_verdict_table_names_every_clause() -> None:
    rows = table("verdicts")
    assert [row[0] for row in rows] == [clause.id for clause in CLAUSES]
    assert {row[1] for row in rows} <= {"OK", "UNKNOWN"}


def test_peers_table_is_what_was_found() -> None:
    found = read(ROOT / "specs" / "verdicts" / "cpython-3.11.json")
    shown = as_markdown(found).partition("\n\n")[0]
    assert f"<!-- table: peers (tidegate peers --markdown) -->\n{shown}\n<!-- end -->" in README


def test_figures_meet_the_bars_that_the_benchmark_asserts() -> None:
    rows = table("figures")
    for columns, bars in ((slice(1, 5), BARS_TO_3_13), (slice(5, 8), BARS_FROM_3_14)):
        at_most = {**bars, "flat in capacity": FLAT_BAR, "bytes per slot": float(SLOT_BAR_BYTES)}
        assert [row[0] for row in rows] == [*at_most, "goodput under eight spinning producers"]
        for row in rows:
            bar, *figures = map(float, row[columns])
            if row[0] in at_most:
                assert bar == at_most[row[0]]
                assert all(figure <= bar for figure in figures)
            else:
                assert bar == GOODPUT_BAR
                assert all(figure >= bar for figure in figures)


def test_what_is_proved_is_counted_right() -> None:
    assert f"Z3 prove {sum(EXPECTED.values()):,} obligations" in " ".join(README.split())
    assert len(MUTANTS) == 40, "the README says forty"


def test_what_is_explored_is_counted_right() -> None:
    races = [name for name in mutant_names() if describe(name).within]
    for text in (
        f"every schedule of {len(CONFIGURATIONS)} small configurations",
        f"Of the {len(mutant_names())} kernels",
        f"{len(races)} are races",
    ):
        assert text in " ".join(README.split()), text


def test_what_operators_made_is_counted_right() -> None:
    record = operators.Record.read()
    assert record is not None
    assert operators.figures(record) in " ".join(README.split()), f"put in: {operators.figures(record)}"


# Rows of the README's table of what the laboratory saw: what it is called there, the bound, the case.
OVERLOAD = (
    ("goodput at 1x", "goodput", "1x"),
    ("goodput at 2x", "goodput", "2x"),
    ("goodput at 10x", "goodput", "10x"),
    ("goodput at 100x", "goodput", "100x"),
    ("goodput under eight spinning producers", "goodput_spinning", "spinning"),
    ("longest sojourn at 100x", "sojourn", "100x"),
    ("sojourn p99 at 100x", "sojourn_flat", "100x"),
    ("offer p50 at 1x", "offer_p50_calm", "paired 1x"),
    ("offer p50 at 2x", "offer_p50", "paired 2x"),
    ("offer p50 at 10x", "offer_p50", "paired 10x"),
    ("offer p50 at 100x", "offer_p50", "paired 100x"),
    ("offer p99.9 at 100x", "offer_p999", "paired 100x"),
    ("memory at 100x", "memory", "100x"),
    ("recovery from 100x", "recovery", "100x"),
)


def overload_rows() -> list[list[str]]:
    """Give the rows that the table must have, from the reports that are checked in."""
    seen: list[dict[tuple[str, str], float | None]] = []
    for version in ("3.11", "3.13"):
        report = from_json((ROOT / "stress" / "reports" / f"cpython-{version}.json").read_text("utf-8"))
        seen.append({(each.bound, each.case): each.measured for each in report.findings if each.subject == OURS})
    rows: list[list[str]] = []
    for name, bound, case in OVERLOAD:
        allowed = f"{BOUNDS[bound].relation} {number(BOUNDS[bound].limit)} {BOUNDS[bound].unit}"
        rows.append([name, allowed, *(number(figures[bound, case]) for figures in seen)])
    return rows


# Rows of the README's table of what real servers did: what it is called there, and the figure's text.
SERVERS = ("uvicorn", "waitress", "gunicorn")
WEB: tuple[tuple[str, Callable[[WebResult], str]], ...] = (
    ("answered in time, of what can be", lambda seen: f"{seen.figures['goodput_share']:.0%}"),
    ("p99 of what was taken in", lambda seen: time_text(seen.ladders["taken"].at(99.0))),
    ("p99 of a refusal", lambda seen: time_text(seen.ladders["rejected"].at(99.0)) if seen.case.guarded else "-"),
    ("memory", lambda seen: f"{(seen.figures['rss_growth_bytes']) / 2**20:+.1f} MiB"),
    ("answering in time again", recovery_text),
)


def web_rows() -> list[list[str]]:
    """Give the rows that the table must have, from the report that is checked in."""
    report = web_report((ROOT / "stress" / "reports" / "web.json").read_text("utf-8"))
    seen = {(str(result.case.server), result.case.guarded): result for result in report.results if result.case.name == "10x"}
    return [[name, *(text(seen[server, guarded]) for server in SERVERS for guarded in (False, True))] for name, text in WEB]


def test_web_table_is_what_the_report_says() -> None:
    wanted = web_rows()
    text = "\n".join("| " + " | ".join(row) + " |" for row in wanted)
    assert table("web") == wanted, f"put in:\n{text}"
    assert f"of the {len(mutant_names(adapters.mutants))} adapters broken on purpose" in " ".join(README.split())


def test_overload_table_is_what_the_reports_say() -> None:
    wanted = overload_rows()
    text = "\n".join("| " + " | ".join(row) + " |" for row in wanted)
    assert table("overload") == wanted, f"put in:\n{text}"
    assert f"judges {len(BOUNDS)} bounds" in " ".join(README.split())
