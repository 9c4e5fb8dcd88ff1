"""Spend a limited time where it buys most.

What a check costs is known by its limit. First each clause gets the check on it with the smallest limit, so that as many clauses as
possible have something to rest on; then come those that bear on most clauses for a second of their limit. The order follows from
the plan alone. How far a run gets in it is for the clock to say: a limit is many times what a check takes.
"""

import re
from collections.abc import Sequence

from tidegate_specs.check import Profile

from .plan import Planned

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0}


def parse_budget_s(text: str) -> float:
    """Read "90s", "5m" or "1.5h" as seconds. ValueError for anything else, and for no time at all."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text, re.ASCII)
    if found is None or float(found[1]) <= 0:
        raise ValueError(f"{text!r} is no time")
    return float(found[1]) * _UNITS_S[found[2]]


def waves(plan: Sequence[Planned], ids: Sequence[str], profile: Profile) -> tuple[list[Planned], list[Planned]]:
    """Put a plan in the order in which it is worth its time: the cheapest check on each of these clauses, then the others."""

    def cost(check: Planned) -> tuple[float, int, str]:
        return check.limit_in(profile), -len(check.clauses), check.name

    def price(check: Planned) -> tuple[float, str]:
        return check.limit_in(profile) / sum(id_ in ids for id_ in check.clauses), check.name

    on_clauses = [[check for check in plan if id_ in check.clauses] for id_ in ids]
    cheapest = {min(checks, key=cost).name for checks in on_clauses if checks}
    first = sorted((check for check in plan if check.name in cheapest), key=price)
    return first, sorted((check for check in plan if check.name not in cheapest), key=price)
