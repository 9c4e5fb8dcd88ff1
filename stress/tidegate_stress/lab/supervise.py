"""Run cases in a child process, and come back with results whatever becomes of it: a hang, a crash, a kill.

The child streams one line per interval. When it has been silent for too long it is made to write its threads' stacks, and killed;
what it had told until then is the result.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import IO, Any, Final

from .books import AFTER_S, GRACE_S
from .case import Case, Interval, Result, interval_from, result_from

SILENCE_S: Final = 20.0  # the child's own limits are shorter: by then it should have told why it waits
OVERHEAD_S: Final = 20.0
TICK_S: Final = 0.1
TAIL_BYTES: Final = 8_000


def run_cases(
    cases: Sequence[Case],
    told: Callable[[Case, Interval], None] = lambda _case, _interval: None,
    tick: Callable[[], None] = lambda: None,
    silence_s: float = SILENCE_S,
) -> list[Result]:
    """Run cases beside each other in one child, and give a result for each, in their order.

    told: hears of each interval as it ends. tick: called several times a second. silence_s: this long without a word is a hang.
    A KeyboardInterrupt ends the child and goes on.
    """
    with tempfile.TemporaryFile() as stderr, _child(stderr) as process:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps([asdict(case) for case in cases]).encode())
            process.stdin.close()
        heard = _Heard(cases, told)
        ended = _listen(process, heard, tick, silence_s, max(case.seconds for case in cases) + AFTER_S + GRACE_S + OVERHEAD_S)
        stderr.seek(max(0, os.fstat(stderr.fileno()).st_size - TAIL_BYTES))
        return heard.results(ended, stderr.read().decode("utf-8", "replace").strip())


def run_case(case: Case, told: Callable[[Case, Interval], None] = lambda _case, _interval: None) -> Result:
    """Run one case in a child of its own."""
    return run_cases([case], told)[0]


class _Heard:
    """Collect what a child tells."""

    def __init__(self, cases: Sequence[Case], told: Callable[[Case, Interval], None]) -> None:
        self._cases = cases
        self._told = told
        self._intervals: list[list[Interval]] = [[] for _ in cases]
        self._results: dict[int, Result] = {}

    @property
    def complete(self) -> bool:
        return len(self._results) == len(self._cases)

    def line(self, line: bytes) -> None:
        """Take one line; one that is no event costs nothing but itself."""
        with contextlib.suppress(ValueError, KeyError, TypeError, IndexError):
            event: dict[str, Any] = json.loads(line)
            number: int = event["case"]
            if event["event"] == "interval":
                interval = interval_from(event["interval"])
                self._intervals[number].append(interval)
                self._told(self._cases[number], interval)
            else:
                self._results[number] = result_from(event["result"])

    def results(self, ended: str, witness: str) -> list[Result]:
        return [
            replace(self._results[number], intervals=tuple(intervals))
            if number in self._results
            else Result(case, ended, witness, partial_figures(intervals), {}, tuple(intervals))
            for number, (case, intervals) in enumerate(zip(self._cases, self._intervals, strict=True))
        ]


def partial_figures(intervals: Sequence[Interval]) -> dict[str, float]:
    """Give what the intervals alone tell of a run that broke off."""
    figures: dict[str, float] = {}
    before_s = 0.0
    for interval in intervals:
        seconds = interval.t_s - before_s
        before_s = interval.t_s
        for name, rate in (
            ("offered", interval.offered_per_s),
            ("accepted", interval.accepted_per_s),
            ("rejected", interval.rejected_per_s),
            ("finished", interval.finished_per_s),
            ("good", interval.good_per_s),
        ):
            figures[name] = figures.get(name, 0.0) + round(rate * seconds)
    if intervals:
        figures["peak_depth"] = max(interval.depth for interval in intervals)
        figures["rss_peak_bytes"] = max(interval.rss_bytes for interval in intervals) - intervals[0].rss_bytes
    return figures


@contextlib.contextmanager
def _child(stderr: IO[bytes]) -> Any:
    command = [sys.executable, "-P", "-m", "tidegate_stress.lab.child"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def _listen(process: "subprocess.Popen[bytes]", heard: _Heard, tick: Callable[[], None], silence_s: float, limit_s: float) -> str:
    """Hear the child out; say how it ended, if it ended badly."""
    assert process.stdout is not None
    events, unread = process.stdout.fileno(), b""
    begun_s = spoke_s = time.monotonic()
    while True:
        select.select([events], [], [], TICK_S)
        gone = process.poll() is not None  # before reading: whatever it said before its end is then heard
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(events, 65536):
                spoke_s = time.monotonic()
                unread += chunk
        *lines, unread = unread.split(b"\n")
        for line in lines:
            heard.line(line)
        tick()
        now_s = time.monotonic()
        if heard.complete:
            return ""
        if gone:
            return _how(process.returncode)
        if now_s - spoke_s > silence_s or now_s - begun_s > limit_s:
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                process.send_signal(signal.SIGABRT)
                process.wait(1.0)
            return f"hang: no word for {now_s - spoke_s:.0f} s" if now_s - spoke_s > silence_s else f"no end within {limit_s:.0f} s"


def _how(status: int) -> str:
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-status).name}"
    return f"crash: exit status {status}"
