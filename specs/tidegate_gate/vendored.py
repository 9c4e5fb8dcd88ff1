"""Judge a vendored copy of the kernel, level by level, before the gate judges what it does.

files       the set of files and their hashes, against the copy's own manifest
origin      the manifest, against the distribution that is installed here; the copy's files have no say in it
import      every module of the copy imports under its own name where there is no `tidegate`, and none names it
conformance the gate on that copy: `tidegate_gate.verify`

The first two read files, need only the standard library and import nothing. A level that is not OK keeps those after it from being
run, but for a copy of another version than the one installed: that one is UNKNOWN, and what it does can be judged all the same.
"""

import ast
import difflib
import io
import json
import os
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from tidegate_specs import foreign
from tidegate_specs.check import Verdict
from tidegate_specs.extras import UsageError

from .manifest import (
    ADAPTERS,
    CRLF,
    DISTRIBUTION,
    MANIFEST,
    Difference,
    Installed,
    LaterFormatError,
    Manifest,
    ManifestError,
    differences,
    read_manifest,
)
from .report import Level, count_text, some

CONFORMANCE: Final = "conformance"
FORMATTED: Final = "a formatter did this: it parses to the same, with the same comments"
IMPORT_LIMIT_S: Final = 60.0
_DIFF_LINES: Final = 40
_IMPORTERS: Final = ("import_module", "__import__")


def folder_of(text: str) -> Path:
    """Find a copy's folder. UsageError if it is none that could be judged."""
    folder = Path(os.path.normpath(text))
    if folder.is_symlink():
        raise UsageError(f"{folder} is a symbolic link: name the folder itself")
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder" + (" (a zip has to be unpacked first)" if folder.is_file() else ""))
    name = foreign.name_of(folder)
    if not all(word.isidentifier() for word in name.split(".")):
        raise UsageError(f"{folder} can't be imported: {name} is not a name in Python")
    if name.partition(".")[0] == DISTRIBUTION:
        raise UsageError(f"{folder} is imported as {name}: that is the original's name, and a copy needs one of its own")
    return folder


def levels(folder: Path, *, files_only: bool) -> Iterator[Level]:
    """Judge the levels before conformance. Each is told, one that was not run too; conformance only if it is not to be run."""
    files, manifest = judge_files(folder)
    yield files
    stopped_by = "" if manifest is not None and files.verdict is Verdict.OK else files.name
    later: dict[str, Callable[[Manifest], Level] | None] = {"origin": lambda manifest: judge_origin(manifest, folder)}
    if not files_only:
        later |= {"import": lambda _: judge_import(folder), CONFORMANCE: None}
    for name, judge in later.items():
        if stopped_by or manifest is None:
            yield Level(name, None, f"{stopped_by} is not OK")
        elif judge is not None:
            level = judge(manifest)
            yield level
            stopped_by = "" if _lets_on(level) else name


def _lets_on(level: Level) -> bool:
    """Tell whether the copy may be run: it is what it says it is, of whatever version."""
    return level.verdict is Verdict.OK or (level.name == "origin" and level.verdict is Verdict.UNKNOWN)


# files


def judge_files(folder: Path) -> tuple[Level, Manifest | None]:
    """Compare a copy with its own manifest."""
    try:
        manifest = read_manifest(folder)
        found = differences(folder, manifest.files)
    except FileNotFoundError:
        return Level("files", Verdict.ILLEGAL, f"MISSING {MANIFEST}: not a copy that tidegate vendor has made, or not whole"), None
    except LaterFormatError as error:
        return Level("files", Verdict.UNKNOWN, f"{MANIFEST}: {error}"), None
    except ManifestError as error:
        return Level("files", Verdict.ILLEGAL, f"MODIFIED {MANIFEST}: {error}"), None
    except OSError as error:
        return Level("files", Verdict.UNKNOWN, f"cannot read {error.filename}: {error.strerror}"), None
    if not found:
        return Level("files", Verdict.OK, f"{count_text(len(manifest.files), 'files')} as {MANIFEST} says, and no other"), manifest
    edited = [each.file for each in found if each.kind == "MODIFIED" and not each.reason]
    originals = _originals(edited, manifest)
    found = [_explained(difference, folder, originals) for difference in found]
    kinds = ", ".join(f"{number} {kind}" for kind in ("MODIFIED", "MISSING", "EXTRA") if (number := _count(found, kind)))
    text = f"not as {MANIFEST} says: {kinds}"
    if all(difference.reason == CRLF for difference in found):
        text += ", by line endings alone: git's core.autocrlf does that; "
        text += f"'{folder.name}/** -text' in {folder.parent / '.gitattributes'} keeps them"
    if all(difference.reason == FORMATTED for difference in found):
        text += ", by a formatter alone: take the files from version control again; "
        text += f"what keeps it away is then told by tidegate vendor --update {folder}"
    return Level("files", Verdict.ILLEGAL, text, "\n".join(_shown(folder, originals, found))), manifest


def _count(found: Sequence[Difference], kind: str) -> int:
    return sum(difference.kind == kind for difference in found)


def _originals(names: Sequence[str], manifest: Manifest) -> dict[str, bytes]:
    """Read those of the installed files that are what the copy was made from."""
    try:
        original = Installed.find().folder
    except UsageError:
        return {}
    files = {name: (original / name).read_bytes() for name in names if (original / name).is_file()}
    return {name: data for name, data in files.items() if sha256(data).hexdigest() == manifest.files[name]}


def _explained(difference: Difference, folder: Path, originals: Mapping[str, bytes]) -> Difference:
    """Say of an edited file that a formatter did it, where that is so."""
    name = difference.file
    if name in originals and name.endswith(".py") and only_formatted(originals[name], (folder / name).read_bytes()):
        return replace(difference, reason=FORMATTED)
    return difference


def _shown(folder: Path, originals: Mapping[str, bytes], found: Sequence[Difference]) -> Iterator[str]:
    """Tell each difference; that of an edited file line by line, where the installed one is what it was copied from."""
    for difference in found:
        yield str(difference)
        if difference.kind == "MODIFIED" and not difference.reason:
            name = difference.file
            if name in originals:
                yield from _unified(originals[name], (folder / name).read_bytes(), name)
            else:
                yield f"  (no diff: the installed {DISTRIBUTION} has another {name})"


def only_formatted(before: bytes, after: bytes) -> bool:
    """Tell whether two modules differ in layout alone: they parse to the same, and have the same comments, in order."""
    try:
        return _meaning(before) == _meaning(after)
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        return False


def _meaning(source: bytes) -> tuple[str, list[str]]:
    """Give what no formatter changes. The white space at the margins of a docstring is the formatters' own."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef() if text := ast.get_docstring(node):
                node.body[0] = ast.Expr(ast.Constant("\n".join(line.rstrip() for line in text.strip().splitlines())))
            case ast.Constant():
                node.kind = None
            case _:
                pass
    tokens = tokenize.tokenize(io.BytesIO(source).readline)
    return ast.dump(tree), [token.string.lstrip("#").strip() for token in tokens if token.type == tokenize.COMMENT]


def _unified(before: bytes, after: bytes, name: str) -> list[str]:
    old, new = (data.decode("utf-8", "backslashreplace").splitlines() for data in (before, after))
    lines = list(difflib.unified_diff(old, new, f"installed/{name}", f"copy/{name}", lineterm="", n=1))
    more = [f"  (and {count_text(len(lines) - _DIFF_LINES, 'lines')} more)"] if len(lines) > _DIFF_LINES else []
    return [f"  {line}" for line in lines[:_DIFF_LINES]] + more


# origin


def judge_origin(manifest: Manifest, folder: Path) -> Level:
    """Compare a copy's manifest with the distribution that is installed here."""
    try:
        installed = Installed.find()
    except UsageError as error:
        return Level("origin", Verdict.UNKNOWN, f"nothing to compare with: {error}")
    if folder.samefile(installed.folder):
        return Level(
            "origin", Verdict.UNKNOWN, f"nothing to compare with: {DISTRIBUTION} is found in {folder} here, the copy itself"
        )
    if manifest.version != installed.version:
        text = f"the copy is of {manifest.version}, installed is {installed.version}: install that version to judge it"
        return Level("origin", Verdict.UNKNOWN, text)
    if strange := [name for name in manifest.adapters if name not in ADAPTERS]:
        return Level("origin", Verdict.ILLEGAL, f"{DISTRIBUTION} {installed.version} has no adapter {', '.join(strange)}")
    wanted = installed.manifest(manifest.adapters)
    if wanted == manifest:
        text = f"{DISTRIBUTION} {manifest.version} as installed, digest {manifest.digest[:16]}"
        return Level("origin", Verdict.OK, text + (f", with {', '.join(manifest.adapters)}" if manifest.adapters else ""))
    names = sorted({*wanted.files, *manifest.files})
    told = [_disagreement(name, name in wanted.files, name in manifest.files) for name in names if _differ(wanted, manifest, name)]
    text = f"{MANIFEST} is not that of {DISTRIBUTION} {installed.version}: {some(told or ['its adapters'])}"
    return Level("origin", Verdict.ILLEGAL, text, "\n".join(told))


def _differ(one: Manifest, other: Manifest, name: str) -> bool:
    return one.files.get(name) != other.files.get(name)


def _disagreement(name: str, is_wanted: bool, is_there: bool) -> str:
    return f"{'MODIFIED' if is_wanted and is_there else 'MISSING' if is_wanted else 'EXTRA'} {name}"


# import


def judge_import(folder: Path) -> Level:
    """Import every module of a copy in a process where `tidegate` can't be, and look for imports of it by name."""
    name = foreign.name_of(folder)
    sources = {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*.py"))}
    if named := [f"{file} {line}" for file, source in sources.items() for line in absolute_self_imports(source, name)]:
        return Level("import", Verdict.ILLEGAL, f"{name} imports itself by an absolute name: {some(named)}", "\n".join(named))
    # Bytecode that was left in __pycache__ is not run: it is not of what was read.
    command = [sys.executable, "-I", "-B", "-X", f"pycache_prefix={os.devnull}", foreign.__file__, str(folder)]
    try:
        run = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=IMPORT_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return Level("import", Verdict.UNKNOWN, f"no end within {IMPORT_LIMIT_S:g} s")
    errors = run.stderr.decode("utf-8", "replace").strip()
    try:
        told: dict[str, Any] = json.loads(run.stdout.decode().splitlines()[-1])
    except (ValueError, IndexError):
        return Level("import", Verdict.ILLEGAL, f"{name} can't be imported: {(errors or 'no word').splitlines()[-1]}", errors)
    if told["original"]:
        return Level("import", Verdict.ILLEGAL, f"{name} asks for {', '.join(told['original'])} when it is imported", errors)
    text = f"{name}: {count_text(len(told['modules']), 'modules')} without {DISTRIBUTION}, no absolute import of itself"
    return Level("import", Verdict.OK, text)


def absolute_self_imports(source: bytes, name: str) -> list[str]:
    """List the imports of `tidegate`, or of the copy itself, by an absolute name."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []  # which is found when it is imported
    found = [(line, module) for node in ast.walk(tree) for line, module in _imported(node)]
    own = (f"{DISTRIBUTION}.", f"{name}.")
    return list(dict.fromkeys(f"line {line}: {module}" for line, module in found if f"{module}.".startswith(own)))


def _imported(node: ast.AST) -> list[tuple[int, str]]:
    """Name the modules that a node imports, or may: of `from a import b`, the second is `a.b`."""
    match node:
        case ast.Import(names=names):
            return [(node.lineno, alias.name) for alias in names]
        case ast.ImportFrom(module=str(module), names=names, level=0):
            return [(node.lineno, f"{module}.{alias.name}") for alias in names]
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=[ast.Constant(value=str(module)), *_]):
            return [(node.lineno, module)] if called in _IMPORTERS else []
        case _:
            return []
