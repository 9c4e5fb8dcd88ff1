"""What an adapter is, and how one becomes an implementation that every check can be run on."""

import enum
import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from inspect import iscoroutinefunction
from types import FunctionType
from typing import Any, ClassVar, Final, cast, final

from ..check import CAPABILITIES, WHOLE, needs
from ..injection import Injector, files_of


@final
class Outcome(enum.Enum):
    """Answer an offer, as the kernel's `Outcome` does: only ACCEPTED is true."""

    ACCEPTED = "accepted"
    FULL = "full"
    CLOSED = "closed"

    def __bool__(self) -> bool:
        return self is Outcome.ACCEPTED


class Empty(Exception):
    """Be raised by `take` when nothing was there within its time-out."""


class Closed(Exception):
    """Be raised by `take` when no accepted item can ever appear again."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Say why a clause is expected to be ILLEGAL, and where that is written. If the clause is found OK, that is an error, too.

    by: what brings it about: causes (`levels.CAUSES`) or names of checks. What anything else finds of the same clause is not
    excused. Nothing: the disturbance that the clause is about (of INTERRUPT-1 an exception), or mere calls.
    """

    reason: str
    link: str
    by: tuple[str, ...] = ()


class Taken:
    """Hold what was taken until `release`, which is true once.

    As it is, for intakes whose slot is free again as soon as an item is taken; where a lease holds a slot, a subclass frees it.
    """

    __slots__ = ("__weakref__", "_held")

    def __init__(self, item: Any) -> None:
        self._held = [item]

    @property
    def item(self) -> Any:
        """Give the item. ValueError once released."""
        if not self._held:
            raise ValueError("this lease is released, its item is gone")
        return self._held[0]

    def release(self) -> bool:
        """Forget the item; true the first time."""
        try:
            self._held.pop()
        except IndexError:
            return False
        return True

    def __enter__(self) -> Any:
        return self.item

    def __exit__(self, *exc_info: object) -> None:
        self.release()


class Adapter:
    """Give somebody else's intake the verbs of the kernel's. Subclass it, and declare what it can do.

    capabilities: names from `CAPABILITIES`; what is not declared is not judged. judged: the classes whose code is stopped,
    interrupted and re-entered at every bytecode; none means the adapter itself. title and version: of what is judged, for
    reports. expected: the clauses that are known to be broken, each with a reason and a link. native: it is written in C, so that
    each call is one step. zero_is_unbounded: a capacity of zero or less is documented to mean no bound, and is no error.

    Made with a capacity, which it passes on as it is. Beside these verbs it may have `drain` and `statistics`, with the meaning and
    the fields that the kernel's have.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset()
    judged: ClassVar[tuple[type[Any], ...]] = ()
    title: ClassVar[str] = ""
    version: ClassVar[str] = ""
    expected: ClassVar[Mapping[str, Expected]] = {}
    native: ClassVar[bool] = False
    zero_is_unbounded: ClassVar[bool] = False
    capacity: int

    # Abstract, each by itself: an adapter has to have those that it declares, and `adapt` refuses one that lacks any.

    def __init__(self, capacity: int) -> None:
        raise NotImplementedError(f"{type(self).__name__} can't be made")

    def offer(self, item: Any) -> Outcome:
        """Offer one item. Never waits."""
        raise NotImplementedError("not declared: offer")

    def take(self, timeout: float | None = None) -> Any:
        """Give a lease, which has `item` and `release()`; with `timeout=0` at once. Raises `Empty` or `Closed`."""
        raise NotImplementedError("not declared: take")

    def close(self) -> None:
        """End offering for good."""
        raise NotImplementedError("not declared: close")

    def __iter__(self) -> Iterator[Any]:
        """Give leases until the intake is closed and empty."""
        try:
            while True:
                yield self.take()
        except Closed:
            return


@final
@dataclass(frozen=True)
class Adapted:
    """Stand for an implementation under check: an adapter, as a `Subject`.

    arrivals_only: it is stopped and interrupted only where the interpreter itself can do that; see `tidegate_specs.injection`.
    """

    name: str
    make: Callable[[int], Any]
    kind: type[Any]
    capabilities: frozenset[str]
    judged: tuple[type[Any], ...]
    title: str
    version: str
    expected: Mapping[str, Expected]
    native: bool = False
    zero_is_unbounded: bool = False
    arrivals_only: bool = True
    Outcome: Any = Outcome
    Empty: type[Exception] = Empty
    Closed: type[Exception] = Closed

    def Intake(self, capacity: int) -> Any:  # noqa: N802 - named as the kernel's class is
        return self.make(capacity)


LIMITER: Final = frozenset("limiter asyncio refuses wait threads bytecode".split())  # what an adapter of a limiter may declare
VERBS: Final = ("offer", "take", "close", "drain", "statistics")


def adapt(factory: Any, name: str = "") -> Adapted:
    """Make an implementation under check from an adapter class, or from a callable that takes a capacity and gives an adapter.

    Raises TypeError where what it declares can't be so: an unknown capability, a verb that it does not have.
    """
    name = name or f"{factory.__module__}:{factory.__qualname__}"
    if not callable(factory):
        raise TypeError(f"{name} is {type(factory).__name__}, not a class or a function that takes a capacity")
    kind: Any = factory if isinstance(factory, type) else type(factory(1))
    declared = getattr(kind, "capabilities", None)
    if not isinstance(declared, frozenset):
        raise TypeError(f"{name} declares no capabilities: a frozenset of some of {', '.join(CAPABILITIES)}")
    capabilities = cast("frozenset[str]", declared)
    limits = hasattr(kind, "use") and "offer" not in capabilities
    known = LIMITER if limits else WHOLE
    if strange := sorted(capabilities - known):
        raise TypeError(f"{name} declares {', '.join(strange)}; the capabilities are {', '.join(sorted(known))}")
    if limits:
        capabilities |= needs("limiter asyncio" if iscoroutinefunction(kind.use) else "limiter")
    elif "offer" not in capabilities:
        raise TypeError(f"{name} does not declare offer: there is nothing to judge")
    own = [verb for verb in VERBS if getattr(kind, verb, None) is not getattr(Adapter, verb, None)]
    if missing := [verb for verb in VERBS if verb in capabilities and verb not in own]:
        raise TypeError(f"{name} declares {', '.join(missing)} and has no such method")
    return Adapted(
        name=name,
        make=factory,
        kind=kind,
        capabilities=capabilities,
        judged=tuple(getattr(kind, "judged", ()) or (kind,)),
        title=getattr(kind, "title", "") or name,
        version=getattr(kind, "version", ""),
        expected=dict(getattr(kind, "expected", {})),
        native=bool(getattr(kind, "native", False)),
        zero_is_unbounded=bool(getattr(kind, "zero_is_unbounded", False)),
    )


def names_in(spec: str) -> tuple[str, str]:
    """Give the module and the name in it of "package.module:adapter". Raises ValueError for another form."""
    module, _, path = spec.partition(":")
    if not (module and path):
        raise ValueError(f"{spec} is not of the form package.module:adapter")
    return module, path


def load_intake(spec: str) -> Adapted:
    """Import an adapter by "package.module:adapter". Raises ValueError for another form, else what the import raises."""
    module, path = names_in(spec)
    found: Any = reduce(getattr, path.split("."), importlib.import_module(module))
    return adapt(found, spec)


def injector_for(subject: object) -> Injector:
    """Make the injector that steps through an implementation's own bytecode."""
    if not isinstance(subject, Adapted):
        return Injector(subject)
    bases = [base for owner in subject.judged for base in owner.__mro__ if base.__module__ not in ("builtins", "typing", "abc")]
    injector = Injector(type("Judged", (), {f"base_{number}": base for number, base in enumerate(bases)}))
    functions = [member for base in bases for member in vars(base).values() if isinstance(member, FunctionType)]
    files = {function.__code__.co_filename for function in functions}
    injector.files = tuple(sorted(file for file in files if not (file.startswith("<") and file.endswith(">"))))
    injector.arrivals_only = subject.arrivals_only
    return injector


def files_under(subject: object) -> tuple[str, ...]:
    """Name where an implementation's code lives, the adapter's too: a thread with a frame there is in one of its operations."""
    if not isinstance(subject, Adapted):
        return files_of(subject)
    own = [member for base in subject.kind.__mro__ for member in vars(base).values() if isinstance(member, FunctionType)]
    return tuple(sorted({*injector_for(subject).files, *(function.__code__.co_filename for function in own)}))
