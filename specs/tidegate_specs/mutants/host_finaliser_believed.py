"""A token whose finaliser is called is taken for lost, though the collector calls it while a job's own finaliser is about to
release the lease that holds it.

Breaks: BOUND-1, BOUND-2
Killed by: host.collector
"""

from . import Patch

BREAKS = (
    "BOUND-1",
    "BOUND-2",
)
KILLED_BY = ("host.collector",)
PATCHES = (
    Patch(
        "__init__.py",
        "from ._types import Closed, Empty, Outcome, Statistics\n",
        "from ._types import Closed, Empty, Outcome, Statistics\n"
        "from . import _slots\n"
        "\n"
        "\n"
        "def _recover(slot):\n"
        "    if (slots := slot.home()) is not None:\n"
        "        slots.recover(slot)\n"
        "\n"
        "\n"
        "_slots.Token.__del__ = lambda self: _recover(self.slot)\n"
        "_slots.SlotRef.__del__ = _recover\n",
    ),
    Patch(  # takes the slot of a token that is in the queue twice as it is
        "_intake.py",
        "= mark = [turns[index], False]",
        "= mark = [turns[index] if isinstance(turns[index], int) else turns[index][0], False]",
    ),
)
