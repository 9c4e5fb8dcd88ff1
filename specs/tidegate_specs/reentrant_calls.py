"""Ways in which Python lets a call happen in the middle of another one, in the same thread."""

import weakref
from collections.abc import Callable

Way = Callable[[Callable[[], None]], None]


class Finalised:
    """Call something when it dies."""

    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call

    def __del__(self) -> None:
        self.call()


class _Target:
    pass


def by_finaliser(call: Callable[[], None]) -> None:
    """Let a finaliser call it."""
    Finalised(call)


def by_weak_reference(call: Callable[[], None]) -> None:
    """Let a weak reference's callback call it."""
    target = _Target()
    kept = weakref.ref(target, lambda _: call())
    del target
    del kept
