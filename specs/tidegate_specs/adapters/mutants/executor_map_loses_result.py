"""A refusal in the middle of `map` comes at once, and throws away the result that is there.

Breaks: EXECUTOR-3
Killed by: adapters.executor_model
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-3",)
KILLED_BY = ("adapters.executor_model",)
PATCHES = (
    Patch(
        "adapters/executor.py",
        "                yield self._failed(answer)\n                return\n",
        "                raise self._error(answer)\n",
    ),
)
