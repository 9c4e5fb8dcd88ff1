"""queue.Queue: a thread that is stopped inside put_nowait keeps another thread's put_nowait waiting.

Threads are switched at the start of any function, so that is where the first is stopped; another may run for as long as it likes.
Exit status 1: the fault shows; 0: it does not.
"""

import os
import sys
import threading
from queue import Queue
from types import FrameType

queue = Queue[str](3)
stopped, go_on = threading.Event(), threading.Event()


def stop_inside(frame: FrameType, event: str, argument: object) -> None:
    if event == "call" and frame.f_code.co_name == "_put":
        sys.settrace(None)
        stopped.set()
        go_on.wait()


def first() -> None:
    sys.settrace(stop_inside)
    queue.put_nowait("a")


threading.Thread(target=first, daemon=True).start()
stopped.wait()
print("one thread is stopped at the start of _put, inside put_nowait")
second = threading.Thread(target=queue.put_nowait, args=("b",), daemon=True)
second.start()
second.join(timeout=1.0)
waits = second.is_alive()
print("another thread's put_nowait " + ("still waits after 1 s" if waits else "returned at once"), flush=True)
os._exit(waits)
