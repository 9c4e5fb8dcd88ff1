"""Run the sweeps on queues whose faults are known: a sweep that finds nothing there has stopped looking."""

import sys
from dataclasses import dataclass, field, replace
from typing import Final, final

from ..conformance.adapter import Adapted, Adapter, adapt
from .freeze import freeze
from .interrupt import interrupt
from .operations import operations_of
from .reentry import reenter

# What was measured of `queue.Queue.put_nowait`, with the `threading.Condition` in it, by Python version: points, and of them
# those at
# which a stopped thread blocks everybody's offers; points, and of them those at which an exception breaks the queue, and leaves its
# mutex locked.
Counts = tuple[int, int, int, int, int]
KNOWN: Final[dict[tuple[int, int], Counts]] = {
    (3, 11): (104, 84, 104, 12, 12),
    (3, 12): (89, 72, 89, 11, 11),
    (3, 13): (98, 81, 98, 11, 11),
    (3, 14): (108, 85, 108, 12, 12),
    (3, 15): (108, 85, 108, 12, 12),
}


@final
@dataclass(slots=True)
class ControlTally:
    """What the sweeps found on one control. Of each kind at least one must be found where it is known to be there."""

    name: str
    frozen_points: int = 0
    blocked: int = 0
    refused: int = 0
    interrupted_points: int = 0
    broken: int = 0
    locked: int = 0
    reentered_points: int = 0
    deadlocked: int = 0
    overshot: int = 0
    spurious: int = 0
    missing: list[str] = field(default_factory=list[str])

    def sentence(self) -> str:
        """Say it in one line."""
        reentry = f"{self.deadlocked} deadlocks, {self.overshot} overshoots, {self.spurious} spurious refusals"
        return (
            f"{self.name}: {self.blocked} of {self.frozen_points} freezes block and {self.refused} refuse wrongly, {self.broken} "
            f"of "
            f"{self.interrupted_points} interrupts break it ({self.locked} leave it locked), re-entry at "
            f"{self.reentered_points}: {reentry}"
        )


# Which faults each control is known to have: fields of `ControlTally` that must not be 0.
EXPECTED: Final[dict[str, tuple[str, ...]]] = {
    "queue.Queue": ("blocked", "broken", "locked", "deadlocked"),
    "aiologic.Queue": ("refused", "broken", "spurious"),
    "culsans.Queue": ("blocked", "broken", "overshot"),
    "janus.Queue": ("blocked", "broken", "locked", "deadlocked"),
}


def try_control(control: Adapted) -> ControlTally:
    """Sweep a control's offer: freeze, interrupt and re-enter it, at every bytecode."""
    offer = [operation for operation in operations_of(control) if operation.name == "offer"]
    tally = ControlTally(control.title)
    stopped = freeze(control, offer)
    tally.frozen_points, tally.blocked, tally.refused = stopped.points, stopped.blocked, stopped.refused + stopped.starved
    raised = interrupt(control, offer)
    tally.interrupted_points, tally.broken, tally.locked = raised.points, raised.broken, raised.locked
    inside = reenter(control, [("call", "offer")], offer)
    tally.reentered_points, tally.deadlocked = inside.points, inside.deadlocked
    tally.overshot, tally.spurious = inside.overshot, inside.spurious
    tally.missing = [name for name in EXPECTED[control.title] if getattr(tally, name) == 0]
    known = KNOWN.get(sys.version_info[:2]) if control.title == "queue.Queue" else None
    found = (tally.frozen_points, tally.blocked, tally.interrupted_points, tally.broken, tally.locked)
    if known is not None and found != known:
        tally.missing.append(f"the known counts {known}, found {found}")
    return tally


def try_controls(peers: tuple[type[Adapter], ...] = ()) -> tuple[list[ControlTally], list[str]]:
    """Sweep all controls that are installed, or those given; also name those that are not."""
    if not peers:
        from ..conformance.peers import Aiologic, Culsans, Janus, QueueQueue  # with their libraries, which no other sweep needs

        peers = (QueueQueue, Aiologic, Culsans, Janus)
    controls = [replace(adapt(peer), arrivals_only=False) for peer in peers if peer.version]
    return [try_control(control) for control in controls], [peer.title for peer in peers if not peer.version]
