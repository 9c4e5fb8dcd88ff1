"""What the policies' checks share: where a subject's policies are, and an intake under a policy as an implementation to check."""

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any, Final, final

from ..check import WHOLE, Subject
from ..conformance.adapter import Adapted

GROUP: Final = "policies"
NAMES: Final = ("freshness",)
LONG_S: Final = 3600.0  # a patience that is never over
PATIENCE_S: Final = 1.0  # by a clock that only moves when it is told to


def has(subject: Subject, name: str = "freshness") -> bool:
    """Tell whether a subject has a policy."""
    package: Any = subject
    above = f"{getattr(package, '__name__', '')}.policies"
    places = hasattr(package, "__path__") and importlib.util.find_spec(above) is not None
    return places and importlib.util.find_spec(f"{above}.{name}") is not None


def module_of(subject: Subject, name: str = "freshness") -> Any:
    """Import one policy of a subject: of the installed kernel, of a vendored copy or of a mutant."""
    package: Any = subject
    return importlib.import_module(f"{package.__name__}.policies.{name}")


def package_of(subject: Subject) -> Any:
    """Import the policies of a subject."""
    package: Any = subject
    return importlib.import_module(f"{package.__name__}.policies")


def bulkhead_of(subject: Subject) -> Any:
    """Give the kind of a subject's bulkheads."""
    package: Any = subject
    return importlib.import_module(f"{package.__name__}.adapters.bulkhead").Bulkhead


def shed_of(subject: Subject) -> Any:
    """Give the answers of a subject's policies."""
    package: Any = subject
    return importlib.import_module(f"{package.__name__}.policies").Shed


@final
class Clock:
    """Be a clock that stands still until it is told to move, anywhere, and fails where it is told to."""

    def __init__(self, now: float = 0.0) -> None:
        self.now: Any = now

    def __call__(self) -> float:
        if isinstance(self.now, BaseException):
            raise self.now
        return self.now  # type: ignore[no-any-return]


def as_implementation(subject: Subject, make: Callable[[int], Any] | None = None, counted: bool = True) -> Adapted:
    """Give an intake under a policy of time as an implementation, which every check can be run on, at every bytecode.

    make: how it is made; if None, with a patience that is never over. counted: its ledger is the wall's, as nothing expires.
    """
    module, package = module_of(subject), subject
    whole: Any = package

    def patient(capacity: int) -> Any:
        return module.FreshIntake(capacity, LONG_S)

    return Adapted(
        name="FreshIntake",
        make=make or patient,
        kind=module.FreshIntake,
        capabilities=WHOLE if counted else WHOLE - {"statistics"},
        judged=(module.FreshIntake, module.FreshLease, module.Book, whole.Intake, whole.Lease),
        title="FreshIntake",
        version="",
        expected={},
        arrivals_only=False,
        Outcome=whole.Outcome,
        Empty=whole.Empty,
        Closed=whole.Closed,
    )
