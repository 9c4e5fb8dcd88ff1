"""`tidegate stress --app` and `--callable`: a service of one's own at 1x, 2x and 10x, without a wall and with one in front.

First it is probed, as `tidegate size` does: what it can finish a second is 1x. Then it is called by schedule (a Poisson process),
each level without a wall and with one, in this process, without a network. Callers want their answer within a deadline.
"""

import argparse
import platform
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, cast

from tidegate import __version__
from tidegate.adapters.bulkhead import Bulkhead
from tidegate_specs import progress
from tidegate_specs.check import EXIT_CODES, Verdict
from tidegate_specs.extras import UsageError, require
from tidegate_specs.reports import ReportFile

from ..load.unloaded import stolen_share
from .drive import Drive, Run, clock, schedule
from .knee import CannotTell
from .own_case import Figures, OwnReport, to_json
from .own_report import markdown, page, render
from .probe import Probe, Probed
from .suggest import Suggestion, suggest
from .target import FAILED, REFUSED, SERVED, UNSENT, load

LEVELS: Final = (1.0, 2.0, 10.0)
SECONDS: Final = 3.0
PROBE_S: Final = 90.0
OUTSTANDING: Final = 50_000  # calls that have not ended: further ones are not made
GRACE_S: Final = 30.0  # that calls may take to end when they were given up
BOUND: Final = 0.8  # of what can be finished, that has to be in time at the highest level behind the wall
ATTEMPTS: Final = 3
OFFERED: Final = 0.8  # of the load that was asked for has to be made
STOLEN_LIMIT: Final = 0.2
ROOM: Final = 8  # slots beyond the workers, at least: enough for chance


def slots_of(suggestion: Suggestion) -> int:
    """Give the slots of the wall: as many wait as are worked on, and at least eight; the formula's capacity at most."""
    return min(suggestion.capacity, max(2 * suggestion.workers, suggestion.workers + ROOM))


def figures_of(run: Run, level: float, slots: int, deadline_s: float, seconds: float, rate_per_s: float, until_ns: int) -> Figures:
    """Compute what callers saw of one load. slots: of the wall, 0 without one. until_ns: what ended later has not ended."""
    deadline_ns, end_ns = deadline_s * 1e9, run.start_ns + seconds * 1e9
    since_ns = run.start_ns + min(deadline_s, seconds / 2) * 1e9  # before that nothing can be late
    taken, refusals = list[float](), list[float]()
    good = window = late = unfinished = 0
    for due_ns, ended_ns, answer in zip(run.due_ns, run.ended_ns, run.answers, strict=True):
        ended = 0 < ended_ns <= until_ns
        took_ns = (ended_ns if ended else until_ns) - due_ns
        if answer == REFUSED and ended:
            refusals.append(took_ns / 1e9)
        elif answer == SERVED and ended:
            good += took_ns <= deadline_ns
            late += took_ns > deadline_ns
            window += took_ns <= deadline_ns and since_ns <= ended_ns < end_ns
            taken.append(took_ns / 1e9)
        elif not ended and answer != UNSENT:
            unfinished += 1
            taken.append(took_ns / 1e9)
    offered = len(run.due_ns)
    taken.sort()
    refusals.sort()
    return Figures(
        level=level,
        slots=slots,
        offered_per_s=run.handed / max(seconds, (run.due_ns[-1] - run.start_ns) / 1e9) if offered else 0.0,
        offered=offered,
        good=good,
        late=late,
        refused=len(refusals),
        failed=sum(each == FAILED and 0 < end <= until_ns for each, end in zip(run.answers, run.ended_ns, strict=True)),
        unfinished=unfinished,
        unsent=run.unsent,
        good_share=window / ((end_ns - since_ns) / 1e9) / max(1e-9, min(rate_per_s, offered / seconds)),
        p50_s=_at(taken, 50),
        p99_s=_at(taken, 99),
        refusal_p99_s=_at(refusals, 99),
        problems=tuple(run.problems),
    )


def _at(ordered: list[float], percent: int) -> float | None:
    return ordered[min(len(ordered) - 1, percent * len(ordered) // 100)] if ordered else None


def verdict_of(last: list[Figures], stolen: float) -> tuple[Verdict, str]:
    """Judge the runs at the highest level behind the wall, of which the last counts, and say why."""
    if not last:
        return Verdict.UNKNOWN, "nothing was run at the highest level behind the wall"
    share, level = last[-1].good_share, last[-1].level
    offered = last[-1].offered - last[-1].unsent
    if last[-1].unsent or offered < OFFERED * last[-1].offered:
        return Verdict.UNKNOWN, f"{last[-1].unsent:,} of {last[-1].offered:,} calls at {level:g}x could not be made"
    if share >= BOUND:
        return Verdict.OK, f"with the wall {share:.0%} of what can be finished was in time at {level:g}x"
    only = f"only {max(each.good_share for each in last):.0%} of what can be finished was in time at {level:g}x, with the wall"
    if stolen > STOLEN_LIMIT:
        return Verdict.UNKNOWN, f"{only}, but others took {stolen:.0%} of the processor"
    return (Verdict.UNKNOWN if len(last) < ATTEMPTS else Verdict.ILLEGAL), f"{only}, at best, seen {len(last)} times"


class Laboratory:
    """Run the levels. `report` is what was seen until now."""

    def __init__(self, drive: Drive, report: OwnReport, deadline_s: float, seconds: float, seed: int) -> None:
        self._drive, self._deadline_s, self._seconds, self._seed = drive, deadline_s, seconds, seed
        self.report = report

    def run(self, probed: Probed) -> None:
        """Run all levels, and the highest behind the wall up to three times. Raises CannotTell."""
        suggestion = suggest(probed.knee, self._deadline_s)
        slots, rate = slots_of(suggestion), probed.knee.rate_per_s
        self.report = replace(self.report, rate_per_s=rate, workers=suggestion.workers, slots=slots, service_s=suggestion.mean_s)
        for level in LEVELS:
            for wall in (0, slots):
                self._note(self._load(level, wall, rate, 0))
        last = [self.report.results[-1]]
        while len(last) < ATTEMPTS and last[-1].good_share < BOUND:
            last.append(self._load(LEVELS[-1], slots, rate, len(last)))
            self._note(last[-1])
        stolen = max(probed.stolen, stolen_share())
        verdict, why = verdict_of(last, stolen)
        self.report = replace(self.report, stolen_share=stolen, verdict=verdict, why=why)

    def _note(self, figures: Figures) -> None:
        self.report = replace(self.report, results=(*self.report.results, figures))

    def _load(self, level: float, slots: int, rate: float, again: int) -> Figures:
        name = f"{level:g}x, {f'a wall of {slots} slots' if slots else 'no wall'}"
        self._drive.behind(Bulkhead(slots) if slots else None)
        run = self._drive.run(schedule(level * rate, self._seconds, "poisson", self._seed + again), OUTSTANDING, name)
        run.wait(self._deadline_s)
        until_ns = clock()
        found = figures_of(run, level, slots, self._deadline_s, self._seconds, rate, until_ns)
        if not self._drive.abandon(run, GRACE_S):
            raise CannotTell(f"{run.outstanding} calls had not ended {GRACE_S:g} s after {name}")
        return found


def stress_own(arguments: argparse.Namespace, words: list[str]) -> int:
    """Run what was asked for; give the exit code. Raises UsageError."""
    if arguments.html is not None:
        require("tidegate stress --html", "lab")
    path = cast("str | None", arguments.path) or "/"
    if not path.startswith("/"):
        raise UsageError(f"--path: {path} does not begin with /")
    target = load(arguments.app or arguments.callable, application=arguments.app is not None, path=path)
    layouts: dict[str, Callable[[OwnReport], str]] = {"json": to_json, "markdown": markdown, "html": page}
    files = [(ReportFile(getattr(arguments, name), f"--{name}"), name, layout) for name, layout in layouts.items()]
    seconds = cast("float | None", arguments.seconds) or SECONDS
    now = datetime.now(UTC).isoformat(timespec="seconds")
    command = shlex.join(["tidegate", "stress", *words])
    report = OwnReport(__version__, platform.python_version(), now, target.title, command, arguments.deadline, seconds)
    tell = progress.OnStderr()
    progress.listen(tell)
    report, whole = _run(Drive(target), report, arguments.seed)
    tell.clear()
    sys.stdout.write(to_json(report) if arguments.json == "-" else render(report))
    for file, name, layout in files:
        if getattr(arguments, name) is not None:
            file.write(layout(report), final=True)
    if not whole:
        print("tidegate stress: interrupted; what was seen until then was reported", file=sys.stderr)
        return 3
    return EXIT_CODES[report.verdict]


def _run(drive: Drive, report: OwnReport, seed: int) -> tuple[OwnReport, bool]:
    """Probe and run. Gives the report, and whether it came to its end."""
    laboratory: Laboratory | None = None
    try:
        with drive:
            laboratory = Laboratory(drive, report, report.deadline_s, report.seconds, seed)
            probe = Probe(drive, PROBE_S)
            try:
                laboratory.run(probe.measure())
            except CannotTell as reason:
                return replace(laboratory.report, why=str(reason), stolen_share=probe.stolen), True
    except KeyboardInterrupt:
        return (laboratory.report if laboratory else report), False
    return laboratory.report, True
