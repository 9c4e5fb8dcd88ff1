"""Run every mutant against the groups of checks that bear on it."""

import importlib
import importlib.util
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from ..check import Profile
from ..progress import awaited
from ..progress import progress as tell
from .children import FINDS_HANGS, Children, Job
from .matrix import STRESS, Cell, Matrix
from .patching import CONTROL, Mutant, describe, mutant_names

GROUPS: Final[Mapping[str, str]] = {  # whose checks are run on mutants, by module
    "audit": "tidegate_specs.audit",
    "contracts": "tidegate_specs.contracts",
    "stateful": "tidegate_specs.stateful",
    "sizes": "tidegate_specs.sizes",
    "scenarios": "tidegate_specs.scenarios",
    "sweeps": "tidegate_specs.sweeps",
    "host": "tidegate_specs.host",
    "explore": "tidegate_specs.explore",
    "stress": "tidegate_specs.plain_stress",
}
NAMED_ONLY: Final = (
    "contracts",
    "stateful",
    "sizes",
    "sweeps",
    "host",
    "explore",
    "overload",
)  # take too long for every mutant: run on those that name one of their checks
CHILDREN: Final = 2


def is_there(module: str) -> bool:
    """Tell whether a module can be found; importing it may still fail."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def discover_groups() -> dict[str, str]:
    """Give the groups whose modules are here, by module name."""
    return {group: module for group, module in GROUPS.items() if importlib.util.find_spec(module) is not None}


def kill_matrix(
    groups: Mapping[str, str] | None = None,
    profile: Profile = "quick",
    names: Sequence[str] | None = None,
    progress: Callable[[str], None] = tell,
    seed: int = 0,
    source_dir: Path | None = None,
) -> Matrix:
    """Run mutants against groups of checks, each pair in a process of its own, two at a time.

    groups: module by group; all that are here if None (a caller above the specification adds its own). profile: quick runs each
    mutant against the first of its `KILLED_BY` that is here, full against every group (those of `NAMED_ONLY`: the checks that the
    mutant names), and a race against the checks that it names and plain stress. All checks but that one run with their quick
    profile in both. names: the mutants, all if None.
    The kernel itself is run first, on the same checks: it must pass, and what it takes tells when a mutant hangs. In quick it is
    spared the groups of FINDS_HANGS, whose checks need no time to compare with: the gate runs them on it beside this.
    """
    started_s = time.monotonic()
    modules = discover_groups() if groups is None else dict(groups)
    rows = tuple(describe(name) for name in (mutant_names() if names is None else names))
    jobs = [job for mutant in rows for job in _jobs(mutant, modules, profile, seed, source_dir)]
    controls = [
        Job(describe(CONTROL), group, modules[group], _profile_of(group), seed, source_dir, *_needed(group, jobs))
        for group in modules
        if any(job.group == group for job in jobs) and (profile == "full" or group not in FINDS_HANGS)
    ]
    control: dict[str, Cell] = {}
    children = Children()

    def run_mutant(job: Job) -> Cell:
        return job.run(control[job.group].times_s if job.group in control else dict.fromkeys(job.first, 0.0), children)

    cells: dict[tuple[str, str], Cell] = {}
    with ThreadPoolExecutor(CHILDREN) as pool:
        try:
            progress(f"the kernel itself: {len(controls)} groups")
            ends = [pool.submit(job.run, None, children) for job in controls]
            control.update(zip((job.group for job in controls), map(awaited, ends), strict=True))
            # Where the kernel passes none of a group's checks, they can't tell.
            jobs = [job for job in jobs if job.group not in control or control[job.group].times_s]
            for job, end in [(job, pool.submit(run_mutant, job)) for job in jobs]:
                cells[job.mutant.name, job.group] = cell = awaited(end)
                progress(f"{len(cells)} of {len(jobs)}: {job.mutant.name} under {job.group}: {cell}")
        except BaseException:  # Ctrl-C, for one: nobody waits for what is still running
            pool.shutdown(wait=False, cancel_futures=True)
            children.end_all()
            raise
    return Matrix(rows, tuple(modules), cells, control, time.monotonic() - started_s)


def _jobs(mutant: Mutant, modules: Mapping[str, str], profile: Profile, seed: int, source_dir: Path | None) -> list[Job]:
    def job(group: str, first: tuple[str, ...], only: bool) -> Job:
        return Job(mutant, group, modules[group], _profile_of(group), seed, source_dir, first, only)

    if profile == "full":
        named = {group: mutant.named(group) or () for group in modules}
        if mutant.within:
            return [job(group, named[group], bool(named[group])) for group in modules if named[group] or group == STRESS]
        fit = [group for group in modules if named[group] or group not in (*NAMED_ONLY, STRESS)]
        return [job(group, named[group], group in NAMED_ONLY) for group in fit]
    here = [entry for entry in mutant.killed_by if entry.partition(".")[0] in modules]
    if not here:
        return [job(group, (), False) for group in modules] if not mutant.killed_by else []
    group = here[0].partition(".")[0]
    return [job(group, (here[0],) if "." in here[0] else (), "." in here[0])]


def _profile_of(group: str) -> Profile:
    """Tell how hard the checks of a group look at a mutant: one quick look, but for stress, which is given its ten seconds."""
    return "full" if group == STRESS else "quick"


def _needed(group: str, jobs: Sequence[Job]) -> tuple[tuple[str, ...], bool]:
    """Give the checks that the kernel must be run on for these jobs, and whether those are all."""
    of_group = [job for job in jobs if job.group == group]
    return tuple(dict.fromkeys(name for job in of_group for name in job.first)), all(job.only for job in of_group)
