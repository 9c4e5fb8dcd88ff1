"""Take says closed as soon as the queue is empty, although an offer in progress or an item that is put back may still appear.

Breaks: CLOSE-2
Killed by: scenarios.22, stateful.enumeration
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("scenarios.22", "stateful.enumeration")
PATCHES = (
    Patch(
        "_slots.py",
        "return settled == self.capacity",
        "return settled <= self.capacity",
    ),
)
