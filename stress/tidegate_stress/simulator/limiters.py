"""The limiters that are compared: ours, and models of those that are in use (`tidegate_specs.policies.known_limiters`)."""

from tidegate.policies.limit import AdaptiveLimit
from tidegate_specs.policies.known_limiters import AIMD, Fixed, Gradient2, Limiter, Vegas

__all__ = ["AIMD", "Fixed", "Gradient2", "Limiter", "Vegas", "ours"]


def ours(floor: int, capacity: int, first: int = 0) -> AdaptiveLimit:
    """Make the kernel's limit. first: where it begins, if not at the capacity."""
    limit = AdaptiveLimit(floor)
    limit.bind(capacity)
    if first:
        limit.now = first
    return limit
