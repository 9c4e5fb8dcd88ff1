"""The specification as one HTML page: no script, nothing loaded from elsewhere, light and dark, for a phone and for paper."""

import inspect
import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from .. import machine
from ..clauses import predicate_names
from . import drawings
from .cite import REPRODUCE, TITLE, VERSION, citation, content_hash
from .content import Entry, assumptions, by_tool
from .links import LINKS

_STYLE: Final = """\
:root { color-scheme: light dark;
  --ink: #1c1e21; --soft: #5b626b; --rule: #d9dde2; --paper: #fdfdfc; --code: #f3f4f3; --mark: #1f5f8b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e6e8; --soft: #a0a8b1; --rule: #383d43; --paper: #16181a; --code: #202326; --mark: #84bfe6; }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 2.5rem 1.25rem 5rem; max-width: 54rem; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.6 Charter, "Bitstream Charter", "Source Serif 4", Georgia, serif; overflow-wrap: break-word; }
h1, h2, h3, nav, dt, th, summary, figcaption, .stamp { font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .75rem; }
h2 { font-size: 1.35rem; margin: 3.5rem 0 1rem; padding-top: 1rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1.05rem; margin: 0 0 .4rem; letter-spacing: .02em; }
a { color: var(--mark); text-underline-offset: .15em; text-decoration-thickness: 1px; }
code, pre { font: .84rem/1.55 ui-monospace, "SF Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace; }
pre { background: var(--code); border: 1px solid var(--rule); border-radius: 6px; padding: .8rem 1rem; overflow-x: auto; }
p code, li code, dd code { background: var(--code); padding: .08em .3em; border-radius: 3px; }
.stamp { color: var(--soft); font-size: .85rem; }
nav { font-size: .92rem; columns: 2 16rem; margin: 2rem 0; }
nav ul { list-style: none; margin: 0; padding: 0 0 0 1rem; }
nav > ul { padding: 0; }
nav li { margin: .2rem 0; break-inside: avoid; }
nav ul ul li { display: inline-block; margin-right: .8rem; font-size: .85rem; }
nav > ul > li { break-inside: auto; }
.links { padding-left: 1.6rem; }
.links li { margin: 1rem 0; padding-left: .4rem; }
.links strong, .links span { display: block; }
article { margin: 2.2rem 0; padding: 1.2rem 0 0; border-top: 1px solid var(--rule); }
a[href^='#'] { white-space: nowrap; }
article > h3 a { text-decoration: none; }
dl { margin: 1rem 0 0; display: grid; grid-template-columns: 7rem 1fr; gap: .55rem 1rem; }
dt { color: var(--soft); font-size: .82rem; padding-top: .15rem; }
dd { margin: 0; min-width: 0; }
summary { cursor: pointer; font-size: .9rem; }
details ul { padding-left: 1.2rem; margin: .4rem 0; font-size: .95rem; }
details li { margin: .45rem 0; }
details li span { display: block; color: var(--soft); }
figure { margin: 1.5rem 0; }
.scroll { overflow-x: auto; }
figcaption { color: var(--soft); font-size: .85rem; margin-top: .6rem; }
svg { display: block; width: 100%; min-width: 46rem; height: auto; font: 14px system-ui, "DejaVu Sans", sans-serif; }
svg .spot rect { fill: var(--code); stroke: var(--ink); stroke-width: 1.2; }
svg .spot text { fill: var(--ink); text-anchor: middle; font-size: 13px; }
svg .arrow { fill: none; stroke: var(--soft); stroke-width: 1.2; }
svg .tip { fill: var(--soft); }
svg .label { fill: var(--mark); font-size: 12.5px; paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
svg .row { fill: var(--soft); font-size: 13px; }
@media (min-width: 64rem) { figure { margin-inline: -4rem; } }
@media (max-width: 36rem) {
  body { font-size: 1rem; padding: 1.5rem 1rem 3rem; }
  dl { grid-template-columns: 1fr; gap: .2rem; }
  dd { margin-bottom: .6rem; }
}
@media print {
  body { max-width: none; font-size: 10.5pt; } h2, h3 { break-after: avoid; } pre { white-space: pre-wrap; }
  details > * { display: block; } svg { min-width: 0; }
}
"""


def _prose(text: str) -> str:
    """Mark what is code in a sentence."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def _code(text: str) -> str:
    return f'<pre tabindex="0"><code>{escape(text, quote=False)}</code></pre>'


def _to_clauses(ids: Sequence[str]) -> str:
    return ", ".join(f'<a href="#{id_}">{id_}</a>' for id_ in ids)


def _anchor(part: str) -> str:
    return re.sub(r"[^a-z]+", "-", part.partition("(")[0].strip().lower())


def _contents(parts: dict[str, list[Entry]]) -> Iterator[str]:
    yield '<nav aria-label="Contents"><ul>'
    for anchor, title in (("links", "The nine links of the collapse"), ("life-of-a-slot", "The life of a slot")):
        yield f'<li><a href="#{anchor}">{title}</a></li>'
    yield '<li><a href="#state-graph">The state graph</a></li><li><a href="#machine">The machine</a></li>'
    for part, members in parts.items():
        inner = "".join(f'<li><a href="#{entry.clause.id}">{entry.clause.id}</a></li>' for entry in members)
        yield f'<li><a href="#{_anchor(part)}">{escape(part)}</a><ul>{inner}</ul></li>'
    yield '<li><a href="#obligations">Proof obligations</a></li>'
    yield '<li><a href="#assumptions">Assumptions</a></li><li><a href="#cite">How to cite</a></li></ul></nav>'


def _links() -> Iterator[str]:
    yield '<section><h2 id="links">The nine links of the collapse</h2>'
    yield "<p>A service rarely falls over because it computes wrongly. It falls over because it says no too late.</p>"
    yield '<ol class="links">'
    for link in LINKS:
        broken = f"{escape(link.broken)} {_to_clauses(link.clauses)}"
        yield f"<li><strong>{escape(link.happens)}</strong><span>{broken}</span></li>"
    yield "</ol></section>"


def _figures() -> Iterator[str]:
    yield '<section><h2 id="life-of-a-slot">The life of a slot</h2><figure><div class="scroll" tabindex="0">'
    yield drawings.life()
    yield "</div><figcaption>Where a slot can be, and the actions that move it.</figcaption></figure></section>"
    yield '<section><h2 id="state-graph">The state graph</h2><figure><div class="scroll" tabindex="0">'
    yield drawings.states()
    yield "</div><figcaption>All that an intake of capacity 1 can be, apart from its counts: columns tell where the slot is, rows "
    yield "what is over. Steps that stay where they are, such as refuse full, are in the list only.</figcaption></figure>"
    yield "<details><summary>The same as a list</summary><ul>"
    for arrow in drawings.arrows():
        yield f"<li>{escape(str(arrow))}</li>"
    yield "</ul></details></section>"


def _listed(title: str, items: Sequence[tuple[str, str]]) -> str:
    inner = "".join(f"<li>{head}<span>{tail}</span></li>" for head, tail in items)
    return f"<details><summary>{title}</summary><ul>{inner}</ul></details>"


def _clause(entry: Entry) -> Iterator[str]:
    clause = entry.clause
    yield f'<article id="{clause.id}"><h3><a href="#{clause.id}">{clause.id}</a></h3><p>{_prose(clause.sentence)}</p>'
    for name, source in zip(predicate_names(clause), entry.sources, strict=True):
        yield f'<p class="stamp">{escape(name)}</p>{_code(source)}'
    yield "<dl><dt>Proof</dt><dd>"
    yield _proof(entry)
    yield "</dd><dt>Checks</dt><dd>"
    checks = [
        (
            f"<code>{escape(each.name)}</code> ({escape(each.tool)})",
            f"Shows: {_prose(each.shows)}<br>Shows not: {_prose(each.shows_not)}",
        )
        for each in entry.checks
    ]
    yield _listed(escape(by_tool(entry.checks)), checks) if checks else "None: the clause is UNKNOWN."
    yield "</dd><dt>Mutants</dt><dd>"
    mutants = [
        (f"<code>{each.name}</code>", f"{_prose(each.what)}<br>Killed by: {escape(', '.join(each.killed_by))}")
        for each in entry.mutants
    ]
    yield _listed(f"{len(mutants)} broken on purpose, each killed", mutants) if mutants else "None."
    yield f"</dd><dt>Not claimed</dt><dd>{_prose(clause.not_claimed)}</dd></dl></article>"


def _proof(entry: Entry) -> str:
    if not entry.obligations:
        return _prose(entry.proof)
    families = ", ".join(f'<a href="#proof-{family}">{family}</a> {count}' for family, count in entry.families.items())
    return f"{len(entry.obligations)} obligations, for every capacity: {families}"


def _obligations(entries: Sequence[Entry]) -> Iterator[str]:
    """Tell each obligation once, by families."""
    found = {each.name: each for entry in entries for each in entry.obligations}
    yield '<section><h2 id="obligations">Proof obligations</h2><p>What <code>tidegate prove</code> puts to a solver, about the '
    yield "machine and about a net of the kernel's atomic steps.</p>"
    for family in dict.fromkeys(each.family for each in found.values()):
        members = [each for each in found.values() if each.family == family]
        items = [(f"<code>{escape(each.name)}</code>", _prose(each.says)) for each in members]
        yield f'<div id="proof-{family}">{_listed(f"{family}: {len(members)}", items)}</div>'
    yield "</section>"


def _end() -> Iterator[str]:
    atomic, limits = assumptions()
    yield f'<section><h2 id="assumptions">Assumptions</h2>{_code(atomic)}<p>{_prose(limits)}</p></section>'
    yield '<section><h2 id="cite">How to cite</h2><p>Version, title, authors, date and licence are those an archive asks for. '
    yield f"The hash names the trusted text; this gives it again:</p>{_code(REPRODUCE)}{_code(citation())}</section>"


def page(entries: Sequence[Entry]) -> str:
    """Give the whole page."""
    parts: dict[str, list[Entry]] = {}
    for entry in entries:
        parts.setdefault(entry.clause.part, []).append(entry)
    lines = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<title>{escape(TITLE)}</title>\n<link rel="icon" href="data:,">\n<style>\n{_STYLE}</style>\n</head>\n<body>',
        f'<header><h1>{escape(TITLE)}</h1><p class="stamp">Version {VERSION}<br>sha256:{content_hash()}</p>',
        "<p>Generated from the code by <code>tidegate spec --html</code>. The words are the requirement, the predicates make them "
        "precise, and the evidence beside them says what was looked at and what was not.</p></header>",
        *_contents(parts),
        "<main>",
        *_links(),
        *_figures(),
        f'<section><h2 id="machine">The machine</h2><details><summary>Its whole text, machine.py</summary>'
        f"{_code(inspect.getsource(machine).rstrip())}</details></section>",
    ]
    for part, members in parts.items():
        lines.append(f'<section><h2 id="{_anchor(part)}">{escape(part)}</h2>')
        for entry in members:
            lines += _clause(entry)
        lines.append("</section>")
    return "\n".join([*lines, *_obligations(entries), *_end(), "</main>\n</body>\n</html>\n"])
