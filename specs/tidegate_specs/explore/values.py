"""Which objects can be reached, changed, and are held without a finaliser."""

import enum
import gc
import types
import typing
from collections.abc import Iterable
from queue import SimpleQueue
from typing import Any, Final

SCALARS: Final = (bool, int, float, str, bytes, type(None), complex, types.FunctionType, types.BuiltinFunctionType, type)
_SCALARS_AND_CODE: Final = (
    bool,
    int,
    float,
    str,
    bytes,
    type(None),
    type,
    types.FunctionType,
    types.ModuleType,
    types.CodeType,
    types.FrameType,
)
_FIXED: Final = (tuple, frozenset, types.BuiltinFunctionType, typing.TypeVar, type(Final), enum.Enum)
CONTAINERS: Final = (list, dict, set, bytearray)


def kind_of(value: object) -> type[Any]:
    return type(value)


class _Ends(dict[type[Any], bool]):
    """Remember which types the search for what is reachable stops at."""

    def __missing__(self, kind: type[Any]) -> bool:
        self[kind] = issubclass(kind, _SCALARS_AND_CODE)
        return self[kind]


_ends: Final = _Ends()


def reachable(roots: Iterable[Any]) -> dict[int, Any]:
    """Find every object that can be reached from some, except through code, types and modules."""
    found: dict[int, Any] = {}
    todo = list(roots)
    while todo:
        fresh = {id(value): value for value in todo if id(value) not in found and not _ends[type(value)]}
        found |= fresh
        todo = gc.get_referents(*fresh.values())
    return found


def mutable(value: Any) -> bool:
    """Tell whether more may be reachable from an object later than is now: any that is not of a few types known to be fixed."""
    return not isinstance(value, (*_FIXED, *_SCALARS_AND_CODE)) and type(value) is not object


def fixed(roots: Iterable[Any]) -> set[int]:
    """Find what hangs on some objects by attributes alone and so stays: not what is in a container, which may leave."""
    found: set[int] = set()
    todo = list(roots)
    while todo:
        value = todo.pop()
        if id(value) in found or isinstance(value, _SCALARS_AND_CODE):
            continue
        found.add(id(value))
        if issubclass(kind_of(value), (list, dict, set, tuple, SimpleQueue)) or kind_of(value).__module__ in (
            "collections",
            "weakref",
        ):
            continue
        todo.extend(getattr(value, "__dict__", {}).values())
        todo.extend(gc.get_referents(value))
    return found


def harmless_to_hold(value: Any) -> bool:
    """Tell whether a container can be kept alive without keeping anything else alive whose end somebody could notice."""
    return issubclass(kind_of(value), CONTAINERS) and not any(map(gc.is_tracked, gc.get_referents(value)))
