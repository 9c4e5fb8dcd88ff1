"""Probe a target within a limited time: first call by call, then twice as fast again and again, then slowly through its limit.

    alone   calls far enough apart that each is alone: how long one takes when nothing is in its way
    faster  calls come at a steady rate, which doubles until they pile up: about where the limit is
    ramp    the rate grows in a straight line well beyond that: how much is finished with how many inside, from few to many. Twice,
            and a third time where the two disagree

Nothing is judged here but whether that could be measured: `CannotTell` says why not.
"""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tidegate_specs.extras import UsageError
from tidegate_specs.progress import progress

from ..load.unloaded import stolen_share
from .drive import THREADS, Drive, Run, clock, schedule
from .knee import Calls, CannotTell, Knee, find_knee
from .target import FAILED, REFUSED, SERVED, Target

FIRST_CALLS: Final = 3  # which may fill caches and pools; not counted
FIRST_S: Final = 60.0  # that each of these may take
APART: Final = 3.0  # times as long as one takes: so far apart are calls that are to be alone
ALONE_CALLS: Final = 12
ALONE_S: Final = 2.0  # that a quick one is called alone
STEP_S: Final = 0.4
STEP_CALLS: Final = 8.0  # times as long as one takes, at least
PILED_UP: Final = 1.5  # times as many as should be inside
RAMP_S: Final = 3.0
RAMP_CALLS: Final = 120.0
STEEP: Final = 1.4  # times the rate at which calls piled up, in the middle of a ramp: it ends at 2.8 times
RAMPS: Final = 3
SLOTS: Final = 30  # of a ramp
ALIKE: Final = 0.2  # by so much the knees of two ramps may differ, or by one
MOST_TASKS: Final = 4000  # inside at once in an event loop
FAILED_SHARE: Final = 0.1
LATE: Final = 0.15  # of the time that a call takes: as late as calls that are alone may begin
ROOM: Final = 0.7  # of as many calls as the probe can make at once
BUSY: Final = 0.5  # of what the probe itself can call: above that it measures itself
OWN_CALLS: Final = 2000
OWN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Probed:
    """Give what a probe saw. stolen: the share of the processor that others took. runs: how many ramps it took."""

    target: str
    knee: Knee
    calls: int
    failed: int
    seconds: float
    stolen: float
    ramps: int


def ended_calls(runs: Sequence[Run]) -> Calls:
    """Give the calls that were served: from when each was due to when it ended."""
    found = [
        (due_ns / 1e9, end_ns / 1e9)
        for run in runs
        for due_ns, end_ns, answer in zip(run.due_ns, run.ended_ns, run.answers, strict=True)
        if answer == SERVED
    ]
    return Calls([begin for begin, _ in found], [end for _, end in found])


def agreed(knees: Sequence[int]) -> tuple[int, int] | None:
    """Give the places of two that are alike: within one, or a fifth."""
    for second in range(1, len(knees)):
        for first in range(second):
            if abs(knees[first] - knees[second]) <= max(1.0, ALIKE * max(knees[first], knees[second])):
                return first, second
    return None


def demand_in_time(alone: Run, took_s: float) -> None:
    """Raise CannotTell where calls that were alone began late: the machine was busy, or they end too soon to be measured."""
    late_s = statistics.fmean(begun - due for begun, due in zip(alone.begun_ns, alone.due_ns, strict=True) if begun) / 1e9
    if late_s > LATE * took_s:
        raise CannotTell(
            f"calls began {late_s * 1e3:.3g} ms late and ended {took_s * 1e3:.3g} ms after they were due: the machine is too "
            "busy with other things, or a call is too quick, to be measured"
        )


class Probe:
    """Probe one target. seconds: about so long at most. hint: what to do where that is too short."""

    def __init__(self, drive: Drive, seconds: float, hint: str = "") -> None:
        self._hint: Final = hint
        self._drive: Final = drive
        self._seconds: Final = seconds
        self._most: Final = MOST_TASKS if drive.target.in_loop else 4 * THREADS
        self._begun_s: Final = time.monotonic()
        self.stolen = 0.0
        self.runs: Final[list[Run]] = []

    def measure(self) -> Probed:
        """Measure. Raises UsageError where the first call fails, CannotTell where the rest shows nothing."""
        self.stolen = stolen_share()
        self._first_calls()
        alone = self._alone()
        calls = ended_calls([alone])
        if not calls.count:
            raise CannotTell("no call that was made alone was served")
        took_s = statistics.fmean(end - begin for begin, end in zip(calls.begins_s, calls.ends_s, strict=True))
        demand_in_time(alone, took_s)
        own_per_s = self._own_rate()
        rate = self._faster(took_s, own_per_s)
        ramp_s = self._ramp_s(took_s, rate)
        knees, ramps, pair = list[Knee](), list[Run](), None
        while pair is None and len(ramps) < RAMPS and (len(ramps) < RAMPS - 1 or self._left_s() >= ramp_s):
            ramps.append(self._ramp(rate, ramp_s, len(ramps) + 1))
            knees.append(find_knee(ended_calls([alone, ramps[-1]]), ramp_s / SLOTS))
            pair = agreed([knee.inside for knee in knees])
        if pair is None:
            found = ", ".join(str(knee.inside) for knee in knees)
            raise CannotTell(f"each ramp gave another number, {found}: the machine, or the service, is too restless")
        knee = find_knee(ended_calls([alone, *(ramps[place] for place in pair)]), ramp_s / SLOTS)
        self._demand_own_room(knee, own_per_s)
        failed = sum(run.answers.count(FAILED) for run in self.runs)
        seconds = time.monotonic() - self._begun_s
        return Probed(self._drive.target.title, knee, self.calls, failed, seconds, max(self.stolen, stolen_share()), len(ramps))

    def _demand_own_room(self, knee: Knee, own_per_s: float) -> None:
        """Raise CannotTell where it may be the probe's own limit that was found."""
        if knee.rate_per_s > BUSY * own_per_s:
            raise CannotTell(_too_quick(knee.quiet_s, own_per_s))
        most = MOST_TASKS if self._drive.target.in_loop else THREADS
        if knee.exact > ROOM * most:
            raise CannotTell(f"with {knee.inside} at once it may have no limit yet: the probe can make only {most} calls at once")

    @property
    def calls(self) -> int:
        """How many were made until now."""
        return sum(run.handed for run in self.runs)

    def _left_s(self) -> float:
        return self._seconds - (time.monotonic() - self._begun_s)

    def _run(self, rate: float, seconds: float, told: str, *, ramp: bool = False, stop_when_full: bool = False) -> Run:
        dues = schedule(rate, seconds, "ramp" if ramp else "constant")
        run = self._drive.run(dues, self._most, told, stop_when_full=stop_when_full)
        self.runs.append(run)
        return run

    def _first_calls(self) -> None:
        for _ in range(FIRST_CALLS):
            run = self._drive.run([0], 1, "first call")
            if not run.wait(FIRST_S):
                raise CannotTell(f"the first call had not ended after {FIRST_S:g} s")
            if run.answers[0] != SERVED:
                problem = "it was refused" if run.answers[0] == REFUSED else (run.problems or ["it failed"])[0]
                hint = "; --path names another request" if "app" in self._drive.target.kind else ""
                raise UsageError(f"{self._drive.target.title}: the first call: {problem}{hint}")
            self._first_s = (run.ended_ns[0] - run.begun_ns[0]) / 1e9

    def _alone(self) -> Run:
        gap_s = APART * max(self._first_s, 1e-4)
        seconds = max(ALONE_S, ALONE_CALLS * gap_s)
        if seconds > self._seconds / 2:
            raise CannotTell(f"a call takes {self._first_s:.3g} s: that needs {_round_up(20 * seconds):g} s to measure{self._hint}")
        run = self._run(min(1 / gap_s, 500.0), seconds, "calls that are alone")
        self._drain([run], seconds)
        return run

    def _faster(self, took_s: float, own_per_s: float) -> float:
        """Double the rate until calls pile up, or the target leaves the probe no time; give what was finished a second then."""
        seconds, rate = max(STEP_S, STEP_CALLS * took_s), 1 / took_s
        runs: list[Run] = []
        while True:
            if rate > own_per_s:
                raise CannotTell(_too_quick(took_s, own_per_s))
            if self._left_s() < seconds:
                raise CannotTell(self._never(runs, "in this time"))
            run = self._run(rate, seconds, f"{rate:.4g} calls a second", stop_when_full=True)
            runs.append(run)
            piled = sum(each.outstanding for each in runs)
            ended_ns = clock()
            if run.unsent or piled > PILED_UP * rate * took_s + 2 or ended_ns - run.start_ns > PILED_UP * 1e9 * seconds:
                break
            rate *= 2
        since_ns = run.start_ns
        done = sum(since_ns < end_ns <= ended_ns for each in runs for end_ns in each.ended_ns)
        if run.unsent and done >= 0.7 * run.handed:
            raise CannotTell(self._never(runs, f"with up to {self._most} inside"))
        self._drain(runs, 3 * seconds)
        return max(done, 1) * 1e9 / (ended_ns - since_ns)

    def _never(self, runs: Sequence[Run], why: str) -> str:
        took = [end_ns - due_ns for run in runs[-1:] for end_ns, due_ns in zip(run.ended_ns, run.due_ns, strict=True) if end_ns]
        last = f": {len(took)} calls at once ended, each after {statistics.median(took) / 1e6:.3g} ms" if took else ""
        return f"it never came to its limit {why}{last}"

    def _ramp_s(self, took_s: float, rate: float) -> float:
        ramp_s = max(RAMP_S, 10 * took_s, RAMP_CALLS / rate)
        if 2 * ramp_s > self._left_s():
            spent_s = time.monotonic() - self._begun_s
            wanted = _round_up(spent_s + 4 * ramp_s)
            raise CannotTell(f"it finishes {rate:.3g} a second: that needs {wanted:g} s to measure{self._hint}")
        return ramp_s

    def _ramp(self, rate: float, seconds: float, number: int) -> Run:
        run = self._run(STEEP * rate, seconds, f"ramp {number}, to {2 * STEEP * rate:.4g} calls a second", ramp=True)
        self._drain([run], 2 * seconds)
        failed = run.answers.count(FAILED)
        if failed > FAILED_SHARE * max(1, run.handed):
            raise CannotTell(f"{failed} of {run.handed} calls failed: {'; '.join(run.problems)}")
        return run

    def _drain(self, runs: Sequence[Run], limit_s: float) -> None:
        for run in runs:
            if not run.wait(limit_s + 1):
                raise CannotTell(f"{run.outstanding} calls had not ended {limit_s + 1:.3g} s after the load")

    def _own_rate(self) -> float:
        """Measure how many calls of nothing the probe makes a second."""
        progress("calls of nothing")
        in_loop = self._drive.target.in_loop
        target = Target("nothing", "coroutine function" if in_loop else "function", _nothing if in_loop else int)
        with Drive(target) as drive:
            run = drive.run([0] * OWN_CALLS, OWN_CALLS)
            run.wait(OWN_S)
            return max(1, run.done) * 1e9 / (clock() - run.start_ns)


async def _nothing() -> None:
    pass


def _too_quick(took_s: float, own_per_s: float) -> str:
    return f"a call takes {took_s * 1e6:.0f} us: too quick for a probe that makes {own_per_s:.0f} calls of nothing a second"


def _round_up(seconds: float) -> float:
    return 10.0 * (int(seconds / 10) + 1)
