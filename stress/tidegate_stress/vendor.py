"""`tidegate vendor`: copy the core of the installed kernel into somebody else's package, byte for byte, with a manifest."""

import argparse
import contextlib
import keyword
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import cast

from tidegate_specs.foreign import name_of

from .extras import UsageError
from .manifest import ADAPTERS, DISTRIBUTION, MANIFEST, Installed, Manifest, ManifestError, differences, read_manifest
from .report import count_text

_EPILOG = """\
examples:
  tidegate vendor src/myapp/_gate                  the core; then: from myapp._gate import Intake
  tidegate vendor src/myapp/_gate --with executor  the core, the executor, and the modules that it needs
  tidegate vendor src/myapp/_gate --update         renew the copy from the version that is installed now
  tidegate verify --vendored src/myapp/_gate       judge the copy

The folder above must be there. The copy is written beside it and put in place when it is whole; nothing is fetched.
With --update, --with adds to the adapters that the copy has.

exit codes:
  0  done, or nothing to do
  1  --update: the copy was edited, and is left as it is
  2  bad usage, or the copy can't be written
  3  interrupted: the copy is the old one or the new one, whole
"""

_FOR_TOOLS = """\
so that your tools leave it as it is, paste what you use of this into {root}:
  .gitattributes
    {path}/** -text
  pyproject.toml
    [tool.black]
    force-exclude = '^/{pattern}/'
    [tool.ruff]
    force-exclude = true
    extend-exclude = ["{path}"]
    [[tool.mypy.overrides]]
    module = ["{name}", "{name}.*"]
    ignore_errors = true
    [tool.coverage.run]
    omit = ["{path}/**"]"""


def main(argv: Sequence[str] | None = None) -> int:
    """Make or renew a copy; return the exit code that the help tells."""
    arguments = _parser().parse_args(argv)
    folder = _plain(cast(str, arguments.folder))
    adapters = cast("list[str]", arguments.adapters)
    try:
        _refuse_place(folder)
        installed = Installed.find()
        return _update(folder, installed, adapters) if arguments.update else _make(folder, installed, adapters)
    except UsageError as error:
        print(f"tidegate vendor: {error}", file=sys.stderr)
    except OSError as error:
        if error.filename is None:
            raise  # it is of a stream, or of a disk that is full
        print(f"tidegate vendor: {error.filename}: {error.strerror}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate vendor",
        description="Copy the kernel into your own package, byte for byte, with its licence and a manifest of its files.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="DIR", help="the folder that becomes the package; must not exist, or be empty")
    parser.add_argument(
        "--with",
        dest="adapters",
        action="append",
        default=[],
        choices=sorted(ADAPTERS),
        metavar="ADAPTER",
        help=f"copy an adapter too; repeatable: {', '.join(sorted(ADAPTERS))}",
    )
    parser.add_argument("--update", action="store_true", help="renew a copy that nobody has edited")
    return parser


def _plain(text: str) -> Path:
    folder = Path(os.path.normpath(text))
    return folder if folder.name not in {"", ".."} else Path(os.path.abspath(folder))


def _refuse_place(folder: Path) -> None:
    if not folder.name.isidentifier() or keyword.iskeyword(folder.name):
        raise UsageError(f"{folder} can't be imported: {folder.name or 'the root'} is not a name in Python")
    for link in [folder, *(parent for parent in folder.parents if (parent / "__init__.py").exists())]:
        if link.is_symlink():
            raise UsageError(f"{link} is a symbolic link: name the folder itself")
    there = next(place for place in folder.parents if place.exists())
    if not there.is_dir():
        raise UsageError(f"{there} is not a folder")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")
    if name_of(folder).partition(".")[0] == DISTRIBUTION:
        raise UsageError(
            f"a copy that is imported as {name_of(folder)} would hide the installed {DISTRIBUTION}: choose another name"
        )


def _make(folder: Path, installed: Installed, adapters: Sequence[str]) -> int:
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; --update renews a copy")
    manifest = installed.manifest(adapters)
    with _folders_on_the_way(folder) as made, _written_beside(folder, installed, manifest) as copy:
        copy.replace(folder)
    print(f"{folder}: {_what(manifest)}, {count_text(len(manifest.files), 'files')} and {MANIFEST}")
    if made:
        print(f"made {made[0]} for it; with an __init__.py there the copy is imported as {made[0].name}.{folder.name}")
    print(f"import it as {name_of(folder)}; tidegate verify --vendored {folder} judges it")
    print(for_tools(folder))
    return 0


def _update(folder: Path, installed: Installed, adapters: Sequence[str]) -> int:
    try:
        former = read_manifest(folder)
    except FileNotFoundError:
        raise UsageError(f"{folder} is not a copy that tidegate vendor has made: there is no {MANIFEST} in it") from None
    except ManifestError as error:
        return _refuse_edited(folder, [f"MODIFIED {MANIFEST} ({error})"])
    if strange := [name for name in former.adapters if name not in ADAPTERS]:
        raise UsageError(f"{DISTRIBUTION} {installed.version} has no adapter {', '.join(strange)}")
    edited = [str(difference) for difference in differences(folder, former.files)]
    if former.version == installed.version and former != installed.manifest(former.adapters):
        edited.append(f"MODIFIED {MANIFEST} (it is not that of {DISTRIBUTION} {former.version}, which is installed)")
    if edited:
        return _refuse_edited(folder, edited)
    manifest = installed.manifest([*former.adapters, *adapters])
    if manifest == former:
        print(f"{folder}: nothing to do, it is {_what(manifest)}")
        print(for_tools(folder))
        return 0
    with _written_beside(folder, installed, manifest) as copy:
        _exchange(folder, copy)
    print(f"{folder}: from {_what(former)} to {_what(manifest)}")
    print(for_tools(folder))
    return 0


def for_tools(folder: Path) -> str:
    """Give the lines by which other people's tools leave a copy as it is: for the project that it is in."""
    root, name = _project_of(folder), name_of(folder)
    path = folder.resolve().relative_to(root).as_posix()
    return _FOR_TOOLS.format(root=root, path=path, pattern=re.escape(path), name=name)


def _project_of(folder: Path) -> Path:
    """Find the folder that tools read their settings from; without one it is what the copy's package is in."""
    above = folder.resolve().parents
    marks = (".git", "pyproject.toml", "setup.cfg", "tox.ini")
    names = name_of(folder).count(".")
    return next((place for place in above if any((place / mark).exists() for mark in marks)), above[names])


def _refuse_edited(folder: Path, edited: Sequence[str]) -> int:
    print(f"tidegate vendor: {folder} was edited, and is left as it is:", file=sys.stderr)
    for line in edited:
        print(f"  {line}", file=sys.stderr)
    return 1


def _what(manifest: Manifest) -> str:
    adapters = f" with {', '.join(manifest.adapters)}" if manifest.adapters else ""
    return f"{DISTRIBUTION} {manifest.version}{adapters}"


@contextlib.contextmanager
def _folders_on_the_way(folder: Path) -> Generator[list[Path]]:
    """Make the folders that are missing above a copy, the innermost first in what is given; take them away again on an error."""
    made = [place for place in folder.parents if not place.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield made
    except BaseException:
        for place in made:
            place.rmdir()
        raise


@contextlib.contextmanager
def _written_beside(folder: Path, installed: Installed, manifest: Manifest) -> Generator[Path]:
    """Write a whole copy into a folder of its own beside the place where it belongs; whatever is left of it there is removed."""
    try:
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise UsageError(f"cannot write in {folder.parent}: {error.strerror}") from None
    try:
        copy = beside / folder.name
        copy.mkdir()
        for name, data in installed.contents(manifest.adapters).items():
            (copy / name).parent.mkdir(exist_ok=True)
            (copy / name).write_bytes(data)
        (copy / MANIFEST).write_text(manifest.as_json(), encoding="utf-8", newline="\n")
        if broken := differences(copy, manifest.files):
            raise UsageError(f"the installed {DISTRIBUTION} changed while it was copied: {broken[0]}")
        yield copy
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _exchange(folder: Path, copy: Path) -> None:
    """Put a copy in the place of another, which goes beside the new one. No signal comes between the two steps."""
    former = copy.with_name(f"{copy.name}.former")
    with _signals_held_back():
        folder.rename(former)
        try:
            copy.rename(folder)
        except OSError:
            former.rename(folder)
            raise


@contextlib.contextmanager
def _signals_held_back() -> Generator[None]:
    """Have signals that would end the process come after the block instead. They are noted: a mask would be this thread's only."""
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    formers = [signal.signal(number, lambda came_now, _frame: came.append(came_now)) for number in numbers]
    try:
        yield
    finally:
        for number, former in zip(numbers, formers, strict=True):
            signal.signal(number, former)
        for late in came:
            signal.raise_signal(late)
