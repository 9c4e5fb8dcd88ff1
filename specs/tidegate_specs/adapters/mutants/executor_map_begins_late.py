"""An iterator of `map` that is dropped before it has begun cancels nothing: a generator not begun has no end.

Breaks: EXECUTOR-2
Killed by: adapters.executor_model
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-2",)
KILLED_BY = ("adapters.executor_model",)
PATCHES = (
    Patch(
        "adapters/executor.py",
        "            next(results)  # to where its end, whichever, cancels\n",
        "",
    ),
    Patch(
        "adapters/executor.py",
        "        yield None\n        while futures:",
        "        while futures:",
    ),
)
