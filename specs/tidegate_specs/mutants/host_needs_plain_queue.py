"""It can't be imported where the host has put another class in the place of `queue.SimpleQueue`.

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
        "from ._types import Closed, Empty, Outcome, Statistics\n"
        "import queue\n"
        "\n"
        'if queue.SimpleQueue.__module__ != "_queue":\n'
        '    raise ImportError("the C implementation of queue.SimpleQueue is needed")\n',
    ),
)
