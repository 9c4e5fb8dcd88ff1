"""BoundedSemaphore and ThreadPoolExecutor: a thread that is stopped inside submit keeps everybody's submit waiting.

Threads are switched at the start of any function, so that is where the first is stopped.
Exit status 1: the fault shows; 0: it does not.
"""

import os
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


stopped, go_on = threading.Event(), threading.Event()


def stop_inside(frame: FrameType, event: str, argument: object) -> None:
    if event == "call" and frame.f_code.co_name == "_adjust_thread_count":
        sys.settrace(None)
        stopped.set()
        go_on.wait()


def first() -> None:
    sys.settrace(stop_inside)
    offer(int)


threading.Thread(target=first, daemon=True).start()
stopped.wait()
second = threading.Thread(target=offer, args=(int,), daemon=True)
unrelated = threading.Thread(target=lambda: ThreadPoolExecutor(1).submit(int), daemon=True)
for thread in (second, unrelated):
    thread.start()
    thread.join(timeout=1.0)
waits = second.is_alive()
print("one thread is stopped inside submit; another's offer " + ("waits" if waits else "returned"))
print("submit to an unrelated executor " + ("waits, too" if unrelated.is_alive() else "returned"), flush=True)
os._exit(waits)
