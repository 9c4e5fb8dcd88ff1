"""janus.Queue: an exception that a signal handler raises in get, after the item was taken out, loses the item.

A signal handler may run at the start of any function, here of __exit__.
Exit status 1: the fault shows; 0: it does not.
"""

import signal
import sys
from types import FrameType

import janus

queue = janus.Queue[str](3).sync_q


def interrupt(frame: FrameType, event: str, argument: object) -> None:
    if event == "call" and frame.f_code.co_name == "__exit__":
        sys.settrace(None)
        signal.raise_signal(signal.SIGINT)  # Python's own handler raises KeyboardInterrupt


queue.put_nowait("the only item")
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it is ignored, as in a shell's background job
sys.settrace(interrupt)
try:
    print(f"get_nowait gave {queue.get_nowait()!r}")
    sys.exit(0)
except KeyboardInterrupt:
    lost = queue.qsize() == 0
    print(f"get_nowait raised KeyboardInterrupt, {queue.qsize()} items are queued: " + ("it is lost" if lost else "it is kept"))
    sys.exit(lost)
