"""The state machine of a policy of time: the wall's (`tidegate_specs.machine`), and what the policy adds to it.

Trusted, and written as that one is, so that the same functions are run, walked and proved. A state is one of the wall's with five
numbers more, so every action of the wall is one here. The clock is an argument: whoever weighs an item brings its age and its
patience, and may bring any numbers, so that nothing is assumed of how time goes.

    IN FLIGHT, weighed --hand_out--> in flight, handed out --look, release, ...
                       --expire--> FREE, owed --tell--> told
                       --put_back--> QUEUED

A taker first takes what the wall gives it (`fetch`). The lease is unseen as long as the item is *weighed*, so whatever ends the
taker puts the item back. To the wall an item that expires is one that was released unseen.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from .. import machine as wall


@dataclass(frozen=True)
class State(wall.State):
    """Describe an intake under a policy of time.

    weighed: how many of the unseen are still weighed. expired, late: items that expired, offers answered LATE. owed, told: of those
    that expired, how many are still to be told, and how many were. stale: items handed out although older than their patience.
    """

    weighed: int = 0
    expired: int = 0
    late: int = 0
    owed: int = 0
    told: int = 0
    stale: int = 0


# The wall's own actions, which leave alone what a state has more.
wall_take = cast("Callable[[State], State]", wall.take)
wall_look = cast("Callable[[State, int], State]", wall.look)
wall_put_back = cast("Callable[[State, int], State]", wall.put_back)
wall_release_unseen = cast("Callable[[State, int], State]", wall.release_unseen)


def initial(capacity: int) -> State:
    """Give the state of a new intake: every slot is free."""
    return State(capacity, capacity)


# At the door.


def can_refuse_late(s: State) -> bool:
    return not s.closed


def refuse_late(s: State) -> State:
    """Answer LATE. Whether it is right to is for the estimate: no state depends on it, and it depends on no slot."""
    return replace(s, late=s.late + 1)


# Takers. `i` is the position of a lease in `unseen`.


def can_fetch(s: State) -> bool:
    return len(s.queue) > 0


def fetch(s: State) -> State:
    """Take what the wall gives, to weigh it."""
    return replace(wall_take(s), weighed=s.weighed + 1)


def can_hand_out(s: State, age: int, patience: int) -> bool:
    return s.weighed > 0 and age <= patience


def hand_out(s: State, age: int, patience: int) -> State:
    """Give the item to whoever asked, as work."""
    return replace(s, weighed=s.weighed - 1, stale=s.stale + 1 if age > patience else s.stale)


def can_expire(s: State, i: int) -> bool:
    return s.weighed > 0 and 0 <= i < len(s.unseen)


def expire(s: State, i: int) -> State:
    """Free the slot of an item that is too old, and count it: it is owed to be told."""
    return replace(wall_release_unseen(s, i), weighed=s.weighed - 1, expired=s.expired + 1, owed=s.owed + 1)


def can_tell(s: State) -> bool:
    return s.owed > 0


def tell(s: State) -> State:
    """Tell the owner of an item that it expired. Nothing is held meanwhile."""
    return replace(s, owed=s.owed - 1, told=s.told + 1)


def can_give_up(s: State, i: int) -> bool:
    return s.weighed > 0 and 0 <= i < len(s.unseen)


def give_up(s: State, i: int) -> State:
    """End a taker before it handed out what it weighed: the item goes back."""
    return replace(wall_put_back(s, i), weighed=s.weighed - 1)


def can_look_at(s: State, i: int) -> bool:
    return len(s.unseen) > s.weighed and 0 <= i < len(s.unseen)


def look_at(s: State, i: int) -> State:
    """Look at the item of a lease that was handed out."""
    return wall_look(s, i)


def can_release_handed(s: State, i: int) -> bool:
    return len(s.unseen) > s.weighed and 0 <= i < len(s.unseen)


def release_handed(s: State, i: int) -> State:
    """Finish a lease that was handed out and whose item nobody looked at."""
    return wall_release_unseen(s, i)


def can_put_handed_back(s: State, i: int) -> bool:
    return len(s.unseen) > s.weighed and 0 <= i < len(s.unseen)


def put_handed_back(s: State, i: int) -> State:
    """Lose a lease that was handed out and whose item nobody looked at."""
    return wall_put_back(s, i)


# Predicates.


def released(s: State) -> int:
    """Give what is told as released: to the wall an item that expired is one of them."""
    return s.released - s.expired


def fresh_1(s: State) -> bool:
    """Nothing was handed out that was older than its patience; whatever expired is owed to be told or was told, each once."""
    return s.stale == 0 and s.owed >= 0 and s.told >= 0 and s.owed + s.told == s.expired


def fresh_2(s: State) -> bool:
    """The ledger adds up with what expired, and no count in it is negative."""
    whole = len(s.queue) + len(s.unseen) + len(s.seen) + released(s) + s.abandoned + s.expired
    return s.accepted == whole and released(s) >= 0 and s.expired >= 0


def policy_3(s: State) -> bool:
    """A taker that weighs holds a slot of the wall's, as any taker; an offer that is refused holds none."""
    return 0 <= s.weighed <= len(s.unseen)


def policy_2(b: State, a: State) -> bool:
    """LATE is an answer of its own: at most one offer is answered in a step, and one that is told LATE nothing else."""
    others = (a.accepted - b.accepted) + (a.full - b.full) + (a.refused - b.refused)
    return a.late == b.late or (a.late == b.late + 1 and others == 0)


def invariant(s: State) -> bool:
    """Conjoin the predicates on a state; with the wall's own (`machine.invariant`) it is inductive."""
    return fresh_1(s) and fresh_2(s) and policy_3(s) and s.late >= 0


# Every action that the policy adds or guards, with its guard and the wall's action that it is ("": none).
ACTIONS = (
    (can_refuse_late, refuse_late, ""),
    (can_fetch, fetch, "take"),
    (can_tell, tell, ""),
)
WEIGHING = ((can_hand_out, hand_out, ""),)  # take an age and a patience
LEASE_ACTIONS = (
    (can_expire, expire, "release_unseen"),
    (can_give_up, give_up, "put_back"),
    (can_look_at, look_at, "look"),
    (can_release_handed, release_handed, "release_unseen"),
    (can_put_handed_back, put_handed_back, "put_back"),
)
# The wall's own, as they are.
KEPT = "claim admit retract publish withdraw refuse_full refuse_closed answer_closed answer_drained release abandon".split()
