"""pyresilience: an exception that a signal handler raises as a call leaves the bulkhead loses the place.

A signal handler may run at the start of any function, here of `release`.
Exit status 1: the fault shows; 0: it does not.
"""
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUntypedFunctionDecorator=false

import signal
import sys
from types import FrameType

from pyresilience import BulkheadConfig, BulkheadFullError, resilient


@resilient(bulkhead=BulkheadConfig(max_concurrent=1, max_wait=0))  # type: ignore[untyped-decorator]
def call() -> str:
    return "inside"


def interrupt(frame: FrameType, event: str, argument: object) -> None:
    if event == "call" and frame.f_code.co_name == "release":
        sys.settrace(None)
        signal.raise_signal(signal.SIGINT)  # Python's own handler raises KeyboardInterrupt


signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it is ignored, as in a shell's background job
sys.settrace(interrupt)
try:
    call()
    sys.settrace(None)
    print("one was inside, and left")
except KeyboardInterrupt:
    print("KeyboardInterrupt on the way out")
try:
    print(f"nobody is inside, and the next call is {call()}")
    sys.exit(0)
except BulkheadFullError:
    print("nobody is inside, and the next call is refused as full")
    sys.exit(1)
