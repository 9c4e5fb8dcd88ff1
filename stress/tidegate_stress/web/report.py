"""The report of `tidegate web`: as text, as Markdown, and as one page that loads nothing from elsewhere."""

from collections.abc import Iterator, Sequence
from itertools import starmap
from typing import Final

from tidegate_specs.check import Verdict
from tidegate_specs.reports import one_line, plain_text

from ..lab.case import Finding, Ladder
from ..lab.page import STYLE, drawing_of, section, words
from ..lab.text import FINDING_HEAD, Section, aligned, escaped, finding_rows, markdown_row, number, time_text
from . import plots
from .case import (
    CAPACITY_PER_S,
    DEADLINE_S,
    PATIENCE_S,
    POOL,
    SERVICE_S,
    SLOTS,
    ClosedResult,
    WebReport,
    WebResult,
)
from .judge import verdict_of

HEAD: Final = tuple(
    (
        "case,middleware,offered,goodput,in time,late,503,no answer,served p50,taken p99,503 p50,503 p99,memory,recovery,inside,"
        "cores: server,generator"
    ).split(",")
)
CLOSED_HEAD: Final = (
    "generator",
    "server",
    "middleware",
    "connections",
    "200/s",
    "in time/s",
    "503/s",
    "served p50",
    "p99",
    "errors",
)
APPLICATION: Final = (
    f"The application holds one of {POOL} connections for {SERVICE_S * 1e3:g} ms: its capacity is {CAPACITY_PER_S:g} requests a "
    f"second. The middleware has {SLOTS} slots. Callers want an answer within {DEADLINE_S * 1e3:g} ms, and hang up after "
    f"{PATIENCE_S:g} s."
)


def row_of(result: WebResult) -> list[str]:
    """Give the figures of one case."""
    figures, ladders = result.figures, result.ladders

    def at(name: str, percentile: float) -> str:
        found: Ladder | None = ladders.get(name)
        return "-" if found is None else time_text(found.at(percentile))

    share, grew = figures.get("goodput_share"), figures.get("rss_growth_bytes")
    lost = [figures[name] for name in ("gave_up", "broken", "unsent") if name in figures]
    return [
        result.case.name + (f" ({one_line(result.ended, 60)})" if result.ended else ""),
        result.case.arm,
        number(figures.get("offered"), digits=6),
        "-" if share is None else f"{share:.1%}",
        *(number(figures.get(name), digits=6) for name in ("good", "late", "rejected")),
        number(sum(lost) if lost else None, digits=6),
        at("served", 50.0),
        at("taken", 99.0),
        at("rejected", 50.0),
        at("rejected", 99.0),
        "-" if grew is None else f"{grew / 2**20:+.1f} MiB",
        recovery_text(result),
        number(figures.get("peak_inside"), digits=6),
        number(figures.get("server_cores"), digits=2),
        number(figures.get("generator_cores"), digits=2),
    ]


def recovery_text(result: WebResult) -> str:
    """Write the time to recover; a run that saw none says so."""
    again_s = result.figures.get("recovery_s")
    if again_s is None:
        return "-"
    if again_s == 0:
        return "at once"
    return time_text(again_s * 1e9) if again_s < result.case.after_s - 0.1 else f"not in {result.case.after_s:g} s"


def closed_row(result: ClosedResult) -> list[str]:
    """Give what one of the closed-loop generators saw."""
    times = (time_text(None if value is None else value * 1e9) for value in (result.p50_s, result.p99_s))
    return [
        result.tool,
        result.server,
        "with" if result.guarded else "without",
        str(result.connections),
        *(number(value) for value in (result.served_per_s, result.in_time_per_s, result.rejected_per_s)),
        *times,
        result.problem or str(result.errors),
    ]


def closed_line(result: ClosedResult) -> str:
    """Tell in one line what a closed-loop generator saw."""
    return plain_text(one_line(", ".join(f"{name} {cell}" for name, cell in zip(CLOSED_HEAD, closed_row(result), strict=True))))


def ended_line(result: WebResult, findings: Sequence[Finding]) -> str:
    """Tell in one line how a case ended."""
    cells = dict(zip(HEAD, row_of(result), strict=True))
    shown = ("goodput", "in time", "late", "503", "no answer", "served p50", "taken p99", "503 p99", "memory", "recovery")
    parts = [f"{result.case.server}, {cells['case']}, {result.case.arm}", *(f"{name} {cells[name]}" for name in shown)]
    if result.case.guarded:
        bad = [each for each in findings if each.verdict is not Verdict.OK]
        parts += [f"{each.verdict.value} {each.bound}: {number(each.measured)} ({one_line(each.witness, 100)})" for each in bad]
    elif findings:
        broke = [each.bound for each in findings if each.verdict is Verdict.ILLEGAL]
        kept = [each.bound for each in findings if each.verdict is not Verdict.ILLEGAL]
        parts += [f"breaks {', '.join(broke)}"] if broke else []
        parts += [f"does NOT break {', '.join(kept)}"] if kept else []
    return plain_text(", ".join(parts))


def sections(report: WebReport) -> Iterator[Section]:
    """Give the report's tables in order."""
    for server, version in report.servers.items():
        names = list(dict.fromkeys(each.case.name for each in report.results))
        found = [each for each in report.results if each.case.server == server]
        found.sort(key=lambda each: (names.index(each.case.name), each.case.guarded))
        below = [f"{each.case.name}, {each.case.arm}: {one_line(each.witness[-300:])}" for each in found if each.witness]
        yield version, HEAD, [row_of(each) for each in found], below
    reasons = [
        f"{each.verdict.value} {each.bound} of {each.subject} in {each.case}: {one_line(each.witness)}; replay: {each.replay}"
        for each in report.findings
        if each.verdict is not Verdict.OK
    ]
    yield "thresholds, with the middleware", FINDING_HEAD, finding_rows(report.findings), reasons
    kept = [
        f"NOT broken: {each.bound} by {each.subject} in {each.case}"
        for each in report.broken
        if each.verdict is not Verdict.ILLEGAL
    ]
    yield "the same bounds, broken without it", FINDING_HEAD, finding_rows(report.broken), kept
    if report.closed:
        below = [
            "Closed-loop: a connection sends its next request as soon as it has an answer, and without a pause if it was refused.",
            "So it asks as fast as the server can refuse, which takes processor time from what is served: in front of clients that "
            "ignore Retry-After like this belongs a limit on connections or a proxy.",
        ]
        if any(each.server == "gunicorn" for each in report.closed):
            below.append(
                "A connection that stays silent keeps one of gunicorn's threads for up to 5 s: if such leave it none to spare, no "
                "request reaches the middleware while its slots are held, and all wait."
            )
        yield "a second opinion", CLOSED_HEAD, [closed_row(each) for each in report.closed], below


def heading(report: WebReport) -> str:
    """Say what was run, where, and how noisy it was."""
    stolen = number(report.noise.get("stolen_share", 0.0) * 100, digits=2)
    where = f"{report.python}, {report.cores} cores, {report.platform}, {report.started}"
    return (
        f"tidegate {report.version} web: profile {report.profile}, seed {report.seed}, {where}; "
        f"noise: {stolen} % of the processor taken by others"
    )


def summary(report: WebReport) -> str:
    """Count the verdicts."""
    counts = {verdict: sum(each.verdict is verdict for each in report.findings) for verdict in Verdict}
    told = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count) or "nothing was judged"
    broke = sum(each.verdict is Verdict.ILLEGAL for each in report.broken)
    return f"{told}; without the middleware {broke} of {len(report.broken)} are broken; {report.seconds:.0f} s"


def render(report: WebReport) -> str:
    """Lay the report out in aligned columns; the verdict is its last line."""
    lines = [heading(report), APPLICATION]
    for title, head, rows, below in sections(report):
        if rows or below:
            lines += ["", title, *aligned(head, rows), *(f"  {plain_text(line)}" for line in below)]
    verdict = verdict_of(report).value if report.results else "done"
    return "\n".join([*lines, "", f"tidegate web: {verdict} ({summary(report)})", ""])


def markdown(report: WebReport) -> str:
    """Give the same as Markdown."""
    lines = [f"# tidegate web: {verdict_of(report).value}", "", heading(report), "", APPLICATION, "", summary(report)]
    for title, head, rows, below in sections(report):
        if rows or below:
            lines += ["", f"## {title}", ""]
            lines += [markdown_row(head), markdown_row(["---"] * len(head)), *map(markdown_row, rows)] if rows else []
            lines += ["", *(f"- {escaped(line)}" for line in below)] if below else []
    return "\n".join([*lines, ""])


def page(report: WebReport) -> str:
    """Lay the report out as a page. What the report lacks is left out."""
    verdict = verdict_of(report).value
    drawings = [f"<h2>{words(title)}</h2>{drawing_of(svg, caption)}" for title, svg, caption in plots.pictures(report)]
    tables = [line for each in starmap(section, sections(report)) for line in each]
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<title>tidegate on web servers: {verdict}</title><link rel="icon" href="data:,">',
        f"<style>\n{STYLE}</style></head>",
        "<body>",
        f'<h1>tidegate on web servers: <span class="{verdict}">{verdict}</span></h1>',
        f'<p>{words(summary(report))}</p><p>{words(APPLICATION)}</p><p class="stamp">{words(heading(report))}</p>',
        *drawings,
        *tables,
        f"<h2>To reproduce</h2>\n<p><code>tidegate web --profile {report.profile} --seed {report.seed} --html FILE</code></p>",
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"
