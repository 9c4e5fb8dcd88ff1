"""What the options of the commands may be: types for argparse, so that a wrong value is bad usage, found before any work."""

import argparse
import math
from collections.abc import Callable


def at_least(least: int) -> Callable[[str], int]:
    """Give the type of a whole number that is not below `least`."""

    def number(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or len(text) > 18 or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text} is not an integer of at least {least}")
        return int(text)

    return number


def seconds(text: str) -> float:
    """Read a time in seconds: above 0, and not for ever."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0")
    return found


def seconds_within(least: float, most: float) -> Callable[[str], float]:
    """Give the type of a time in seconds that is between the two."""

    def found(text: str) -> float:
        try:
            given = float(text)
        except ValueError:
            given = math.nan
        if not least <= given <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least:g} and {most:g}")
        return given

    return found


def clause_id(text: str) -> str:
    """Read the id of a clause, in whatever case it is written."""
    return text.upper()
