"""multiprocessing.BoundedSemaphore: an exception that a signal handler raises on the way into a with statement loses the place.

A signal handler may run after a call of C code, here of the one that takes the semaphore, inside its Python method `__enter__`.
Exit status 1: the fault shows; 0: it does not.
"""

import multiprocessing
import signal
import sys
from types import FrameType

semaphore = multiprocessing.BoundedSemaphore(1)


def interrupt(frame: FrameType, event: str, argument: object) -> None:
    if event == "c_return" and getattr(argument, "__name__", "") == "__enter__":
        sys.setprofile(None)
        signal.raise_signal(signal.SIGINT)  # Python's own handler raises KeyboardInterrupt


signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it is ignored, as in a shell's background job
sys.setprofile(interrupt)
try:
    with semaphore:
        sys.setprofile(None)
    print("one was inside, and left")
except KeyboardInterrupt:
    print("KeyboardInterrupt on the way in")
free = semaphore.acquire(block=False)
print("nobody is inside, and the place is " + ("free" if free else "taken for good"))
sys.exit(not free)
