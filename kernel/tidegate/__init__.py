# SPDX-License-Identifier: MIT
"""A bounded intake that refuses at the door.

Many producers offer work, a fixed number of slots takes it in, workers take it out. When no slot is free the answer is
`Outcome.FULL`, at once, as a value. Nothing waits on the producers' side, nothing is retried, nothing grows.

    from tidegate import Intake

    intake = Intake(2)
    if not intake.offer("work"):
        ...                               # the refused item is still yours
    with intake.take() as item:           # releases its slot on the way out
        ...

The clause ids in the docstrings (BOUND-1, NOWAIT-1, ...) are those of the contract; `tidegate spec` prints them.

Representation
    Each of the `capacity` slots is an index into two fixed lists, and one *token*, an object that whoever owns the slot
    holds the only lasting reference to. Owning a slot is holding its token:

        free list (LIFO) --claim--> an offer --publish--> queue (FIFO) --take--> a lease --release--> free list

    What a slot is doing is read off the lists, `turns` and `items`:

        turn a number, no item   FREE, or claimed by an offer that has not stored its item yet
        turn a number, item      QUEUED
        turn a mark              IN FLIGHT (without an item: its release is under way)

    The number counts the items that the slot has finished. A mark belongs to one lease and its slot: it keeps that number, and
    notes whether anybody has looked at the item. Every change is one store by the one thread that owns the token: the item
    (FREE -> QUEUED), the mark (QUEUED -> IN FLIGHT), the next number (IN FLIGHT -> FREE). So a torn operation leaves a slot
    in one of these states, never between them; and everything `statistics()` tells is derived from them, never counted a
    second time.

Invariants
    one-token      each slot has one live token, in one place: the free list, the queue, one lease, or one call.
    conservation   free + queued + in flight = capacity (BOUND-2), because a slot is in exactly one state.
    bound          an item is accepted only into a slot that was claimed, and capacity slots exist (BOUND-1).
    fifo           the queue is the order of acceptance (LOCAL-1); an item put back is queued anew, at the end.
    settled        after `close`, a slot that was seen at home, or in flight with its item seen, never queues again.
    ledger         accepted = queued + in flight + released + abandoned (LEDGER-1): an identity of the derivation.

What happens to a token that is dropped
    An exception can be raised between any two bytecodes (a signal handler, `PyThreadState_SetAsyncExc`). The call it hits
    makes a successor of its token and sends the slot where its state says: home, back to the queue, or home as abandoned
    (INTERRUPT-1). Should a second exception end that, the token is dropped, and its finaliser does the same. A lease dropped
    by its worker drops its token that way too (LEASE-1). A token consists of two objects that die one after the other, each
    with that finaliser, so that an exception in the first still leaves the second. In normal operation tokens are recycled
    and no finaliser runs: none of ours, that is; an item's is the caller's.

    The collector calls the finalisers of a dead cycle before it takes the cycle apart, and one of them may release a lease, or
    bring it back to life. So the finaliser of a token asks whether somebody still refers to it; if so, it only provides for the
    true end (`_slots.ended`). No note of a running collection decides anything, so none can be left wrong.

    Without a GIL CPython runs a finaliser late: when the thread that made the object next runs Python code. So there a
    dropped lease may hold its slot for as long as that thread sleeps in one call into C; `release` and `with` do not. Nor
    does an interrupted call, but for an exception that arrives at the very first bytecode of `__enter__` or `__exit__`, or
    of the call in there: nothing of ours runs yet, or any more, and the lease of that `with` is a dropped one.

In somebody else's process
    Nothing of ours runs in normal operation where the interpreter drops exceptions: no collector callback, no hook, no
    weak-reference callback and no finaliser that is Python code (HOST-1). An intake that dies takes its tokens along, and C code
    finds that there is nothing to recover (`_slots.Mortal`). Only a lease that is dropped unreleased runs a finaliser of ours, in
    which an exception that a signal handler raises at that moment is dropped, as in any finaliser. A fork
    runs one call into C of ours, and costs the same for every capacity; the child's slots are made by its first call, and the
    parent's are kept, so that neither the fork nor that call lets an item of the parent's die there (HOST-2); who releases or
    drops a lease of the parent's in the child does. No module of the host's is
    changed, and the queue is the real one where gevent has put another into `queue`; there a `take` that waits stops all
    green threads, as any call into C that waits.

Linearization points
    offer       ACCEPTED: the claim admits, the publish makes it takeable. FULL: the look at the empty free list, or the
                failed claim. CLOSED: reading the closed flag.
    take        removing the token from the queue; Closed: the second reading in `Slots.exhausted`.
    release     shortening the lease's mark decides who releases; appending the token to the free list frees the slot.
    close       setting the flag.   drain   reading that every slot is at home.
    statistics  one C call that copies the state of all slots: at one instant where there is a GIL, else each slot at its own.

Prior art
    Free list plus FIFO of indices: D. Vyukov's bounded MPMC queue and the io_uring rings. Claim and publish as separate
    steps: the LMAX Disruptor. A permit returned by the death of its holder: tokio's `OwnedSemaphorePermit`, here made safe
    against exceptions in any place. Answers instead of exceptions, and the refused item left with the caller: crossbeam's
    `ArrayQueue`. Admission control before queueing: M. Welsh's SEDA; wait-freedom: M. Herlihy (1991).

Considered and rejected
    `queue.Queue`: one mutex for all; a producer stopped inside it stops everybody, and a raising signal handler may leave
    it locked. A semaphore in front of a queue: two resources, and an exception between them loses a permit.
    `except BaseException: give the slot back`: frees a slot that the call had already handed on. One C call for claim and
    publish together (`any(map(...))`): never torn, three times the cost, no stronger on free-threaded builds. A ring with
    counters: needs a compare-and-swap that Python does not have. Waking waiters with a `Condition`: a lock, and a waiter
    list that can grow. Putting an item back at the head: the C queue has no such end, and a second lane would need a
    wake-up of its own that an exception can lose.

Limits
    CPython 3.11 and later, and free-threaded builds from 3.14 on: `tidegate._atomic` lists what is relied on. Two
    exceptions in the same recovery (one in a call, a second inside the finaliser) can take a slot out of use: it stays
    counted as queued or in flight and is never admitted twice; so does the slot of a lease that is dropped within six frames
    of the recursion limit, where no finaliser can run. An operation that its own thread forks inside of goes on, in the
    child, with the parent's copied slots; what it accepts or takes there is not in the child's intake. A fork hook of
    somebody else's that was registered before this import, and uses an intake, still finds the parent's slots. Memory
    running out while the queue grows is outside the contract. Before 3.13, `SimpleQueue.get` with a time-out waits without
    one if another taker took the item it was woken for just as its time ran out (its C code then passes on a negative time);
    `take` with a time-out inherits that: it returns at the next item or at close, but maybe not at its time. A StopIteration
    that a signal handler raises in an iterator's call comes out as the cause of a RuntimeError, as it would end the loop; at
    the first or the last bytecode of that call it does end it. A `queue.Empty` that is not raised in
    Python code, but scheduled by another thread and met in the wait itself (3.15), is not told from the end of the time.
    Waiting for workers is all a drain can do: one that never releases is reported, not cured.
"""

from ._intake import Intake, Lease
from ._types import Closed, Empty, Outcome, Statistics

__all__ = ["Closed", "Empty", "Intake", "Lease", "Outcome", "Statistics"]
__version__ = "0.2.0"
