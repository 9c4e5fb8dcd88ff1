"""culsans.Queue: an exception that a signal handler raises in get, after the item was taken out, loses the item and its slot.

A signal handler may run at the start of any function, here of _qsize, when it is called for the second time.
Exit status 1: the fault shows; 0: it does not.
"""

import signal
import sys
from types import FrameType

import culsans

CAPACITY = 3

queue = culsans.Queue[object](CAPACITY).sync_q
names: list[str] = []


def interrupt(frame: FrameType, event: str, argument: object) -> None:
    names.append(frame.f_code.co_name)
    if event == "call" and names[-1] == "_qsize" and "_get" in names:
        sys.settrace(None)
        signal.raise_signal(signal.SIGINT)  # Python's own handler raises KeyboardInterrupt


queue.put_nowait("the only item")
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it is ignored, as in a shell's background job
sys.settrace(interrupt)
try:
    print(f"get_nowait gave {queue.get_nowait()!r}")
except KeyboardInterrupt:
    print(f"get_nowait raised KeyboardInterrupt, {queue.qsize()} items are queued: it is lost")
accepted = 0
try:
    for number in range(CAPACITY):
        queue.put_nowait(number)
        accepted += 1
except culsans.QueueFull:
    print(f"the queue is empty, and takes only {accepted} items into {CAPACITY} slots")
sys.exit(accepted < CAPACITY)
