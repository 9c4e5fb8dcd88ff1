"""The name by which a copy is imported, in packages with and without an `__init__.py`: what the interpreter itself takes for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tidegate_specs.foreign import name_of

BUILT = '[build-system]\nrequires = []\nbuild-backend = "{}"\n'
SETUPTOOLS = BUILT.format("setuptools.build_meta")
HATCH = "[tool.hatch.build.targets.wheel]\n"


def package(folder: Path, *with_init: str) -> Path:
    """Make a package with a folder on the way to it; name the packages around it that have an `__init__.py`."""
    folder.mkdir(parents=True)
    for place in (folder, *(parent for parent in folder.parents if parent.name in with_init)):
        (place / "__init__.py").touch()
    return folder


def imports(sources: Path, name: str, folder: Path) -> bool:
    """Tell whether another interpreter, with these sources on its path, finds the folder by this name."""
    program = "import importlib, sys; sys.path.insert(0, sys.argv[1]); print(importlib.import_module(sys.argv[2]).__file__)"
    run = subprocess.run(
        [sys.executable, "-I", "-c", program, str(sources), name], capture_output=True, text=True, timeout=60, check=False
    )
    return run.stdout.strip() == str((folder / "__init__.py").resolve())


@pytest.mark.parametrize(
    ("project", "sources", "path"),
    [
        ("", "src", "acme/_gate"),
        ("[tool.black]\n", "src", "acme/_gate"),
        ("[tool.black]\n", "src", "acme/tools/deep/_gate"),
        (SETUPTOOLS, ".", "acme/_gate"),
        (BUILT.format("hatchling.build"), ".", "acme/tools/_gate"),
        (SETUPTOOLS + '[tool.setuptools.packages.find]\nwhere = ["lib"]\n', "lib", "acme/_gate"),
        (SETUPTOOLS + '[tool.setuptools]\npackage-dir = {"" = "lib"}\n', "lib", "acme/_gate"),
        (HATCH + 'packages = ["lib/acme"]\n', "lib", "acme/_gate"),
        (HATCH + 'packages = ["acme"]\n', ".", "acme/_gate"),
        ('[tool.hatch.build]\nsources = ["lib"]\n', "lib", "acme/_gate"),
        ('[tool.poetry]\npackages = [{include = "acme", from = "lib"}]\n', "lib", "acme/_gate"),
        ('[tool.uv.build-backend]\nmodule-root = "lib"\n', "lib", "acme/_gate"),
        ('[tool.uv.build-backend]\nmodule-root = ""\n', ".", "acme/_gate"),
        ('[tool.pdm.build]\npackage-dir = "lib"\n', "lib", "acme/_gate"),
        ('[project]\nname = "x"\n[tool.flit.module]\nname = "acme._gate"\n', ".", "acme/_gate"),
    ],
)
@pytest.mark.parametrize("inner", [True, False])
def test_namespace_packages_count(project: str, sources: str, path: str, inner: bool, tmp_path: Path) -> None:
    """Where the place of the sources is told, or is `src`, also when a package on the way has an `__init__.py`."""
    if project:
        (tmp_path / "pyproject.toml").write_text(project)
    certain = sources != "." or "packages" in project or "module-root" in project
    folder = package(tmp_path / sources / path, *(["tools"] if inner and certain else []))
    assert name_of(folder) == path.replace("/", ".")
    assert imports(tmp_path / sources, name_of(folder), folder)


@pytest.mark.parametrize("text", ["[options]\npackage_dir =\n    = lib\n", "[options.packages.find]\nwhere = lib\n"])
def test_setup_cfg_is_read(text: str, tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text(text)
    assert name_of(package(tmp_path / "lib" / "acme" / "_gate")) == "acme._gate"


@pytest.mark.parametrize("text", ["[options\n", "\x00%(x", "x = 1\n"])
def test_settings_that_cannot_be_read_say_nothing(text: str, tmp_path: Path) -> None:
    for name in ("setup.cfg", "pyproject.toml"):
        (tmp_path / name).write_text(text)
    assert name_of(package(tmp_path / "src" / "acme" / "_gate")) == "acme._gate"


def test_packages_with_an_init_are_named_as_before(tmp_path: Path) -> None:
    """In folders of which nobody says that they are on the import path: not even in a project."""
    plain = package(tmp_path / "services" / "myapp" / "_gate", "myapp")
    assert name_of(plain) == "myapp._gate"
    (tmp_path / "pyproject.toml").write_text(SETUPTOOLS + '[project]\nname = "x"\n')
    assert name_of(plain) == "myapp._gate"
    assert name_of(package(tmp_path / "src" / "my-app" / "acme" / "_gate")) == "_gate"  # my-app is no name
    assert name_of(package(tmp_path / "src" / "inner" / "_gate", "src", "inner")) == "src.inner._gate"


def test_without_a_project_only_src_says_anything(tmp_path: Path) -> None:
    assert name_of(package(tmp_path / "lib" / "acme" / "_gate")) == "_gate"
    assert name_of(package(tmp_path / "src" / "far" / "acme" / "_gate")) == "_gate"
