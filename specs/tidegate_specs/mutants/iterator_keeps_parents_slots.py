"""An iterator goes on with the slots that it was made with: after a fork it looks where nothing comes.

Breaks: FORK-1
Killed by: sizes.forks
"""

from . import Patch

BREAKS = ("FORK-1",)
KILLED_BY = ("sizes.forks",)
PATCHES = (
    Patch(
        "_intake.py",
        ("        seen: list[bool] = []  # of the lease given last; the lease itself is not kept\n"),
        (
            "        seen: list[bool] = []  # of the lease given last; the lease itself is not kept\n"
            "        made_with = self._slots\n"
        ),
    ),
    Patch(
        "_intake.py",
        ("                lease = self.take()\n            except Closed:"),
        (
            "                if made_with is not self._slots:\n"
            "                    return None\n"
            "                lease = self.take()\n"
            "            except Closed:"
        ),
    ),
)
