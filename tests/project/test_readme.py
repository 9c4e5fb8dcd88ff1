"""The README's two commands: one line each, marked, so that `.ci/run` runs the very line that a reader copies."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOOD = "# tidegate\n\n<!-- command: tests -->\n```sh\npytest\n```\n"


def extract(readme: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Run the script that `.ci/run` uses."""
    command = [sys.executable, str(ROOT / ".ci" / "readme_command.py"), str(readme), name]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "last"), [("gate", ".venv/bin/tidegate verify"), ("tests", ".venv/bin/pytest -n 3 --dist worksteal")]
)
def test_readme_has_the_command(name: str, last: str) -> None:
    extracted = extract(ROOT / "README.md", name)
    assert extracted.returncode == 0, extracted.stderr
    assert extracted.stdout.startswith("python3 -m venv .venv && ")
    assert extracted.stdout.endswith(f" && {last}\n")
    assert extracted.stdout.count("\n") == 1


def test_right_readme_gives_the_line(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(GOOD)
    assert extract(readme, "tests").stdout == "pytest\n"


@pytest.mark.parametrize(
    "planted",
    [
        "",
        "pytest\n",
        GOOD.replace("tests", "gate"),
        GOOD + GOOD,
        GOOD.replace("pytest", "cd clone\npytest"),
        GOOD.replace("pytest", ""),
        GOOD.replace("pytest\n", ""),
        GOOD.replace("```sh", "```python"),
        GOOD.replace("```sh", "text\n```sh"),
        GOOD.removesuffix("```\n"),
    ],
)
def test_planted_fault_is_found(planted: str, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(planted)
    extracted = extract(readme, "tests")
    assert extracted.returncode == 1
    assert "tests" in extracted.stderr
    assert extracted.stdout == ""


def test_the_gate_needs_the_gate_extra_alone() -> None:
    line = extract(ROOT / "README.md", "gate").stdout
    assert "pip install -q '.[gate]' &&" in line
    assert line.count("[") == 1
