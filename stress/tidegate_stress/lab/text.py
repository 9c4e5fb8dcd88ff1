"""The laboratory's report as text: for a terminal, a log or a pipe, and as Markdown. Thresholds come first."""

from collections.abc import Iterator, Sequence
from typing import Final

from tidegate_specs.check import Verdict, overall
from tidegate_specs.reports import one_line, plain_text

from .case import LADDERS, OURS, PERCENTILES, WHOLE, Finding, LabReport, Ladder, Result

Rows = list[list[str]]
COLOURS: Final = {"OK": "32", "ILLEGAL": "31;1", "UNKNOWN": "33"}
CASE_HEAD: Final = tuple(
    "case,offered/s,accepted,rejected,goodput,sojourn p50,p99,max,offer p50,p99.9,memory,recovery,fair,cores".split(",")
)


def verdict_of(report: LabReport) -> Verdict:
    """Give the verdict on the whole: of the kernel's findings, and UNKNOWN unless every breaker that was run broke its bound."""
    verdicts = [finding.verdict for finding in report.findings]
    verdicts += [Verdict.OK if finding.verdict is Verdict.ILLEGAL else Verdict.UNKNOWN for finding in report.broken]
    return overall(verdicts)


def number(value: float | None, unit: str = "", digits: int = 3) -> str:
    """Write a figure; one that was not measured is "-"."""
    if value is None:
        return "-"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"
    return f"{text} {unit}".rstrip()


def time_text(value_ns: float | None) -> str:
    """Write a time in the unit that suits it."""
    if value_ns is None:
        return "-"
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if value_ns >= size:
            return f"{value_ns / size:.3g} {unit}"
    return f"{value_ns:.0f} ns"


def finding_rows(findings: Sequence[Finding]) -> Rows:
    """Lay findings out, one a row."""
    return [
        [
            finding.bound,
            finding.subject,
            finding.case,
            finding.verdict.value,
            number(finding.measured),
            f"{finding.relation} {number(finding.limit)} {finding.unit}",
            ", ".join(finding.clauses),
        ]
        for finding in findings
    ]


FINDING_HEAD: Final = ("bound", "subject", "case", "verdict", "measured", "allowed", "clauses")


def case_row(result: Result) -> list[str]:
    """Give the figures of one case."""
    figures, ladders = result.figures, result.ladders
    sojourn, offer = ladders.get("sojourn"), ladders.get("offer_call")
    share, grew, again = (figures.get(name) for name in ("goodput_share", "rss_growth_bytes", "recovery_s"))
    ended = "" if result.ended == WHOLE else f" ({one_line(result.ended, 60)})"
    return [
        result.case.name + ended,
        number(figures.get("offered_per_s")),
        number(figures.get("accepted"), digits=7),
        number(figures.get("rejected"), digits=7),
        "-" if share is None else f"{share:.1%}",
        *map(time_text, (sojourn.at(50.0), sojourn.at(99.0), sojourn.max_ns) if sojourn else (None, None, None)),
        *map(time_text, (offer.at(50.0), offer.at(99.9)) if offer else (None, None)),
        "-" if grew is None else f"{grew / 2**20:+.2f} MiB",
        time_text(None if again is None else again * 1e9),
        number(figures.get("fairness")),
        number(figures.get("generator_cores"), digits=2),
    ]


def ladder_rows(result: Result) -> Rows:
    """Give the percentile ladder of each distribution of one case."""
    return [[LADDERS[name], f"{ladder.count:,}", *_rungs(ladder)] for name, ladder in result.ladders.items()]


LADDER_HEAD: Final = ("time", "count", *(f"p{percentile:g}" for percentile in PERCENTILES), "max")


def _rungs(ladder: Ladder) -> list[str]:
    return [*(time_text(value) for value in ladder.values_ns), time_text(ladder.max_ns)]


def more_rows(result: Result) -> list[str]:
    """Give the rest of the figures of one case: memory, collections, switches, workers, noise."""
    figures = result.figures
    wanted = {
        "blocks": ("blocks_growth", 1.0, ""),
        "collections": ("collections", 1.0, ""),
        "switches, waited": ("switches_voluntary", 1.0, ""),
        "switches, preempted": ("switches_involuntary", 1.0, ""),
        "workers' fairness": ("worker_fairness", 1.0, ""),
        "starved": ("starvation_s", 1e3, "ms"),
        "longest service": ("longest_service_s", 1e3, "ms"),
        "normal after": ("normal_s", 1e3, "ms"),
        "idle after": ("idle_s", 1e3, "ms"),
        "woke late, worst": ("late_max_s", 1e3, "ms"),
        "taken by others": ("stolen_share", 100.0, "%"),
    }
    scaled = {name: (figures.get(key), factor, unit) for name, (key, factor, unit) in wanted.items()}
    return [f"{name} {number(None if value is None else value * factor, unit)}" for name, (value, factor, unit) in scaled.items()]


def by_subject(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Group results by subject, ours first."""
    order = list(dict.fromkeys(result.case.subject for result in results))
    order.sort(key=lambda name: name != OURS)
    return {name: [each for each in results if each.case.subject == name] for name in order}


Section = tuple[str, Sequence[str], Rows, list[str]]  # its title, the head of its table, the rows, and lines below


def sections(report: LabReport, *, detailed: bool = False) -> Iterator[Section]:
    """Give the report's tables in order."""
    yield "thresholds", FINDING_HEAD, finding_rows(report.findings), [line for each in report.findings for line in _reasons(each)]
    if report.broken:
        yield (
            "what breaks each bound",
            FINDING_HEAD,
            finding_rows(report.broken),
            [f"NOT broken: {each.bound} by {each.subject}" for each in report.broken if each.verdict is not Verdict.ILLEGAL],
        )
    if report.collapse is not None:
        rows = [
            [str(link.number), link.name, _held(link.happened_there), link.there, _held(link.happened_here), link.here]
            for link in report.collapse.links
        ]
        yield "the collapse, link by link", ("", "link", "held", report.collapse.there.case.subject, "held", OURS), rows, []
    if report.pairs:
        rows = [
            [
                f"{pair.level:g}x",
                *(time_text(value) for value in (pair.ours.at(50.0), pair.theirs.at(50.0))),
                f"{pair.p50_ratio:.2f}",
                *(time_text(value) for value in (pair.ours.at(99.9), pair.theirs.at(99.9))),
                f"{pair.p999_ratio:.2f}",
            ]
            for pair in report.pairs
        ]
        head = ("offers in turn", "our p50", "put_nowait p50", "times faster", "our p99.9", "put_nowait p99.9", "times longer")
        yield "offers against queue.Queue.put_nowait, in one process", head, rows, []
    if report.curve:
        rows = [
            [
                f"every {point.every}" if point.every else "never",
                f"{point.goodput_share:.1%}",
                *map(time_text, (point.p50_ns, point.p99_ns, point.p999_ns)),
            ]
            for point in report.curve
        ]
        curve_head = ("yield on rejection", "goodput, 8 spinning", "offer p50 at 100x", "p99", "p99.9")
        yield "what yielding the processor brings and costs", curve_head, rows, []
    for subject, results in by_subject(report.results).items():
        below = [line for result in results for line in _below(result, detailed)]
        yield subject + version_text(report, subject), CASE_HEAD, [case_row(result) for result in results], below


def version_text(report: LabReport, subject: str) -> str:
    """Give a subject's version, where it has one, to stand behind its name."""
    return f" {report.peers[subject]}" if subject in report.peers else ""


def _held(happened: bool) -> str:
    return "yes" if happened else "no"


def _reasons(finding: Finding) -> Iterator[str]:
    if finding.verdict is not Verdict.OK:
        yield f"{finding.verdict.value} {finding.bound} in {finding.case}: {one_line(finding.witness)}"
        yield f"  replay: {finding.replay}"


def _below(result: Result, detailed: bool) -> Iterator[str]:
    if result.problems:
        yield f"{result.case.name}: {one_line('; '.join(result.problems))}"
    if result.witness:
        yield f"{result.case.name}: {one_line(result.witness[-300:])}"
    if detailed:
        yield f"{result.case.name}: " + ", ".join(more_rows(result))
        yield from aligned(LADDER_HEAD, ladder_rows(result), "    ")


def render(report: LabReport, *, detailed: bool = False, colour: bool = False) -> str:
    """Lay the report out in aligned columns; the verdict is its last line."""
    lines = [heading(report)]
    for title, head, rows, below in sections(report, detailed=detailed):
        if rows or below:
            lines += ["", title, *aligned(head, rows), *(f"  {plain_text(line)}" for line in below)]
    lines += ["", f"tidegate stress: {verdict_of(report).value} ({summary(report)})", ""]
    text = "\n".join(lines)
    if colour:
        for word, code in COLOURS.items():
            text = text.replace(f" {word} ", f" \x1b[{code}m{word}\x1b[0m ")
    return text


def aligned(head: Sequence[str], rows: Rows, indent: str = "  ") -> Iterator[str]:
    if not rows:
        return
    cells = [[plain_text(cell) for cell in row] for row in [list(head), *rows]]
    widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
    for row in cells:
        yield (indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()


def heading(report: LabReport) -> str:
    """Say what was run, where, and how noisy it was."""
    noise = report.noise
    late = noise.get("late_max_s")
    woke = time_text(None if late is None else late * 1e9)
    stolen = number(noise.get("stolen_share", 0.0) * 100, digits=2)
    where = f"{report.python}, {report.cores} cores, {report.platform}, {report.started}"
    return (
        f"tidegate {report.version} stress: profile {report.profile}, seed {report.seed}, {where}; "
        f"noise: {stolen} % of the processor taken by others, woke {woke} late at worst"
    )


def summary(report: LabReport) -> str:
    """Count the verdicts."""
    counts = {verdict: sum(each.verdict is verdict for each in report.findings) for verdict in Verdict}
    told = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count) or "nothing was judged"
    broken = (
        f"; {sum(each.verdict is Verdict.ILLEGAL for each in report.broken)} of {len(report.broken)} breakers broke"
        if report.broken
        else ""
    )
    return f"{told}{broken}; {report.seconds:.0f} s"


def markdown(report: LabReport) -> str:
    """Give the same as Markdown."""
    lines = [f"# tidegate stress: {verdict_of(report).value}", "", heading(report), "", summary(report)]
    for title, head, rows, below in sections(report):
        if rows or below:
            lines += ["", f"## {title}", ""]
            lines += [markdown_row(head), markdown_row(["---"] * len(head)), *(markdown_row(row) for row in rows)] if rows else []
            lines += ["", *(f"- {escaped(line.strip())}" for line in below)] if below else []
    return "\n".join([*lines, ""])


def markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"


def escaped(text: str) -> str:
    return one_line(text).replace("|", "\\|").replace("<", "&lt;")
