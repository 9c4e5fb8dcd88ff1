"""The laboratory's report as one HTML page: no script, nothing loaded from elsewhere, light and dark, for a phone and for paper."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from tidegate_specs.check import Verdict
from tidegate_specs.reports import one_line, plain_text

from . import plots
from .case import OURS, LabReport, Result
from .text import (
    LADDER_HEAD,
    Rows,
    by_subject,
    heading,
    ladder_rows,
    more_rows,
    sections,
    summary,
    verdict_of,
    version_text,
)

STYLE: Final = """\
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5b626b; --rule: #d9dde2; --paper: #fdfdfc; --code: #f3f4f3;
  --ok: #1a7f37; --bad: #b42318; --open: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e6e8; --soft: #a0a8b1; --rule: #383d43; --paper: #16181a; --code: #202326;
  --ok: #57c274; --bad: #ff8a7a; --open: #e3b341; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 64rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .6rem; }
h2 { font-size: 1.25rem; margin: 2.8rem 0 .8rem; padding-top: .9rem; border-top: 1px solid var(--rule); }
.stamp, figcaption, .below { color: var(--soft); font-size: .87rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .84rem; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .7rem .28rem 0; text-align: left; border-bottom: 1px solid var(--rule); white-space: nowrap; }
td:last-child { white-space: normal; }
th { color: var(--soft); font-weight: 600; }
.OK { color: var(--ok); } .ILLEGAL { color: var(--bad); font-weight: 700; } .UNKNOWN { color: var(--open); }
figure { margin: 1.2rem 0; }
svg { display: block; width: 100%; min-width: 34rem; max-width: 52rem; height: auto; color: var(--ink); }
code { font: .85em ui-monospace, "DejaVu Sans Mono", Menlo, monospace; background: var(--code); padding: .1em .3em; }
summary { cursor: pointer; margin: .5rem 0; }
@media (max-width: 36rem) { body { padding: 1.2rem .9rem 3rem; } h1 { font-size: 1.5rem; } }
@media print { body { max-width: none; font-size: 10pt; } svg { min-width: 0; } }
"""


def words(text: str) -> str:
    return escape(plain_text(one_line(text, 600)))


def _table(head: Sequence[str], rows: Rows) -> str:
    def cell(text: str) -> str:
        mark = f' class="{text}"' if text in {verdict.value for verdict in Verdict} else ""
        return f"<td{mark}>{words(text)}</td>"

    top = "".join(f"<th>{words(each)}</th>" for each in head)
    body = "\n".join(f"<tr>{''.join(cell(each) for each in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'


def drawing_of(svg: str, caption: str) -> str:
    return f'<figure><div class="scroll">\n{svg}</div><figcaption>{words(caption)}</figcaption></figure>'


def _drawings(report: LabReport) -> Iterator[tuple[str, str]]:
    """Give a title and a drawing for everything that the report has enough of."""
    names = {result.case.name for result in report.results}
    if plots.has_levels(report):
        yield (
            "Goodput against offered load",
            drawing_of(
                plots.goodput_curve(report),
                "Items finished within their deadline, 2.5 times what the workers need for a full queue.",
            ),
        )
        yield (
            "Latency against offered load",
            drawing_of(plots.latency_against_load(report), "Of what was accepted, and of every offer, timed from when it was due."),
        )
    case = next((name for name in ("10x", "100x", "2x") if name in names), "")
    if case and any(result.intervals for result in report.results if result.case.name == case):
        yield (
            f"Depth, sojourn and memory over time at {case}",
            drawing_of(plots.over_time(report, case), "While the load lasts, and after it. Depth and sojourn: logarithmic."),
        )
    if case and any(result.ladders for result in report.results if result.case.name == case):
        for name, title in (("sojourn", "Sojourn"), ("offer_call", "An offer's own call")):
            yield (
                f"{title} by percentile at {case}",
                drawing_of(plots.percentile_curves(report, name, case), "Both axes are logarithmic."),
            )
    if report.curve:
        yield (
            "The yield that keeps the workers alive",
            drawing_of(plots.yield_curve(report), "More of it feeds the workers and costs the offers' tail. Dashed: the bound."),
        )
    if report.collapse is not None:
        yield (
            "The collapse",
            drawing_of(
                plots.collapse_picture(report.collapse),
                "The same clients: each waits until its deadline, then tries again, up to four times. Dotted: the load when calm.",
            ),
        )


def _ladders(results: Sequence[Result]) -> Iterator[str]:
    for result in results:
        if result.ladders:
            more = words(", ".join(more_rows(result)))
            yield f"<details><summary>{words(result.case.name)}</summary>"
            yield f'{_table(LADDER_HEAD, ladder_rows(result))}<p class="below">{more}</p></details>'


def page(report: LabReport) -> str:
    """Lay the report out as a page. What the report lacks is left out."""
    verdict = verdict_of(report).value
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<title>tidegate under overload: {verdict}</title><link rel="icon" href="data:,">',
        f"<style>\n{STYLE}</style></head>",
        "<body>",
        f'<h1>tidegate under overload: <span class="{verdict}">{verdict}</span></h1>',
        f'<p>{words(summary(report))}</p><p class="stamp">{words(heading(report))}</p>',
    ]
    tables = list(sections(report))
    first, rest = tables[:1], tables[1:]
    for title, head, rows, below in first:
        parts += section(title, head, rows, below)
    for title, drawing in _drawings(report):
        parts += [f"<h2>{words(title)}</h2>", drawing]
    by_name = {name + version_text(report, name): found for name, found in by_subject(report.results).items()}
    for title, head, rows, below in rest:
        parts += section(title, head, rows, below)
        parts += _ladders(by_name.get(title, []))
    parts += [
        "<h2>To reproduce</h2>",
        f"<p><code>tidegate stress --profile {report.profile} --seed {report.seed} --html FILE</code>; "
        f"<code>tidegate stress --case NAME --subject NAME</code> for one case ({OURS} unless told otherwise).</p>",
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def section(title: str, head: Sequence[str], rows: Rows, below: Sequence[str]) -> list[str]:
    if not rows and not below:
        return []
    lines = "<br>".join(words(line) for line in below)
    return [f"<h2>{words(title)}</h2>", _table(head, rows), *([f'<p class="below">{lines}</p>'] if lines else [])]
