"""Run the implementation inside somebody else's process, and see what it does to that (HOST-1, HOST-2).

Each check copies the implementation's package into a folder of its own, under its own name or as a vendored copy under another,
and starts programs in which that copy is a guest: `probes`. Such a program has a limit of time, counts what it saw and judges
nothing. Signals are sent a fixed number of times, and made pending by C code at known moments, so that no verdict hangs on how fast
the machine is; a timer only comes in addition, to look for moments that nobody thought of.

    signals      exceptions that signal handlers raise while the collector runs
    callbacks    where bytecode of the implementation stands, or ran, though the interpreter drops exceptions there
    collector    jobs in dead cycles whose finalisers use their leases, interrupted at every place
    fork         Ctrl-C in a fork, finalisers of the parent's items in the child, what a fork costs, forks in forks
    exit         works and log records that were accepted when the interpreter exits
    patched      the standard library changed under the implementation, and by it
    annotations  every annotation evaluated
    recursion    every operation close to the recursion limit
"""

import importlib.util
import os
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final

from ..builds import FREE_THREADED, LATE_FINALISERS
from ..check import Check, Result, Settings, Subject, Verdict, needs
from ..clauses import fork_1, host_1, host_2
from .process import ENDED, PLAIN, VENDORED, Copy, Found, copied, sources_of

__all__ = ["CHECKS", "applies_to"]

COST_RATIO: Final = 20.0  # of what a fork costs the child beside a large idle intake and without; a copy of its slots made it 200
COLLECTOR: Final = "BOUND-1 BOUND-2 INTERRUPT-1 LEDGER-1"
FORK: Final = "HOST-1 HOST-2 FORK-1"
EXIT_S: Final = 20.0
PATCHED_S: Final = 20.0
Run = Callable[[Subject, Settings], Result]


class _Unanswered(Exception):
    """Raised where a probe has no answer: the check is then UNKNOWN, and says why."""


def _asked(copy: Copy, probe: str, *words: object, limit_s: float = 60.0) -> Found:
    found = copy.ask(probe, *words, limit_s=limit_s)
    why = found.get("unable") or found.get("died")
    if why:
        raise _Unanswered(f"{probe} {' '.join(map(str, words))}".rstrip()[:100] + f": {why}")
    return found


def _answering(run: Run) -> Run:
    """Have a check answer UNKNOWN where there is no source to copy, or a probe has no answer."""

    @wraps(run)
    def answering(subject: Subject, settings: Settings) -> Result:
        if not sources_of(subject):
            return Result(Verdict.UNKNOWN, "nothing was run", "the subject is no package whose source can be copied")
        try:
            return run(subject, settings)
        except _Unanswered as error:
            return Result(Verdict.UNKNOWN, "a probe has no answer", str(error))

    return answering


def _blamed(*found: tuple[object, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(clause for count, clauses in found if count for clause in clauses.split()))


def _judged(evidence: str, witness: str, blames: tuple[str, ...], bears_on: str = "") -> Result:
    """Blame clauses, and clear the others that the check bears on: each of them was looked at to the end."""
    if blames:
        return Result(Verdict.ILLEGAL, evidence, witness, blames, tuple(id_ for id_ in bears_on.split() if id_ not in blames))
    return Result(Verdict.OK, evidence)


def _by_the_living(result: Result) -> Result:
    """Take back an accusation that rests on when finalisers run, where they run late."""
    if not FREE_THREADED or result.verdict is not Verdict.ILLEGAL:
        return result
    return Result(Verdict.UNKNOWN, f"not judged on this build: {result.evidence}", f"{LATE_FINALISERS}\n{result.witness}")


@_answering
def _signals(subject: Subject, settings: Settings) -> Result:
    del settings
    told: list[str] = []
    witness = ""
    swallowed = 0
    for name, modes in ((PLAIN, ("none", "import", "hold", "use")), (VENDORED, ("import", "use"))):
        with copied(subject, name) as copy:
            for mode in modes:
                found = _asked(copy, "signals", mode)
                lost = found["raised"] - found["heard"]
                if found["raised"] != found["expected"]:
                    raise _Unanswered(f"{found['expected']} exceptions were to be raised and {found['raised']} were")
                if mode == "none":
                    if lost:
                        raise _Unanswered(f"{lost} exceptions were lost in a process without the implementation")
                    continue
                swallowed += lost
                told.append(f"{mode}{' vendored' if name == VENDORED else ''} {lost} of {found['raised']}")
                if lost and not witness:
                    how = ", ".join(f"{count} of {kind}" for kind, count in found["lost"].items())
                    witness = f"{name}, {mode}: swallowed {how}; {found['first']}"
    evidence = f"exceptions of signal handlers swallowed, by use: {'; '.join(told)}"
    return _judged(evidence, witness, () if host_1(swallowed, 0, 0, 0) else ("HOST-1",))


@_answering
def _callbacks(subject: Subject, settings: Settings) -> Result:
    del settings
    with copied(subject, VENDORED) as copy:
        found = _asked(copy, "callbacks")
    standing: Sequence[str] = found["found"]
    evidence = (
        f"{found['modules']} modules imported and {len(found['uses'])} uses: {len(standing)} pieces of bytecode where exceptions "
        "are "
        f"dropped ({found['registrations']} hooks and {found['references']} weak references with a callback looked at, "
        f"{len(found['finalisers'])} classes with a finaliser)"
    )
    return _judged(evidence, "; ".join(standing), () if host_1(0, len(standing), 0, 0) else ("HOST-1",))


@_answering
def _collector(subject: Subject, settings: Settings) -> Result:
    rounds = 10 if settings.profile == "full" else 1
    with copied(subject, VENDORED) as copy:
        sweep = _asked(copy, "collector", "sweep", limit_s=120.0)
        signals = _asked(copy, "collector", "signals", rounds, limit_s=120.0)
    over, lost, wrong = (sweep[key] + signals[key] for key in ("over", "lost", "wrong"))
    evidence = (
        f"{sweep['raised']:,} exceptions at {sweep['places']} places while the collector runs and {signals['raised']:,} by "
        "signals: "
        f"{over} intakes had more than their slots, {lost} fewer, {wrong} a wrong ledger"
    )
    if not sweep["raised"] or not signals["raised"]:
        raise _Unanswered("no exception was raised while the collector ran")
    blames = _blamed((over, "BOUND-1 BOUND-2"), (lost, "BOUND-2 INTERRUPT-1"), (wrong, "LEDGER-1"))
    return _by_the_living(_judged(evidence, sweep["witness"] or signals["witness"], blames, COLLECTOR))


@_answering
def _fork(subject: Subject, settings: Settings) -> Result:
    del settings
    if not hasattr(os, "fork"):
        return Result(Verdict.UNKNOWN, "0 forks", "this system has no fork")
    with copied(subject, VENDORED) as copy:
        parts = {part: _asked(copy, "forks", part) for part in ("hooks", "later", "users", "cost", "first", "deep")}
    bad = {part: int(found.get("bad", 0)) for part, found in parts.items()}
    ratio = parts["cost"]["with_ms"] / parts["cost"]["without_ms"]
    evidence = (
        f"{parts['hooks']['count'] + parts['later']['count']} Ctrl-C in children at or after a fork, {bad['hooks'] + bad['later']} "
        f"lost or the intake not fresh; {parts['users']['count']} forks beside items with finalisers, {bad['users']} ran some or "
        "hung; "
        f"a fork beside an idle intake of 100,000 costs the child {ratio:.1f} times one without (allowed: {COST_RATIO:g}); "
        f"{parts['first']['count']} first uses interrupted, {bad['first']} not fresh; {bad['deep']} of {parts['deep']['count']} "
        "wrong "
        "three forks deep"
    )
    dear = not host_2(0, ratio / COST_RATIO, 0)
    witnesses = [found["witness"] for found in parts.values() if found.get("witness")]
    witnesses += [f"{parts['cost']['with_ms']:.2f} ms and {parts['cost']['without_ms']:.2f} ms without"] * dear
    blames = _blamed(
        (bad["hooks"] + bad["later"], "HOST-1 FORK-1"),
        (not host_2(bad["users"], 0.0, 0) or dear, "HOST-2"),
        (not fork_1(0, 0, bad["first"] + bad["deep"]), "FORK-1"),
    )
    return _by_the_living(_judged(evidence, "; ".join(witnesses), blames, FORK))


def _numbered(what: str, count: int) -> set[str]:
    return {f"{what} {number}" for number in range(count)}


# Of each program: what it must have said when it has ended, and what of that before the resource was closed.
EXITS: Final[dict[str, tuple[set[str], bool]]] = {
    "order": (_numbered("work", 3) | {"closed"}, True),
    "late": (_numbered("work", 3) | {"closed"}, True),
    "listener-first": (_numbered("work", 3) | _numbered("record", 3), False),
    "executor-first": (_numbered("work", 3) | _numbered("record", 3), False),
    "forked": (_numbered("work", 10) | _numbered("record", 10) | {"child 0"}, False),
    "forked-listener": (_numbered("record", 3) | {"child 0"}, False),
    "handler": (set(), False),
    "records-handler": (set(), False),
}


def _exit_fault(case: str, said: list[str]) -> str:
    """Tell what was lost by a program that has exited; nothing if all that was accepted was finished, in order."""
    expected, in_order = EXITS[case]
    doers = {"handler": "work", "records-handler": "record"}
    if case in doers:
        accepted = [line.partition(" ")[2] for line in said if line.startswith("accepted ")]
        expected = {f"{doers[case]} {number}" for number in accepted}
        if not accepted and not any(line.startswith("refused ") for line in said):
            return "it neither accepted nor refused"
    missing = sorted((expected | {"end"}) - set(said))
    if missing:
        return f"{', '.join(missing)} never came"
    if len(said) != len(set(said)):
        return "something was done twice"
    after = said[said.index("closed") + 1 :] if in_order else []
    return f"{', '.join(after)} after the exit handler had closed what they need" if after else ""


@_answering
def _exit(subject: Subject, settings: Settings) -> Result:
    del settings
    faults: list[str] = []
    cases = [case for case in EXITS if not case.startswith("forked") or hasattr(os, "fork")]
    with copied(subject, VENDORED) as copy:
        for case in cases:
            ran = copy.run("exits", case, limit_s=EXIT_S)
            fault = f"it did not end: {ran.ended}" if ran.ended.startswith("no end") else ""
            if not fault and ran.ended != ENDED:
                fault = f"{ran.ended}, {ran.complaint}"
            fault = fault or _exit_fault(case, ran.said.split("\n")[:-1])
            faults += [f"{case}: {fault}"] * bool(fault)
    evidence = f"{len(cases)} programs exited with works and records accepted, {len(faults)} lost some, or their order"
    return _judged(evidence, "; ".join(faults), () if host_2(0, 0.0, len(faults)) else ("HOST-2",))


@_answering
def _patched(subject: Subject, settings: Settings) -> Result:
    del settings
    with copied(subject, VENDORED) as copy:
        names = _asked(copy, "patched", "names")["names"]
        unchanged = _asked(copy, "patched", "unchanged", ",".join(names))
        orders = {order: _asked(copy, "patched", "emulated", order, limit_s=PATCHED_S) for order in ("before", "after")}
    changed: Sequence[str] = unchanged["changed"]
    faults = [f"patched {order} the import: {fault}" for order, found in orders.items() for fault in found["found"]]
    said = sorted({words for found in orders.values() for words in found["said"]})
    evidence = (
        f"{unchanged['names']:,} names in {unchanged['modules']} modules of the host's, {len(changed)} changed; "
        f"{sum(found['tried'] for found in orders.values())} uses under a patched standard library, {len(faults)} wrong, "
        f"{len(said)} refused in words"
    )
    witness = "; ".join([*(f"{name} was changed" for name in changed), *faults])
    return _judged(evidence, witness, () if host_1(0, 0, len(changed), len(faults)) else ("HOST-1",))


@_answering
def _annotations(subject: Subject, settings: Settings) -> Result:
    del settings
    with copied(subject, VENDORED) as copy:
        found = _asked(copy, "annotations")
    faults: Sequence[str] = found["found"]
    evidence = (
        f"{found['hints']} annotations of {found['evaluated']} modules, classes and functions, {len(faults)} can't be evaluated"
    )
    if not found["hints"]:
        raise _Unanswered("there are no annotations")
    return _judged(evidence, "; ".join(faults), () if host_1(0, 0, 0, len(faults)) else ("HOST-1",))


@_answering
def _recursion(subject: Subject, settings: Settings) -> Result:
    del settings
    with copied(subject, VENDORED) as copy:
        found = _asked(copy, "recursion")
    evidence = (
        f"{found['tried']:,} calls 0 to 60 frames from the recursion limit, {found['errors']} ended with RecursionError: "
        f"{found['bad']} left a ledger that is not true; {found['astray']} slots stay out of use, and are told as in flight"
    )
    if not found["errors"]:
        raise _Unanswered("no call came close enough to the limit")
    return _by_the_living(_judged(evidence, found["witness"], _blamed((found["bad"], "BOUND-2 LEDGER-1"))))


def _check(
    name: str, tool: str, clauses: str, shows: str, shows_not: str, run: Run, limit_s: tuple[float, float] = (90.0, 180.0)
) -> Check:
    return Check(
        name=f"host.{name}",
        group="host",
        tool=tool,
        clauses=tuple(clauses.split()),
        shows=shows,
        shows_not=shows_not,
        run=run,
        limit_s=limit_s,
        needs=needs("kernel"),
    )


PROCESS: Final = "host process"
CHECKS: Final[tuple[Check, ...]] = (
    _check(
        "signals",
        PROCESS,
        "HOST-1",
        "every exception that a signal handler raises while the garbage collector runs, or while an intake is dropped, reaches "
        "the program, whether the implementation is only imported, held or used, under its own name or vendored under another",
        "Handlers that do not raise. Signals in the middle of an interrupted call's own recovery.",
        _signals,
    ),
    _check(
        "callbacks",
        PROCESS,
        "HOST-1",
        "no Python code of the implementation or its adapters is a callback of the collector or of a weak reference, a fork hook "
        "or an exit hook, and none ran as a finaliser in normal use",
        "A lease dropped unreleased does need a finaliser. The adapters asgi, wsgi, log, edges and metrics are imported here, not "
        "used.",
        _callbacks,
    ),
    _check(
        "collector",
        "bytecode sweep",
        COLLECTOR,
        "when the garbage collector frees cycles of jobs whose finalisers release, drop, look at or keep their leases, exactly "
        "the slots are there afterwards that were there before, even if an exception arrives at any place meanwhile",
        "Two exceptions in one collection. Cycles of more than two jobs.",
        _collector,
        (120.0, 300.0),
    ),
    _check(
        "fork",
        PROCESS,
        FORK,
        "a Ctrl-C that reaches a child during or after the fork is not lost, and the child's intake is new; a fork runs no "
        "finaliser of what the parent's intake and executor hold, and a large idle intake makes it no dearer for the child",
        "What the parent pays for the copy of its memory. Finalisers of what the child drops itself.",
        _fork,
        (120.0, 240.0),
    ),
    _check(
        "exit",
        PROCESS,
        "HOST-2",
        "works and log records that were accepted when the interpreter exits are finished before exit handlers run, also in a "
        "forked child of multiprocessing; those that come in a late exit handler are finished or refused",
        "Interpreters that are killed, or leave by os._exit.",
        _exit,
        (180.0, 240.0),
    ),
    _check(
        "patched",
        PROCESS,
        "HOST-1",
        "importing and using it changes no module of the program; where queues and threads were replaced as gevent replaces "
        "them, before the import or after it, it works, or says in words what it lacks",
        "gevent itself: the tests run that, where it is installed.",
        _patched,
    ),
    _check(
        "annotations",
        PROCESS,
        "HOST-1",
        "every annotation of every module, class, function and method can be evaluated",
        "That values have the types that the annotations say.",
        _annotations,
    ),
    _check(
        "recursion",
        PROCESS,
        "BOUND-2 LEDGER-1",
        "every operation, called 0 to 60 frames below the recursion limit, completes or raises RecursionError, and the counts are "
        "right afterwards, whether or not somebody keeps the exception",
        "That no slot is lost: a lease dropped there may keep its slot, which is then counted as in flight.",
        _recursion,
    ),
)


def applies_to(check: Check, subject: Subject) -> bool:
    """Tell whether a subject has the adapters that a check is on."""
    return check.name != "host.exit" or all(_has_adapter(subject, name) for name in ("executor", "log"))


def _has_adapter(subject: Any, name: str) -> bool:
    above = f"{getattr(subject, '__name__', '')}.adapters"
    places = hasattr(subject, "__path__") and importlib.util.find_spec(above) is not None
    return places and importlib.util.find_spec(f"{above}.{name}") is not None
