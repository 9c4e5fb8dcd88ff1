"""An executor made while the interpreter exits is open: what it accepts never runs.

Breaks: EXECUTOR-3
Killed by: adapters.executor_exit
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-3",)
KILLED_BY = ("adapters.executor_exit",)
PATCHES = (
    Patch(
        "adapters/_works.py",
        "    if exiting():  # no thread can be started, or none would be waited for\n        line.close()\n        return []\n",
        "    if exiting():\n        return []\n",
    ),
)
