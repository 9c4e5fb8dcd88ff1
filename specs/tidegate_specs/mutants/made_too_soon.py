"""The tokens are made before the rest of an intake is there. An exception that arrives meanwhile drops them, their finalisers find
nothing to work with, and each successor that they make dies in the same way, without end: the process hangs.

Breaks: INTERRUPT-1
Killed by: sweeps.interrupt
"""

from . import Patch

BREAKS = ("INTERRUPT-1",)
KILLED_BY = ("sweeps.interrupt",)
PATCHES = (
    Patch(
        "_slots.py",
        "dict[int, int](), FreeList()  # which is filled below\n",
        "dict[int, int](), FreeList([Token(SlotRef(self.home, index, (0, None))) for index in reversed(range(capacity))])\n",
    ),
    Patch(
        "_slots.py",
        "        self.free.extend([Token(SlotRef(self.home, index, (0, None))) for index in reversed(range(capacity))])\n",
        "",
    ),
)
