"""An exception of the clock's comes out of offer and take.

Breaks: POLICY-4
Killed by: policies.clock_lockstep
"""

from ...mutants import Patch

BREAKS = ("POLICY-4",)
KILLED_BY = ("policies.clock_lockstep",)
PATCHES = (
    Patch(
        "policies/freshness.py",
        "except Exception as error:",
        "except ZeroDivisionError as error:",
    ),
)
