"""Times that go with the limit are not seen.

Breaks: LIMIT-4
Killed by: policies.limit_loads, policies.limit_faults
"""

from ...mutants import Patch

BREAKS = ("LIMIT-4",)
KILLED_BY = (
    "policies.limit_loads",
    "policies.limit_faults",
)
PATCHES = (
    Patch(
        "policies/limit.py",
        "    return not 32 * (took_high - took_low) * low >= 9 * took_low * (high - low) or took_low == 0",
        "    return not 32 * (took_high - took_low) * low >= 999 * took_low * (high - low) or took_low == 0",
    ),
)
