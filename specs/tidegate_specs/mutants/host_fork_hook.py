"""A fork hook is written in Python: a Ctrl-C that reaches the child while it runs is dropped.

Breaks: HOST-1
Killed by: host.fork, host.callbacks
"""

from . import Patch

BREAKS = ("HOST-1",)
KILLED_BY = (
    "host.fork",
    "host.callbacks",
)
PATCHES = (
    Patch(
        "__init__.py",
        "from ._types import Closed, Empty, Outcome, Statistics\n",
        "from ._types import Closed, Empty, Outcome, Statistics\nimport os\n\nos.register_at_fork(after_in_child=lambda: None)\n",
    ),
)
