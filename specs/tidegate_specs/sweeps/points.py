"""How many points each sweep visits on the kernel, by interpreter: one that visits fewer has stopped looking, and is UNKNOWN.

`points.json` says so for the sources whose digest it has, and for them alone: the kernel, and a copy of it. Other sources (a
mutant, somebody else's queue) have no expected number. After a change of the kernel, or of the sweeps, record it anew, once on
each interpreter, in a checkout:

    python -m tidegate_specs.sweeps --record                   profile quick: half a minute
    python -m tidegate_specs.sweeps --record --profile full    a few minutes

A number is that of one release: another of the same version may compile a line into fewer instructions, and is then UNKNOWN too.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from hashlib import sha256
from pathlib import Path
from platform import python_version
from types import ModuleType
from typing import Any, Final

from ..check import Check, Profile, Result, Settings, Subject, Verdict, load_subject

MANIFEST: Final = Path(__file__).with_name("points.json")
COMMAND: Final = "python -m tidegate_specs.sweeps --record"
Run = Callable[[Subject, Settings], Result]


def interpreter() -> str:
    """Name this interpreter as the manifest does: its version, with a t if it is free-threaded."""
    return f"{sys.version_info.major}.{sys.version_info.minor}{'t' if 't' in getattr(sys, 'abiflags', '') else ''}"


def digest_of(subject: object) -> str:
    """Give the digest of a kernel's own sources, without its adapters; "" where they are not in files of a package.

    What was loaded counts, not what is in the file: a mutant is patched while it is imported.
    """
    file = getattr(subject, "__file__", None)
    if not isinstance(file, str) or not isinstance(subject, ModuleType):
        return ""
    from ..explore.accesses import source_of  # with the whole explorer, which who only shares the sweeps' tools need not import

    whole = sha256()
    for path in sorted(Path(file).parent.glob("*.py")):
        name = subject.__name__ if path.stem == "__init__" else f"{subject.__name__}.{path.stem}"
        source = source_of(sys.modules[name]) if name in sys.modules else path.read_text(encoding="utf-8")
        whole.update(f"{path.name} {sha256(source.encode()).hexdigest()}\n".encode())
    return whole.hexdigest()


def recorded(manifest: Path = MANIFEST) -> dict[str, Any]:
    """Read the manifest: by interpreter, the digest of the sources, the release, and by check and profile the number of points."""
    return json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}


def short_of(name: str, points: int, digest: str, profile: Profile, known: Mapping[str, Any]) -> str:
    """Say what is missing for a sweep of these sources to be believed; "" if nothing is, or if they are no sources of ours."""
    if digest not in {entry["digest"] for entry in known.values()}:
        return ""
    entry: dict[str, Any] = known.get(interpreter(), {"digest": "", "points": {}})
    expected: int | None = entry["points"].get(name, {}).get(profile)
    if entry["digest"] != digest or expected is None:
        what = f"{name}, profile {profile}, on CPython {interpreter()}"
        return f"nobody has recorded how many points there are for {what}: {COMMAND} --profile {profile} does"
    if points < expected:
        return f"{points:,} points were visited; there are {expected:,} of {name} on CPython {entry['release']}: it looks away"
    return ""


def counted(name: str) -> Callable[[Run], Run]:
    """Have a sweep answer UNKNOWN, and never OK, where it visited fewer points than there are known to be."""

    def decorate(run: Run) -> Run:
        @wraps(run)
        def judged(subject: Subject, settings: Settings) -> Result:
            result = run(subject, settings)
            if result.verdict is not Verdict.OK:
                return result
            if result.points is None:
                return replace(result, verdict=Verdict.UNKNOWN, witness="it did not say how many points it visited")
            short = short_of(name, result.points, digest_of(subject), settings.profile, recorded())
            return replace(result, verdict=Verdict.UNKNOWN, witness=short) if short else result

        return judged

    return decorate


def record(checks: Sequence[Check], profile: Profile, manifest: Path = MANIFEST) -> str:
    """Sweep the kernel, and write how many points there were on this interpreter. Gives what was found, or raises SystemExit."""
    kernel = load_subject()
    known = recorded(manifest)
    entry: dict[str, Any] = known.get(interpreter(), {})
    if entry.get("digest") != digest_of(kernel) or entry.get("release") != python_version():
        entry = {"digest": digest_of(kernel), "release": python_version(), "points": {}}
    for check in checks:
        run: Run | None = getattr(check.run, "__wrapped__", None)
        if run is None:
            continue
        result = run(kernel, Settings(profile))
        if result.points is None or result.verdict is not Verdict.OK:
            raise SystemExit(f"{check.name} is {result.verdict.value}, nothing is recorded: {result.witness}")
        entry["points"].setdefault(check.name, {})[profile] = result.points
    known = recorded(manifest) | {interpreter(): entry}  # read again: another interpreter may have written its own meanwhile
    manifest.write_text(json.dumps(dict(sorted(known.items())), indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return f"{interpreter()}: {', '.join(f'{name} {found[profile]:,}' for name, found in sorted(entry['points'].items()))}"


def main(checks: Sequence[Check], argv: Sequence[str] | None = None) -> None:
    """Record the points of this interpreter."""
    parser = argparse.ArgumentParser(prog="python -m tidegate_specs.sweeps", description="Record how many points the sweeps visit.")
    parser.add_argument("--record", action="store_true", required=True, help="write them to points.json")
    parser.add_argument("--profile", choices=("quick", "full"), default="quick")
    arguments = parser.parse_args(argv)
    print(record(checks, arguments.profile))
    sys.stdout.flush()
    os._exit(0)  # threads that a sweep left behind must not keep the process
