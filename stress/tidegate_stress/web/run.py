"""Run cases one after the other, each on a server of its own, judge them, and gather the report."""

import contextlib
import json
import os
import platform
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

from tidegate import __version__
from tidegate_specs.check import Verdict

from ..lab.case import Finding, Ladder
from ..lab.laboratory import noise
from ..load.unloaded import stolen_share
from .answers import Load
from .case import (
    PATIENCE_S,
    SLOTS,
    ClosedResult,
    Profile,
    ServerName,
    Trouble,
    WebCase,
    WebInterval,
    WebReport,
    WebResult,
    interval_from,
    ladder_from,
)
from .closed import run_closed
from .judge import BOUNDS, EXACT, breaks, judge
from .report import closed_line, ended_line
from .servers import Server, ServerFailed, serving, tail_of, version_of

ATTEMPTS: Final = 3
SAMPLE_S: Final = 0.1
OVERHEAD_S: Final = 15.0
SETTLE_S: Final = 3.0  # for the slots of the last requests to come home
LEVELS: Final = {"0.5x": 0.5, "2x": 2.0, "10x": 10.0}
CLOSED_SHARES: Final = (0.5, 2.0, 10.0)  # of the slots: connections of a closed-loop generator
Told = Callable[[WebCase, WebInterval], None]


def plan(profile: Profile, servers: Sequence[ServerName], seed: int = 0) -> list[WebCase]:
    """List the cases of a profile: first without the middleware, then with it."""
    names = ("2x", "10x") if profile == "quick" else tuple(LEVELS)
    seconds, after_s = (2.0, 0.6) if profile == "quick" else (6.0, 2.0)
    troubles: tuple[tuple[Trouble, float], ...] = (("slow headers", 0.5), ("slow transfers", 0.5), ("hang", 2.0))
    cases: list[WebCase] = []
    for server in servers:
        for guarded in (False, True):
            cases += [WebCase(server, name, guarded, LEVELS[name], seconds, after_s, seed=seed) for name in names]
            if profile == "full":
                cases += [WebCase(server, trouble, guarded, level, seconds, after_s, trouble, seed) for trouble, level in troubles]
    if profile == "full":
        cases += [
            WebCase(server, "few threads", True, 10.0, seconds, after_s, "few threads", seed)
            for server in servers
            if server != "uvicorn"
        ]
    return cases


def run_case(case: WebCase, told: Told = lambda _case, _interval: None) -> WebResult:
    """Run one case on a server of its own, and come back with a result whatever becomes of it."""
    try:
        with serving(case.server, case.guarded, case.threads) as server:
            return _drive(case, server, told)
    except ServerFailed as failed:
        return WebResult(case, "no server", str(failed))


def _drive(case: WebCase, server: Server, told: Told) -> WebResult:
    load = Load(server.port, case.level, case.seconds, case.after_s, case.seed, case.trouble)
    figures: dict[str, float] = {"stolen_share": stolen_share(20)}
    ladders: dict[str, Ladder] = {}
    intervals: list[WebInterval] = []
    start_bytes = peak_bytes = server.rss_bytes()
    begun_s, spent_s = time.monotonic(), server.processor_s()
    ended = ""
    with contextlib.closing(listen(load, case.seconds + case.after_s + PATIENCE_S + OVERHEAD_S)) as events:
        for event, content in events:
            rss_bytes = server.rss_bytes()
            peak_bytes = max(peak_bytes, rss_bytes)
            if event == "interval":
                intervals.append(interval_from({**content, "rss_bytes": rss_bytes}))
                told(case, intervals[-1])
            elif event == "result":
                figures |= content["figures"]
                ladders = {name: ladder_from(each) for name, each in content["ladders"].items()}
                break
            elif event == "ended":
                ended = content
    figures |= {
        "server_cores": (server.processor_s() - spent_s) / (time.monotonic() - begun_s),
        "rss_start_bytes": start_bytes,
        "rss_growth_bytes": peak_bytes - start_bytes,
    }
    if server.died:
        ended = "the server died"
    else:
        figures |= _settled(server, case.guarded)
    return WebResult(case, ended, server.tail(), figures, ladders, tuple(intervals))


def _settled(server: Server, guarded: bool) -> dict[str, float]:
    """Give the application's own counts, once all slots are home or have had the time to be."""
    limit_s = time.monotonic() + SETTLE_S
    while True:
        counts = server.figures()
        late = time.monotonic() > limit_s
        if counts is not None and (late or not counts["slots_held"]):
            lost = {"slots_lost": counts["slots_held"]} if guarded else {}
            return {name: counts[name] for name in ("peak_inside", "peak_transfers")} | lost
        if late or not guarded:
            return {}  # it is still busy with those who gave up
        time.sleep(SAMPLE_S)


def _rank(finding: Finding) -> int:
    return (Verdict.OK, Verdict.UNKNOWN, Verdict.ILLEGAL).index(finding.verdict)


def listen(load: Load, limit_s: float) -> Generator[tuple[str, Any], None, None]:
    """Run the generator in a process of its own, and give the events that it tells.

    There is a ("tick", None) several times a second, and ("ended", WHY) where it ends without a result. The process is gone when
    this is closed.
    """
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tidegate_stress.web.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(asdict(load)).encode())
            process.stdin.close()
            yield from _events(process.stdout.fileno(), time.monotonic() + limit_s)
            process.kill()
            yield "ended", f"the generator told no result: {tail_of(stderr)}"
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _events(descriptor: int, end_s: float) -> Iterator[tuple[str, Any]]:
    unread = b""
    while time.monotonic() < end_s:
        if select.select([descriptor], [], [], SAMPLE_S)[0]:
            chunk = os.read(descriptor, 1 << 16)
            *lines, unread = (unread + chunk).split(b"\n")
            for line in lines:
                yield from json.loads(line).items()
            if not chunk:
                return
        yield "tick", None


@dataclass(slots=True)
class Laboratory:
    """Gather what one run sees. `report` gives what there is so far, at any moment.

    note: takes a line for whoever watches. saved: takes the report after every case.
    """

    profile: Profile
    seed: int
    servers: Sequence[ServerName]
    note: Callable[[str], None]
    saved: Callable[[WebReport], None] = lambda _report: None
    told: Told = lambda _case, _interval: None
    attempts: int = ATTEMPTS
    results: list[WebResult] = field(default_factory=list[WebResult])
    findings: list[Finding] = field(default_factory=list[Finding])
    broken: list[Finding] = field(default_factory=list[Finding])
    closed: list[ClosedResult] = field(default_factory=list[ClosedResult])
    noise: dict[str, float] = field(default_factory=dict[str, float])
    _begun_s: float = field(default_factory=time.monotonic)
    _started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def report(self) -> WebReport:
        """Give all that was seen so far."""
        return WebReport(
            version=__version__,
            python=f"{platform.python_implementation()} {platform.python_version()}",
            platform=platform.platform(),
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            started=self._started,
            profile=self.profile,
            seed=self.seed,
            seconds=round(time.monotonic() - self._begun_s, 1),
            noise=self.noise,
            servers={name: version_of(name) for name in self.servers},
            results=tuple(self.results),
            findings=tuple(self.findings),
            broken=tuple(self.broken),
            closed=tuple(self.closed),
        )

    def measure_noise(self) -> None:
        """Measure what others take of the machine, before anything else runs."""
        self.noise = noise()

    def run(self, cases: Sequence[WebCase]) -> None:
        """Run these cases, and judge them."""
        for number, case in enumerate(cases, 1):
            self.note(f"[{number}/{len(cases)}] {case.server}, {case.name}, {case.arm}: {case.seconds + case.after_s:g} s of load")
            result, findings = self._judged(case)
            self.results.append(result)
            if case.guarded:
                self.findings += findings
            else:
                self.broken += findings
            self.note(f"  {ended_line(result, findings)}")
            self.saved(self.report())

    def _judged(self, case: WebCase) -> tuple[WebResult, list[Finding]]:
        """Run one case, up to three times: a timed bound must fail in each run with the middleware, and in one without it."""
        best: dict[str, Finding] = {}
        wanted = Verdict.OK if case.guarded else Verdict.ILLEGAL
        attempt = 0
        while True:
            result = run_case(replace(case, seed=case.seed + attempt), self.told)
            bounds = [bound for bound in BOUNDS if (bound.covers(case) if case.guarded else breaks(bound, case))]
            for found in [judge(bound, result, self._peers(case)) for bound in bounds]:
                pick = min if case.guarded and found.bound not in EXACT else max
                best[found.bound] = pick(best.get(found.bound, found), found, key=_rank)
            missed = [each for each in best.values() if each.verdict is not wanted]
            attempt += 1
            if attempt == self.attempts or all(each.bound in EXACT and each.verdict is Verdict.ILLEGAL for each in missed):
                return result, list(best.values())
            self.note(f"  once more: {', '.join(f'{each.bound} {each.verdict.value}' for each in missed)}")

    def _peers(self, case: WebCase) -> dict[str, WebResult]:
        return {
            each.case.name: each for each in self.results if (each.case.server, each.case.guarded) == (case.server, case.guarded)
        }

    def ask_others(self, tools: Sequence[Literal["wrk", "hey"]], seconds: float) -> None:
        """Have closed-loop generators look at the same servers."""
        for tool in tools:
            for server in self.servers:
                for guarded in (False, True):
                    for share in CLOSED_SHARES:
                        connections = round(SLOTS * share)
                        with serving(server, guarded) as running:
                            self.closed.append(run_closed(tool, server, guarded, running.port, connections, seconds))
                        self.note(f"  {closed_line(self.closed[-1])}")
                        self.saved(self.report())
