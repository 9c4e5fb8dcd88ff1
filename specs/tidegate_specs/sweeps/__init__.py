"""Freeze, interrupt, re-enter and fork at every bytecode of every operation.

Each sweep is a plain loop over the position of a bytecode: a fresh intake in a known state, one operation, one disturbance before
that bytecode, and an audit of what is left. No timing is in it, so the same points are tried in every run. The sweeps take the
implementation as a parameter; other projects' queues with the intake's verbs (`tidegate_specs.conformance.peers`) are their
controls.

    freeze(subject)         a party stopped there for ever; everybody else offers and takes
    interrupt(subject)      an exception raised there; wake(subject): and somebody waits
    double_fault(subject)   a second exception in the recovery from the first
    reenter(subject, plan)  a call made there, from a plain call, a finaliser, a weak reference's callback, a signal handler
    fork_at(subject)        a fork there, by another thread and by the thread itself
    take_on(subject)        a fork there by a taker, who goes on in the child too
    every_kind(subject)     an exception of each type that handlers catch, where one can arrive
    waits(subject)          an exception out of each call into C that waits
    storm(subject, way, n)  real asynchronous exceptions, at moments nobody chose
"""

import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ..check import EVERYTHING, WHOLE, Check, Result, Settings, Subject, Verdict, capabilities_of, needs
from ..clauses import nowait_2
from .conclusions import blamed, nothing_seen, run_double_fault, run_fork, run_storm
from .controls import ControlTally, try_control, try_controls
from .double_fault import DoubleTally, double_fault
from .fork import ForkTally, fork_at, take_on
from .freeze import FreezeTally, freeze
from .interrupt import InterruptTally, interrupt
from .kinds import KindsTally, every_kind, every_one, waits_of
from .points import counted
from .reentry import ReentryTally, reenter
from .storm import StormTally, storm
from .waits import WaitsTally, waits
from .wakeups import WakeTally, wake

__all__ = [
    "CHECKS",
    "ControlTally",
    "DoubleTally",
    "ForkTally",
    "FreezeTally",
    "InterruptTally",
    "KindsTally",
    "ReentryTally",
    "StormTally",
    "WaitsTally",
    "WakeTally",
    "double_fault",
    "every_kind",
    "fork_at",
    "freeze",
    "interrupt",
    "reenter",
    "storm",
    "take_on",
    "try_control",
    "try_controls",
    "waits",
    "wake",
]

ONE_AT_A_TIME: Final = (
    "Two disturbances in one operation. What the interpreter's own C code does between two bytecodes. Intakes of more than 3 "
    "slots, and intakes that were used for long."
)
WAYS: Final = ("call", "finaliser", "weak reference", "signal")
CALLS: Final = ("offer", "take", "release", "close")


def _illegal(
    check: str,
    evidence: str,
    witness: str,
    blames: tuple[str, ...],
    *,
    whole: bool,
    witnesses: Mapping[str, str] = MappingProxyType({}),
) -> Result:
    """Blame clauses. whole: the sweep went on to its end all the same, and so cleared the others that it bears on."""
    bears_on = next(found.clauses for found in CHECKS if found.name == check)
    cleared = tuple(clause for clause in bears_on if clause not in blames) if whole else ()
    own = {clause: text for clause, text in witnesses.items() if clause in blames}
    return Result(Verdict.ILLEGAL, evidence, witness, blames, cleared, witnesses=own)


@counted("sweeps.freeze")
def _freeze(subject: Subject, settings: Settings) -> Result:
    del settings
    tally = freeze(subject)
    evidence = (
        f"{tally.points:,} points of {tally.operations} operations, {tally.blocked} blocked an offer, "
        f"{tally.starved} starved a taker, {tally.refused} wrong refusals"
    )
    starved = tally.starved if capabilities_of(subject) >= WHOLE else 0  # others promise their takers nothing of the kind
    blames = blamed(
        (tally.blocked, "NOWAIT-2"), (starved, "LOCAL-1"), (tally.refused, "EXACT-1"), (tally.broken + tally.stuck, "LOCAL-1")
    )
    if blames:
        return _illegal("sweeps.freeze", evidence, tally.witness, blames, whole=not tally.cut_short, witnesses=tally.witnesses)
    return Result(Verdict.OK, evidence, points=tally.points) if nowait_2(tally.points, tally.blocked) else nothing_seen()


@counted("sweeps.interrupt")
def _interrupt(subject: Subject, settings: Settings) -> Result:
    del settings
    tally = interrupt(subject)
    woken = wake(subject) if capabilities_of(subject) >= WHOLE else None
    evidence = (
        f"{tally.points:,} exceptions in {tally.operations} operations, {tally.swallowed:,} of them in finalisers: "
        f"{tally.slots_lost} lost a slot, {tally.minted} minted one, {tally.items_lost} items lost, {tally.items_doubled} doubled"
    )
    if woken is not None:
        evidence += (
            f"; {woken.points:,} with others waiting: {woken.lost} not woken, {woken.late} woken only when the interrupted caller "
            "let go of its lease"
        )
    blames = blamed(
        (tally.slots_lost + tally.locked, "INTERRUPT-1 BOUND-2"),
        (tally.minted, "INTERRUPT-1 BOUND-1 BOUND-2"),
        (tally.items_lost + tally.items_doubled, "INTERRUPT-1 LOCAL-1"),
        (tally.broken, "INTERRUPT-1"),
        (woken is not None and woken.lost, "CLOSE-2"),
    )
    if blames:
        witness = tally.witness or (woken.witness if woken else "")
        own = tally.witnesses | ({"CLOSE-2": woken.witness} if woken else {})
        return _illegal("sweeps.interrupt", evidence, witness, blames, whole=not tally.cut_short, witnesses=own)
    points = tally.points + (woken.points if woken else 0)
    return Result(Verdict.OK, evidence, points=points) if tally.points and (woken is None or woken.points) else nothing_seen()


@counted("sweeps.kinds")
def _kinds(subject: Subject, settings: Settings) -> Result:
    everything = settings.profile == "full"
    tally = every_kind(subject, everything=everything)
    whole = everything or not tally.witness
    out_of_waits = waits_of(subject, everything=everything) if whole else WaitsTally()
    woken = wake(subject, every_one(subject), arrivals_only=True) if whole else WakeTally()
    faults = ", ".join(f"{kind} {count}" for kind, count in sorted(tally.by_kind.items()))
    evidence = (
        f"{tally.raised:,} exceptions of {len(every_one(subject))} types at {tally.places} places of {tally.operations} "
        f"operations, {tally.unheard} of them in finalisers: {tally.lost} did not come out, {tally.untrue} became an untrue "
        f"answer, after {tally.broken + tally.stuck} something was broken; {out_of_waits.points + out_of_waits.real} out of "
        f"waits: {out_of_waits.swallowed} did not come out; {woken.points} with others waiting: {woken.lost} not woken"
    )
    broken = (
        out_of_waits.slots_lost + out_of_waits.minted + out_of_waits.items_lost + out_of_waits.items_doubled + out_of_waits.books
    )
    blames = blamed(
        (tally.lost + tally.untrue + out_of_waits.swallowed, "INTERRUPT-1"),
        (tally.refused, "EXACT-1"),
        (tally.broken + tally.stuck + broken, "INTERRUPT-1 BOUND-2 LOCAL-1"),
        (out_of_waits.asleep + woken.lost, "CLOSE-2"),
    )
    if blames:
        witness = "\n".join(
            filter(None, (tally.witness, out_of_waits.witness, woken.witness, faults and f"faults by type: {faults}"))
        )
        return _illegal("sweeps.kinds", evidence, witness, blames, whole=whole and not tally.cut_short)
    if out_of_waits.unmet:
        return Result(Verdict.UNKNOWN, evidence, out_of_waits.witness)
    points = tally.raised + out_of_waits.points + out_of_waits.real + woken.points
    return Result(Verdict.OK, evidence, points=points) if tally.raised and woken.points else nothing_seen()


@counted("sweeps.waits")
def _waits(subject: Subject, settings: Settings) -> Result:
    del settings
    tally = waits(subject)
    evidence = (
        f"{tally.points} exceptions out of calls that may wait, in {tally.situations} situations, and {tally.real} of a thread "
        f"that waited: {tally.swallowed} unheard, {tally.slots_lost} lost a slot, {tally.minted} minted one, "
        f"{tally.items_lost} items lost, {tally.items_doubled} doubled, {tally.asleep} others not woken"
    )
    blames = blamed(
        (tally.swallowed + tally.books, "INTERRUPT-1"),
        (tally.slots_lost + tally.minted, "INTERRUPT-1 BOUND-2"),
        (tally.items_lost + tally.items_doubled, "INTERRUPT-1 LOCAL-1"),
        (tally.asleep, "CLOSE-2"),
    )
    if blames:
        return _illegal("sweeps.waits", evidence, tally.witness, blames, whole=True)
    if tally.unmet:
        return Result(Verdict.UNKNOWN, evidence, tally.witness)
    if tally.points and not tally.real:
        return Result(
            Verdict.UNKNOWN, evidence, "nobody waited for real: a signal can only be sent to the main thread, on a POSIX system"
        )
    return Result(Verdict.OK, evidence, points=tally.points + tally.real) if tally.points else nothing_seen()


@counted("sweeps.reentry")
def _reentry(subject: Subject, settings: Settings) -> Result:
    every = [(way, call) for way in WAYS for call in CALLS]
    plan = every if settings.profile == "full" else [(way, call) for way, call in every if call == "offer"]
    if not capabilities_of(subject) >= WHOLE:  # one that deadlocks leaves a thread behind for each call
        plan = [(way, call) for way, call in plan if way in ("call", "signal")]
    tally = reenter(subject, plan)
    ways = ", ".join(f"{count:,} from a {way}" for way, count in tally.by_way.items())
    evidence = (
        f"{tally.points:,} calls inside {tally.operations} operations ({ways}): {tally.deadlocked} deadlocks, {tally.overshot} "
        f"above capacity, "
        f"{tally.spurious} spurious FULL"
    )
    blames = blamed(
        (tally.deadlocked + tally.wrong + tally.broken, "REENTRY-1"),
        (tally.overshot, "REENTRY-1 BOUND-1"),
        (tally.spurious, "REENTRY-1 EXACT-1"),
    )
    if blames:
        return _illegal("sweeps.reentry", evidence, tally.witness, blames, whole=not tally.cut_short, witnesses=tally.witnesses)
    if tally.points and not tally.signals:
        alone = threading.current_thread() is threading.main_thread()
        return Result(
            Verdict.UNKNOWN, evidence, "signal handlers " + ("do not exist here" if alone else "run in the main thread only")
        )
    return Result(Verdict.OK, evidence, points=tally.points) if tally.points else nothing_seen()


def _controls(subject: Subject, settings: Settings) -> Result:
    del subject, settings
    found, absent = try_controls()
    evidence = "; ".join([tally.sentence() for tally in found] + [f"{name}: not installed" for name in absent])
    missing = [f"{tally.name}: {', '.join(tally.missing)}" for tally in found if tally.missing]
    if missing:
        return Result(Verdict.UNKNOWN, evidence, f"a sweep looks away: known faults were not found ({'; '.join(missing)})")
    return Result(Verdict.OK, evidence)


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        name="sweeps.freeze",
        group="sweeps",
        tool="bytecode sweep",
        clauses=("NOWAIT-2", "LOCAL-1", "EXACT-1"),
        shows="if a party is stopped for ever before any bytecode of any operation, every offer of others is answered, takers find "
        "everything that others offered, and at most the one slot that it holds is missing",
        shows_not="A party stopped inside C code while it holds the interpreter. " + ONE_AT_A_TIME,
        run=_freeze,
        needs=needs("offer take threads bytecode"),
    ),
    Check(
        name="sweeps.interrupt",
        group="sweeps",
        tool="bytecode sweep",
        clauses=("INTERRUPT-1", "BOUND-1", "BOUND-2", "LOCAL-1", "CLOSE-2"),
        shows="an exception before any bytecode of any operation, its finalisers included, loses no slot and no item, makes none "
        "and doubles none, and whoever waits in take or drain wakes if nothing more can come",
        shows_not="While somebody holds an item and has looked at it, a taker may go on waiting although nothing can come: it "
        "wakes when that item is released. " + ONE_AT_A_TIME,
        run=_interrupt,
        needs=needs("offer take bytecode"),
    ),
    Check(
        name="sweeps.kinds",
        group="sweeps",
        tool="bytecode sweep",
        clauses=("INTERRUPT-1", "EXACT-1", "BOUND-2", "LOCAL-1", "CLOSE-2"),
        shows="an exception of any type that handlers catch, or of a subclass, raised wherever one can arrive in an operation or "
        "in a call that waits, reaches the caller as the same object; it is never taken for an answer, nothing is lost, and nobody "
        "sleeps on",
        shows_not="In the quick profile each place is tried with the types that the kernel itself catches, or subclasses, and one "
        "other. A StopIteration in an iterator's next, which ends the iteration; from its wait it comes as a RuntimeError's cause. "
        + ONE_AT_A_TIME,
        run=_kinds,
        limit_s=(60.0, 300.0),
        needs=EVERYTHING,
    ),
    Check(
        name="sweeps.waits",
        group="sweeps",
        tool="calls that wait",
        clauses=("INTERRUPT-1", "BOUND-2", "LOCAL-1", "CLOSE-2"),
        shows="an exception that arrives while take or drain waits in C, from a signal handler or set by another thread, reaches "
        "the caller, loses no slot and no item, makes none and doubles none, and everybody else's wait still ends",
        shows_not="Calls into C that can't wait. A signal that comes while another is being handled.",
        run=_waits,
    ),
    Check(
        name="sweeps.storm",
        group="sweeps",
        tool="real asynchronous exceptions",
        clauses=("INTERRUPT-1", "BOUND-1", "BOUND-2", "LOCAL-1"),
        shows="exceptions from a timer's signal handler and from PyThreadState_SetAsyncExc, at whatever moment the interpreter "
        "raises them, lose no slot and no accepted item",
        shows_not="Moments that did not occur in this run: the sweep over every bytecode is for those.",
        run=run_storm,
    ),
    Check(
        name="sweeps.double_fault",
        group="sweeps",
        tool="bytecode sweep",
        clauses=("BOUND-1", "BOUND-2", "INTERRUPT-1"),
        shows="a second exception, during the recovery from a first, can take a slot out of use, with the item in it; it makes no "
        "slot, doubles no item, and statistics go on counting that slot as used",
        shows_not="That nothing is lost: see Limits in the kernel. The quick profile tries one pair in 35, the full one in 5. On "
        "3.11 the second exception comes only in functions entered after the first.",
        run=run_double_fault,
        limit_s=(60.0, 300.0),
    ),
    Check(
        name="sweeps.reentry",
        group="sweeps",
        tool="bytecode sweep",
        clauses=("REENTRY-1", "EXACT-1", "BOUND-1"),
        shows="offer, take, release and close return with an answer that the specification allows, when they are called before any "
        "bytecode of any operation in the same thread: by a plain call, a finaliser, a weak reference's callback, a signal handler",
        shows_not="In the quick profile only offers are called inside other operations. " + ONE_AT_A_TIME,
        run=_reentry,
        needs=needs("offer take bytecode"),
    ),
    Check(
        name="sweeps.fork",
        group="sweeps",
        tool="bytecode sweep",
        clauses=("FORK-1", "BOUND-2"),
        shows="after a fork before a bytecode of any operation, by the thread inside it or by another, the child's intake is "
        "empty, usable and has all its slots, and the parent's is as before",
        shows_not="In the quick profile it forks at one bytecode in 29. Systems without fork.",
        run=run_fork,
        limit_s=(60.0, 300.0),
        needs=needs("offer take fork bytecode"),
    ),
    Check(
        name="sweeps.controls",
        group="sweeps",
        tool="bytecode sweep",
        clauses=("NOWAIT-2", "INTERRUPT-1", "REENTRY-1"),
        shows="the same sweeps find the faults that queue.Queue, aiologic, culsans and janus are known to have, where installed",
        shows_not="Anything about the kernel: it shows that the sweeps do find faults.",
        run=_controls,
        needs=EVERYTHING,
    ),
)
