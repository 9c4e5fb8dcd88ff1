"""Start from intakes that have lived long: in which each slot finished 2**8 to 2**62 items, and as many offers were refused.

Nobody lives through 2**62 items, so the age is set: here, in one place (`set_age`), in what the kernel counts by. That this is what
a life leaves behind is for `tests/specs/test_sizes.py` to show, with small ages.
"""

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final, final

from ..check import Settings, Subject
from ..machine import can_answer_closed, can_take, initial
from ..progress import progress
from ..refinement import Pair
from .common import NotTried

BOUNDARIES: Final = (8, 15, 16, 31, 32, 53, 62)  # as powers of two
LAST: Final = (1 << 62) - 1  # the most items that a slot can count
CAPACITIES: Final = (1, 2, 3, 4, 7, 8, 9, 17)
LIVES: Final = 50  # of each boundary
CALLS: Final = 60  # before the intake is closed, and half as many after
CLOSED: Final = ("close", "drain")  # again
OPEN: Final = tuple("offer offer offer offer take take take look release release enter drop drop release_again iterate".split())


@final
@dataclass(frozen=True, slots=True)
class Age:
    """Say how old an intake is. slots: by slot, from the first that is used: how many of its items were released, and abandoned.

    full: how many offers were refused. lost: how many tokens of any intake were lost so far; at least those that were.
    """

    slots: Sequence[tuple[int, int]]
    full: int = 0
    lost: int = 0


def set_age(subject: Subject, capacity: int, age: Age) -> Pair:
    """Make an intake and the state machine that are as after such a life, with nothing in them.

    NotTried where an intake's slots do not count as the kernel's do.
    """
    pair = Pair(subject, capacity)
    slots: Any = getattr(pair.driver.intake, "_slots", None)
    internals: Any = sys.modules.get(type(slots).__module__)
    if not all(hasattr(slots, name) for name in ("turns", "answered_full", "answered_closed")) or not hasattr(
        internals, "generations"
    ):
        raise NotTried("an age is set in what the kernel's slots count by, and these do not: `tidegate_specs.sizes.ages.set_age`")
    by_release, by_loss = turns_of(subject, "release"), turns_of(subject, "drop")
    for index, (released, abandoned) in enumerate(age.slots):
        slots.turns[index] = released * by_release + abandoned * by_loss
    slots.answered_full = count(age.full)
    internals.generations = count(max(age.lost + 1, reached(internals.generations)))
    released, abandoned = (sum(counts) for counts in zip(*age.slots, strict=True))
    used = sum(counts != (0, 0) for counts in age.slots)
    state = replace(
        initial(capacity),
        accepted=released + abandoned,
        released=released,
        abandoned=abandoned,
        full=age.full,
        peak=used,
    )
    pair.joint = replace(pair.joint, state=state)
    pair.driver.accepted = state.accepted
    return pair


def turns_of(subject: Subject, end: str) -> int:
    """Tell by how much a slot's turn goes up in the life of one item, which is looked at, and then released or dropped."""
    pair = Pair(subject, 1)
    for name in ("offer", "take", "look", end):
        pair.do(name)
    slots: Any = pair.driver.intake._slots
    return int(slots.turns[0])


def reached(counter: Any) -> int:
    """Tell what a counter gives next."""
    return int(repr(counter)[len("count(") : -1])


def set_refused(pair: Pair, refused: int) -> None:
    """Have a closed intake be as after so many offers that were told so."""
    slots: Any = pair.driver.intake._slots
    slots.answered_closed = count(refused)
    pair.joint = replace(pair.joint, state=replace(pair.state, refused=refused))


def drawn(chance: random.Random, power: int) -> tuple[int, int, Age]:
    """Draw a capacity, a count and an age near a power of two: all of it a little below, so that what follows goes beyond."""

    def near() -> int:
        return max(0, (1 << power) - chance.randint(-1, 4))

    capacity = chance.choice(CAPACITIES)
    used = chance.choice((capacity, chance.randint(1, capacity)))
    slots: list[tuple[int, int]] = []
    for _ in range(used):
        finished = min(near(), LAST - 4 * CALLS)
        abandoned = chance.choice((0, 1, min(finished, 1 << chance.choice(BOUNDARIES)) - chance.randint(0, 2), finished))
        slots.append((finished - max(0, abandoned), max(0, abandoned)))
    return capacity, near(), Age(slots, near(), near())


def wander(pair: Pair, chance: random.Random, calls: int) -> None:
    """Make calls by chance, each compared with the state machine, as are all counts after it. None of them waits."""
    names = (*OPEN, *CLOSED) if pair.state.closed else OPEN
    for _ in range(calls):
        name = chance.choice(names)
        if name == "iterate" and not (can_take(pair.state) or can_answer_closed(pair.state)):
            name = "take"
        elif name in ("look", "release", "enter", "drop") and not pair.joint.held:
            name = "offer"
        pair.do(name, chance.randrange(len(pair.joint.held)) if pair.joint.held else 0)


def live_on(subject: Subject, chance: random.Random, settings: Settings) -> str:
    """Live on from states of every age, open and closed."""
    lives = LIVES * (8 if settings.profile == "full" else 1)
    calls = 0
    for power in BOUNDARIES:
        for number in range(lives):
            progress(f"aged 2**{power}: life {number + 1} of {lives}")
            capacity, refused, age = drawn(chance, power)
            pair = set_age(subject, capacity, age)
            pair.check()
            wander(pair, chance, CALLS)
            pair.do(chance.choice(("close", "drain")))
            set_refused(pair, refused)
            wander(pair, chance, CALLS // 2)
            pair.do("drain")
            calls += len(pair.history)
    return f"{len(BOUNDARIES) * lives} lives from 2**{BOUNDARIES[0]} to 2**{BOUNDARIES[-1]}, {calls:,} calls compared"
