"""Importing it changes how often the collector runs, for the whole process.

Breaks: HOST-1
Killed by: host.patched
"""

from . import Patch

BREAKS = ("HOST-1",)
KILLED_BY = ("host.patched",)
PATCHES = (
    Patch(
        "__init__.py",
        "from ._types import Closed, Empty, Outcome, Statistics\n",
        "from ._types import Closed, Empty, Outcome, Statistics\nimport gc\n\ngc.set_threshold(50_000)\n",
    ),
)
