"""A rejection takes the longer the more there were before it: under overload the latency of an offer climbs.

Breaks: RESPONSIVE-1
Killed by: audit.wait_free, overload.offer
"""

from . import Patch

BREAKS = ("RESPONSIVE-1",)
KILLED_BY = ("audit.wait_free", "overload.offer")
PATCHES = (
    Patch(
        "_intake.py",
        "        if not rejections % YIELD_EVERY:\n",
        ("        sum(range(min(rejections, 2_000)))\n        if not rejections % YIELD_EVERY:\n"),
    ),
)
