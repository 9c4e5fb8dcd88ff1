"""Contracts over the state machine, for CrossHair: read by `contracts`, never called.

Each has one leading assert, the hypothesis; some work; and one assert at the end, the claim. Counts are any integers; the three
tuples together are cut to a few items, as no action reads further than the ends and one position.
"""

from dataclasses import replace

from . import machine as m
from .machine import State


def few(s: State, most: int) -> bool:
    """Cut a state to that many items, and demand what every reachable state satisfies."""
    return len(s.queue) + len(s.unseen) + len(s.seen) <= most and m.invariant(s)


def sound(b: State, a: State) -> bool:
    """Tell whether a step is what it may be, and keeps the invariant."""
    return m.invariant(a) and m.step(b, a)


# Every action keeps the invariant and the predicates on steps.


def initial_is_sound(capacity: int) -> None:
    assert capacity >= 1
    s = m.initial(capacity)
    assert m.invariant(s) and m.can_claim(s) and m.left(s) == 0


def claim_is_sound(s: State) -> None:
    assert few(s, 1) and m.can_claim(s)
    a = m.claim(s)
    assert sound(s, a) and m.can_withdraw(a)


def admit_is_sound(s: State) -> None:
    assert few(s, 1) and m.can_admit(s)
    a = m.admit(s)
    assert sound(s, a) and m.can_publish(a)


def retract_is_sound(s: State) -> None:
    assert few(s, 1) and m.can_retract(s)
    a = m.retract(s)
    assert sound(s, a) and a.refused == s.refused + 1 and a.free == s.free + 1


def publish_is_sound(s: State) -> None:
    assert few(s, 2) and m.can_publish(s)
    a = m.publish(s)
    assert sound(s, a) and a.accepted == s.accepted + 1 and m.can_take(a)


def withdraw_is_sound(s: State) -> None:
    assert few(s, 1) and m.can_withdraw(s)
    a = m.withdraw(s)
    assert sound(s, a) and a.free == s.free + 1


def refuse_full_is_sound(s: State) -> None:
    assert few(s, 2) and m.can_refuse_full(s)
    a = m.refuse_full(s)
    assert sound(s, a) and a.full == s.full + 1


def refuse_closed_is_sound(s: State) -> None:
    assert few(s, 1) and m.can_refuse_closed(s)
    a = m.refuse_closed(s)
    assert sound(s, a) and a.refused == s.refused + 1


def take_is_sound(s: State) -> None:
    assert few(s, 2) and m.can_take(s)
    a = m.take(s)
    assert sound(s, a) and a.unseen[-1] == s.queue[0]


def answer_closed_is_sound(s: State) -> None:
    assert few(s, 1) and m.can_answer_closed(s)
    a = m.answer_closed(s)
    assert sound(s, a) and not m.can_take(a)


def answer_drained_is_sound(s: State) -> None:
    assert few(s, 1) and m.can_answer_drained(s)
    a = m.answer_drained(s)
    assert sound(s, a) and a.free == a.capacity


def close_is_sound(s: State) -> None:
    assert few(s, 1)
    a = m.close(s)
    assert sound(s, a) and a.closed and m.close(a) == a


def look_is_sound(s: State, i: int) -> None:
    assert few(s, 2) and m.can_look(s, i)
    a = m.look(s, i)
    assert sound(s, a) and a.seen[-1] == s.unseen[i]


def release_is_sound(s: State, i: int) -> None:
    assert few(s, 2) and m.can_release(s, i)
    a = m.release(s, i)
    assert sound(s, a) and a.released == s.released + 1 and m.can_claim(a)


def release_unseen_is_sound(s: State, i: int) -> None:
    assert few(s, 2) and m.can_release_unseen(s, i)
    a = m.release_unseen(s, i)
    assert sound(s, a) and a.released == s.released + 1 and m.can_claim(a)


def abandon_is_sound(s: State, i: int) -> None:
    assert few(s, 2) and m.can_abandon(s, i)
    a = m.abandon(s, i)
    assert sound(s, a) and a.abandoned == s.abandoned + 1 and m.can_claim(a)


def put_back_is_sound(s: State, i: int) -> None:
    assert few(s, 2) and m.can_put_back(s, i)
    a = m.put_back(s, i)
    assert sound(s, a) and a.queue[-1] == s.unseen[i] and a.free == s.free


# Every question has an answer, and only one where the contract says so.


def an_open_intake_admits_or_is_full(s: State) -> None:
    assert s.free >= 0 and not s.closed
    admits, full = m.can_claim(s), m.can_refuse_full(s)
    assert admits != full and not m.can_refuse_closed(s)


def a_closed_intake_admits_nobody(s: State) -> None:
    assert s.closed and m.can_claim(s) and s.claimed >= 0
    a = m.claim(s)
    assert m.can_refuse_closed(s) and not m.can_admit(a) and m.can_retract(a)


def a_claim_is_admitted_or_retracted(s: State) -> None:
    assert s.claimed > 0
    admits, retracts = m.can_admit(s), m.can_retract(s)
    assert admits != retracts


def an_offer_given_up_leaves_no_trace(s: State) -> None:
    assert m.can_claim(s) and len(s.queue) + len(s.unseen) + len(s.seen) <= 2
    a = m.withdraw(m.claim(s))
    assert replace(a, peak=s.peak) == s


def a_taker_finds_something_or_nothing(s: State) -> None:
    assert len(s.queue) <= 3
    something, nothing = m.can_take(s), m.can_answer_empty(s)
    assert something != nothing and (nothing or not m.can_answer_closed(s))


def closed_to_takers_is_final(s: State) -> None:
    assert m.close_2(s) and s.ended
    comes = m.can_take(s) or m.can_publish(s) or m.can_admit(s) or m.can_put_back(s, 0)
    assert not comes


def drained_is_final(s: State) -> None:
    assert m.close_2(s) and s.drained
    comes = m.can_take(s) or m.can_publish(s) or m.can_admit(s) or m.can_put_back(s, 0) or m.can_release(s, 0)
    assert not comes and m.in_flight(s) == 0


def a_drain_counts_what_is_held(s: State) -> None:
    assert m.bound_2(s)
    left = m.left(s)
    assert 0 <= left <= s.capacity and left == s.claimed + s.admitted + len(s.queue) + m.in_flight(s)


def a_lease_ends_one_way(s: State, i: int) -> None:
    assert len(s.unseen) <= 2 and len(s.seen) <= 2
    unseen, seen = m.can_look(s, i), m.can_release(s, i)
    assert unseen == m.can_put_back(s, i) == m.can_release_unseen(s, i) and seen == m.can_abandon(s, i)
