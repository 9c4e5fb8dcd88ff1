"""Drive an implementation and the state machine in lockstep by chance: long random histories of every operation and its misuse."""

import traceback
from collections.abc import Callable
from typing import Any, ClassVar, Final, cast

from hypothesis import HealthCheck, Phase, seed, settings, stateful
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException
from hypothesis.reporting import with_reporter
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from . import machine
from .check import Result, Settings, Subject, Verdict
from .foreign import subject_option
from .refinement import Pair
from .refinement.driver import MISUSES
from .refinement.following import SpecificationFault
from .refinement.observed import Divergence

_run: Final[Callable[..., None]] = cast(Any, stateful).run_state_machine_as_test

# How many runs, and how many calls in each at most. `dev` looks anew each time; the others look where their seed says.
_COMMON: Final = settings(
    deadline=None,
    database=None,
    print_blob=True,
    report_multiple_bugs=False,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much),
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
)
PROFILES: Final = {
    "tidegate-dev": settings(_COMMON, max_examples=50, stateful_step_count=30),
    "tidegate-ci": settings(_COMMON, max_examples=300, stateful_step_count=50, derandomize=True),
    "tidegate-nightly": settings(_COMMON, max_examples=1_000, stateful_step_count=50, derandomize=True),
}
for _name, _profile in PROFILES.items():
    settings.register_profile(_name, _profile)

# What must have been seen, or the runs were too tame to tell anything.
SITUATIONS: Final = frozenset(
    "offer: ACCEPTED|offer: FULL|offer: CLOSED|take: a lease|take: Empty|take: Closed|iterate: a lease|iterate: Closed"
    "|iterate: a look|look|release|release_again|enter|drop unseen|drop seen|close|drain: 0|drain: some".split("|")
) | set(MISUSES)


class Lockstep(RuleBasedStateMachine):
    """Call one operation after the other on an intake and on the state machine, and compare them after each.

    A subclass names the subject, and gets sets of its own to count in.
    """

    subject: ClassVar[Subject]
    plain: ClassVar[bool] = False
    runs: ClassVar[int] = 0
    calls: ClassVar[int] = 0
    situations: ClassVar[set[str]] = set()
    pair: Pair

    @initialize(capacity=st.sampled_from((1, 2, 3, 1, 2, 7)))
    def construct(self, capacity: int) -> None:
        type(self).runs += 1
        self.pair = Pair(self.subject, capacity, self.plain)
        self.pair.check()

    def call(self, name: str, lease: int = 0) -> None:
        """Make one call on both sides, and compare."""
        kind = self.pair.joint.is_unseen(lease) if name == "drop" else None
        answer = self.pair.do(name, lease)
        cls = type(self)
        cls.calls += 1
        cls.situations.add(situation(name, answer, unseen=kind))

    def lease(self, data: st.DataObject) -> int:
        """Choose one of the leases held."""
        return data.draw(st.integers(0, len(self.pair.joint.held) - 1), label="lease")

    def holds(self) -> bool:
        """Tell whether a lease is held."""
        return bool(self.pair.joint.held)

    def never_waits(self) -> bool:
        """Tell whether a take without a time-out has something to answer at once."""
        return machine.can_take(self.pair.state) or machine.can_answer_closed(self.pair.state)

    def is_over(self) -> bool:
        """Tell whether a drain without a time-out has nothing to wait for."""
        return self.pair.state.closed and machine.left(self.pair.state) == 0

    @rule()
    def offer(self) -> None:
        self.call("offer")

    @rule()
    def take(self) -> None:
        self.call("take")

    @precondition(never_waits)
    @rule(name=st.sampled_from(("take_unlimited", "iterate")))
    def take_without_limit(self, name: str) -> None:
        if not machine.can_take(self.pair.state):
            self.call("take")  # which must answer Closed: else the next would wait for ever
        joint = self.pair.joint
        if name == "iterate" and joint.iterated in joint.state.unseen:
            type(self).situations.add("iterate: a look")
        self.call(name)

    @precondition(holds)
    @rule(data=st.data(), name=st.sampled_from(("look", "release", "enter")))
    def use(self, data: st.DataObject, name: str) -> None:
        self.call(name, self.lease(data))

    @precondition(holds)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        self.call("drop", self.lease(data))

    @rule()
    def release_again(self) -> None:
        self.call("release_again")

    @rule(chance=st.integers(0, 24))
    def end(self, chance: int) -> None:
        """Close or drain, rarely: an intake that was closed early shows little. Otherwise offer."""
        self.call("close" if chance == 23 else "drain" if chance == 24 else "offer")

    @precondition(is_over)
    @rule()
    def drain_without_limit(self) -> None:
        self.call("drain")  # which must answer 0, for the same reason
        self.call("drain_unlimited")

    @rule(name=st.sampled_from(MISUSES))
    def misuse(self, name: str) -> None:
        self.call(name)


def situation(name: str, answer: object, *, unseen: bool | None) -> str:
    """Name a kind of call with a kind of answer."""
    if name in ("offer", "take", "take_unlimited", "iterate"):
        return f"{name.removesuffix('_unlimited')}: {answer}"
    if name in ("drain", "drain_unlimited"):
        return "drain: some" if answer else "drain: 0"
    return name if unseen is None else f"drop {'unseen' if unseen else 'seen'}"


def run(subject: Subject, chosen: Settings, plain: bool, clauses: tuple[str, ...]) -> Result:
    """Run the profile's number of random histories from its seed; with plain items, or with such as refuse every call.

    clauses: those that may be blamed.
    """
    profile = PROFILES["tidegate-nightly" if chosen.profile == "full" else "tidegate-ci"]
    members = {"subject": subject, "plain": plain, "situations": set[str]()}
    trial: type[Lockstep] = seed(chosen.seed)(type("Lockstep", (Lockstep,), members))
    told: list[object] = []
    try:
        with with_reporter(told.append):
            _run(trial, settings=profile)
    except Divergence as divergence:
        replay = (
            f"tidegate verify --check stateful.lockstep --profile {chosen.profile} --seed {chosen.seed}{subject_option(subject)}"
        )
        notes = [*map(str, told), *getattr(divergence, "__notes__", ())]
        account = "\n".join([str(divergence), *notes, f"replay: {replay}"])
        blames = tuple(clause for clause in divergence.clauses if clause in clauses)
        return Result(Verdict.ILLEGAL, f"a failure, shrunk after {trial.calls:,} calls", account, blames)
    except (SpecificationFault, HypothesisException):
        return Result(Verdict.UNKNOWN, f"{trial.calls:,} calls compared", traceback.format_exc())
    evidence = f"{profile.max_examples:,} x {profile.stateful_step_count} steps, {trial.calls:,} calls compared"
    if missing := sorted(SITUATIONS - trial.situations):
        return Result(Verdict.UNKNOWN, evidence, f"never came up: {', '.join(missing)}")
    if trial.calls < profile.max_examples * profile.stateful_step_count // 2:
        return Result(Verdict.UNKNOWN, evidence, f"only {trial.calls} calls in {trial.runs} runs")
    return Result(Verdict.OK, evidence)
