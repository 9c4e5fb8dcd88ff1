"""A future shows its result before the slot is free: who submits the next work at once is refused.

Breaks: EXECUTOR-2
Killed by: adapters.executor_model
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-2",)
KILLED_BY = ("adapters.executor_model",)
PATCHES = (
    Patch(
        "adapters/_works.py",
        (
            "        self.call = nothing\n"
            "        self.lease.release()\n"
            "        if failure is None:\n"
            "            self.set_result(result)\n"
            "        else:\n"
            "            self.set_exception(failure)\n"
        ),
        (
            "        self.call = nothing\n"
            "        if failure is None:\n"
            "            self.set_result(result)\n"
            "        else:\n"
            "            self.set_exception(failure)\n"
            "        self.lease.release()\n"
        ),
    ),
)
