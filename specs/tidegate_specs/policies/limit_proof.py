"""Prove of the adaptive limit's own rule, for every floor, capacity and memory, that it keeps its bounds and comes back up.

It is the code of the kernel that runs on unknown values (`prove.symbolic`). What a pair of times showed is left open: flat, full or
neither, and where between the two limits the knee is estimated. So this holds for every sequence of samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any, Final, cast

from ..prove import solver as z3
from ..prove.obligation import Base, Finding, Goal, Obligation, judge, load
from ..prove.symbolic import Bool, Formula, Int, Path, Symbolic, an_int, number, paths

EXPECTED: Final = 7  # obligations, asserted so that one that is left out is noticed
RESTING, SEARCHING, CHECKING = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Window:
    """Hold what comes before a window's end, as the solver sees it, and what the window showed."""

    limit: Any
    memory: tuple[Any, ...]
    pressed: Any
    flat: Any

    @property
    def nominal(self) -> Any:
        """Give the limit that is rested at or searched from: the larger one of a pair."""
        limit, other = number(self.limit), number(self.memory[3])
        return z3.If(z3.Or(number(self.memory[0]) == RESTING, limit >= other), limit, other)

    @property
    def good(self) -> Formula:
        """Say that the window tells nothing against the limit."""
        return z3.Or(z3.Not(self.pressed.it), number(self.memory[0]) == RESTING, self.flat.it)


class World:
    """Hold the rule of a subject's limit, and everything that may be before and between two windows."""

    def __init__(self, module: Any) -> None:
        plain = cast("Mapping[str, Any]", module if isinstance(module, dict) else vars(module))
        self.floor, self.capacity = an_int("floor"), an_int("capacity")
        self.known: Final = z3.And(self.floor.it >= 1, self.floor.it <= self.capacity.it)
        self.flat: Any = None
        found = {"is_flat": self._flat, "is_full": self._full, "knee_between": self._knee}
        self.rule: Final = Symbolic(plain, found)
        self.cold: Final[Any] = plain["COLD"]

    def _flat(self, *_pair: Any) -> Any:
        return self.flat

    def _full(self, *_pair: Any) -> Any:
        return Bool(z3.Bool("full"))

    def _knee(self, low: Any, _took_low: Any, high: Any, _took_high: Any) -> Any:
        return max(low, min(high, an_int("knee")))

    def any_window(self, name: str, limit: Any = None, memory: tuple[Any, ...] | None = None) -> Window:
        """Give a window of which nothing is known but what is said."""
        before = memory or tuple(an_int(f"{name} {field}") for field in ("doing", "units", "row", "other", "took"))
        return Window(limit or an_int(f"{name} limit"), before, Bool(z3.Bool(f"{name} pressed")), Bool(z3.Bool(f"{name} flat")))

    def law(self, limit: Any, memory: tuple[Any, ...]) -> Formula:
        """Say LIMIT-1, and what is remembered with it: the other limit is one, too, and a window has an end."""
        doing, units, _, other, _ = (number(each) for each in memory)
        between = z3.And(number(limit) >= self.floor.it, number(limit) <= self.capacity.it)
        remembered = z3.Or(other == 0, z3.And(other >= self.floor.it, other <= self.capacity.it))
        paired = z3.If(doing == RESTING, z3.Or(other == 0, other == number(limit)), other > 0)
        unlike = z3.Implies(doing != RESTING, z3.Or(other != number(limit), self.floor.it == self.capacity.it))
        kinds = z3.Or(doing == RESTING, doing == SEARCHING, doing == CHECKING)
        return z3.And(between, remembered, paired, unlike, kinds, units >= 1, units <= 24)

    def after(self, window: Window) -> list[Path]:
        """Give every way that the rule takes at a window's end."""

        def run() -> Any:
            self.flat = window.flat
            return self.rule.following(window.limit, an_int("took"), window.pressed, self.floor, self.capacity, window.memory)

        return paths(run)


def at_least(value: Any, nominal: Any, capacity: Any) -> Formula:
    """Say that a limit is a 16th, and one, above another, or at the capacity."""
    sixteenth = nominal / 16
    more = nominal + z3.If(sixteenth < 1, z3.IntVal(1), sixteenth)
    return z3.Or(value >= more, value >= capacity)


def obligations(module: Any) -> list[Obligation]:
    """Give all obligations on the rule in a module."""
    world = World(module)
    first = world.any_window("before")
    under = ("1 <= floor <= capacity", "what is remembered is as the rule leaves it")
    hypotheses = (world.known, world.law(first.limit, first.memory))
    story = (("floor", world.floor), ("capacity", world.capacity), ("limit", first.limit), ("memory", first.memory))
    looking = z3.And(first.pressed.it, number(first.memory[0]) == RESTING)
    goals: dict[str, list[Goal]] = {name: [] for name in ("bounds", "monotone", "raises", "looks")}
    for path in world.after(first):
        base = Base(*hypotheses, path.condition)
        if base.met == "unsat" or path.error:
            continue
        limit, memory = path.value
        second, how = world.any_window("after", limit, memory), (*story, ("after", limit), ("then", memory))
        goals["bounds"].append(Goal(base, world.law(limit, memory), how))
        for name, when, claim in (
            ("monotone", first.good, second.nominal >= first.nominal),
            ("raises", z3.And(first.good, z3.Not(looking)), at_least(second.nominal, first.nominal, world.capacity.it)),
            ("looks", z3.And(looking, world.floor.it < world.capacity.it), number(memory[0]) != RESTING),
        ):
            if base.ask(when)[0] != "unsat":
                goals[name].append(Goal(Base(*base.hypotheses, when), claim, how))
    start = Goal(Base(world.known), world.law(world.capacity, world.cold), story[:2])
    says = {
        "bounds": "Whatever a window shows, the limit is between floor and capacity.",
        "monotone": "No good window lowers what the limit rests at.",
        "raises": "A good window raises it by a 16th and by one, or to the capacity, unless it only rested.",
        "looks": "A pressed window that rested is followed by one that is compared with it.",
    }
    return [
        Obligation("limit.initial", ("LIMIT-1",), "A new limit is the capacity, within its bounds.", under[:1], (start,)),
        *(
            Obligation(f"limit.{name}", ("LIMIT-1",) if name == "bounds" else ("LIMIT-5",), says[name], under, tuple(found))
            for name, found in goals.items()
        ),
        *_doubling(),
    ]


def _doubling() -> list[Obligation]:
    """Say that 16 steps of a 16th, each at least one, double any limit: below 32 by counting, above by what a step is at least."""
    n = z3.Int("limit")
    small = z3.BoolVal(all(_stepped(start) >= 2 * start for start in range(1, 64)))
    # From 64 on: after one step, or four, the 16th is larger by one at least, and the other steps make up for its remainder.
    q, r = n / 16, n % 16
    one = z3.And((n + q) / 16 >= q + 1, n + q + 15 * (q + 1) >= 2 * n)
    four = z3.And((n + 4 * q) / 16 >= q + 1, n + 4 * q + 12 * (q + 1) >= 2 * n)
    large = z3.If(r >= 12, one, four)
    other = Goal(Base(n >= 64), large, (("limit", Int(n)),))
    return [
        Obligation("limit.doubling_small", ("LIMIT-5",), "16 such steps double a limit below 64.", (), (Goal(Base(), small),)),
        Obligation("limit.doubling", ("LIMIT-5",), "16 such steps double any other.", ("limit >= 64",), (other,)),
    ]


def _stepped(value: int) -> int:
    for _ in range(16):
        value += max(1, value // 16)
    return value


def prove(module: Any) -> list[Finding]:
    """Put every obligation to the solver."""
    return [judge(each) for each in obligations(module)]


@dataclass(frozen=True, slots=True)
class Broken:
    """Replace one text in the rule, where it must occur exactly once; the obligation named must be refuted."""

    name: str
    refuted_by: str
    old: str
    new: str


BROKEN: Final[Sequence[Broken]] = (
    Broken("a search goes below the floor", "limit.bounds", "max(floor, low // 2), (SEARCHING", "low // 2, (SEARCHING"),
    Broken("a search goes above the capacity", "limit.bounds", "min(capacity, 2 * high), (SEARCHING", "2 * high, (SEARCHING"),
    Broken("a check goes below the floor", "limit.bounds", "max(floor, limit * 3 // 4 if", "max(0, limit * 3 // 4 if"),
    Broken("a step goes above the capacity", "limit.bounds", "max(floor, min(capacity, stepped(high, row)))", "max(floor, stepped(high, row))"),  # noqa: E501
    Broken("a quiet window raises above the capacity", "limit.bounds", "return min(capacity, limit + max(1, limit // 8))", "return limit + max(1, limit // 8)"),  # noqa: E501
    Broken("a quiet window keeps what a check began", "limit.monotone", "raised(max(limit, other), capacity)", "raised(limit, capacity)"),  # noqa: E501
    Broken("a flat pair raises nothing", "limit.raises", "return high + max(1, high * rise(row) // 16)", "return high"),
    Broken("a flat pair ends a search where it is", "limit.raises", "settled(raised(high, capacity), floor, capacity)", "settled(high, floor, capacity)"),  # noqa: E501
    Broken("a rest is for ever", "limit.looks", "    if doing == RESTING:\n", "    if doing == RESTING and row >= 0:\n        return limit, (RESTING, 1, 0, limit, 0)\n    if doing == RESTING:\n"),  # noqa: E501
    Broken("a quiet window at the floor raises nothing", "limit.raises", "limit + max(1, limit // 8)", "limit + limit // 8"),
)  # fmt: skip


def refute(broken: Broken, module: Any) -> Finding:
    """Judge the obligation that is to refute a broken rule. ValueError unless its text occurs exactly once."""
    source = File(module.__file__).read_text(encoding="utf-8")
    if source.count(broken.old) != 1:
        raise ValueError(f"{broken.name!r}: its text occurs {source.count(broken.old)} times, not once")
    changed = dict(load(source.replace(broken.old, broken.new), module))
    (obligation,) = [each for each in obligations(changed) if each.name == broken.refuted_by]
    return judge(obligation)


__all__ = ["BROKEN", "EXPECTED", "Int", "obligations", "prove", "refute"]
