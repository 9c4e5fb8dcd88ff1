"""An intake can be initialised a second time, with another capacity: a setter by another name.

Breaks: FIXED-1
Killed by: audit.imports
"""

from . import Patch

BREAKS = ("FIXED-1",)
KILLED_BY = ("audit.imports",)
PATCHES = (
    Patch(
        "_intake.py",
        (
            'def __new__(cls, capacity: int) -> "Intake[T]":  # not __init__, which could be called again, with another capacity\n'
            "        intake = super().__new__(cls)\n"
            "        intake._slots = Slots(_checked_capacity(capacity))\n"
            "        return intake\n"
        ),
        ("def __init__(self, capacity: int) -> None:\n        self._slots = Slots(_checked_capacity(capacity))\n"),
    ),
)
