"""threading.BoundedSemaphore: an exception that a signal handler raises in acquire, after the place was counted, loses the place.

A signal handler may run at the start of any function, here of the exit of the semaphore's own condition; that then stays locked, so
that everybody who comes after waits for ever.
Exit status 1: the fault shows; 0: it does not.
"""

import os
import signal
import sys
import threading
from types import FrameType

semaphore = threading.BoundedSemaphore(2)


def interrupt(frame: FrameType, event: str, argument: object) -> None:
    if event == "call" and frame.f_code.co_name == "__exit__":
        sys.settrace(None)
        signal.raise_signal(signal.SIGINT)  # Python's own handler raises KeyboardInterrupt


signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it is ignored, as in a shell's background job
sys.settrace(interrupt)
try:
    with semaphore:
        sys.settrace(None)
    print("one was inside, and left")
except KeyboardInterrupt:
    print("KeyboardInterrupt on the way in")
inside: list[bool] = []


def enter_twice() -> None:
    inside.append(semaphore.acquire(blocking=False))
    inside.append(semaphore.acquire(blocking=False))


later = threading.Thread(target=enter_twice, daemon=True)
later.start()
later.join(timeout=1.0)
whole = inside == [True, True]
print(
    "both places are free" if whole else f"nobody is inside, and another thread gets {inside} of two places within 1 s", flush=True
)
os._exit(not whole)
