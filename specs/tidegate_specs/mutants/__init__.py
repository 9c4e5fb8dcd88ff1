"""Kernels that are broken on purpose, one file each.

A mutant is a few replacements in the real kernel's source. Its file tells in the docstring what is broken, which clause that
breaks and which checks must kill it (groups, or names of checks), and gives the same as data: BREAKS, KILLED_BY, PATCHES. A race
also has WITHIN: the explorer's checks that must kill it, and the schedules that each may take. Every thread alone does the right
thing there; and between the two steps that must not be parted lies a call, at which the interpreter may switch threads by itself.
"""

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Patch:
    """Replace one text in one file of the kernel. `old` must occur there exactly once."""

    file: str
    old: str
    new: str
