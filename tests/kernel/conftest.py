"""What tests of the kernel and of its adapters share."""

import os
import signal
import warnings
from collections.abc import Callable

import pytest

LIMIT_S = 10


@pytest.fixture
def in_child() -> Callable[[Callable[[], bool]], bool]:
    """Give the function that tells whether a check holds in a fork of this process. One that hangs is killed, and does not."""

    def holds(check: Callable[[], bool]) -> bool:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads: that is what is tested
            child = os.fork()
        if child == 0:
            status = 1
            try:
                signal.alarm(LIMIT_S)
                status = 0 if check() else 1
            finally:
                os._exit(status)
        return os.waitpid(child, 0)[1] == 0

    return holds
