"""What the policies promise, as data: the law of every policy, and the clauses of each. Ids of their own, as the adapters have.

Trusted: never imports the kernel or a policy. Predicates are on states and steps of `policies.machine`, and on observations.
"""

from typing import Final

from ..clauses import Clause
from . import machine

LAW: Final = "The law of every policy"
TIME: Final = "Time: work still worth doing"
NUMBER: Final = "Number: which limit"
WHO: Final = "Who: classes"

# Predicates on observations.


def policy_1(histories: int, differences: int) -> bool:
    """There were histories, and in none was an answer, or what was left, other than the wall's."""
    return histories > 0 and differences == 0


def policy_2(true: int, uncounted: int) -> bool:
    """No refusal was true, and each was counted under its own name."""
    return true == 0 and uncounted == 0


def policy_3(waited: int, blocks_left: int, calls: int) -> bool:
    """No refusal waited, left a block behind, or called anything of the item's."""
    return waited == 0 and blocks_left <= 0 and calls == 0


def policy_4(faults: int, uncounted: int, harmed: int) -> bool:
    """The clock failed, each failure that can be told was counted, and none changed the wall's own answer."""
    return faults > 0 and uncounted == 0 and harmed == 0


def policy_5(refused_after: int) -> bool:
    """After the stated time without load nothing was refused that the wall would take."""
    return refused_after == 0


def fresh_1(expired: int, stale: int, untold: int, doubled: int, early: int) -> bool:
    """Something expired; none was handed out, left untold, told twice, or told before its slot was free."""
    return expired > 0 and stale == 0 and untold == 0 and doubled == 0 and early == 0


def fresh_2_counted(points: int, lost: int, doubled: int, books: int) -> bool:
    """There were points at which a taker was disturbed; none lost an item, doubled one, or left the ledger wrong."""
    return points > 0 and lost == 0 and doubled == 0 and books == 0


def fresh_3(traces: int, shed: int) -> bool:
    """There were bursts shorter than the interval, and nothing of them was refused for its lateness."""
    return traces > 0 and shed == 0


def fresh_4(growth_blocks: int) -> bool:
    """However many items went through, the memory for times and counts did not grow."""
    return growth_blocks <= 0


def limit_1(limits: int, outside: int) -> bool:
    """There were limits, and none was below its floor or above the capacity."""
    return limits > 0 and outside == 0


def limit_2(lowered: int, revoked: int) -> bool:
    """The limit was lowered below what was inside, and nobody inside lost a slot."""
    return lowered > 0 and revoked == 0


def limit_3(refused: int, moved: int) -> bool:
    """There were refusals, and none of them moved the limit or what it goes by."""
    return refused > 0 and moved == 0


def limit_4(seconds: float, highest: int, knee: int) -> bool:
    """Under constant overload for so long the limit stayed within twice the knee."""
    return seconds > 0 and highest <= 2 * knee


def limit_5(windows: int, promised: int, limit: int, capacity: int) -> bool:
    """After so many good windows as are promised, or fewer, the limit was at the capacity."""
    return windows <= promised and limit == capacity


def limit_6(traces: int, differences: int) -> bool:
    """There were traces, and none gave two different rows of limits."""
    return traces > 0 and differences == 0


def class_1(answers: int, unlike: int) -> bool:
    """There were answers, and none but by thresholds that are nested, the highest of them the limit."""
    return answers > 0 and unlike == 0


def class_2(schedules: int, above: int) -> bool:
    """There were schedules, and in none did a class hold a slot above its threshold."""
    return schedules > 0 and above == 0


def class_3(unknown: int, growth_blocks: int) -> bool:
    """There were unknown labels, and no memory was taken for them."""
    return unknown > 0 and growth_blocks <= 0


CLAUSES: Final[tuple[Clause, ...]] = (
    Clause(
        "POLICY-1",
        LAW,
        (
            "A policy can only say no earlier: for every history, what is accepted under a policy could have been accepted by the "
            "wall alone. The wall is asked last, always."
        ),
        (policy_1,),
        "That an item is handed out at all: one that expires is not.",
    ),
    Clause(
        "POLICY-2",
        LAW,
        (
            "A policy's refusal has a name of its own, false like FULL and CLOSED. FULL keeps its meaning, and the ledger has a "
            "column for each: offered = accepted + full + closed + late + limit + class."
        ),
        (machine.policy_2, policy_2),
        "",
    ),
    Clause(
        "POLICY-3",
        LAW,
        (
            "Deciding never waits, holds no slot, takes no lock, calls nothing of the item's, leaves no object behind when it "
            "refuses, and logs nothing."
        ),
        (machine.policy_3, policy_3),
        "What a clock of the user's own does.",
    ),
    Clause(
        "POLICY-4",
        LAW,
        (
            "A policy that fails does no harm: an exception in its clock, a clock that stands still, jumps or runs backwards, "
            "gives the wall's own answer to an offer. What can be told from a clock that is right is counted."
        ),
        (policy_4,),
        "A clock that jumps ahead by more than the patience expires what is queued, as nothing tells it from time (FRESH-1).",
    ),
    Clause(
        "POLICY-5",
        LAW,
        "When the load is gone it is transparent again within a stated time, with no restart: the same answers as the wall alone.",
        (policy_5,),
        "",
    ),
    Clause(
        "FRESH-1",
        TIME,
        (
            "An accepted item older than its patience is never handed out as work. It is told to its owner exactly once, outside "
            "every lock and slot, and its slot is free before that."
        ),
        (machine.fresh_1, fresh_1),
        "What was handed out in time and is worked on too slowly. An interruption with no later take or drain leaves one untold.",
    ),
    Clause(
        "FRESH-2",
        TIME,
        (
            "accepted = queued + in flight + released + abandoned + expired, under every interruption; an item expires or is "
            "taken, never both."
        ),
        (machine.fresh_2, fresh_2_counted),
        "An item whose release is interrupted as it expires is told, and may be counted as released or abandoned.",
    ),
    Clause(
        "FRESH-3",
        TIME,
        (
            "LATE at the door only if the wait that is to be expected, by an estimate stated in one sentence, exceeds what "
            "patience is left. A burst shorter than the stated interval, which finds no queue, is never shed."
        ),
        (fresh_3,),
        "How good the estimate is for work whose length varies.",
    ),
    Clause(
        "FRESH-4",
        TIME,
        "Monotonic clock only. Memory for times and histogram is fixed at construction.",
        (fresh_4,),
        "The time of an offer is kept with its item, for as long as that is.",
    ),
    Clause(
        "LIMIT-1",
        NUMBER,
        "1 <= floor <= limit <= capacity, always: empty window, zero or backward clock, exceptions, any sample.",
        (limit_1,),
        "Before it is bound to a capacity the limit is its floor.",
    ),
    Clause(
        "LIMIT-2",
        NUMBER,
        "Lowering the limit revokes nothing that is inside.",
        (limit_2,),
        "That those inside are fewer at once: they leave when they are finished.",
    ),
    Clause(
        "LIMIT-3",
        NUMBER,
        "What was refused, cancelled, failed or thrown away is no sample of the service time.",
        (limit_3,),
        "",
    ),
    Clause(
        "LIMIT-4",
        NUMBER,
        "Under constant overload the baseline does not drift up; a lucky sample does not hold it down for ever.",
        (limit_4,),
        "Where the knee is for work whose times tell nothing of it.",
    ),
    Clause(
        "LIMIT-5",
        NUMBER,
        ("After a stated number of good windows the limit is back at capacity (or at what the load needs); it is never stuck low."),
        (limit_5,),
        "How long a window takes: it is counted in samples. While it looks a step lower, the limit is 3/4 of the capacity.",
    ),
    Clause(
        "LIMIT-6",
        NUMBER,
        "The same samples give the same limit: no randomness, the clock is an argument.",
        (limit_6,),
        "The order in which several threads bring their samples.",
    ),
    Clause(
        "CLASS-1",
        WHO,
        "Thresholds are nested and the highest is the limit: whoever is let in at an instant, a higher class would be too.",
        (class_1,),
        "That a higher class waits for nobody: it is refused where the wall is full.",
    ),
    Clause(
        "CLASS-2",
        WHO,
        "The slots between two thresholds can never be held by the lower class.",
        (class_2,),
        "A limit that is lowered later: who is inside stays (LIMIT-2). Calls that go around the admission.",
    ),
    Clause(
        "CLASS-3",
        WHO,
        (
            "An unknown or missing label is the default class, and is counted. Labels take no memory: their number is fixed at "
            "construction."
        ),
        (class_3,),
        "",
    ),
)
