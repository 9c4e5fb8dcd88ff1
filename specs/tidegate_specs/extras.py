"""The optional parts that the commands need, and how to say that one is not installed."""

import importlib.util
from collections.abc import Mapping

from .builds import FREE_THREADED

# What each extra of the distribution brings, by the name under which it is imported.
EXTRAS: Mapping[str, tuple[str, ...]] = {
    "cluster": ("dask", "distributed"),
    "gate": ("crosshair", "hypothesis", "pytest", "pytest_timeout", "rich", "z3"),
    "lab": ("aiologic", "culsans", "gunicorn", "janus", "matplotlib", "psutil", "starlette", "uvicorn", "waitress"),
}
# What nobody has made for free-threaded builds. The checks that need it are UNKNOWN there and say so; the others go on without.
NOT_MADE = frozenset({"crosshair"}) if FREE_THREADED else frozenset[str]()


class UsageError(Exception):
    """Raised for what the caller of a command can put right: a wrong option, a part that is not installed."""


def require(command: str, extra: str) -> None:
    """Raise UsageError unless everything that an extra brings is there. Nothing of it is imported."""
    missing = [name for name in EXTRAS[extra] if name not in NOT_MADE and importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"{advice(command, extra)} (there is no {', '.join(missing)})")


def extra_of(module: str) -> str:
    """Name the extra that brings a module; empty when none does."""
    root = module.partition(".")[0]
    return next((extra for extra, names in EXTRAS.items() if root in names), "")


def advice(command: str, extra: str) -> str:
    """Say which extra a command needs, and how to install it."""
    return f"{command} needs the {extra} extra: pip install 'tidegate[{extra}]'"
