"""A lease has a finaliser written in Python, which runs in normal use too, after each release.

Breaks: HOST-1
Killed by: host.callbacks
"""

from . import Patch

BREAKS = ("HOST-1",)
KILLED_BY = ("host.callbacks",)
PATCHES = (
    Patch(
        "_intake.py",
        "        self.release()\n",
        "        self.release()\n\n    def __del__(self) -> None:\n        pass\n",
    ),
)
