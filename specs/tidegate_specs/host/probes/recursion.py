"""Call every operation a few frames below the recursion limit, and see that afterwards the ledger is true.

There it ends with RecursionError at whatever of its calls there is no room for, or completes. With the stack unwound, as many
offers must be accepted as statistics had told slots to be free, and every slot be told as free, queued or in flight.
"""

import sys
from collections.abc import Callable
from itertools import product
from typing import Any, Final

from tidegate_specs.guest import Dropped, every_module, guest, tell

LIMIT: Final = 300  # frames; the probe's own, and those of its calls, must fit
FRAMES: Final = range(-1, 61)  # below it that are tried; -1 for a call that does not need the frame of a function around it
CAPACITY: Final = 4


def descend(frames: int, call: Callable[[], object]) -> object:
    """Make a call so many frames further down."""
    return call() if frames == 0 else descend(frames - 1, call)


def nothing() -> None:
    """Be the call that needs one frame."""


def deepest() -> int:
    """Find how far down a call that needs one frame still returns."""
    frames = 0
    while True:
        try:
            descend(frames + 1, nothing)
        except RecursionError:
            return frames
        frames += 1


class Stage:
    """Hold an intake of four: one item in flight and seen, one in flight and not seen, one queued, one slot free."""

    def __init__(self) -> None:
        self.intake: Any = guest().Intake(CAPACITY)
        for number in range(3):
            self.intake.offer(number)
        self.leases: list[Any] = [self.intake.take(timeout=0) for _ in range(2)]
        self.leases[0].item  # noqa: B018 - a look

    def drop_seen(self) -> None:
        del self.leases[0]

    def drop_unseen(self) -> None:
        del self.leases[1]

    def with_block(self) -> None:
        with self.leases[1]:
            pass

    def take(self) -> None:
        self.leases.append(self.intake.take(timeout=0))

    def next_one(self) -> None:
        self.leases.append(next(iter(self.intake)))

    def operations(self) -> dict[str, Callable[[], object]]:
        return {
            "offer": lambda: self.intake.offer("offered"),
            "offer, from C": self.offer_from_c,
            "take": self.take,
            "next of an iterator": self.next_one,
            "item": lambda: self.leases[1].item,
            "release": self.leases[0].release,
            "release, not seen": self.leases[1].release,
            "with": self.with_block,
            "drop, seen": self.drop_seen,
            "drop, not seen": self.drop_unseen,
            "statistics": self.intake.statistics,
            "close": self.intake.close,
            "drain": lambda: self.intake.drain(timeout=0),
            "capacity": lambda: self.intake.capacity,
        }

    def offer_from_c(self) -> None:
        offer: Callable[[str], object] = self.intake.offer
        list(map(offer, ["offered"]))


def wrong_with(stage: Stage) -> str:
    """Audit an intake: its ledger against what it does."""
    intake = stage.intake
    told = intake.statistics()
    if told.free + told.queued + told.in_flight != CAPACITY or told.accepted != (
        told.queued + told.in_flight + told.released + told.abandoned
    ):
        return f"the ledger does not add up: {told}"
    accepted = 0
    answer = intake.offer("audit")
    closed = answer is guest().Outcome.CLOSED
    while answer and accepted <= CAPACITY + 2:
        accepted += 1
        answer = intake.offer("audit")
    if accepted != told.free and not closed:
        return f"statistics told {told.free} of {CAPACITY} slots to be free, and {accepted} offers were accepted"
    out: list[Any] = []
    try:
        while len(out) <= CAPACITY + 2:
            out.append(intake.take(timeout=0))
    except (guest().Empty, guest().Closed):
        pass
    if len(out) > CAPACITY - told.in_flight:
        return f"{len(out)} items came out, {told.in_flight} were in flight: more than {CAPACITY} at once"
    if len(out) != told.queued + accepted:
        return f"{told.queued} were told to be queued and {accepted} more were accepted, and {len(out)} came out"
    held = sum(repr(lease).endswith("held>") for lease in stage.leases)
    for lease in [*out, *stage.leases]:
        lease.release()
    left = intake.statistics()
    if left.in_flight + left.queued > told.in_flight - held:
        return f"in the end {left.in_flight} are told to be in flight and {left.queued} queued: {told.in_flight - held} were astray"
    return ""


def probe() -> dict[str, Any]:
    every_module()
    dropped = Dropped()
    sys.setrecursionlimit(LIMIT)
    tried = errors = bad = astray = 0
    found: dict[str, str] = {}
    bottom = deepest()
    for name in Stage().operations():
        for above, keeps in product(FRAMES, (False, True)):
            kept: list[BaseException] = []
            where = f"{name}, {above} frames from the limit" + (", whose exception is kept" if keeps else "")
            stage = Stage()
            call = stage.operations()[name]
            tried += 1
            try:
                descend(bottom - above, call)
            except RecursionError as error:
                errors += 1
                kept += [error] * keeps
            except Exception as error:  # noqa: BLE001 - whatever else it is, it is wrong
                bad += 1
                found.setdefault(where, f"{type(error).__name__}: {error}")
            del call
            before = stage.intake.statistics()
            held = sum(repr(lease).endswith("held>") for lease in stage.leases)
            astray += before.in_flight > held
            wrong = wrong_with(stage)
            if wrong:
                bad += 1
                found.setdefault(where, wrong)
    return {
        "tried": tried,
        "errors": errors,
        "bad": bad,
        "astray": astray,
        "dropped": dropped.count,
        "witness": "; ".join(f"{where}: {what}" for where, what in list(found.items())[:5]),
    }


if __name__ == "__main__":
    tell(probe)
