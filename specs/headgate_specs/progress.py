"""How a running check tells how far it has come. Outside the gate, telling does nothing."""

from collections.abc import Callable

_listeners: list[Callable[[str], None]] = []


def progress(text: str) -> None:
    """Tell whoever watches how far the running check has come, in a few words ("12,000 of 50,000 steps")."""
    for listener in _listeners:
        listener(text)


def listen(listener: Callable[[str], None]) -> None:
    """Have `progress` call this function from now on."""
    _listeners.append(listener)
