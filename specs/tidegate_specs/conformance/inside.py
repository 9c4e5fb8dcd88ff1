"""What a caller does inside a limiter, in a module of its own: threads are switched between its steps."""

from typing import Any


def visit(inside: list[Any], peak: list[int]) -> None:
    """Be inside, and note how many are."""
    inside.append(None)
    peak.append(len(inside))
    inside.pop()
