"""aiologic.Queue: an exception that a signal handler raises in get loses the item, and the queue's only token.

A signal handler may run at the start of any function, here of _release, which gives back the token.
Exit status 1: the fault shows; 0: it does not.
"""

import signal
import sys
from types import FrameType

import aiologic

CAPACITY = 3

queue = aiologic.Queue[str](CAPACITY)


def interrupt(frame: FrameType, event: str, argument: object) -> None:
    if event == "call" and frame.f_code.co_name == "_release":
        sys.settrace(None)
        signal.raise_signal(signal.SIGINT)  # Python's own handler raises KeyboardInterrupt


queue.green_put("first", blocking=False)
queue.green_put("second", blocking=False)
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it is ignored, as in a shell's background job
sys.settrace(interrupt)
try:
    print(f"the get gave {queue.green_get(blocking=False)!r}")
except KeyboardInterrupt:
    print(f"the get raised KeyboardInterrupt, {len(queue)} item is queued: the first is lost")
faults = 0
try:
    queue.green_put("third", blocking=False)
except aiologic.QueueFull:
    print(f"a put raised QueueFull with {len(queue)} item in {CAPACITY} slots")
    faults += 1
try:
    print(f"the next get gave {queue.green_get(blocking=False)!r}")
except aiologic.QueueEmpty:
    print(f"a get raised QueueEmpty with {len(queue)} item queued: nobody uses this queue any more")
    faults += 1
sys.exit(faults == 2)
