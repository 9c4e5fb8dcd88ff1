"""aiologic.Queue: while one thread is stopped inside a put, another's put is refused as full, although there is room.

Threads are switched at the start of any function, so that is where the first is stopped.
Exit status 1: the fault shows; 0: it does not.
"""

import os
import sys
import threading
from types import FrameType

import aiologic

CAPACITY = 3

queue = aiologic.Queue[str](CAPACITY)
stopped, go_on = threading.Event(), threading.Event()


def stop_inside(frame: FrameType, event: str, argument: object) -> None:
    if event == "call" and frame.f_code.co_name == "_put":
        sys.settrace(None)
        stopped.set()
        go_on.wait()


def first() -> None:
    sys.settrace(stop_inside)
    queue.green_put("a", blocking=False)


threading.Thread(target=first, daemon=True).start()
stopped.wait()
try:
    queue.green_put("b", blocking=False)
    refused = False
    print("the second thread's put was accepted")
except aiologic.QueueFull:
    refused = True
    print(f"one put is in progress, and another's raised QueueFull with {len(queue)} items in {CAPACITY} slots", flush=True)
os._exit(refused)
