"""What is counted of the process around a drive, and threads that do not keep it."""

import gc
import os
import sys
import threading
from collections.abc import Callable


def jain(shares: list[int]) -> float:
    """Give Jain's index of fairness (R. Jain et al., DEC TR-301, 1984): 1 when all are equal, 1/n when one has all."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0


def collections_so_far() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())


def switches_so_far() -> tuple[int, int]:
    if sys.platform == "win32" or os.name != "posix":
        return 0, 0
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_nvcsw, usage.ru_nivcsw


def started(target: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread
