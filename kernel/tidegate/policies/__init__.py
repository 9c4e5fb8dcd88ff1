# SPDX-License-Identifier: MIT
"""Policies: they say no earlier than the wall does, and never anything else. The core imports nothing of them.

The wall (`Intake`) is right about how many. It knows nothing of how long. A policy is put around an intake and may refuse an offer
that the wall would take, or not hand out an item that nobody waits for any more.

    freshness   `FreshIntake`: nothing is handed out that has waited for longer than its patience, or is offered that would

The law of every policy
    POLICY-1    It can only say no earlier. The wall is asked last, always: what is accepted under a policy could have been accepted
                by the wall alone, in the same order.
    POLICY-2    Its refusals have names of their own, false as FULL and CLOSED are: `Shed`. FULL keeps its meaning, and each refusal
                is counted: offered = accepted + full + closed + late + limit + class.
    POLICY-3    Deciding never waits, holds no slot, takes no lock, calls nothing of the item's, leaves no object behind when it
                refuses, and writes nothing.
    POLICY-4    A policy that fails does no harm: a clock that raises, stands still, jumps or runs backwards gives the wall's own
                answer, and what can be told from a clock that is right is counted.
    POLICY-5    When the load is gone it is transparent again within a stated time, with no restart.
"""

import enum


class Shed(enum.Enum):
    """Answer an offer that a policy refuses. All are false. The item is untouched and still the caller's (POLICY-2).

    LATE: it would have to wait for longer than its patience.
    LIMIT: as many are inside as the limit allows now.
    CLASS: as many are inside as its class may fill.
    """

    LATE = "late"
    LIMIT = "limit"
    CLASS = "class"

    def __bool__(self) -> bool:
        return False
