"""janus.Queue: a put from a signal handler that interrupts a put waits for ever.

A handler may run at the start of any function, here of _put; so may a finaliser, when the collector runs.
Exit status 1: the fault shows; 0: it does not.
"""

import os
import signal
import sys
import threading
from types import FrameType

import janus

queue = janus.Queue[str](3).sync_q
ended = threading.Event()


def interrupt(frame: FrameType, event: str, argument: object) -> None:
    if event == "call" and frame.f_code.co_name == "_put":
        sys.settrace(None)
        signal.raise_signal(signal.SIGINT)  # the handler runs before the next bytecode


def handler(number: int, frame: FrameType | None) -> None:
    print("the signal handler offers", flush=True)
    queue.put_nowait("from the handler")


def watch() -> None:
    if not ended.wait(2.0):
        print("after 2 s put_nowait has not returned: the handler waits for the lock that the code beneath it holds", flush=True)
        os._exit(1)


signal.signal(signal.SIGINT, handler)
threading.Thread(target=watch, daemon=True).start()
sys.settrace(interrupt)
queue.put_nowait("a")
ended.set()
print(f"both returned, {queue.qsize()} items are queued")
