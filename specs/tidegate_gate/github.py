"""What GitHub Actions shows of a run: a job summary in Markdown, and an annotation for each clause that is not OK."""

import html
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tidegate_specs.check import Verdict
from tidegate_specs.reports import one_line

from .display import indented
from .plan import Answer, Request
from .report import ClauseReport, account_of, count_text, finding, replay_command, some

_LONGEST_SUMMARY_BYTES = 64_000
_LONGEST_WITNESS = 8_000
_LAST_LINE_BYTES = 1_000


def publish(
    verdict: Verdict,
    text: str,
    clauses: Sequence[ClauseReport],
    request: Request,
    more: Sequence[str] = (),
    level: Sequence[str] = (),
) -> list[str]:
    """Append the job summary where GITHUB_STEP_SUMMARY says; give the lines to print, which are none outside GitHub Actions."""
    lines = annotations(clauses, request, more) if os.environ.get("GITHUB_ACTIONS") == "true" else []
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(summary(verdict, text, clauses, request, more, level))
        except OSError as error:
            lines.append(f"no job summary: cannot write {path}: {error.strerror}")
    return lines


def annotations(clauses: Sequence[ClauseReport], request: Request, more: Sequence[str] = ()) -> list[str]:
    """Give one workflow command for each clause that is not OK: an error for ILLEGAL, a warning for UNKNOWN."""
    return [_annotation(clause, request, more) for clause in clauses if clause.counts is not Verdict.OK]


def _annotation(clause: ClauseReport, request: Request, more: Sequence[str]) -> str:
    level = "error" if clause.counts is Verdict.ILLEGAL else "warning"
    guilty = [answer for answer in clause.answers if clause.id in answer.accused]
    unknown = [answer for answer in clause.answers if answer.verdict is Verdict.UNKNOWN]
    told = next(iter(guilty if clause.verdict is Verdict.ILLEGAL else unknown), None)
    more_lines = [finding(told, clause.id), f"replay: {replay_command(told, request, more)}"] if told is not None else []
    message = "\n".join([one_line(clause.evidence), *more_lines])
    return f"::{level} title={escape_property(f'{clause.id}: {clause.label}')}::{escape_data(message)}"


def escape_data(text: str) -> str:
    """Escape the message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Escape the value of a property of a workflow command."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


def summary(
    verdict: Verdict,
    text: str,
    clauses: Sequence[ClauseReport],
    request: Request,
    more: Sequence[str] = (),
    level: Sequence[str] = (),
) -> str:
    """Write a job summary of less than 64 kB: the verdict, the level held, what is not OK, then a table of all clauses.

    What does not fit is left out, and the last line says so.
    """
    head = f"## tidegate verify: {verdict.value}\n\n{_cell(text)}\n" + "".join(f"\n{_level_line(line)}\n" for line in level)
    parts = [head]
    size_bytes = len(head.encode())
    left_out: list[str] = []
    for name, block in _blocks(clauses, request, more):
        block_bytes = len(block.encode())
        if size_bytes + block_bytes + _LAST_LINE_BYTES > _LONGEST_SUMMARY_BYTES:
            left_out.append(name)
            continue
        parts.append(block)
        size_bytes += block_bytes
    if left_out:
        parts.append(f"\nCut to stay under 64 kB; left out: {some(left_out)}.\n")
    return "".join(parts)


def _blocks(clauses: Sequence[ClauseReport], request: Request, more: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give what each check that is not OK has to say, and then the rows of the table, each with what to call it."""
    told: dict[str, Answer] = {}
    for clause in clauses:
        told.update({answer.check.name: answer for answer in clause.answers if answer.verdict is not Verdict.OK})
    shown = [clause.id for clause in clauses]
    for answer in sorted(told.values(), key=lambda answer: answer.verdict is not Verdict.ILLEGAL):
        yield f"the witness of {one_line(answer.check.name, 100)}", _details(answer, shown, request, more)
    head = "\n| clause | verdict | evidence |\n|---|---|---|\n"
    for clause in sorted(clauses, key=lambda clause: clause.counts is Verdict.OK):
        yield f"the row of {clause.id}", f"{head}| {clause.id} | {clause.label} | {_cell(clause.evidence)} |\n"
        head = ""


def _details(answer: Answer, shown: Sequence[str], request: Request, more: Sequence[str]) -> str:
    whole = account_of(answer, shown)
    witness = whole[:_LONGEST_WITNESS]
    if cut := len(whole) - len(witness):
        witness += f"\n[cut: {count_text(cut, 'characters')} more]"
    code = indented(f"{witness}\nreplay: {replay_command(answer, request, more)}".lstrip())
    return f"\n**{answer.verdict.value} {_cell(answer.check.name)}**: {_cell(finding(answer))}\n\n{code}\n"


def _level_line(line: str) -> str:
    """Write a line on the level held: the badge as the image that it is, and what to copy for a README."""
    image = line.removeprefix("badge: ")
    return _cell(line) if image == line else f"{image} `{image}`"


def _cell(text: str) -> str:
    """Write a text so that Markdown shows it as it is, inside a table too."""
    plain = html.escape(one_line(text), quote=False)
    return "".join(f"\\{char}" if char in "\\|`*_[]#~" else char for char in plain)
