# SPDX-License-Identifier: MIT
"""Every primitive the kernel relies on as atomic, on which builds it is, and who says so.

Atomic means: no other thread, signal handler or asynchronous exception can be observed in the middle. On a build with a GIL
that holds for a call into C that runs no Python code: a thread switch, a signal handler and an asynchronous exception only
happen between bytecodes, and out of a wait in C. The kernel calls these on lists, queues and integers of its own, never on a
caller's item, so no Python code can run inside them.

GIL: CPython 3.11 and later with the GIL. FT: free-threaded builds, 3.14 and later, and who promises it there:
    doc   the documentation, page "Thread Safety Guarantees" (3.14 and later)
    C     the C code, as read in CPython 3.15.0a0 of 2025-05-30, and promised nowhere: file, function, what it does
    no    it is not atomic there; the source tells what holds instead
Each row has an alarm in `tests/kernel/test_atomic.py`, which on FT runs with threads that are truly parallel.

    name           call                          effect                                GIL  FT   source for FT
    newest         list.pop, as an attribute     take the newest free token            yes  yes  doc: list.pop()
    restore        list.append(token)            bring a token home                    yes  yes  doc: list.append(x)
    publish        SimpleQueue.put(token)        hand a token to takers, never waits   yes  yes  C: _queuemodule.c, put: lock
    await_slot     SimpleQueue.get(...)          take the oldest token, or wait in C   yes  yes  C: _queuemodule.c, get: lock
    await_home     SimpleQueue.get(...)          wait for a slot to come home, in C    yes  yes  C: the same
    answer         next(map(get, repeat(True)))  the same, as an attribute: `arrivals`  yes  yes  C: map_next, repeat_next: no state
                                                 is one map for all takers
    queue.empty    SimpleQueue.empty()           would a bell be heard anyway?         yes  yes  C: _queuemodule.c, empty: lock
    del mark[1]    list item deletion            decide who releases, once             yes  yes  C: list_ass_subscript: lock
    turns, items   list item load and store      what a slot is doing, by its owner    yes  yes  doc: lst[i]; lst[i] = x is safe
    mark[1]        list item load and store      note a look                           yes  yes  doc: the same
    turn.append    list.append(None)             a late look settles nothing           yes  yes  doc: list.append(x)
    del turn[1:]   deletion of a slice           end a lease that was recovered        yes  yes  C: list_ass_slice: lock
    turn[1:]       copy of a slice               was it looked at, and not let go?     yes  yes  C: list_slice_wrap: lock
    len(free)      length and truth of a list    how many are at home                  yes  yes  C: PyList_GET_SIZE: one load
    closed, _token attribute load and store      the flag; the token of a lease        yes  yes  C: bytecodes.c: acquire, release
    home           calling a weak reference      the slots of a lost token, or None    yes  yes  C: _PyWeakref_GET_REF: lock
    home.alive     reading through a weak proxy  is the intake of a token gone?        yes  yes  C: the same
    generations    dict.get, dict[i] = n         a slot's generation                   yes  yes  doc: d.get(key), d[key] = x
    next           next(count)                   add one to a count                    yes  yes  C: count_next: compare-exchange
    repr           repr(count)                   read a count                          yes  yes  C: count_repr: one load
    chain          list(chain(iter(turns),       copy the state of all slots           yes  no   each item read is (doc: lst[i]);
                   map(is_not, items,                                                            the turns before and after tell
                   repeat(NOTHING)),                                                             enough: see `Slots.statistics`
                   iter(turns)))
    __del__        the last reference dropped    the finaliser, once and at once; no   yes  no   once, but maybe late (below); C:
                                                 error if reading `__del__` raises               typeobject.c: slot_tp_finalize
    getrefcount    getrefcount(me[0])            does somebody still refer to a        yes  yes  C: sysmodule.c: one load; nobody
                                                 token whose finaliser runs?                     else can reach it if none does
    epoch          os.register_at_fork(append)   is this the process that made it?     yes  yes  C: run_at_forkers, in the one
                                                                                                 thread that the child has
    heirs          list.append, then lst[0]      who makes the slots anew, once        yes  yes  doc: list.append(x); lst[i]
    yield_processor  os.sched_yield()            offer the processor to others; never waits for them; it orders nothing

`next(itertools.count())` and the copy of all slots are atomic by construction of CPython and promised nowhere: hence the alarms.

The finaliser on FT
    An object belongs to the thread that made it. Another thread that drops the last reference hands it over, and it dies when
    its owner next runs Python code (Python/brc.c, biased reference counting; gh-157838); if the owner has ended, at once. So a
    token that was dropped may stay lost for as long as its maker sleeps in one call into C: its slot counts as in flight or
    queued, or is claimed, and is neither lost for good nor doubled. Only three things lean on it: a lease dropped without
    `release` or `with`; an exception that lands in the first bytecode of `release`, `__enter__` or `__exit__`, which makes it such
    a lease; and a second exception in the recovery from a first. Every other interrupted call gives its slot back itself.

Memory order on FT
    Three times one party makes a write and then a read, and another makes them the other way round, and not both may miss the
    other's write:
        claim against close    the claimer pops a token and reads `closed`; who closes sets it and looks at the free list
        release against drain  a release appends a token and reads `closed`; a drain sets it and reads `len(free)`
        look against close     a look sets `mark[1]` and reads `closed`; who closes sets it and copies `turn[1:]`
    So each write must be seen by all before the read after it is made. No machine does that of itself; a lock in between does.
    A PyMutex (Python/lock.c) is taken by a sequentially consistent compare-exchange, and let go by a load and a compare-exchange
    of that kind. A contended one does more of the same.

    Who closes writes, then takes and lets go of two locks (`queue.empty`, `bell.empty` in `ring`), then reads.
        x86-64  The compare-exchange is a locked instruction, which is a full barrier.
        ARM64   The write comes before the store-release that takes the lock (STLXR); that before the load-acquire that lets go
                of it (LDAR, LDAXR), as these two are never exchanged (RCsc); that before the read. Where there is LSE, each
                compare-exchange is one CASAL, which is a full barrier.
    The claimer, the release and the look write while they hold the list's lock, so only letting go of it counts.
        x86-64  As above.
        ARM64   The write comes before the store-release that lets go (STLXR), and that before the read of `closed`, as reading an
                attribute is a load-acquire (LDAR): RCsc again. With CASAL any read would do.
    Both machines show a store to all others at once (multi-copy atomicity), so it is enough that each side keeps its order.

    `Slots.exhausted` makes reads only, and they must stay in order: `closed`, then `len(free)`, then the turns. x86-64 never
    exchanges reads. On ARM64 the first is an acquire; the second is relaxed, and nothing would keep the third behind it but the
    lock of the queue in between (`queue.empty`): STLXR, and then item reads that are LDAR.

    What would break it: an acquire that is RCpc (LDAPR; a C compiler told of +rcpc) together with LDAXR/STLXR instead of CASAL.
    Every processor with LDAPR has CASAL, and compilers use it there, unless built with -mno-outline-atomics and without +lse.
    Or: `closed` read by a relaxed load, without LSE; a list popped without its lock; `ring` that takes no lock. Tried on x86-64
    only; for ARM64 this is an argument from the sources. What a slot holds is no part of it: that travels with the token,
    through the lock of the queue or of the free list.

`SimpleQueue` has a pure-Python stand-in whose `put` takes a lock. So it comes from where only the C one is, which also is the real
one where the host has put another into `queue` (gevent).
"""

import os
from _queue import SimpleQueue
from functools import partial
from itertools import chain, count, repeat
from operator import is_not
from time import sleep

# There is no such call on Windows, where sleeping for zero gives up the time slice.
yield_processor = os.sched_yield if hasattr(os, "sched_yield") else partial(sleep, 0)

__all__ = ["SimpleQueue", "chain", "count", "is_not", "repeat", "yield_processor"]
