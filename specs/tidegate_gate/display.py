"""How a run of the gate looks while it goes on: plain lines for a log or a pipe. `live` has the terminal's."""

import textwrap
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TextIO

from tidegate_specs.check import Verdict
from tidegate_specs.reports import one_line, plain_text

from .plan import Answer, Planned, Request
from .report import ClauseReport, count_text, finding, replay_command, seconds_text
from .supervisor import Running

_HEARTBEAT_S = 8.0
_WIDTH = 100
_MOST_LINES = 3  # of a clause that is OK


class Display(Protocol):
    """Show a run to a person."""

    def note(self, text: str) -> None:
        """Show a line that stays."""
        ...

    def planned(self, checks: Sequence[Planned], ids: Sequence[str]) -> None:
        """Hear which checks will run, for which clauses."""
        ...

    def answered(self, answer: Answer, total: Sequence[Answer]) -> None:
        """Show that a check has ended; `total` is all answers so far, this one among them."""
        ...

    def tick(self, running: Sequence[Running]) -> None:
        """Show what is going on."""
        ...

    def clause(self, clause: ClauseReport) -> None:
        """Show the verdict on a clause."""
        ...

    def last(self, verdict: Verdict, text: str) -> None:
        """Show the verdict on the whole."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


class PlainDisplay:
    """Write one line when a check ends, and one every few seconds when none does. No colour, no cursor."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started_s = time.monotonic()
        self._written_s = self._started_s
        self._planned = 0
        self._done = 0

    def note(self, text: str) -> None:
        self._stream.write(plain_text(text) + "\n")
        self._stream.flush()
        self._written_s = time.monotonic()

    def planned(self, checks: Sequence[Planned], ids: Sequence[str]) -> None:
        self._planned = len(checks)
        self.note(f"{count_text(len(checks), 'checks')} on {count_text(len(ids), 'clauses')}")

    def answered(self, answer: Answer, total: Sequence[Answer]) -> None:
        self._done = len(total)
        verdict = f"{answer.verdict.value:<8}"
        self.note(f"{self._count()} {verdict} {answer.check.name:<36} {seconds_text(answer.seconds):>8}  {finding(answer)}")

    def tick(self, running: Sequence[Running]) -> None:
        if time.monotonic() - self._written_s < _HEARTBEAT_S:
            return
        now = ", ".join(running_text(one) for one in running)
        self.note(f"{self._count()} {seconds_text(time.monotonic() - self._started_s)}; running: {now}")

    def clause(self, clause: ClauseReport) -> None:
        head = f"{clause.label:<8} {clause.id:<13} "
        lines = textwrap.wrap(
            clause.evidence, _WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False
        )
        if clause.counts is Verdict.OK and len(lines) > _MOST_LINES:
            lines = [*lines[:_MOST_LINES], f"{'':<{len(head)}}and more, see --json"]
        self.note("\n".join(lines or [head]))

    def last(self, verdict: Verdict, text: str) -> None:
        self.note(f"tidegate: {verdict.value} {text}")

    def close(self) -> None:
        pass

    def _count(self) -> str:
        width = len(str(self._planned))
        return f"[{self._done:>{width}}/{self._planned}]"


def tell_clauses(
    display: Display,
    clauses: Sequence[ClauseReport],
    request: Request,
    more: Sequence[str],
    ended: Callable[[Answer], bool] = lambda _: True,
) -> None:
    """Show what the checks that have ended and are not OK have to say, once each, and then the verdict on each clause."""
    display.close()
    told: dict[str, Answer] = {}
    for clause in clauses:
        told.update({answer.check.name: answer for answer in clause.answers if answer.verdict is not Verdict.OK and ended(answer)})
    for answer in sorted(told.values(), key=lambda answer: answer.verdict is not Verdict.ILLEGAL):
        bad = [clause.id for clause in clauses if answer in clause.answers and clause.verdict is answer.verdict]
        display.note(f"\n{answer.verdict.value} {answer.check.name}: {finding(answer)}")
        for ids, witness in answer.accounts(bad) or [([], answer.witness)]:
            display.note(f"  bears on: {', '.join(ids)}" if ids else "  decides no clause")
            if witness:
                display.note(indented(witness))
        display.note(f"  replay: {replay_command(answer, request, more)}")
    display.note("")
    for clause in clauses:
        display.clause(clause)
    display.note("")


def running_text(running: Running) -> str:
    """Say what a child is doing: "scenarios.09 12 s (4,000 of 10,000 rounds)"."""
    name = running.check or f"loading {running.group.name}"
    text = f" ({one_line(running.text, 80)})" if running.text else ""
    return f"{name} {running.seconds:.0f} s{text}"


def indented(text: str) -> str:
    """Set a witness off from the lines around it."""
    return textwrap.indent(plain_text(text).rstrip(), "    ")
