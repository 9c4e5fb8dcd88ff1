"""Keep the threads of an exploration on one processor, where handing the baton over is cheap.

Only one of them runs at a time, so more processors gain nothing, and a hand-over to another one wakes it from its sleep: 40 to
110 us on a virtual machine, against 8 us on the same processor. There the thread that is woken mostly takes the processor at once
and finds the interpreter lock still held; Linux's batch policy lets it wait until the waker has put that down: 4.5 us, and one
switch of threads instead of two. Where the system has no such things (macOS, Windows) nothing is done.
"""

import os
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Final

_RESERVED: Final[dict[int, socket.socket]] = {}


def reserve() -> int | None:
    """Choose a processor that no other exploration on this machine has chosen, once for this process. None if there is none."""
    if _RESERVED:
        return next(iter(_RESERVED))
    if sys.platform != "linux":
        return None
    for processor in sorted(os.sched_getaffinity(0), reverse=True):
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)  # a name that is free again when the process ends, however it ends
        try:
            mark.bind(f"\0tidegate explorer on processor {processor}")
        except OSError:
            mark.close()
        else:
            _RESERVED[processor] = mark
            return processor
    return None


@contextmanager
def one_processor() -> Generator[None, None, None]:
    """Keep the calling thread and those that it starts meanwhile on one processor, and let none of them interrupt another."""
    processor = reserve()
    if sys.platform != "linux" or processor is None:
        yield
        return
    allowed = os.sched_getaffinity(0)
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    with suppress(OSError):  # some containers forbid it
        os.sched_setaffinity(0, {processor})
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, allowed)
            os.sched_setscheduler(0, policy, parameters)
