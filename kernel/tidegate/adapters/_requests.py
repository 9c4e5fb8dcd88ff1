# SPDX-License-Identifier: MIT
"""Which requests are limited, by what, and who sends them: what the two middlewares share beside `Rules` and `Busy`."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol, final, runtime_checkable

from .. import Lease
from .bulkhead import Bulkhead, Rules

Classify = Callable[[Any], str | None]
Exempt = Callable[[Any], bool] | Iterable[str]


@runtime_checkable  # for tools that check annotations at run time
class Entrance(Protocol):
    """Name what a request goes through beside a `Bulkhead`: an `Admission` of the policies, which knows classes."""

    @property
    def bulkhead(self) -> Bulkhead: ...
    def enter(self, label: str | None = None) -> Any: ...
    def statistics(self) -> Any: ...


@final
class Requests:
    """Lead each request to its bulkhead or admission (WEB-1), and tell that its class (CLASS-3).

    classify: gives the label of a request, from what the server tells of it. exempt: tells whether a request is not limited at
    all; or the prefixes of paths that are not. An exception of either is no reason to fail: the request has no label, or is not
    exempt."""

    __slots__ = ("_classify", "_is_exempt", "faults", "rules")

    def __init__(
        self,
        bulkheads: "Bulkhead | Entrance | Mapping[str, Bulkhead | Entrance | None]",
        classify: Classify | None,
        exempt: Exempt | None,
    ) -> None:
        self._is_exempt: Final = exempt if callable(exempt) else None
        paths = () if exempt is None or callable(exempt) else _checked_paths(exempt)
        rules: dict[str, Any] = dict(bulkheads) if isinstance(bulkheads, Mapping) else {"/": bulkheads}
        if there := [path for path in paths if path in rules]:
            raise ValueError(f"{there[0]!r} is exempt and limited")
        self.rules: Final = Rules(rules | dict.fromkeys(paths))
        if classify is not None and not callable(classify):  # pyright: ignore[reportUnnecessaryComparison]
            raise TypeError(f"classify must be a function, not {type(classify).__name__}")
        self._classify: Final = classify
        self.faults = 0

    def exempt(self, request: Any) -> bool:
        """Tell whether a request is exempt by the predicate."""
        if self._is_exempt is None:
            return False
        try:
            return bool(self._is_exempt(request))
        except Exception:  # noqa: BLE001 - whatever it is, the request is limited as any other
            self.faults += 1
            return False

    def enter(self, entrance: Any, request: Any) -> Any:
        """Go inside or be refused, by the class of the request where there are classes."""
        if type(entrance) is Bulkhead:
            return entrance.enter()
        label = None
        if self._classify is not None:
            try:
                label = self._classify(request)
            except Exception:  # noqa: BLE001 - the same: it has no label, which is counted there
                self.faults += 1
        return entrance.enter(label)


def end_early(lease: Any) -> None:
    """Release the lease of a request whose time tells nothing: it failed, its client went away, or it lasts as long as that
    likes."""
    if type(lease) is Lease:
        lease.release()
    else:
        lease.release(sample=False)


def _checked_paths(exempt: Iterable[str]) -> tuple[str, ...]:
    if isinstance(exempt, str):
        raise TypeError(f"exempt must be a function or paths, not one str: write ({exempt!r},)")
    return tuple(exempt)
