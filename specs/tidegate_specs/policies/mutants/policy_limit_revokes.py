"""A limit that is lowered takes seats from those inside.

Breaks: LIMIT-2
Killed by: policies.seats_lowered
"""

from ...mutants import Patch

BREAKS = ("LIMIT-2",)
KILLED_BY = ("policies.seats_lowered",)
PATCHES = (
    Patch(
        "policies/_seats.py",
        "        self.doors: dict[str | None, Door] = doors\n",
        (
            "        if limit < getattr(self, 'opened', 0):\n"
            "            self.holders.append(self.free.pop())\n"
            "        self.doors: dict[str | None, Door] = doors\n"
        ),
    ),
)
