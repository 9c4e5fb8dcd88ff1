"""What Python code that stands in for C must do, so that nobody can tell it from C."""

from queue import Empty


class TimeIsOver(Empty):
    """What `SimpleQueue.get` ends with, as if C had raised it: no frame of the stand-in is in its traceback.

    A subject may look there to tell the end of its time from the same exception out of a signal handler, which has frames.
    """

    __traceback__ = None
