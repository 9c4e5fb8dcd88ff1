"""Contracts over an implementation, for CrossHair: one step from any small state, held to the state machine.

Read by `contracts`, which sets `SUBJECT` first. A small state has capacity 1 to 3, with any number of items queued, in flight
unseen and in flight seen that fits, closed or open, on fresh slots or on used ones. The solver enumerates these; the call itself
runs under its eyes, building the state and comparing do not.
"""

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from .check import Subject, load_subject
from .refinement import Pair, Shape, build
from .refinement.driver import Call

_tracers: Any = importlib.import_module("crosshair.tracers")
NoTracing: Callable[[], AbstractContextManager[object]] = _tracers.NoTracing

SUBJECT: Subject = load_subject()  # `contracts` sets another before an analysis, never during one

_last: list[Pair] = []  # keeps one until the next: it is to die out of the solver's sight, which slows every finaliser


def fits(capacity: int, queued: int, unseen: int, seen: int) -> bool:
    """Tell whether there is such a small state."""
    return 1 <= capacity <= 3 and queued >= 0 and unseen >= 0 and seen >= 0 and queued + unseen + seen <= capacity


def settle(n: int) -> int:
    """Decide which of 0 to 3 a number is, one path for each."""
    if n < 2:
        return 0 if n < 1 else 1
    return 2 if n == 2 else 3


def decide(flag: bool) -> bool:
    """Decide whether a flag is set, one path for each: `bool(flag)` would decide nothing."""
    if flag:  # noqa: SIM103 - the fork is the point
        return True
    return False


def small(capacity: int, queued: int, unseen: int, seen: int, closed: bool, worn: bool) -> Pair:
    """Build a small state of the subject."""
    counts = settle(capacity), settle(queued), settle(unseen), settle(seen)
    shape = Shape(*counts, decide(closed), decide(worn))
    with NoTracing():
        _last[:] = [build(SUBJECT, shape)]
        return _last[0]


def agrees(pair: Pair, name: str, answer: object, lease: int = 0) -> bool:
    """Hold an answer, and all that is visible after it, to the state machine. Divergence if they differ."""
    with NoTracing():
        pair.hold(name, answer, lease)
        pair.check()
        return True


def step(pair: Pair, name: str, lease: int = 0) -> object:
    """Make one call out of the solver's sight, and compare everything after it."""
    with NoTracing():
        return pair.do(name, lease)


def unwind(pair: Pair) -> int:
    """Take everything, look at it and release it, comparing after each call. Gives the number of free slots at the end."""
    with NoTracing():
        while pair.state.queue:
            pair.do("take")
        while pair.joint.held:
            pair.do("look")
            pair.do("release")
            pair.do("release_again")
        return pair.state.free


# One call of each kind, from every small state.


def an_offer(capacity: int, queued: int, unseen: int, seen: int, closed: bool, worn: bool) -> None:
    assert fits(capacity, queued, unseen, seen)
    pair = small(capacity, queued, unseen, seen, closed, worn)
    answer = pair.driver.perform(Call("offer"))
    assert agrees(pair, "offer", answer) and (answer == "ACCEPTED") == (not closed and queued + unseen + seen < capacity)


def a_take(capacity: int, queued: int, unseen: int, seen: int, closed: bool, worn: bool) -> None:
    assert fits(capacity, queued, unseen, seen)
    pair = small(capacity, queued, unseen, seen, closed, worn)
    answer = step(pair, "take")
    assert (answer == "a lease") == (queued > 0) and (answer == "Closed") == (closed and queued == 0 and unseen == 0)


def a_look(capacity: int, queued: int, unseen: int, seen: int, closed: bool, lease: int) -> None:
    assert fits(capacity, queued, unseen, seen) and 0 <= lease < unseen + seen
    pair, i = small(capacity, queued, unseen, seen, closed, True), settle(lease)
    answer = pair.driver.perform(Call("look", i))
    assert agrees(pair, "look", answer, i) and answer == pair.joint.held[i]


def a_release(capacity: int, queued: int, unseen: int, seen: int, closed: bool, lease: int) -> None:
    assert fits(capacity, queued, unseen, seen) and 0 <= lease < unseen + seen
    pair, i = small(capacity, queued, unseen, seen, closed, True), settle(lease)
    answer = pair.driver.perform(Call("release", i))
    assert agrees(pair, "release", answer, i) and step(pair, "release_again") is False


def a_drop(capacity: int, queued: int, unseen: int, seen: int, closed: bool, lease: int) -> None:
    assert fits(capacity, queued, unseen, seen) and 0 <= lease < unseen + seen
    pair, i = small(capacity, queued, unseen, seen, closed, True), settle(lease)
    answer = pair.driver.perform(Call("drop", i))
    assert agrees(pair, "drop", answer, i)


def a_with_block(capacity: int, queued: int, unseen: int, seen: int, closed: bool, lease: int) -> None:
    assert fits(capacity, queued, unseen, seen) and 0 <= lease < unseen + seen
    pair, i = small(capacity, queued, unseen, seen, closed, True), settle(lease)
    answer = pair.driver.perform(Call("enter", i))
    assert agrees(pair, "enter", answer, i)


def a_close(capacity: int, queued: int, unseen: int, seen: int, closed: bool) -> None:
    assert fits(capacity, queued, unseen, seen)
    pair = small(capacity, queued, unseen, seen, closed, True)
    answer = pair.driver.perform(Call("close"))
    assert agrees(pair, "close", answer) and step(pair, "close") is None and step(pair, "offer") == "CLOSED"


def a_drain(capacity: int, queued: int, unseen: int, seen: int, closed: bool) -> None:
    assert fits(capacity, queued, unseen, seen)
    pair = small(capacity, queued, unseen, seen, closed, True)
    answer = step(pair, "drain")
    assert answer == queued + unseen + seen and step(pair, "offer") == "CLOSED"


# Several in a row, from every small state.


def offers_up_to_the_wall(capacity: int, queued: int, unseen: int, seen: int, worn: bool) -> None:
    assert fits(capacity, queued, unseen, seen)
    pair = small(capacity, queued, unseen, seen, False, worn)
    answers = [step(pair, "offer") for _ in range(4)]
    assert answers.count("ACCEPTED") == capacity - queued - unseen - seen


def everything_comes_out_in_order(capacity: int, queued: int, unseen: int, seen: int, closed: bool, worn: bool) -> None:
    assert fits(capacity, queued, unseen, seen)
    pair = small(capacity, queued, unseen, seen, closed, worn)
    free = unwind(pair)
    assert free == capacity and (step(pair, "offer") == "CLOSED" if closed else step(pair, "offer") == "ACCEPTED")


def a_slot_is_used_again(capacity: int, queued: int, unseen: int, seen: int, lease: int, dropped: bool) -> None:
    assert fits(capacity, queued, unseen, seen) and queued + unseen + seen == capacity and 0 <= lease < unseen + seen
    pair, i = small(capacity, queued, unseen, seen, False, True), settle(lease)
    step(pair, "look", i)
    step(pair, "drop" if dropped else "release", i)
    assert step(pair, "offer") == "ACCEPTED" and step(pair, "release_again") is False and step(pair, "offer") == "FULL"


# Whatever the item is.


def an_item_of_any_value(capacity: int, queued: int, item: int) -> None:
    assert fits(capacity, queued, 0, 0) and queued < capacity
    intake = small(capacity, queued, 0, 0, False, True).driver.intake
    answer = intake.offer(item)
    taken = [intake.take(timeout=0).item for _ in range(queued + 1)]
    assert answer is SUBJECT.Outcome.ACCEPTED and taken[-1] is item
