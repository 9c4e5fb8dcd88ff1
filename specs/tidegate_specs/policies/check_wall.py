"""With a patience that is never over an intake under a policy of time is the wall: the wall's own checks are run on it.

So whatever the kernel is held to (its state machine; freeze, interruption, re-entry and fork at every bytecode) the policy is held
to, with its own bytecode stepped through as well as the kernel's below.
"""

import os
from collections.abc import Callable
from typing import Any, Final

from ..check import Check, Result, Settings, Subject, Verdict
from ..refinement.following import SpecificationFault
from ..refinement.observed import Divergence
from ..stateful import histories
from ..sweeps import fork_at, freeze, interrupt, reenter, take_on, wake
from ..sweeps.kinds import every_kind
from .clauses import fresh_2_counted, policy_1, policy_3
from .support import GROUP, as_implementation

CALLS: Final = {"quick": (5, 5, 4), "full": (7, 7, 6)}  # of the longest histories, by capacity from 1 on
FORK_STRIDE: Final = {"quick": 29, "full": 1}


def _repeated(run: Callable[[Subject, Settings], Result]) -> Callable[[Subject, Settings], Result]:
    """Have a sweep accuse only if it does so twice. Its watcher may hold a frame of the kernel's, and with it a lease.

    The points of a sweep are the same in every run, so a fault of the policy comes again; a glance at the wrong moment does not.
    """

    def twice(subject: Subject, settings: Settings) -> Result:
        result = run(subject, settings)
        return run(subject, settings) if result.verdict is Verdict.ILLEGAL else result

    return twice


def _answers(subject: Subject, settings: Settings) -> Result:
    fresh, count = as_implementation(subject), 0
    try:
        for capacity, length in enumerate(CALLS[settings.profile], 1):
            count += histories(fresh, capacity, length)
    except (Divergence, SpecificationFault) as fault:
        return Result(Verdict.ILLEGAL, "stopped at the first difference", str(fault), ("POLICY-1",))
    evidence = f"{count:,} histories with a patience that is never over, every answer and count the wall's"
    return Result(Verdict.OK if policy_1(count, 0) else Verdict.UNKNOWN, evidence)


def _interrupted(subject: Subject, _settings: Settings) -> Result:
    fresh = as_implementation(subject)
    tally, woken = interrupt(fresh), wake(fresh)
    books = tally.books + tally.slots_lost + tally.minted + tally.locked + woken.lost
    evidence = (
        f"{tally.points:,} exceptions in {tally.operations} operations: {tally.slots_lost} lost a slot, {tally.minted} minted one, "
        f"{tally.items_lost} items lost, {tally.items_doubled} doubled; {woken.points:,} with others waiting, {woken.lost} asleep"
    )
    if not tally.points:
        return Result(Verdict.UNKNOWN, evidence, "no bytecode was reached")
    if fresh_2_counted(tally.points, tally.items_lost, tally.items_doubled, books) and not tally.broken:
        return Result(Verdict.OK, evidence)
    return Result(Verdict.ILLEGAL, evidence, tally.witness or woken.witness, ("FRESH-2",))


def _beside(subject: Subject, settings: Settings) -> Result:
    fresh = as_implementation(subject)
    still = freeze(fresh)
    ways = ("call", "signal") if settings.profile == "quick" else ("call", "finaliser", "weak reference", "signal")
    inside = reenter(fresh, [(way, "offer") for way in ways], stride=3 if settings.profile == "quick" else 1)
    faults = still.blocked + still.starved + still.refused + still.broken + still.stuck
    faults += inside.deadlocked + inside.wrong + inside.broken + inside.overshot + inside.spurious
    evidence = f"{still.points:,} points at which a thread stopped for ever, {inside.points:,} offers inside: {faults} faults"
    if not still.points or not inside.points:
        return Result(Verdict.UNKNOWN, evidence, "no bytecode was reached")
    if policy_3(faults, 0, 0):
        return Result(Verdict.OK, evidence)
    return Result(Verdict.ILLEGAL, evidence, still.witness or inside.witness, ("POLICY-3",))


def _kinds(subject: Subject, _settings: Settings) -> Result:
    tally = every_kind(as_implementation(subject))
    faults = tally.lost + tally.untrue + tally.refused + tally.broken + tally.stuck
    evidence = f"{tally.raised:,} exceptions of every type at {tally.places} places: {faults} did not come out or broke something"
    if not tally.raised:
        return Result(Verdict.UNKNOWN, evidence, "no bytecode was reached")
    return Result(Verdict.ILLEGAL if faults else Verdict.OK, evidence, tally.witness, ("FRESH-2",) if faults else ())


def _forked(subject: Subject, settings: Settings) -> Result:
    if not hasattr(os, "fork"):
        return Result(Verdict.UNKNOWN, "0 forks", "this system has no fork")
    fresh = as_implementation(subject)
    tally, takes = fork_at(fresh, stride=FORK_STRIDE[settings.profile]), take_on(fresh)
    faults = tally.bad + tally.parents + takes.bad
    evidence = (
        f"{tally.forks + tally.inside:,} forks, {takes.went_on} takes went on in a child: {faults} intakes not as they must be"
    )
    if not tally.forks or not tally.inside:
        return Result(Verdict.UNKNOWN, evidence, "no bytecode was reached")
    return Result(
        Verdict.ILLEGAL if faults else Verdict.OK, evidence, tally.witness or takes.witness, ("POLICY-1",) if faults else ()
    )


def _check(
    name: str,
    tool: str,
    clauses: tuple[str, ...],
    shows: str,
    shows_not: str,
    run: Callable[[Subject, Settings], Result],
    **more: Any,
) -> Check:
    return Check(f"policies.{name}", GROUP, tool, clauses, shows, shows_not, run, **more)


_ONE: Final = "Two disturbances in one operation. Items that expire: the expiry's own sweeps are for those."
CHECKS: Final[tuple[Check, ...]] = (
    _check(
        "wall_answers",
        "enumeration",
        ("POLICY-1", "POLICY-2"),
        "in every short history with a patience that is never over, each answer, lease and count is the wall's",
        "Longer histories; several threads.",
        _answers,
    ),
    _check(
        "wall_interrupted",
        "bytecode sweep",
        ("FRESH-2",),
        "an exception before any bytecode of any operation, the kernel's below included, loses no slot and no item, doubles none, "
        "and leaves nobody asleep",
        _ONE,
        _repeated(_interrupted),
        limit_s=(120.0, 600.0),
    ),
    _check(
        "wall_beside",
        "bytecode sweep",
        ("POLICY-3",),
        "a thread stopped for ever at any bytecode of any operation delays no offer, and an offer made there never waits, never "
        "overshoots and is never refused without reason",
        _ONE,
        _repeated(_beside),
        limit_s=(180.0, 600.0),
    ),
    _check(
        "wall_kinds",
        "bytecode sweep",
        ("FRESH-2",),
        "an exception of any type that handlers catch, where one can arrive, comes out",
        _ONE,
        _repeated(_kinds),
        limit_s=(120.0, 600.0),
    ),
    _check(
        "wall_forked",
        "bytecode sweep",
        ("POLICY-1",),
        "a fork at any bytecode of any operation, by another thread or by the thread itself, leaves the child a whole, empty one",
        f"{_ONE} Profile quick forks at one bytecode in {FORK_STRIDE['quick']}.",
        _forked,
    ),
)
