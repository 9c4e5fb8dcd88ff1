"""What is explored on an intake: small configurations of threads, and what must hold after each of their schedules.

A thread is a line of words: `offer a`, `take` (waits), `take?` (with a time-out), `take0` (no wait), `next` (of the one iterator
over the intake; its leases are kept), then `look`, `release`,
`drop` for the lease that the thread took last; `release@a` for a lease that was taken before the threads start; `close`, `drain`
(waits), `drain?` (with a time-out), `statistics`.

After each schedule: no deadlock; the history is one of the state machine's (BOUND-1, EXACT-1, LOCAL-1, LEASE-1, CLOSE-1, CLOSE-2);
statistics, read in the middle and at the end, keep the ledger and its bounds (LEDGER-1, BOUND-2); what is left is taken out, in
order and once; then every slot is free and the intake is as good as new (RECOVER-1).
"""

import json
import sys
import types
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, cast

from ..builds import FREE_THREADED, LATE_FINALISERS, made_by_none
from ..check import Check, Result, Settings, Subject, Verdict
from .explorer import Explorer, Limits, Program, Report
from .history import Caller, History, Operation
from .intake_model import World, intake_model
from .linearizability import START, Done, Model, check
from .scheduler import Diverged, WaitsInEarnest
from .schedules import replay_command, this_version

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
MANIFEST: Final = Path(__file__).with_name("manifest.json")


@dataclass(frozen=True)
class Plan:
    """Say how to explore: grain, preemption bound (None: none), reduced or not, and who does it.

    quick: both profiles of the gate do. long: none does, only `tidegate explore`. Otherwise the full profile does.
    """

    grain: str
    bound: int | None
    reduced: bool = False
    quick: bool = False
    long: bool = False

    @property
    def key(self) -> str:
        """Name the plan."""
        extent = "unbounded" if self.bound is None else f"bound {self.bound}"
        return f"{self.grain}, {extent}{', reduced' if self.reduced else ''}"


REDUCED: Final = Plan("access", None, True, True)
REDUCED_FULL: Final = Plan("access", None, True)
REDUCED_LONG: Final = Plan("access", None, True, long=True)
WHOLE: Final = Plan("access", None, False, True)
WHOLE_LONG: Final = Plan("access", None, long=True)
ACCESS_1: Final = Plan("access", 1, quick=True)
ACCESS_1_FULL: Final = Plan("access", 1)
ACCESS_2: Final = Plan("access", 2, quick=True)
ACCESS_2_FULL: Final = Plan("access", 2)
ACCESS_2_LONG: Final = Plan("access", 2, long=True)
ACCESS_3: Final = Plan("access", 3)
ACCESS_3_LONG: Final = Plan("access", 3, long=True)
OPCODE_1: Final = Plan("opcode", 1)
OPCODE_2: Final = Plan("opcode", 2)
OPCODE_2_LONG: Final = Plan("opcode", 2, long=True)


@dataclass(frozen=True)
class Configuration:
    """Describe a configuration: what happens before the threads start, what each does, and how it is explored."""

    name: str
    capacity: int
    setup: tuple[str, ...]
    threads: tuple[str, ...]
    clauses: tuple[str, ...]
    plans: tuple[Plan, ...]

    @property
    def drops(self) -> bool:
        """Tell whether a thread drops a lease, so that a finaliser decides what comes after."""
        return any("drop" in thread for thread in self.threads)


_OFFERS = ("BOUND-1", "EXACT-1", "LOCAL-1", "LEDGER-1")
_LEASES = ("LEASE-1", "BOUND-1", "BOUND-2", "EXACT-1")
_CLOSE = ("CLOSE-1", "CLOSE-2", "LEDGER-1")
_TAKER = "take look release"

CONFIGURATIONS: Final = (
    Configuration("offers-2-take-1", 1, (), ("offer a", "offer b", _TAKER), _OFFERS, (REDUCED, WHOLE, OPCODE_1, OPCODE_2_LONG)),
    Configuration("offers-2-take-1-wide", 2, (), ("offer a", "offer b", _TAKER), _OFFERS, (REDUCED, ACCESS_2, ACCESS_3)),
    Configuration("offers-3-take-1", 1, (), ("offer a", "offer b", "offer c", _TAKER), _OFFERS, (ACCESS_1, REDUCED_FULL, ACCESS_3)),
    Configuration(
        "offers-3-take-1-wide", 2, (), ("offer a", "offer b", "offer c", _TAKER), _OFFERS, (ACCESS_1, REDUCED_FULL, ACCESS_3_LONG)
    ),
    Configuration(
        "offers-2x2-take-2",
        1,
        (),
        ("offer a offer c", "offer b offer d", "take? look release", "take? look release"),
        _OFFERS,
        (ACCESS_1_FULL, ACCESS_2_LONG, ACCESS_3_LONG),
    ),
    Configuration(
        "offers-2x2-take-2-wide",
        2,
        (),
        ("offer a offer c", "offer b offer d", _TAKER, _TAKER),
        _OFFERS,
        (ACCESS_1_FULL, ACCESS_2_LONG, ACCESS_3_LONG),
    ),
    Configuration(
        "claimed-not-published", 1, (), ("offer a", "offer b take0 look"), ("EXACT-1", "BOUND-1"), (REDUCED, WHOLE, OPCODE_2)
    ),
    Configuration(
        "release-release-offer",
        1,
        ("offer a", "take", "look"),
        ("release@a", "release@a", "offer b"),
        _LEASES,
        (REDUCED, WHOLE, OPCODE_2),
    ),
    Configuration(
        "look-release-offer",
        1,
        ("offer a", "take"),
        ("look@a", "release@a", "offer b take? look"),
        (*_LEASES, "LOCAL-1"),
        (REDUCED, ACCESS_2, OPCODE_1),
    ),
    Configuration(
        "look-look-release",
        1,
        ("offer a", "take"),
        ("look@a", "look@a", "release@a offer b"),
        (*_LEASES, "LOCAL-1"),
        (REDUCED, ACCESS_2, OPCODE_1),
    ),
    Configuration(
        "release-offer-offer",
        1,
        ("offer a", "take", "look"),
        ("release@a", "offer b", "offer c"),
        _LEASES,
        (REDUCED, WHOLE, OPCODE_1, OPCODE_2_LONG),
    ),
    Configuration(
        "release-drop-offer",
        2,
        ("offer a", "offer b", "take", "look", "take", "look"),
        ("release@a", "drop@b", "offer c"),
        _LEASES,
        (REDUCED, WHOLE, OPCODE_1, OPCODE_2_LONG),
    ),
    Configuration(
        "drop-offer-offer",
        1,
        ("offer a", "take", "look"),
        ("drop@a", "offer b", "offer c"),
        _LEASES,
        (REDUCED, WHOLE, OPCODE_1, OPCODE_2_LONG),
    ),
    Configuration(
        "put-back-take",
        1,
        ("offer a",),
        ("take? drop", "take? look release", "offer b"),
        (*_LEASES, "LOCAL-1"),
        (REDUCED, ACCESS_2, OPCODE_1),
    ),
    Configuration("close-offer-take", 1, (), ("close", "offer a", _TAKER), _CLOSE, (ACCESS_2, REDUCED_FULL, ACCESS_3, OPCODE_1)),
    Configuration(
        "close-offers-take", 1, (), ("close", "offer a", "offer b", _TAKER), _CLOSE, (ACCESS_1, ACCESS_2_FULL, ACCESS_3_LONG)
    ),
    Configuration(
        "close-offers-take-wide",
        2,
        (),
        ("close", "offer a", "offer b", _TAKER),
        _CLOSE,
        (ACCESS_1_FULL, ACCESS_2_FULL, ACCESS_3_LONG),
    ),
    Configuration("close-take-take", 1, (), ("close", "take", "take"), _CLOSE, (ACCESS_2, REDUCED_LONG, ACCESS_3, OPCODE_1)),
    Configuration("close-close-take", 1, (), ("close", "close", "take"), _CLOSE, (ACCESS_2, REDUCED_FULL, ACCESS_3)),
    Configuration(
        "close-release-take",
        1,
        ("offer a", "take", "look"),
        ("close", "release@a", "take"),
        _CLOSE,
        (ACCESS_2, REDUCED_LONG, ACCESS_3),
    ),
    Configuration(
        "close-look-take", 1, ("offer a", "take"), ("close", "look@a", "take"), _CLOSE, (ACCESS_2, REDUCED_FULL, ACCESS_3)
    ),
    Configuration(
        "close-take-finish", 1, ("offer a",), ("close", _TAKER, _TAKER), _CLOSE, (ACCESS_1, ACCESS_2_FULL, ACCESS_3, OPCODE_1)
    ),
    Configuration(
        "close-put-back",
        1,
        ("offer a",),
        ("close", "take drop", _TAKER),
        _CLOSE,
        (ACCESS_1, ACCESS_2_FULL, ACCESS_3_LONG, OPCODE_1),
    ),
    Configuration("list-close", 2, ("offer a", "offer b"), ("next next next", "close"), _CLOSE, (ACCESS_2, REDUCED_FULL, OPCODE_1)),
    Configuration(
        "list-close-take",
        1,
        ("offer a",),
        ("next next", _TAKER, "close"),
        (*_CLOSE, "LEASE-1"),
        (ACCESS_1, ACCESS_2_FULL, OPCODE_1),
    ),
    Configuration(
        "list-drop-take", 1, ("offer a", "next"), ("drop@a", "next", "close"), (*_CLOSE, "LEASE-1"), (ACCESS_2, ACCESS_3, OPCODE_1)
    ),
    Configuration(
        "close-statistics",
        1,
        (),
        ("close", "offer a", "statistics"),
        ("LEDGER-1", "BOUND-2"),
        (REDUCED, ACCESS_1, WHOLE_LONG, OPCODE_1),
    ),
    Configuration("drain-offer-take", 1, (), ("drain", "offer a", _TAKER), _CLOSE, (ACCESS_1, ACCESS_2_FULL, ACCESS_3, OPCODE_1)),
    Configuration("drain-offers", 1, (), ("drain?", "offer a", "offer b"), _CLOSE, (ACCESS_2, ACCESS_3, OPCODE_1)),
    Configuration(
        "drain-release",
        1,
        ("offer a", "take", "look"),
        ("drain", "drain", "release@a"),
        _CLOSE,
        (ACCESS_1, ACCESS_2_FULL, ACCESS_3, OPCODE_1),
    ),
    Configuration(
        "drain-drop-take",
        1,
        ("offer a", "take", "look"),
        ("drain", "drop@a", "take"),
        _CLOSE,
        (ACCESS_1, ACCESS_2_FULL, ACCESS_3_LONG, OPCODE_1),
    ),
    Configuration(
        "drain-take-take", 1, (), ("drain", "take", "take"), _CLOSE, (ACCESS_1, ACCESS_2_FULL, ACCESS_3, REDUCED_LONG, OPCODE_1)
    ),
    Configuration(
        "timeout-publish",
        1,
        (),
        ("take? look release", "offer a", "take? look release"),
        ("LOCAL-1", "LEASE-1"),
        (REDUCED, WHOLE, OPCODE_1),
    ),
    Configuration("timeout-close", 1, (), ("take?", "take", "close"), _CLOSE, (ACCESS_1, ACCESS_2_FULL, ACCESS_3, REDUCED_LONG)),
    Configuration(
        "wake-2",
        2,
        (),
        (_TAKER, _TAKER, "offer a", "offer b"),
        ("LOCAL-1", "CLOSE-2"),
        (ACCESS_1, REDUCED_FULL, ACCESS_2_FULL, ACCESS_3_LONG),
    ),
    Configuration(
        "statistics-offer-take",
        1,
        (),
        ("offer a", _TAKER, "statistics"),
        ("LEDGER-1", "BOUND-2"),
        (REDUCED, OPCODE_1, OPCODE_2_LONG),
    ),
    Configuration(
        "statistics-release-offer",
        1,
        ("offer a", "take", "look"),
        ("release@a", "offer b", "statistics"),
        ("LEDGER-1", "BOUND-2"),
        (REDUCED, OPCODE_1, OPCODE_2_LONG),
    ),
    Configuration(
        "statistics-drop-offer",
        1,
        ("offer a", "take", "look"),
        ("drop@a", "offer b", "statistics"),
        ("LEDGER-1", "BOUND-2"),
        (REDUCED, OPCODE_1, OPCODE_2_LONG),
    ),
)
BY_NAME: Final = {configuration.name: configuration for configuration in CONFIGURATIONS}
# The scenarios that are races, by their numbers, and where such a fault would show.
RACES: Final[dict[int, tuple[str, ...]]] = {
    2: ("timeout-publish",),
    5: ("release-release-offer",),
    9: ("offers-2-take-1", "offers-3-take-1"),
    10: ("release-offer-offer", "put-back-take"),
    11: ("statistics-offer-take", "close-statistics"),
    16: ("claimed-not-published", "offers-2-take-1-wide"),
    22: ("close-take-take", "close-close-take"),
    23: ("close-offer-take", "close-offers-take", "close-offers-take-wide"),
    24: ("drain-offers", "drain-offer-take"),
    25: ("close-release-take", "close-take-finish"),
    27: ("wake-2", "timeout-close"),
    31: ("statistics-release-offer",),
    34: ("statistics-drop-offer",),
}
HOW_LONG_S: Final = 1.0  # of virtual time


class Shared:
    """Hold what the threads of a run share: the intake, an iterator over it, and the leases taken before they start."""

    __slots__ = ("intake", "iterator", "kept")

    def __init__(self, intake: Any) -> None:
        self.intake = intake
        self.iterator: Any = iter(intake)
        self.kept: dict[str, Any] = {}


def _words(line: str) -> list[tuple[str, str]]:
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


def modules_of(subject: Subject) -> tuple[types.ModuleType, ...]:
    """List the modules of a subject's package whose opcodes are scheduled: not adapters or policies: no operation runs any.

    A process may have used those, and all that its threads work on could be reached from them.
    """
    name = str(getattr(subject, "__name__", ""))
    around = (f"{name}.adapters.", f"{name}.policies.")
    names = sorted(each for each in sys.modules if each.startswith(name + ".") and not f"{each}.".startswith(around))
    return tuple(sys.modules[each] for each in names)


def program_of(configuration: Configuration, subject: Subject) -> Program:
    """Make a program of a configuration on one implementation."""
    return _Judge(configuration, subject).program()


class _Judge:
    """Make the shared object, and judge a run."""

    def __init__(self, configuration: Configuration, subject: Subject) -> None:
        self.configuration = configuration
        self.subject = subject
        self.player = Player(subject)
        self.setup = [_words(line) for line in configuration.setup]
        self.model = self._model()
        self.known: dict[Hashable, str] = {}
        self.expected: dict[Hashable, dict[str, int]] = {}

    def program(self) -> Program:
        """Give the program."""
        threads = tuple(partial(self.player.play, _words(line)) for line in self.configuration.threads)
        return Program(self.configuration.name, modules_of(self.subject), self.make, threads, self.check, self.outcome)

    def make(self) -> Shared:
        """Make an intake, and perform what comes before the threads: where leases are dropped, so that they die at once."""
        return made_by_none(self._make) if FREE_THREADED and self.configuration.drops else self._make()

    def _make(self) -> Shared:
        shared = Shared(self.subject.Intake(self.configuration.capacity))
        history = History(1)
        self._perform(shared, history)
        return shared

    def _perform(self, shared: Shared, history: History) -> None:
        call = history.callers[0]
        offered: list[str] = []
        for words in self.setup:
            name, about = words[0]
            if name != "look":
                self.player.play(words, shared, call)
            if name == "offer":
                offered.append(about)
            elif name == "look":
                _ = list(shared.kept.values())[-1].item
            elif name in ("take", "next"):
                shared.kept[offered.pop(0)] = call.mine.pop("lease")

    def _model(self) -> Model:
        """Give the model whose start is the state after the setup."""
        model = intake_model(self.configuration.capacity)
        world: Any = model.initial
        queued: list[str] = []
        taken = ""
        for words in self.setup:
            name, about = words[0]
            if name == "offer":
                queued.append(about)
                operation = Operation(0, "offer", about)
                operation.result = "ACCEPTED"
            elif name in ("take", "next"):
                taken = queued.pop(0)
                operation = Operation(0, name, False)
                operation.result = taken
            else:
                operation = Operation(0, name, taken)
                operation.result = taken
            world = _finish(model, world, operation)
        return Model(world, model.step)

    def outcome(self, shared: Shared, history: History) -> Hashable:
        """Give what is counted: the answers, but not the readings of statistics."""
        return tuple(
            tuple(op.result for op in caller.operations if op.name != "statistics")
            for caller in history.callers[: len(self.configuration.threads)]
        )

    def check(self, shared: Shared, history: History) -> str:
        """Name what is wrong with a run, or give ""."""
        at_rest = self.player.reading(shared.intake)
        fault = self._readings(history) or self._ledger(at_rest, history, shared)
        if fault:
            return fault
        steps = len(history.taken)
        after = Caller(len(history.callers))
        for _ in range(self.configuration.capacity + 1):
            self.player.play([("take0", ""), ("look", "")], shared, after)
            if "lease" not in after.mine:
                break
            shared.kept[f"left {len(shared.kept)}"] = after.mine.pop("lease")
        for number, operation in enumerate(after.operations):
            operation.began = operation.ended = steps + number
        history.callers.append(after)
        key = history.key()
        if key not in self.known:
            answer = check(history.operations(), self.model)
            self.known[key] = "" if answer.verdict is Verdict.OK else f"the state machine has no such history: {answer.timeline}"
        return self.known[key] or self._as_good_as_new(shared, history)

    def _readings(self, history: History) -> str:
        """Check every reading of statistics in the run against the bounds that the other calls give."""
        operations = history.operations()
        for reading in operations:
            if reading.name == "statistics":
                counts: dict[str, int] = dict(zip(FIELDS, cast(tuple[int, ...], reading.result), strict=True))
                fault = _identity(counts)
                if fault:
                    return fault
                for field, least, most in self._bounds(operations, reading):
                    if not least <= counts[field] <= most:
                        return f"statistics tells {field} = {counts[field]}, outside {least} to {most}"
        return ""

    def _bounds(self, operations: list[Operation], reading: Operation) -> list[tuple[str, int, int]]:
        start = self.model.initial
        state = start.state if isinstance(start, World) else None
        before = {"accepted": state.accepted if state else 0}
        bounds: list[tuple[str, int, int]] = []
        for field, name, result in (
            ("accepted", "offer", "ACCEPTED"),
            ("full", "offer", "FULL"),
            ("closed", "offer", "CLOSED"),
            ("released", "release", True),
        ):
            same = [op for op in operations if op.name == name and op.result == result]
            least = sum(0 <= op.ended < reading.began for op in same)
            most = sum(op.began < reading.ended or op.began <= reading.began for op in same)
            bounds.append((field, before.get(field, 0) + least, before.get(field, 0) + most))
        return bounds

    def _ledger(self, found: tuple[int, ...], history: History, shared: Shared) -> str:
        """Recount everything, with nothing mid-call."""
        results = history.results()
        if results not in self.expected:
            self.expected[results] = self._recount(history, shared)
        expected = self.expected[results]
        counts: dict[str, int] = dict(zip(FIELDS, found, strict=True))
        fault = _identity(counts)
        wrong = [f"{name} is {counts[name]}, not {value}" for name, value in expected.items() if counts[name] != value]
        return fault or (f"statistics at rest: {', '.join(wrong)}" if wrong else "")

    def _recount(self, history: History, shared: Shared) -> dict[str, int]:
        """Count what statistics should tell after the calls of a history; their results determine it."""
        operations = history.operations()
        start = self.model.initial
        accepted = start.state.accepted if isinstance(start, World) else 0
        dropped = [op for op in operations if op.name == "drop"]
        held = sum(("lease" in caller.mine) + len(caller.mine.get("listed", ())) for caller in history.callers) + len(shared.kept)
        released = sum(op.name == "release" and op.result is True for op in operations)
        released_kept = {op.argument for op in operations if op.name == "release" and op.result is True}
        held -= sum(name in released_kept for name in shared.kept)
        held -= sum(
            "lease" in c.mine and any(op.name == "release" and op.result is True for op in c.operations) for c in history.callers
        )
        told = {
            "accepted": accepted + sum(op.result == "ACCEPTED" for op in operations),
            "full": sum(op.result == "FULL" for op in operations),
            "closed": sum(op.name == "offer" and op.result == "CLOSED" for op in operations),
            "released": released,
            "abandoned": sum(self._was_seen(op, operations) for op in dropped),
            "in_flight": held,
        }
        if dropped and any(op.name == "next" for op in operations):
            del told["abandoned"]  # whether the iterator's look came before the drop, the answers do not tell
        return told

    def _was_seen(self, drop: Operation, operations: list[Operation]) -> bool:
        looked = any(op.name == "look" and op.argument == drop.argument and op.thread == drop.thread for op in operations)
        return looked or ("look",) in [tuple(words[0][:1]) for words in self.setup]

    def _as_good_as_new(self, shared: Shared, history: History) -> str:
        """Release what is held: then every slot is free, and an open intake accepts exactly `capacity` items."""
        for caller in history.callers:
            if "lease" in caller.mine:
                caller.mine["lease"].release()
            for lease in caller.mine.get("listed", ()):
                lease.release()
        for lease in shared.kept.values():
            lease.release()
        intake, capacity = shared.intake, self.configuration.capacity
        counts: dict[str, int] = dict(zip(FIELDS, self.player.reading(intake), strict=True))
        if counts["free"] != capacity or counts["queued"] or counts["in_flight"]:
            return f"with everything released, {counts['free']} of {capacity} slots are free: {counts}"
        answers = [intake.offer(None).name for _ in range(capacity + 1)]
        ended = any(op.name in ("close", "drain") for op in history.operations())
        expected = ["CLOSED"] * (capacity + 1) if ended else ["ACCEPTED"] * capacity + ["FULL"]
        return "" if answers == expected else f"with everything released, {capacity + 1} offers were answered {answers}"


def _identity(counts: dict[str, int]) -> str:
    if counts["free"] + counts["queued"] + counts["in_flight"] != counts["capacity"] or min(counts.values()) < 0:
        return f"slots do not add up: {counts}"
    if counts["accepted"] != counts["queued"] + counts["in_flight"] + counts["released"] + counts["abandoned"]:
        return f"the ledger does not add up: {counts}"
    if not counts["queued"] + counts["in_flight"] <= counts["peak"] <= counts["capacity"]:
        return f"the peak is wrong: {counts}"
    return ""


def _finish(model: Model, world: Any, operation: Operation) -> Any:
    """Take an operation's actions until it is done with its result."""
    todo: list[tuple[Any, Hashable]] = [(world, START)]
    while todo:
        state, phase = todo.pop()
        if isinstance(phase, Done):
            if phase.result == operation.result:
                return state
            continue
        todo.extend(model.step(state, operation, phase))
    raise ValueError(f"the state machine can't do {operation!r}")


# Running a configuration by its plans, and the manifest.


def run_plan(
    configuration: Configuration, plan: Plan, subject: Subject, limits: Limits, progress: Callable[[Report], None] | None = None
) -> Report:
    """Explore a configuration by one of its plans."""
    with Explorer(program_of(configuration, subject)) as explorer:
        if plan.reduced:
            explorer.progress = progress
            return explorer.reduced(limits)
        points = explorer.learn() if plan.grain == "access" else None
        explorer.progress = progress
        return explorer.depth_first("access" if plan.grain == "access" else "opcode", plan.bound, limits, points)


def entry_of(report: Report) -> dict[str, Any]:
    """Give what the manifest keeps of a report. The seconds are for the reader; they are not compared."""
    return {
        "schedules": report.schedules,
        "exhausted": report.exhausted,
        "outcomes": sorted(json.dumps(outcome) for outcome in report.outcomes),
        "seconds": round(report.seconds, 1),
    }


Manifest = dict[str, dict[str, dict[str, Any]]]


def load_manifest() -> dict[str, Manifest]:
    """Read what was found before: version of Python (opcodes differ), configuration, plan, entry."""
    found: dict[str, Manifest] = json.loads(MANIFEST.read_text("utf-8")) if MANIFEST.exists() else {}
    return found


def compare(configuration: Configuration, plan: Plan, report: Report) -> str:
    """Say how a report differs from the manifest's entry, or give "". A version of Python without entries is not compared."""
    manifest = load_manifest()
    if this_version() not in manifest:
        return ""
    known = manifest[this_version()].get(configuration.name, {}).get(plan.key)
    if known is None:
        return f"no entry {plan.key!r} in the manifest"
    found = entry_of(report)
    return "; ".join(
        f"{name}: {found[name]}, the manifest has {value}"
        for name, value in known.items()
        if name != "seconds" and found[name] != value
    )


# The checks.

QUICK_SCHEDULES: Final = 20_000
FULL_SCHEDULES: Final = 400_000


def check_configuration(configuration: Configuration, subject: Subject, settings: Settings) -> Result:
    """Explore a configuration by the plans of a profile."""
    quick = settings.profile == "quick"
    parts: list[str] = []
    unknown: list[str] = []
    shipped = getattr(subject, "__name__", "") == "tidegate"
    total = 0
    plans = [plan for plan in configuration.plans if not plan.long]
    for plan in [plan for plan in plans if plan.quick or not quick] or plans[:1]:
        try:
            report = run_plan(configuration, plan, subject, Limits(QUICK_SCHEDULES if quick else FULL_SCHEDULES))
        except WaitsInEarnest as error:
            return Result(Verdict.UNKNOWN, "; ".join(parts) or "nothing explored", str(error))
        except Diverged as error:
            if not (FREE_THREADED and configuration.drops):
                raise
            return Result(Verdict.UNKNOWN, f"not judged on this build: {'; '.join(parts)}", f"{LATE_FINALISERS}\n{error}")
        total += report.schedules
        if report.faults:
            fault = report.faults[0]
            witness = f"{fault.message}\n{fault.timeline}\nreplay: {replay_command(fault.schedule, subject)}"
            evidence = f"{total:,} schedules ({plan.key})"
            if FREE_THREADED and configuration.drops:  # what was dropped may be alive still, in another's hands
                return Result(Verdict.UNKNOWN, f"not judged on this build: {evidence}", f"{LATE_FINALISERS}\n{witness}")
            return Result(Verdict.ILLEGAL, evidence, witness)
        parts.append(f"{report.schedules:,} schedules, {len(report.outcomes)} outcomes ({plan.key})")
        if not report.exhausted:
            unknown.append(f"{plan.key}: {report.why_not}")
            continue
        different = compare(configuration, plan, report) if shipped else ""
        if different:
            unknown.append(f"{plan.key}: {different}; if that is meant: tidegate explore {configuration.name} --update")
    if not parts:
        return Result(Verdict.UNKNOWN, "nothing explored", "the configuration has no plan for the gate")
    return Result(Verdict.UNKNOWN if unknown else Verdict.OK, "; ".join(parts), "; ".join(unknown))


def _check_of(configuration: Configuration) -> Check:
    before = f" after {', '.join(configuration.setup)}" if configuration.setup else ""
    numbers = ", ".join(f"scenario {number}" for number, names in RACES.items() if configuration.name in names)
    return Check(
        name=f"explore.{configuration.name}",
        group="explore",
        tool="schedule explorer",
        clauses=configuration.clauses,
        shows=f"capacity {configuration.capacity}, {' | '.join(configuration.threads)}{before}: every schedule within the bounds"
        + (f" ({numbers})" if numbers else ""),
        shows_not="Other configurations, such as more than 2 slots or 4 threads, or intakes that were used for long. More "
        "preemptions than the bounds. The inside of calls into C. Builds without the GIL.",
        run=partial(check_configuration, configuration),
        limit_s=(60.0, 300.0),
        deep=not any(plan.quick for plan in configuration.plans),
    )


CHECKS: Final[tuple[Check, ...]] = tuple(map(_check_of, CONFIGURATIONS))
