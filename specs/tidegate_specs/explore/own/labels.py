# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
"""What an operation of a rewritten program touches: the accesses of `..accesses`, found from the operands themselves.

Two operations *depend* on each other if they touch the same attribute, item, variable or object from different threads and one of
them writes. What can't be attributed (C code that is not in the tables here, Python code that is not explored) depends on
everything.
"""

import builtins
import collections
import functools
import gc
import itertools
import threading
import types
import weakref
from collections.abc import Callable, Iterable
from functools import lru_cache
from queue import SimpleQueue
from typing import Any, Final, cast

from ..labels import LOCAL, UNKNOWN, Access, Label

READ_ALL: Final[Label] = ((0, None, False),)
CLASSES: Final = -3  # stands for the attributes of all classes, by name
VARIABLES: Final = -4  # and this one for variables that functions share, by name
IMMUTABLE: Final = frozenset(
    (bool, int, float, complex, str, bytes, type(None), range, slice, type(Ellipsis), type(NotImplemented), property)
) | {types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, types.CodeType, frozenset, tuple}
_ORDER: Final = object()  # a part of a dictionary: the order of its keys
_KEYS: Final = frozenset((int, str, bool, float, bytes, type(None)))
_CONTAINERS: Final[tuple[type, ...]] = (list, dict, set, bytearray, collections.deque)
_VIEWS: Final[tuple[type, ...]] = (type({}.items()), type({}.keys()), type({}.values()))
_PURE: Final = frozenset(
    {
        "isinstance",
        "issubclass",
        "callable",
        "id",
        "abs",
        "round",
        "divmod",
        "ord",
        "chr",
        "hash",
        "pow",
        "hex",
        "bin",
        "oct",
    }
)
_READING: Final = frozenset(
    {"len", "iter", "sum", "any", "all", "repr", "sorted", "min", "max", "print", "format", "ascii", "__build_class__"}
)
_READING_METHODS: Final = frozenset(
    "index count copy keys values items __len__ __contains__ __iter__ __eq__ __repr__ issubset issuperset isdisjoint union "
    "intersection difference symmetric_difference __reversed__".split()
)
_SPECIAL: Final = frozenset(
    "__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __repr__ __str__ __format__ __len__ __bool__ __iter__ __contains__ __hash__ "
    "__index__ __add__ __radd__ __iadd__ __sub__ __mul__ __or__ __and__ __int__ __float__".split()
)
_KEYED: Final = {"get": False, "__contains__": False, "__getitem__": False, "pop": True, "setdefault": True, "__setitem__": True}
REAL_WAITS: Final = (type(threading.Lock()), type(threading.RLock()), SimpleQueue)
_WAITING_MODULES: Final = frozenset(
    "threading queue multiprocessing asyncio selectors socket subprocess select _thread _queue concurrent ssl signal".split()
)
_WAITING: Final = frozenset(
    {"sleep", "select", "poll", "waitpid", "wait", "recv", "accept", "recvfrom", "input", "sigwait", "pause"}
)


def _of(value: object, *kinds: type) -> bool:
    """Tell whether a value is of some kinds, and no more about it to a type checker."""
    return isinstance(value, kinds)


class Waits(Exception):
    """Say that a call waits for something that is not simulated."""


def found_in_class(kind: type, name: str) -> Any:
    """Find an attribute of a class without running any code. None if it has none."""
    for each in kind.__mro__:
        if name in each.__dict__:
            return each.__dict__[name]
    return None


def _generated(function: object) -> bool:
    """Tell whether a function was made from a text, as those of dataclasses are: it touches its own object."""
    return isinstance(function, types.FunctionType) and function.__code__.co_filename.startswith("<string>")


@lru_cache(4096)
def _special_methods(kind: Any) -> int:
    """Tell how much the special methods of a class read that are not explored code: 0 nothing, 1 their object, 2 anything."""
    most = 0
    for each in kind.__mro__[:-1]:
        for name, method in each.__dict__.items():
            if name in _SPECIAL and (not isinstance(method, types.FunctionType) or "__explore__" not in method.__globals__):
                most = max(
                    most, 2 if isinstance(method, types.FunctionType) and not _generated(method) else int(method is not None)
                )
    return most


def _special(value: Any) -> int:
    kind: Any = type(value)
    return _special_methods(kind)


def contents(value: Any, deep: bool = True) -> Label:
    """List what is read when all of a value is: every container in it, and objects whose comparison is not explored code."""
    found: dict[int, Access] = {}
    todo = [value]
    while todo:
        each = todo.pop()
        if id(each) in found or (type(each) in IMMUTABLE and not _of(each, tuple, frozenset)):
            continue
        if len(found) > 100:
            return READ_ALL
        if _of(each, tuple, frozenset):
            todo.extend(cast("Iterable[object]", each))
        elif _of(each, *_CONTAINERS):
            found[id(each)] = (id(each), None, False)
            if deep:
                todo.extend(gc.get_referents(each))
        elif (read := _special(each)) > 0:
            if read > 1:
                return READ_ALL
            found[id(each)] = (id(each), None, False)
            if deep and not isinstance(each, type):
                todo.extend(gc.get_referents(each))
    return tuple(found.values())


def read_attribute(obj: object, name: str, explored: Callable[[Any], bool]) -> Label:
    """Tell what `obj.name` touches, but for the explored code that it runs."""
    kind = type(obj)
    if kind in IMMUTABLE or isinstance(obj, types.ModuleType) or kind is super:
        return LOCAL
    if isinstance(obj, type):
        return ((CLASSES, name, False),)
    own: Access = (id(obj), name, False)
    found = found_in_class(kind, name)
    if found is None:
        return (own,)
    if isinstance(found, property):
        return LOCAL if explored(found.fget) else UNKNOWN
    if isinstance(found, types.MemberDescriptorType):
        return (own,)
    if isinstance(found, types.GetSetDescriptorType):
        return LOCAL if name in ("__class__", "__dict__") else ((id(obj), None, True),)
    if isinstance(found, (types.FunctionType, classmethod, staticmethod, types.MethodDescriptorType, types.WrapperDescriptorType)):
        return (own,) if name in getattr(obj, "__dict__", ()) else LOCAL
    if hasattr(type(found), "__get__"):
        return LOCAL if explored(getattr(type(found), "__get__", None)) else UNKNOWN
    return (own, (CLASSES, name, False))


def write_attribute(obj: object, name: str, explored: Callable[[Any], bool], making: bool = False) -> Label:
    """Tell what `obj.name = ...` touches, but for the explored code that it runs. making: while it is made."""
    if isinstance(obj, types.ModuleType):
        raise Waits(f"sets {name} of the module {obj.__name__}, which can't be attributed")
    if isinstance(obj, type):
        return ((CLASSES, name, True),)
    found = found_in_class(type(obj), name)
    if isinstance(found, property):
        return LOCAL if explored(found.fset) else UNKNOWN
    if isinstance(found, (types.FunctionType, classmethod, staticmethod)) and not making:
        raise Waits(f"replaces the method {name} of an object, which can't be attributed")
    if found is not None and hasattr(type(found), "__set__") and not isinstance(found, types.MemberDescriptorType):
        return LOCAL if explored(getattr(type(found), "__set__", None)) else UNKNOWN
    setter = found_in_class(type(obj), "__setattr__")
    if isinstance(setter, types.FunctionType) and not explored(setter):
        return UNKNOWN
    return ((id(obj), name, True),)


def item(obj: Any, key: Any, write: bool, method: str, explored: Callable[[Any], bool]) -> Label:
    """Tell what `obj[key]` touches, read or written."""
    kind = type(obj)
    if kind in IMMUTABLE or isinstance(obj, (type, types.GenericAlias)):
        return LOCAL
    own = found_in_class(kind, method)
    if isinstance(own, types.FunctionType):
        return LOCAL if explored(own) else UNKNOWN
    if _of(obj, dict):
        fills = found_in_class(kind, "__missing__") is not None and not write
        if fills or type(key) not in _KEYS:
            return ((id(obj), None if type(key) not in _KEYS else key, True if fills else write),)
        return _keyed(obj, key, write)
    if _of(obj, list, bytearray, collections.deque):
        plain = type(key) is int and key >= 0 and method != "__delitem__"
        return ((id(obj), key if plain else None, write),)
    return UNKNOWN


def _keyed(table: object, key: object, write: bool) -> Label:
    """Tell what reading or writing one key touches: writes of two keys decide which comes first in the dictionary."""
    return ((id(table), key, True), (id(table), _ORDER, True)) if write else ((id(table), key, False),)


def call(function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], explored: Callable[[Any], bool]) -> Label:
    """Tell what a call touches, but for the explored code that it runs. Waits: it waits for something not simulated."""
    if isinstance(function, functools.partial):
        return call(function.func, (*function.args, *arguments), {**function.keywords, **keywords}, explored)
    function = getattr(function, "__origin__", function)  # list[int]() makes what list() makes
    values = (*arguments, *keywords.values())
    plain = function.__func__ if isinstance(function, types.MethodType) else function
    if isinstance(plain, types.FunctionType):
        if explored(plain):
            return LOCAL
        if _generated(plain):
            owner = function.__self__ if isinstance(function, types.MethodType) else arguments[0] if arguments else None
            return ((id(owner), None, True), *contents(values))
        _refuse_waiting(plain)
        return UNKNOWN
    if isinstance(function, type):
        return _made(function, values, explored)
    if isinstance(function, (types.MethodDescriptorType, types.WrapperDescriptorType)) and arguments:
        return _method(arguments[0], function.__name__, arguments[1:], keywords)
    if isinstance(function, (types.BuiltinFunctionType, types.MethodWrapperType)):
        owner = function.__self__
        if owner is None or isinstance(owner, types.ModuleType):
            return _builtin(function, arguments, values, explored)
        return _method(owner, function.__name__, arguments, keywords)
    own = found_in_class(type(function), "__call__")
    return LOCAL if isinstance(own, types.FunctionType) and explored(own) else UNKNOWN


def _refuse_waiting(function: Any) -> None:
    module = (getattr(function, "__module__", None) or "").partition(".")[0]
    if module in _WAITING_MODULES or (function.__name__ in _WAITING and module in ("time", "os", "posix", "nt", "builtins")):
        raise Waits(f"calls {function.__module__}.{function.__qualname__}, which is not simulated")


def _made(kind: type, values: tuple[Any, ...], explored: Callable[[Any], bool]) -> Label:
    """Tell what making an instance touches."""
    if kind in REAL_WAITS or kind.__module__.partition(".")[0] in _WAITING_MODULES:
        if not explored(kind) and not issubclass(kind, BaseException):
            raise Waits(f"makes a {kind.__module__}.{kind.__qualname__}, which is not simulated")
        return LOCAL
    for name in ("__new__", "__init__"):
        own = found_in_class(kind, name)
        own = own.__func__ if isinstance(own, staticmethod) else own
        if isinstance(own, types.FunctionType) and not explored(own) and not _generated(own):
            return UNKNOWN
    if kind is type or issubclass(kind, BaseException) or kind in (weakref.ref, object):
        return LOCAL
    return contents(values)


def _builtin(function: Any, arguments: tuple[Any, ...], values: tuple[Any, ...], explored: Callable[[Any], bool]) -> Label:
    name = function.__name__
    if getattr(builtins, name, None) is function:
        if name in ("getattr", "hasattr") and len(arguments) > 1:
            return read_attribute(arguments[0], arguments[1], explored)
        if name in ("setattr", "delattr") and len(arguments) > 1:
            return write_attribute(arguments[0], arguments[1], explored)
        if name in _PURE:
            return LOCAL
        if name in _READING:
            return tuple((base, part, write) for value in values for base, part, write in stepped(value, contents(value)))
        if name == "next" and arguments:
            return advanced(arguments[0])
    _refuse_waiting(function)
    return UNKNOWN


def stepped(value: object, label: Label) -> Label:
    """Add, to what reading a value touches, what is moved on if it is an iterator."""
    return (*label, *advanced(value)) if hasattr(value, "__next__") else label


def advanced(iterator: Any) -> Label:
    """Tell what one step of an iterator touches."""
    if isinstance(iterator, types.GeneratorType):
        return ((id(iterator), None, True),)  # its code is explored, or what runs it is
    found: list[Access] = [(id(iterator), None, True)]
    todo = gc.get_referents(iterator)
    while todo and len(found) < 20:
        each = todo.pop()
        if hasattr(each, "__next__") and not isinstance(each, types.GeneratorType):
            found.append((id(each), None, True))
            todo.extend(gc.get_referents(each))
        elif _of(each, *_CONTAINERS):
            found.append((id(each), None, False))
        elif type(each) is tuple:
            todo.extend(cast("tuple[object, ...]", each))
        elif not (type(each) in IMMUTABLE or isinstance(each, type)):
            todo.extend(gc.get_referents(each) if _of(each, *_VIEWS) else ())
        if isinstance(each, (types.BuiltinFunctionType, types.FunctionType, types.MethodType)):
            return UNKNOWN
    return tuple(found)


def _method(owner: Any, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Label:
    """Tell what a method written in C touches."""
    if isinstance(owner, REAL_WAITS):
        raise Waits(f"calls {name} of a real {type(owner).__name__}, made outside what is explored")
    if name in ("__init__", "__new__", "__init_subclass__", "__class_getitem__") and not _of(owner, *_CONTAINERS):
        return LOCAL
    values = (*arguments, *keywords.values())
    if isinstance(owner, type):
        return contents(values) if owner in (dict, str, bytes, int, float, itertools.chain, object) else UNKNOWN
    if type(owner) in IMMUTABLE or isinstance(owner, (str, int, float, tuple, BaseException)):
        return tuple(each for value in values for each in stepped(value, contents(value)))
    if isinstance(owner, types.GeneratorType):
        return ((id(owner), None, True),)
    if name in ("__setattr__", "__getattribute__", "__delattr__") and arguments:
        return ((id(owner), arguments[0], name != "__getattribute__"),)
    inside: Label = LOCAL if name in ("append", "appendleft", "add", "put", "setdefault") else contents(values)
    inside = tuple(each for value in values for each in stepped(value, ())) + inside
    if _of(owner, dict) and name in _KEYED and arguments and type(arguments[0]) in _KEYS:
        return _keyed(owner, arguments[0], _KEYED[name])
    if _of(owner, dict) and name == "get":
        return ((id(owner), None, False),)
    if _of(owner, *_CONTAINERS, *_VIEWS):
        return ((id(owner), None, name not in _READING_METHODS), *inside)
    if name in ("__enter__", "__exit__", "acquire", "release", "wait"):
        raise Waits(f"calls {name} of a {type(owner).__name__}, which is not simulated")
    return UNKNOWN
