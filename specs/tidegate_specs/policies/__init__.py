"""The checks of the policies: what may only say no earlier than the wall, and never anything else.

    machine, proof   the state machine of a policy of time, walked, and proved to refine the wall's
    clauses          what policies promise
    check_*          the checks of the group `policies`; mutants: policies that are broken on purpose

A subject that lacks the policies (a copy of the core alone, somebody else's intake) has only the checks of the specification.
Every command reads the clauses of this package, and only some run its checks: those are imported when they are asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from ..check import Check, Subject
from . import mutants
from .support import has

__all__ = ["CHECKS", "applies_to", "mutants"]

MODULES: Final = (
    "check_machine check_clock check_door check_wall check_expiry check_explore check_limit check_classes check_admission "
    "check_seats check_mutants"
).split()

if TYPE_CHECKING:
    CHECKS: tuple[Check, ...]


def __getattr__(name: str) -> tuple[Check, ...]:
    """Give CHECKS: those of each module, in this order."""
    if name != "CHECKS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return tuple(check for module in MODULES for check in _checks_of(module))


def _checks_of(module: str) -> tuple[Check, ...]:
    found: Any = import_module(f"{__name__}.{module}")
    return tuple(found.CHECKS)


def applies_to(check: Check, subject: Subject) -> bool:
    """Tell whether a subject has the policies that a check is on."""
    if any(check in _checks_of(module) for module in ("check_machine", "check_classes")):
        return True
    if check in _checks_of("check_limit"):
        return has(subject, "limit")
    admission = any(check in _checks_of(module) for module in ("check_admission", "check_seats"))
    return has(subject, "admission" if admission else "freshness")
