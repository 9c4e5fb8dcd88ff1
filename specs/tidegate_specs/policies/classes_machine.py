"""The state machine of an admission with a lower and a higher class: the wall's, and the seats before it.

Trusted, and written as `machine` is. Two classes say all that there is to say of more: every threshold divides the classes into
those that it keeps out and those that it does not. The limit, and with it the thresholds, may be set to anything that could be one.

    outside --sit--> asking --ask--> the wall's claim ... FREE --stand--> outside
                            --stand--> outside (the wall refused, or an exception came)
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from .. import machine as wall


@dataclass(frozen=True)
class State(wall.State):
    """Describe a wall behind seats.

    limit, most: the limit, and the threshold of the lower class. low, high: seats that are out, by class. asking: how many of them
    have not asked the wall yet. allowed: the threshold when the lower class was let in last. by_limit, by_class: refusals.
    """

    limit: int = 1
    most: int = 1
    low: int = 0
    high: int = 0
    asking: int = 0
    allowed: int = 0
    by_limit: int = 0
    by_class: int = 0


wall_claim = cast("Callable[[State], State]", wall.claim)
wall_can_claim = cast("Callable[[State], bool]", wall.can_claim)


def initial(capacity: int) -> State:
    """Give the state of a new admission: nobody has a seat, and the limit is the capacity."""
    return State(capacity, capacity, limit=capacity, most=capacity)


def can_sit_low(s: State) -> bool:
    return s.low + s.high < s.most


def sit_low(s: State) -> State:
    """Look and take in one step, by the threshold of the lower class."""
    return replace(s, low=s.low + 1, asking=s.asking + 1, allowed=s.most)


def can_sit_high(s: State) -> bool:
    return s.low + s.high < s.limit


def sit_high(s: State) -> State:
    return replace(s, high=s.high + 1, asking=s.asking + 1)


def can_refuse_class(s: State) -> bool:
    return not s.closed and s.low + s.high >= s.most and s.most < s.limit


def refuse_class(s: State) -> State:
    return replace(s, by_class=s.by_class + 1)


def can_refuse_limit(s: State) -> bool:
    return not s.closed and s.low + s.high >= s.limit and s.limit < s.capacity


def refuse_limit(s: State) -> State:
    return replace(s, by_limit=s.by_limit + 1)


def can_ask(s: State) -> bool:
    return s.asking > 0 and wall_can_claim(s)


def ask(s: State) -> State:
    """Ask the wall, last: its claim is the only step by which a policy comes to a slot."""
    return replace(wall_claim(s), asking=s.asking - 1)


def can_give_up(s: State) -> bool:
    return s.asking > 0 and s.low > 0


def give_up(s: State) -> State:
    """Have a seat of the lower class come home before its call is inside."""
    return replace(s, asking=s.asking - 1, low=s.low - 1)


def can_give_up_high(s: State) -> bool:
    return s.asking > 0 and s.high > 0


def give_up_high(s: State) -> State:
    return replace(s, asking=s.asking - 1, high=s.high - 1)


def can_stand_low(s: State) -> bool:
    return s.low > 0 and s.low + s.high > s.asking


def stand_low(s: State) -> State:
    """Have a seat come home, after the slot was freed."""
    return replace(s, low=s.low - 1)


def can_stand_high(s: State) -> bool:
    return s.high > 0 and s.low + s.high > s.asking


def stand_high(s: State) -> State:
    return replace(s, high=s.high - 1)


def can_set_limit(s: State, limit: int, most: int) -> bool:
    return 1 <= most <= limit <= s.capacity


def set_limit(s: State, limit: int, most: int) -> State:
    """Set the limit and the threshold, up or down, whoever is inside."""
    return replace(s, limit=limit, most=most)


# Predicates.


def class_1(s: State) -> bool:
    """Thresholds are nested, the highest is the limit; whoever of the lower class may come in, one of the higher may."""
    nested = 1 <= s.most <= s.limit <= s.capacity
    return nested and (not can_sit_low(s) or can_sit_high(s))


def class_2(s: State) -> bool:
    """The lower class never holds more seats than its threshold was when the last of it was let in."""
    return s.low == 0 or s.low <= s.allowed


def seats_kept(s: State) -> bool:
    """No more seats are out than there are slots, and none is counted below 0."""
    return s.low >= 0 and s.high >= 0 and 0 <= s.asking <= s.low + s.high <= s.capacity


def policy_2(b: State, a: State) -> bool:
    """A refusal by a policy is an answer of its own: at most one is given in a step, and no other with it."""
    others = (a.accepted - b.accepted) + (a.full - b.full) + (a.refused - b.refused)
    shed = (a.by_limit - b.by_limit) + (a.by_class - b.by_class)
    return shed == 0 or (shed == 1 and others == 0)


def limit_2(b: State, a: State) -> bool:
    """Who is inside stays inside when the limit moves."""
    same = a.limit == b.limit and a.most == b.most
    return same or (a.low == b.low and a.high == b.high and a.asking == b.asking and a.free == b.free)


def invariant(s: State) -> bool:
    """Conjoin the predicates on a state."""
    return class_1(s) and class_2(s) and seats_kept(s)


ACTIONS = (
    (can_sit_low, sit_low, ""),
    (can_sit_high, sit_high, ""),
    (can_refuse_class, refuse_class, ""),
    (can_refuse_limit, refuse_limit, ""),
    (can_ask, ask, "claim"),
    (can_give_up, give_up, ""),
    (can_give_up_high, give_up_high, ""),
    (can_stand_low, stand_low, ""),
    (can_stand_high, stand_high, ""),
)
WEIGHING = ((can_set_limit, set_limit, ""),)  # take a limit and a threshold
LEASE_ACTIONS: tuple[()] = ()
# The wall's own, as they are.
KEPT = (
    "admit retract publish withdraw refuse_full refuse_closed answer_closed answer_drained take look put_back release abandon"
).split()
