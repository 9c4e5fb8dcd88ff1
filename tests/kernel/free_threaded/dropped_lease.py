"""Show after how long a dropped lease gives its slot back when the thread that made the intake sleeps, and that others do at once.

    python dropped_lease.py [SECONDS]

One thread makes an intake with one slot and then sleeps, in one call into C. Another offers, takes, and lets go of the lease in one
of four ways. With a GIL the slot is back at once, whichever way. On a free-threaded build a lease that is dropped, neither released
nor used by `with`, gives its slot back when the sleeper wakes: the token in it was made there, and CPython has an object that
several threads shared die in the thread that made it (biased reference counts; gh-157838).
"""

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from tidegate import Intake, Lease, Outcome


def dropped(box: list[Lease[str]]) -> None:
    _ = box[0].item
    box.clear()


def dropped_unseen(box: list[Lease[str]]) -> None:
    box.clear()


def released(box: list[Lease[str]]) -> None:
    box[0].release()


def left_with(box: list[Lease[str]]) -> None:
    with box.pop() as item:
        assert item == "work"


def seconds_until_back(let_go: Callable[[list[Lease[str]]], None], slept_s: float) -> float:
    """Let go of a lease while the maker of its slot sleeps; tell how long the slot was gone for."""
    made: list[Intake[str]] = []
    ready = threading.Event()

    def make_and_sleep() -> None:
        made.append(Intake(1))
        ready.set()
        time.sleep(slept_s)

    maker = threading.Thread(target=make_and_sleep)
    maker.start()
    ready.wait()
    intake = made[0]
    assert intake.offer("work") is Outcome.ACCEPTED
    box = [intake.take()]
    began_s = time.monotonic()
    let_go(box)
    while intake.statistics().in_flight:
        time.sleep(0.001)
    gone_s = time.monotonic() - began_s
    maker.join()
    return gone_s


def main(arguments: list[str]) -> None:
    slept_s = float(arguments[0]) if arguments else 3.0
    gil: Any = getattr(sys, "_is_gil_enabled", lambda: True)()
    print(f"the GIL is {'on' if gil else 'off'}; whoever made the slot sleeps for {slept_s:g} s")
    for let_go in (dropped, dropped_unseen, released, left_with):
        print(f"{let_go.__name__}: the slot was back after {seconds_until_back(let_go, slept_s):.3f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
