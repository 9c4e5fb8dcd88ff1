"""Sizes, ages, numbers and times beyond the few that the other checks use.

The proof holds for every capacity, every count and any number of threads; what samples the real thing must not stop at 1, 2 and 3.
A fault that waits for the ninth slot, for the 65,536th item, for the second fork or for a time-out of more than an hour shows here.

    brim        every capacity up to 300, some beyond, and a large one: filled to the brim, and counted exactly
    ages        intakes as they are after 2**8 to 2**62 items, refusals and lost leases: long histories from there on
    takers      64 who wait at once, with time-outs from seconds to for ever: each item wakes one, and close wakes all
    time_outs   a long time-out is over at its time and not before, on a clock that is set forward
    iterators   up to nine over one intake, and whose lease each has looked at
    forks       a child's child's child, of processes that used the intake, closed it, or never looked at it

What is drawn comes from the seed, which the evidence tells; a failure tells the command that draws the same.
"""

from typing import Final

from ..check import EVERYTHING, WHOLE, Check, needs
from .ages import live_on
from .brim import LARGEST, fill_and_count
from .common import judged
from .forks import fork_on
from .iterators import LONG, MOST, ask_several
from .takers import TAKERS, wake_many
from .time_outs import set_forward

__all__ = ["CHECKS"]

CHECKS: Final[tuple[Check, ...]] = (
    Check(
        name="sizes.brim",
        group="sizes",
        tool="drawn sizes",
        clauses=(
            "BOUND-1",
            "BOUND-2",
            "EXACT-1",
            "FIXED-1",
            "LOCAL-1",
            "RECOVER-1",
            "LEASE-1",
            "CLOSE-1",
            "CLOSE-2",
            "LEDGER-1",
        ),
        shows="at every capacity up to 300, beside powers of two up to 4,096, at some drawn by chance between, and at a large one: "
        "as many offers are accepted as there are slots, the next is FULL, all are taken in order, and statistics are exact each "
        "time; closed, with everything in flight and looked at, it says so",
        shows_not=f"A fault at a single capacity above 300 that was not drawn, or above {LARGEST:,}. Threads that meet there.",
        run=judged("sizes.brim", fill_and_count),
        needs=needs("offer refuses take"),
    ),
    Check(
        name="sizes.ages",
        group="sizes",
        tool="aged states",
        clauses=("BOUND-1", "BOUND-2", "EXACT-1", "LOCAL-1", "LEASE-1", "CLOSE-2", "LEDGER-1", "RECOVER-1"),
        shows="an intake in a state as after about 2**8, 2**15, 2**16, 2**31, 2**32, 2**53 or 2**62 items finished or abandoned in "
        "a slot, offers refused and leases lost: each answer from there on, and all that is visible after it",
        shows_not="A fault at an age between those. More than 2**62 items in one slot: its count has no more bits. The states are "
        "set, not reached by so many calls: a test shows that for small ages both are the same.",
        run=judged("sizes.ages", live_on),
        needs=EVERYTHING,
    ),
    Check(
        name="sizes.takers",
        group="sizes",
        tool="many threads",
        clauses=("LOCAL-1", "LEASE-1", "CLOSE-2", "LEDGER-1"),
        shows=f"{TAKERS} takers wait at once, some for 1.5 seconds at most, some for ever: each item wakes one, and close wakes "
        "all the others. As many drains end when the last lease is released, by another thread than the one that took it",
        shows_not=f"More than {TAKERS} at once. Every order in which they can wake: only one is seen here; of two takers the "
        "explorer sees every order.",
        run=judged("sizes.takers", wake_many),
    ),
    Check(
        name="sizes.time_outs",
        group="sizes",
        tool="a clock set forward",
        clauses=("CLOSE-2", "LOCAL-1"),
        shows="take and drain with time-outs from 1.5 seconds to 290 years end when their time is over and not before, even if "
        "they are woken meanwhile (a clock is set forward)",
        shows_not="That a long wait inside C ends by itself at its time: nobody waited for so long.",
        run=judged("sizes.time_outs", set_forward),
        needs=EVERYTHING,
    ),
    Check(
        name="sizes.iterators",
        group="sizes",
        tool="drawn histories",
        clauses=("LEASE-1", "LOCAL-1", "LEDGER-1", "CLOSE-2"),
        shows=f"2 to {MOST} iterators over one intake: asking one for the next lease counts as a look at the lease that it gave "
        f"last, and at no other; and one iterator goes on for {LONG:,} leases",
        shows_not="Histories that chance did not choose. More iterators, and iterators in several threads.",
        run=judged("sizes.iterators", ask_several),
    ),
    Check(
        name="sizes.forks",
        group="sizes",
        tool="forks of forks",
        clauses=("FORK-1", "BOUND-1", "BOUND-2", "CLOSE-1"),
        shows="in a child, its child and the child of that, whether the process before used the intake, closed it or left it "
        "alone: the intake is empty, has all its slots, and is closed only if it was; no lease from before the fork changes that; "
        "the parent's intake is as before",
        shows_not="More than three forks in a row. Forks inside an operation of a child: the sweep forks inside operations once.",
        run=judged("sizes.forks", fork_on),
        needs=WHOLE,
    ),
)
