"""A fork lets go of the parent's items in the child, whose finalisers run there: they say goodbye in the parent's name.

Breaks: HOST-2, FORK-1
Killed by: host.fork
"""

from . import Patch

BREAKS = (
    "HOST-2",
    "FORK-1",
)
KILLED_BY = ("host.fork",)
PATCHES = (
    Patch(
        "_intake.py",
        "ACCEPTED, FULL, CLOSED = Outcome\n",
        "ACCEPTED, FULL, CLOSED = Outcome\n"
        "KNOWN = []\n"
        "os.register_at_fork(after_in_child=lambda: [slots.items.clear() for slots in KNOWN])\n",
    ),
    Patch(
        "_intake.py",
        "        intake._slots = Slots(_checked_capacity(capacity))\n",
        "        intake._slots = Slots(_checked_capacity(capacity))\n        KNOWN.append(intake._slots)\n",
    ),
)
