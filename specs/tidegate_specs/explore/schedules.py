"""Write a schedule as a short text and read it back.

`offers-2x1@3.11:A37B5A12` says: of the configuration `offers-2x1`, on Python 3.11, thread A runs 37 opcodes, B 5, A 12, and then
whoever runs goes on. Opcodes differ between versions, so a schedule belongs to one.
"""

import re
import sys
from itertools import groupby
from typing import NamedTuple

from ..foreign import subject_option


class ScheduleId(NamedTuple):
    """Hold the parts of a schedule id."""

    program: str
    version: str
    steps: list[int]


def this_version() -> str:
    """Give the interpreter's version as in a schedule id."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def encode(program: str, steps: list[int]) -> str:
    """Write a schedule id."""
    runs = "".join(f"{chr(ord('A') + thread)}{sum(1 for _ in group)}" for thread, group in groupby(steps))
    return f"{program}@{this_version()}:{runs}"


def decode(text: str) -> ScheduleId:
    """Read a schedule id. ValueError if it is none."""
    found = re.fullmatch(r"(?P<program>[^@:]+)@(?P<version>\d+\.\d+):(?P<runs>(?:[A-Z]\d+)*)", text.strip())
    if found is None:
        raise ValueError(f"not a schedule id: {text!r} (it looks like name@3.11:A37B5A12)")
    steps: list[int] = []
    for letter, length in re.findall(r"([A-Z])(\d+)", found["runs"]):
        steps.extend([ord(letter) - ord("A")] * int(length))
    return ScheduleId(found["program"], found["version"], steps)


def replay_command(schedule: str, subject: object) -> str:
    """Give the command that shows a schedule again on the implementation it was found on."""
    return f"tidegate replay '{schedule}'{subject_option(subject)}"
