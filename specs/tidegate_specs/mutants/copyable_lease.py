"""A lease can be copied, and each copy believes that it holds the slot.

Breaks: BOUND-2
Killed by: audit.representation, stateful.lockstep
"""

from . import Patch

BREAKS = ("BOUND-2",)
KILLED_BY = ("audit.representation", "stateful.lockstep")
PATCHES = (
    Patch(
        "_intake.py",
        '        raise TypeError("a lease can\'t be copied or pickled: it stands for one slot")',
        "        return object.__reduce_ex__(self, 2)",
    ),
)
