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
        ("    def __exit__(self, *exc_info: object) -> None:\n        self.release()"),
        ("    def __exit__(self, *exc_info: object) -> None:\n        if exc_info[0] is None:\n            self.release()"),
    ),
)
