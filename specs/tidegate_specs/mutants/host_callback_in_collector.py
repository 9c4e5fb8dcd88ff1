"""The collector calls a function of ours, which does nothing: a signal that comes while it runs is handled in there, where the
interpreter drops exceptions.

Breaks: HOST-1
Killed by: host.signals, host.callbacks
"""

from . import Patch

BREAKS = ("HOST-1",)
KILLED_BY = (
    "host.signals",
    "host.callbacks",
)
PATCHES = (
    Patch(
        "__init__.py",
        "from ._types import Closed, Empty, Outcome, Statistics\n",
        "from ._types import Closed, Empty, Outcome, Statistics\nimport gc\n\ngc.callbacks.append(lambda phase, info: None)\n",
    ),
)
