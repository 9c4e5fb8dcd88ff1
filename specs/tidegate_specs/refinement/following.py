"""Follow a call in the specification: which action it is, and what it must answer."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from .. import machine
from ..machine import State
from .driver import MISUSES, Call
from .observed import Divergence


class SpecificationFault(Exception):
    """Report that an action of the state machine broke a predicate of its own."""


@dataclass(frozen=True, slots=True)
class Joint:
    """Pair a state with the leases held: their serial numbers by age, as the driver keeps them.

    iterated: the one of them that the driver's iterator gave last; -1 if it gave none, or that lease is gone.
    """

    state: State
    held: tuple[int, ...] = ()
    iterated: int = -1

    def is_unseen(self, lease: int) -> bool:
        return self.held[lease] in self.state.unseen


# What the state machine makes of a call and its answer.


def move(s: State, guard: Callable[..., bool], action: Callable[..., State], *argument: int) -> State:
    """Take one step of the state machine, and check its predicates on the way."""
    after = action(s, *argument)
    if not guard(s, *argument) or not machine.step(s, after) or not machine.invariant(after):
        raise SpecificationFault(f"{action.__name__}{argument} from {s}")
    return after


def always(_: State) -> bool:
    """Be the guard of an action that is enabled always."""
    return True


def follow(joint: Joint, call: Call, answer: object) -> Joint:
    """Give what comes after a call that got this answer. Divergence if the specification doesn't allow the answer."""
    if type(answer) is str and answer.startswith("called "):
        return _demand(allowed=False, clauses=("HOSTILE-1",), call=call, answer=answer, joint=joint)
    if call.name in MISUSES:
        expected = joint.state.capacity if call.name == "show" else "refused"
        return _demand(answer == expected, (_MISUSE_CLAUSES[call.name],), call, answer, joint)
    return _FOLLOW[call.name](joint, call, answer)


def _demand(allowed: bool, clauses: tuple[str, ...], call: Call, answer: object, joint: Joint) -> Joint:
    if not allowed:
        raise Divergence(clauses, f"{call} answered {answer!s} in {account_of(joint.state)}")
    return joint


def account_of(s: State) -> str:
    """Say in a few words where a state machine is."""
    held = f"{s.free} free, queue {list(s.queue)}, unseen {list(s.unseen)}, seen {list(s.seen)}"
    return f"an intake of {s.capacity} ({'closed' if s.closed else 'open'}; {held})"


def _follow_offer(joint: Joint, call: Call, answer: object) -> Joint:
    s = joint.state
    if answer == "ACCEPTED":
        broken = [*(["CLOSE-1", "CLOSE-2"] if s.closed else []), *([] if machine.can_claim(s) else ["BOUND-1", "BOUND-2"])]
        _demand(not broken, tuple(broken), call, answer, joint)
        claimed = move(s, machine.can_claim, machine.claim)
        return replace(joint, state=move(move(claimed, machine.can_admit, machine.admit), machine.can_publish, machine.publish))
    if answer == "FULL":
        _demand(machine.can_refuse_full(s), ("EXACT-1", "RECOVER-1"), call, answer, joint)
        return replace(joint, state=move(s, machine.can_refuse_full, machine.refuse_full))
    if answer == "CLOSED":
        _demand(machine.can_refuse_closed(s), ("EXACT-1", "CLOSE-1"), call, answer, joint)
        return replace(joint, state=move(s, machine.can_refuse_closed, machine.refuse_closed))
    kept = "kept" in str(answer)
    return _demand(
        allowed=False, clauses=("MEMORY-1", "NORETRY-1") if kept else ("EXPLICIT-1",), call=call, answer=answer, joint=joint
    )


def _follow_take(joint: Joint, call: Call, answer: object) -> Joint:
    s = joint.state
    if answer == "a lease":
        _demand(machine.can_take(s), ("LOCAL-1", "BOUND-2"), call, answer, joint)
        return replace(joint, state=move(s, machine.can_take, machine.take), held=(*joint.held, s.queue[0]))
    over = machine.can_answer_closed(s)
    if answer == "Closed":
        _demand(over, ("CLOSE-2",), call, answer, joint)
        return replace(joint, state=move(s, machine.can_answer_closed, machine.answer_closed))
    # At rest a taker hears that it is over: else those who wait would never wake.
    broken = ("CLOSE-2",) if s.closed else ("LOCAL-1",)
    return _demand(answer == "Empty" and machine.can_answer_empty(s) and not over, broken, call, answer, joint)


def looked_by_asking(joint: Joint) -> Joint:
    """Mark the lease that the iterator gave last as seen: whoever asks for the next one has looked at it (LEASE-1)."""
    return joint if joint.iterated < 0 else _look(joint, joint.held.index(joint.iterated))


def _follow_iterate(joint: Joint, call: Call, answer: object) -> Joint:
    after = _follow_take(looked_by_asking(joint), call, answer)
    return replace(after, iterated=after.held[-1]) if answer == "a lease" else after


def _look(joint: Joint, lease: int) -> Joint:
    """Mark a lease's item as seen, if it is not yet."""
    s, serial = joint.state, joint.held[lease]
    if serial not in s.unseen:
        return joint
    return replace(joint, state=move(s, machine.can_look, machine.look, s.unseen.index(serial)))


def _follow_look(joint: Joint, call: Call, answer: object) -> Joint:
    broken = ("LEASE-1",) if str(answer).startswith("raised") else ("LOCAL-1",)
    _demand(type(answer) is int and answer == joint.held[call.lease], broken, call, answer, joint)
    return _look(joint, call.lease)


def without(joint: Joint, lease: int, state: State) -> Joint:
    """Give what comes after a lease is gone."""
    gone = joint.held[lease]
    return Joint(state, joint.held[:lease] + joint.held[lease + 1 :], -1 if joint.iterated == gone else joint.iterated)


def _finish(joint: Joint, lease: int) -> Joint:
    s, serial = joint.state, joint.held[lease]
    if serial in s.unseen:
        return without(joint, lease, move(s, machine.can_release_unseen, machine.release_unseen, s.unseen.index(serial)))
    return without(joint, lease, move(s, machine.can_release, machine.release, s.seen.index(serial)))


def _follow_release(joint: Joint, call: Call, answer: object) -> Joint:
    _demand(answer is True, ("LEASE-1",), call, answer, joint)
    return _finish(joint, call.lease)


def _follow_release_again(joint: Joint, call: Call, answer: object) -> Joint:
    return _demand(answer is False, ("LEASE-1",), call, answer, joint)


def _follow_enter(joint: Joint, call: Call, answer: object) -> Joint:
    return _finish(_follow_look(joint, call, answer), call.lease)


def _follow_drop(joint: Joint, call: Call, answer: object) -> Joint:
    _demand(answer is None, ("LEASE-1",), call, answer, joint)
    s, serial = joint.state, joint.held[call.lease]
    if serial in s.unseen:
        return without(joint, call.lease, move(s, machine.can_put_back, machine.put_back, s.unseen.index(serial)))
    return without(joint, call.lease, move(s, machine.can_abandon, machine.abandon, s.seen.index(serial)))


def _follow_take_seen(joint: Joint, call: Call, answer: object) -> Joint:
    if type(answer) is str:
        return _follow_take(joint, call, answer)
    taken = _follow_take(joint, call, "a lease")
    return _follow_look(taken, Call("look", len(taken.held) - 1), answer)


def _follow_serve(joint: Joint, call: Call, answer: object) -> Joint:
    after = _follow_take_seen(joint, call, answer)
    return _finish(after, len(after.held) - 1) if type(answer) is int else after


def _follow_close(joint: Joint, call: Call, answer: object) -> Joint:
    _demand(answer is None, ("CLOSE-1",), call, answer, joint)
    return replace(joint, state=move(joint.state, always, machine.close))


def _follow_drain(joint: Joint, call: Call, answer: object) -> Joint:
    closed = move(joint.state, always, machine.close)
    _demand(type(answer) is int and answer == machine.left(closed), ("CLOSE-2",), call, answer, joint)
    if answer != 0:
        return replace(joint, state=closed)
    return replace(joint, state=move(closed, machine.can_answer_drained, machine.answer_drained))


_FOLLOW: Final[dict[str, Callable[[Joint, Call, object], Joint]]] = {
    "offer": _follow_offer,
    "take": _follow_take,
    "take_unlimited": _follow_take,
    "iterate": _follow_iterate,
    "look": _follow_look,
    "release": _follow_release,
    "release_again": _follow_release_again,
    "enter": _follow_enter,
    "drop": _follow_drop,
    "take_seen": _follow_take_seen,
    "serve": _follow_serve,
    "close": _follow_close,
    "drain": _follow_drain,
    "drain_unlimited": _follow_drain,
}
_MISUSE_CLAUSES: Final = {
    "misuse_intake": "HOSTILE-1",
    "misuse_take": "HOSTILE-1",
    "misuse_drain": "HOSTILE-1",
    "misuse_lease": "LEASE-1",
    "copy": "BOUND-2",
    "resize": "FIXED-1",
    "show": "FIXED-1",
}
