"""What rewritten source calls before it touches anything: each hook stops at a point if need be, and then does the operation."""

import contextlib
import operator
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Final

from ..labels import LOCAL, UNKNOWN, Label
from . import labels
from .engine import Engine, NotSimulated, frame_above, place_of
from .labels import IMMUTABLE, VARIABLES, Waits

_COMPARED: Final[dict[str, tuple[Callable[[Any, Any], Any], str]]] = {
    **{name: (getattr(operator, name), f"__{name}__") for name in ("eq", "ne", "lt", "le", "gt", "ge")},
    "in": (lambda a, b: a in b, "__contains__"),
    "not in": (lambda a, b: a not in b, "__contains__"),
}
_SCALARS: Final = frozenset((int, str, float, bool, bytes, type(None)))
_OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {name.rstrip("_"): getattr(operator, name) for name in dir(operator)}
_SAFE_MANAGERS: Final = (contextlib.suppress, contextlib.nullcontext, contextlib.ExitStack)


def _of(value: object, *kinds: type) -> bool:
    """Tell whether a value is of some kinds, and no more about it to a type checker."""
    return isinstance(value, kinds)


def _kind(value: object) -> type:
    return type(value)


class Hooks:
    """The hooks of one program's modules."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.simulated: set[Any] = set()  # functions and classes that stand in for others and have points of their own

    def explored(self, value: Any) -> bool:
        """Tell whether a function's, or a class's, own code has points."""
        if isinstance(value, types.FunctionType):
            return value.__globals__.get("__explore__") is self or value.__module__ == _PRIMITIVES
        return isinstance(value, type) and (value in self.simulated or value.__module__ == _PRIMITIVES)

    def _stop(self, label: Label) -> None:
        if label:
            self.engine.point(label)

    def _under(self, label: Label, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        """Stop, and do what may run explored code inside: all of that touches what is still to come, too."""
        if not label:
            return function(*arguments, **keywords)
        self.engine.point(label)
        carried = self.engine.tasks[self.engine.current].carried
        carried.append(label)
        try:
            return function(*arguments, **keywords)
        finally:
            carried.pop()

    def _refuse(self, why: str) -> NotSimulated:
        return self.engine.refused(f"{why}, at {place_of(frame_above(1))}")

    def refuse(self, what: str) -> Any:
        """Stand in the rewritten source for what can't be explored."""
        raise self._refuse(f"{what} can't be explored")

    # Attributes and items.

    def get(self, obj: Any, name: str) -> Any:
        if not self.engine.many:
            value = getattr(obj, name)
        elif isinstance(obj, types.ModuleType) and "__explore__" in vars(obj):
            self._stop(((VARIABLES, f"global {name}", False),))
            value = getattr(obj, name)
        else:
            value = self._under(labels.read_attribute(obj, name, self.explored), getattr, obj, name)
        if name == "__dict__":
            self.engine.aliases[id(value)] = id(obj)
        return value

    def set(self, value: Any, obj: Any, name: str) -> None:
        if self.engine.many:
            try:
                making = frame_above(1).f_code.co_name == "__init__"  # where an object may give itself another's methods
                label = labels.write_attribute(obj, name, self.explored, making)
            except Waits as error:
                raise self._refuse(str(error)) from None
            self._under(label, setattr, obj, name, value)
        else:
            setattr(obj, name, value)

    def delete(self, obj: Any, name: str) -> None:
        if self.engine.many:
            self._stop(labels.write_attribute(obj, name, self.explored, True))
        delattr(obj, name)

    def item(self, obj: Any, key: Any) -> Any:
        if not self.engine.many:
            return obj[key]
        return self._under(labels.item(obj, key, False, "__getitem__", self.explored), operator.getitem, obj, key)

    def set_item(self, value: Any, obj: Any, key: Any) -> None:
        if self.engine.many:
            self._under(labels.item(obj, key, True, "__setitem__", self.explored), operator.setitem, obj, key, value)
        else:
            obj[key] = value

    def delete_item(self, obj: Any, key: Any) -> None:
        if self.engine.many:
            self._stop(labels.item(obj, key, True, "__delitem__", self.explored))
        del obj[key]

    def slice(self, *parts: Any) -> Any:
        return slice(*parts)

    # Variables.

    def about_to_load(self, name: str) -> None:
        if self.engine.many:
            self.engine.point(((VARIABLES, name, False),))

    def second(self, first: object, value: Any) -> Any:
        return value

    def store(self, value: Any, name: str) -> Any:
        if self.engine.many:
            self.engine.point(((VARIABLES, name, True),))
        return value

    # Calls.

    def call(self, function: Any, /, *arguments: Any, **keywords: Any) -> Any:
        engine = self.engine
        if not engine.many:
            return function(*arguments, **keywords)
        if _of(function, types.MethodType) and self.explored(function.__func__):
            return function(*arguments, **keywords)
        if _of(function, weakref.ref) and frame_above(1).f_globals["__explore_library__"]:
            return function()  # an executor's worker asks whether the executor is still there; if not, it is told so, too
        try:
            label = labels.call(function, arguments, keywords, self.explored)
        except Waits as error:
            raise self._refuse(str(error)) from None
        return self._under(label, function, *arguments, **keywords)

    # What reads its operands.

    def see(self, value: Any) -> Any:
        """Stop before a value's length or items are read."""
        if self.engine.many and type(value) not in _SCALARS:
            self._stop(labels.stepped(value, labels.contents(value, deep=False)))
        return value

    def text(self, value: Any) -> Any:
        """Stop before the text of a value is made."""
        if self.engine.many and type(value) not in _SCALARS:
            self._stop(labels.contents(value))
        return value

    def scalar(self, value: Any) -> Any:
        """Accept what is compared in a chain, where there is no place for a point."""
        if self.engine.many and type(value) not in _SCALARS and labels.contents(value):
            raise self._refuse("a chain of comparisons of containers can't be explored")
        return value

    def compare(self, name: str, left: Any, right: Any) -> Any:
        function, method = _COMPARED[name]
        if self.engine.many and not (type(left) in _SCALARS and type(right) in _SCALARS):
            return self._under(self._compared(method, left, right), function, left, right)
        return function(left, right)

    def _compared(self, method: str, left: Any, right: Any) -> Label:
        if method == "__contains__":
            own = labels.found_in_class(_kind(right), method)
            if isinstance(own, types.FunctionType):
                return LOCAL if self.explored(own) else UNKNOWN
            if _of(right, dict) and _kind(left) in _SCALARS:
                return ((id(right), left, False),)
            return labels.stepped(right, labels.contents(right))
        return labels.contents((left, right))

    def operate(self, name: str, left: Any, right: Any) -> Any:
        if self.engine.many and not (type(left) in _SCALARS and type(right) in _SCALARS):
            read = labels.contents((left, right), deep=False)
            if name.startswith("i") and name not in ("index", "inv") and type(left) not in IMMUTABLE:
                read = tuple((base, part, write or base == id(left)) for base, part, write in read)
            return self._under(read, _OPERATORS[name], left, right)
        return _OPERATORS[name](left, right)

    def iterate(self, value: Any) -> Any:
        """Give what steps through a value with a point before each step."""
        if not self.engine.running or type(value) in IMMUTABLE:
            return value
        if _of(value, types.GeneratorType) and "__explore__" in _globals_of(value):
            return value
        if self.engine.many:
            self._stop(labels.contents(value, deep=False))  # an iterator over a dictionary notes its size
        return _Steps(self.engine, iter(value))

    def manage(self, value: Any) -> Any:
        """Accept a context manager whose entry and exit are explored code, or touch nothing else."""
        if not self.engine.running:
            return value
        enter = labels.found_in_class(_kind(value), "__enter__")
        if isinstance(enter, types.FunctionType) and self.explored(enter):
            return value
        if _of(value, contextlib.AbstractContextManager, *_SAFE_MANAGERS) and type(value).__module__ == "contextlib":
            return value
        if _of(value, *labels.REAL_WAITS):
            raise self._refuse(f"enters a real {type(value).__name__}, made outside what is explored")
        return _Managed(self.engine, value)


_PRIMITIVES: Final = f"{__package__}.primitives"


def _globals_of(generator: Any) -> dict[str, Any]:
    frame = generator.gi_frame
    return frame.f_globals if frame is not None else {}


class _Steps:
    """Step through an iterator with a point before each step."""

    def __init__(self, engine: Engine, inner: Iterator[Any]) -> None:
        self.engine, self.inner = engine, inner

    def __iter__(self) -> "_Steps":
        return self

    def __next__(self) -> Any:
        if self.engine.many:
            self.engine.point(labels.advanced(self.inner))
        return next(self.inner)


class _Managed:
    """Enter and leave a context manager that nothing is known of: both depend on everything."""

    def __init__(self, engine: Engine, inner: Any) -> None:
        self.engine, self.inner = engine, inner

    def __enter__(self) -> Any:
        self.engine.point(UNKNOWN)
        return self.inner.__enter__()

    def __exit__(self, *exc_info: object) -> Any:
        self.engine.point(UNKNOWN)
        return self.inner.__exit__(*exc_info)
