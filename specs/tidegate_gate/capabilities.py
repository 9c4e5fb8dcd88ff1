"""Print the table of capabilities that an adapter may declare: `python -m tidegate_gate.capabilities`.

A capability brings in a clause that is judged of an intake with all of them, and would not be of one that lacks it alone.
"""

import importlib
from collections.abc import Iterator

from tidegate_specs.check import CAPABILITIES, WHOLE, Check
from tidegate_specs.conformance.classes import CLASSES
from tidegate_specs.runner import in_reach

from .plan import FOREIGN_GROUPS, GROUPS


def judged(declared: frozenset[str]) -> set[str]:
    """Name the clauses on which some check of an intake with these capabilities bears."""
    fitting = (in_reach(declared, check) for check in _checks() if check.needs <= declared)
    return {id_ for check in fitting for id_ in check.clauses if id_ in CLASSES}


def brought_in(capability: str) -> list[str]:
    """Name the clauses that are not judged without a capability, in the order of the contract."""
    found = judged(WHOLE) - judged(WHOLE - {capability})
    return [id_ for id_ in CLASSES if id_ in found]


def as_markdown() -> str:
    """Give the table, a row for each capability."""
    names = [name for name in CAPABILITIES if name in WHOLE]
    found = {name: brought_in(name) for name in names}
    together = [id_ for id_ in CLASSES if all(id_ in clauses for clauses in found.values())]
    lines = ["| capability | what it declares | clauses that it brings in |", "|---|---|---|"]
    for name in names:
        own = [id_ for id_ in found[name] if id_ not in together]
        told = "all" if set(found[name]) == judged(WHOLE) else ", ".join(own) or "none by itself: more checks on the others"
        lines.append(f"| `{name}` | {CAPABILITIES[name]} | {told} |")
    return "\n".join([*lines, f"| all of these | | {', '.join(together)} |"])


def _checks() -> Iterator[Check]:
    for group in (*GROUPS, *FOREIGN_GROUPS):
        if not group.kernel:
            yield from importlib.import_module(group.module).CHECKS


if __name__ == "__main__":
    print(as_markdown())
