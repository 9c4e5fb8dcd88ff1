"""Windows end by a clock of their own.

Breaks: LIMIT-6
Killed by: policies.limit_alone
"""

from ...mutants import Patch

BREAKS = ("LIMIT-6",)
KILLED_BY = ("policies.limit_alone",)
PATCHES = (
    Patch(
        "policies/limit.py",
        "from itertools import count\n",
        "from itertools import count\nfrom time import monotonic_ns  # noqa: F401\n",
    ),
)
