"""A full intake raises instead of answering.

Breaks: EXPLICIT-1
Killed by: audit.quiet, scenarios.33, stateful.enumeration
"""

from . import Patch

BREAKS = ("EXPLICIT-1",)
KILLED_BY = ("audit.quiet", "scenarios.33", "stateful.enumeration")
PATCHES = (
    Patch(
        "_intake.py",
        "import os\n",
        "import os\nimport queue\n",
    ),
    Patch(
        "_intake.py",
        "            outcome, rejections = FULL, next(slots.answered_full)\n",
        "            raise queue.Full\n",
    ),
)
