"""What a storm, a double fault and a fork come to: the results of these sweeps."""

import os
import signal

from ..check import WHOLE, Result, Settings, Subject, Verdict, capabilities_of
from .double_fault import double_fault
from .fork import ForkTally, fork_at, take_on
from .points import counted
from .storm import storm


def blamed(*found: tuple[object, str]) -> tuple[str, ...]:
    """Collect the clauses of those faults that were found."""
    return tuple(dict.fromkeys(clause for count, clauses in found if count for clause in clauses.split()))


def nothing_seen() -> Result:
    return Result(Verdict.UNKNOWN, "0 points", "no bytecode of the implementation was reached: nothing was swept")


def run_storm(subject: Subject, settings: Settings) -> Result:
    if not hasattr(os, "fork") or not hasattr(signal, "setitimer"):
        return Result(Verdict.UNKNOWN, "0 deliveries", "this system has no fork or no timer signal")
    wanted = 5_000 if settings.profile == "full" else 1_000
    tallies = [storm(subject, way, wanted, settings.seed) for way in ("signal", "thread")]
    evidence = "; ".join(
        f"{tally.deliveries:,} exceptions by {way} ({tally.swallowed} in finalisers): {tally.slots_lost} slots lost, "
        f"{tally.minted} minted, "
        f"{tally.items_lost} items lost, {tally.items_doubled} doubled"
        for tally, way in zip(tallies, ("SIGALRM", "PyThreadState_SetAsyncExc"), strict=True)
    )
    blames = blamed(
        *((tally.slots_lost, "INTERRUPT-1 BOUND-2") for tally in tallies),
        *((tally.minted, "INTERRUPT-1 BOUND-1 BOUND-2") for tally in tallies),
        *((tally.items_lost + tally.items_doubled, "INTERRUPT-1 LOCAL-1") for tally in tallies),
    )
    if blames:
        return Result(Verdict.ILLEGAL, evidence, next(tally.witness for tally in tallies if tally.witness), blames)
    problems = [tally.problem for tally in tallies if tally.problem]
    if problems or any(tally.deliveries < wanted for tally in tallies):
        return Result(Verdict.UNKNOWN, evidence, "; ".join(problems) or "too few exceptions arrived")
    return Result(Verdict.OK, evidence)


@counted("sweeps.double_fault")
def run_double_fault(subject: Subject, settings: Settings) -> Result:
    tally = double_fault(subject, stride=5, step=1) if settings.profile == "full" else double_fault(subject, stride=7, step=5)
    evidence = (
        f"{tally.runs:,} pairs of exceptions in {len(tally.lost_by)} operations: {tally.slots_lost:,} took a slot out of use "
        f"({tally.items_lost:,} with its item), {tally.untold} of them untold by statistics; {tally.minted} minted a slot, "
        f"{tally.doubled} doubled an item"
    )
    blames = blamed(
        (tally.untold, "BOUND-2"), (tally.minted, "BOUND-1 BOUND-2"), (tally.doubled, "INTERRUPT-1"), (tally.broken, "INTERRUPT-1")
    )
    if blames:
        return Result(Verdict.ILLEGAL, evidence, tally.witness, blames)
    return Result(Verdict.OK, evidence, points=tally.runs) if tally.runs else nothing_seen()


@counted("sweeps.fork")
def run_fork(subject: Subject, settings: Settings) -> Result:
    if not hasattr(os, "fork"):
        return Result(Verdict.UNKNOWN, "0 forks", "this system has no fork")
    every = settings.profile == "full" or "kernel" not in capabilities_of(subject)  # others are stopped at few bytecodes only
    tally = fork_at(subject, stride=1 if every else 29)
    takes = take_on(subject) if capabilities_of(subject) >= WHOLE else ForkTally()
    evidence = (
        f"{tally.forks:,} forks beside a stopped thread and {tally.inside:,} from inside, in {tally.operations} operations: "
        f"{tally.bad} children's intakes not whole, empty and usable, {tally.parents} parents' changed; "
        f"{takes.went_on} takes went on in a child, {takes.bad} with a wrong answer"
    )
    blames = blamed((tally.bad + takes.bad, "FORK-1"), (tally.parents, "FORK-1 BOUND-2"))
    if blames:
        return Result(Verdict.ILLEGAL, evidence, tally.witness or takes.witness, blames)
    points = tally.forks + tally.inside + takes.went_on
    return Result(Verdict.OK, evidence, points=points) if tally.forks and tally.inside else nothing_seen()
