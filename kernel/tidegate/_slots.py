# SPDX-License-Identifier: MIT
"""The slots of one intake: what each holds, who owns it, and how one whose owner is lost is recovered.

See the package docstring for the representation and the invariants named here.
"""

import weakref
from operator import attrgetter, methodcaller
from sys import getrefcount, version_info
from typing import Any, Final, TypeAlias, cast

from ._atomic import SimpleQueue, chain, count, is_not, repeat
from ._forks import epoch
from ._types import Statistics

NOTHING: Final = object()  # in place of an item
SEEN: Final = [True]
generations: Final = count(1)  # never the same twice, so that a successor that was never registered is never taken for one

# What `Slots.turns` has of a slot. At rest, how many items it has finished: bits 0 to 127 count all of them, which is room for the
# sum over all slots, and the bits above those abandoned. In flight, the mark of its lease: [that number, has anybody looked at the
# item], and [that number] once released.
Mark: TypeAlias = list[Any]
ABANDONED: Final = 1 << 128


class Home(weakref.ref["Slots"]):
    """Refer to the slots of an intake, weakly. `alive` is a proxy: reading an attribute of it raises once they are gone."""

    alive: Any


class Mortal:
    """Have `ended` called when the last reference is dropped, but not if that is because the whole intake is gone.

    CPython drops what a signal handler raises while a finaliser runs. An intake that dies takes all its tokens along, and were
    their finalisers Python code, a Ctrl-C would be lost in one of them (HOST-1). So all of this is C code: CPython reads the
    attribute `__del__`, and then calls what it got. `fate` reads something of the intake first. Once that is gone, the proxy
    raises, and CPython takes an attribute that can't be read for one that is not there (`slot_tp_finalize` in typeobject.c).
    """

    __slots__ = ()
    fate = property(attrgetter("slot.home.alive.capacity", "ended"))
    choice = property(attrgetter("fate.__getitem__"))
    __del__ = property(methodcaller("choice", 1))  # `ended`, the second of the two

    def ended(*me: Any) -> None:
        """Recover the slot of a token that died.

        The collector calls the finalisers of a dead cycle before it takes the cycle apart, and one of them may still release a
        lease. So while somebody refers to the object, it is not lost. Its finaliser has run, though, and no finaliser runs twice:
        a second `SlotRef`, which dies together with the first, has one that has not run yet.
        """
        references, slot = getrefcount(me[0]), me[0].slot
        if references > DYING[0]:
            slot.generation = slot.generation[0], (again := SlotRef(type(None), slot.index, slot.generation))
            again.home = slot.home  # only now: an exception out of the call would drop it, and its end is not the token's
        elif (slots := slot.home()) is not None:  # else the intake died just now
            slots.recover(slot)


class SlotRef(Mortal):
    """Refer to one slot: which intake's, which number, and in which generation of owners.

    Its token refers to it, and the two die one after the other, the token first, each with a finaliser that recovers the slot. So
    an exception that ends the first finaliser leaves the second.

    home: the slots that it belongs to, weakly, so that a token does not keep an intake alive.
    index: the slot's number in their lists.
    generation: a number that the recovery of a lost token compares, to see whether a successor owns the slot already; and another
    reference that must live as long as this one. All slots of a new intake share one such pair.
    """

    __slots__ = ("generation", "home", "index")
    slot = cast("SlotRef", property(attrgetter("ended.__self__")))  # itself

    def __init__(self, home: "Home | Any", index: int, generation: "tuple[int, SlotRef | None]") -> None:
        self.home, self.index, self.generation = home, index, generation


class Token(Mortal):
    """Own one slot: whoever holds its token does, and nobody else (invariant one-token).

    When the last reference to a token is dropped, a call was interrupted or a lease was lost. A new token takes its place.
    """

    __slots__ = ("slot",)

    def __init__(self, slot: SlotRef) -> None:
        self.slot = slot


class Dying(Mortal):
    """Measure, once, what `getrefcount` tells a finaliser whose object nobody else refers to: versions differ.

    The object has no name in there, or a debugger that looks at the names of a frame would add a reference (up to 3.12).
    """

    fate = property(attrgetter("__class__", "ended"))

    def ended(*me: Any) -> None:
        DYING.append(getrefcount(me[0]))


DYING: Final[list[int]] = []
Dying()


class FreeList(list[Token]):
    """Hold the tokens that are at home, the newest last. Reading `newest` takes it away, or raises IndexError.

    Why an attribute and not a call: a signal handler's exception can arrive when a call has returned and its result is not assigned
    yet; that token would be left to its finaliser. Between reading an attribute and assigning it, none can.
    """

    newest = cast("Token", property(list[Token].pop))


class Waits(map):  # type: ignore[type-arg]  # only type checkers could give it one
    """Wait for what a queue gives: reading `answer` waits for the next. An attribute for the reason given at `FreeList`.

    A `for` loop would do as well, but would take a StopIteration that a signal handler raises in the wait for its own end.
    """

    answer = cast("Token | None", property(next))


class Slots:
    """Hold all state of one intake. After a fork the child makes it anew, so that nothing of the parent's is left there.

    room: reading it raises RecursionError where there is not stack enough for a call into C, which up to 3.11 counts as a frame.
    """

    room: Final = property(callable) if version_info < (3, 12) else None
    if version_info >= (3, 15):  # where the collector calls finalisers before it clears weak references, `alive` must go by itself
        __del__ = property(attrgetter("home.__dict__.clear"))

    def __init__(self, capacity: int, closed: bool = False) -> None:
        self.home, self.home.alive = Home(self), weakref.proxy(self)  # kept here: the collector clears what is garbage
        self.capacity, self.closed, self.epoch = capacity, closed, epoch()
        # What took its place after a fork, first; the generations of the slots whose token was ever lost; and a stack, so that the
        # slots used so far are the first ones, and their number is the peak.
        self.heirs, self.generations, self.free = list[Slots](), dict[int, int](), FreeList()  # which is filled below
        self.items: Final[list[Any]] = [NOTHING] * capacity
        self.turns: Final[list[int | Mark]] = [0] * capacity
        self.answered_full, self.answered_closed = count(), count()
        self.queue: Final[SimpleQueue[Token | None]] = SimpleQueue()  # None wakes a taker after `close`
        self.bell: Final[SimpleQueue[None]] = SimpleQueue()  # wakes a drain
        # The atomic primitives, each bound once: see `_atomic`.
        self.restore, self.publish = self.free.append, self.queue.put
        self.await_slot, self.await_home = self.queue.get, self.bell.get
        self.arrivals: Final = Waits(self.await_slot, repeat(True))
        # Last: a token that is dropped by an exception in here needs all of the above, or its successors would die without end.
        self.free.extend([Token(SlotRef(self.home, index, (0, None))) for index in reversed(range(capacity))])

    def recover(self, lost: SlotRef) -> None:
        """Send the slot of a lost token on, by its state: home, back to the queue, or home as abandoned (LEASE-1, INTERRUPT-1).

        Nobody else touches the slot: its owner's call was interrupted, or its lease is dead. A new token becomes its owner by one
        store, of a new generation. If an exception ends this before that store, the lost token's second finaliser does all of it;
        if after, the new token's finaliser goes on from the state that was reached. So the slot is sent on once, come what may.
        """
        index = lost.index
        if self.generations.get(index, 0) != lost.generation[0]:
            return  # its successor owns the slot
        token = Token(SlotRef(lost.home, index, (next(generations), None)))
        try:
            self.generations[index] = token.slot.generation[0]
            _item, turn = self.items[index], self.turns[index]  # the item is kept until the slot is home: its finaliser may offer
            if isinstance(turn, list):
                if turn[1:]:  # else a release was under way
                    turn.append(None)  # so that a look from here on, by an iterator, does not make it count as settled
                if turn[1:2] == [False]:
                    self.turns[index] = turn[0]  # put back: nobody looked, it is QUEUED again
                else:
                    self.items[index] = NOTHING
                    self.turns[index] = turn[0] + 1 + ABANDONED  # one store both frees the slot and counts
                del turn[1:]  # ends the lease too, should the collector's finalisers bring it back to life
            if self.items[index] is not NOTHING:
                self.publish(token)
            else:
                self.restore(token)
                if self.closed:
                    self.ring()
        except BaseException:
            del token  # the traceback must not keep it from its finaliser
            if self.closed:
                self.ring()
            raise

    def give_back(self, token: Token | None) -> None:
        """Recover the slot of an interrupted call, at once and in this thread (INTERRUPT-1). None: the call owned no slot.

        The caller keeps the token alive until this returns, as a finaliser may run in another thread.
        """
        if token is not None:
            self.recover(token.slot)
        if self.closed:
            self.ring()

    def ring(self) -> None:
        """Notify one waiting taker and one waiting drain that the state has changed. Whoever leaves notifies the next.

        Called after every change that can end their wait. The notification, a None in the queue, is the bell. A queue that is not
        empty needs none: what is in it is taken after this call, by somebody who then sees the change, or who has an item to finish
        and rings after that.
        """
        if self.queue.empty():
            self.queue.put(None)
        if self.bell.empty():
            self.bell.put(None)

    def exhausted(self) -> bool:
        """Tell whether no accepted item can ever appear again (CLOSE-2; invariant settled).

        The order of the readings matters: a slot that was found at home after `close` never leaves again, as its claimer would see
        the flag; so it is not counted a second time as in flight.
        """
        if not self.closed:
            return False
        settled = len(self.free)
        self.queue.empty()  # for its lock alone: no machine makes the readings below before the one above (see `_atomic`)
        settled += sum([turn[1:] == SEEN for turn in self.turns if isinstance(turn, list)])
        return settled == self.capacity

    def statistics(self) -> Statistics:
        """Read all slots in one C call, and derive everything from that reading (LEDGER-1).

        With a GIL nothing happens in that call, and the reading is of one instant. It allocates nothing that the collector tracks
        once it has begun: 3.11 may run finalisers in such an allocation. Without a GIL others go on meanwhile, and each slot is
        told as it was at some instant within the call, one of its own. Hence the turns are read before and after. In flight after:
        that is told. The same before and after: a slot at rest, and its item tells whether it was queued when that was looked for.
        Another number after: it was free when it came to that number. In flight before, and its mark's number after: the item was
        put back, and was queued then.
        """
        turns, capacity = self.turns, self.capacity
        read = list(chain(iter(turns), map(is_not, self.items, repeat(NOTHING)), iter(turns)))
        before, there, after = read[:capacity], read[capacity:-capacity], read[-capacity:]
        marked = [turn[0] for turn in after if type(turn) is list]
        rows = zip(before, there, after, strict=True)
        ready = [new for old, has, new in rows if (has if new is old else type(old) is list and old[0] == new) and type(new) is int]
        counted = sum([turn for turn in after if type(turn) is int]) + sum(marked)
        finished, abandoned = counted & ABANDONED - 1, counted >> 128  # a division would look for signals on its way
        queued, in_flight, peak = len(ready), len(marked), capacity - after.count(0) + ready.count(0)
        # "count(7)": the one way to read it that does not change it on every version
        full, closed = [int(repr(answers)[6:-1]) for answers in (self.answered_full, self.answered_closed)]
        accepted, free = queued + in_flight + finished, capacity - queued - in_flight
        return Statistics(capacity, free, queued, in_flight, accepted, full, closed, finished - abandoned, abandoned, peak)
