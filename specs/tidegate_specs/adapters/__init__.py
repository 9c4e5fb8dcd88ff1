"""The checks of the adapters, which take the implementation as a parameter, as all checks do.

A subject that lacks an adapter (a copy of the core alone, or with some; somebody else's intake) has none of the checks on it.
"""

import importlib.util
from collections.abc import Mapping
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
    check_patience,
    check_retry,
    check_wsgi,
    mutants,
)

__all__ = ["CHECKS", "applies_to", "mutants"]

_OF_ADAPTER: Final[Mapping[str, tuple[Check, ...]]] = {
    "executor": (*check_executor.CHECKS, *check_patience.EXECUTOR),
    "bulkhead": check_bulkhead.CHECKS,
    "aio": (*check_aio.CHECKS, *check_patience.AIO),
    "asgi": (*check_asgi.CHECKS, *check_retry.ASGI),
    "wsgi": (*check_wsgi.CHECKS, *check_retry.WSGI),
    "log": check_log.CHECKS,
    "edges": check_edges.CHECKS,
    "metrics": check_metrics.CHECKS,
}
CHECKS: Final[tuple[Check, ...]] = (*(check for checks in _OF_ADAPTER.values() for check in checks), *check_mutants.CHECKS)


def applies_to(check: Check, subject: Subject) -> bool:
    """Tell whether a subject has the adapter that a check is on. The mutants need all of them."""
    adapters = [name for name, checks in _OF_ADAPTER.items() if check in checks] or list(_OF_ADAPTER)
    return all(_has(subject, name) for name in adapters)


def _has(subject: Subject, name: str) -> bool:
    package: Any = subject
    above = f"{getattr(package, '__name__', '')}.adapters"
    places = hasattr(package, "__path__") and importlib.util.find_spec(above) is not None
    return places and importlib.util.find_spec(f"{above}.{name}") is not None
