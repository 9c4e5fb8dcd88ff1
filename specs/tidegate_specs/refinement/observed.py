"""What can be seen of an intake from outside, and of a state of the specification: the same view of both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from .. import machine
from ..machine import State


class Divergence(Exception):
    """Report that an implementation did what the specification forbids. `clauses` are the ids of what it broke."""

    def __init__(self, clauses: tuple[str, ...], account: str) -> None:
        super().__init__(f"[{' '.join(clauses)}] {account}")
        self.clauses = clauses
        self.account = account


HOSTILE_METHODS: Final = (
    "__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __hash__ __bool__ __len__ __iter__ __next__ __contains__ __getitem__ __call__ "
    "__repr__ __str__ __format__ __index__ __int__ __float__ __add__ __enter__ __exit__ __copy__ __deepcopy__ __reduce_ex__"
).split()


class Item:
    """Be a piece of work that records and refuses every method called on it. `serial` tells it from others."""

    __slots__ = ("__weakref__", "serial", "touched")

    def __init__(self, serial: int, touched: list[str]) -> None:
        self.serial = serial
        self.touched = touched


class PlainItem:
    """Be a piece of work like any other, which can be pickled: for queues that hand out a copy of what they took in."""

    __slots__ = ("__weakref__", "serial")

    def __init__(self, serial: int) -> None:
        self.serial = serial


def refusal(name: str) -> Callable[..., Any]:
    def refuse(self: Item, *_: object) -> Any:
        self.touched.append(name)
        raise TypeError(f"{name} was called on an item")

    return refuse


# What is publicly visible.


@dataclass(frozen=True, slots=True)
class View:
    """Show what `statistics()` tells of an intake at rest."""

    capacity: int
    free: int
    queued: int
    in_flight: int
    accepted: int
    full: int
    closed: int
    released: int
    abandoned: int
    peak: int


FIELDS: Final = tuple(View.__dataclass_fields__)


def view(s: State) -> View:
    """Map a state to what is visible of it. A slot held by an offer in progress is told as free."""
    return View(
        capacity=s.capacity,
        free=s.free + s.claimed + s.admitted,
        queued=len(s.queue),
        in_flight=machine.in_flight(s),
        accepted=s.accepted,
        full=s.full,
        closed=s.refused,
        released=s.released,
        abandoned=s.abandoned,
        peak=s.peak,
    )


def observe(intake: Any) -> View:
    """Read what is visible of a subject's intake. Divergence unless it answers with whole numbers."""
    try:
        statistics = intake.statistics()
        values = [getattr(statistics, field) for field in FIELDS]
    except Exception as error:
        raise Divergence(("LEDGER-1",), f"statistics() raised {error!r}") from error
    for field, value in zip(FIELDS, values, strict=True):
        if type(value) is not int:
            raise Divergence(("LEDGER-1",), f"statistics().{field} is {value!r}, not an int")
    return View(*values)


def differences(seen: View, expected: View) -> tuple[tuple[str, ...], str]:
    """Name the clauses that two views disagree on, and the fields."""
    fields = [field for field in FIELDS if getattr(seen, field) != getattr(expected, field)]
    clauses: list[str] = []
    if seen.queued + seen.in_flight > seen.capacity:
        clauses.append("BOUND-1")
    if {"free", "queued", "in_flight"} & set(fields):
        clauses.append("BOUND-2")
    if "capacity" in fields:
        clauses.append("FIXED-1")
    if {"released", "abandoned"} & set(fields):
        clauses.append("LEASE-1")
    clauses.append("LEDGER-1")
    return tuple(clauses), ", ".join(f"{field} is {getattr(seen, field)}, not {getattr(expected, field)}" for field in fields)
