"""The handler keeps the lock that `logging` holds around every handler: a thread stopped inside keeps all others from logging.

Breaks: LOG-1
Killed by: adapters.log_freeze
"""

from ...mutants import Patch

BREAKS = ("LOG-1",)
KILLED_BY = ("adapters.log_freeze",)
PATCHES = (
    Patch(
        "adapters/log.py",
        "    def handle(self, record: LogRecord) -> Any:\n",
        "    def handle_without_lock(self, record: LogRecord) -> Any:\n",
    ),
)
