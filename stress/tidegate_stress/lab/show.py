"""How a run of the laboratory looks while it goes on: live on a terminal, with sparklines; plain lines in a log or a pipe."""

import os
import time
from collections.abc import Callable, Sequence
from typing import Final, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tidegate_specs.check import Verdict
from tidegate_specs.reports import one_line, plain_text

from .case import OURS, WHOLE, Case, Finding, Interval, Link, Result
from .laboratory import Watcher
from .text import number, time_text

BLOCKS: Final = " ▁▂▃▄▅▆▇█"
ASCII: Final = " .:-=+*#@"
HEARTBEAT_S: Final = 8.0
REDRAW_S: Final = 0.25
STYLES: Final = {Verdict.OK: "green", Verdict.ILLEGAL: "bold red", Verdict.UNKNOWN: "yellow"}
Reading = Callable[[Interval], float | None]
ROWS: Final[Sequence[tuple[str, str, Reading]]] = (
    ("offered", "/s", lambda each: each.offered_per_s),
    ("depth", "items", lambda each: each.depth),
    ("sojourn", "ms", lambda each: each.sojourn_ms),
    ("goodput", "/s", lambda each: each.good_per_s),
    ("offer", "us", lambda each: each.offer_us),
    ("rejected", "/s", lambda each: each.rejected_per_s),
    ("retries", "/s", lambda each: each.retried_per_s),
    ("resident", "MiB", lambda each: each.rss_bytes / 2**20),
)


def sparkline(values: Sequence[float | None], width: int, levels: str = BLOCKS, top: float | None = None) -> str:
    """Draw values as one line of blocks; `top`, or the largest, is a full one, None a gap. A column shows its largest value."""
    if width < 1:
        return ""
    columns: list[float | None] = []
    for place in range(min(width, len(values))):
        start, end = place * len(values) // min(width, len(values)), (place + 1) * len(values) // min(width, len(values))
        columns.append(max((value for value in values[start:end] if value is not None), default=None))
    if top is None:
        top = _largest(columns)
    steps = len(levels) - 1
    drawn = "".join(" " if value is None else levels[max(1, round(steps * value / top)) if top > 0 else 1] for value in columns)
    return drawn.rjust(width)


def _largest(values: Sequence[float | None]) -> float:
    return max((value for value in values if value is not None), default=0.0)


def ended_line(result: Result, findings: Sequence[Finding]) -> str:
    """Tell in one line how a case ended."""
    figures, sojourn = result.figures, result.ladders.get("sojourn")
    share = figures.get("goodput_share")
    verdict = "-"
    for each in (Verdict.OK, Verdict.UNKNOWN, Verdict.ILLEGAL):
        if any(finding.verdict is each for finding in findings):
            verdict = each.value
    parts = [
        f"{verdict:<8} {result.case.subject}, {result.case.name}: goodput {'-' if share is None else f'{share:.1%}'}",
        f"sojourn p99 {time_text(sojourn.at(99.0) if sojourn else None)}",
        f"peak depth {number(figures.get('peak_depth'), digits=6)}",
        f"{number(figures.get('rejected'), digits=7)} rejected",
    ]
    if result.ended != WHOLE:
        parts.append(f"ended: {one_line(result.ended, 80)}")
    bad = [finding for finding in findings if finding.verdict is not Verdict.OK]
    parts += [
        f"{finding.verdict.value} {finding.bound}: {number(finding.measured)} ({one_line(finding.witness, 100)})" for finding in bad
    ]
    return plain_text(", ".join(parts))


def link_lines(links: Sequence[Link]) -> list[str]:
    """Tell of each link whether it held, there and here."""
    lines: list[str] = []
    for link in links:
        there, here = ("held" if happened else "broken" for happened in (link.happened_there, link.happened_here))
        lines.append(f"{link.number}. {link.name}: there {there} ({link.there}); {OURS} {here} ({link.here})")
    return [plain_text(line) for line in lines]


class PlainWatcher:
    """Write one line when a case begins and ends, and one every few seconds in between. No colour, no cursor."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._written_s = clock()

    def begun(self, case: Case, number: int, total: int) -> None:
        self.note(f"[{number}/{total}] {case.subject}, {case.name}: {case.seconds:g} s of load")

    def interval(self, case: Case, interval: Interval) -> None:
        if self._clock() - self._written_s >= HEARTBEAT_S:
            figures = ", ".join(f"{name} {number(of(interval), unit)}" for name, unit, of in ROWS)
            self.note(f"  {interval.t_s:.0f} s {case.subject}, {case.name} ({interval.phase}): {figures}")

    def ended(self, result: Result, findings: Sequence[Finding]) -> None:
        self.note(f"  {ended_line(result, findings)}")

    def links(self, links: Sequence[Link]) -> None:
        for line in link_lines(links):
            self.note(f"  {line}")

    def note(self, text: str) -> None:
        self._stream.write(plain_text(text) + "\n")
        self._stream.flush()
        self._written_s = self._clock()

    def tick(self) -> None:
        pass

    def close(self) -> None:
        pass


class LiveWatcher:
    """Draw the running case in place: a sparkline for each figure, and in a collapse the run before it at its side."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)
        self._live.start()
        self._drawn_s = self._begun_s = clock()
        self._case: Case | None = None
        self._place = ""
        self._shown: list[Interval] = []
        self._before: tuple[Case, list[Interval]] | None = None

    def begun(self, case: Case, number: int, total: int) -> None:
        if self._case is not None and case.name == self._case.name == "collapse" and number > 1:
            self._before = (self._case, self._shown)
        else:
            self._before = None
        self._case, self._shown, self._place, self._begun_s = case, [], f"[{number}/{total}]", self._clock()

    def interval(self, case: Case, interval: Interval) -> None:
        if self._case is not None and case.subject == self._case.subject:
            self._shown.append(interval)

    def ended(self, result: Result, findings: Sequence[Finding]) -> None:
        worst = next((each for each in (Verdict.ILLEGAL, Verdict.UNKNOWN) if any(f.verdict is each for f in findings)), Verdict.OK)
        self._console.print(Text(ended_line(result, findings), STYLES[worst] if findings else ""), soft_wrap=True)

    def links(self, links: Sequence[Link]) -> None:
        for line in link_lines(links):
            self._console.print(Text(line), soft_wrap=True)

    def note(self, text: str) -> None:
        self._console.print(Text(plain_text(text)), soft_wrap=True)

    def tick(self) -> None:
        now_s = self._clock()
        if now_s - self._drawn_s >= REDRAW_S and self._case is not None:
            self._drawn_s = now_s
            self._live.update(self.board(), refresh=True)

    def close(self) -> None:
        if self._live.is_started:
            self._live.update(Text(""))
            self._live.stop()

    def board(self) -> Group:
        """Draw what is going on."""
        assert self._case is not None
        elapsed_s = self._clock() - self._begun_s
        head = Text(f"{self._place} {self._case.name}  {elapsed_s:.0f} of about {self._case.seconds + 3:.0f} s", "bold")
        runs = [*([self._before] if self._before else []), (self._case, self._shown)]
        cell = max(1, self._console.width // len(runs) - 24)
        levels = BLOCKS if (self._console.encoding or "").lower().startswith("utf") else ASCII
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_row("", *[part for case, _ in runs for part in (Text(case.subject, "bold", no_wrap=True), "")])
        for name, unit, of in ROWS:
            row: list[Text | str] = [Text(name, "dim")]
            top = max(_largest([of(each) for each in shown]) for _, shown in runs)
            for _, shown in runs:
                values = [of(each) for each in shown]
                row += [
                    Text(sparkline(values, cell, levels, top), "cyan", no_wrap=True),
                    Text(number(values[-1] if values else None, unit), no_wrap=True, justify="right"),
                ]
            table.add_row(*row)
        return Group(head, table)


def watcher_for(stream: TextIO) -> Watcher:
    """Choose how to show a run on a stream."""
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        return LiveWatcher(Console(file=stream, force_terminal=True, highlight=False, markup=False, emoji=False))
    return PlainWatcher(stream)
