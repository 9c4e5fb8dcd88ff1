"""A rejection is logged, at the moment when there is least time for it.

Breaks: QUIET-1
Killed by: audit.quiet, scenarios.06
"""

from . import Patch

BREAKS = ("QUIET-1",)
KILLED_BY = ("audit.quiet", "scenarios.06")
PATCHES = (
    Patch(
        "_intake.py",
        "import os\n",
        ("import logging\nimport os\n"),
    ),
    Patch(
        "_intake.py",
        "            outcome, rejections = FULL, next(slots.answered_full)\n",
        (
            "            outcome, rejections = FULL, next(slots.answered_full)\n"
            '            logging.getLogger("tidegate").warning("full")\n'
        ),
    ),
)
