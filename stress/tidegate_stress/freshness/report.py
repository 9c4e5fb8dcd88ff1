"""Lay out what was seen: for a terminal, and as the table of the page."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tidegate_specs.check import Verdict

from .case import BOUND, DRIFTS, FRESH, ROWS, Case, Report
from .doors import DOORS
from .judge import verdict_of

PEERS: Final = tuple(name for name in DOORS if name != FRESH)


def _best(report: Report, case: Case, subject: str) -> str:
    shares = [each.share for each in report.results if (each.case.name, each.subject) == (case.name, subject)]
    return f"{max(shares):.0%}".replace("%", " %") if shares else "-"


def render(report: Report) -> str:
    """Lay a report out for a terminal, with the verdict last."""
    subjects = [name for name in DOORS if any(each.subject == name for each in report.results)]
    lines = [f"{'finished in time, of what could be':<50}" + "".join(f"{name:>22}" for name in subjects)]
    lines += [
        f"{case.name:<50}" + "".join(f"{_best(report, case, name):>22}" for name in subjects)
        for case in (*ROWS, *DRIFTS)
        if any(each.case.name == case.name for each in report.results)
    ]
    verdict = verdict_of(report)
    for finding in report.findings:
        if finding.verdict is not Verdict.OK:
            lines.append(f"{finding.verdict.value:<8} {finding.case.name}: {finding.witness}")
    lines.append(f"tidegate freshness: {verdict.value} ({len(report.findings)} rows, each at least {BOUND:.0%} with {FRESH})")
    return "\n".join(lines) + "\n"


def table(reports: Mapping[str, Report], peers: Sequence[str] = PEERS) -> str:
    """Give the table of a page, from a report for each interpreter; of the peers only the first one's."""
    first = next(iter(reports.values()))
    head = ["case", *(f"`{FRESH}`, {version}" for version in reports), *(f"`{name}`" for name in peers)]
    return "\n".join(_rows(reports, first, peers, head)) + "\n"


def _rows(reports: Mapping[str, Report], first: Report, peers: Sequence[str], head: list[str]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for case in (*ROWS, *DRIFTS):
        ours = [_best(report, case, FRESH) for report in reports.values()]
        yield "| " + " | ".join([case.name, *ours, *(_best(first, case, name) for name in peers)]) + " |"
