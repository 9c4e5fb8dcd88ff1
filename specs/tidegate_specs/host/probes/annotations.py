"""Evaluate every annotation of the guest's modules, classes, functions and methods, as tools that read them do."""

import inspect
import typing
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from tidegate_specs.guest import every_module, tell


def members(owner: type[Any] | ModuleType, module: str) -> Iterator[tuple[str, Any]]:
    """Give everything defined in a module, or in one of its classes, that can have annotations."""
    for name in list(vars(owner)):
        thing: Any = vars(owner)[name]
        if type(thing) in (staticmethod, classmethod):
            thing = thing.__func__
        if isinstance(thing, FunctionType):
            thing = inspect.unwrap(thing)
        if isinstance(thing, property):
            for function in (thing.fget, thing.fset, thing.fdel):
                if isinstance(function, FunctionType) and function.__module__ == module:
                    yield f"{owner.__name__}.{name}", function
        elif getattr(thing, "__module__", None) != module:
            continue
        elif isinstance(thing, FunctionType):
            yield f"{owner.__name__}.{name}", thing
        elif isinstance(thing, type):
            yield f"{owner.__name__}.{name}", thing
            if thing is not owner:
                yield from members(thing, module)


def probe() -> dict[str, Any]:
    evaluated, hints = 0, 0
    found: list[str] = []
    for module in every_module():
        things = {id(thing): (name, thing) for name, thing in members(module, module.__name__)}
        for name, thing in [(module.__name__, module), *things.values()]:
            evaluated += 1
            try:
                hints += len(typing.get_type_hints(thing, include_extras=True))
                if not isinstance(thing, ModuleType):
                    inspect.get_annotations(thing, eval_str=True)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
                found.append(f"{name}: {type(error).__name__}: {error}")
    return {"evaluated": evaluated, "hints": hints, "found": found}


if __name__ == "__main__":
    tell(probe)
