"""An item's expiry is told while its slot is held.

Breaks: ASYNC-4
Killed by: adapters.aio_expiry
"""

from ...mutants import Patch

BREAKS = ("ASYNC-4",)
KILLED_BY = ("adapters.aio_expiry",)
PATCHES = (
    Patch(
        "adapters/_patience.py",
        "            release()\n            counted = True",
        (
            "            if on_expired is not None:\n"
            "                on_expired(item)\n"
            "            on_expired = None\n"
            "            release()\n"
            "            counted = True"
        ),
    ),
)
