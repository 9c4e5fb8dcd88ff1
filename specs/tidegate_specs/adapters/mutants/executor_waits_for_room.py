"""A submission waits until there is room, as with a semaphore around a `ThreadPoolExecutor`.

Breaks: EXECUTOR-1
Killed by: adapters.executor_hung
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-1",)
KILLED_BY = ("adapters.executor_hung",)
PATCHES = (
    Patch(
        "adapters/executor.py",
        "            answer = line.room.enter()\n",
        ("            while (answer := line.room.enter()) is Outcome.FULL:\n                threading.Event().wait(0.01)\n"),
    ),
    Patch("adapters/executor.py", "from collections import deque\n", ("import threading\nfrom collections import deque\n")),
)
