"""The specification as text for a terminal."""

import textwrap
from collections.abc import Iterator, Sequence

from .. import machine
from ..clauses import predicate_names
from .cite import REPRODUCE, TITLE, VERSION, citation, content_hash
from .content import Entry, assumptions
from .links import LINKS


class Text:
    """Lay out the document for a terminal: so wide, in colour or without."""

    def __init__(self, width: int, *, colour: bool) -> None:
        self.width = width
        self.colour = colour

    def document(self, entries: Sequence[Entry]) -> Iterator[str]:
        """Give the lines of the whole document."""
        yield from self._head(TITLE)
        yield f"version {VERSION}"
        yield f"sha256:{content_hash()}"
        yield ""
        yield from self._head("The nine links of the collapse")
        for number, link in enumerate(LINKS, 1):
            yield self._wrapped(f"{number}. ", link.happens)
            yield self._wrapped("   ", link.broken)
            yield self._wrapped("   ", ", ".join(link.clauses))
        yield ""
        yield from self._head("The machine")
        yield from (machine.__doc__ or "").splitlines()
        yield ""
        part = ""
        for entry in entries:
            if entry.clause.part != part:
                part = entry.clause.part
                yield from self._head(part)
            yield from self.clause(entry)
        atomic, limits = assumptions()
        yield from self._head("Assumptions")
        yield from atomic.splitlines()
        yield ""
        yield self._wrapped("", limits)
        yield ""
        yield from self._head("How to cite")
        yield from citation().splitlines()
        yield ""
        yield f"The hash again: {REPRODUCE}"

    def clause(self, entry: Entry) -> Iterator[str]:
        """Give the lines of one clause."""
        clause = entry.clause
        yield self._bold(clause.id)
        yield self._wrapped("  ", clause.sentence)
        for name, source in zip(predicate_names(clause), entry.sources, strict=True):
            yield self._wrapped("  predicate    ", name)
            yield textwrap.indent(source, "      ")
        yield self._wrapped("  proof        ", entry.proof)
        yield self._wrapped("  not claimed  ", clause.not_claimed)
        for check in entry.checks:
            yield self._wrapped("  check        ", f"{check.name} [{check.tool}]")
            yield self._wrapped("    shows      ", check.shows)
            yield self._wrapped("    shows not  ", check.shows_not)
        if not entry.checks:
            yield self._wrapped("  check        ", "none: the clause is UNKNOWN")
        yield self._wrapped("  mutants      ", ", ".join(mutant.name for mutant in entry.mutants) or "none")
        yield ""

    def _head(self, title: str) -> Iterator[str]:
        yield self._bold(title)
        yield self._bold("=" * min(len(title), self.width))
        yield ""

    def _bold(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self.colour else text

    def _wrapped(self, label: str, text: str) -> str:
        return textwrap.fill(text, self.width, initial_indent=label, subsequent_indent=" " * len(label), break_on_hyphens=False)
