"""What the adapters' checks share: where a subject's adapters are, and how their bytecode is stepped through."""

import importlib
from collections.abc import Iterable
from types import FunctionType
from typing import Any, Final

from ..builds import FREE_THREADED, LATE_FINALISERS
from ..check import Result, Subject, Verdict
from ..injection import Injector, files_of

GROUP: Final = "adapters"
NAMES: Final = ("aio", "asgi", "bulkhead", "edges", "executor", "log", "metrics", "wsgi")


def module_of(subject: Subject, name: str) -> Any:
    """Import one adapter of a subject: of the installed kernel, of a vendored copy or of a mutant."""
    package: Any = subject
    return importlib.import_module(f"{package.__name__}.adapters.{name}")


def by_the_living(result: Result) -> Result:
    """Take back an accusation that may rest on what is still alive, where finalisers run late. It is then UNKNOWN, and says why."""
    if not FREE_THREADED or result.verdict is not Verdict.ILLEGAL:
        return result
    return Result(Verdict.UNKNOWN, f"not judged on this build: {result.evidence}", f"{LATE_FINALISERS}\n{result.witness}")


def injector_of(subject: Subject, owners: Iterable[type[Any] | FunctionType]) -> Injector:
    """Make an injector that steps through the bytecode of these classes and functions of adapters, and through the kernel's below.

    Give it the classes that are run; what their modules name and is in the same folder is found from there.
    """
    members: dict[str, Any] = {}
    for number, owner in enumerate([*owners, *subject.Intake.__mro__]):
        if isinstance(owner, FunctionType):
            members[f"function_{number}"] = owner
        else:
            members |= {f"class_{number}_{at}": base for at, base in enumerate(owner.__mro__) if base is not object}
    injector = Injector(type("Swept", (), members))
    injector.files = files_of(subject)  # the kernel's folder, and the adapters' below it
    return injector
