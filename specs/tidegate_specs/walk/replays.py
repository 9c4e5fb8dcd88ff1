"""Every sequence of calls up to a length, run on the implementation beside the specification."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from .. import machine, progress
from ..check import Subject
from ..machine import State
from ..refinement import compare
from ..refinement.driver import Call, Driver
from ..refinement.following import Joint, looked_by_asking, without
from ..refinement.observed import Divergence

# The walk at the grain of calls, replayed on the kernel.


def _run(s: State, *actions: tuple[Callable[..., bool], Callable[..., State]]) -> State | None:
    """Take actions in a row; None if one is not enabled."""
    for guard, action in actions:
        if not guard(s):
            return None
        s = action(s)
    return s


def _answers(s: State) -> Iterator[tuple[str, object, State]]:
    """Give each call that is about no lease, with an answer that a thread at rest gets, and the state after.

    The machine allows more: FULL of an intake that is closed and full, where a thread at rest is told CLOSED.
    """
    if not s.closed:
        in_full = (machine.can_claim, machine.claim), (machine.can_admit, machine.admit), (machine.can_publish, machine.publish)
        ways = (("ACCEPTED", _run(s, *in_full)), ("FULL", _run(s, (machine.can_refuse_full, machine.refuse_full))))
        yield from (("offer", answer, after) for answer, after in ways if after is not None)
    else:
        yield "offer", "CLOSED", machine.refuse_closed(s)
    if machine.can_take(s):
        yield "take", "a lease", machine.take(s)
    elif machine.can_answer_closed(s):
        yield "take", "Closed", machine.answer_closed(s)
    else:
        yield "take", "Empty", s
    closed = machine.close(s)
    yield "close", None, closed
    over = _run(closed, (machine.can_answer_drained, machine.answer_drained))
    yield "drain", machine.left(closed), closed if over is None else over


def _lease_answers(joint: Joint) -> Iterator[tuple[Call, object, Joint]]:
    """Give each call on a lease that is held, with its answer, and what comes after."""
    s = joint.state
    for lease, serial in enumerate(joint.held):
        if serial in s.unseen:
            at = s.unseen.index(serial)
            yield Call("look", lease), serial, replace(joint, state=machine.look(s, at))
            yield Call("release", lease), True, without(joint, lease, machine.release_unseen(s, at))
            yield Call("drop", lease), None, without(joint, lease, machine.put_back(s, at))
        else:
            at = s.seen.index(serial)
            yield Call("release", lease), True, without(joint, lease, machine.release(s, at))
            yield Call("drop", lease), None, without(joint, lease, machine.abandon(s, at))


def _iterations(joint: Joint) -> Iterator[tuple[Call, object, Joint]]:
    """Give the request for the iterator's next lease, where one is queued: elsewhere it waits, or is told what a take is told."""
    joint = looked_by_asking(joint)
    s = joint.state
    if machine.can_take(s):
        yield Call("iterate"), "a lease", Joint(machine.take(s), (*joint.held, s.queue[0]), s.queue[0])


@dataclass(frozen=True, slots=True)
class Move:
    """Pair a call with the answer and the state that the specification foretells."""

    call: Call
    answer: object
    after: Joint


def moves_from(joint: Joint) -> Iterator[Move]:
    """Give every call of a thread at rest with what must come of it."""
    for name, answer, after in _answers(joint.state):
        held = (*joint.held, joint.state.queue[0]) if answer == "a lease" else joint.held
        yield Move(Call(name), answer, replace(joint, state=after, held=held))
    for call, answer, later in (*_iterations(joint), *_lease_answers(joint)):
        yield Move(call, answer, later)


def traces(capacity: int, depth: int) -> Iterator[tuple[Move, ...]]:
    """Give every trace of that many calls."""
    waiting: list[tuple[Move, ...]] = [(move,) for move in moves_from(Joint(machine.initial(capacity)))]
    while waiting:
        trace = waiting.pop()
        if len(trace) == depth:
            yield trace
        else:
            waiting += [(*trace, move) for move in moves_from(trace[-1].after)]


def replay(subject: Subject, capacity: int, trace: Sequence[Move], known: int = 0) -> None:
    """Make the calls of a trace on a new intake; every answer and all that is visible must be as foretold.

    known: after so many calls all that is visible was compared already, in another trace.
    """
    driver = Driver(subject, capacity)
    for number, move in enumerate(trace, 1):
        answer = driver.perform(move.call)
        calls = "; ".join(str(each.call) for each in trace[:number])
        if answer != move.answer or type(answer) is not type(move.answer):
            account = f"{move.call} answered {answer!s}, the walk has {move.answer!s}, after Intake({capacity}): {calls}"
            raise Divergence(_BLAMES[move.call.name], account)
        if number <= known:
            continue
        try:
            compare(driver, move.after)
        except Divergence as divergence:
            raise Divergence(divergence.clauses, f"{divergence.account}, after Intake({capacity}): {calls}") from None


_BLAMES: Final[dict[str, tuple[str, ...]]] = {
    "offer": ("BOUND-1", "EXACT-1", "EXPLICIT-1", "CLOSE-1"),
    "take": ("LOCAL-1", "CLOSE-2"),
    "iterate": ("LOCAL-1",),
    "look": ("LOCAL-1",),
    "release": ("LEASE-1",),
    "drop": ("LEASE-1",),
    "close": ("CLOSE-1",),
    "drain": ("CLOSE-2",),
}


def replay_all(subject: Subject, capacity: int, depth: int) -> int:
    """Replay every trace of that many calls; give their number."""
    count = 0
    before: tuple[Move, ...] = ()
    for count, trace in enumerate(traces(capacity, depth), 1):
        known = next((i for i, (one, other) in enumerate(zip(before, trace, strict=False)) if one is not other), 0)
        replay(subject, capacity, trace, known)
        before = trace
        if count % 1_000 == 0:
            progress.progress(f"capacity {capacity}: {count:,} traces")
    return count
