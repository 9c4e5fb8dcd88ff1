"""A refusal keeps the item.

Breaks: POLICY-3
Killed by: policies.refusals
"""

from ...mutants import Patch

BREAKS = ("POLICY-3",)
KILLED_BY = ("policies.refusals",)
PATCHES = (
    Patch(
        "policies/freshness.py",
        "            return LATE\n",
        "            self._book.heirs.append(item)  # type: ignore[arg-type]\n            return LATE\n",
    ),
)
