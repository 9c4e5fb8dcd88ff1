"""What rejections leave and slots cost is measured, and what should not be there is found."""

import gc
import mmap
import subprocess
import sys
import tracemalloc
from typing import Any

import pytest

import tidegate
from tidegate import Closed, Empty, Outcome
from tidegate_stress.memory import SLOT_STATES, bytes_per_slot, rejection_footprint, resident_bytes


class Keeping:
    """Let nothing in, and keep, make or hold something for each rejection, as told."""

    Outcome, Empty, Closed = Outcome, Empty, Closed
    what = "nothing"

    def __init__(self, what: str) -> None:
        self.what = what
        self.kept: list[Any] = []
        self.capacity = 0

    def Intake(self, capacity: int) -> "Keeping":  # noqa: N802 - it stands for a module's class
        self.capacity = capacity
        return self

    def offer(self, item: Any) -> tidegate.Outcome:
        if self.what == "item":
            self.kept.append(item)
        elif self.what == "object":
            self.kept.append(object())
        elif self.what == "cycle":
            cycle: list[Any] = []
            cycle.append(cycle)
        return tidegate.Outcome.FULL


def test_the_kernel_leaves_nothing() -> None:
    """Measure in a process of its own: blocks are counted for all threads, and some of earlier tests may still be here."""
    code = (
        "import tidegate\n"
        "from tidegate_stress.memory import rejection_footprint\n"
        "left = rejection_footprint(tidegate, 50_000)\n"
        "print(left.clean, left.rejections, left.blocks)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.startswith("True 50000 "), ran.stdout


@pytest.mark.parametrize(("what", "clean"), [("nothing", True), ("item", False), ("object", False), ("cycle", False)])
def test_what_is_left_is_seen(what: str, clean: bool) -> None:
    left = rejection_footprint(Keeping(what), 20_000)
    for _ in range(5 if clean else 0):  # a thread that an earlier test left behind may have allocated
        left = left if left.clean else rejection_footprint(Keeping(what), 20_000)
    assert left.clean is clean
    assert (left.references > 0) is (what == "item")
    assert left.item_died is (what != "item")
    assert (left.collections > 0) >= (what == "cycle")


def test_it_ends_at_its_limit_and_says_how_far_it_came() -> None:
    assert rejection_footprint(Keeping("nothing"), 10**12, limit_s=0.05).rejections < 10**12


def test_it_leaves_the_collector_as_it_was() -> None:
    callbacks = list(gc.callbacks)
    rejection_footprint(tidegate, 1000)
    assert gc.callbacks == callbacks


def test_every_state_of_a_slot_has_a_cost() -> None:
    costs = bytes_per_slot(tidegate, capacity=129)
    assert set(costs) == set(SLOT_STATES)
    assert all(8 < cost < 2000 for cost in costs.values())
    assert costs["all leased"] > costs["full"]
    assert not tracemalloc.is_tracing()


def test_a_slot_that_costs_more_is_seen() -> None:
    class Heavy:
        Outcome, Empty, Closed = Outcome, Empty, Closed

        @staticmethod
        def Intake(capacity: int) -> Any:  # noqa: N802 - it stands for a module's class
            ballast.append(bytearray(1000 * capacity))
            return tidegate.Intake[Any](capacity)

    ballast: list[bytearray] = []
    assert bytes_per_slot(Heavy(), capacity=65)["empty"] > 1000


def test_the_resident_set_is_read() -> None:
    before = resident_bytes()
    ballast = mmap.mmap(-1, 32 << 20)  # fresh from the system, whatever the allocator has kept
    ballast.write(b"x" * (32 << 20))
    after = resident_bytes()
    assert before is not None
    assert after is not None
    assert after - before > 16 << 20
    ballast.close()
