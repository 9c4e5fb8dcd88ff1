"""A taker that leaves because of close does not pass the bell on: of several that wait, only one wakes.

Breaks: CLOSE-2
Killed by: scenarios.22, stateful.enumeration
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("scenarios.22", "stateful.enumeration")
PATCHES = (
    Patch(
        "_intake.py",
        ("slots.ring()  # whoever leaves passes the bell on\n                        raise"),
        "raise",
    ),
    Patch(
        "_intake.py",
        "slots.ring()  # also should",
        "pass  # also should",
    ),
)
