"""nopanic.bulkhead: an exception that a signal handler raises on the way in, after the place was counted, loses the place.

A signal handler may run at the start of any function, here of the exit of the condition in the semaphore that it rests on.
Exit status 1: the fault shows; 0: it does not.
"""
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false

import os
import signal
import sys
import threading
from types import FrameType

from nopanic import BulkheadFull, bulkhead

limiter = bulkhead(2, max_wait=0)


def interrupt(frame: FrameType, event: str, argument: object) -> None:
    if event == "call" and frame.f_code.co_name == "__exit__":
        sys.settrace(None)
        signal.raise_signal(signal.SIGINT)  # Python's own handler raises KeyboardInterrupt


signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it is ignored, as in a shell's background job
sys.settrace(interrupt)
try:
    with limiter.guard():
        sys.settrace(None)
    print("one was inside, and left")
except KeyboardInterrupt:
    print("KeyboardInterrupt on the way in")
inside: list[int] = []


def enter_twice() -> None:
    try:
        with limiter.guard():
            inside.append(1)
            with limiter.guard():
                inside.append(2)
    except BulkheadFull:
        print("refused as full")


later = threading.Thread(target=enter_twice, daemon=True)
later.start()
later.join(timeout=1.0)
whole = inside == [1, 2]
print("both places are free" if whole else f"nobody is inside, and {len(inside)} of two get inside within 1 s", flush=True)
os._exit(not whole)
