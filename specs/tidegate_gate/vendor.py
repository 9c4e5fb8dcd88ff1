"""`tidegate vendor`: copy the core of the installed kernel into somebody else's package, byte for byte, with a manifest."""

import argparse
import contextlib
import keyword
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import cast

from tidegate_specs.extras import UsageError
from tidegate_specs.foreign import name_of
from tidegate_specs.reports import ReportFile

from .manifest import (
    ADAPTERS,
    DISTRIBUTION,
    MANIFEST,
    POLICIES,
    Installed,
    Manifest,
    ManifestError,
    differences,
    is_older,
    read_manifest,
)
from .report import count_text
from .sbom import as_cyclonedx
from .settings import advise

_EPILOG = """\
examples:
  tidegate vendor src/myapp/_gate                  the core; then: from myapp._gate import Intake
  tidegate vendor src/myapp/_gate --with executor  the core, the executor, and the modules that it needs
  tidegate vendor src/myapp/_gate --with policies  the core and the policies
  tidegate vendor src/myapp/_gate --write          and put what your build and your tools need into pyproject.toml
  tidegate vendor src/myapp/_gate --update         renew the copy from the version that is installed now
  tidegate vendor src/myapp/_gate --update --without executor      the same, and take the executor out of it
  tidegate vendor src/myapp/_gate --update --sbom gate.cdx.json    the same, and write its bill of materials
  tidegate verify --vendored src/myapp/_gate       judge the copy

The copy is written beside its place and put there when it is whole; nothing is fetched. With --update, --with adds to the adapters
that the copy has. --write only ever adds to a file, and prints what it can't add safely.

exit codes:
  0  done, or nothing to do
  1  --update: the copy was edited, and is left as it is
  2  bad usage, or the copy can't be written
  3  interrupted: the copy is the old one or the new one, whole
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Make or renew a copy; return the exit code that the help tells."""
    arguments = _parser().parse_args(argv)
    folder = _plain(cast(str, arguments.folder))
    adapters, without = cast("list[str]", arguments.adapters), cast("list[str]", arguments.without)
    try:
        _refuse_place(folder)
        if without and not arguments.update:
            raise UsageError("--without is for a copy that is there: it needs --update")
        sbom = _sbom_file(cast("str | None", arguments.sbom), folder)
        installed = Installed.find()
        status = _update(folder, installed, adapters, without) if arguments.update else _make(folder, installed, adapters)
        if status == 0:
            print(advise(folder, write=cast(bool, arguments.write)))
            sbom.write(as_cyclonedx(read_manifest(folder)), final=True)
        return status
    except UsageError as error:
        print(f"tidegate vendor: {error}", file=sys.stderr)
    except OSError as error:
        if error.filename is None:
            raise  # it is of a stream, or of a disk that is full
        print(f"tidegate vendor: {error.filename}: {error.strerror}", file=sys.stderr)
    return 2


def _sbom_file(target: str | None, folder: Path) -> ReportFile:
    """Open the bill of materials before anything is copied. UsageError where it can't be."""
    if target is not None and (target == "-" or Path(target).resolve().is_relative_to(folder.resolve())):
        raise UsageError(f"--sbom: a file is needed that is not in the copy, not {target}")
    return ReportFile(target, "--sbom")


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
        help=f"copy an adapter, or the policies, too; repeatable: {', '.join(sorted(ADAPTERS))}",
    )
    parser.add_argument("--update", action="store_true", help="renew a copy that nobody has edited")
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="ADAPTER",
        help="with --update: take an adapter out of the copy; repeatable",
    )
    parser.add_argument(
        "--write", action="store_true", help="put what the build and the tools of your project need into its settings, and show it"
    )
    parser.add_argument("--sbom", metavar="FILE", help="write the copy's bill of materials, a component of CycloneDX 1.6")
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
    name = name_of(folder)
    if made and "." in name:
        print(f"made {made[0]} for it: a namespace package, until there is an __init__.py in it")
    elif made:
        print(f"made {made[0]} for it; with an __init__.py there the copy is imported as {made[0].name}.{folder.name}")
    print(f"import it as {name}; tidegate verify --vendored {folder} judges it")
    return 0


def _update(folder: Path, installed: Installed, adapters: Sequence[str], without: Sequence[str]) -> int:
    try:
        former = read_manifest(folder)
    except FileNotFoundError:
        raise UsageError(f"{folder} is not a copy that tidegate vendor has made: there is no {MANIFEST} in it") from None
    except ManifestError as error:
        return _refuse_edited(folder, [f"MODIFIED {MANIFEST} ({error})"])
    chosen = _chosen(former, adapters, without)
    if strange := [name for name in chosen if name not in ADAPTERS]:
        raise UsageError(f"{DISTRIBUTION} {installed.version} has no adapter {', '.join(strange)}: --without takes it out")
    edited = [str(difference) for difference in differences(folder, former.files)]
    if former.version == installed.version and not installed.has(former):
        edited.append(f"MODIFIED {MANIFEST} (it is not that of {DISTRIBUTION} {former.version}, which is installed)")
    if edited:
        return _refuse_edited(folder, edited)
    manifest = installed.manifest(chosen)
    if manifest == former:
        print(f"{folder}: nothing to do, it is {_what(manifest)}")
        return 0
    with _written_beside(folder, installed, manifest) as copy:
        _exchange(folder, copy)
    downgrade = ", a downgrade: the copy was of the later version" if is_older(manifest.version, former.version) else ""
    print(f"{folder}: from {_what(former)} to {_what(manifest)}{downgrade}")
    for name in without:
        if users := [other for other in manifest.adapters if name in ADAPTERS[other]]:
            print(f"{name if name == POLICIES else f'adapters/{name}.py'} stays: {', '.join(users)} needs it")
    return 0


def _chosen(former: Manifest, adapters: Sequence[str], without: Sequence[str]) -> list[str]:
    """Choose the adapters of a copy anew. UsageError for one to be taken out that is not there, or is to be put in."""
    for name in without:
        if name in adapters or name not in former.adapters:
            there = f"; it has {', '.join(former.adapters)}" if former.adapters else ""
            raise UsageError(
                f"--without {name}: "
                + ("it is named by --with, too" if name in adapters else f"the copy has no such adapter{there}")
            )
    return [name for name in (*former.adapters, *adapters) if name not in without]


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
