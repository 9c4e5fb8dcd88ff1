"""How a configuration is explored: at which grain, with how many preemptions, in which profile."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Plan:
    """Say how to explore: grain, preemption bound (None: none), reduced or not, and who does it.

    quick: both profiles of the gate do. long: none does, only `tidegate explore`. Otherwise the full profile does.
    """

    grain: str
    bound: int | None
    reduced: bool = False
    quick: bool = False
    long: bool = False

    @property
    def key(self) -> str:
        """Name the plan."""
        extent = "unbounded" if self.bound is None else f"bound {self.bound}"
        return f"{self.grain}, {extent}{', reduced' if self.reduced else ''}"


REDUCED: Final = Plan("access", None, True, True)
REDUCED_FULL: Final = Plan("access", None, True)
REDUCED_LONG: Final = Plan("access", None, True, long=True)
WHOLE: Final = Plan("access", None, False, True)
WHOLE_LONG: Final = Plan("access", None, long=True)
ACCESS_1: Final = Plan("access", 1, quick=True)
ACCESS_1_FULL: Final = Plan("access", 1)
ACCESS_2: Final = Plan("access", 2, quick=True)
ACCESS_2_FULL: Final = Plan("access", 2)
ACCESS_2_LONG: Final = Plan("access", 2, long=True)
ACCESS_3: Final = Plan("access", 3)
ACCESS_3_LONG: Final = Plan("access", 3, long=True)
OPCODE_1: Final = Plan("opcode", 1)
OPCODE_2: Final = Plan("opcode", 2)
OPCODE_2_LONG: Final = Plan("opcode", 2, long=True)
