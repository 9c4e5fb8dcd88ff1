"""Import a package from its folder, under the name that it has there: a copy of the kernel inside somebody else's package.

The packages around it are not run, and the import path stays as it is: empty ones stand in for them. So it is this folder's code
that is judged, whatever else goes by the name, and none of what its surroundings import is needed.

As a program, which needs nothing of this project: `python -I foreign.py FOLDER` imports every module of the folder while
`tidegate` can't be imported, and prints as JSON which they are and who asked for `tidegate` all the same.
"""

import configparser
import contextlib
import importlib
import importlib.machinery
import importlib.util
import json
import re
import shlex
import sys
import tomllib
import types
from collections.abc import Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any, Final, cast

ORIGINAL: Final = "tidegate"


def name_of(folder: Path) -> str:
    """Give the name by which a package is imported: its folder's, after those of the packages around it.

    A package around it may lack an `__init__.py` (a namespace package). Then the names begin where its project has its sources.
    """
    folder = folder.resolve()
    top = folder
    while (top.parent / "__init__.py").is_file() and top.parent.name.isidentifier():
        top = top.parent
    for place in _sources(folder, is_bare=top == folder):
        if place in top.parents and all(name.isidentifier() for name in top.relative_to(place).parts[:-1]):
            return ".".join(folder.relative_to(place).parts)
    return ".".join(folder.relative_to(top.parent).parts)


def project_of(folder: Path) -> Path | None:
    """Find the nearest folder around a package that is a repository or has settings of tools; None: there is none."""
    marks = (".git", "pyproject.toml", "setup.cfg", "setup.py", "tox.ini")
    return next((place for place in folder.resolve().parents if any((place / mark).exists() for mark in marks)), None)


def _sources(folder: Path, *, is_bare: bool) -> Iterator[Path]:
    """Give the places where a project may have its sources, the likeliest first.

    They are what its settings say, or `src`. Is the folder in no package that has an `__init__.py`, then also what is built from.
    """
    root = project_of(folder)
    if root is None:
        yield from (place for place in folder.parents[1:2] if is_bare and place.name == "src")
        return
    project = read_toml(root / "pyproject.toml")
    yield from ((root / place).resolve() for place in _told_sources(project, root / "setup.cfg"))
    yield root / "src"
    if is_bare and ("project" in project or "build-system" in project or (root / "setup.py").exists()):
        yield root


def _told_sources(project: Mapping[str, Any], setup: Path) -> Iterator[str]:
    """Give the places of sources that the settings of six build backends name."""
    setuptools, hatch = entry(project, "tool", "setuptools"), entry(project, "tool", "hatch", "build")
    told = configparser.ConfigParser(interpolation=None)
    with contextlib.suppress(configparser.Error, UnicodeDecodeError):
        told.read(setup, encoding="utf-8")
    named: list[Any] = [
        *_listed(entry(setuptools, "packages", "find", "where")),
        entry(setuptools, "package-dir", ""),
        told.get("options.packages.find", "where", fallback=None),
        *re.findall(r"^\s*=\s*(.+)$", told.get("options", "package_dir", fallback=""), re.MULTILINE),
        *_listed(entry(hatch, "sources")),
        *_listed(entry(hatch, "targets", "wheel", "sources")),
        *(str(Path(str(package)).parent) for package in _listed(entry(hatch, "targets", "wheel", "packages"))),
        *(entry(package, "from") for package in _listed(entry(project, "tool", "poetry", "packages"))),
        entry(project, "tool", "uv", "build-backend", "module-root"),
        entry(project, "tool", "pdm", "build", "package-dir"),
    ]
    yield from (place.strip() for place in named if isinstance(place, str))


def _listed(value: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", value) if isinstance(value, list) else ()


def read_toml(file: Path) -> dict[str, Any]:
    """Read a file of TOML; empty where there is none, or it is none."""
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8"))
    except (OSError, ValueError):
        return {}


def entry(table: Any, *keys: str) -> Any:
    """Give what is in a table of tables below these keys; None where one is not there."""
    for key in keys:
        table = cast("dict[str, Any]", table).get(key) if isinstance(table, dict) else None
    return table


def import_folder(folder: Path) -> types.ModuleType:
    """Import the package in this folder. ImportError if another of its name has been imported, or whatever the package raises."""
    folder, name = folder.resolve(), name_of(folder)
    if not (folder / "__init__.py").is_file():
        raise ImportError(f"{folder} is not the folder of a package")
    if name in sys.modules:
        if [str(folder)] == list(getattr(sys.modules[name], "__path__", ())):
            return sys.modules[name]
        raise ImportError(f"{folder} would be imported as {name}, and another {name} has been")
    sys.meta_path.insert(0, _FolderFinder(name, folder))
    return importlib.import_module(name)


def subject_option(subject: object) -> str:
    """Give the option that has a command load an implementation again, with a space before it; none for the original."""
    intake = str(getattr(subject, "name", ""))
    if ":" in intake:  # an adapter's name: what loads it
        return f" --intake {shlex.quote(intake)}"
    name = str(getattr(subject, "__name__", ORIGINAL))
    folders = [str(finder.folder) for finder in sys.meta_path if isinstance(finder, _FolderFinder) and finder.name == name]
    text = folders[0] if folders else name.replace("tidegate_mutant_", "mutant:")
    return "" if name == ORIGINAL else f" --subject {shlex.quote(text)}"


class _FolderFinder(MetaPathFinder):
    """Find one package in its folder, and nothing in the packages around it but the next one."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == self.name:
            file = self.folder / "__init__.py"
            return importlib.util.spec_from_file_location(fullname, file, submodule_search_locations=[str(self.folder)])
        if self.name.startswith(f"{fullname}."):
            return importlib.machinery.ModuleSpec(fullname, None, is_package=True)
        return None


class _Refusal(MetaPathFinder):
    """Let nobody import the original, and note who tries."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None) -> None:
        if fullname.partition(".")[0] == ORIGINAL:
            self.asked.append(fullname)
            raise ModuleNotFoundError(f"{fullname} is not there for a copy", name=fullname)


def main(folder: Path) -> None:
    """Import all modules of a folder without the original, and print what came of it."""
    refusal = _Refusal()
    sys.meta_path.insert(0, refusal)
    package = import_folder(folder).__name__
    for file in sorted(folder.rglob("*.py")):
        words = file.relative_to(folder).with_suffix("").parts
        importlib.import_module(".".join([package, *words]).removesuffix(".__init__"))
    modules = [name for name in sys.modules if name == package or name.startswith(f"{package}.")]
    seen = [name for name in sys.modules if name.partition(".")[0] == ORIGINAL]
    print(json.dumps({"package": package, "modules": sorted(modules), "original": sorted({*seen, *refusal.asked})}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
