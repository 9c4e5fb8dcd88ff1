"""An intake is made anew in the first fork only: a child's child holds the child's work.

Breaks: FORK-1
Killed by: sizes.forks
"""

from . import Patch

BREAKS = ("FORK-1",)
KILLED_BY = ("sizes.forks",)
PATCHES = (
    Patch(
        "_intake.py",
        ("    for intake in list(_intakes):\n"),
        ("    for intake in list(_intakes) if not _forked else ():\n"),
    ),
    Patch(
        "_intake.py",
        "def _after_fork_in_child() -> None:",
        ("_forked: list[None] = []\n\n\ndef _after_fork_in_child() -> None:"),
    ),
    Patch(
        "_intake.py",
        ("goes on with the new slots\n"),
        ("goes on with the new slots\n    _forked.append(None)\n"),
    ),
)
