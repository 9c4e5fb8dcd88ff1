"""Refused records are kept for the next time that there is room: a second buffer behind the wall, which grows.

Breaks: LOG-1
Killed by: adapters.log_model
"""

from ...mutants import Patch

BREAKS = ("LOG-1",)
KILLED_BY = ("adapters.log_model",)
PATCHES = (
    Patch(
        "adapters/log.py",
        "            self.intake.offer(record)\n",
        (
            "            kept = self.__dict__.setdefault('kept', [])\n"
            "            kept.append(record)\n"
            "            while kept and self.intake.offer(kept[0]):\n"
            "                del kept[0]\n"
        ),
    ),
)
