"""queue.Queue: an exception that is raised in a put, right after it took the lock, leaves the queue locked for good.

No tracing: one thread waits for the lock for a moment, and the exception arrives meanwhile. Exit status 1: the fault shows; 0: not.
"""

import ctypes
import os
import sys
import threading
import time
from queue import Queue

queue = Queue[str](3)


def put() -> None:
    try:
        queue.put_nowait("a")
    except KeyboardInterrupt:
        print("put_nowait raised KeyboardInterrupt")


def is_waiting(thread: threading.Thread) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)  # pyright: ignore[reportPrivateUsage]
    return frame is not None and frame.f_code.co_name == "__enter__"


first = threading.Thread(target=put, daemon=True)
# As any other put has it for a moment:
with queue.mutex:
    first.start()
    while not is_waiting(first):
        time.sleep(0.01)
    time.sleep(0.2)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(first.ident or 0), ctypes.py_object(KeyboardInterrupt))
first.join()
second = threading.Thread(target=queue.put_nowait, args=("b",), daemon=True)
second.start()
second.join(timeout=1.0)
waits = second.is_alive()
print("nobody is inside the queue, and the next put_nowait " + ("waits for ever" if waits else "returned"), flush=True)
os._exit(waits)
