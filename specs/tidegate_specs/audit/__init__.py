"""Audit the kernel: what `offer` can reach, what is imported and exposed, and whether an item is ever touched.

`bytecode` reads the instructions; the checks here judge what it found, and try the rest with items whose every method raises.
"""

import contextlib
import importlib
import io
import logging
import warnings
from collections.abc import Callable
from typing import Any, Final

from ..bytecode import EXPLICIT, NOWAIT, QUIET, audit_offer
from ..check import Check, Result, Settings, Subject, Verdict
from .hostile import HOSTILE_ITEM, check_hostile, check_representation
from .surface import check_imports
from .verdicts import conclude, to_the_end

HOSTILE: Final = "HOSTILE-1"


def check_wait_free(subject: Subject, settings: Settings) -> Result:
    """Judge that `offer` takes a bounded number of instructions and waits for nobody (NOWAIT-1)."""
    report = audit_offer(subject)
    if report.unread:
        return Result(Verdict.UNKNOWN, "nothing was judged", report.unread)
    counts = ", ".join(f"{label} {count}" for label, count in sorted(report.counts.items()))
    evidence = (
        f"worst case {report.worst} instructions ({counts}, finaliser of a dropped slot {report.finaliser}), "
        "handlers and callees included; "
        f"{report.functions} functions, {report.instructions} instructions read, 0 cycles, "
        f"{report.backward} backward jumps out of handlers; calls: {', '.join(report.primitives) or 'none'}"
    )
    return to_the_end(conclude([finding for finding in report.findings if finding.clause == NOWAIT], evidence), report)


def check_yields(subject: Subject, settings: Settings) -> Result:
    """Judge that a rejection can offer the processor to others (RESPONSIVE-2)."""
    report = audit_offer(subject)
    if report.unread:
        return Result(Verdict.UNKNOWN, "nothing was judged", report.unread)
    evidence = f"{len(report.primitives)} primitives reached"
    if "yield_processor" in report.primitives:
        return Result(Verdict.OK, f"{evidence}, among them the one that yields the processor")
    if report.findings or report.unfollowed:
        stopped = ", ".join(report.unfollowed) or report.findings[0]
        return Result(Verdict.UNKNOWN, evidence, f"the audit did not follow every way through offer: {stopped}")
    return Result(Verdict.ILLEGAL, evidence, "offer never gives the processor to the workers")


REJECTIONS: Final = 2_000


def _listen(warned: list[str]) -> Callable[..., None]:
    def show(message: Warning | str, *details: object) -> None:
        warned.append(str(message))

    return show


def check_quiet(subject: Subject, settings: Settings) -> Result:
    """Judge that a rejection writes, logs and warns nothing and runs no code of the caller's: by bytecode, and by trying."""
    report = audit_offer(subject)
    if report.unread:
        return Result(Verdict.UNKNOWN, "nothing was judged", report.unread)
    findings: list[object] = [finding for finding in report.findings if finding.clause in (QUIET, EXPLICIT)]
    blames = tuple(dict.fromkeys(finding.clause for finding in report.findings if finding.clause in (QUIET, EXPLICIT)))
    heard: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(f"logged by {record.name}: {record.getMessage()}")

    full, closed = subject.Intake(1), subject.Intake(1)
    full.offer(object())
    closed.close()
    written = io.StringIO()
    listener, root = Listener(0), logging.getLogger()
    level = root.level
    root.addHandler(listener)
    root.setLevel(1)
    raised = ""
    warned: list[str] = []
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(written),
            contextlib.redirect_stderr(written),
        ):
            warnings.simplefilter("always")
            warnings.showwarning = _listen(warned)
            for _ in range(REJECTIONS):
                full.offer(HOSTILE_ITEM)
                closed.offer(HOSTILE_ITEM)
    except BaseException as error:  # noqa: BLE001 - a rejection raises nothing whatever
        raised = f"{type(error).__name__}: {error}"
    finally:
        root.setLevel(level)
        root.removeHandler(listener)
    if raised:
        findings.append(f"a rejection raised {raised}")
        blames = (*blames, EXPLICIT)
    findings += heard[:1]
    findings += [f"warned: {message}" for message in warned[:1]]
    findings += [f"wrote {written.getvalue()[:60]!r}"] if written.getvalue() else []
    evidence = f"{report.functions} functions read; {2 * REJECTIONS} rejections tried, {len(heard)} records, {len(warned)} warnings"
    return to_the_end(conclude(findings, evidence, blames), report)


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        name="audit.wait_free",
        group="audit",
        tool="bytecode audit",
        clauses=(NOWAIT, "NOWAIT-2"),
        shows="offer has no loop, recursion, lock or wait, and calls only atomic primitives: the number of its instructions is "
        "bounded",
        shows_not="how long a primitive takes in C, and that nobody binds its names to something else later",
        run=check_wait_free,
        limit_s=(20.0, 20.0),
    ),
    Check(
        name="audit.yields",
        group="audit",
        tool="bytecode audit",
        clauses=("RESPONSIVE-2",),
        shows="there is a path by which a rejection calls what gives the processor to others",
        shows_not="that it does so often enough: the overload run measures that",
        run=check_yields,
        limit_s=(20.0, 20.0),
    ),
    Check(
        name="audit.quiet",
        group="audit",
        tool="bytecode audit",
        clauses=(QUIET, EXPLICIT),
        shows="offer neither writes, logs, warns nor raises, and uses no operator or attribute of an item",
        shows_not="what the interpreter itself does in C",
        run=check_quiet,
        limit_s=(20.0, 20.0),
    ),
    Check(
        name="audit.imports",
        group="audit",
        tool="bytecode audit",
        clauses=("FIXED-1",),
        shows="the core imports a fixed list of standard-library names, and no public attribute or argument changes the capacity",
        shows_not="what happens if somebody writes to private attributes",
        run=check_imports,
        limit_s=(20.0, 20.0),
    ),
    Check(
        name="audit.hostile",
        group="audit",
        tool="bytecode audit",
        clauses=(HOSTILE,),
        shows="items whose every method raises go through every operation untouched; bad arguments allocate nothing",
        shows_not="paths that no operation took here, such as those after an exception from outside",
        run=check_hostile,
        limit_s=(20.0, 20.0),
    ),
    Check(
        name="audit.representation",
        group="audit",
        tool="bytecode audit",
        clauses=(HOSTILE, "BOUND-2"),
        shows="repr touches no item; an intake or a lease can be neither copied nor pickled, so no slot exists twice",
        shows_not="copies made by writing to private attributes",
        run=check_representation,
        limit_s=(20.0, 20.0),
    ),
)


def main(name: str = "tidegate") -> int:
    """Print the audit of an implementation named by its module."""
    subject: Any = importlib.import_module(name)
    worst = 0
    for check in CHECKS:
        result = check.run(subject, Settings())
        print(f"{check.name:22} {result.verdict.value:8} {result.evidence} {result.witness}".rstrip())
        worst |= result.verdict is not Verdict.OK
    return worst
