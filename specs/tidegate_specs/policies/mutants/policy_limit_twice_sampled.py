"""A second release is a second sample.

Breaks: LIMIT-3
Killed by: policies.admission_lockstep
"""

from ...mutants import Patch

BREAKS = ("LIMIT-3",)
KILLED_BY = ("policies.admission_lockstep",)
PATCHES = (
    Patch(
        "policies/admission.py",
        "            if not self._lease.release():\n                return False\n",
        "            self._lease.release()\n",
    ),
)
