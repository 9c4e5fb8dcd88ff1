"""The workflow of GitHub: it can be read, names what is there, and uses actions that still run."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FILE = ROOT / ".github" / "workflows" / "gate.yml"
TEXT = FILE.read_text(encoding="utf-8")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# The first major version of each that runs on Node 24: runners have no older Node.
ACTIONS = {"actions/checkout": 5, "actions/setup-python": 6, "actions/cache": 5, "actions/upload-artifact": 6}
SHELL = {"bash", "python3"}  # what a runner has


def jobs() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml", reason="no reader of YAML here")
    return dict[str, Any](yaml.safe_load(TEXT)["jobs"])


def test_every_version_that_we_claim_is_in_the_matrix() -> None:
    found = jobs()
    claimed = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if re.search(r":: Python :: 3\.\d+$", each)]
    assert found["gate"]["strategy"]["matrix"]["python"] == claimed == ["3.11", "3.12", "3.13", "3.14", "3.15"]
    assert found["free-threaded"]["strategy"]["matrix"]["python"] == ["3.14t", "3.15t"]
    for job in found.values():
        assert job["strategy"]["fail-fast"] is False
        assert job["timeout-minutes"] > 0
    assert "continue-on-error" not in TEXT


def test_actions_run_on_what_runners_have() -> None:
    used = re.findall(r"uses: (\S+)", TEXT)
    assert used
    for action in used:
        name, _, version = action.partition("@v")
        assert int(version) >= ACTIONS[name], action


def test_commands_are_there() -> None:
    scripts = {f".venv/bin/{name}" for name in (*PROJECT["scripts"], "pip", "pytest")}
    commands = [step["run"] for job in jobs().values() for step in job["steps"] if "run" in step]
    assert len(commands) == 6
    for command in commands:
        for part in command.split(" && "):
            assert part.split()[0] in SHELL | scripts, part
        for file in re.findall(r"\.ci/\S+", command):
            assert (ROOT / file).is_file()


def test_what_is_pinned_there_is_pinned_so_everywhere() -> None:
    pinned = re.findall(r"[\w-]+==[\w.]+", TEXT)
    assert pinned
    assert set(pinned) <= set(PROJECT["optional-dependencies"]["gate"])
