"""Run the functions of the specification on unknown values: the same code objects, with values that stand for all values.

A function of `machine` or `net` is not copied or translated. `Symbolic` takes its code object as it is and binds it to other
globals: those of its own module, in which `len` also measures a symbolic sequence and `replace` also takes a tuple that has one
spliced in. An `Int`, `Bool` or `Seq` holds a formula of Z3. Asking for the truth of a `Bool` forks: the function is run once for
each way to decide, and every path gives the conditions under which it is taken and what it returned.

Python's meaning is kept: an index out of range raises IndexError, on a path of its own; a negative one counts from the end.
"""

import builtins
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Final, SupportsIndex, cast

from . import solver as z3

Formula = Any  # a z3.BoolRef
Expression = Any  # any z3.ExprRef
MOST_PATHS: Final = 5_000


class _Run:
    """Record how one run of a function decides what it asks."""

    def __init__(self, prefix: tuple[bool, ...]) -> None:
        self.prefix = prefix
        self.conditions: list[Formula] = []
        self.choices: list[bool] = []
        self.known: dict[int, bool] = {}

    def decide(self, condition: Formula) -> bool:
        simple = z3.simplify(condition)
        if z3.is_true(simple) or z3.is_false(simple):
            return bool(z3.is_true(simple))
        key = simple.get_id()
        if key not in self.known:
            place = builtins.len(self.choices)
            choice = self.prefix[place] if place < builtins.len(self.prefix) else True
            self.known[key] = choice
            self.choices.append(choice)
            self.conditions.append(simple)
        return self.known[key]


_runs: Final[list[_Run]] = []


@dataclass(frozen=True, slots=True)
class Path:
    """Describe one way through a function: what it asked, how that was decided, and what came of it. error: it raised."""

    asked: tuple[Formula, ...]
    decided: tuple[bool, ...]
    value: Any
    error: str = ""

    @property
    def condition(self) -> Formula:
        """Say when this path is taken."""
        return z3.And([c if d else z3.Not(c) for c, d in zip(self.asked, self.decided, strict=True)])


class TooManyPaths(Exception):
    """Raised when a function has more paths than can be looked at."""


def paths(function: Callable[..., Any], *arguments: Any) -> list[Path]:
    """Run a function once for every way to decide what it asks."""
    found: list[Path] = []
    waiting: list[tuple[bool, ...]] = [()]
    while waiting:
        run = _Run(waiting.pop())
        _runs.append(run)
        value, error = None, ""
        try:
            value = function(*arguments)
        except IndexError as raised:
            error = repr(raised)
        finally:
            _runs.pop()
        choices = tuple(run.choices)
        found.append(Path(tuple(run.conditions), choices, value, error))
        fresh = range(builtins.len(run.prefix), builtins.len(choices))
        waiting.extend((*choices[:place], False) for place in fresh)
        if builtins.len(found) > MOST_PATHS:
            raise TooManyPaths(f"{function.__name__} has more than {MOST_PATHS} paths")
    return found


def merged(found: Sequence[Path], depth: int = 0) -> Formula:
    """Join what the paths of a predicate return into one formula. A path that raises makes it false."""
    first = found[0]
    if builtins.len(found) == 1 and builtins.len(first.asked) == depth:
        return z3.BoolVal(False) if first.error else formula(first.value)
    yes = [path for path in found if path.decided[depth]]
    no = [path for path in found if not path.decided[depth]]
    return z3.If(first.asked[depth], merged(yes, depth + 1), merged(no, depth + 1))


# Values.


def _no_hash(self: object) -> int:
    raise TypeError(f"a {type(self).__name__} stands for every value: it can't be looked up in a set or a dict")


class Bool:
    """Stand for a truth value."""

    __slots__ = ("it",)

    def __init__(self, it: Formula) -> None:
        self.it: Final = it

    def __bool__(self) -> bool:
        return _runs[-1].decide(self.it)

    def __eq__(self, other: object) -> Any:
        return Bool(self.it == formula(other))

    __hash__ = _no_hash


class Int:
    """Stand for a whole number."""

    __slots__ = ("it",)

    def __init__(self, it: Expression) -> None:
        self.it: Final = it

    def __add__(self, other: Any) -> "Int":
        return Int(self.it + number(other))

    def __radd__(self, other: Any) -> "Int":
        return Int(number(other) + self.it)

    def __sub__(self, other: Any) -> "Int":
        return Int(self.it - number(other))

    def __rsub__(self, other: Any) -> "Int":
        return Int(number(other) - self.it)

    def __mul__(self, other: Any) -> "Int":
        return Int(self.it * number(other))

    __rmul__ = __mul__

    def __neg__(self) -> "Int":
        return Int(-self.it)

    def __floordiv__(self, other: Any) -> "Int":
        if not isinstance(other, int) or other <= 0:
            raise TypeError("only division by a positive number that is known is what Python's is")
        return Int(self.it / other)

    def __lt__(self, other: Any) -> Bool:
        return Bool(self.it < number(other))

    def __le__(self, other: Any) -> Bool:
        return Bool(self.it <= number(other))

    def __gt__(self, other: Any) -> Bool:
        return Bool(self.it > number(other))

    def __ge__(self, other: Any) -> Bool:
        return Bool(self.it >= number(other))

    def __eq__(self, other: object) -> Any:
        return Bool(self.it == number(other))

    def __ne__(self, other: object) -> Any:
        return Bool(self.it != number(other))

    __hash__ = _no_hash


@dataclass(frozen=True, slots=True)
class Splice:
    """Mark the place where a symbolic sequence was spliced into a tuple: `(*queue, item)`."""

    it: Expression


class Seq:
    """Stand for a tuple of whole numbers, of any length."""

    __slots__ = ("it",)

    def __init__(self, it: Expression) -> None:
        self.it: Final = it

    def __iter__(self) -> Iterator[Splice]:
        yield Splice(self.it)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            key = cast(Any, key)
            if key.step is not None:
                raise TypeError("a step is not supported")
            whole = z3.Length(self.it)
            start = z3.IntVal(0) if key.start is None else _bound(key.start, whole)
            stop = whole if key.stop is None else _bound(key.stop, whole)
            return Seq(z3.SubSeq(self.it, start, z3.simplify(stop - start)))
        at = _from_start(key, z3.Length(self.it))
        if not Bool(z3.And(at >= 0, at < z3.Length(self.it))):
            raise IndexError("index out of range")
        return Int(self.it[at])

    def __add__(self, other: Any) -> "Seq":
        return Seq(z3.Concat(self.it, sequence(other)))

    def __radd__(self, other: Any) -> "Seq":
        return Seq(z3.Concat(sequence(other), self.it))

    def __eq__(self, other: object) -> Any:
        return Bool(self.it == sequence(other))

    def __ne__(self, other: object) -> Any:
        return Bool(self.it != sequence(other))

    __hash__ = _no_hash


def _from_start(index: Any, whole: Expression) -> Expression:
    """Count an index from the start: a negative one is told from the end."""
    if isinstance(index, int):
        return z3.IntVal(index) if index >= 0 else whole + index
    return index.it if Int(index.it) >= 0 else whole + index.it


def _bound(index: Any, whole: Expression) -> Expression:
    """Count the bound of a slice from the start: one that is before the start is the start."""
    at = _from_start(index, whole)
    told_from_start = at.eq(index.it) if isinstance(index, Int) else index >= 0
    return at if told_from_start else z3.If(at < 0, z3.IntVal(0), at)


def formula(value: Any) -> Formula:
    """Give the formula of a truth value."""
    if isinstance(value, Bool):
        return value.it
    if isinstance(value, bool):
        return z3.BoolVal(value)
    raise TypeError(f"{value!r} is no truth value")


def number(value: Any) -> Expression:
    """Give the expression of a whole number."""
    if isinstance(value, Int):
        return value.it
    if isinstance(value, int):
        return z3.IntVal(value)
    raise TypeError(f"{value!r} is no number")


def empty() -> Expression:
    """Give the empty sequence."""
    return z3.Empty(z3.SeqSort(z3.IntSort()))


def sequence(value: Any) -> Expression:
    """Give the expression of a sequence, or of a tuple into which some were spliced."""
    if isinstance(value, Seq):
        return value.it
    parts = [part.it if isinstance(part, Splice) else z3.Unit(number(part)) for part in value]
    if not parts:
        return empty()
    return parts[0] if builtins.len(parts) == 1 else z3.Concat(*parts)


def expression(value: Any) -> Expression:
    """Give the expression of any value."""
    if isinstance(value, (Bool, bool)):
        return formula(value)
    if isinstance(value, (Int, int)):
        return number(value)
    return sequence(value)


# What the functions of a module see instead of two names.


def length(value: Any) -> Any:
    """Measure a sequence, symbolic or not."""
    return Int(z3.Length(sequence(value))) if isinstance(value, (Seq, tuple)) else builtins.len(value)


def replaced(state: Any, **changes: Any) -> Any:
    """Replace fields of a state. A tuple into which a sequence was spliced becomes a sequence."""
    lifted = {name: Seq(sequence(value)) if isinstance(value, tuple) else value for name, value in changes.items()}
    return dataclasses.replace(state, **lifted)


class Symbolic:
    """Hold the functions of a module, bound so that they run on symbolic values.

    functions: by name. Each has the code object of the function in the module. instead: what they see in place of some of them.
    """

    def __init__(self, module: Mapping[str, Any], instead: Mapping[str, Callable[..., Any]] | None = None) -> None:
        world = {**module, "len": length, "replace": replaced}
        name = module["__name__"]
        self.module: Final = module
        self.functions: Final[dict[str, Callable[..., Any]]] = {}
        for key, value in module.items():
            if isinstance(value, FunctionType) and value.__module__ == name:
                bound = FunctionType(value.__code__, world, value.__name__, value.__defaults__, value.__closure__)
                self.functions[key] = world[key] = bound
        world.update(instead or {})

    def __getattr__(self, name: str) -> Callable[..., Any]:
        try:
            return self.functions[name]
        except KeyError:
            raise AttributeError(name) from None

    def of(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give the symbolic twin of one of the module's functions."""
        return self.functions[function.__name__]


# Whole states.


def unknown(kind: type[Any], name: str) -> Any:
    """Give a state all of whose fields are unknown: any number, any truth value, any sequence."""
    return kind(**{field.name: _unknown(field.type, f"{name}.{field.name}") for field in dataclasses.fields(kind)})


def _unknown(kind: object, name: str) -> Any:
    if kind is int:
        return Int(z3.Int(name))
    if kind is bool:
        return Bool(z3.Bool(name))
    return Seq(z3.Const(name, z3.SeqSort(z3.IntSort())))


def an_int(name: str) -> Int:
    """Give an unknown number."""
    return Int(z3.Int(name))


def same(left: Any, right: Any) -> Formula:
    """Say that two states are equal in every field."""
    names = [field.name for field in dataclasses.fields(left)]
    return z3.And([expression(getattr(left, name)) == expression(getattr(right, name)) for name in names])


class Law:
    """Hold a predicate as one formula over unknown arguments, made once from all of its paths, to be applied to others."""

    def __init__(self, predicate: Callable[..., Any], *arguments: Any) -> None:
        found = paths(predicate, *arguments)
        self.paths: Final = builtins.len(found)
        self.formula: Final = merged(found)
        self.arguments: Final = arguments

    def __call__(self, *values: Any) -> Formula:
        pairs = [pair for argument, value in zip(self.arguments, values, strict=True) for pair in _pairs(argument, value)]
        return z3.substitute(self.formula, *pairs) if pairs else self.formula


def _pairs(argument: Any, value: Any) -> list[tuple[Expression, Expression]]:
    if not dataclasses.is_dataclass(argument):
        return [(argument.it, expression(value))]
    names = [field.name for field in dataclasses.fields(argument)]
    both = [(getattr(argument, name).it, expression(getattr(value, name))) for name in names]
    return [(old, new) for old, new in both if not old.eq(new)]


# Back to values.


def value_in(model: Any, value: Any) -> Any:
    """Give what a model makes of a value: a plain int, bool or tuple, or a state of them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value)(**{field.name: value_in(model, getattr(value, field.name)) for field in dataclasses.fields(value)})
    found = z3.simplify(model.eval(expression(value), model_completion=True))
    if isinstance(value, (Bool, bool)):
        return bool(z3.is_true(found))
    if isinstance(value, (Int, int)):
        return int(found.as_long())
    size = z3.simplify(model.eval(z3.Length(found), model_completion=True)).as_long()
    return tuple(int(z3.simplify(model.eval(found[at], model_completion=True)).as_long()) for at in range(size))


def known(value: Any) -> Any:
    """Give the symbolic form of a plain value or state, for comparing with a concrete run."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value)(**{field.name: known(getattr(value, field.name)) for field in dataclasses.fields(value)})
    if isinstance(value, bool):
        return Bool(z3.BoolVal(value))
    if isinstance(value, SupportsIndex):
        return Int(z3.IntVal(value.__index__()))
    return Seq(sequence(value))
