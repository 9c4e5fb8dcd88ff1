"""An interrupted entry clears every frame of the traceback: variables of the host's are gone from its error reports, and up to
3.12 its generators that stand still are closed.

Breaks: BULKHEAD-2
Killed by: adapters.bulkhead_host
"""

from ...mutants import Patch

BREAKS = ("BULKHEAD-2",)
KILLED_BY = ("adapters.bulkhead_host",)
PATCHES = (
    Patch(
        "adapters/bulkhead.py",
        ("        if trace.tb_frame.f_code is TAKE:\n            trace.tb_frame.clear()\n"),
        ("        try:\n            trace.tb_frame.clear()\n        except RuntimeError:\n            pass\n"),
    ),
)
