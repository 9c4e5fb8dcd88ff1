"""A token's finaliser is Python code, which asks by itself whether the intake is gone. So it runs for each slot of an intake that
is dropped, and what a signal handler raises just then is lost.

Breaks: HOST-1
Killed by: host.callbacks, host.signals
"""

from . import Patch

BREAKS = ("HOST-1",)
KILLED_BY = (
    "host.callbacks",
    "host.signals",
)
PATCHES = (
    Patch(
        "_slots.py",
        '    __del__ = property(methodcaller("choice", 1))',
        "    def __del__(*me):\n        me[0].ended()\n",
    ),
)
