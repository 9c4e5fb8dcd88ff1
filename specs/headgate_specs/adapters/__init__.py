"""The checks of the adapters, which take the implementation as a parameter, as all checks do.

A subject that has no package `adapters` (a copy of the core alone, somebody else's intake) has none of these checks.
"""

import importlib.util
from typing import Any, Final

from ..check import Check, Subject
from . import (
    check_aio,
    check_asgi,
    check_bulkhead,
    check_edges,
    check_executor,
    check_log,
    check_metrics,
    check_mutants,
    check_wsgi,
    mutants,
)

__all__ = ["CHECKS", "applies_to", "mutants"]

CHECKS: Final[tuple[Check, ...]] = (
    *check_executor.CHECKS,
    *check_bulkhead.CHECKS,
    *check_aio.CHECKS,
    *check_asgi.CHECKS,
    *check_wsgi.CHECKS,
    *check_log.CHECKS,
    *check_edges.CHECKS,
    *check_metrics.CHECKS,
    *check_mutants.CHECKS,
)


def applies_to(subject: Subject) -> bool:
    """Tell whether a subject has adapters."""
    package: Any = subject
    return hasattr(package, "__path__") and importlib.util.find_spec(f"{package.__name__}.adapters") is not None
