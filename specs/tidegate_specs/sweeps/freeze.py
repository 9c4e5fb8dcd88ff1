"""Stop a party for ever at every bytecode of every operation, and see that everybody else goes on (NOWAIT-2)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, final

from ..check import WHOLE, Subject, capabilities_of
from ..injection import Injector
from ..progress import progress
from .audits import audit, take_all
from .operations import Operation, Stage, confirm_s, operations_of, sweeping
from .party import ENDED, Frozen, Party, Runaway, bounded

STUCK: Final = 3  # threads left behind, waiting for ever, before the sweep ends
CONFIRMED: Final = 3  # blocked points that are looked at for longer, before the next ones are believed at a glance


@final
@dataclass(slots=True)
class FreezeTally:
    """Count the points at which a party was stopped, and those at which that blocked an offer, starved a taker, or refused wrongly.

    broken: points after which, let go, the party or the intake was not as before. stuck: times that a call did not return although
    nobody was stopped any more.
    """

    points: int = 0
    operations: int = 0
    blocked: int = 0
    starved: int = 0
    refused: int = 0
    broken: int = 0
    stuck: int = 0
    witness: str = ""
    witnesses: dict[str, str] = field(default_factory=dict[str, str])  # by clause, the first
    blocked_by: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])  # by operation: blocked, points

    @property
    def cut_short(self) -> bool:
        """Tell whether the sweep ended before its end, as too much was broken."""
        return self.stuck >= STUCK

    def note(self, clause: str, text: str) -> None:
        """Keep the first account of a fault, and the first of each clause's."""
        self.witness = self.witness or text
        self.witnesses.setdefault(clause, text)


@final
class _Sweep:
    """Sweep operations with one thread to be frozen and one that makes everybody else's calls."""

    def __init__(self, subject: Subject, injector: Injector) -> None:
        self.subject, self.injector = subject, injector
        self.frozen, self.other = Party(), Party()
        self.tally = FreezeTally()
        self.takers = "LOCAL-1" if capabilities_of(subject) >= WHOLE else ""  # others promise their takers nothing of the kind

    def operation(self, operation: Operation) -> None:
        blocked, points = self.tally.blocked, self.tally.points
        position = 1
        while self._point(operation, position) and self.tally.stuck < STUCK:
            position += 1
        self.tally.operations += 1
        self.tally.blocked_by[operation.name] = (self.tally.blocked - blocked, self.tally.points - points)

    def _point(self, operation: Operation, position: int) -> bool:
        stage = operation.prepare(self.subject)
        frozen = Frozen(self.frozen, lambda hook: stage.run(self.injector, hook), position)
        if not frozen.reached:
            if frozen.event != ENDED:
                self._stuck(f"{operation.name}: with nobody else inside it did not return")
            self.frozen.answer()
            return False
        tally = self.tally
        tally.points += 1
        where = f"{operation.name}, stopped at {frozen.where}"
        offered: list[Any] = []
        taken: list[Any] = []
        free = self._others(stage, where, offered, taken)
        if not frozen.let_go():
            tally.broken += 1
            self._stuck(f"{where}: let go, it did not return")
            return True
        if not free and self.other.wait(confirm_s=1.0) != ENDED:
            self._stuck(f"{where}: others did not return even after it was let go")
            return True
        answer = self.frozen.answer()
        if free:
            self._settle(stage, where, answer, offered, taken)
        return True

    def _others(self, stage: Stage, where: str, offered: list[Any], taken: list[Any]) -> bool:
        """Let others offer as much as fits and one more, then take all there is. True unless they had to wait."""
        tally, subject, other = self.tally, self.subject, self.other
        intake = stage.intake
        patience_s = confirm_s(subject) if tally.blocked < CONFIRMED else 0.0

        def offer() -> int:
            for number in range(intake.capacity + 1):
                answer = bounded(self.injector, partial(intake.offer, ("other", number)))
                if answer is subject.Outcome.ACCEPTED:
                    offered.append(("other", number))
            return len(offered)

        other.start(offer)
        if other.wait(patience_s) != ENDED or other.error is Runaway:
            tally.blocked += 1
            waits = "runs for ever" if other.error is Runaway else f"waits at {other.where()}"
            tally.note("NOWAIT-2", f"{where}: another party's offer {waits}")
            return other.error is Runaway
        if other.error is not None:
            tally.broken += 1
            tally.note("LOCAL-1", f"{where}: another party's offer raised {other.text}")
            return True
        least = 0 if stage.closed or stage.closes else stage.free - stage.claims
        if not least <= len(offered) <= stage.free + stage.frees:
            tally.refused += 1
            tally.note("EXACT-1", f"{where}: {len(offered)} of others' offers were accepted with {stage.free} slots free")

        def take() -> None:
            for lease in take_all(subject, intake):
                taken.append(lease.item)
                lease.release()

        other.start(take)
        if other.wait(patience_s) != ENDED:
            tally.starved += 1
            tally.note(self.takers, f"{where}: another party's take waits at {other.where()}")
            return False
        expected = [item for item in (*stage.must, *offered) if item not in taken]
        if len(expected) > stage.takes + stage.puts_back or any(item in offered for item in expected) or other.error is not None:
            tally.starved += 1
            tally.note(self.takers, f"{where}: others take {taken}; {expected} do not come out {other.text}")
        return True

    def _settle(self, stage: Stage, where: str, answer: Any, offered: list[Any], taken: list[Any]) -> None:
        """Let the operation's own lease, if it got one, end, and audit."""
        if hasattr(answer, "release"):
            taken.append(answer.item)
            answer.release()
        answer = None
        self.other.start(lambda: audit(self.subject, stage, out=taken, ours=offered))
        if self.other.wait(confirm_s=1.0) != ENDED or self.other.error is not None:
            self.tally.broken += 1
            self._stuck(f"{where}: let go, and afterwards the intake does not answer {self.other.text}")
            return
        found = self.other.answer()
        if (found.slots, found.lost, found.doubled, found.books) != (found.capacity, 0, 0, ""):
            self.tally.broken += 1
            self.tally.note("LOCAL-1", f"{where}: let go, and afterwards {found}")

    def _stuck(self, text: str) -> None:
        """Note a fault, and go on with fresh threads: those that wait for ever are left behind."""
        self.tally.note("LOCAL-1", text)
        self.tally.stuck += 1
        self.dismiss()
        self.frozen, self.other = Party(), Party()

    def dismiss(self) -> None:
        self.frozen.dismiss()
        self.other.dismiss()


def freeze(
    subject: Subject,
    operations: Iterable[Operation] | None = None,
    extra: Callable[[Subject, Injector], Iterable[Operation]] | None = None,
) -> FreezeTally:
    """Stop a thread before each bytecode of each operation, one at a time, while others offer and take."""
    with sweeping(subject) as injector:
        sweep = _Sweep(subject, injector)
        try:
            for operation in (*(operations or operations_of(subject)), *(extra(subject, injector) if extra else ())):
                progress(f"frozen in {operation.name}, {sweep.tally.points:,} points so far")
                sweep.operation(operation)
                if sweep.tally.stuck >= STUCK:
                    break
        finally:
            sweep.dismiss()
    return sweep.tally
