"""A rejection never gives the processor to others: producers that spin on a full intake starve the workers.

Breaks: RESPONSIVE-2
Killed by: audit.yields, overload.spinning
"""

from . import Patch

BREAKS = ("RESPONSIVE-2",)
KILLED_BY = ("audit.yields", "overload.spinning")
PATCHES = (
    Patch(
        "_intake.py",
        "            yield_processor()  # or spinning",
        "            pass  # or spinning",
    ),
)
