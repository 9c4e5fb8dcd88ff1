"""A mutant: its file, its patches, and the kernel that is made of them in memory."""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import pkgutil
import sys
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

from .. import mutants
from ..check import Subject, load_subject
from ..mutants import Patch

KERNEL: Final = "tidegate"
PREFIX: Final = "tidegate_mutant_"
# Where the mutants are, by name as the groups are: the checks of what stands around the kernel run the mutants of it.
PACKAGES: Final = ("tidegate_specs.mutants", "tidegate_specs.adapters.mutants", "tidegate_specs.policies.mutants")
CONTROL: Final = "none"  # the kernel itself, loaded as the mutants are, without a patch


class StaleMutant(Exception):
    """Raised when a mutant no longer fits the kernel's source, or says too little about itself."""


@final
@dataclass(frozen=True, slots=True)
class Mutant:
    """Describe one mutant.

    what: the fault in a paragraph. killed_by: groups, or names of checks, that must kill it, the one that profile quick runs first.
    within: for a race, the most schedules that a check of the explorer may need.
    """

    name: str
    what: str
    breaks: tuple[str, ...]
    killed_by: tuple[str, ...]
    patches: tuple[Patch, ...]
    within: Mapping[str, int] = field(default_factory=dict[str, int])

    def named(self, group: str) -> tuple[str, ...] | None:
        """Give the checks of a group that must kill it: none in particular if empty, none at all if None."""
        named = [entry for entry in self.killed_by if entry.partition(".")[0] == group]
        return tuple(entry for entry in named if "." in entry) if named else None


def mutant_names(package: types.ModuleType = mutants) -> tuple[str, ...]:
    """List the names of the kernel's mutants, or of those in another package."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(package.__path__)))


def describe(name: str) -> Mutant:
    """Read the file of one mutant, of the kernel or of an adapter. Raises StaleMutant if its docstring and its data disagree."""
    if name == CONTROL:
        return Mutant(CONTROL, "The kernel itself.", (), (), ())
    package = next((package for package in map(importlib.import_module, PACKAGES) if name in mutant_names(package)), None)
    if package is None:
        raise StaleMutant(f"there is no mutant named {name}")
    module: Any = importlib.import_module(f"{package.__name__}.{name}")
    text = module.__doc__ or ""
    breaks: tuple[str, ...] = module.BREAKS
    killed_by: tuple[str, ...] = module.KILLED_BY
    within: dict[str, int] = getattr(module, "WITHIN", {})
    lines = [f"Breaks: {', '.join(breaks)}", f"Killed by: {', '.join(killed_by)}"]
    if within:
        lines.append(f"Within: {', '.join(f'{most} schedules of {check}' for check, most in within.items())}")
    for line in lines:
        if line not in text.splitlines():
            raise StaleMutant(f"mutant {name}: its docstring lacks the line {line!r}")
    what = " ".join(text.partition("\n\nBreaks:")[0].split())
    return Mutant(name, what, breaks, killed_by, tuple(module.PATCHES), within)


def kernel_dir() -> Path:
    """Find the installed kernel's folder without importing it."""
    spec = importlib.util.find_spec(KERNEL)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{KERNEL} is not installed", name=KERNEL)
    return Path(spec.submodule_search_locations[0])


def patched_sources(patches: Iterable[Patch], source_dir: Path | None = None, name: str = "") -> dict[str, str]:
    """Copy the kernel's sources in memory and apply patches. Each `old` must occur exactly once, else StaleMutant."""
    folder = kernel_dir() if source_dir is None else source_dir
    sources = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.rglob("*.py"))}
    if "__init__.py" not in sources:
        raise StaleMutant(f"mutant {name}: {folder} holds no package")
    for patch in patches:
        occurrences = sources.get(patch.file, "").count(patch.old)
        if occurrences != 1:
            raise StaleMutant(f"mutant {name}: its old text is in {patch.file} {occurrences} times, not once:\n{patch.old}")
        sources[patch.file] = sources[patch.file].replace(patch.old, patch.new)
    return sources


@final
class MemoryFinder(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Find and load one package whose sources are in memory. Code objects name a file that contains the package's name."""

    def __init__(self, package: str, sources: Mapping[str, str]) -> None:
        self.package = package
        self.files = {self._module(file): (file, source) for file, source in sources.items()}

    def _module(self, file: str) -> str:
        return ".".join([self.package, *file.removesuffix(".py").split("/")]).removesuffix(".__init__")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self.files:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=self.filename(fullname), is_package=self.is_package(fullname))
        spec.has_location = True
        return spec

    def filename(self, fullname: str) -> str:
        return f"<mutant>/{self.package}/{self.files[fullname][0]}"

    def is_package(self, fullname: str) -> bool:
        return self.files[fullname][0].endswith("__init__.py")

    def get_source(self, fullname: str) -> str:
        return self.files[fullname][1]

    def get_code(self, fullname: str) -> types.CodeType:
        return compile(self.get_source(fullname), self.filename(fullname), "exec", dont_inherit=True)


def load_patched(patches: Iterable[Patch], name: str, source_dir: Path | None = None) -> Subject:
    """Import a patched copy of the kernel as `tidegate_mutant_NAME`, anew each time."""
    package = PREFIX + name
    sources = patched_sources(patches, source_dir, name)
    unload(package)
    sys.meta_path.insert(0, MemoryFinder(package, sources))
    try:
        return load_subject(package)
    except BaseException:
        unload(package)
        raise


def load_mutant(name: str, source_dir: Path | None = None) -> Subject:
    """Import one mutant of the installed kernel, or of the one in `source_dir`."""
    return load_patched(describe(name).patches, name, source_dir)


def unload(package: str) -> None:
    """Forget a package that `load_patched` imported."""
    for finder in [finder for finder in sys.meta_path if isinstance(finder, MemoryFinder) and finder.package == package]:
        sys.meta_path.remove(finder)
    for module in [module for module in sys.modules if module == package or module.startswith(package + ".")]:
        del sys.modules[module]


def subject_from(spec: str) -> Subject:
    """Give the implementation that a text names: a module ("tidegate", "package.module"), or a mutant ("mutant:lifo")."""
    kind, colon, name = spec.partition(":")
    return load_mutant(name) if colon and kind == "mutant" else load_subject(spec)
