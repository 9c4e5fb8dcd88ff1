"""Join an implementation and the specification: the one module that sees both sides.

A `Driver` performs calls on a subject's intake, by its public API only. `follow` says what the state machine makes of a call and
its answer: the next state, or a `Divergence` that names the clauses broken. `view` is the refinement map: it tells what of a state
is publicly visible, and `compare` holds the subject to it. A `Pair` does all of this after every call.

The calls are those of one thread at rest between any two: each is one or more actions of the state machine in a row.
"""

import copy
import pickle
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import nan
from typing import Any, Final

from . import machine
from .check import Subject, capabilities_of
from .machine import State


class Divergence(Exception):
    """Report that an implementation did what the specification forbids. `clauses` are the ids of what it broke."""

    def __init__(self, clauses: tuple[str, ...], account: str) -> None:
        super().__init__(f"[{' '.join(clauses)}] {account}")
        self.clauses = clauses
        self.account = account


class SpecificationFault(Exception):
    """Report that an action of the state machine broke a predicate of its own."""


HOSTILE_METHODS: Final = (
    "__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __hash__ __bool__ __len__ __iter__ __next__ __contains__ __getitem__ __call__ "
    "__repr__ __str__ __format__ __index__ __int__ __float__ __add__ __enter__ __exit__ __copy__ __deepcopy__ __reduce_ex__"
).split()


class Item:
    """Be a piece of work that records and refuses every method called on it. `serial` tells it from others."""

    __slots__ = ("__weakref__", "serial", "touched")

    def __init__(self, serial: int, touched: list[str]) -> None:
        self.serial = serial
        self.touched = touched


class PlainItem:
    """Be a piece of work like any other, which can be pickled: for queues that hand out a copy of what they took in."""

    __slots__ = ("__weakref__", "serial")

    def __init__(self, serial: int) -> None:
        self.serial = serial


def _refusal(name: str) -> Callable[..., Any]:
    def refuse(self: Item, *_: object) -> Any:
        self.touched.append(name)
        raise TypeError(f"{name} was called on an item")

    return refuse


for _name in HOSTILE_METHODS:
    setattr(Item, _name, _refusal(_name))


# What is publicly visible.


@dataclass(frozen=True, slots=True)
class View:
    """Show what `statistics()` tells of an intake at rest."""

    capacity: int
    free: int
    queued: int
    in_flight: int
    accepted: int
    full: int
    closed: int
    released: int
    abandoned: int
    peak: int


FIELDS: Final = tuple(View.__dataclass_fields__)


def view(s: State) -> View:
    """Map a state to what is visible of it. A slot held by an offer in progress is told as free."""
    return View(
        capacity=s.capacity,
        free=s.free + s.claimed + s.admitted,
        queued=len(s.queue),
        in_flight=machine.in_flight(s),
        accepted=s.accepted,
        full=s.full,
        closed=s.refused,
        released=s.released,
        abandoned=s.abandoned,
        peak=s.peak,
    )


def observe(intake: Any) -> View:
    """Read what is visible of a subject's intake. Divergence unless it answers with whole numbers."""
    try:
        statistics = intake.statistics()
        values = [getattr(statistics, field) for field in FIELDS]
    except Exception as error:
        raise Divergence(("LEDGER-1",), f"statistics() raised {error!r}") from error
    for field, value in zip(FIELDS, values, strict=True):
        if type(value) is not int:
            raise Divergence(("LEDGER-1",), f"statistics().{field} is {value!r}, not an int")
    return View(*values)


def differences(seen: View, expected: View) -> tuple[tuple[str, ...], str]:
    """Name the clauses that two views disagree on, and the fields."""
    fields = [field for field in FIELDS if getattr(seen, field) != getattr(expected, field)]
    clauses: list[str] = []
    if seen.queued + seen.in_flight > seen.capacity:
        clauses.append("BOUND-1")
    if {"free", "queued", "in_flight"} & set(fields):
        clauses.append("BOUND-2")
    if "capacity" in fields:
        clauses.append("FIXED-1")
    if {"released", "abandoned"} & set(fields):
        clauses.append("LEASE-1")
    clauses.append("LEDGER-1")
    return tuple(clauses), ", ".join(f"{field} is {getattr(seen, field)}, not {getattr(expected, field)}" for field in fields)


# Calls.


@dataclass(frozen=True, slots=True)
class Call:
    """Name one call. `lease` is the position among the leases held, the oldest first, where the call is about one."""

    name: str
    lease: int = 0

    def __str__(self) -> str:
        return f"{self.name} {self.lease}" if self.name in LEASE_CALLS else self.name


LEASE_CALLS: Final = ("look", "release", "enter", "drop")
MISUSES: Final = ("misuse_intake", "misuse_take", "misuse_drain", "misuse_lease", "copy", "resize", "show")


@dataclass(frozen=True, slots=True)
class Joint:
    """Pair a state with the leases held: their serial numbers by age, as the driver keeps them.

    iterated: the one of them that the driver's iterator gave last; -1 if it gave none, or that lease is gone.
    """

    state: State
    held: tuple[int, ...] = ()
    iterated: int = -1

    def is_unseen(self, lease: int) -> bool:
        return self.held[lease] in self.state.unseen


class Driver:
    """Perform calls on one intake of a subject, and give the answers as plain text or numbers.

    It keeps no item: `live` knows by weak references which accepted items are still alive. `finished` keeps the leases released
    last. plain: its items let themselves be called and copied, and which of them are alive is not looked at.
    """

    def __init__(self, subject: Subject, capacity: int, plain: bool = False) -> None:
        self.subject, self.plain = subject, plain
        try:
            self.intake = subject.Intake(capacity)
        except Exception as error:
            raise Divergence(("HOSTILE-1", "FIXED-1"), f"Intake({capacity}) raised {error!r}") from error
        self.iterator: Any = None
        self.leases: list[Any] = []
        self.finished: list[Any] = []
        self.touched: list[str] = []
        self.live: weakref.WeakValueDictionary[int, Item | PlainItem] = weakref.WeakValueDictionary()
        self.accepted = 0

    def perform(self, call: Call) -> object:
        """Make one call. An exception is an answer too ("raised KeyError"), and so is "called __eq__ of an item"."""
        perform: Callable[[int], object] = getattr(self, f"_{call.name}")
        try:
            answer = perform(call.lease)
        except Exception as error:  # noqa: BLE001 - any
            answer = f"raised {type(error).__name__}"
        return answer if not self.touched else f"called {self.touched[0]} of an item"

    def _offer(self, _: int) -> object:
        item = PlainItem(self.accepted) if self.plain else Item(self.accepted, self.touched)
        answer = self.intake.offer(item)
        outcomes = self.subject.Outcome
        trace = weakref.ref(item)
        if answer is outcomes.ACCEPTED:
            self.live[self.accepted] = item
            self.accepted += 1
            return "ACCEPTED" if answer else "ACCEPTED, but false"
        del item
        if answer is not outcomes.FULL and answer is not outcomes.CLOSED:
            return "something that is no Outcome"
        name = "FULL" if answer is outcomes.FULL else "CLOSED"
        if answer:
            return f"{name}, but true"
        return name if trace() is None else f"{name}, but the item is kept"

    def _take(self, _: int) -> object:
        try:
            self.leases.append(self.intake.take(timeout=0))
        except self.subject.Empty:
            return "Empty"
        except self.subject.Closed:
            return "Closed"
        return "a lease"

    def _take_unlimited(self, _: int) -> object:
        """Take without a time-out. For when something is queued, or nothing can come any more."""
        try:
            self.leases.append(self.intake.take())
        except self.subject.Closed:
            return "Closed"
        return "a lease"

    def _iterate(self, _: int) -> object:
        """Ask the one iterator for the next lease. For when something is queued, or nothing can come any more."""
        self.iterator = self.iterator or iter(self.intake)
        try:
            self.leases.append(next(self.iterator))
        except StopIteration:
            return "Closed"
        return "a lease"

    def _look(self, lease: int) -> object:
        return _serial_of(self.leases[lease].item)

    def _release(self, lease: int) -> object:
        self.finished = [self.leases.pop(lease), *self.finished[:2]]
        return self.finished[0].release()

    def _release_again(self, _: int) -> object:
        """Release what was released before: the newest of them, and the oldest that is still at hand."""
        answers = [lease.release() for lease in self.finished]
        return next((answer for answer in answers if answer is not False), False)

    def _enter(self, lease: int) -> object:
        """Look at the item in a `with` block that ends with an exception."""
        held = self.leases.pop(lease)
        self.finished = [held, *self.finished[:2]]
        serial: object = "something never offered"
        try:
            with held as item:
                serial = _serial_of(item)
                del item
                _interrupt()
        except InterruptedError:
            return serial
        return "no exception out of the block"

    def _drop(self, lease: int) -> object:
        """Lose the last reference to a lease."""
        del self.leases[lease]
        return None

    def _take_seen(self, _: int) -> object:
        """Take, and look at the item at once: where nothing is put back, it makes no difference that nobody looked."""
        answer = self._take(0)
        return self._look(-1) if answer == "a lease" else answer

    def _serve(self, _: int) -> object:
        """Take, look at the item, and release at once: all that there is of a lease where taking frees the slot."""
        serial = self._take_seen(0)
        if type(serial) is not int:
            return serial
        released = self._release(-1)
        self.finished.clear()
        return serial if released is True else f"a lease whose release answered {released}"

    def _close(self, _: int) -> object:
        return self.intake.close()

    def _drain(self, _: int) -> object:
        return self.intake.drain(timeout=0)

    def _drain_unlimited(self, _: int) -> object:
        """Drain without a time-out. For when nothing is left to wait for."""
        return self.intake.drain()

    # Misuse. Each answers "refused" if every attempt got the right error.

    def _misuse_intake(self, _: int) -> object:
        make = self.subject.Intake
        wrong = _refused(TypeError, *(lambda c=c: make(c) for c in (True, False, 1.0, "1", None, nan)))
        return _both(wrong, _refused(ValueError, *(lambda c=c: make(c) for c in (0, -1, -(2**70), 2**62, 2**70))))

    def _misuse_take(self, _: int) -> object:
        return _misused_timeout(self.intake.take)

    def _misuse_drain(self, _: int) -> object:
        return _misused_timeout(self.intake.drain)

    def _misuse_lease(self, _: int) -> object:
        """Look at what was released, and make a lease by hand."""
        looks = _refused(ValueError, *(lambda lease=lease: lease.item for lease in self.finished))
        kinds: list[Callable[[], object]] = [type(lease) for lease in self.finished[:1]]
        return _both(looks, _refused(TypeError, *kinds))

    def _copy(self, _: int) -> object:
        things = [self.intake, *self.leases]
        return _refused(TypeError, *(lambda f=f, x=x: f(x) for f in (copy.copy, copy.deepcopy, pickle.dumps) for x in things))

    def _resize(self, _: int) -> object:
        return _refused(AttributeError, lambda: setattr(self.intake, "capacity", 1000), lambda: delattr(self.intake, "capacity"))

    def _show(self, _: int) -> object:
        """Ask for the `repr` of everything, and for the capacity."""
        texts = [repr(x) for x in (self.intake, *self.leases, *self.finished)]
        return self.intake.capacity if all(texts) else "an empty repr"


def _serial_of(item: Any) -> object:
    """Tell an item's number, without calling anything of it."""
    return item.serial if type(item) in (Item, PlainItem) else "something never offered"


def _refused(error: type[Exception], *attempts: Callable[[], object]) -> str:
    """Make attempts that must each raise exactly that error."""
    for attempt in attempts:
        try:
            attempt()
        except Exception as raised:  # noqa: BLE001 - any but the right one is told
            if type(raised) is not error:
                return f"{type(raised).__name__} instead of {error.__name__}"
        else:
            return f"no {error.__name__}"
    return "refused"


def _both(first: str, second: str) -> str:
    return second if first == "refused" else first


_BAD_TYPES: Final[tuple[Any, ...]] = ("1", True, (), 1j)
_BAD_VALUES: Final[tuple[Any, ...]] = (-1, -0.001, nan, float("-inf"))


def _misused_timeout(call: Callable[[Any], object]) -> str:
    wrong = _refused(TypeError, *(partial(call, timeout) for timeout in _BAD_TYPES))
    return _both(wrong, _refused(ValueError, *(partial(call, timeout) for timeout in _BAD_VALUES)))


def _interrupt() -> None:
    raise InterruptedError


# What the state machine makes of a call and its answer.


def move(s: State, guard: Callable[..., bool], action: Callable[..., State], *argument: int) -> State:
    """Take one step of the state machine, and check its predicates on the way."""
    after = action(s, *argument)
    if not guard(s, *argument) or not machine.step(s, after) or not machine.invariant(after):
        raise SpecificationFault(f"{action.__name__}{argument} from {s}")
    return after


def always(_: State) -> bool:
    """Be the guard of an action that is enabled always."""
    return True


def follow(joint: Joint, call: Call, answer: object) -> Joint:
    """Give what comes after a call that got this answer. Divergence if the specification doesn't allow the answer."""
    if type(answer) is str and answer.startswith("called "):
        return _demand(allowed=False, clauses=("HOSTILE-1",), call=call, answer=answer, joint=joint)
    if call.name in MISUSES:
        expected = joint.state.capacity if call.name == "show" else "refused"
        return _demand(answer == expected, (_MISUSE_CLAUSES[call.name],), call, answer, joint)
    return _FOLLOW[call.name](joint, call, answer)


def _demand(allowed: bool, clauses: tuple[str, ...], call: Call, answer: object, joint: Joint) -> Joint:
    if not allowed:
        raise Divergence(clauses, f"{call} answered {answer!s} in {account_of(joint.state)}")
    return joint


def account_of(s: State) -> str:
    """Say in a few words where a state machine is."""
    held = f"{s.free} free, queue {list(s.queue)}, unseen {list(s.unseen)}, seen {list(s.seen)}"
    return f"an intake of {s.capacity} ({'closed' if s.closed else 'open'}; {held})"


def _follow_offer(joint: Joint, call: Call, answer: object) -> Joint:
    s = joint.state
    if answer == "ACCEPTED":
        broken = [*(["CLOSE-1", "CLOSE-2"] if s.closed else []), *([] if machine.can_claim(s) else ["BOUND-1", "BOUND-2"])]
        _demand(not broken, tuple(broken), call, answer, joint)
        claimed = move(s, machine.can_claim, machine.claim)
        return replace(joint, state=move(move(claimed, machine.can_admit, machine.admit), machine.can_publish, machine.publish))
    if answer == "FULL":
        _demand(machine.can_refuse_full(s), ("EXACT-1", "RECOVER-1"), call, answer, joint)
        return replace(joint, state=move(s, machine.can_refuse_full, machine.refuse_full))
    if answer == "CLOSED":
        _demand(machine.can_refuse_closed(s), ("EXACT-1", "CLOSE-1"), call, answer, joint)
        return replace(joint, state=move(s, machine.can_refuse_closed, machine.refuse_closed))
    kept = "kept" in str(answer)
    return _demand(
        allowed=False, clauses=("MEMORY-1", "NORETRY-1") if kept else ("EXPLICIT-1",), call=call, answer=answer, joint=joint
    )


def _follow_take(joint: Joint, call: Call, answer: object) -> Joint:
    s = joint.state
    if answer == "a lease":
        _demand(machine.can_take(s), ("LOCAL-1", "BOUND-2"), call, answer, joint)
        return replace(joint, state=move(s, machine.can_take, machine.take), held=(*joint.held, s.queue[0]))
    over = machine.can_answer_closed(s)
    if answer == "Closed":
        _demand(over, ("CLOSE-2",), call, answer, joint)
        return replace(joint, state=move(s, machine.can_answer_closed, machine.answer_closed))
    # At rest a taker hears that it is over: else those who wait would never wake.
    broken = ("CLOSE-2",) if s.closed else ("LOCAL-1",)
    return _demand(answer == "Empty" and machine.can_answer_empty(s) and not over, broken, call, answer, joint)


def looked_by_asking(joint: Joint) -> Joint:
    """Mark the lease that the iterator gave last as seen: whoever asks for the next one has looked at it (LEASE-1)."""
    return joint if joint.iterated < 0 else _look(joint, joint.held.index(joint.iterated))


def _follow_iterate(joint: Joint, call: Call, answer: object) -> Joint:
    after = _follow_take(looked_by_asking(joint), call, answer)
    return replace(after, iterated=after.held[-1]) if answer == "a lease" else after


def _look(joint: Joint, lease: int) -> Joint:
    """Mark a lease's item as seen, if it is not yet."""
    s, serial = joint.state, joint.held[lease]
    if serial not in s.unseen:
        return joint
    return replace(joint, state=move(s, machine.can_look, machine.look, s.unseen.index(serial)))


def _follow_look(joint: Joint, call: Call, answer: object) -> Joint:
    broken = ("LEASE-1",) if str(answer).startswith("raised") else ("LOCAL-1",)
    _demand(type(answer) is int and answer == joint.held[call.lease], broken, call, answer, joint)
    return _look(joint, call.lease)


def without(joint: Joint, lease: int, state: State) -> Joint:
    """Give what comes after a lease is gone."""
    gone = joint.held[lease]
    return Joint(state, joint.held[:lease] + joint.held[lease + 1 :], -1 if joint.iterated == gone else joint.iterated)


def _finish(joint: Joint, lease: int) -> Joint:
    s, serial = joint.state, joint.held[lease]
    if serial in s.unseen:
        return without(joint, lease, move(s, machine.can_release_unseen, machine.release_unseen, s.unseen.index(serial)))
    return without(joint, lease, move(s, machine.can_release, machine.release, s.seen.index(serial)))


def _follow_release(joint: Joint, call: Call, answer: object) -> Joint:
    _demand(answer is True, ("LEASE-1",), call, answer, joint)
    return _finish(joint, call.lease)


def _follow_release_again(joint: Joint, call: Call, answer: object) -> Joint:
    return _demand(answer is False, ("LEASE-1",), call, answer, joint)


def _follow_enter(joint: Joint, call: Call, answer: object) -> Joint:
    return _finish(_follow_look(joint, call, answer), call.lease)


def _follow_drop(joint: Joint, call: Call, answer: object) -> Joint:
    _demand(answer is None, ("LEASE-1",), call, answer, joint)
    s, serial = joint.state, joint.held[call.lease]
    if serial in s.unseen:
        return without(joint, call.lease, move(s, machine.can_put_back, machine.put_back, s.unseen.index(serial)))
    return without(joint, call.lease, move(s, machine.can_abandon, machine.abandon, s.seen.index(serial)))


def _follow_take_seen(joint: Joint, call: Call, answer: object) -> Joint:
    if type(answer) is str:
        return _follow_take(joint, call, answer)
    taken = _follow_take(joint, call, "a lease")
    return _follow_look(taken, Call("look", len(taken.held) - 1), answer)


def _follow_serve(joint: Joint, call: Call, answer: object) -> Joint:
    after = _follow_take_seen(joint, call, answer)
    return _finish(after, len(after.held) - 1) if type(answer) is int else after


def _follow_close(joint: Joint, call: Call, answer: object) -> Joint:
    _demand(answer is None, ("CLOSE-1",), call, answer, joint)
    return replace(joint, state=move(joint.state, always, machine.close))


def _follow_drain(joint: Joint, call: Call, answer: object) -> Joint:
    closed = move(joint.state, always, machine.close)
    _demand(type(answer) is int and answer == machine.left(closed), ("CLOSE-2",), call, answer, joint)
    if answer != 0:
        return replace(joint, state=closed)
    return replace(joint, state=move(closed, machine.can_answer_drained, machine.answer_drained))


_FOLLOW: Final[dict[str, Callable[[Joint, Call, object], Joint]]] = {
    "offer": _follow_offer,
    "take": _follow_take,
    "take_unlimited": _follow_take,
    "iterate": _follow_iterate,
    "look": _follow_look,
    "release": _follow_release,
    "release_again": _follow_release_again,
    "enter": _follow_enter,
    "drop": _follow_drop,
    "take_seen": _follow_take_seen,
    "serve": _follow_serve,
    "close": _follow_close,
    "drain": _follow_drain,
    "drain_unlimited": _follow_drain,
}
_MISUSE_CLAUSES: Final = {
    "misuse_intake": "HOSTILE-1",
    "misuse_take": "HOSTILE-1",
    "misuse_drain": "HOSTILE-1",
    "misuse_lease": "LEASE-1",
    "copy": "BOUND-2",
    "resize": "FIXED-1",
    "show": "FIXED-1",
}


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
