"""aiologic.Queue: a put from a signal handler that interrupts a put is refused as full, although there is room.

A handler may run at the start of any function, here of _put. Exit status 1: the fault shows; 0: it does not.
"""

import signal
import sys
from types import FrameType

import aiologic

CAPACITY = 3

queue = aiologic.Queue[str](CAPACITY)
refused: list[int] = []


def interrupt(frame: FrameType, event: str, argument: object) -> None:
    if event == "call" and frame.f_code.co_name == "_put":
        sys.settrace(None)
        signal.raise_signal(signal.SIGINT)  # the handler runs before the next bytecode


def handler(number: int, frame: FrameType | None) -> None:
    try:
        queue.green_put("from the handler", blocking=False)
    except aiologic.QueueFull:
        refused.append(len(queue))


signal.signal(signal.SIGINT, handler)
sys.settrace(interrupt)
queue.green_put("interrupted", blocking=False)
for queued in refused:
    print(f"the handler's put raised QueueFull with {queued} items in {CAPACITY} slots, and one on its way")
sys.exit(bool(refused))
