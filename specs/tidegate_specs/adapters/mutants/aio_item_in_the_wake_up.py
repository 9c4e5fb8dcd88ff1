"""The loop's callback takes the item for the waiter that it wakes, as a future would: when that is cancelled, the item is gone.

Breaks: ASYNC-3
Killed by: adapters.aio_cancel
"""

from ...mutants import Patch

BREAKS = ("ASYNC-3",)
KILLED_BY = ("adapters.aio_cancel",)
PATCHES = (
    Patch("adapters/aio.py", '    __slots__ = ("bells", "closed",', '    __slots__ = ("bells", "gifts", "closed",'),
    Patch(
        "adapters/aio.py",
        "        self.bells: Final = _Bells()\n",
        "        self.bells: Final = _Bells()\n        self.gifts = []\n",
    ),
    Patch(
        "adapters/aio.py",
        "            self.leave(waiter)  # not before: an exception in between would leave it asleep and unknown\n",
        (
            "            self.leave(waiter)\n"
            "            try:\n"
            "                with self.intake._intake.take(timeout=0) as item:\n"
            "                    self.gifts.append(type('Gift', (), {'item': item, 'release': bool}))\n"
            "            except Exception:\n"
            "                return\n"
        ),
    ),
    Patch(
        "adapters/aio.py",
        "                    await waiter.wait()\n",
        (
            "                    await waiter.wait()\n"
            "                    if station.gifts:\n"
            "                        done.__self__._held[0] = station.gifts.pop()\n"
            "                        break\n"
        ),
    ),
)
