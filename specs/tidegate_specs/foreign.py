"""Import a package from its folder, under the name that it has there: a copy of the kernel inside somebody else's package.

The packages around it are not run, and the import path stays as it is: empty ones stand in for them. So it is this folder's code
that is judged, whatever else goes by the name, and none of what its surroundings import is needed.

As a program, which needs nothing of this project: `python -I foreign.py FOLDER` imports every module of the folder while
`tidegate` can't be imported, and prints as JSON which they are and who asked for `tidegate` all the same.
"""

import importlib
import importlib.machinery
import importlib.util
import json
import shlex
import sys
import types
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Final

ORIGINAL: Final = "tidegate"


def name_of(folder: Path) -> str:
    """Give the name by which a package is imported: its folder's, after those of the packages around it."""
    folder = folder.resolve()
    names = [folder.name]
    while (folder.parent / "__init__.py").is_file() and folder.parent.name.isidentifier():
        folder = folder.parent
        names.insert(0, folder.name)
    return ".".join(names)


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
