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
        """    def __new__(cls, capacity: int) -> "Intake[T]":  # not __init__, which could be called again, with another capacity
        intake = super().__new__(cls)
        intake._slots = Slots(_checked_capacity(capacity))
        _intakes.add(intake)
        return intake
""",
        """    def __init__(self, capacity: int) -> None:
        self._slots = Slots(_checked_capacity(capacity))
        _intakes.add(self)
""",
    ),
)
