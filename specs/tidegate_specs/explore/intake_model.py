"""The state machine of an intake as a model to check histories against, and for contrast the specification that is too strict.

Operations, as `configurations` records them (a lease is named by the item in it; "?" is one
that nobody looks at):

    offer(item) -> "ACCEPTED" | "FULL" | "CLOSED"        claim, then admit and publish, or retract; or refuse at once
    take(may_end) -> item | "Empty" | "Closed"           one action
    next() -> item | "Closed"                            look at what the iterator gave last, take, and note what it gave
    look(item) -> item | "released"                      one action
    release(item) -> True | False                        decide, then free; a loser is told as soon as it is decided
    drop(item) -> None                                   put back or abandon
    close() -> None
    drain() -> number                                    close, then count

Trusted: never imports the kernel.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any, cast

from .. import machine
from .history import Operation
from .linearizability import START, Done, Model, Phase

Nexts = Iterable[tuple[Any, Phase]]


@dataclass(frozen=True, slots=True)
class World:
    """Join the machine's state with the names of the items and of the leases that somebody is releasing.

    names: the item of each serial number. releasing: serial numbers of leases whose release is decided. iterated: that of the
    lease that the one iterator gave last, while there is that lease; else -1.
    """

    state: machine.State
    names: tuple[Hashable, ...] = ()
    releasing: tuple[int, ...] = ()
    iterated: int = -1


def _serials(world: World, item: Hashable) -> list[int]:
    if item == "?":  # a lease that nobody has looked at
        return list(world.state.unseen)
    return [serial for serial, name in enumerate(world.names) if name == item]


def _offer(w: World, op: Operation, phase: Phase) -> Nexts:
    s = w.state
    if phase == START:
        if machine.can_claim(s):
            yield replace(w, state=machine.claim(s)), "claimed"
        if machine.can_refuse_full(s):
            yield replace(w, state=machine.refuse_full(s)), Done("FULL")
        if machine.can_refuse_closed(s):
            yield replace(w, state=machine.refuse_closed(s)), Done("CLOSED")
    elif phase == "claimed":
        if machine.can_admit(s):
            yield replace(w, state=machine.admit(s)), "admitted"
        if machine.can_retract(s):
            yield replace(w, state=machine.retract(s)), Done("CLOSED")
    elif machine.can_publish(s):
        yield replace(w, state=machine.publish(s), names=(*w.names, op.argument)), Done("ACCEPTED")


def _take(w: World, op: Operation, phase: Phase) -> Nexts:
    s = w.state
    if machine.can_take(s):
        yield replace(w, state=machine.take(s)), Done("?" if op.result == "?" else w.names[s.queue[0]])
    elif op.argument is True and machine.can_answer_empty(s):
        yield w, Done("Empty")
    if machine.can_answer_closed(s):
        yield replace(w, state=machine.answer_closed(s)), Done("Closed")


def _next(w: World, op: Operation, phase: Phase) -> Nexts:
    if phase == START:
        yield replace(w, state=_seen(w, w.iterated)), "looked"
    elif phase == "looked":
        for after, done in _take(w, op, START):
            taken = isinstance(done, Done) and done.result != "Closed"
            yield after, (after.state.unseen[-1], done) if taken else done
    else:
        serial, done = cast(tuple[int, Done], phase)
        there = serial in (*w.state.unseen, *w.state.seen)
        yield (replace(w, iterated=serial) if there else w), done


def _seen(w: World, serial: int) -> machine.State:
    s = w.state
    return machine.look(s, s.unseen.index(serial)) if serial in s.unseen else s


def _look(w: World, op: Operation, phase: Phase) -> Nexts:
    for serial in _serials(w, op.argument):
        s = w.state
        if serial in w.releasing or serial not in (*s.unseen, *s.seen):
            yield w, Done("released")
        else:
            yield replace(w, state=_seen(w, serial)), Done(op.argument)


def _release(w: World, op: Operation, phase: Phase) -> Nexts:
    for serial in _serials(w, op.argument):
        if phase == START:
            if serial in (*w.state.unseen, *w.state.seen) and serial not in w.releasing:
                yield replace(w, state=_seen(w, serial)), "seen"
                yield replace(w, state=_seen(w, serial), releasing=(*w.releasing, serial)), "decided"
            else:
                yield w, Done(False)
        elif phase == "seen":
            if serial in w.releasing or serial not in w.state.seen:
                yield w, Done(False)
            else:
                yield replace(w, releasing=(*w.releasing, serial)), "decided"
        elif serial in w.releasing:
            left = tuple(each for each in w.releasing if each != serial)
            yield replace(w, state=machine.release(w.state, w.state.seen.index(serial)), releasing=left), Done(True)


def _drop(w: World, op: Operation, phase: Phase) -> Nexts:
    s = w.state
    found = False
    for serial in _serials(w, op.argument):
        if serial in s.unseen:
            found = True
            iterated = -1 if serial == w.iterated else w.iterated
            yield replace(w, state=machine.put_back(s, s.unseen.index(serial)), iterated=iterated), Done(None)
        elif serial in s.seen:
            found = True
            yield replace(w, state=machine.abandon(s, s.seen.index(serial))), Done(None)
    if not found:
        yield w, Done(None)


def _close(w: World, op: Operation, phase: Phase) -> Nexts:
    yield replace(w, state=machine.close(w.state)), Done(None)


def _drain(w: World, op: Operation, phase: Phase) -> Nexts:
    s = w.state
    if phase == START:
        yield replace(w, state=machine.close(s)), "closed"
    elif machine.can_answer_drained(s):
        yield replace(w, state=machine.answer_drained(s)), Done(0)
    elif op.argument is True:
        yield w, Done(machine.left(s))


def _statistics(w: World, op: Operation, phase: Phase) -> Nexts:
    yield w, Done(op.result)  # bounds are looked at elsewhere: see `configurations`


_STEPS = {
    "offer": _offer,
    "take": _take,
    "next": _next,
    "look": _look,
    "release": _release,
    "drop": _drop,
    "close": _close,
    "drain": _drain,
    "statistics": _statistics,
}


def _step(state: Any, operation: Operation, phase: Phase) -> Nexts:
    return _STEPS[operation.name](state, operation, phase)


def intake_model(capacity: int) -> Model:
    """Give the model in which an offer claims, is admitted and publishes at instants of their own."""
    return Model(World(machine.initial(capacity)), _step)


def _strict_step(state: Any, operation: Operation, phase: Phase) -> Nexts:
    capacity, held, queue = state
    if operation.name == "offer":
        if len(held) + len(queue) < capacity:
            yield (capacity, held, (*queue, operation.argument)), Done("ACCEPTED")
        else:
            yield state, Done("FULL")
    elif operation.name == "take":
        if queue:
            yield (capacity, (*held, queue[0]), queue[1:]), Done(queue[0])
        else:
            yield state, Done("Empty")
    elif operation.name == "release":
        yield (capacity, tuple(item for item in held if item != operation.argument), queue), Done(operation.argument in held)


def strict_model(capacity: int) -> Model:
    """Give the model in which an offer is one action. It is wrong for every queue that claims and publishes in two steps."""
    return Model((capacity, (), ()), _strict_step)
