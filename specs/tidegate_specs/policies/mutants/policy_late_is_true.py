"""A refusal is true, so that callers take it for an acceptance.

Breaks: POLICY-2
Killed by: policies.refusals, policies.clock_lockstep
"""

from ...mutants import Patch

BREAKS = ("POLICY-2",)
KILLED_BY = ("policies.refusals", "policies.clock_lockstep")
PATCHES = (
    Patch(
        "policies/__init__.py",
        "        return False\n",
        "        return True\n",
    ),
)
