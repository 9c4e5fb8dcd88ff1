"""An offer that finds no free slot waits a while for one before it answers.

Breaks: NOWAIT-1
Killed by: audit.wait_free
"""

from . import Patch

BREAKS = ("NOWAIT-1",)
KILLED_BY = ("audit.wait_free",)
PATCHES = (
    Patch(
        "_intake.py",
        ("            slots = self._here()\n        free = slots.free\n"),
        (
            "            slots = self._here()\n"
            "        if not slots.free:\n"
            "            try:\n"
            "                slots.await_home(True, 0.5)\n"
            "            except TimeIsOver:\n"
            "                pass\n"
            "        free = slots.free\n"
        ),
    ),
)
