"""What the README and the pages say is what the code says: examples run, tables are those of the registry and the reports."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tidegate_gate import capabilities
from tidegate_gate.peers import as_markdown, read, verdict_in
from tidegate_specs import adapters, policies
from tidegate_specs.builds import FREE_THREADED
from tidegate_specs.check import needs
from tidegate_specs.conformance.levels import LEVELS
from tidegate_specs.conformance.peers import PEERS
from tidegate_specs.explore.configurations import CONFIGURATIONS
from tidegate_specs.mutation.patching import describe, mutant_names
from tidegate_specs.operators import record as operators
from tidegate_specs.prove import EXPECTED
from tidegate_specs.prove.mutants import MUTANTS
from tidegate_specs.registry import CLAUSES
from tidegate_stress.bench.rows import BARS_FROM_3_14, BARS_TO_3_13, FLAT_BAR, GOODPUT_BAR, SLOT_BAR_BYTES
from tidegate_stress.lab.bounds import BOUNDS
from tidegate_stress.lab.case import OURS, Finding, from_json
from tidegate_stress.lab.text import number, time_text
from tidegate_stress.web.case import WebResult
from tidegate_stress.web.case import from_json as web_report
from tidegate_stress.web.report import recovery_text

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
USING = ROOT / "kernel" / "docs" / "using.md"
GUARANTEES = ROOT / "specs" / "docs" / "guarantees.md"
OWN_QUEUE = ROOT / "specs" / "docs" / "own-queue.md"
VENDORING = ROOT / "specs" / "docs" / "vendoring.md"
EXPLORER = ROOT / "specs" / "docs" / "explorer.md"
PROOFS = ROOT / "specs" / "docs" / "proofs.md"
OVERLOAD_PAGE = ROOT / "stress" / "docs" / "overload.md"
WEB_PAGE = ROOT / "stress" / "docs" / "web.md"
FIGURES = ROOT / "stress" / "docs" / "figures.md"

# The README can be read in three minutes.
MOST_LINES, LONGEST_LINE, MOST_FEARS, MOST_PEERS = 150, 140, 10, 8


def marked(page: Path, kind: str, name: str, language: str) -> str:
    """Give what is in the block of code below a mark."""
    found = re.search(rf"<!-- {kind}: {name} -->\n```{language}\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert found is not None, (page, name)
    return found[1]


def table(page: Path, name: str) -> list[list[str]]:
    """Give the cells of the table below its mark, without the two lines of its head."""
    found = re.search(rf"<!-- table: {name} .*?-->\n(.*?)<!-- end -->", page.read_text("utf-8"), re.DOTALL)
    assert found is not None, (page, name)
    lines = [line for line in found[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def words(page: Path) -> str:
    """Give the text of a page in one line."""
    return " ".join(page.read_text("utf-8").split())


def test_the_readme_is_read_in_three_minutes() -> None:
    lines = README.read_text("utf-8").splitlines()
    assert len(lines) <= MOST_LINES
    assert [line for line in lines if len(line) > LONGEST_LINE] == []


@pytest.mark.parametrize(("page", "name"), [(README, "first"), (USING, "worker"), (OWN_QUEUE, "adapter"), (OWN_QUEUE, "limiter")])
def test_example_runs(page: Path, name: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", marked(page, "example", name, "python")], check=True, timeout=60)


def rows(text: str) -> dict[str, set[str]]:
    """Give by verdict and clause what a run rests on, whatever the numbers and the order."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if re.match(r"[A-Z]+ +[A-Z]+-\d ", line):
            found[" ".join(line.split()[:2])] = " ".join(line.split()[2:])
        elif line.startswith("   ") and found:
            found[list(found)[-1]] += " " + line.strip()
    return {clause: set(re.sub(r"\d[\d,]*", "#", told).split("; ")) for clause, told in found.items()}


def test_the_sample_adapter_ends_ok_as_the_page_shows(tmp_path: Path) -> None:
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "module.py").write_text(marked(OWN_QUEUE, "example", "adapter", "python"), encoding="utf-8")
    command = [sys.executable, "-m", "tidegate_gate", "verify", "--level", "threads", "--intake", "my.module:MyQueue"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    shown = marked(OWN_QUEUE, "output", "own", "text")
    assert shown.startswith("verdict: OK (8 clauses, 13 checks, ")
    assert len(rows(shown)) == 8
    assert "level held: threads" in run.stdout
    assert rows(run.stdout.partition("\nverdict: ")[2]) == rows(shown), run.stdout


def test_the_sample_limiter_ends_ok(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(marked(OWN_QUEUE, "example", "limiter", "python"), encoding="utf-8")
    command = [sys.executable, "-m", "tidegate_gate", "verify", "--intake", "mine:MyLimiter"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1].startswith("tidegate: OK (4 clauses, 3 checks, ")


def test_the_table_of_levels_is_the_code() -> None:
    shown = table(OWN_QUEUE, "levels")
    assert shown == [[level.name, level.sentence, ", ".join(level.clauses)] for level in LEVELS]


@pytest.mark.skipif(FREE_THREADED, reason="there are more checks on free-threaded builds")
def test_capabilities_table_is_the_code() -> None:
    shown = capabilities.as_markdown()
    wanted = f"<!-- table: capabilities (python -m tidegate_gate.capabilities) -->\n{shown}\n<!-- end -->"
    assert wanted in OWN_QUEUE.read_text("utf-8"), shown


def test_what_a_capability_brings_in_is_not_judged_without_it() -> None:
    assert capabilities.brought_in("close") == ["RESPONSIVE-1", "RESPONSIVE-2", "LATENCY-1", "STABLE-1", "CLOSE-1", "CLOSE-2"]
    assert capabilities.judged(needs("offer take")) == {"BOUND-1", "LOCAL-1"}


def test_vendor_example_runs(tmp_path: Path) -> None:
    """As it stands, but for the last command, of which one check is run."""
    (tmp_path / "src" / "myapp").mkdir(parents=True)
    (tmp_path / "src" / "myapp" / "__init__.py").touch()
    commands = [line.partition("#")[0].split() for line in marked(VENDORING, "example", "vendor", "sh").splitlines()]
    commands[-1] += ["--check", "scenarios.01"]
    for name, *rest in commands:
        assert name == "tidegate"
        subprocess.run([sys.executable, "-m", "tidegate_gate", *rest], cwd=tmp_path, check=True, timeout=60)


def test_what_vendor_prints_is_what_the_page_shows(tmp_path: Path) -> None:
    """In a project that is built by setuptools; the place of the project apart."""
    (tmp_path / "src" / "myapp").mkdir(parents=True)
    (tmp_path / "src" / "myapp" / "__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text('[build-system]\nbuild-backend = "setuptools.build_meta"\n[project]\nname = "myapp"\n')
    command = [sys.executable, "-m", "tidegate_gate", "vendor", "src/myapp/_gate"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.replace(str(tmp_path.resolve()), "~/myapp") == marked(VENDORING, "output", "vendor", "text")


def test_the_page_on_vendoring_says_how_the_kernel_is_installed_alone() -> None:
    assert "Copying needs the kernel alone: `pip install .` in a clone" in words(VENDORING)
    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"] == []


def test_the_fears_name_every_clause_of_the_kernel() -> None:
    rows = table(README, "fears")
    assert len(rows) <= MOST_FEARS
    named = {each for row in rows for each in row[2].split(", ")}
    assert named == {clause.id.rpartition("-")[0] for clause in CLAUSES if not clause.id.startswith(ADAPTERS)}


ADAPTERS = ("EXECUTOR", "BULKHEAD", "ASYNC", "WEB", "LOG", "EDGE", "METRICS", "POLICY", "FRESH", "LIMIT", "CLASS")

# The columns of the README's comparison: a clause, and what it means there.
COMPARED = {
    "BOUND-1": "bounded",
    "EXACT-1": "full means full",
    "NOWAIT-2": "nobody stuck",
    "LOCAL-1": "once, in order",
    "INTERRUPT-1": "exceptions",
    "REENTRY-1": "handlers",
}


def compared() -> str:
    """Give the table that the README must have, from the verdicts that are checked in. SimpleQueue has no bound to compare."""
    found = read(ROOT / "specs" / "verdicts" / "cpython-3.14.json")
    columns = [column for column in found.columns if column.title != "queue.SimpleQueue"]
    assert len(columns) == len(PEERS) <= MOST_PEERS
    lines = ["| | " + " | ".join(COMPARED.values()) + " |", "|" + "---|" * (1 + len(COMPARED))]
    for column in columns:
        name = column.title if column.name == OURS else f"`{column.title}`"
        lines.append(f"| {name} | " + " | ".join(verdict_in(column, id_) for id_ in COMPARED) + " |")
    return "\n".join(lines)


def test_the_comparison_is_what_the_verdicts_say() -> None:
    assert f"<!-- table: compare (tidegate peers) -->\n{compared()}\n<!-- end -->" in README.read_text("utf-8"), compared()
    for id_, text in COMPARED.items():
        assert re.search(rf"\*{text}\*[^*]*\({id_}\)", words(README)), text


@pytest.mark.parametrize("options", ["--markdown", "--markdown --adapters", "--markdown --policies"])
def test_guarantee_tables_are_the_registry(options: str) -> None:
    command = [sys.executable, "-m", "tidegate_gate", "spec", *options.split()]
    shown = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert shown.returncode == 0, shown.stderr
    wanted = f"(tidegate spec {options}) -->\n{shown.stdout}<!-- end -->"
    assert wanted in GUARANTEES.read_text("utf-8"), f"put in what `tidegate spec {options}` prints"


def test_peers_table_is_what_was_found() -> None:
    found = read(ROOT / "specs" / "verdicts" / "cpython-3.14.json")
    shown = as_markdown(found).partition("\n\n")[0]
    assert f"<!-- table: peers (tidegate peers --markdown) -->\n{shown}\n<!-- end -->" in OWN_QUEUE.read_text("utf-8")


def test_figures_meet_the_bars_that_the_benchmark_asserts() -> None:
    rows = table(FIGURES, "figures")
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
    assert f"Z3 prove {sum(EXPECTED.values()):,} obligations" in words(PROOFS)
    assert len(MUTANTS) == 40, "the page says forty"


def test_what_is_explored_is_counted_right() -> None:
    races = [name for name in mutant_names() if describe(name).within]
    for text in (
        f"every schedule of {len(CONFIGURATIONS)} small configurations",
        f"Of the {len(mutant_names())} kernels",
        f"{len(races)} are races",
    ):
        assert text in words(EXPLORER), text


def test_what_operators_made_is_counted_right() -> None:
    record = operators.Record.read()
    assert record is not None
    assert operators.figures(record) in words(EXPLORER), f"put in: {operators.figures(record)}"


# Rows of the table of what the laboratory saw: what it is called there, the bound, the case.
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
    seen: list[dict[tuple[str, str], Finding]] = []
    for version in ("3.11", "3.13"):
        report = from_json((ROOT / "stress" / "reports" / f"cpython-{version}.json").read_text("utf-8"))
        seen.append({(each.bound, each.case): each for each in report.findings if each.subject == OURS})
    rows: list[list[str]] = []
    for name, bound, case in OVERLOAD:
        found = [figures[bound, case] for figures in seen]
        allowed = {f"{each.relation} {number(each.limit)} {each.unit}": None for each in found}
        rows.append([name, "; ".join(allowed), *(number(each.measured) for each in found)])
    return rows


# Rows of the table of what real servers did: what it is called there, and the figure's text.
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
    assert table(WEB_PAGE, "web") == wanted, f"put in:\n{text}"


def test_broken_adapters_are_counted_right() -> None:
    assert f"Of the {len(mutant_names(adapters.mutants))} adapters that are broken on purpose" in words(GUARANTEES)
    assert f"Of the {len(mutant_names(policies.mutants))} policies that are broken on purpose" in words(GUARANTEES)


def test_overload_table_is_what_the_reports_say() -> None:
    wanted = overload_rows()
    text = "\n".join("| " + " | ".join(row) + " |" for row in wanted)
    assert table(OVERLOAD_PAGE, "overload") == wanted, f"put in:\n{text}"
    assert f"judges {len(BOUNDS)} bounds" in words(OVERLOAD_PAGE)
