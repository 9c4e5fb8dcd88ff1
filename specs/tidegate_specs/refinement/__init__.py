"""Join an implementation and the specification: the one module that sees both sides.

A `Driver` performs calls on a subject's intake, by its public API only. `follow` says what the state machine makes of a call and
its answer: the next state, or a `Divergence` that names the clauses broken. `view` is the refinement map: it tells what of a state
is publicly visible, and `compare` holds the subject to it. A `Pair` does all of this after every call.

The calls are those of one thread at rest between any two: each is one or more actions of the state machine in a row.
"""

from dataclasses import dataclass

from .. import machine
from ..check import Subject, capabilities_of
from ..machine import State
from .driver import Call, Driver
from .following import Joint, account_of, follow
from .observed import HOSTILE_METHODS, Divergence, Item, differences, observe, refusal, view

for _name in HOSTILE_METHODS:
    setattr(Item, _name, refusal(_name))


def compare(driver: Driver, joint: Joint) -> None:
    """Hold the subject to all that is visible of the state. Divergence if anything differs."""
    s = joint.state
    if "statistics" in capabilities_of(driver.subject):
        seen, expected = observe(driver.intake), view(s)
        if seen != expected:
            clauses, account = differences(seen, expected)
            raise Divergence(clauses, f"{account} in {account_of(s)}")
    if driver.plain:
        return
    alive, wanted = sorted(driver.live.keys()), sorted((*s.queue, *s.unseen, *s.seen))
    if alive != wanted:
        lost = [serial for serial in wanted if serial not in alive]
        kept = [serial for serial in alive if serial not in wanted]
        account = f"lost items {lost}" if lost else f"kept items {kept} that are finished"
        raise Divergence(("LOCAL-1",) if lost else ("LEASE-1", "STABLE-1"), f"{account} in {account_of(s)}")


class Pair:
    """Drive an intake of a subject and the state machine side by side, and compare them after every call."""

    def __init__(self, subject: Subject, capacity: int, plain: bool = False) -> None:
        self.driver = Driver(subject, capacity, plain)
        self.joint = Joint(machine.initial(capacity))
        self.history: list[Call] = []

    @property
    def state(self) -> State:
        """Where the state machine is."""
        return self.joint.state

    def do(self, name: str, lease: int = 0) -> object:
        """Make one call on both sides. Divergence, with the history of calls, if they come apart."""
        answer = self.make(name, lease)
        self.check()
        return answer

    def make(self, name: str, lease: int = 0) -> object:
        """Make one call on both sides, and compare nothing but its answer."""
        return self.hold(name, self.driver.perform(Call(name, lease)), lease)

    def hold(self, name: str, answer: object, lease: int = 0) -> object:
        """Hold the answer of a call that the driver has made to the state machine."""
        call = Call(name, lease)
        self.history.append(call)
        try:
            self.joint = follow(self.joint, call, answer)
        except Divergence as divergence:
            raise self._told(divergence) from None
        return answer

    def check(self) -> None:
        """Compare all that is visible."""
        try:
            compare(self.driver, self.joint)
        except Divergence as divergence:
            raise self._told(divergence) from None

    def _told(self, divergence: Divergence) -> Divergence:
        calls = "; ".join(str(call) for call in self.history)
        return Divergence(divergence.clauses, f"{divergence.account}, after Intake({self.state.capacity}): {calls}")


@dataclass(frozen=True, slots=True)
class Shape:
    """Describe a small state that public calls can build: how many items are where, and whether every slot was used before."""

    capacity: int
    queued: int
    unseen: int
    seen: int
    closed: bool
    worn: bool


def build(subject: Subject, shape: Shape) -> Pair:
    """Bring an intake and the state machine to a state of that shape, by public calls only."""
    pair = Pair(subject, shape.capacity)
    if shape.worn:
        for _ in range(shape.capacity):
            pair.make("offer")
        pair.make("offer")
        for _ in range(shape.capacity):
            pair.make("take")
        for _ in range(shape.capacity):
            pair.make("release")
    for _ in range(shape.queued + shape.unseen + shape.seen):
        pair.make("offer")
    for _ in range(shape.unseen + shape.seen):
        pair.make("take")
    for lease in range(shape.seen):
        pair.make("look", lease)
    if shape.closed:
        pair.make("close")
    return pair
