"""Judge each schedule of a configuration: a program for the explorer."""

import sys
import types
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, cast

from ..builds import FREE_THREADED, made_by_none
from ..check import Subject, Verdict
from .configurations import Configuration
from .explorer import Explorer
from .history import Caller, History, Operation
from .intake_model import World, intake_model
from .linearizability import START, Done, Model, check
from .plans import Plan
from .player import FIELDS, Player, Shared, words_of
from .program import Limits, Program, Report


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
        self.setup = [words_of(line) for line in configuration.setup]
        self.model = self._model()
        self.known: dict[Hashable, str] = {}
        self.expected: dict[Hashable, dict[str, int]] = {}

    def program(self) -> Program:
        """Give the program."""
        threads = tuple(partial(self.player.play, words_of(line)) for line in self.configuration.threads)
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
