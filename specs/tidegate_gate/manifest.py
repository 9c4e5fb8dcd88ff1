"""What a vendored copy of the kernel consists of, and how one differs from what its manifest says. Standard library only.

The manifest, `VENDORED.json`, names the distribution, its version, the adapters chosen and the SHA-256 of every file. It holds
nothing else, so that the same choice of the same version always gives the same bytes.
"""

import importlib.metadata
import importlib.util
import json
import os
import re
import stat
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal, Self

from tidegate_specs.extras import UsageError

DISTRIBUTION: Final = "tidegate"
MANIFEST: Final = "VENDORED.json"
FORMAT: Final = 1
POLICIES: Final = "policies"  # a folder of its own, all of which goes along; it may be chosen, or be needed by an adapter
# What can be chosen: the adapters, and the modules beside them that each needs; and the policies.
ADAPTERS: Final[Mapping[str, tuple[str, ...]]] = {
    "aio": ("_patience",),
    "asgi": ("_requests", "_retry", "bulkhead"),
    "bulkhead": (),
    "edges": (),
    "executor": ("_exit", "_patience", "_works", "bulkhead"),
    "guard": ("_requests", "bulkhead"),
    "log": ("_exit", "_records", "edges"),
    "metrics": ("_figures",),
    POLICIES: ("bulkhead",),
    "wsgi": ("_requests", "_retry", "bulkhead"),
}
_PLAIN_FILES: Final = ("LICENSE", "py.typed")


class ManifestError(Exception):
    """Raised for a manifest that says nothing that could be held against a copy."""


class LaterFormatError(ManifestError):
    """Raised for a manifest that a later version has written."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Say what a copy is of. adapters: those chosen. files: the SHA-256 of each, by its path in the copy, in order."""

    version: str
    adapters: tuple[str, ...]
    files: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Give one hash of all files: the SHA-256 of what `sha256sum` prints of them, in order."""
        return sha256("".join(f"{hash_}  {file}\n" for file, hash_ in self.files.items()).encode()).hexdigest()

    def as_json(self) -> str:
        """Write the manifest."""
        told = {"format": FORMAT, "name": DISTRIBUTION, "version": self.version, "adapters": self.adapters, "files": self.files}
        return json.dumps({**told, "digest": self.digest}, indent=2) + "\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a manifest. ManifestError if it is none, contradicts itself, or is of a later format."""
        try:
            told: Any = json.loads(text)
            if told["format"] != FORMAT:
                raise LaterFormatError(f"its format is {told['format']}; this version of tidegate reads format {FORMAT}")
            if told["name"] != DISTRIBUTION:
                raise ManifestError(f"it is of {told['name']}, not of {DISTRIBUTION}")
            files = {str(file): str(hash_) for file, hash_ in told["files"].items()}
            manifest = cls(str(told["version"]), tuple(map(str, told["adapters"])), files)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ManifestError(f"it can't be read as one ({type(error).__name__}: {error})") from None
        if told.get("digest") != manifest.digest:
            raise ManifestError("its digest is not that of its files")
        if list(files) != sorted(files):
            raise ManifestError("its files are not in order")
        return manifest


@dataclass(frozen=True, slots=True)
class Installed:
    """Name the folder of the installed kernel and its version."""

    folder: Path
    version: str

    @classmethod
    def find(cls) -> Self:
        """Find the installed kernel without importing it. UsageError if it is in no folder, or was edited there."""
        spec = importlib.util.find_spec(DISTRIBUTION)
        places = list(spec.submodule_search_locations or ()) if spec is not None else []
        folder = Path(places[0]) if places else None
        if folder is None or not (folder / "__init__.py").is_file():
            raise UsageError(f"the installed {DISTRIBUTION} is not in a folder of its own")
        version = re.search(r'^__version__ = "(.+)"$', (folder / "__init__.py").read_text("utf-8"), re.MULTILINE)
        if version is None:
            raise UsageError(f"the {DISTRIBUTION} in {folder} does not tell its version")
        if edited := edited_since_installed(folder):
            raise UsageError(f"the installed {DISTRIBUTION} was edited ({', '.join(edited)}): install it again")
        return cls(folder, version[1])

    def contents(self, adapters: Iterable[str]) -> dict[str, bytes]:
        """Read the files of the core and of these adapters, with what they need, by path, in order."""
        files = [*self.folder.glob("*.py"), *(self.folder / name for name in _PLAIN_FILES)]
        modules = {module for adapter in adapters for module in (adapter, *ADAPTERS[adapter])}
        if POLICIES in modules:
            files += (self.folder / POLICIES).glob("*.py")
            modules.remove(POLICIES)
        if modules:
            files += [self.folder / "adapters" / f"{module}.py" for module in ("__init__", *modules)]
        return {
            name: file.read_bytes() for name, file in sorted((file.relative_to(self.folder).as_posix(), file) for file in files)
        }

    def has(self, manifest: Manifest) -> bool:
        """Tell whether a manifest is that of a copy of what is installed."""
        return all(name in ADAPTERS for name in manifest.adapters) and self.manifest(manifest.adapters) == manifest

    def manifest(self, adapters: Iterable[str]) -> Manifest:
        """Say what a copy of the core and these adapters consists of."""
        chosen = tuple(sorted(set(adapters)))
        hashes = {name: sha256(data).hexdigest() for name, data in self.contents(chosen).items()}
        return Manifest(self.version, chosen, hashes)


_VERSION: Final = re.compile(r"(\d+(?:\.\d+)*)(?:\.?(dev|a|b|rc)(\d+))?")
_STAGES: Final = ("dev", "a", "b", "rc", None)


def is_older(version: str, other: str) -> bool:
    """Tell whether a version comes before another. What is not written as ours are is never said to."""
    one, two = (_VERSION.fullmatch(each) for each in (version, other))
    return one is not None and two is not None and _order(one) < _order(two)


def _order(version: re.Match[str]) -> tuple[list[int], int, int]:
    numbers = [int(number) for number in version[1].split(".")]
    while numbers and numbers[-1] == 0:
        del numbers[-1]
    return numbers, _STAGES.index(version[2]), int(version[3] or 0)


def edited_since_installed(folder: Path) -> list[str]:
    """Name the installed kernel's files that are not as the installer recorded them. None, where nothing is recorded."""
    try:
        recorded = importlib.metadata.distribution(DISTRIBUTION).files or []
    except importlib.metadata.PackageNotFoundError:
        return []
    edited: list[str] = []
    for entry in recorded:
        file = Path(str(entry.locate()))
        if entry.hash is not None and entry.hash.mode == "sha256" and file.suffix != ".pyc" and file.is_relative_to(folder):
            hash_ = sha256(file.read_bytes()).digest() if file.is_file() else b""
            if urlsafe_b64encode(hash_).rstrip(b"=").decode() != entry.hash.value:
                edited.append(str(PurePosixPath(entry)))
    return edited


@dataclass(frozen=True, slots=True)
class Difference:
    """Tell one way in which a copy is not what its manifest says."""

    kind: Literal["MODIFIED", "MISSING", "EXTRA"]
    file: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.file}" + (f" ({self.reason})" if self.reason else "")


def read_manifest(folder: Path) -> Manifest:
    """Read a copy's manifest. FileNotFoundError if there is none, ManifestError if it can't be used; other OSErrors as they are."""
    file = folder / MANIFEST
    if file.is_symlink():
        raise ManifestError(_LINK)
    try:
        return Manifest.parse(file.read_bytes().decode())
    except UnicodeDecodeError:
        raise ManifestError("it is not UTF-8") from None


_LINK: Final = "is a symbolic link"
CRLF: Final = "only its line endings: CRLF instead of LF"


def differences(folder: Path, files: Mapping[str, str]) -> list[Difference]:
    """Compare a copy's files with their hashes, by path. OSError for what can't be read. `__pycache__` does not count."""
    found = _files_in(folder)
    told: list[Difference] = []
    for name in sorted({*found, *files} - {MANIFEST}):
        if name not in found:
            told.append(Difference("MISSING", name))
        elif name not in files:
            told.append(Difference("EXTRA", name, "" if stat.S_ISREG(found[name]) else "no regular file"))
        elif reason := _modification(folder / name, found[name], files[name]):
            told.append(Difference("MODIFIED", name, reason if reason != "edited" else ""))
    return told


def _files_in(folder: Path) -> dict[str, int]:
    """Give the kind of everything in a folder that is not itself a folder, by path. Links are not followed."""

    def fail(error: OSError) -> None:
        raise error

    found: dict[str, int] = {}
    for place, folders, names in os.walk(folder, onerror=fail):
        links = [name for name in folders if Path(place, name).is_symlink()]
        folders[:] = [name for name in folders if name not in links and name != "__pycache__"]
        for name in (*names, *links):
            path = Path(place, name)
            found[path.relative_to(folder).as_posix()] = path.lstat().st_mode
    return found


def _modification(file: Path, mode: int, wanted: str) -> str:
    """Say how a file is not what it should be; empty if it is."""
    if not stat.S_ISREG(mode):
        return _LINK if stat.S_ISLNK(mode) else "no regular file"
    data = file.read_bytes()
    if sha256(data).hexdigest() == wanted:
        return ""
    return CRLF if sha256(data.replace(b"\r\n", b"\n")).hexdigest() == wanted else "edited"
