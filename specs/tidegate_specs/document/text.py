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
        yield from self._summary(entries)
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

    def _summary(self, entries: Sequence[Entry]) -> Iterator[str]:
        """Tell what there is, and each clause in one line."""
        checks = {check.name for entry in entries for check in entry.checks}
        obligations = {each.name for entry in entries for each in entry.obligations}
        mutants = {mutant.name for entry in entries for mutant in entry.mutants}
        yield from self._head("In short")
        evidence = f"{len(checks)} checks of the real code and {len(obligations):,} proof obligations for every capacity"
        faults = f"{len(mutants)} planted faults show that the checks can fail"
        yield self._wrapped("", f"{len(entries)} clauses. They rest on {evidence}; {faults}.")
        yield self._wrapped("", "One of them: tidegate spec --clause BOUND-1. Exit codes and other forms: tidegate spec --help.")
        yield ""
        for entry in entries:
            yield f"{entry.clause.id:<13} " + textwrap.shorten(entry.clause.sentence, self.width - 14, placeholder=" ...")
        yield ""

    def clause(self, entry: Entry) -> Iterator[str]:
        """Give the lines of one clause."""
        clause = entry.clause
        yield self._bold(clause.id)
        yield self._wrapped("  ", clause.sentence)
        rests = f"checks: {len(entry.checks)}, proof obligations: {len(entry.obligations)}, planted faults: {len(entry.mutants)}"
        yield self._wrapped("  rests on     ", rests)
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
