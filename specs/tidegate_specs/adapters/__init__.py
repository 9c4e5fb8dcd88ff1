"""The checks of the adapters, which take the implementation as a parameter, as all checks do.

A subject that lacks an adapter (a copy of the core alone, or with some; somebody else's intake) has none of the checks on it.
Every command reads the clauses of this package, and only some run its checks: those are imported when they are asked for.
"""

import importlib.util
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from ..check import Check, Subject
from . import mutants

__all__ = ["CHECKS", "applies_to", "mutants"]

if TYPE_CHECKING:
    CHECKS: tuple[Check, ...]


def __getattr__(name: str) -> tuple[Check, ...]:
    """Give CHECKS."""
    if name != "CHECKS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import check_mutants

    return (*(check for checks in _of_adapter().values() for check in checks), *check_mutants.CHECKS)


@cache
def _of_adapter() -> Mapping[str, tuple[Check, ...]]:
    from . import check_aio, check_asgi, check_bulkhead, check_edges, check_executor, check_log, check_metrics, check_wsgi
    from . import check_patience as patience
    from . import check_retry as retry

    return {
        "executor": (*check_executor.CHECKS, *patience.EXECUTOR),
        "bulkhead": check_bulkhead.CHECKS,
        "aio": (*check_aio.CHECKS, *patience.AIO),
        "asgi": (*check_asgi.CHECKS, *retry.ASGI),
        "wsgi": (*check_wsgi.CHECKS, *retry.WSGI),
        "log": check_log.CHECKS,
        "edges": check_edges.CHECKS,
        "metrics": check_metrics.CHECKS,
    }


def applies_to(check: Check, subject: Subject) -> bool:
    """Tell whether a subject has the adapter that a check is on. The mutants need all of them."""
    adapters = [name for name, checks in _of_adapter().items() if check in checks] or list(_of_adapter())
    return all(_has(subject, name) for name in adapters)


def _has(subject: Subject, name: str) -> bool:
    package: Any = subject
    above = f"{getattr(package, '__name__', '')}.adapters"
    places = hasattr(package, "__path__") and importlib.util.find_spec(above) is not None
    return places and importlib.util.find_spec(f"{above}.{name}") is not None
