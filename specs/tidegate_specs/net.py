"""The kernel at the grain of its atomic steps, with any number of threads at each program point: a net that refines `machine`.

Trusted: never imports the kernel. Same habits as `machine`: no loop, no `try`, no set or dict of state values for a solver to run.

A state counts the threads at each program point, and holds what they share. A *transition* is one step of one thread: it leaves a
point, performs one *primitive*, named by the kernel's own source text, with one of its outcomes, and enters a point. Threads at
IDLE are outside the net: there are always more of them. So the first primitive of an operation leaves IDLE, the last returns there.

    offer     slots.free -> slots.closed -> free.newest -> slots.closed -> items[...] = item -> slots.publish(held)
    take      token = waits.answer -> turns[index] = mark = ... -> _token = token
    release   del mark[1] -> items[index] = NOTHING -> turns[index] = mark[0] + 1 -> slots.restore(held) -> slots.closed

Where the net is wider than the kernel, so that what holds of it holds of the kernel: a call of `ring` goes on by itself while its
caller goes on too; a bell is found in the queue before or behind any item; which of the items in flight a step is about is anyone's
choice. An exception may strike at every point: the token is dropped, and its finaliser is a thread of its own. One taker that asks
whether all is over is *watched*, with the numbers it has counted; the others ask without an end. Any of them may be the one.

Two answers depend on what is still to come, so the map to the specification takes a *foresight*: how many of the offers that found
no slot free will be told FULL (they were refused when they looked), and how many of those about to store their item will be
interrupted before (they were never admitted). `foresee` gives, for a foresight after a transition, one before it: a backward
simulation. Sending a slot home after `close` is a withdrawal, and CLOSED is answered when it is counted.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from .machine import State

IDLE: Final = ""  # the point of threads that are in no operation, or wait


@dataclass(frozen=True)
class Net:
    """Describe the kernel at an instant: first what the threads share, then how many are at each program point.

    free: tokens at home. queue, bells: tokens (by item) and bells in the takers' queue. rings: bells in the drains' queue.
    unseen, seen: items in flight. full, refused: rejections counted. peak, accepted, released, abandoned, ended, drained: as in
    `machine.State`, kept for the map. watched: somebody asks whether all is over, and has found `home` slots at home and `met`
    in flight and seen.
    """

    capacity: int
    free: int
    queue: tuple[int, ...] = ()
    bells: int = 0
    rings: int = 0
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
    watched: bool = False
    home: int = 0
    met: int = 0

    # offer
    looked: int = 0  # found a slot free
    trying: int = 0  # found the intake open
    holding: int = 0  # claimed a slot
    storing: int = 0  # found the intake open, holding a slot
    publishing: int = 0  # stored the item
    retracting: int = 0  # found the intake closed, holding a slot
    unserved: int = 0  # found no slot free
    turned: int = 0  # found the intake closed
    counting_full: int = 0
    counting_closed: int = 0
    yielding: int = 0

    # take: those that hold a token, which are some of `unseen`; those that heard a bell
    marking: int = 0
    handing: int = 0
    asking: int = 0
    adding: int = 0
    scanning: int = 0

    # release: those that have the token, which are some of `seen`
    clearing: int = 0
    finishing: int = 0
    restoring: int = 0

    # finalisers of dropped tokens: of offers, of `unseen`, of `seen`
    recovering: int = 0  # no item is stored
    delivering: int = 0  # an item is stored
    returning: int = 0
    requeuing: int = 0
    giving_up: int = 0
    sending_home: int = 0

    # the end
    leaving: int = 0  # changed something: reads the flag, to ring if it is set
    ringing: int = 0
    ringing_takers: int = 0
    ringing_on: int = 0
    ringing_drains: int = 0
    draining: int = 0


FIELDS: Final = tuple(Net.__dataclass_fields__)
POINTS: Final = FIELDS[FIELDS.index("looked") :]


def new(capacity: int) -> Net:
    """Give the net of a new intake: no thread is in it."""
    return Net(capacity, capacity)


# Guards: which outcome of a primitive is possible.


def always(n: Net) -> bool:
    return True


def some_free(n: Net) -> bool:
    return n.free > 0


def none_free(n: Net) -> bool:
    return n.free == 0


def is_open(n: Net) -> bool:
    return not n.closed


def is_closed(n: Net) -> bool:
    return n.closed


def has_token(n: Net) -> bool:
    return len(n.queue) > 0


def has_bell(n: Net) -> bool:
    return n.bells > 0


def has_ring(n: Net) -> bool:
    return n.rings > 0


def is_empty(n: Net) -> bool:
    return len(n.queue) == 0 and n.bells == 0


def is_filled(n: Net) -> bool:
    return len(n.queue) > 0 or n.bells > 0


def rings_empty(n: Net) -> bool:
    return n.rings == 0


def all_home(n: Net) -> bool:
    return n.free == n.capacity


def some_out(n: Net) -> bool:
    return n.free != n.capacity


def unwatched(n: Net) -> bool:
    return n.closed and not n.watched


def can_meet(n: Net) -> bool:
    """A slot in flight and seen is left that was not counted."""
    return n.watched and n.met < len(n.seen)


def can_meet_at_home(n: Net) -> bool:
    """A slot was in flight and seen when it was looked up, and is on its way home when it is counted."""
    return n.watched and n.home < going_home(n)


def all_settled(n: Net) -> bool:
    return n.watched and n.home + n.met == n.capacity


def is_watched(n: Net) -> bool:
    return n.watched


def in_hands(n: Net) -> int:
    """Count the unseen items that no lease holds: a taker has their token, or a finaliser."""
    return n.marking + n.handing + n.returning + n.requeuing


def in_release(n: Net) -> int:
    """Count the seen items that no lease holds: a release has their token, or a finaliser."""
    return n.clearing + n.finishing + n.restoring + n.giving_up + n.sending_home


def going_home(n: Net) -> int:
    """Count the slots that never queue again once the intake is closed: at home, or held by an offer that is to find it closed."""
    return n.free + n.holding + n.retracting + n.recovering


def a_lease_unseen(n: Net, i: int) -> bool:
    return 0 <= i < len(n.unseen) and in_hands(n) < len(n.unseen)


def some_lease_unseen(n: Net) -> bool:
    return in_hands(n) < len(n.unseen)


def some_lease_seen(n: Net) -> bool:
    return in_release(n) < len(n.seen)


def an_item_unseen(n: Net, i: int) -> bool:
    return 0 <= i < len(n.unseen)


def a_counted_item_seen(n: Net, i: int) -> bool:
    """The slot that comes home next, where the watched taker has counted it in flight."""
    return 0 <= i < len(n.seen) and n.watched and n.met > 0


def an_uncounted_item_seen(n: Net, i: int) -> bool:
    """The same, where nobody is watched or that slot was not counted."""
    return 0 <= i < len(n.seen) and (not n.watched or n.met < len(n.seen))


# Effects on what the threads share.


def nothing(n: Net) -> Net:
    return n


def claim(n: Net) -> Net:
    held = n.capacity - n.free + 1
    peak = held if held > n.peak and not n.closed else n.peak
    return replace(n, free=n.free - 1, peak=peak)


def come_home(n: Net) -> Net:
    return replace(n, free=n.free + 1)


def come_home_and_ring(n: Net) -> Net:
    return replace(n, free=n.free + 1, ringing=n.ringing + 1)


def publish(n: Net) -> Net:
    return replace(n, queue=(*n.queue, n.accepted), accepted=n.accepted + 1)


def count_full(n: Net) -> Net:
    return replace(n, full=n.full + 1)


def count_closed(n: Net) -> Net:
    return replace(n, refused=n.refused + 1)


def take(n: Net) -> Net:
    return replace(n, queue=n.queue[1:], unseen=(*n.unseen, n.queue[0]))


def hear(n: Net) -> Net:
    return replace(n, bells=n.bells - 1)


def watch(n: Net) -> Net:
    return replace(n, watched=True, home=n.free, met=0)


def meet(n: Net) -> Net:
    return replace(n, met=n.met + 1)


def meet_at_home(n: Net) -> Net:
    return replace(n, home=n.home + 1)


def tell_closed(n: Net) -> Net:
    """End a take: it rings, and the handler of its exception reads the flag once more."""
    return replace(n, watched=False, ended=True, leaving=n.leaving + 1)


def tell_closed_quietly(n: Net) -> Net:
    """End a take of the iterator's: it rings, and gives its answer as a value."""
    return replace(n, watched=False, ended=True)


def tell_empty(n: Net) -> Net:
    """End a take: it reads the flag, and the handler of its exception reads it once more."""
    return replace(n, leaving=n.leaving + 1)


def stop_watching(n: Net) -> Net:
    return replace(n, watched=False)


def look(n: Net, i: int) -> Net:
    return replace(n, unseen=n.unseen[:i] + n.unseen[i + 1 :], seen=(*n.seen, n.unseen[i]))


def release(n: Net, i: int) -> Net:
    return replace(n, seen=n.seen[:i] + n.seen[i + 1 :], free=n.free + 1, released=n.released + 1)


def release_counted(n: Net, i: int) -> Net:
    return replace(release(n, i), met=n.met - 1, home=n.home + 1)


def abandon(n: Net, i: int) -> Net:
    return replace(n, seen=n.seen[:i] + n.seen[i + 1 :], free=n.free + 1, abandoned=n.abandoned + 1)


def abandon_counted(n: Net, i: int) -> Net:
    return replace(abandon(n, i), met=n.met - 1, home=n.home + 1)


def put_back(n: Net, i: int) -> Net:
    return replace(n, unseen=n.unseen[:i] + n.unseen[i + 1 :], queue=(*n.queue, n.unseen[i]))


def shut(n: Net) -> Net:
    return replace(n, closed=True)


def shut_and_ring(n: Net) -> Net:
    return replace(n, closed=True, ringing=n.ringing + 1)


def tell_drained(n: Net) -> Net:
    return replace(n, drained=True)


def ring_takers(n: Net) -> Net:
    return replace(n, bells=n.bells + 1)


def ring_drains(n: Net) -> Net:
    return replace(n, rings=n.rings + 1)


def hear_ring(n: Net) -> Net:
    return replace(n, rings=n.rings - 1)


# The map to the specification.


def specification(n: Net, full_ahead: int, doomed: int) -> State:
    """Give the specification's state. full_ahead: refused as FULL and not counted yet. doomed: will not store their item."""
    return State(
        capacity=n.capacity,
        free=n.free,
        claimed=n.holding + n.retracting + n.recovering + doomed,
        admitted=n.storing - doomed + n.publishing + n.delivering,
        queue=n.queue,
        unseen=n.unseen,
        seen=n.seen,
        closed=n.closed,
        ended=n.ended,
        drained=n.drained,
        accepted=n.accepted,
        full=n.full + full_ahead,
        refused=n.refused,
        released=n.released,
        abandoned=n.abandoned,
        peak=n.peak,
    )


def possible(n: Net, full_ahead: int, doomed: int) -> bool:
    """Tell whether there are as many offers as a foresight speaks of."""
    return 0 <= full_ahead <= n.unserved + n.counting_full and 0 <= doomed <= n.storing


# Which foresight before a transition belongs to one after it, and whether the action happens then (else nothing does).

Foresight = tuple[int, int, bool]


def as_before(a: Net, full_ahead: int, doomed: int) -> Foresight:
    return full_ahead, doomed, True


def refused_now(a: Net, full_ahead: int, doomed: int) -> Foresight:
    """The offer that looks is refused now if all those that may be told FULL will be."""
    all_of_them = full_ahead == a.unserved + a.counting_full
    return (full_ahead - 1, doomed, True) if all_of_them else (full_ahead, doomed, False)


def counted_now(a: Net, full_ahead: int, doomed: int) -> Foresight:
    return full_ahead + 1, doomed, False


def admitted_now(a: Net, full_ahead: int, doomed: int) -> Foresight:
    """The offer that found the intake open is admitted now unless all of those will be interrupted."""
    return (full_ahead, doomed - 1, False) if doomed == a.storing else (full_ahead, doomed, True)


def struck_now(a: Net, full_ahead: int, doomed: int) -> Foresight:
    return full_ahead, doomed + 1, False


# Transitions.


@dataclass(frozen=True)
class Transition:
    """Describe one step of one thread.

    primitive: the kernel's source text that performs it; an exception has none. outcome: which of its outcomes. at, to: the
    program points it leaves and enters. guard, effect: on what is shared; of_item: both take the position of an item in flight.
    action: the specification's, by name; empty if nothing happens there. never: no reachable state enables it.
    """

    operation: str
    primitive: str
    outcome: str
    at: str
    to: str
    guard: Callable[..., bool] = always
    effect: Callable[..., Net] = nothing
    action: str = ""
    of_item: bool = False
    foresee: Callable[[Net, int, int], Foresight] = as_before
    never: bool = False

    @property
    def name(self) -> str:
        """Name it uniquely: operation, primitive, outcome, and where it starts."""
        return f"{self.operation}: {self.primitive or 'an exception'}, {self.outcome} ({self.at or 'idle'} -> {self.to or 'idle'})"


def enabled(n: Net, t: Transition, *item: int) -> bool:
    """Tell whether some thread can take a step."""
    there = t.at == IDLE or getattr(n, t.at) > 0
    return there and t.guard(n, *item)


def fire(n: Net, t: Transition, *item: int) -> Net:
    """Take a step: one thread leaves a point and enters another, and what is shared changes."""
    return _enter(_leave(t.effect(n, *item), t.at), t.to)


def _leave(n: Net, point: str) -> Net:
    return _moved(n, point, -1)


def _enter(n: Net, point: str) -> Net:
    return _moved(n, point, +1)


def _moved(n: Net, point: str, by: int) -> Net:
    changed: dict[str, Any] = {} if point == IDLE else {point: getattr(n, point) + by}
    return replace(n, **changed)


T = Transition
OFFER: Final = (
    T("offer", "slots.free", "some", IDLE, "looked", some_free),
    T("offer", "slots.free", "none", IDLE, "unserved", none_free, action="refuse_full", foresee=refused_now),
    T("offer", "slots.closed", "open", "looked", "trying", is_open),
    T("offer", "slots.closed", "closed", "looked", "turned", is_closed),
    T("offer", "free.newest", "a token", "trying", "holding", some_free, claim, "claim"),
    T("offer", "free.newest", "IndexError", "trying", "unserved", none_free, action="refuse_full", foresee=refused_now),
    T("offer", "slots.closed", "open", "holding", "storing", is_open, action="admit", foresee=admitted_now),
    T("offer", "slots.closed", "closed", "holding", "retracting", is_closed),
    T("offer", "slots.items[token.slot.index] = item", "stored", "storing", "publishing"),
    T("offer", "slots.publish(held)", "ACCEPTED", "publishing", IDLE, always, publish, "publish"),
    T("offer", "slots.restore(held)", "home", "retracting", "turned", always, come_home_and_ring, "withdraw"),
    T("offer", "slots.closed", "open", "unserved", "counting_full", is_open),
    T("offer", "slots.closed", "closed", "unserved", "counting_closed", is_closed),
    T("offer", "slots.closed", "open", "turned", "counting_full", is_open, never=True),
    T("offer", "slots.closed", "closed", "turned", "counting_closed", is_closed),
    T("offer", "next(slots.answered_full)", "FULL", "counting_full", IDLE, always, count_full, foresee=counted_now),
    T("offer", "next(slots.answered_full)", "a 24th", "counting_full", "yielding", always, count_full, foresee=counted_now),
    T("offer", "next(slots.answered_closed)", "CLOSED", "counting_closed", IDLE, always, count_closed, "refuse_closed"),
    T("offer", "next(slots.answered_closed)", "a 24th", "counting_closed", "yielding", always, count_closed, "refuse_closed"),
    T("offer", "yield_processor()", "yielded", "yielding", IDLE),
)
TAKE: Final = (
    T("take", "token = waits.answer", "a token", IDLE, "marking", has_token, take, "take"),
    T("take", "token = waits.answer", "a bell", IDLE, "asking", has_bell, hear),
    T("take", "token = waits.answer", "Empty", IDLE, "leaving", is_empty, tell_empty),
    T("take", "turns[index] = mark = [turns[index], False]", "stored", "marking", "handing"),
    T("take", "lease._token = token", "a lease", "handing", IDLE),
    T("take", "not self.closed", "open", "asking", IDLE, is_open, never=True),
    T("take", "not self.closed", "closed", "asking", "adding", is_closed),
    T("take", "len(self.free)", "a number", "adding", "scanning"),
    T("take", "len(self.free)", "watched", "adding", IDLE, unwatched, watch),
    T("take", "turn[1:] == SEEN", "true", IDLE, IDLE, can_meet, meet),
    T("take", "turn[1:] == SEEN", "true, and released", IDLE, IDLE, can_meet_at_home, meet_at_home),
    T("take", "settled == self.capacity", "true", IDLE, "ringing", all_settled, tell_closed, "answer_closed"),
    T("take", "settled == self.capacity", "true, quietly", IDLE, "ringing", all_settled, tell_closed_quietly, "answer_closed"),
    T("take", "settled == self.capacity", "false, watched", IDLE, IDLE, is_watched, stop_watching),
    T("take", "settled == self.capacity", "false", "scanning", IDLE),
)
LEASE: Final = (
    T("look", "self._mark[1] = True", "first", IDLE, "leaving", a_lease_unseen, look, "look", of_item=True),
    T("look", "self._mark[1] = True", "again", IDLE, "leaving"),
    T("look", "self._mark[1] = True", "IndexError", IDLE, IDLE),
    T("next", "last[0][1] = True", "first", IDLE, "leaving", a_lease_unseen, look, "look", of_item=True),
    T("next", "last[0][1] = True", "again", IDLE, "leaving"),
    T("next", "last[0][1] = True", "IndexError", IDLE, "leaving"),
    T("release", "del mark[1]", "first", IDLE, "clearing", a_lease_unseen, look, "look", of_item=True),
    T("release", "del mark[1]", "again", IDLE, "clearing", some_lease_seen),
    T("release", "del mark[1]", "IndexError", IDLE, IDLE),
    T("release", "slots.items[index] = NOTHING", "stored", "clearing", "finishing"),
    T("release", "slots.turns[index] = mark[0] + 1", "stored", "finishing", "restoring"),
    T(
        "release",
        "slots.restore(held)",
        "home",
        "restoring",
        "leaving",
        an_uncounted_item_seen,
        release,
        "release",
        of_item=True,
    ),
    T(
        "release",
        "slots.restore(held)",
        "home, counted",
        "restoring",
        "leaving",
        a_counted_item_seen,
        release_counted,
        "release",
        of_item=True,
    ),
)
DROP: Final = (
    T("drop", "", "of a lease unseen", IDLE, "returning", some_lease_unseen),
    T("drop", "", "of a lease seen", IDLE, "giving_up", some_lease_seen),
    T("offer", "", "struck", "holding", "recovering"),
    T("offer", "", "struck", "storing", "recovering", foresee=struck_now),
    T("offer", "", "struck", "publishing", "delivering"),
    T("offer", "", "struck", "retracting", "recovering"),
    T("offer", "", "struck", "looked", IDLE),
    T("offer", "", "struck", "trying", IDLE),
    T("offer", "", "struck", "unserved", IDLE),
    T("offer", "", "struck", "turned", IDLE),
    T("offer", "", "struck", "counting_full", IDLE),
    T("offer", "", "struck", "counting_closed", IDLE),
    T("offer", "", "struck", "yielding", IDLE),
    T("take", "", "struck", "marking", "requeuing"),
    T("take", "", "struck", "handing", "returning"),
    T("take", "", "struck", "asking", "leaving"),
    T("take", "", "struck", "adding", "leaving"),
    T("take", "", "struck", "scanning", "leaving"),
    T("take", "", "struck, watched", IDLE, "leaving", is_watched, stop_watching),
    T("release", "", "struck", "clearing", "giving_up"),
    T("release", "", "struck", "finishing", "giving_up"),
    T("drain", "", "struck", "draining", "ringing"),
    T("recover", "self.restore(token)", "home", "recovering", "leaving", always, come_home, "withdraw"),
    T("recover", "self.publish(token)", "queued", "delivering", IDLE, always, publish, "publish"),
    T("recover", "self.turns[index] = turn[0]", "stored", "returning", "requeuing"),
    T("recover", "self.publish(token)", "put back", "requeuing", IDLE, an_item_unseen, put_back, "put_back", of_item=True),
    T("recover", "self.turns[index] = turn[0] + 1 + ABANDONED", "stored", "giving_up", "sending_home"),
    T(
        "recover",
        "self.restore(token)",
        "home",
        "sending_home",
        "leaving",
        an_uncounted_item_seen,
        abandon,
        "abandon",
        of_item=True,
    ),
    T(
        "recover",
        "self.restore(token)",
        "home, counted",
        "sending_home",
        "leaving",
        a_counted_item_seen,
        abandon_counted,
        "abandon",
        of_item=True,
    ),
)
END: Final = (
    T("leave", "slots.closed", "open", "leaving", IDLE, is_open),
    T("leave", "slots.closed", "closed", "leaving", "ringing", is_closed),
    T("ring", "self.queue.empty()", "true", "ringing", "ringing_takers", is_empty),
    T("ring", "self.queue.empty()", "false", "ringing", "ringing_on", is_filled),
    T("ring", "self.queue.put(None)", "a bell", "ringing_takers", "ringing_on", always, ring_takers),
    T("ring", "self.bell.empty()", "true", "ringing_on", "ringing_drains", rings_empty),
    T("ring", "self.bell.empty()", "false", "ringing_on", IDLE, has_ring),
    T("ring", "self.bell.put(None)", "a bell", "ringing_drains", IDLE, always, ring_drains),
    T("close", "slots.closed = True", "closed", IDLE, "ringing", always, shut, "close"),
    T("drain", "slots.closed = True", "closed", IDLE, "draining", always, shut_and_ring, "close"),
    T("drain", "len(slots.free)", "all", "draining", "ringing", all_home, tell_drained, "answer_drained"),
    T("drain", "len(slots.free)", "fewer", "draining", "draining", some_out),
    T("drain", "_ = waits.answer", "a bell", "draining", "draining", has_ring, hear_ring),
    T("drain", "_ = waits.answer", "Empty", "draining", "draining", rings_empty),
    T("drain", "len(slots.free)", "at the deadline", "draining", "ringing", some_out),
    T("statistics", "list(chain(iter(turns)", "a copy", IDLE, IDLE),
)
TRANSITIONS: Final[tuple[Transition, ...]] = (*OFFER, *TAKE, *LEASE, *DROP, *END)


# What is true of every reachable state.


def counts(n: Net) -> bool:
    """No program point and no queue holds fewer than none."""
    return (
        n.free >= 0
        and n.bells >= 0
        and n.rings >= 0
        and n.looked >= 0
        and n.trying >= 0
        and n.holding >= 0
        and n.storing >= 0
        and n.publishing >= 0
        and n.retracting >= 0
        and n.unserved >= 0
        and n.turned >= 0
        and n.counting_full >= 0
        and n.counting_closed >= 0
        and n.yielding >= 0
        and n.marking >= 0
        and n.handing >= 0
        and n.asking >= 0
        and n.adding >= 0
        and n.scanning >= 0
        and n.clearing >= 0
        and n.finishing >= 0
        and n.restoring >= 0
        and n.recovering >= 0
        and n.delivering >= 0
        and n.returning >= 0
        and n.requeuing >= 0
        and n.giving_up >= 0
        and n.sending_home >= 0
        and n.leaving >= 0
        and n.ringing >= 0
        and n.ringing_takers >= 0
        and n.ringing_on >= 0
        and n.ringing_drains >= 0
        and n.draining >= 0
    )


def conservation(n: Net) -> bool:
    """Each slot is at home, held by one offer or by its finaliser, queued, or in flight (BOUND-2)."""
    offers = n.holding + n.storing + n.publishing + n.retracting + n.recovering + n.delivering
    return n.free + offers + len(n.queue) + len(n.unseen) + len(n.seen) == n.capacity


def one_token(n: Net) -> bool:
    """Of the items in flight, as many at most are in somebody's hands as there are: the rest are held by leases."""
    return in_hands(n) <= len(n.unseen) and in_release(n) <= len(n.seen)


def after_close(n: Net) -> bool:
    """Only who has seen the flag set is where that leads, and bells ring only then (a fork, which is outside, rings one too)."""
    seen_it = n.retracting + n.turned + n.counting_closed + n.adding + n.scanning + n.draining
    rung = n.bells + n.rings + n.asking + n.ringing + n.ringing_takers + n.ringing_on + n.ringing_drains
    return n.closed or (seen_it == 0 and rung == 0 and not n.watched and not n.ended and not n.drained)


def settled(n: Net) -> bool:
    """What a watched taker has counted is still on its way home, or in flight and seen (CLOSE-2)."""
    return not n.watched or (0 <= n.home <= going_home(n) and 0 <= n.met <= len(n.seen))


def invariant(n: Net) -> bool:
    """Conjoin all predicates: true at first, kept by every transition."""
    return n.capacity >= 1 and counts(n) and conservation(n) and one_token(n) and after_close(n) and settled(n)
