"""How a run of the gate looks on a terminal: a board of clauses, and a line for each check that is running."""

import time
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tidegate_specs.check import Verdict
from tidegate_specs.reports import plain_text

from .display import running_text
from .plan import Answer, Planned
from .report import ClauseReport, count_text, finding, judge, seconds_text
from .supervisor import Running

_STYLES = {Verdict.OK: "green", Verdict.ILLEGAL: "bold red", Verdict.UNKNOWN: "yellow"}
_REDRAW_S = 0.25
_ID_WIDTH = 13


class LiveDisplay:
    """Draw the run in place, and leave only what matters on the screen: faults, clauses, the verdict."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, force_terminal=True, highlight=False, markup=False, emoji=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)
        self._live.start()
        self._started_s = time.monotonic()
        self._drawn_s = 0.0
        self._checks: Sequence[Planned] = ()
        self._ids: Sequence[str] = ()
        self._answers: Sequence[Answer] = ()

    def note(self, text: str) -> None:
        self._console.print(plain_text(text), soft_wrap=True)

    def planned(self, checks: Sequence[Planned], ids: Sequence[str]) -> None:
        self._checks = checks
        self._ids = ids

    def answered(self, answer: Answer, total: Sequence[Answer]) -> None:
        self._answers = total
        if answer.verdict is not Verdict.OK:
            self._row(answer.verdict, answer.check.name, answer.seconds, finding(answer), 0)

    def tick(self, running: Sequence[Running]) -> None:
        now_s = time.monotonic()
        if now_s - self._drawn_s >= _REDRAW_S:
            self._drawn_s = now_s
            self._live.update(Group(self._board(), *self._running(running)), refresh=True)

    def clause(self, clause: ClauseReport) -> None:
        self.close()
        self._row(clause.counts, clause.id, clause.seconds, clause.evidence, _ID_WIDTH, clause.label)

    def last(self, verdict: Verdict, text: str) -> None:
        self._console.print(Text.assemble(("tidegate: ", "bold"), (verdict.value, _STYLES[verdict]), " ", text), soft_wrap=True)

    def close(self) -> None:
        if self._live.is_started:
            self._live.update(Text(""))
            self._live.stop()

    def _row(self, verdict: Verdict, name: str, seconds: float, evidence: str, width: int, label: str = "") -> None:
        row = Table.grid(padding=(0, 2, 0, 0), expand=True)
        row.add_column(width=8)
        row.add_column(width=width or len(name), no_wrap=True)
        row.add_column(width=7, justify="right", no_wrap=True)
        row.add_column(ratio=1, overflow="fold")
        row.add_row(
            Text(label or verdict.value, _STYLES[verdict]), Text(name, "bold"), Text(seconds_text(seconds), "dim"), evidence
        )
        self._console.print(row)

    def _board(self) -> RenderableType:
        """Show each clause with the number of its checks that have ended, in the colour of its verdict so far."""
        cell_width = _ID_WIDTH + 8
        columns = max(1, self._console.width // (cell_width + 2))
        board = Table.grid(padding=(0, 2, 0, 0))
        cells = [self._cell(report) for report in judge(self._ids, self._answers)]
        for start in range(0, len(cells), columns):
            board.add_row(*cells[start : start + columns])
        return board

    def _cell(self, report: ClauseReport) -> Text:
        total = sum(report.id in check.clauses for check in self._checks)
        done = len(report.answers)
        open_ = total > 0 and all(answer.verdict is Verdict.OK for answer in report.answers) and done < total
        style = "dim" if open_ else _STYLES[report.verdict]
        return Text(f"{report.id:<{_ID_WIDTH}} {f'{done}/{total}':>7}", style)

    def _running(self, running: Sequence[Running]) -> list[Text]:
        lines = [
            Text.assemble(
                (f"{one.group.name:<10} {self._count(one.group.name):>7}  ", "bold"), running_text(one), overflow="ellipsis"
            )
            for one in running
        ]
        for line in lines:
            line.no_wrap = True
        elapsed = seconds_text(time.monotonic() - self._started_s)
        ended = f"{len(self._answers)} of {count_text(len(self._checks), 'checks')}, {elapsed}"
        return [*lines, Text(ended, "dim")] if self._checks else lines

    def _count(self, group: str) -> str:
        done = sum(answer.check.group.name == group for answer in self._answers)
        total = sum(check.group.name == group for check in self._checks)
        return f"{done}/{total}"
