"""The name of 0.1.0 occurs nowhere but in the changelog: in no file, in no file's name, in no letter case."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OLD = b"head" + b"gate"  # so that it does not occur here either
HISTORY = "CHANGELOG.md"


def listed_by_git(root: Path) -> list[str] | None:
    """List what git has or would take; None where there is no git, or no repository."""
    if shutil.which("git") is None or not (root / ".git").exists():
        return None
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, check=False, timeout=60)
    return None if listed.returncode else [os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]


def is_ignored(path: str, is_folder: bool, patterns: list[str]) -> bool:
    """Tell whether one of .gitignore's patterns means a path. Those of ours have no slash but at an end."""
    for pattern in patterns:
        name = path if pattern.startswith("/") else path.rpartition("/")[2]
        if fnmatch(name, pattern.strip("/")) and (is_folder or not pattern.endswith("/")):
            return True
    return False


def walked(root: Path) -> Iterator[str]:
    """List the files below a folder that .gitignore does not leave out."""
    lines = (root / ".gitignore").read_text(encoding="utf-8").split()
    assert not any("/" in line.strip("/") or line.startswith(("!", "#")) for line in lines)
    for folder, folders, files in os.walk(root):
        below = Path(folder).relative_to(root).as_posix()
        prefix = "" if below == "." else f"{below}/"
        folders[:] = [name for name in folders if name != ".git" and not is_ignored(prefix + name, True, lines)]
        yield from (prefix + name for name in files if name != ".git" and not is_ignored(prefix + name, False, lines))


def occurrences(root: Path, files: list[str]) -> list[str]:
    """List the files that have the old name in their path or in their bytes. What is gone by now has nothing."""
    found: list[str] = []
    for name in files:
        file = root / name
        held = OLD in os.fsencode(name).lower() or (file.is_file() and OLD in file.read_bytes().lower())
        if held and name != HISTORY:
            found.append(name)
    return found


def test_the_old_name_is_history() -> None:
    listed = listed_by_git(ROOT)
    files = list(walked(ROOT)) if listed is None else listed
    assert len(files) > 300
    assert HISTORY in files
    assert occurrences(ROOT, files) == []


def plant(root: Path) -> set[str]:
    """Make a small tree with the old name in it; give the files that must be found."""
    old = OLD.decode()
    (root / ".gitignore").write_text((ROOT / ".gitignore").read_text("utf-8"), encoding="utf-8")
    planted = {
        "kernel/module.py": f"import {old}".encode(),
        "binary.whl": b"\x00\xff" + OLD.upper() + b"\xfe",
        f"docs/{old}.md": b"",
        f"docs/{old.title()}-docs/page.md": b"",
    }
    harmless = {"fine.py": b"head gate", HISTORY: OLD, "__pycache__/x.pyc": OLD, "mutants/a.py": OLD, ".coverage.1": OLD}
    for name, content in (planted | harmless).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return set(planted)


def test_planted_names_are_found_by_walking(tmp_path: Path) -> None:
    planted = plant(tmp_path)
    assert listed_by_git(tmp_path) is None
    assert set(occurrences(tmp_path, list(walked(tmp_path)))) == planted


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")
def test_planted_names_are_found_by_git(tmp_path: Path) -> None:
    planted = plant(tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True, timeout=60)
    files = listed_by_git(tmp_path)
    assert files is not None
    assert set(occurrences(tmp_path, files)) == planted
    assert set(files) == set(walked(tmp_path)), "both ways list the same"
