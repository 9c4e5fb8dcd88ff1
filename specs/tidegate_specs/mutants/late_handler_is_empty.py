"""Past its deadline a wait takes whatever `queue.Empty` comes out of it for the end of its time: a handler's own, too.

Breaks: INTERRUPT-1
Killed by: sweeps.kinds
"""

from . import Patch

BREAKS = ("INTERRUPT-1",)
KILLED_BY = ("sweeps.kinds",)
PATCHES = (
    Patch(
        "_intake.py",
        "error.__traceback__.tb_next):\n                        raise  # a signal handler's: C adds",
        "error.__traceback__.tb_next and monotonic() < deadline):\n                        raise  # a signal handler's: C adds",
    ),
    Patch(
        "_intake.py",
        "error.__traceback__.tb_next):\n                        raise  # a signal handler's\n",
        "error.__traceback__.tb_next and monotonic() < deadline):\n                        raise  # a signal handler's\n",
    ),
)
