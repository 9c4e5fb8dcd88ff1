"""The conformance kit: bring your own bounded intake, and have it judged by the checks that judge the kernel.

An adapter is a class with the verbs of the kernel's `Intake`, around whatever is to be judged. It declares what it can do, by
names from `CAPABILITIES`, and a check that needs anything else is not applicable to it: nobody is accused of breaking a promise
that he does not give. `tidegate verify --intake package.module:MyIntake` judges it, or `tidegate_gate.conformance` from Python.

    class MyIntake(Adapter):
        capabilities = needs("offer refuses take threads bytecode")
        judged = (my_queue.Queue,)

        def __init__(self, capacity: int) -> None:
            self.capacity = capacity
            self._queue = my_queue.Queue(capacity)

        def offer(self, item: object) -> Outcome:
            return Outcome.ACCEPTED if self._queue.try_put(item) else Outcome.FULL

        def take(self, timeout: float | None = None) -> Taken:
            if self._queue.empty():
                raise Empty
            return Taken(self._queue.get())

`peers` has the adapters of queues that people use, `expectations` what is known to be broken in them, and `witnesses` a script in
plain Python for each of that. `wrong` has intakes that are wrong on purpose, `classes` says what kind of clause each is.
"""

from ..check import CAPABILITIES, WHOLE, needs
from .adapter import Adapted, Adapter, Closed, Empty, Expected, Outcome, Taken, adapt, load_intake
from .limiter import AsyncLimiterAdapter, LimiterAdapter

__all__ = [
    "CAPABILITIES",
    "WHOLE",
    "Adapted",
    "Adapter",
    "AsyncLimiterAdapter",
    "Closed",
    "Empty",
    "Expected",
    "LimiterAdapter",
    "Outcome",
    "Taken",
    "adapt",
    "load_intake",
    "needs",
]
