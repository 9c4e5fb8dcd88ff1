"""The threads of a configuration, which play its words on an intake."""

from collections.abc import Callable, Hashable
from operator import attrgetter
from typing import Any, Final

from ..check import Subject
from .history import Caller

FIELDS: Final[tuple[str, ...]] = (
    "capacity",
    "free",
    "queued",
    "in_flight",
    "accepted",
    "full",
    "closed",
    "released",
    "abandoned",
    "peak",
)
_fields_of: Final[Callable[[Any], tuple[int, ...]]] = attrgetter(*FIELDS)
HOW_LONG_S: Final = 1.0  # of virtual time


class Shared:
    """Hold what the threads of a run share: the intake, an iterator over it, and the leases taken before they start."""

    __slots__ = ("intake", "iterator", "kept")

    def __init__(self, intake: Any) -> None:
        self.intake = intake
        self.iterator: Any = iter(intake)
        self.kept: dict[str, Any] = {}


def words_of(line: str) -> list[tuple[str, str]]:
    """Split a line into operations and what they are about: ("offer", "a"), ("take?", ""), ("release", "@a"),"""
    found: list[tuple[str, str]] = []
    for word in line.split():
        if found and found[-1] == ("offer", ""):
            found[-1] = ("offer", word)
            continue
        name, sign, about = word.partition("@")
        found.append((name, sign + about))
    return found


class Player:
    """Perform the operations of a configuration on one implementation."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    def play(self, words: list[tuple[str, str]], shared: Shared, call: Caller) -> None:
        """Perform a thread's operations, and record them."""
        for name, about in words:
            if name == "offer":
                call("offer", about, self._offer, shared.intake, about)
            elif name.startswith("take"):
                call.mine.clear()
                call("take", name != "take", self._take, shared.intake, name, call)
            elif name == "next":
                call("next", None, self._next, shared.iterator, call)
            elif name in ("look", "release", "drop"):
                self._with_lease(name, about, shared, call)
            elif name == "close":
                call("close", None, shared.intake.close)
            elif name.startswith("drain"):
                call("drain", name != "drain", shared.intake.drain, HOW_LONG_S if name == "drain?" else None)
            else:
                call("statistics", None, self.reading, shared.intake)

    def _offer(self, intake: Any, item: str) -> str:
        try:
            return str(intake.offer(item).name)
        except Exception as error:  # noqa: BLE001 (an answer, and never a right one)
            return f"raised {error!r}"

    def _take(self, intake: Any, name: str, call: Caller) -> str:
        timeout = {"take": None, "take?": HOW_LONG_S, "take0": 0}[name]
        try:
            call.mine["lease"] = intake.take(timeout)
        except self.subject.Empty:
            return "Empty"
        except self.subject.Closed:
            return "Closed"
        except Exception as error:  # noqa: BLE001 (an answer, and never a right one)
            return f"raised {error!r}"
        return "?"

    def _next(self, iterator: Any, call: Caller) -> str:
        try:
            lease = next(iterator)
        except StopIteration:
            return "Closed"
        except Exception as error:  # noqa: BLE001 (an answer, and never a right one)
            return f"raised {error!r}"
        if "lease" in call.mine:
            call.mine.setdefault("listed", []).append(call.mine["lease"])
        call.mine["lease"] = lease
        return "?"

    def _with_lease(self, name: str, about: str, shared: Shared, call: Caller) -> None:
        place, key = (shared.kept, about[1:]) if about else (call.mine, "lease")
        if key not in place:
            return
        if name == "look":
            before = call.operations[-1] if call.operations else None
            item = call("look", about[1:] or None, self._look, place[key])
            call.operations[-1].argument = about[1:] or item
            if before is not None and before.result == "?":
                before.result = item
            call.mine["item"] = item
            return
        item = about[1:] or call.mine.get("item", "?")
        if name == "release":
            call("release", item, place[key].release)
        else:
            call("drop", item, place.__delitem__, key)

    def _look(self, lease: Any) -> Hashable:
        try:
            item: Hashable = lease.item
        except ValueError:
            return "released"
        except Exception as error:  # noqa: BLE001 (an answer, and never a right one)
            return f"raised {error!r}"
        return item

    def reading(self, intake: Any) -> tuple[int, ...]:
        return _fields_of(intake.statistics())
