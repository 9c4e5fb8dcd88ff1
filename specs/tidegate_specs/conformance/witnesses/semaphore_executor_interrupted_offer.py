"""BoundedSemaphore and ThreadPoolExecutor: an exception that a signal handler raises in an offer loses its slot.

A signal handler may run at the start of any function, here of add_done_callback. Exit status 1: the fault shows; 0: it does not.
"""

import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

slots = threading.BoundedSemaphore(3)
executor = ThreadPoolExecutor(max_workers=3)


def offer(work: Callable[[], object]) -> bool:
    if not slots.acquire(blocking=False):
        return False
    try:
        future = executor.submit(work)
    except BaseException:
        slots.release()
        raise
    future.add_done_callback(lambda _: slots.release())
    return True


def interrupt(frame: FrameType, event: str, argument: object) -> None:
    if event == "call" and frame.f_code.co_name == "add_done_callback":
        sys.settrace(None)
        signal.raise_signal(signal.SIGINT)  # Python's own handler raises KeyboardInterrupt


signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it is ignored, as in a shell's background job
sys.settrace(interrupt)
try:
    offer(int)
    print("the offer returned")
except KeyboardInterrupt:
    print("the offer raised KeyboardInterrupt")
executor.shutdown(wait=True)
free = 0
while slots.acquire(blocking=False):
    free += 1
print(f"all work is done, and {free} of 3 slots are free")
sys.exit(free < 3)
