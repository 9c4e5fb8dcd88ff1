"""The exception of a callback is swallowed: nobody hears that the host's own alarm is broken.

Breaks: EDGE-1
Killed by: adapters.edges_callbacks
"""

from ...mutants import Patch

BREAKS = ("EDGE-1",)
KILLED_BY = ("adapters.edges_callbacks",)
PATCHES = (
    Patch(
        "adapters/edges.py",
        "            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))\n",
        "            pass\n",
    ),
)
