"""The lines by which a host's build takes a copy of the kernel along whole, and by which the host's tools leave it as it is.

They are looked for in the host's own files, and what is not there is printed, or written with `tidegate vendor --write`. A file is
only ever added to. One of TOML only where, read again, it says what it said before and the addition: else the lines are printed.
"""

import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path
from typing import Any, Final, cast

from tidegate_specs.foreign import entry, name_of, project_of, read_toml

from .manifest import MANIFEST

PLAIN_FILES: Final = ("LICENSE", MANIFEST, "py.typed")
# The distribution that a build backend comes with, by the first word of its name.
_BACKENDS: Final[Mapping[str, str]] = {
    "flit_core": "flit",
    "hatchling": "hatchling",
    "pdm": "pdm-backend",
    "poetry": "poetry-core",
    "setuptools": "setuptools",
    "uv_build": "uv_build",
}
# Where else a tool may have its settings, and what is in such a file then. A second place would hide the first, or be hidden by it.
_ELSEWHERE: Final[Mapping[str, Mapping[str, str]]] = {
    "black": {},
    "ruff": {"ruff.toml": "", ".ruff.toml": ""},
    "mypy": {"mypy.ini": "", ".mypy.ini": "", "setup.cfg": "[mypy"},
    "pyright": {"pyrightconfig.json": ""},
    "coverage": {".coveragerc": "", "setup.cfg": "[coverage:", "tox.ini": "[coverage:"},
}
_ATTRIBUTES: Final = ".gitattributes"
_PROJECT: Final = "pyproject.toml"


@dataclass(frozen=True, slots=True)
class Lines:
    """Name lines that belong into a file of a project. header: of the table they are in. why_not: why they are not written."""

    file: str
    header: str
    body: str
    why_not: str = ""


def advise(folder: Path, *, write: bool) -> str:
    """Say what a copy's project lacks; with write, put it there and say what was written. Nothing lacks: say that."""
    # Without a project, for the folder that the copy's package is in.
    root = project_of(folder) or folder.resolve().parents[name_of(folder).count(".")]
    lacking = [lines for lines in _wanted(folder, root) if not _is_held(root, lines)]
    written, left = _write(root, lacking) if write else ([], lacking)
    told = [*_build_text(root), *([f"wrote into {root}:", *_shown(written)] if written else [])]
    if left:
        head = "not written, to be put" if write else "so that your build takes it whole and your tools leave it as it is, put this"
        told += [f"{head} into {root}{'' if write else ' (--write does it)'}:", *_shown(left)]
    elif not written:
        told.append(f"nothing is lacking for it in the settings in {root}")
    return "\n".join(told)


def _shown(lines: Sequence[Lines]) -> Iterator[str]:
    for (file, why_not), of_file in groupby(lines, lambda each: (each.file, each.why_not)):
        yield f"  {file}" + (f" ({why_not})" if why_not else "")
        for header, of_table in groupby(of_file, lambda each: each.header):
            yield from [f"    {header}"] if header else []
            yield from (f"    {line}" for each in of_table for line in each.body.splitlines())


# What is wanted.


def _build_text(root: Path) -> list[str]:
    """Say what the project's build backend does with files that are no modules."""
    match _backend(root):
        case "":
            return []
        case "setuptools":
            return [
                f"it is built by setuptools, which leaves out files that are not named as package data: {', '.join(PLAIN_FILES)}"
            ]
        case known if known in _BACKENDS.values():
            return [f"it is built by {known}, which takes every file of a package along, unless your settings leave it out"]
        case unknown:
            return [f"it is built by {unknown}, of which nothing is known here: look for {', '.join(PLAIN_FILES)} in your wheel"]


def _backend(root: Path) -> str:
    """Name what builds a project: a distribution that is known, or a backend as the project names it. Empty: nothing does."""
    project = read_toml(root / _PROJECT)
    is_old = (root / "setup.py").is_file() or any(mark in _read(root / "setup.cfg") for mark in ("[metadata]", "[options"))
    is_built = is_old or "project" in project or "build-system" in project
    backend = str(entry(project, "build-system", "build-backend") or ("setuptools" if is_built else ""))
    return _BACKENDS.get(re.split("[.:]", backend)[0], backend)


def _wanted(folder: Path, root: Path) -> Iterator[Lines]:
    name, path = name_of(folder), folder.resolve().relative_to(root).as_posix()
    yield Lines(_ATTRIBUTES, "", f'"{path}/**" -text' if " " in path else f"{path}/** -text")
    if _backend(root) == "setuptools":
        yield from _for_setuptools(root, name, [each for each in ("adapters", "policies") if (folder / each).is_dir()])
    settings = {
        "black": ("[tool.black]", f"force-exclude = {_toml(f'^/{re.escape(path)}/')}"),
        "ruff": ("[tool.ruff]", f"force-exclude = true\nextend-exclude = {_toml([path])}"),
        "mypy": ("[[tool.mypy.overrides]]", f"module = {_toml([name, f'{name}.*'])}\nignore_errors = true"),
        "pyright": ("[tool.pyright]", f"ignore = {_toml([path])}"),
        "coverage": ("[tool.coverage.run]", f"omit = {_toml([f'{path}/**'])}"),
    }
    for tool, (header, body) in settings.items():
        other = _place_elsewhere(root, tool)
        why_not = f"{tool} has its settings in {other}: put the same there" if other else ""
        # A table that may be there already is added to line by line; one of an array is new as a whole.
        bodies = [body] if header.startswith("[[") else body.splitlines()
        yield from (Lines(_PROJECT, header, each, why_not) for each in bodies)


def _for_setuptools(root: Path, name: str, folders: list[str]) -> Iterator[Lines]:
    """Have setuptools take the files that are no modules, and the packages where the project lists its packages."""
    project = read_toml(root / _PROJECT)
    told = cast("dict[str, Any]", entry(project, "tool", "setuptools") or {})
    if "project" not in project and not told:  # then a table there would hide what the other files say
        if (root / "setup.py").exists() and "[options" not in _read(root / "setup.cfg"):
            yield Lines("setup.py", "", f"package_data={{{_toml(name)}: {_toml(PLAIN_FILES)}}},", "an argument of setup()")
        else:
            yield Lines("setup.cfg", "[options.package_data]", f"{name} = {', '.join(PLAIN_FILES)}")
        return
    packages: Any = told.get("packages")
    names = [name, *(f"{name}.{each}" for each in folders)]
    if isinstance(packages, list):
        yield Lines(_PROJECT, "[tool.setuptools]", f"packages = {_toml(names)}")
    include = cast("list[str]", entry(project, "tool", "setuptools", "packages", "find", "include") or ["*"])
    if not all(any(fnmatchcase(each, str(pattern)) for pattern in include) for each in names):
        yield Lines(_PROJECT, "[tool.setuptools.packages.find]", f"include = {_toml([f'{name}*'])}")
    yield Lines(_PROJECT, "[tool.setuptools.package-data]", f"{_toml(name)} = {_toml(PLAIN_FILES)}")


def _place_elsewhere(root: Path, tool: str) -> str:
    """Name the file, other than the project's pyproject.toml, that has a tool's settings: here, or above in the repository."""
    above = [root, *root.parents]
    ends = next((at for at, place in enumerate(above) if (place / ".git").exists()), 0)
    is_here = entry(read_toml(root / _PROJECT), "tool", tool) is not None
    for place in above[: 1 if is_here else ends + 1]:
        for file, mark in {**_ELSEWHERE[tool], **({} if place == root else {_PROJECT: f"[tool.{tool}"})}.items():
            if (place / file).is_file() and mark in _read(place / file):
                return file if place == root else str(place / file)
    return ""


def _toml(value: str | Sequence[str]) -> str:
    return json.dumps(value, ensure_ascii=False)


# What is there.


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def _is_held(root: Path, lines: Lines) -> bool:
    """Tell whether a file says already what these lines say."""
    text = _read(root / lines.file)
    if lines.file == _ATTRIBUTES:
        return lines.body in text.splitlines()
    if lines.file != _PROJECT:
        return MANIFEST in text and re.split(" = |: ", lines.body)[0].removeprefix("package_data={").strip('"') in text
    try:
        found = tomllib.loads(text)
        return bool(_merged(found, tomllib.loads(f"{lines.header}\n{lines.body}\n")) == found)
    except ValueError:
        return False


def _merged(old: Any, new: Any) -> Any:
    """Add one value of TOML to another. ValueError if the two contradict each other."""
    if isinstance(old, dict) and isinstance(new, dict):
        known, added = cast("dict[str, Any]", old), cast("dict[str, Any]", new)
        return known | {key: _merged(known.get(key), value) for key, value in added.items()}
    if isinstance(old, list) and isinstance(new, list):
        there, items = cast("Sequence[Any]", old), cast("Sequence[Any]", new)
        more = [item for item in items if not _contains(there, item)]
        return [*there, *more] if more and isinstance(more[0], dict) else [*more, *there]
    if isinstance(old, str) and isinstance(new, str) and new in old:  # a longer regular expression
        return old
    if old is not None and old != new:
        raise ValueError("it is set to something else")
    return new


def _contains(items: Sequence[Any], item: Any) -> bool:
    """Tell whether a list has an item; a table also when it says more."""
    if not isinstance(item, dict):
        return item in items
    wanted = cast("dict[str, Any]", item)
    return any(isinstance(each, dict) and {**cast("dict[str, Any]", each), **wanted} == each for each in items)


# Writing.


def _write(root: Path, lacking: Sequence[Lines]) -> tuple[list[Lines], list[Lines]]:
    """Add lines to their files. Give those that were written, and those that were not, with the reason."""
    written: list[Lines] = []
    left: list[Lines] = []
    for name in dict.fromkeys(lines.file for lines in lacking):
        done, undone = _write_file(root / name, [lines for lines in lacking if lines.file == name])
        written += done
        left += undone
    return written, left


def _write_file(file: Path, lacking: Sequence[Lines]) -> tuple[list[Lines], list[Lines]]:
    done: list[Lines] = []
    undone: list[Lines] = []
    try:
        before = text = _open(file)
        for lines in lacking:
            longer = None if lines.why_not else _added(text, lines)
            if longer is None:
                undone.append(replace(lines, why_not=lines.why_not or "it can't be added to without changing what is there"))
            else:
                text = longer
                done.append(lines)
        if text != before:
            _replace(file, text)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return [], [replace(lines, why_not=lines.why_not or reason) for lines in lacking]
    return done, undone


def _open(file: Path) -> str:
    """Read a file that may be written. ValueError says why it may not be."""
    if file.name not in {_ATTRIBUTES, _PROJECT}:
        raise ValueError("only printed: it is no file of TOML")
    if file.is_symlink():
        raise ValueError("it is a symbolic link")
    if not file.exists() and file.name == _PROJECT:
        raise ValueError("there is none, and a new one could change how the project is built")
    return file.read_bytes().decode("utf-8") if file.exists() else ""


def _replace(file: Path, text: str) -> None:
    """Put a new file in the place of the old one, of which there is a whole one at every moment."""
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text.encode("utf-8"))
        if file.exists():
            shutil.copymode(file, name)
        else:
            os.umask(mask := os.umask(0))
            Path(name).chmod(0o666 & ~mask)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _added(text: str, lines: Lines) -> str | None:
    """Add lines to a text; None if that can't be done safely. The ends of its lines stay what they are."""
    if "\n" in text and text.count("\n") == text.count("\r\n"):
        longer = _added(text.replace("\r\n", "\n"), lines)
        return None if longer is None else longer.replace("\n", "\r\n")
    if lines.file == _ATTRIBUTES:
        return f"{_ended(text)}{lines.body}\n"
    try:
        addition = tomllib.loads(f"{lines.header}\n{lines.body}\n")
        wanted = _merged(found := tomllib.loads(text), addition)
    except ValueError:
        return None
    return next((longer for longer in _candidates(text, lines, _missing(found, addition)) if _says(longer, wanted)), None)


def _missing(found: Any, addition: Any) -> list[str]:
    """Give the words that a list lacks; none where the addition is no list."""
    while isinstance(addition, dict):
        ((key, addition),) = cast("dict[str, Any]", addition).items()
        found = entry(found, key)
    items = cast("Sequence[Any]", addition if isinstance(addition, list) else ())
    return [item for item in items if isinstance(item, str) and item not in (found or ())]


def _says(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except ValueError:
        return False


def _candidates(text: str, lines: Lines, missing: Sequence[str]) -> Iterator[str]:
    """Give the texts that may be right: each place that looks like the table or the list is tried, and the end."""
    if not lines.header.startswith("[["):
        for header in re.finditer(rf"^{re.escape(lines.header)}[ \t]*(#.*)?$", text, re.MULTILINE):
            yield f"{text[: header.end()]}\n{lines.body}{text[header.end() :]}"
    key, items = lines.body.partition(" = ")[0], _toml(missing)[1:-1]
    if items:
        for opened in re.finditer(rf"^[ \t]*{re.escape(key)}[ \t]*=[ \t]*\[", text, re.MULTILINE):
            before, after = text[: opened.end()], text[opened.end() :]
            yield f"{before}\n    {items},{after}" if re.match(r"[ \t]*(#.*)?\n", after) else f"{before}{items}, {after}"
            yield f"{before}{items}{after}"  # into an empty list
    yield f"{_ended(text)}\n{lines.header}\n{lines.body}\n"


def _ended(text: str) -> str:
    return text if text.endswith("\n") or not text else f"{text}\n"
