"""The races of `races`: where each is from, within how many schedules it is found, and what plain stress says of it.

`python -m tidegate_specs.explore.own.corpus` runs them all; `--markdown` prints the table of `specs/docs/explore-your-code.md`;
`--stress 10` runs each faulty program over and over for ten seconds, with real threads that meet as they like.
"""

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .api import Target
from .search import Result

FOLDER: Final = Path(__file__).parent / "races"


@dataclass(frozen=True)
class Race:
    """Describe a race.

    within: the number of the schedule that fails, at most, on any version. mended_in: the schedules of the mended program, at most.
    shows: a part of what the explorer says of it. stress: how many runs failed in ten seconds of plain stress, on CPython 3.14.
    """

    file: str
    name: str
    what: str
    link: str
    within: int
    mended_in: int
    shows: str
    stress: str

    def searched(self, mended: bool = False) -> Result:
        """Explore the program, or its mended form."""
        name = f"{self.name}_mended" if mended else self.name
        search, _ = Target(str(FOLDER / f"{self.file}.py"), name).prepared()
        with search:
            return search.reduced(60.0)


_GITHUB: Final = "https://github.com/"
RACES: Final = (
    Race(
        "caches",
        "expired_twice",
        "two threads drop the same expired entry",
        "tkem/cachetools/issues/115",
        7,
        2,
        "KeyError",
        "0 of 71,638",
    ),
    Race(
        "caches",
        "made_twice",
        "a cached property is computed twice",
        "pydanny/cached-property/issues/6",
        2,
        2,
        "AssertionError",
        "0 of 94,732",
    ),
    Race(
        "caches",
        "grew_while_read",
        "a dictionary grows while it is iterated over",
        "proxystore/proxystore/issues/206",
        2,
        2,
        "dictionary changed size",
        "0 of 69,165",
    ),
    Race(
        "pools",
        "replaced_in_use",
        "a pool is replaced, and closed, while it is used",
        "urllib3/urllib3/pull/204",
        6,
        2,
        "the pool is closed",
        "0 of 43,030",
    ),
    Race(
        "pools",
        "evicted_in_use",
        "a pool is evicted before a connection is taken",
        "urllib3/urllib3/issues/1252",
        2,
        2,
        "the pool is closed",
        "0 of 96,635",
    ),
    Race(
        "pools",
        "seen_half_made",
        "a pool is published before it is complete",
        "sebleier/django-redis-cache/issues/213",
        9,
        28,
        "no attribute 'host'",
        "0 of 79,556",
    ),
    Race(
        "pools",
        "disconnected_twice",
        "two threads disconnect one connection",
        "redis/redis-py/issues/732",
        4,
        6,
        "no attribute 'close'",
        "0 of 24,163",
    ),
    Race(
        "pools",
        "above_the_limit",
        "a pool makes more connections than its limit",
        "redis/redis-py/issues/906",
        3,
        4,
        "AssertionError",
        "0 of 56,757",
    ),
    Race(
        "workers",
        "wakeup_lost",
        "a scheduler forgets the wake-up of a new job",
        "agronholm/apscheduler/issues/13",
        3,
        4,
        "deadlock",
        "0 of 51,227",
    ),
    Race(
        "workers",
        "never_started",
        "a watch added while the observer starts",
        "gorakhargosh/watchdog/issues/1044",
        2,
        2,
        "AssertionError",
        "0 of 55,621",
    ),
    Race(
        "workers",
        "worker_left_behind",
        "a task let in while the interpreter ends",
        "python/cpython/issues/75964",
        2,
        2,
        "AssertionError",
        "0 of 54,211",
    ),
    Race(
        "workers",
        "joined_with_lock_held",
        "a thread is joined with a lock held that it wants",
        "python/cpython/pull/125492",
        1,
        1,
        "deadlock",
        "0 of 51,060",
    ),
    Race(
        "workers",
        "getter_not_told",
        "a queue shut down does not wake who waits",
        "python/cpython/issues/117531",
        2,
        2,
        "deadlock",
        "0 of 16,868",
    ),
)

_LOOP: Final = """
import importlib.util, os, sys, threading, time
spec = importlib.util.spec_from_file_location("race", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
failed = 0
def count(args):
    global failed
    failed += 1
threading.excepthook = count
program, end, runs = getattr(module, sys.argv[2]), time.monotonic() + float(sys.argv[3]), 0
while time.monotonic() < end:
    try:
        program()
    except AssertionError:
        failed += 1
    runs += 1
    if not runs % 100:
        print(runs, failed, flush=True)
print(runs, failed, flush=True)
os._exit(0)
"""


def stress(race: Race, seconds: float) -> str:
    """Run a faulty program over and over, in a process of its own, and say how many runs failed; it may hang instead."""
    command = [sys.executable, "-c", _LOOP, str(FOLDER / f"{race.file}.py"), race.name, str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            told, _ = process.communicate(timeout=seconds + 5)
        except subprocess.TimeoutExpired:
            process.kill()
            told, _ = process.communicate()
            return f"hung after {(told.split() or ['0'])[-2 if told.split() else 0]} runs or a few more"
    runs, failed = told.split()[-2:]
    return f"{failed} of {int(runs):,} runs failed"


def _schedules(number: int) -> str:
    return f"{number} schedule{'s' if number > 1 else ''}"


def markdown() -> str:
    """Give the table."""
    lines = ["| race | from | found within | mended: OK in | failed under plain stress |", "|---|---|---|---|---|"]
    for race in RACES:
        place = race.link.replace("/issues/", " #").replace("/pull/", " #")
        cells = (
            race.what,
            f"[{place}]({_GITHUB}{race.link})",
            _schedules(race.within),
            _schedules(race.mended_in),
            race.stress,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    """Run the corpus, print its table, or stress it."""
    parser = argparse.ArgumentParser(prog="python -m tidegate_specs.explore.own.corpus", description=main.__doc__)
    parser.add_argument("--markdown", action="store_true", help="print the table, and run nothing")
    parser.add_argument("--stress", type=float, metavar="S", help="run each faulty program for so many seconds")
    options = parser.parse_args()
    if options.markdown:
        print(markdown())
        return 0
    bad = 0
    for race in RACES:
        if options.stress:
            print(f"{race.name}: {stress(race, options.stress)}", flush=True)
            continue
        found, mended = race.searched(), race.searched(mended=True)
        right = found.failure is not None and mended.exhausted and mended.failure is None
        right = right and race.shows in str(found.failure) and found.schedules <= race.within and mended.schedules <= race.mended_in
        bad += not right
        print(
            f"{race.name}: {found.schedules} {found.failure.message if found.failure else found}\n    mended: {mended}", flush=True
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
