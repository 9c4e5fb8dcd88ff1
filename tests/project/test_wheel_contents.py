"""The check of the wheel's contents passes a right wheel and finds each planted fault. `.ci/run` applies it to the real one."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INFO = "tidegate-0.2.0.dist-info"
METADATA = f"{INFO}/METADATA"
GOOD_METADATA = """\
Metadata-Version: 2.4
Name: tidegate
Version: 0.2.0
License-Expression: MIT
License-File: LICENSE
Requires-Python: >=3.11
Provides-Extra: gate
Requires-Dist: hypothesis>=6; extra == 'gate'
"""
PACKAGES = {"tidegate": "kernel", "tidegate_gate": "specs", "tidegate_specs": "specs", "tidegate_stress": "stress"}


def right_files(clone: Path) -> dict[str, str]:
    """Make a small clone, and list the files of its wheel."""
    files = {"tidegate/LICENSE": "MIT"}
    for package, folder in PACKAGES.items():
        files |= {f"{package}/__init__.py": "", f"{package}/py.typed": ""}
        (clone / folder / package).mkdir(parents=True)
    for name, text in files.items():
        folder = next(folder for package, folder in PACKAGES.items() if name.startswith(f"{package}/"))
        (clone / folder / name).write_text(text)
    info = dict.fromkeys(["RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"], "")
    return files | {f"{INFO}/{name}": text for name, text in info.items()} | {METADATA: GOOD_METADATA}


def judge(files: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Zip the files to a wheel and run the check on it."""
    wheel = folder / "tidegate-0.2.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    command = [sys.executable, str(ROOT / ".ci" / "wheel_contents.py"), str(wheel), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_right_wheel_passes(tmp_path: Path) -> None:
    files = right_files(tmp_path)
    judged = judge(files, tmp_path)
    assert judged.returncode == 0, judged.stderr
    for name in files:  # each is listed
        assert f"  {name}\n" in judged.stdout


@pytest.mark.parametrize(
    "extra",
    [
        "tests/test_imports.py",
        "kernel/tidegate/__init__.py",
        "tidegate/__pycache__/_slots.cpython-311.pyc",
        "tidegate/extra.py",
        "conftest.py",
        f"{INFO}/top_level.txt",
        "tidegate-0.2.0.data/scripts/run",
    ],
)
def test_planted_file_is_found(extra: str, tmp_path: Path) -> None:
    judged = judge(right_files(tmp_path) | {extra: ""}, tmp_path)
    assert judged.returncode == 1
    assert f"not from the four packages: {extra}" in judged.stderr


@pytest.mark.parametrize(
    "lost",
    [
        "tidegate/py.typed",
        "tidegate/LICENSE",
        "tidegate_specs/__init__.py",
        "tidegate_gate/py.typed",
        "tidegate_stress/py.typed",
        METADATA,
    ],
)
def test_planted_loss_is_found(lost: str, tmp_path: Path) -> None:
    files = right_files(tmp_path)
    del files[lost]
    judged = judge(files, tmp_path)
    assert judged.returncode == 1
    assert f"missing: {lost}" in judged.stderr


@pytest.mark.parametrize("lost", ["kernel/tidegate/LICENSE", "kernel/tidegate/py.typed", "specs/tidegate_specs/py.typed"])
def test_file_that_both_lack_is_found(lost: str, tmp_path: Path) -> None:
    files = right_files(tmp_path)
    name = lost.partition("/")[2]
    del files[name]
    (tmp_path / lost).unlink()
    judged = judge(files, tmp_path)
    assert judged.returncode == 1
    assert f"missing: {name}" in judged.stderr


def test_data_file_is_found_though_the_clone_has_it(tmp_path: Path) -> None:
    files = right_files(tmp_path) | {"tidegate/notes.txt": ""}
    (tmp_path / "kernel" / "tidegate" / "notes.txt").write_text("")
    judged = judge(files, tmp_path)
    assert judged.returncode == 1
    assert "neither a module nor a licence: tidegate/notes.txt" in judged.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Requires-Dist: hypothesis>=6; extra == 'gate'", "Requires-Dist: hypothesis>=6"),
        ("License-Expression: MIT", "License-Expression: GPL-3.0-only"),
        ("License-File: LICENSE\n", ""),
        ("Requires-Python: >=3.11", "Requires-Python: >=3.8"),
        ("Name: tidegate", "Name: tidegate-core"),
    ],
)
def test_planted_metadata_is_found(right: str, wrong: str, tmp_path: Path) -> None:
    judged = judge(right_files(tmp_path) | {METADATA: GOOD_METADATA.replace(right, wrong)}, tmp_path)
    assert judged.returncode == 1
    assert judged.stderr.startswith("tidegate-0.2.0-py3-none-any.whl: ")
