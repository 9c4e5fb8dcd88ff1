"""Z3, imported when a name of it is first asked for: what is to be proved can be told of where there is no solver."""

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    found = globals()[name] = getattr(importlib.import_module("z3"), name)
    return found
