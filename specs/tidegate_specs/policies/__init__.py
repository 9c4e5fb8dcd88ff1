"""The checks of the policies: what may only say no earlier than the wall, and never anything else.

    machine, proof   the state machine of a policy of time, walked, and proved to refine the wall's
    clauses          what policies promise
    check_*          the checks of the group `policies`; mutants: policies that are broken on purpose

A subject that lacks the policies (a copy of the core alone, somebody else's intake) has only the checks of the specification.
"""

from typing import Final

from ..check import Check, Subject
from . import (
    check_admission,
    check_classes,
    check_clock,
    check_door,
    check_expiry,
    check_explore,
    check_limit,
    check_machine,
    check_mutants,
    check_seats,
    check_wall,
    mutants,
)
from .support import has

__all__ = ["CHECKS", "applies_to", "mutants"]

CHECKS: Final[tuple[Check, ...]] = (
    *check_machine.CHECKS,
    *check_clock.CHECKS,
    *check_door.CHECKS,
    *check_wall.CHECKS,
    *check_expiry.CHECKS,
    *check_explore.CHECKS,
    *check_limit.CHECKS,
    *check_classes.CHECKS,
    *check_admission.CHECKS,
    *check_seats.CHECKS,
    *check_mutants.CHECKS,
)


def applies_to(check: Check, subject: Subject) -> bool:
    """Tell whether a subject has the policies that a check is on."""
    if check in (*check_machine.CHECKS, *check_classes.CHECKS):
        return True
    if check in check_limit.CHECKS:
        return has(subject, "limit")
    return has(subject, "admission" if check in (*check_admission.CHECKS, *check_seats.CHECKS) else "freshness")
