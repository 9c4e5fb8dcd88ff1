"""The abstract values that an audit follows through a function, what it finds, and what it counts on the way."""

import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

NOWAIT: Final = "NOWAIT-1"
QUIET: Final = "QUIET-1"
EXPLICIT: Final = "EXPLICIT-1"

ABSENT: Final = object()
PLAIN: Final = (int, bool, float, str, list, tuple, slice, types.NoneType)  # their operators run no Python code of a caller's


@dataclass(frozen=True, slots=True)
class Finding:
    """Tell one thing that the audit refuses: the clause it breaks, where it is, what it is."""

    clause: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@final
@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """Stand for a value at one place: its exact class if known, an example of it if there is one.

    text: how the source names it, for messages. receiver: for a method, what it is bound to.
    """

    kind: type[Any] | None
    example: Any = ABSENT
    text: str = "?"
    receiver: "Value | None" = None


ANYTHING: Final = Value(None)
NULL: Final = Value(None, text="NULL")


def value_of(example: object, text: str) -> Value:
    """Make the value that a known object stands for."""
    return Value(type(example), example, text)


def is_int(kind: type[Any] | None) -> bool:
    """Tell whether a class is `int`, or one derived from it that leaves its operators alone."""
    if kind is None or not issubclass(kind, int):
        return False
    own = {name for cls in kind.__mro__ for name, member in vars(cls).items() if isinstance(member, types.FunctionType)}
    return own <= {"__del__", "__init__", "__new__"}


def is_plain(kind: type[Any] | None) -> bool:
    """Tell whether the operators of a class run no Python code of a caller's."""
    return kind in PLAIN or is_int(kind) or is_list(kind)


def is_list(kind: type[Any] | None) -> bool:
    """Tell whether a class is `list`, or one derived from it that defines nothing in Python."""
    if kind is None or not issubclass(kind, list):
        return False
    own = {name for cls in kind.__mro__ for name, member in vars(cls).items() if isinstance(member, types.FunctionType)}
    return own <= {"__annotate__", "__annotate_func__"}  # which 3.14 makes of annotations, and no operator calls


def merged(one: Value, other: Value) -> Value:
    """Make the value that stands for either: what two ways through the function leave in one place."""
    if one is other or (one.example is other.example and one.example is not ABSENT):
        return one
    if one.kind is not None and one.kind is other.kind:
        return Value(one.kind, text=one.text)
    if types.NoneType in (one.kind, other.kind):  # a way on which it is None tests for that first, or raises
        return other if one.kind is types.NoneType else one
    return ANYTHING


@dataclass(frozen=True, slots=True)
class Account:
    """Tell what one function can cost: the longest way to a return by answer, the longest way to an exception, its value."""

    returns: Mapping[str, int]
    raises: int
    value: Value

    @property
    def returning(self) -> int:
        return max(self.returns.values(), default=0)

    @property
    def worst(self) -> int:
        return max(self.returning, self.raises)


NO_ACCOUNT: Final = Account({}, 0, ANYTHING)


@dataclass(slots=True)
class State:
    """Hold the abstract stack and locals before one instruction, and the longest way to it by the answer loaded last."""

    stack: list[Value]
    local: dict[str, Value]
    length: dict[str, int]

    def copied(self) -> "State":
        return State(list(self.stack), dict(self.local), dict(self.length))

    def merge(self, other: "State") -> None:
        self.stack = [merged(one, two) for one, two in zip(self.stack, other.stack, strict=True)]
        self.local = {name: merged(value, other.local[name]) for name, value in self.local.items() if name in other.local}
        for label, length in other.length.items():
            self.length[label] = max(self.length.get(label, 0), length)
