"""A refusal counts as a sample of no time.

Breaks: LIMIT-3
Killed by: policies.limit_still
"""

from ...mutants import Patch

BREAKS = ("LIMIT-3",)
KILLED_BY = ("policies.limit_still",)
PATCHES = (
    Patch(
        "policies/limit.py",
        "        return self.now\n\n    def _look",
        "        self.sample(now_ns, now_ns, self.now)\n        return self.now\n\n    def _look",
    ),
)
