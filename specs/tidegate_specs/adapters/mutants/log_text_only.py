"""Records are flattened as if they were to be pickled: the handlers behind get text, without arguments and exception.

Breaks: LOG-1
Killed by: adapters.log_model
"""

from ...mutants import Patch

BREAKS = ("LOG-1",)
KILLED_BY = ("adapters.log_model",)
PATCHES = (
    Patch(
        "adapters/log.py",
        "if self.formatter is None else None\n",
        "if self.formatter is not None else None\n",
    ),
)
