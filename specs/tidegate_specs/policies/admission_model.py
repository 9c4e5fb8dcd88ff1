"""An admission as a plain program of one thread: who is let in, who is refused and why, what is a sample. Trusted.

Never imports the kernel or a policy. The promises of CLASS-* and LIMIT-2, LIMIT-3 are written here a second time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

SHARES: Final[Mapping[str, float]] = {"health": 1.0, "user": 0.75, "batch": 0.5}
DEFAULT: Final = "batch"


def threshold(share: float, limit: int) -> int:
    """Give how many may be inside when one of a class is let in, itself included (CLASS-1)."""
    return max(1, int(share * limit))


@final
@dataclass(slots=True)
class Call:
    """Be a call that is inside. entered: when, None if nothing can be told of its time. counted: by the thresholds."""

    label: str
    entered: int | None
    counted: bool


@final
@dataclass(slots=True)
class Model:
    """Decide. answers: "in", "full", "closed", "limit" or "class". pending: the limit from the next sample on."""

    capacity: int
    limit: int
    observing: bool = False
    closed: bool = False
    pending: int = 0
    inside: list[Call] = field(default_factory=list[Call])
    counts: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    unknown: int = 0
    faults: int = 0
    samples: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def class_of(self, label: object) -> str:
        if isinstance(label, str) and label in SHARES:
            return str(label)
        self.unknown += 1
        return DEFAULT

    def enter(self, label: object, now: int | None) -> str:
        """Let in, or say why not."""
        named = self.class_of(label)
        most = threshold(SHARES[named], self.limit)
        counted = sum(call.counted for call in self.inside)
        shed = ""
        if counted >= most and most < self.capacity and not self.closed:
            shed = "limit" if most == self.limit else "class"
            self._count(named, shed)
            if not self.observing:
                return shed
        wall = "closed" if self.closed else "full" if len(self.inside) == self.capacity else "in"
        if not shed:
            self._count(named, wall)
        if wall == "in":
            self.inside.append(Call(named, None if shed else now, not shed))
        return wall

    def leave(self, call: Call, now: int | None, well: bool) -> None:
        """End a call. Only one that ended well, by a clock that ran forward, is a sample (LIMIT-3)."""
        self.inside.remove(call)
        if well and call.entered is not None:
            if now is None or now < call.entered:
                self.faults += 1
            else:
                self.samples.append((call.entered, now))
                self.limit = self.pending or self.limit

    def _count(self, label: str, answer: str) -> None:
        self.counts[label, answer] = self.counts.get((label, answer), 0) + 1
