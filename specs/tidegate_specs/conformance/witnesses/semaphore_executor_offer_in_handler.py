"""BoundedSemaphore and ThreadPoolExecutor: an offer from a signal handler that interrupts an offer waits for ever.

A handler may run at the start of any function, here of the one that submit starts threads with.
Exit status 1: the fault shows; 0: it does not.
"""

import os
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


ended = threading.Event()


def interrupt(frame: FrameType, event: str, argument: object) -> None:
    if event == "call" and frame.f_code.co_name == "_adjust_thread_count":
        sys.settrace(None)
        signal.raise_signal(signal.SIGINT)  # the handler runs before the next bytecode


def handler(number: int, frame: FrameType | None) -> None:
    print("the signal handler offers", flush=True)
    offer(int)


def watch() -> None:
    if not ended.wait(2.0):
        print("after 2 s submit has not returned: the handler waits for the lock that the code beneath it holds", flush=True)
        os._exit(1)


signal.signal(signal.SIGINT, handler)
threading.Thread(target=watch, daemon=True).start()
sys.settrace(interrupt)
offer(int)
ended.set()
print("both returned")
