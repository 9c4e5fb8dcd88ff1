"""The interpreter waits for no work of the executor's when it exits: what was accepted is lost without a word.

Breaks: HOST-2
Killed by: host.exit
"""

from . import Patch

BREAKS = ("HOST-2",)
KILLED_BY = ("host.exit",)
PATCHES = (
    Patch(
        "adapters/executor.py",
        "from .bulkhead import Bulkhead, Refusal\n",
        "from .bulkhead import Bulkhead, Refusal\nimport threading, os\n\nthreading._register_atexit(os._exit, 0)\n",
    ),
)
