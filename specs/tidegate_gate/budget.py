"""Spend a limited time where it buys most.

What a check costs is known from a run of the gate (`costs.json`, made by `python -m tidegate_gate.budget --record REPORT`), and
for one that was in none from its limit. First each clause gets the cheapest check on it, so that as many clauses as possible have
something to rest on; then come those that bear on most clauses for a second. What does not fit is left out, and that is said
beforehand, clause by clause: it makes no clause UNKNOWN that has another check. A clause is UNKNOWN if none on it fits, or if one
that was begun had no answer when the time was over.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tidegate_specs.check import Profile

from .plan import Planned

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0}
_COSTS = Path(__file__).parent / "costs.json"
_OF_LIMIT = 0.05  # of its limit a check takes about so much, if nothing better is known
_DEEPER = 8.0  # times what it takes in profile quick, in profile full
_START = 0.1  # of the budget, until the groups are loaded
SPENT_UP_TO = 0.8  # of the budget: machines differ, and a check that is cut short says nothing


def parse_budget_s(text: str) -> float:
    """Read "90s", "5m" or "1.5h" as seconds. ValueError for anything else, and for no time at all."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text, re.ASCII)
    if found is None or float(found[1]) <= 0:
        raise ValueError(f"{text!r} is no time")
    return float(found[1]) * _UNITS_S[found[2]]


def recorded() -> Mapping[str, float]:
    """Give what each check took, in seconds, when it was recorded."""
    found: dict[str, float] = json.loads(_COSTS.read_text("utf-8"))
    return found


def cost_s(check: Planned, profile: Profile, costs: Mapping[str, float]) -> float:
    """Say about how long a check takes, in seconds."""
    if check.name not in costs:
        return check.limit_in(profile) * _OF_LIMIT
    return costs[check.name] * (_DEEPER if profile == "full" else 1.0)


@dataclass(frozen=True, slots=True)
class Purchase:
    """Tell what a budget buys: the checks, in two parts that run one after the other, and those that are left out."""

    first: list[Planned]
    then: list[Planned]
    left_out: list[Planned]

    def without(self, id_: str) -> list[str]:
        """Name the checks on a clause that are left out."""
        return [check.name for check in self.left_out if id_ in check.clauses]

    def bare(self, ids: Sequence[str]) -> list[str]:
        """Name the clauses for which no check is bought, of those on which there are any."""
        kept = {id_ for check in (*self.first, *self.then) for id_ in check.clauses}
        return [id_ for id_ in ids if id_ not in kept and self.without(id_)]


def buy(
    plan: Sequence[Planned],
    ids: Sequence[str],
    profile: Profile,
    budget_s: float,
    jobs: int = 2,
    costs: Mapping[str, float] | None = None,
) -> Purchase:
    """Choose what a budget is spent on, before anything is run."""
    known = recorded() if costs is None else costs

    def price(check: Planned) -> tuple[float, str]:
        return cost_s(check, profile, known) / max(1, sum(id_ in ids for id_ in check.clauses)), check.name

    def own(check: Planned) -> tuple[float, int, str]:
        return cost_s(check, profile, known), -len(check.clauses), check.name

    on_clauses = [[check for check in plan if id_ in check.clauses] for id_ in ids]
    cheapest = {min(checks, key=own).name for checks in on_clauses if checks}
    order = sorted((check for check in plan if check.name in cheapest), key=price)
    order += sorted((check for check in plan if check.name not in cheapest), key=price)
    bought: set[str] = set()
    for alone in (True, False):  # what runs alone has the machine for itself, the others share it
        left_s = budget_s * (SPENT_UP_TO - _START) * (0.3 if alone else 0.7 * jobs)
        for check in order:
            if check.group.alone is alone and cost_s(check, profile, known) <= left_s:
                bought.add(check.name)
                left_s -= cost_s(check, profile, known)
    kept = [check for check in order if check.name in bought]
    first = [check for check in kept if check.name in cheapest]
    return Purchase(first, [check for check in kept if check not in first], [check for check in order if check not in kept])


def record(report: Path) -> None:
    """Write down what each check took, from a report of the gate; what no report in it names stays as it is."""
    told = json.loads(report.read_text("utf-8"))
    found = {check["name"]: round(check["seconds"], 2) for clause in told["clauses"] for check in clause["checks"]}
    before = dict(recorded()) if _COSTS.exists() else {}
    _COSTS.write_text(json.dumps({**before, **found}, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] != ["--record"] or len(sys.argv) != 3:
        sys.exit("python -m tidegate_gate.budget --record REPORT.json")
    record(Path(sys.argv[2]))
