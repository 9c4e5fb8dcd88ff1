"""Several iterators over one intake: each has looked at the leases it gave before the last, and at no other's (LEASE-1)."""

import random
from collections import deque
from dataclasses import dataclass
from typing import Any, Final, final

from ..check import Settings, Subject
from ..progress import progress
from ..refinement.observed import Divergence

MOST: Final = 9  # iterators at once
LIVES: Final = 200
CALLS: Final = 60


@final
@dataclass(slots=True)
class Held:
    """A lease that an iterator gave: which item is in it, by which iterator, and whether that counts as seen."""

    lease: Any
    item: int
    by: int
    seen: bool = False


@final
class Several:
    """Keep the books of one intake over which several iterate."""

    def __init__(self, subject: Subject, capacity: int, iterators: int, chance: random.Random) -> None:
        self.intake: Any = subject.Intake(capacity)
        self.capacity, self.chance = capacity, chance
        self.iterators = [iter(self.intake) for _ in range(iterators)]
        self.queued: deque[int] = deque()
        self.held: list[Held] = []
        self.offered = self.released = self.abandoned = 0
        self.calls: list[str] = []

    def step(self) -> None:
        """Make one call by chance, and compare."""
        call = self.chance.choice((self.offer, self.next, self.next, self.drop, self.drop, self.release, self.look))
        call()
        told = self.intake.statistics()
        seen = (told.queued, told.in_flight, told.accepted, told.released, told.abandoned)
        right = (len(self.queued), len(self.held), self.offered, self.released, self.abandoned)
        if seen != right:
            raise Divergence(
                ("LEASE-1",),
                f"queued, in flight, accepted, released and abandoned are {seen}, not {right}, after Intake({self.capacity}), "
                f"{len(self.iterators)} iterators: {'; '.join(self.calls)}",
            )

    def offer(self) -> None:
        """Offer an item, if there is room."""
        if len(self.queued) + len(self.held) < self.capacity and self.intake.offer(self.offered):
            self.calls.append("offer")
            self.queued.append(self.offered)
            self.offered += 1

    def next(self) -> None:
        """Ask one of the iterators, if there is something: it has then looked at what it gave last."""
        if not self.queued:
            return
        by = self.chance.randrange(len(self.iterators))
        self.calls.append(f"next of {by}")
        for each in self.held:
            each.seen |= each.by == by
        self.held.append(Held(next(self.iterators[by]), self.queued.popleft(), by))

    def _chosen(self, name: str) -> Held | None:
        if not self.held:
            return None
        chosen = self.held.pop(self.chance.randrange(len(self.held)))
        self.calls.append(f"{name} {chosen.item}")
        return chosen

    def drop(self) -> None:
        """Drop a lease."""
        if (chosen := self._chosen("drop")) is not None:
            self.abandoned += chosen.seen
            if not chosen.seen:
                self.queued.append(chosen.item)

    def release(self) -> None:
        """Release a lease."""
        if (chosen := self._chosen("release")) is not None:
            chosen.lease.release()
            self.released += 1

    def look(self) -> None:
        """Look at the item in a lease."""
        if (chosen := self._chosen("look")) is not None:
            item, chosen.seen = chosen.lease.item, True
            self.held.append(chosen)
            if item != chosen.item:
                raise Divergence(("LOCAL-1",), f"{item} is in the lease of {chosen.item}, after {'; '.join(self.calls)}")


def ask_several(subject: Subject, chance: random.Random, settings: Settings) -> str:
    """Live with up to so many iterators over one intake."""
    lives = LIVES * (8 if settings.profile == "full" else 1)
    for number in range(lives):
        progress(f"several iterators: life {number + 1} of {lives}")
        iterators = 2 + number % (MOST - 1)
        several = Several(subject, chance.randint(1, MOST + 2), iterators, chance)
        for _ in range(CALLS):
            several.step()
    return f"{lives} lives with 2 to {MOST} iterators, {lives * CALLS:,} calls"
