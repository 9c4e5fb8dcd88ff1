"""An annotation subscribes what can't be subscribed, so that tools which evaluate annotations fail.

Breaks: HOST-1
Killed by: host.annotations
"""

from . import Patch

BREAKS = ("HOST-1",)
KILLED_BY = ("host.annotations",)
PATCHES = (
    Patch(
        "__init__.py",
        "from ._types import Closed, Empty, Outcome, Statistics\n",
        "from ._types import Closed, Empty, Outcome, Statistics\n"
        "\n"
        "\n"
        'def peak(slots: "list[int][int]") -> int:\n'
        "    return max(slots)\n"
        "\n"
        "\n",
    ),
)
