"""What we advise to install is what the wheel ships: each piece of advice is installed from it. `.ci/run` resolves them as well."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate_specs.extras import EXTRAS, advice

ROOT = Path(__file__).parents[2]
OLD = "head" + "gate"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the wheel that `.ci/run` has built, or build one: that needs the index, or hatchling in this environment."""
    if built := os.environ.get("TIDEGATE_WHEEL"):
        return Path(built)
    folder = tmp_path_factory.mktemp("wheel")
    alone = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", *alone, "--wheel-dir", str(folder), str(ROOT)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert run.returncode == 0, run.stderr
    (found,) = folder.glob("*.whl")
    return found


def judge(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the script that `.ci/run` uses."""
    command = [sys.executable, str(ROOT / ".ci" / "install_lines.py"), str(tree), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)


def test_all_advice_is_collected_and_installs_from_the_wheel(wheel: Path) -> None:
    judged = judge(ROOT, str(wheel))
    assert judged.returncode == 0, judged.stderr
    for extra in EXTRAS:
        assert f"tidegate[{extra}] " in judged.stdout
        assert f"pip install 'tidegate[{extra}]'" in advice("tidegate x", extra)
    for word in (".[gate]", ".[test]", "tidegate[dev]"):
        assert f"{word} " in judged.stdout
    assert "  tidegate: tidegate " in judged.stdout, "the kernel alone"


def tree_with(folder: Path, line: str, file: str = "README.md") -> Path:
    """Make a small tree in which one file advises something."""
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(line + "\n", encoding="utf-8")
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text("utf-8"), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("line", "listed"),
    [
        ("Write `pip install tidegate`.", "tidegate "),
        ("Try pip install 'tidegate[gate]'.", "tidegate[gate] "),
        ('.venv/bin/pip install -q ".[gate, lab]" && x', ".[gate, lab] "),
        ('"$venv/bin/pip" install . hypothesis pytest', ". "),
        ("pip install --upgrade 'tidegate>=0.2'  # soon", "tidegate>=0.2 "),
    ],
)
def test_right_advice_passes(line: str, listed: str, tmp_path: Path) -> None:
    judged = judge(tree_with(tmp_path, line))
    assert judged.returncode == 0, judged.stderr
    assert re.search(rf"^{re.escape(listed)}", judged.stdout, re.MULTILINE)


@pytest.mark.parametrize("file", ["README.md", "kernel/docs/a.md", "specs/a/b.md", "stress/x/y.py", ".github/workflows/a.yml"])
@pytest.mark.parametrize("name", [f"{OLD}[gate]", OLD, "tide-gate", "tidegate_specs"])
def test_planted_name_is_found(name: str, file: str, tmp_path: Path) -> None:
    judged = judge(tree_with(tmp_path, f"x = \"pip install '{name}'\"", file))
    assert judged.returncode == 1
    assert f"{file}: '{name}' is not tidegate" in judged.stderr


@pytest.mark.parametrize("planted", ["", "pip install", "pip install '{name}'", "pip install --pre tidegate"])
def test_planted_advice_that_cannot_be_read_is_found(planted: str, tmp_path: Path) -> None:
    assert judge(tree_with(tmp_path, planted)).returncode == 1


def test_planted_extra_is_found(tmp_path: Path, wheel: Path) -> None:
    judged = judge(tree_with(tmp_path, "pip install 'tidegate[gates]'"), str(wheel))
    assert judged.returncode == 1
    assert "README.md: tidegate[gates]: the wheel has no extra gates" in judged.stderr


def test_planted_wheel_without_the_kernel_is_found(tmp_path: Path) -> None:
    planted = tmp_path / "tidegate-0.2.0-py3-none-any.whl"
    planted.write_bytes(b"")
    assert judge(tree_with(tmp_path, "pip install tidegate"), str(planted)).returncode == 1
