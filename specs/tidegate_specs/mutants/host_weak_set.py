"""Every intake is in a weak set, whose callback is bytecode that runs when an intake dies, and drops exceptions.

Breaks: HOST-1
Killed by: host.callbacks
"""

from . import Patch

BREAKS = ("HOST-1",)
KILLED_BY = ("host.callbacks",)
PATCHES = (
    Patch(
        "_intake.py",
        "ACCEPTED, FULL, CLOSED = Outcome\n",
        'ACCEPTED, FULL, CLOSED = Outcome\nKNOWN = __import__("weakref").WeakSet()\n',
    ),
    Patch(
        "_intake.py",
        "        intake._slots = Slots(_checked_capacity(capacity))\n",
        "        intake._slots = Slots(_checked_capacity(capacity))\n        KNOWN.add(intake)\n",
    ),
)
