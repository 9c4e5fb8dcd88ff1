"""The state machine of an intake: one definition, run by Hypothesis, explored by CrossHair, walked, proved and drawn.

Trusted: this module never imports the kernel. It is ordinary Python with three habits that let a solver run the same text: no loop,
no `try`, no set or dict of state values. An *action* is a pure function from a state (and an argument) to the next state; its
*guard*, named `can_...`, tells where it is enabled. A *predicate* is named after the clause it makes precise.

    slot       FREE --claim--> CLAIMED --admit--> ADMITTED --publish--> QUEUED --take--> IN FLIGHT --release--> FREE
                                  |                                        ^                |  |
                                  +--retract--> FREE                       +----put back----+  +--abandon--> FREE

An offer is three steps, because an offer in progress holds its slot. It *claims* one; it reads whether the intake is still open and
so is *admitted*, or else *retracts*; it *publishes* the item. In between, other offers may be FULL because of that slot, and takers
may find nothing. A one-step specification is false for every such queue: A has claimed and not published; B is told FULL; B finds
nothing to take.

An item is in flight *unseen* until somebody looks at it, then *seen*: a lease dropped unseen puts its item back, at the end of the
queue; one dropped seen abandons it. Reading the item is a look, and so is asking an iterator for the lease after it.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class State:
    """Describe an intake at an instant. Items are serial numbers in the order of acceptance, from 0.

    free, claimed, admitted: slots at home, held by offers not yet decided, held by offers that will publish.
    queue: queued items, the next to be taken first. unseen, seen: items in flight.
    closed: no new admission. ended: some taker was told Closed. drained: some drain answered 0.
    accepted, full, refused: offers answered ACCEPTED, FULL, CLOSED. released, abandoned: accepted items finished.
    peak: the most slots held at once by items and by offers that found the intake open. What an implementation tells may be
    less, by offers that held a slot and came to nothing, but never less than what is held by items.
    """

    capacity: int
    free: int
    claimed: int = 0
    admitted: int = 0
    queue: tuple[int, ...] = ()
    unseen: tuple[int, ...] = ()
    seen: tuple[int, ...] = ()
    closed: bool = False
    ended: bool = False
    drained: bool = False
    accepted: int = 0
    full: int = 0
    refused: int = 0
    released: int = 0
    abandoned: int = 0
    peak: int = 0


def initial(capacity: int) -> State:
    """Give the state of a new intake: every slot is free."""
    return State(capacity, capacity)


# Offers.


def can_claim(s: State) -> bool:
    return s.free > 0


def claim(s: State) -> State:
    """Hold a free slot for an offer. Nothing is promised yet."""
    held = s.capacity - s.free + 1
    peak = held if held > s.peak and not s.closed else s.peak
    return replace(s, free=s.free - 1, claimed=s.claimed + 1, peak=peak)


def can_admit(s: State) -> bool:
    return s.claimed > 0 and not s.closed


def admit(s: State) -> State:
    """Find the intake open while holding a slot: from here on the offer is accepted, whatever happens."""
    return replace(s, claimed=s.claimed - 1, admitted=s.admitted + 1)


def can_retract(s: State) -> bool:
    return s.claimed > 0 and s.closed


def retract(s: State) -> State:
    """Find the intake closed while holding a slot: give it back and answer CLOSED."""
    return replace(s, claimed=s.claimed - 1, free=s.free + 1, refused=s.refused + 1)


def can_publish(s: State) -> bool:
    return s.admitted > 0


def publish(s: State) -> State:
    """Hand the item to the takers and answer ACCEPTED."""
    return replace(s, admitted=s.admitted - 1, queue=(*s.queue, s.accepted), accepted=s.accepted + 1)


def can_withdraw(s: State) -> bool:
    return s.claimed > 0


def withdraw(s: State) -> State:
    """End an offer by an exception while it holds a slot and no item is stored: the slot goes home, nothing is answered."""
    return replace(s, claimed=s.claimed - 1, free=s.free + 1)


def can_refuse_full(s: State) -> bool:
    return s.free == 0


def refuse_full(s: State) -> State:
    """Answer FULL."""
    return replace(s, full=s.full + 1)


def can_refuse_closed(s: State) -> bool:
    return s.closed


def refuse_closed(s: State) -> State:
    """Answer CLOSED without having held a slot."""
    return replace(s, refused=s.refused + 1)


# Takers. `i` is the position of a lease in `unseen` or `seen`.


def can_take(s: State) -> bool:
    return len(s.queue) > 0


def take(s: State) -> State:
    """Lease the oldest queued item."""
    return replace(s, queue=s.queue[1:], unseen=(*s.unseen, s.queue[0]))


def can_answer_closed(s: State) -> bool:
    """No accepted item can ever appear again: none is queued, none will be published, none can be put back."""
    return s.closed and s.admitted == 0 and len(s.queue) == 0 and len(s.unseen) == 0


def answer_closed(s: State) -> State:
    """Tell a taker that it is over."""
    return replace(s, ended=True)


def can_answer_empty(s: State) -> bool:
    """A time-out is legal whenever nothing is queued."""
    return len(s.queue) == 0


def can_look(s: State, i: int) -> bool:
    return 0 <= i < len(s.unseen)


def look(s: State, i: int) -> State:
    """Look at a lease for the first time: read its item, or ask the iterator that gave it for the next one."""
    return replace(s, unseen=s.unseen[:i] + s.unseen[i + 1 :], seen=(*s.seen, s.unseen[i]))


def can_release(s: State, i: int) -> bool:
    return 0 <= i < len(s.seen)


def release(s: State, i: int) -> State:
    """Finish a lease whose item was seen."""
    return replace(s, seen=s.seen[:i] + s.seen[i + 1 :], free=s.free + 1, released=s.released + 1)


def can_release_unseen(s: State, i: int) -> bool:
    return 0 <= i < len(s.unseen)


def release_unseen(s: State, i: int) -> State:
    """Finish a lease whose item nobody looked at."""
    return replace(s, unseen=s.unseen[:i] + s.unseen[i + 1 :], free=s.free + 1, released=s.released + 1)


def can_abandon(s: State, i: int) -> bool:
    return 0 <= i < len(s.seen)


def abandon(s: State, i: int) -> State:
    """Lose a lease whose item was seen: its slot goes home, its work counts as abandoned."""
    return replace(s, seen=s.seen[:i] + s.seen[i + 1 :], free=s.free + 1, abandoned=s.abandoned + 1)


def can_put_back(s: State, i: int) -> bool:
    return 0 <= i < len(s.unseen)


def put_back(s: State, i: int) -> State:
    """Lose a lease whose item nobody looked at: the item is queued anew, behind what is queued now."""
    return replace(s, unseen=s.unseen[:i] + s.unseen[i + 1 :], queue=(*s.queue, s.unseen[i]))


# The end.


def close(s: State) -> State:
    """Admit nothing from now on. Enabled always, and again."""
    return replace(s, closed=True)


def left(s: State) -> int:
    """Give what a drain answers now: the slots still held, by accepted items or by offers in progress."""
    return s.capacity - s.free


def can_answer_drained(s: State) -> bool:
    return s.closed and left(s) == 0


def answer_drained(s: State) -> State:
    """Answer a drain with 0."""
    return replace(s, drained=True)


# Predicates on a state. Each is part of the inductive invariant.


def in_flight(s: State) -> int:
    return len(s.unseen) + len(s.seen)


def bound_1(s: State) -> bool:
    """Accepted, unfinished work never exceeds the capacity."""
    return len(s.queue) + in_flight(s) <= s.capacity


def bound_2(s: State) -> bool:
    """Slots are conserved: each is free, held by an offer in progress, queued or in flight."""
    counts = s.free >= 0 and s.claimed >= 0 and s.admitted >= 0
    return counts and s.free + s.claimed + s.admitted + len(s.queue) + in_flight(s) == s.capacity


def ledger_1(s: State) -> bool:
    """Accepted is queued + in flight + released + abandoned."""
    counts = s.full >= 0 and s.refused >= 0 and s.released >= 0 and s.abandoned >= 0
    return counts and s.accepted == len(s.queue) + in_flight(s) + s.released + s.abandoned


def close_2(s: State) -> bool:
    """Once a taker was told Closed nothing can be taken again; once a drain answered 0 nothing is accepted or unfinished again."""
    over = s.closed and s.admitted == 0 and len(s.queue) == 0 and len(s.unseen) == 0
    return (not s.ended or over) and (not s.drained or (over and len(s.seen) == 0))


def peak_1(s: State) -> bool:
    """The peak is at least what is held by items, and while open by claims, and at most the capacity (part of LEDGER-1)."""
    held = len(s.queue) + in_flight(s) + s.admitted + (0 if s.closed else s.claimed)
    return held <= s.peak <= s.capacity


def recover_1(s: State) -> bool:
    """With nothing held the intake is as good as new: every slot is free, and unless closed it admits the next offer."""
    idle = s.claimed == 0 and s.admitted == 0 and len(s.queue) == 0 and in_flight(s) == 0
    return not idle or (s.free == s.capacity and can_claim(s))


def invariant(s: State) -> bool:
    """Conjoin all predicates on a state: true at first, kept by every action."""
    return s.capacity >= 1 and bound_1(s) and bound_2(s) and ledger_1(s) and close_2(s) and peak_1(s) and recover_1(s)


# Predicates on a step, from `b` (before) to `a` (after).


def fixed_1(b: State, a: State) -> bool:
    """The capacity never changes."""
    return a.capacity == b.capacity


def exact_1(b: State, a: State) -> bool:
    """FULL is answered only while no slot is free."""
    return a.full == b.full or (a.full == b.full + 1 and b.free == 0)


def explicit_1(b: State, a: State) -> bool:
    """One step answers at most one offer; a rejection leaves every item where it was."""
    answers = (a.accepted - b.accepted) + (a.full - b.full) + (a.refused - b.refused)
    rejected = a.full + a.refused > b.full + b.refused
    same = a.queue == b.queue and a.unseen == b.unseen and a.seen == b.seen and a.accepted == b.accepted
    return 0 <= answers <= 1 and (not rejected or same)


def noretry_1(b: State, a: State) -> bool:
    """Only an accepted item or one put back enters the queue, one at a time, at the end."""
    grown = len(a.queue) - len(b.queue)
    entered = grown == 1 and a.queue[: len(b.queue)] == b.queue
    accepted = a.accepted == b.accepted + 1 and a.queue[-1:] == (b.accepted,)
    returned = a.accepted == b.accepted and len(a.unseen) == len(b.unseen) - 1
    return grown <= 0 or (entered and (accepted or returned))


def local_1(b: State, a: State) -> bool:
    """The item that leaves the queue is its first, and goes into one lease."""
    leaves = len(a.queue) < len(b.queue)
    return not leaves or (a.queue == b.queue[1:] and a.unseen == (*b.unseen, b.queue[0]) and a.seen == b.seen)


def lease_1(b: State, a: State) -> bool:
    """A slot in flight comes home only as released or abandoned, one for one; an item unseen is never abandoned."""
    finished = (a.released - b.released) + (a.abandoned - b.abandoned)
    gone = in_flight(b) - in_flight(a)
    put = len(a.queue) - len(b.queue)
    abandoned_unseen = a.abandoned > b.abandoned and len(a.unseen) < len(b.unseen)
    return 0 <= finished <= 1 and (gone <= 0 or gone == finished or (finished == 0 and gone == put)) and not abandoned_unseen


def close_1(b: State, a: State) -> bool:
    """Closed is final, and admits nobody."""
    return not b.closed or (a.closed and a.admitted <= b.admitted)


def peak_2(b: State, a: State) -> bool:
    """The peak never falls (part of LEDGER-1)."""
    return a.peak >= b.peak


def step(b: State, a: State) -> bool:
    """Conjoin all predicates on a step: true of every action from every state that satisfies the invariant."""
    offers = fixed_1(b, a) and exact_1(b, a) and explicit_1(b, a) and noretry_1(b, a)
    return offers and local_1(b, a) and lease_1(b, a) and close_1(b, a) and peak_2(b, a)


# Every action with its guard, for whoever enumerates them. Those of the second kind take the position of a lease.

ACTIONS = (
    (can_claim, claim),
    (can_admit, admit),
    (can_retract, retract),
    (can_publish, publish),
    (can_withdraw, withdraw),
    (can_refuse_full, refuse_full),
    (can_refuse_closed, refuse_closed),
    (can_take, take),
    (can_answer_closed, answer_closed),
    (can_answer_drained, answer_drained),
)
LEASE_ACTIONS = (
    (can_look, look),
    (can_release, release),
    (can_release_unseen, release_unseen),
    (can_abandon, abandon),
    (can_put_back, put_back),
)
