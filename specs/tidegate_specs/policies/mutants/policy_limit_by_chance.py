"""Chance decides whether a window that is neither raises the limit.

Breaks: LIMIT-6
Killed by: policies.limit_alone, policies.limit_traces
"""

from ...mutants import Patch

BREAKS = ("LIMIT-6",)
KILLED_BY = (
    "policies.limit_alone",
    "policies.limit_traces",
)
PATCHES = (
    Patch(
        "policies/limit.py",
        "from itertools import count\n",
        "from itertools import count\nfrom random import random  # noqa: F401\n",
    ),
)
