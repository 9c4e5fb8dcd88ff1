"""What a copy needs of its host's settings: found by build backend, printed or written, and no file is ever damaged."""

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import pytest

from tidegate_gate.cli import main
from tidegate_gate.settings import PLAIN_FILES, advise

BACKENDS = {
    "setuptools": "setuptools.build_meta",
    "hatchling": "hatchling.build",
    "flit_core": "flit_core.buildapi",
    "poetry.core": "poetry.core.masonry.api",
    "uv_build": "uv_build",
    "pdm.backend": "pdm.backend",
}
PROJECT = '[project]\nname = "toy"\nversion = "1"\ndescription = "A toy."\n'
BUILD = """
import importlib, sys
backend = importlib.import_module(sys.argv[1])
backend.build_sdist("dist"), backend.build_wheel("dist")
"""


def host(root: Path, project: str = PROJECT, layout: str = "src/toy", options: Sequence[str] = ("--with", "edges")) -> Path:
    """Make somebody's project with a copy in it; give the copy."""
    package = root / layout
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""A toy."""\n')
    if project:
        (root / "pyproject.toml").write_text(project)
    assert main(["vendor", str(package / "_gate"), *options]) == 0
    return package / "_gate"


def built_by(backend: str) -> str:
    return f'[build-system]\nrequires = []\nbuild-backend = "{backend}"\n'


def pyproject(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))


# What the build takes along.


def is_there(module: str) -> bool:
    """Tell whether a backend is installed and can build alone: before 70.1 setuptools needed `wheel`."""
    if find_spec(module.partition(".")[0]) is None or find_spec(module) is None:
        return False
    return module != "setuptools" or find_spec("wheel") is not None or int(version("setuptools").split(".")[0]) > 70


def lost(root: Path, backend: str) -> dict[str, list[str]]:
    """Build a project, offline; give what the wheel and the sdist lack of its copy."""
    (root / "dist").mkdir()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, "-W", "ignore", "-c", BUILD, backend]
    run = subprocess.run(command, cwd=root, env={"PATH": path}, capture_output=True, text=True, timeout=100, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    (wheel,), (sdist,) = (root / "dist").glob("*.whl"), (root / "dist").glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as in_wheel, tarfile.open(sdist) as in_sdist:
        names = {"wheel": in_wheel.namelist(), "sdist": in_sdist.getnames()}
    wanted = [*PLAIN_FILES, "__init__.py", "adapters/edges.py"]
    return {
        kind: [file for file in wanted if not any(each.endswith(f"toy/_gate/{file}") for each in names[kind])] for kind in names
    }


@pytest.mark.parametrize("module", BACKENDS)
def test_wheel_and_sdist_have_the_whole_copy(module: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not is_there(module):
        pytest.skip(f"{module} is not installed here, and nothing is fetched in a test")
    host(tmp_path, built_by(BACKENDS[module]) + PROJECT, options=["--with", "edges", "--write"])
    known = {"flit_core": "flit", "poetry.core": "poetry-core", "pdm.backend": "pdm-backend"}.get(module, module)
    assert f"it is built by {known}, which " in capsys.readouterr().out
    assert lost(tmp_path, BACKENDS[module]) == {"wheel": [], "sdist": []}


needs_setuptools = pytest.mark.skipif(not is_there("setuptools"), reason="setuptools is not installed here, or makes no wheels")


@needs_setuptools
def test_without_the_lines_setuptools_loses_the_licence_and_the_manifest(tmp_path: Path) -> None:
    """The planted fault: the same project, and nothing written."""
    host(tmp_path, built_by("setuptools.build_meta") + PROJECT)
    found = lost(tmp_path, "setuptools.build_meta")
    assert {"LICENSE", "VENDORED.json"} <= {*found["wheel"]} & {*found["sdist"]}


@needs_setuptools
@pytest.mark.parametrize(
    "packages",
    [
        'packages = ["toy"]\npackage-dir = {"" = "src"}',
        'package-data = {"toy" = ["*.txt"]}',
        '[tool.setuptools.packages.find]\nwhere = ["src"]\ninclude = ["toy"]',
        '[tool.setuptools.package-data]\n"*" = ["*.txt"]',
    ],
)
def test_whichever_way_setuptools_is_told_its_packages(packages: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What can't be written is printed; pasted in, it serves as well."""
    before = built_by("setuptools.build_meta") + PROJECT + f"[tool.setuptools]\n{packages}\n"
    copy = host(tmp_path, before, options=["--with", "edges", "--write"])
    if "package-data = {" in packages:
        said = capsys.readouterr().out
        assert '"toy._gate" = ["LICENSE", "VENDORED.json", "py.typed"]' in said.partition("not written, to be put into")[2]
        text = (tmp_path / "pyproject.toml").read_text()
        more = f'package-data = {{"toy._gate" = {list(PLAIN_FILES)}, '
        (tmp_path / "pyproject.toml").write_text(text.replace("package-data = {", more))
    assert advise(copy, write=False).splitlines()[1:] == [f"nothing is lacking for it in the settings in {tmp_path}"]
    assert lost(tmp_path, "setuptools.build_meta") == {"wheel": [], "sdist": []}


@needs_setuptools
def test_a_copy_in_a_namespace_package_is_taken_along(tmp_path: Path) -> None:
    copy = host(tmp_path, built_by("setuptools.build_meta") + PROJECT)
    (copy.parent / "__init__.py").unlink()
    assert main(["vendor", str(copy), "--update", "--write"]) == 0
    assert list(pyproject(tmp_path)["tool"]["setuptools"]["package-data"]) == ["toy._gate"]
    assert lost(tmp_path, "setuptools.build_meta") == {"wheel": [], "sdist": []}


@needs_setuptools
@pytest.mark.parametrize("name", ["setup.cfg", "setup.py"])
def test_the_older_files_of_setuptools_are_left_to_their_owner(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table in pyproject.toml would hide what they say."""
    copy = host(tmp_path, built_by("setuptools.build_meta"))
    head = "[metadata]\nname = toy\nversion = 1\n[options]\npackages = find:\npackage_dir =\n    =src\n"
    head += "[options.packages.find]\nwhere = src\n"
    call = 'from setuptools import find_packages, setup\nsetup(name="toy", version="1", package_dir={"": "src"},\n'
    call += 'packages=find_packages("src"),\n'
    before = head if name == "setup.cfg" else f"{call})\n"
    (tmp_path / name).write_text(before)
    capsys.readouterr()
    assert main(["vendor", str(copy), "--update", "--write"]) == 0
    said = capsys.readouterr().out.partition("not written, to be put into")[2].partition("  pyproject.toml")[0].splitlines()
    assert (tmp_path / name).read_text() == before
    pasted = "\n".join(line.strip() for line in said[2:])
    (tmp_path / name).write_text(f"{head}{pasted}\n" if name == "setup.cfg" else f"{call}{pasted})\n")
    assert "not written" not in advise(copy, write=True)
    assert lost(tmp_path, "setuptools.build_meta") == {"wheel": [], "sdist": []}


@pytest.mark.parametrize(
    ("project", "said"),
    [
        (
            '[build-system]\nrequires = ["mesonpy"]\nbuild-backend = "mesonpy"\n',
            "it is built by mesonpy, of which nothing is known",
        ),
        ("[build-system]\nrequires = []\n", "it is built by setuptools, "),
        (PROJECT, "it is built by setuptools, "),
        ("[tool.black]\nline-length = 100\n", ""),
    ],
)
def test_the_backend_is_told(project: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host(tmp_path, project)
    told = capsys.readouterr().out
    assert said in told
    assert ("it is built by" in told) == bool(said)


# No file is damaged.

HARMLESS = {
    "nothing there": "",
    "no newline at the end": "[tool.black]\nline-length = 100",
    "CRLF": '[tool.black]\r\nline-length = 100 # mine\r\n[tool.ruff]\r\nextend-exclude = [\r\n    "a", # b\r\n]\r\n',
    "tables": '[tool.ruff] # mine\nextend-exclude = ["a"]\n[tool.pyright]\nignore = []\n[tool.coverage.html]\ntitle = "x"\n',
    "a longer expression": '[tool.black]\nforce-exclude = "^/(x)/|^/src/toy/_gate/"\n',
    "an override": '[[tool.mypy.overrides]]\nmodule = "other"\nignore_errors = false\n',
    "text that looks like a table": 'x = """\n[tool.black]\n[tool.ruff]\nextend-exclude = [\n"""\n',
    "figures": "[tool.coverage.run]\nomit = [ 'a',\n 'b' ]\n[tool.other]\ndate = 2026-01-01\nsize = 1e3\n",
}
LEFT = {
    "inline": ("[tool]\nblack = {line-length = 100}\n", "force-exclude = "),
    "dotted": ("tool.ruff.line-length = 100\n", "force-exclude = true"),
    "another expression": ('[tool.black]\nforce-exclude = "^/other/"\n', "force-exclude = "),
    "the contrary": ("[tool.ruff]\nforce-exclude = false\n", "force-exclude = true"),
    "no list": ('[tool.coverage.run]\nomit = "a"\n', "omit = "),
    "inline array": ("[tool.mypy]\noverrides = [{module = 'x'}]\n", "module = "),
    "broken": ("[tool.black\n", "force-exclude = "),
    "twice": ("[tool.ruff]\n[tool.ruff]\n", "omit = "),
    "not a number": ("[tool.other]\nx = nan\n", "omit = "),
}


def contains(new: Any, old: Any) -> bool:
    """Tell whether a value still says all that another said."""
    if isinstance(old, dict):
        return all(contains(new[key], value) for key, value in cast("dict[str, Any]", old).items())
    if isinstance(old, list):
        return [item for item in new if item in old] == old
    return bool(new == old)


@pytest.mark.parametrize("before", HARMLESS.values(), ids=HARMLESS)
def test_what_is_written_is_added_to_what_was_there_once(before: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pyproject.toml"
    text = PROJECT.replace("\n", "\r\n") if "\r" in before else PROJECT
    file.write_bytes((text + before).encode())
    file.chmod(0o640)
    old_text, old = file.read_bytes().decode(), pyproject(tmp_path)
    copy = host(tmp_path, "", options=["--write"])
    said = capsys.readouterr().out
    assert f"wrote into {tmp_path}:\n  .gitattributes\n    src/toy/_gate/** -text\n" in said
    assert "not written" not in said
    text = file.read_bytes().decode()
    assert contains(pyproject(tmp_path), old)
    assert file.stat().st_mode & 0o777 == 0o640
    assert ("\r" in text) == ("\r" in before)
    assert text.count("\r\n") == (text.count("\n") if "\r" in before else 0)
    rest = iter(text)
    assert all(char in rest for char in old_text)  # nothing was taken away
    settings = pyproject(tmp_path)["tool"]
    assert settings["ruff"]["force-exclude"] is True
    assert "src/toy/_gate" in settings["ruff"]["extend-exclude"]
    assert "src/toy/_gate/**" in settings["coverage"]["run"]["omit"]
    assert settings["mypy"]["overrides"][-1] == {"module": ["toy._gate", "toy._gate.*"], "ignore_errors": True}
    assert settings["pyright"]["ignore"] == ["src/toy/_gate"]
    assert main(["vendor", str(copy), "--update", "--write"]) == 0
    assert f"nothing is lacking for it in the settings in {tmp_path}\n" in capsys.readouterr().out
    assert file.read_bytes().decode() == text
    assert sorted(each.name for each in tmp_path.iterdir()) == [".gitattributes", "pyproject.toml", "src"]


@pytest.mark.parametrize(("before", "said"), LEFT.values(), ids=LEFT)
def test_what_cannot_be_added_to_safely_is_printed(
    before: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text(before)
    host(tmp_path, "", options=["--write"])
    told = capsys.readouterr().out.partition(f"not written, to be put into {tmp_path}:\n")[2]
    assert "  pyproject.toml (it can't be added to without changing what is there)\n" in told
    assert said in told
    after = (tmp_path / "pyproject.toml").read_text()
    if any(word in before for word in ("nan", "[tool.black\n", "[tool.ruff]\n[")):
        assert after == before
    else:
        assert contains(tomllib.loads(after), tomllib.loads(before))


@pytest.mark.parametrize("kind", ["link", "none", "denied", "not UTF-8"])
def test_a_file_that_is_not_to_be_written_is_printed(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, data = tmp_path / "pyproject.toml", b"# \xff\n" if kind == "not UTF-8" else b"# mine\n"
    (tmp_path / ".git").mkdir()
    if kind == "link":
        (tmp_path / "real.toml").write_bytes(data)
        file.symlink_to(tmp_path / "real.toml")
    elif kind != "none":
        file.write_bytes(data)
    if kind == "denied":

        def denied(*_arguments: object, **_options: object) -> None:
            raise PermissionError(13, "Permission denied", str(file))

        monkeypatch.setattr("tidegate_gate.settings._replace", denied)
    host(tmp_path, "", options=["--write"])
    said = capsys.readouterr().out
    reason = {
        "link": "it is a symbolic link",
        "none": "there is none, ",
        "denied": "Permission denied",
        "not UTF-8": "'utf-8' codec",
    }
    assert f"  pyproject.toml ({reason[kind]}" in said
    assert file.exists() != (kind == "none")
    assert kind == "none" or file.read_bytes() == data
    assert not list(tmp_path.glob(".pyproject*"))


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("ruff.toml", "", "ruff has its settings in ruff.toml: put the same there"),
        ("mypy.ini", "", "mypy has its settings in mypy.ini"),
        ("setup.cfg", "[mypy]\nstrict = true\n", "mypy has its settings in setup.cfg"),
        (".coveragerc", "", "coverage has its settings in .coveragerc"),
        ("pyrightconfig.json", "{}", "pyright has its settings in pyrightconfig.json"),
        ("../pyproject.toml", "[tool.black]\n", "black has its settings in "),
    ],
)
def test_a_second_place_for_a_tools_settings_is_not_made(
    file: str, text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would hide the first, or be hidden by it. Above, only the same repository counts."""
    root = tmp_path / "host"
    (tmp_path / ".git").mkdir()
    root.mkdir()
    (root / file).write_text(text)
    host(root, PROJECT, options=["--write"])
    told = capsys.readouterr().out
    assert said in told
    assert said.split(maxsplit=1)[0] not in pyproject(root)["tool"]
    assert len(pyproject(root)["tool"]) == 5  # the other four, and package data


def test_git_attributes_are_added_to(tmp_path: Path) -> None:
    (tmp_path / ".gitattributes").write_bytes(b"*.png binary")
    host(tmp_path, options=["--write"])
    assert (tmp_path / ".gitattributes").read_bytes() == b"*.png binary\nsrc/toy/_gate/** -text\n"
