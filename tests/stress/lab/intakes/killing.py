"""An intake with a planted fault: its offer kills the process once it is full."""

import os
import signal
from typing import Any

from tidegate import Closed, Empty, Outcome
from tidegate import Intake as Sound

__all__ = ["Closed", "Empty", "Intake", "Outcome"]


class Intake:
    """Do as the kernel does, until it is full."""

    def __init__(self, capacity: int) -> None:
        self._sound: Sound[Any] = Sound(capacity)
        self.take = self._sound.take
        self.statistics = self._sound.statistics

    def offer(self, item: Any) -> Outcome:
        """Offer, and fail on the first refusal."""
        answer = self._sound.offer(item)
        if answer is Outcome.FULL:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer
