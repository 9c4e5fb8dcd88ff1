# SPDX-License-Identifier: MIT
"""Every primitive the kernel relies on as atomic, and on which builds it is.

Atomic means: no other thread, signal handler or asynchronous exception can be observed in the middle. On a build with a GIL
that holds for a call into C that runs no Python code: a thread switch, a signal handler and an asynchronous exception only
happen between bytecodes. The kernel calls these on lists, queues and integers of its own, never on a caller's item, so no
Python code can run inside them.

`GIL` below is CPython 3.11 and later with the GIL. `FT` is the free-threaded build, where the kernel is *not* supported:
the column says what would still hold there. Each entry has an alarm test in `tests/kernel/test_atomic.py`.

    name              call                     effect                                        GIL   FT
    claim             list.pop()               take the newest free token, or IndexError     yes   yes, documented
    restore           list.append(token)       bring a token home                            yes   yes, documented
    publish           SimpleQueue.put(token)   hand a token to the takers, never waits       yes   yes
    await_slot        SimpleQueue.get(...)     take the oldest token or wait for one, in C   yes   yes
    await_home        SimpleQueue.get(...)     wait for a slot to come home, in C            yes   yes
    cell.pop          list.pop()               take the token out of a lease, once           yes   yes, documented
    queue.empty       SimpleQueue.empty()      tell whether a bell would be heard anyway         yes   yes
    home              calling a weakref        find the slots of a lost token, or None           yes   yes
    seen.clear        list.clear()             end a lease whose slot was recovered               yes   yes
    generations       dict.get, dict[i] = n    look up and replace a slot's generation       yes   yes
    next              next(count)              add one to a count of rejections              yes   3.14 and later
    item and integer loads and stores in the fixed lists, each by the slot's owner            yes   yes
    list(map(...))    list(map(C functions))   copy the state of all slots at one instant    yes   no: slot by slot
    yield_processor   os.sched_yield()         offer the processor to others; never waits for them

`next(itertools.count())` and `list(map(...))` are atomic by construction of CPython and promised nowhere: hence the alarms.
`SimpleQueue` has a pure-Python stand-in whose `put` takes a lock; importing the kernel without the C one is an error.
"""

from itertools import chain, count, repeat
from operator import is_not
from queue import SimpleQueue

try:
    from os import sched_yield as yield_processor
except ImportError:  # no such call on Windows, where sleeping for zero gives up the time slice
    from functools import partial
    from time import sleep

    yield_processor = partial(sleep, 0)

__all__ = ["SimpleQueue", "chain", "count", "is_not", "repeat", "yield_processor"]

if SimpleQueue.__module__ != "_queue":
    raise ImportError("tidegate needs the C implementation of queue.SimpleQueue (CPython's _queue module)")
