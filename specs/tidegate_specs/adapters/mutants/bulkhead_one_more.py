"""One caller more is let in than there are slots, as by a bulkhead that has one wait in front of it.

Breaks: BULKHEAD-1
Killed by: adapters.bulkhead_model, adapters.bulkhead_sweep
"""

from ...mutants import Patch

BREAKS = ("BULKHEAD-1",)
KILLED_BY = ("adapters.bulkhead_model", "adapters.bulkhead_sweep")
PATCHES = (Patch("adapters/bulkhead.py", "= Intake(capacity)", "= Intake(capacity + 1)"),)
