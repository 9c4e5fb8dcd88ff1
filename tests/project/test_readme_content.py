"""The README's examples run, and its tables say what the code says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from headgate_specs.clauses import CLAUSES
from headgate_specs.explore.configurations import CONFIGURATIONS
from headgate_specs.mutation import describe, mutant_names
from headgate_specs.prove import EXPECTED
from headgate_specs.prove.mutants import MUTANTS
from headgate_stress.bench import BARS, FLAT_BAR, GOODPUT_BAR, SLOT_BAR_BYTES

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def table(name: str) -> list[list[str]]:
    """Give the cells of the table below its marker, without the two lines of its head."""
    found = re.search(rf"<!-- table: {name} .*?-->\n(.*?)<!-- end -->", README, re.DOTALL)
    assert found is not None, name
    lines = [line for line in found[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("name", ["first", "worker"])
def test_example_runs(name: str) -> None:
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", README, re.DOTALL)
    assert found is not None
    subprocess.run([sys.executable, "-W", "error", "-c", found[1]], check=True, timeout=60)


def test_guarantee_table_is_the_registry() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "headgate_stress", "spec", "--markdown"], capture_output=True, text=True, check=False, timeout=100
    )
    assert shown.returncode == 0, shown.stderr
    assert f"-->\n{shown.stdout}<!-- end -->" in README, "put in what `headgate spec --markdown` prints"


def test_verdict_table_names_every_clause() -> None:
    rows = table("verdicts")
    assert [row[0] for row in rows] == [clause.id for clause in CLAUSES]
    assert {row[1] for row in rows} <= {"OK", "UNKNOWN"}


def test_figures_meet_the_bars_that_the_benchmark_asserts() -> None:
    at_most = {**BARS, "flat in capacity": FLAT_BAR, "bytes per slot": float(SLOT_BAR_BYTES)}
    rows = table("figures")
    assert [row[0] for row in rows] == [*at_most, "goodput under eight spinning producers"]
    for name, bar, *figures in rows:
        assert len(figures) == 3, "one for each interpreter"
        if name in at_most:
            assert float(bar) == at_most[name]
            assert all(float(figure) <= at_most[name] for figure in figures)
        else:
            assert float(bar) == GOODPUT_BAR
            assert all(float(figure) >= GOODPUT_BAR for figure in figures)


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
