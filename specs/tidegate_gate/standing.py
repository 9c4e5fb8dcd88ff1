"""Which level of conformance a run has shown an intake to hold, and the lines that tell it, in each kind of report."""

from collections.abc import Iterable, Mapping, Sequence

from tidegate_specs.check import Verdict, needs
from tidegate_specs.conformance.classes import CLASSES
from tidegate_specs.conformance.levels import LEVELS, NAMES, Standing, rank_of, rank_of_cause, standing
from tidegate_specs.reports import one_line

from .plan import GROUPS, About, Answer, Planned
from .report import ClauseReport, at_level

_COLOURS = {"": "lightgrey", "threads": "yellowgreen", "deadlines": "green", "signals": "brightgreen", "wait-free": "brightgreen"}


def in_scope(asked: str, id_: str) -> bool:
    """Tell whether a clause belongs to the level that is asked about, or to one below."""
    return rank_of(id_) <= NAMES.index(asked)


def disturbs_no_more(asked: str, check: Planned) -> bool:
    """Tell whether what a check finds counts at the level that is asked about."""
    return rank_of_cause(check.cause) <= NAMES.index(asked)


def undeclared(about: About, ids: Iterable[str]) -> Answer | None:
    """Stand for the checks that can't be run as `bytecode` is not declared: of their clauses nothing is known. None: all can.

    What is written in C is another matter, its calls are not interrupted in between.
    """
    lacking = {id_: CLASSES[id_].needs - set(about.capabilities) for id_ in ids if id_ in CLASSES}
    found = tuple(id_ for id_, lacks in lacking.items() if lacks == needs("bytecode"))
    if about.native or not found:
        return None
    group = next(group for group in GROUPS if group.name == "sweeps")
    check = Planned("sweeps.undeclared", group, "declaration", found, "", "", (0.0, 0.0))
    return Answer(check, Verdict.UNKNOWN, "not judged: `bytecode` is not declared, so it can't be stopped or interrupted inside")


def standing_of(about: About, asked: str, reports: Sequence[ClauseReport], inapplicable: Mapping[str, str]) -> Standing:
    """Say which level an intake holds, by these verdicts."""
    by_id = {report.id: report for report in reports}

    def found(id_: str, rank: int) -> tuple[Verdict | None, str]:
        report = at_level(by_id[id_], rank) if id_ in by_id else None
        if report is None:
            return None, inapplicable.get(id_, "no check that counts here bears on it")
        return report.verdict, report.evidence

    return standing(about.capabilities, asked, found)


def verdict_on(found: Standing | None) -> Verdict:
    """Give what the level adds to the whole: UNKNOWN where one was asked for, and something that it needs was not judged."""
    missing = found is not None and found.asked and any(obstacle.verdict == "not judged" for obstacle in found.obstacles)
    return Verdict.UNKNOWN if missing else Verdict.OK


def badge(found: Standing) -> str:
    """Give the line for a README that shows the level held."""
    told = (found.held or "no level").replace("-", "--").replace(" ", "%20")
    return f"![tidegate: {found.held or 'no level'}](https://img.shields.io/badge/tidegate-{told}-{_COLOURS[found.held]})"


def as_lines(found: Standing) -> list[str]:
    """Tell the level held and what stands between it and the next, for a terminal."""
    said: dict[str, str] = {level.name: level.sentence for level in LEVELS}
    lines = [f"level held: {found.held or 'none'}" + (f" ({said[found.held]})" if found.held else "")]
    if found.obstacles:
        lines.append(f"between it and {found.next}:")
        lines += [f"  {obstacle.what:<13} {obstacle.verdict}: {one_line(obstacle.why, 200)}" for obstacle in found.obstacles]
    elif found.next:
        lines.append(f"the next is {found.next}, which was not asked for")
    return [*lines, f"badge: {badge(found)}"]
