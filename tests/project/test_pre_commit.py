"""The hook that pre-commit reads: it can be parsed, its entry is a command of this project, and it takes less than a second."""

import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from tidegate import __version__

ROOT = Path(__file__).parents[2]
CAP_S = 10.0  # it takes a fraction of a second; the machine may be busy


def hooks() -> list[dict[str, str]]:
    """Read the hooks: of YAML, a list of mappings of plain words is all that the file may hold."""
    found: list[dict[str, str]] = []
    for line in (ROOT / ".pre-commit-hooks.yaml").read_text("utf-8").splitlines():
        parts = re.fullmatch(r"(- |  )([a-z_]+): ([\w`.,\- ]+)", line)
        assert parts is not None, line
        if parts[1] == "- ":
            found.append({})
        assert parts[2] not in found[-1], line
        found[-1][parts[2]] = parts[3]
    return found


def test_the_hook_has_what_pre_commit_asks_for() -> None:
    (hook,) = hooks()
    assert {"id", "name", "entry", "language"} <= set(hook)
    assert (hook["id"], hook["language"], hook["pass_filenames"], hook["always_run"]) == (
        "tidegate-vendored",
        "python",
        "false",
        "true",
    )
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert hook["entry"].split()[0] in scripts


def test_the_page_shows_how_to_use_it() -> None:
    found = re.search(
        r"<!-- example: pre-commit -->\n```yaml\n(.*?)```", (ROOT / "specs" / "docs" / "vendoring.md").read_text("utf-8"), re.DOTALL
    )
    assert found is not None
    (hook,) = hooks()
    assert f"- id: {hook['id']}\n        args: [src/myapp/_gate]\n" in found[1]
    assert f"rev: v{__version__} " in found[1]
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]
    assert re.findall(r"- repo: (\S+)", found[1]) == [urls["Repository"]]


def test_the_file_is_yaml_for_others_too() -> None:
    yaml = pytest.importorskip("yaml", reason="no reader of YAML here")
    text = (ROOT / ".pre-commit-hooks.yaml").read_text("utf-8")
    plain = {"true": True, "false": False}
    assert yaml.safe_load(text) == [{key: plain.get(value, value) for key, value in hook.items()} for hook in hooks()]


def test_the_entry_works_within_a_second_or_so(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "tidegate_gate", "vendor", str(tmp_path / "gate")], check=True, timeout=60)
    (hook,) = hooks()
    command = [sys.executable, "-m", "tidegate_gate", *hook["entry"].split()[1:], "gate"]
    statuses: list[int] = []
    for tampered in (False, True):
        if tampered:
            (tmp_path / "gate" / "_slots.py").unlink()
        started_s = time.monotonic()
        statuses.append(subprocess.run(command, cwd=tmp_path, check=False, timeout=60).returncode)
        seconds = time.monotonic() - started_s
        print(f"the hook took {seconds:.2f} s")
        assert seconds < CAP_S
    assert statuses == [0, 1]
