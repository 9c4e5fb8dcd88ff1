"""Assert that what the documents and messages advise to install is what the wheel ships.

Usage: install_lines.py TREE [WHEEL [--resolve]]. With a wheel each requirement is installed from that file, without dependencies;
with --resolve its dependencies are looked up too, at the index that pip knows.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.parser import Parser
from pathlib import Path

from tidegate_specs.extras import EXTRAS

NAME = "tidegate"
# Where a reader meets advice. The changelog tells of names that were.
ADVICE = (
    *("README.md", "kernel/docs/*.md", "specs/**/*.md", "stress/**/*.md"),
    *("kernel/**/*.py", "specs/**/*.py", "stress/**/*.py"),
    *(".pre-commit-hooks.yaml", ".github/**/*.yml"),
)
LINE = re.compile(r"\bpip3?[\"']?\s+install\s+([^\n`&|;#)]*)")
WORD = re.compile(r"'([^']*)'|\"([^\"]*)\"|([^\s'\"]+)")
REQUIREMENT = re.compile(r"(?P<name>\.|[A-Za-z0-9][\w.-]*)(\[(?P<extras>[\w, -]*)\])?(?P<version>[<>=!~].*)?")
OPTIONS = {"-q", "-qq", "--quiet", "-U", "--upgrade", "-e", "--editable"}
# What a message fills in: the first is one of ours, the second the name of a library that an adapter is for.
PLACEHOLDERS = {"{extra}": tuple(EXTRAS), "{distribution}": ()}


def words_of(line: str) -> Iterator[str]:
    """Give what one line installs, each placeholder filled in, without quotes and the sentence's punctuation."""
    for match in WORD.finditer(line):
        word = next(group for group in match.groups() if group is not None)
        word = word if word == "." else word.rstrip(".,:")
        filled = [key for key in PLACEHOLDERS if key in word]
        if filled:
            yield from (word.replace(filled[0], each) for each in PLACEHOLDERS[filled[0]])
        elif word and word not in OPTIONS:
            yield word


def advice(tree: Path) -> dict[str, str]:
    """Give every requirement that is advised, and the first file that does it."""
    found: dict[str, str] = {}
    for pattern in ADVICE:
        for file in sorted(tree.glob(pattern)):
            for line in LINE.findall(file.read_text(encoding="utf-8")):
                for word in words_of(line):
                    found.setdefault(word, file.relative_to(tree).as_posix())
    return found


def normal(name: str) -> str:
    """Spell a distribution's name as the index does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def brought(tree: Path) -> set[str]:
    """Name the distributions that the extras bring: advice may name them too."""
    project = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [each for extra in project["optional-dependencies"].values() for each in extra]
    return {normal(re.split(r"[^\w.-]", each, maxsplit=1)[0]) for each in needed} - {NAME}


def faults_of(found: dict[str, str], others: set[str]) -> Iterator[str]:
    """Tell what of the advice is neither ours nor a distribution that an extra brings."""
    for word, place in found.items():
        match = REQUIREMENT.fullmatch(word)
        if match is None:
            yield f"{place}: {word!r} is no requirement"
        elif match["name"] not in {".", NAME} and normal(match["name"]) not in others:
            yield f"{place}: {word!r} is not {NAME}"


def extras_advised(found: dict[str, str]) -> dict[frozenset[str], str]:
    """Give the sets of extras with which our distribution is to be installed, and one place of each."""
    sets: dict[frozenset[str], str] = {}
    for word, place in found.items():
        match = REQUIREMENT.fullmatch(word)
        if match is not None and match["name"] in {".", NAME}:
            sets.setdefault(frozenset(filter(None, re.split(r"[ ,]+", match["extras"] or ""))), place)
    return sets


def pip(*words: str) -> str:
    """Run pip with the wheel in the place of the name; give what it printed. ValueError with its last words if it fails."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", *words]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if run.returncode:
        raise ValueError(" / ".join(run.stderr.strip().splitlines()[-2:]))
    if "does not provide the extra" in run.stderr:
        raise ValueError(run.stderr.strip().splitlines()[-1])
    return run.stdout


def from_wheel(wheel: Path, extras: frozenset[str]) -> str:
    """Spell the requirement so that it is met by that file."""
    return f"{NAME}[{','.join(sorted(extras))}] @ {wheel.resolve().as_uri()}" if extras else str(wheel.resolve())


def installed(wheel: Path, extras: frozenset[str]) -> str:
    """Install from the wheel alone, look at what is there, and say so."""
    with tempfile.TemporaryDirectory() as target:
        pip("--quiet", "--no-deps", "--no-index", "--no-compile", "--target", target, from_wheel(wheel, extras))
        look = f"import sys; sys.path.insert(0, {target!r}); import {NAME} as it; print(it.__version__, it.__file__)"
        run = subprocess.run([sys.executable, "-I", "-c", look], capture_output=True, text=True, check=True, timeout=60)
        version, _, file = run.stdout.strip().partition(" ")
        if not Path(file).resolve().is_relative_to(Path(target).resolve()):
            raise ValueError(f"imported from {file}")
        return f"{NAME} {version}"


def resolved(wheel: Path, extras: frozenset[str]) -> str:
    """Have pip choose everything that is needed, and say how much that is."""
    report = json.loads(pip("--quiet", "--dry-run", "--ignore-installed", "--report", "-", from_wheel(wheel, extras)))
    names = {normal(each["metadata"]["name"]) for each in report["install"]}
    if NAME not in names:
        raise ValueError(f"{NAME} is not among them")
    return f"{len(names) - 1} dependencies"


def extras_of(wheel: Path) -> set[str]:
    """Read the extras that a wheel has."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        return set(Parser().parsestr(archive.read(name).decode()).get_all("Provides-Extra", []))


def tried(wheel: Path, sets: dict[frozenset[str], str], *, resolve: bool) -> Iterator[str]:
    """Try each set of extras, two at a time; print what came of it, and give the faults."""
    has = extras_of(wheel)

    def attempt(extras: frozenset[str]) -> str:
        told = f"{NAME}[{','.join(sorted(extras))}]".replace("[]", "")
        if extras - has:
            return f"{told}: the wheel has no extra {', '.join(sorted(extras - has))}"
        try:
            came = [installed(wheel, extras), *([resolved(wheel, extras)] if resolve else [])]
        except (ValueError, OSError, subprocess.SubprocessError) as error:
            return f"{told}: {error}"
        print(f"  {told}: {', '.join(came)}", flush=True)
        return ""

    wanted = {frozenset[str](): "the kernel alone", **sets}
    with ThreadPoolExecutor(2) as pool:
        faults = zip(wanted.values(), pool.map(attempt, wanted), strict=True)
        yield from (f"{place}: {fault}" for place, fault in faults if fault)


def main() -> None:
    """List the advice and try it; end with its faults, if there are any."""
    tree, *rest = sys.argv[1:]
    found = advice(Path(tree))
    for word, place in found.items():
        print(f"{word:30} {place}")
    faults = list(faults_of(found, brought(Path(tree))))
    sets = extras_advised(found)
    if not sets:
        faults.append(f"nothing advises to install {NAME}")
    if rest:
        faults += tried(Path(rest[0]), sets, resolve="--resolve" in rest)
    if faults:
        sys.exit("\n".join(faults))
    print(f"{len(found)} pieces of advice: what is advised is what is shipped")


if __name__ == "__main__":
    main()
