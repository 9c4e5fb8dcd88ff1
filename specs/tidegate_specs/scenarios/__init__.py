"""The faults that real queues and limiters had, each as a scenario that must not have it: given, do, must.

Each scenario is one `Check`, named by its number ("scenarios.07"). Where a fault needs two parties at unlucky moments, the moment
is made, not waited for: one party is stopped, interrupted or re-entered before every one of its bytecodes in turn (see
`tidegate_specs.injection`). That covers every single disturbance; several in one operation are for an exhaustive explorer.
"""

from . import accounting, bounds, closing, forking, hostile_hooks, keeping, reentry, waiting
from .run import registered

__all__ = ["CHECKS", "accounting", "bounds", "closing", "forking", "hostile_hooks", "keeping", "reentry", "waiting"]

CHECKS = registered()
