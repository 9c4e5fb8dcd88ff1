"""The context manager releases only when the worker did not raise.

Breaks: LEASE-1
Killed by: scenarios.04, stateful.lockstep
"""

from . import Patch

BREAKS = ("LEASE-1",)
KILLED_BY = ("scenarios.04", "stateful.lockstep")
PATCHES = (
    Patch(
        "_intake.py",
        "_traceback: object) -> None:\n        self.release()",
        "_traceback: object) -> None:\n        if _type is None:\n            self.release()",
    ),
)
