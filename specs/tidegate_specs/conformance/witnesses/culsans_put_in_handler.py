"""culsans.Queue: a put from a signal handler that interrupts a put finds the same last slot free, and both get it.

A handler may run at the start of any function, here of _put. Exit status 1: the fault shows; 0: it does not.
"""

import signal
import sys
from types import FrameType

import culsans

CAPACITY = 3

queue = culsans.Queue[object](CAPACITY).sync_q


def interrupt(frame: FrameType, event: str, argument: object) -> None:
    if event == "call" and frame.f_code.co_name == "_put":
        sys.settrace(None)
        signal.raise_signal(signal.SIGINT)  # the handler runs before the next bytecode


def handler(number: int, frame: FrameType | None) -> None:
    queue.put_nowait("from the handler")


for number in range(CAPACITY - 1):
    queue.put_nowait(number)
signal.signal(signal.SIGINT, handler)
sys.settrace(interrupt)
try:
    queue.put_nowait("interrupted")
except culsans.QueueFull:
    print("one of the two was refused")
print(f"one slot was free, put_nowait was interrupted by another: {queue.qsize()} items are in {CAPACITY} slots")
sys.exit(queue.qsize() > CAPACITY)
