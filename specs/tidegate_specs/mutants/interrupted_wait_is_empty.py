"""A taker answers Empty whatever comes out of its wait: a Ctrl-C that is pressed while it waits is never heard.

Breaks: INTERRUPT-1
Killed by: sweeps.waits
"""

from . import Patch

BREAKS = ("INTERRUPT-1",)
KILLED_BY = ("sweeps.waits",)
PATCHES = (
    Patch(
        "_intake.py",
        "            except queue.Empty:\n                if slots.closed:",
        "            except (queue.Empty, BaseException):\n                if slots.closed:",
    ),
)
