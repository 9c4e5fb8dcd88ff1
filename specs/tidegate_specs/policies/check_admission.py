"""Random histories of an admission, in lockstep with its model: who is let in, who is refused and why, what is a sample.

Between any two calls the limit may be set anywhere, and the clock may go on, run backwards or fail.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, final

from ..check import Check, Result, Settings, Subject, Verdict
from .admission_model import DEFAULT, SHARES, Call, Model, threshold
from .clauses import class_1, class_3, limit_3
from .playing import Comparing, Unlike, drawn
from .support import GROUP, Clock, bulkhead_of, module_of, package_of

RUNS: Final = {"quick": 150, "full": 4_000}
LONGEST: Final = 60
TWO: Final = {"user": 1.0, "batch": 0.5}  # of a small admission
Word = tuple[str, Any]


@final
class StandIn:
    """Be a limit that says what it is told to, from the next sample on, and fails where it is told to."""

    def __init__(self, limit: int) -> None:
        self.now: Any = limit
        self.pending: Any = limit
        self.samples: list[tuple[int, int]] = []
        self.inside: list[int] = []

    def bind(self, capacity: int) -> None:
        pass

    def sample(self, entered_ns: int, left_ns: int, in_progress: int) -> None:
        self.samples.append((entered_ns, left_ns))
        self.inside.append(in_progress)
        if isinstance(self.pending, BaseException):
            raise self.pending
        self.now = self.pending


def admission_of(subject: Subject, capacity: int, shares: Any = SHARES, default: str = DEFAULT, **more: Any) -> Any:
    """Make an admission of a subject's own modules."""
    classes = module_of(subject, "classes").Classes(shares, default=default)
    return module_of(subject, "admission").Admission(bulkhead_of(subject)(capacity), classes=classes, **more)


def left_over(admission: Any) -> str:
    """Name what is not there when nobody is inside: slots, seats, counts."""
    read = admission.statistics()
    home = sorted(admission._seats.free)
    if home != list(range(read.capacity)):
        return f"the seats at home are {home}, of {read.capacity}"
    if read.free != read.capacity and not read.queued:
        return f"slots are lost: {read}"
    if any(each.in_progress for each in read.classes):
        return f"nobody is inside, and still: {read.classes}"
    return ""


@final
@dataclass(slots=True)
class Lockstep(Comparing):
    """Make each call on both sides, and compare."""

    subject: Subject
    capacity: int
    limit: int
    observing: bool
    clock: Clock = field(default_factory=Clock)
    leases: list[tuple[Call, Any]] = field(default_factory=list[tuple[Call, Any]])
    most: dict[str, int] = field(default_factory=dict[str, int])
    model: Model = field(init=False)
    stand_in: StandIn = field(init=False)
    admission: Any = None
    names: dict[Any, str] = field(default_factory=dict[Any, str])

    def __post_init__(self) -> None:
        self.clock.now = 0
        self.model, self.stand_in = Model(self.capacity, self.limit, self.observing), StandIn(self.limit)
        self.admission = admission_of(self.subject, self.capacity, limit=self.stand_in, observe=self.observing, clock=self.clock)
        shed, outcome = package_of(self.subject).Shed, self.subject.Outcome
        self.names = {outcome.FULL: "full", outcome.CLOSED: "closed", shed.LIMIT: "limit", shed.CLASS: "class"}

    @property
    def now(self) -> int | None:
        return None if isinstance(self.clock.now, BaseException) else self.clock.now

    def do(self, word: Word) -> None:
        """Make one call, and compare all that is visible."""
        name, about = word
        getattr(self, f"_{name}")(about)
        self._compare(word)

    def _move(self, by_ns: int) -> None:
        self.clock.now = (self.now or 0) + by_ns

    def _break(self, error: BaseException) -> None:
        self.clock.now = error

    def _set(self, limit: int) -> None:
        self.stand_in.pending = self.model.pending = min(limit, self.capacity)

    def _close(self, _: object) -> None:
        self.admission.close()
        self.model.closed = True

    def _enter(self, label: object) -> None:
        before = len(self.model.inside)
        wanted = self.model.enter(label, self.now)
        answer = self.admission.enter(label)
        said = self.names.get(answer, "in") if not hasattr(answer, "release") else "in"
        self.demand(bool(answer) is (said == "in"), "POLICY-2", f"{answer} is {bool(answer)}")
        at = f"enter({label!r}) with {before} inside under limit {self.model.limit}"
        clauses = "CLASS-3" if label not in SHARES else "CLASS-1 LIMIT-2" if wanted in ("limit", "class", "in") else "POLICY-1"
        self.demand(said == wanted, clauses, f"{at} was answered {said}, not {wanted}")
        if said == "in":
            call = self.model.inside[-1]
            self.leases.append((call, answer))
            named = call.label
            most = threshold(SHARES[named], self.model.limit)
            lower = sum(other.counted and SHARES[other.label] <= SHARES[named] for other in self.model.inside)
            self.demand(not call.counted or lower <= most, "CLASS-2", f"{lower} of {named} and below are inside, above {most}")

    def _pick(self, number: int) -> tuple[Call, Any] | None:
        counted = [pair for pair in self.leases if pair[0].counted or self.observing]
        if not counted:
            return None
        pair = counted[number % len(counted)]
        self.leases = [other for other in self.leases if other is not pair]
        return pair

    def _end(self, number: int, how: Callable[[Any], object], well: bool) -> None:
        pair = self._pick(number)
        if pair is not None:
            how(pair[1])
            self.model.leave(pair[0], self.now, well)
            self.demand(pair[1].release() is False, "LIMIT-3", "a second release was the first")

    def _leave(self, number: int) -> None:
        self._end(number, lambda lease: lease.__exit__(None, None, None), True)

    def _release(self, number: int) -> None:
        self._end(number, lambda lease: lease.release(), True)

    def _fail(self, number: int) -> None:
        self._end(number, lambda lease: lease.__exit__(OSError, OSError(), None), False)

    def _drop(self, number: int) -> None:
        pair = self._pick(number)
        if pair is not None:
            call = pair[0]
            del pair
            self.model.leave(call, self.now, False)

    def _compare(self, word: Word) -> None:
        model, read = self.model, self.admission.statistics()
        self.demand(self.stand_in.samples == model.samples, "LIMIT-3", f"{word}: samples {self.stand_in.samples[-3:]}")
        self.demand(all(0 < inside <= self.capacity for inside in self.stand_in.inside), "LIMIT-3", "a sample from nowhere")
        self.demand(read.limit == self.admission.limit == model.limit, "LIMIT-2", f"{word}: limit {read.limit}, not {model.limit}")
        self.demand(read.in_flight == len(model.inside), "LIMIT-2", f"{word}: {read.in_flight} inside, not {len(model.inside)}")
        self.demand(read.unknown == model.unknown, "CLASS-3", f"{word}: {read.unknown} unknown, not {model.unknown}")
        self.demand(read.faults == model.faults, "POLICY-4", f"{word}: {read.faults} faults, not {model.faults}")
        for each in read.classes:
            told = (each.accepted, each.full, each.closed, each.shed_limit, each.shed_class)
            wanted = tuple(model.counts.get((each.label, name), 0) for name in "in full closed limit class".split())
            self.demand(told == wanted, "POLICY-2", f"{word}: {each.label} counts {told}, not {wanted}")
            inside = sum(call.counted and call.label == each.label for call in model.inside)
            self.demand(each.in_progress == inside, "POLICY-2", f"{word}: {each.in_progress} of {each.label}, not {inside}")
        finished = sum(number for each in read.classes for _, number in each.sojourn)
        self.demand(finished == len(model.samples), "LIMIT-3", f"{word}: {finished} times, not {len(model.samples)}")


def play(subject: Subject, capacity: int, limit: int, words: list[Word], observing: bool = False) -> Lockstep:
    """Make the calls in a row on both sides. Unlike where they part."""
    both = Lockstep(subject, capacity, min(limit, capacity), observing)
    for word in words:
        both.do(word)
    return both


def _strategy() -> Any:
    from hypothesis import strategies as st  # which nobody needs who only reads what the checks show

    number = st.integers(0, 9)
    label = st.sampled_from(("health", "user", "batch", "user", "batch", "nobody", None, 7, b"user"))
    enter = st.tuples(st.just("enter"), label)
    word = st.one_of(
        *(enter, enter, enter, enter),
        *(st.tuples(st.just(name), number) for name in ("leave", "release", "fail", "drop")),
        st.tuples(st.just("set"), st.integers(1, 8)),
        st.sampled_from((("move", 1_000), ("move", -5_000), ("move", 10**9), ("break", OSError("no clock")))),
        st.sampled_from((("close", None), *[("move", 7)] * 9)),
    )
    return st.integers(1, 8), st.integers(1, 8), st.lists(word, min_size=LONGEST // 3, max_size=LONGEST)


def _lockstep(subject: Subject, chosen: Settings) -> Result:
    calls = 0
    met: dict[str, int] = dict.fromkeys("in full limit class closed samples unknown faults".split(), 0)

    def one(capacity: int, limit: int, words: list[Word]) -> None:
        nonlocal calls
        calls += 2 * len(words)
        try:
            both = play(subject, capacity, limit, words)
            play(subject, capacity, limit, words, observing=True)
        except Unlike as error:
            raise Unlike(error.clauses, f"{error}, after Admission of {capacity}, limit {limit}: {words}") from None
        for (_, answer), number in both.model.counts.items():
            met[answer] += number
        met["samples"] += len(both.model.samples)
        met["unknown"] += both.model.unknown
        met["faults"] += both.model.faults

    wrong = drawn(chosen, RUNS[chosen.profile], _strategy(), one, ("POLICY-4",))
    if wrong is not None:
        return replace(wrong, evidence=f"{calls:,} calls, {wrong.evidence}")
    evidence = f"{calls:,} calls compared: {', '.join(f'{count:,} {name}' for name, count in met.items())}"
    good = class_1(calls, 0) and class_3(met["unknown"], 0) and limit_3(met["samples"], 0) and all(met.values())
    return Result(Verdict.OK if good else Verdict.UNKNOWN, evidence, "" if good else "too tame")


def _observed(subject: Subject, settings: Settings) -> Result:
    """Play the same traces twice, where the wall refuses nobody: to observe counts what to enforce would."""
    import random

    chance, unlike, shed, traces = random.Random(settings.seed), 0, 0, 10
    witness = ""
    for trace in range(traces):
        labels = [chance.choice((*SHARES, None)) for _ in range(60)]
        ends = [chance.randrange(4) for _ in labels]
        read: list[Any] = []
        for observing in (False, True):
            admission = admission_of(subject, 60, limit=StandIn(8), observe=observing)
            inside: list[Any] = []
            for label, end in zip(labels, ends, strict=True):
                before = sum(each.accepted for each in admission.statistics().classes)
                answer = admission.enter(label)
                if sum(each.accepted for each in admission.statistics().classes) > before:
                    inside.append(answer)
                if end == 0 and inside:
                    inside.pop(0).release()
            read.append([(each.accepted, each.shed_limit, each.shed_class) for each in admission.statistics().classes])
        shed += sum(number for row in read[0] for number in row[1:])
        if read[0] != read[1]:
            unlike += 1
            witness = witness or f"trace {trace} of seed {settings.seed}: enforcing {read[0]}, observing {read[1]}"
    evidence = f"{traces} traces with {shed:,} refusals, counted twice: {unlike} unlike"
    return Result(
        Verdict.ILLEGAL if unlike else Verdict.OK if shed else Verdict.UNKNOWN, evidence, witness, ("POLICY-2",) if unlike else ()
    )


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "policies.admission_lockstep",
        GROUP,
        "hypothesis",
        ("POLICY-1", "POLICY-2", "POLICY-4", "CLASS-1", "CLASS-2", "CLASS-3", "LIMIT-2", "LIMIT-3"),
        "in random histories, wherever the limit is set and whatever the clock does, each answer, count and sample is the model's",
        "Several threads.",
        _lockstep,
    ),
    Check(
        "policies.admission_observed",
        GROUP,
        "example",
        ("POLICY-2",),
        "on the same traces to observe counts, by class and reason, what to enforce counts, where the wall refuses nobody",
        "",
        _observed,
    ),
)
