"""A forked child of `multiprocessing` that starts no listener ends with its log records unwritten, and without a word.

Breaks: HOST-2
Killed by: host.exit
"""

from . import Patch

BREAKS = ("HOST-2",)
KILLED_BY = ("host.exit",)
PATCHES = (
    Patch(
        "adapters/log.py",
        "                at_end(_catch_up)\n",
        "                pass\n",
    ),
)
