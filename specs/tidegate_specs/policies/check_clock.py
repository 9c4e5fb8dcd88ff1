"""Random histories of an intake under a policy of time, in lockstep with its state machine, the clock an argument of each.

Between any two calls the clock may stand still, go on, run backwards, jump by an hour, or fail until it is moved again. The answers
at the door are held to the estimate as its sentence says it, written here a second time.
"""

from dataclasses import dataclass, field, replace
from math import inf, isnan, nan
from typing import Any, Final, final

from .. import machine as wall
from ..check import Check, Result, Settings, Subject, Verdict
from . import machine
from .machine import State
from .playing import Comparing, Unlike, drawn
from .support import GROUP, PATIENCE_S, Clock, module_of, shed_of

RUNS: Final = {"quick": 200, "full": 6_000}
LONGEST: Final = 60
MOVES: Final = (0.0, 0.05, 0.3, 0.55, 1.1, 3600.0, -0.4, -3600.0)
PATIENCES: Final = (None, 0.0, 0.2, 5.0, 10_000.0, -1.0)

Word = tuple[str, Any]


@final
@dataclass(slots=True)
class Estimate:
    """Tell how long an offer has to expect to wait, by the sentence in the policy's module.

    begun: when the interval began, by a hand-over; before: how many items had been handed out then. pace: as in `freshness.Book`.
    """

    handed: int = 0
    begun: float = nan
    before: int = 0
    ends: float = -inf
    pace: tuple[float, float, float] | None = None

    def hand_out(self, at: float, now: float, interval_s: float) -> None:
        """Take note of an item that was offered at `at`."""
        self.handed += 1
        if now >= self.ends:
            stood = at <= self.begun < now
            took = (now - self.begun) / (self.handed - self.before) if stood else 0.0
            self.pace = (now, now + 2 * interval_s, took) if stood else None
            self.begun, self.before, self.ends = now, self.handed, now + interval_s

    def fail(self) -> None:
        """Take note of an age that could not be told: what was measured is no longer believed."""
        self.ends, self.pace = -inf, None

    def is_late(self, now: float, queued: int, patience: float) -> bool:
        """Tell whether the expected wait is too long."""
        if self.pace is None or not queued or not self.pace[0] <= now < self.pace[1]:
            self.pace = None
            return False
        return queued * self.pace[2] > patience


@final
@dataclass(slots=True)
class Lockstep(Comparing):
    """Make each call on both sides, and compare."""

    subject: Subject
    capacity: int
    clock: Clock = field(default_factory=Clock)
    told: list[int] = field(default_factory=list[int])
    leases: dict[int, Any] = field(default_factory=dict[int, Any])  # by serial number, those held
    times: dict[int, tuple[float, float]] = field(default_factory=dict[int, tuple[float, float]])
    faults: int = 0  # ages that could not be told
    estimate: Estimate = field(default_factory=Estimate)
    state: State = field(init=False)
    intake: Any = None
    shed: Any = None

    def __post_init__(self) -> None:
        self.state = machine.initial(self.capacity)
        self.intake = module_of(self.subject).FreshIntake(self.capacity, PATIENCE_S, self.told.append, clock=self.clock)
        self.shed = shed_of(self.subject)

    @property
    def now(self) -> float:
        return nan if isinstance(self.clock.now, BaseException) else self.clock.now

    def do(self, word: Word) -> None:
        """Make one call, and compare all that is visible."""
        name, about = word
        getattr(self, f"_{name}")(about)
        self.demand(machine.invariant(self.state) and wall.invariant(self.state), "FRESH-2", f"after {word}: {self.state}")
        self._compare(word)

    def _act(self, name: str, *arguments: Any) -> None:
        act = getattr(machine, name, None) or getattr(wall, name)
        guard = getattr(machine, f"can_{name}", None) or getattr(wall, f"can_{name}", None)
        self.demand(
            guard is None or guard(self.state, *arguments), "POLICY-1", f"{name}{arguments} where it may not be: {self.state}"
        )
        self.state = act(self.state, *arguments)

    def _move(self, by_s: float) -> None:
        self.clock.now = (0.0 if isinstance(self.clock.now, BaseException) else self.clock.now) + by_s

    def _fail(self, error: BaseException) -> None:
        self.clock.now = error

    def _offer(self, patience_s: float | None) -> None:
        patience = PATIENCE_S if patience_s is None else patience_s
        serial, now = self.state.accepted, self.now
        late = not self.state.closed and (patience < 0 or self.estimate.is_late(now, len(self.state.queue), patience))
        answer = self.intake.offer(serial) if patience_s is None else self.intake.offer(serial, patience_s)
        outcome = self.subject.Outcome
        wanted = (
            self.shed.LATE
            if late
            else outcome.CLOSED
            if self.state.closed
            else outcome.FULL
            if not self.state.free
            else outcome.ACCEPTED
        )
        expected = "POLICY-4 POLICY-5 FRESH-3" if self.shed.LATE in (answer, wanted) else "POLICY-1"
        self.demand(answer is wanted, expected, f"an offer with {patience} s was answered {answer}, not {wanted}, at {now}")
        self.demand(bool(answer) is (answer is outcome.ACCEPTED), "POLICY-2", f"{answer} is {bool(answer)}")
        if late:
            self._act("refuse_late")
        elif wanted is outcome.ACCEPTED:
            self.times[serial] = now, patience
            for name in ("claim", "admit", "publish"):
                self._act(name)
        else:
            self._act("refuse_closed" if wanted is outcome.CLOSED else "refuse_full")

    def _take(self, _: object) -> None:
        before = len(self.told)
        try:
            lease = self.intake.take(timeout=0)
        except (self.subject.Empty, self.subject.Closed) as error:
            lease = error
        expired: list[int] = []
        serial = None
        while serial is None and wall.can_take(self.state):
            self._act("fetch")
            serial = self.state.unseen[-1]
            at, patience = self.times[serial]
            age = self.now - at
            if age > patience:
                self._act("expire", len(self.state.unseen) - 1)
                self._act("tell")
                expired.append(serial)
                serial = None
        said = f"told {self.told[before:]}, gave {lease}, at {self.now}"
        self.demand(self.told[before:] == expired, "FRESH-1", f"{said}; {expired} expired")
        if serial is None:
            over = wall.can_answer_closed(self.state)
            kind = self.subject.Closed if over else self.subject.Empty
            self.demand(type(lease) is kind, "FRESH-1 POLICY-4", f"{said}, not {kind.__name__}")
            self.state = wall.answer_closed(self.state) if over else self.state  # type: ignore[assignment]
            return
        self.demand(not isinstance(lease, Exception), "POLICY-4", f"{said}, and {serial} was there")
        at, patience = self.times[serial]
        age = self.now - at
        if 0 <= age <= patience:
            self.estimate.hand_out(at, self.now, PATIENCE_S / 2)
        else:
            self.faults += 1
            self.estimate.fail()
        self.state = machine.hand_out(self.state, 0 if isnan(age) or age < 0 else 1, 1)
        self.leases[serial] = lease

    def _held(self, number: int, seen: tuple[int, ...]) -> int | None:
        held = [serial for serial in self.leases if serial in seen]
        return held[number % len(held)] if held else None

    def _look(self, number: int) -> None:
        serial = self._held(number, self.state.unseen)
        if serial is not None:
            item = self.leases[serial].item
            self.demand(item == serial, "FRESH-2", f"the lease of {serial} gave {item}")
            self._act("look_at", self.state.unseen.index(serial))

    def _release(self, number: int) -> None:
        serial = self._held(number, (*self.state.unseen, *self.state.seen))
        if serial is not None:
            lease = self.leases.pop(serial)
            self.demand(lease.release() is True and lease.release() is False, "FRESH-2", f"{serial} was not released once")
            if serial in self.state.seen:
                self._act("release", self.state.seen.index(serial))
            else:
                self._act("release_handed", self.state.unseen.index(serial))

    def _drop(self, number: int) -> None:
        serial = self._held(number, (*self.state.unseen, *self.state.seen))
        if serial is not None:
            del self.leases[serial]
            if serial in self.state.seen:
                self._act("abandon", self.state.seen.index(serial))
            else:
                self._act("put_handed_back", self.state.unseen.index(serial))

    def _close(self, _: object) -> None:
        self.intake.close()
        self._act("close")

    def _compare(self, word: Word) -> None:
        s, read = self.state, self.intake.statistics()
        told = (read.free, read.queued, read.in_flight, read.accepted, read.full, read.closed, read.released, read.abandoned)
        wanted = (s.free, len(s.queue), wall.in_flight(s), s.accepted, s.full, s.refused, machine.released(s), s.abandoned)
        self.demand(told == wanted, "FRESH-2", f"after {word}: {read}, not {s}")
        self.demand(read.expired == s.expired, "FRESH-2", f"after {word}: {read.expired} expired, not {s.expired}")
        self.demand(read.late == s.late, "POLICY-2", f"after {word}: {read.late} late, not {s.late}")
        self.demand(read.clock_faults == self.faults, "POLICY-4", f"after {word}: {read.clock_faults} faults, not {self.faults}")
        waits = sum(count for _, count in read.sojourn)
        self.demand(waits == self.estimate.handed, "FRESH-4", f"after {word}: {waits} waits, not {self.estimate.handed}")
        ages = [self.now - self.times[serial][0] for serial in s.queue]
        oldest = max([age for age in ages if age > 0], default=0.0)
        self.demand(read.oldest_s == oldest or isnan(self.now), "FRESH-4", f"after {word}: oldest {read.oldest_s}, not {oldest}")


def play(subject: Subject, capacity: int, words: list[Word]) -> Lockstep:
    """Make the calls in a row on both sides. Unlike where they part."""
    both = Lockstep(subject, capacity)
    for word in words:
        both.do(word)
    return both


def _strategy() -> Any:
    from hypothesis import strategies as st  # which nobody needs who only reads what the checks show

    number = st.integers(0, 9)
    offer = st.tuples(st.just("offer"), st.sampled_from(PATIENCES))
    move = st.tuples(st.just("move"), st.sampled_from(MOVES))
    plain = st.sampled_from((("offer", None), ("take", None), ("move", 0.3), ("take", None)))
    word = st.one_of(
        *(plain, plain, plain, plain, offer, move),
        *(st.tuples(st.just(name), number) for name in ("look", "release", "drop")),
        st.sampled_from((("fail", OSError("no clock")), ("close", None), ("move", 0.05), ("release", 0))),
    )
    return st.integers(1, 4), st.lists(word, min_size=LONGEST // 3, max_size=LONGEST)


def _lockstep(subject: Subject, chosen: Settings) -> Result:
    calls, met = 0, dict.fromkeys(("late", "expired", "faults", "told"), 0)

    def one(capacity: int, words: list[Word]) -> None:
        nonlocal calls
        calls += len(words)
        try:
            both = play(subject, capacity, words)
        except Unlike as error:
            raise Unlike(error.clauses, f"{error}, after FreshIntake({capacity}, {PATIENCE_S:g}): {words}") from None
        met["late"] += both.state.late
        met["expired"] += both.state.expired
        met["faults"] += both.faults
        met["told"] += len(both.told)

    wrong = drawn(chosen, RUNS[chosen.profile], _strategy(), one, ("POLICY-4",))
    if wrong is not None:
        return replace(wrong, evidence=f"{calls:,} calls, {wrong.evidence}")
    evidence = f"{calls:,} calls compared: {', '.join(f'{count:,} {name}' for name, count in met.items())}"
    return Result(Verdict.OK if all(met.values()) else Verdict.UNKNOWN, evidence, "" if all(met.values()) else "too tame")


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "policies.clock_lockstep",
        GROUP,
        "hypothesis",
        ("POLICY-1", "POLICY-2", "POLICY-4", "POLICY-5", "FRESH-1", "FRESH-2", "FRESH-3", "FRESH-4"),
        "in random histories, whatever the clock does between calls, each answer, lease, telling and count is the state machine's, "
        "and LATE is said exactly where the estimate's sentence says so",
        "Several threads.",
        _lockstep,
    ),
)
