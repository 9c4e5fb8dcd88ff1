"""An intake with a planted fault: its offer never returns once it is full."""

import time
from typing import Any

from tidegate import Closed, Empty, Outcome
from tidegate import Intake as Sound
from tidegate_stress.lab import drive

__all__ = ["Closed", "Empty", "Intake", "Outcome"]

drive.GRACE_S = 0.5  # type: ignore[misc] # pyright: ignore[reportConstantRedefinition] - in the process of this run alone


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
            time.sleep(3600)
        return answer
