"""A fork makes all slots of every intake anew, whether or not the child will ever use it: it costs in proportion to the capacity.

Breaks: HOST-2
Killed by: host.fork
"""

from . import Patch

BREAKS = ("HOST-2",)
KILLED_BY = ("host.fork",)
PATCHES = (
    Patch(
        "_intake.py",
        "ACCEPTED, FULL, CLOSED = Outcome\n",
        "ACCEPTED, FULL, CLOSED = Outcome\n"
        "KNOWN = []\n"
        "os.register_at_fork(after_in_child=lambda: [Slots(slots.capacity) for slots in KNOWN])\n",
    ),
    Patch(
        "_intake.py",
        "        intake._slots = Slots(_checked_capacity(capacity))\n",
        "        intake._slots = Slots(_checked_capacity(capacity))\n        KNOWN.append(intake._slots)\n",
    ),
)
