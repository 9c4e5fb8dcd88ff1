"""Drive an implementation and the state machine in lockstep, by chance (`lockstep`) and exhaustively (all short histories).

Both use the pairs of `refinement`: every answer is held to the guards of the state machine, every step of it to its predicates, and
after every call all that is visible of the intake to its state. The first tries every operation and its misuse in long histories;
the second leaves no short one out.
"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from . import machine
from .check import EVERYTHING, WHOLE, Check, Result, Settings, Subject, Verdict, capabilities_of, needs
from .conformance.adapter import Adapted
from .foreign import subject_option
from .progress import progress
from .refinement import compare
from .refinement.driver import Call, Driver
from .refinement.following import Joint, SpecificationFault, follow
from .refinement.observed import Divergence

CLAUSES: Final = tuple(
    "BOUND-1 BOUND-2 EXACT-1 EXPLICIT-1 FIXED-1 NORETRY-1 MEMORY-1 LOCAL-1 RECOVER-1 LEASE-1 CLOSE-1 CLOSE-2 LEDGER-1 HOSTILE-1"
    "".split()
)


def going_on(run: Callable[[Subject, bool], Result], subject: Subject) -> Result:
    """Run a check with items that refuse every call; where only that is broken, run it again with plain ones.

    Queues that serialise their items can't do without calls on them. That is one clause, and says nothing of the others. Nor do
    wrong counts of somebody else's intake, where they alone are wrong: then it is run again without looking at them.
    """
    found = run(subject, False)
    if found.verdict is Verdict.ILLEGAL and found.blames == ("HOSTILE-1",):
        again, plain = "with plain items", run(subject, True)
    elif found.verdict is Verdict.ILLEGAL and found.blames == ("LEDGER-1",) and isinstance(subject, Adapted):
        uncounted = replace(subject, capabilities=subject.capabilities - {"statistics"})
        again, plain = "without a look at the counts", run(uncounted, False)
    else:
        return found
    evidence = f"{found.evidence}; {again} {plain.verdict.value}: {plain.evidence}"
    blames = tuple(dict.fromkeys((*found.blames, *plain.blames)))
    cleared = tuple(id_ for id_ in CLAUSES if id_ not in blames) if plain.verdict is Verdict.OK else plain.cleared
    witness = "\n".join(filter(None, (found.witness, plain.witness)))
    own = {**dict.fromkeys(plain.blames, plain.witness), **plain.witnesses, **dict.fromkeys(found.blames, found.witness)}
    return Result(Verdict.ILLEGAL, evidence, witness, blames, cleared, witnesses=own)


def lockstep(subject: Subject, chosen: Settings) -> Result:
    """Run the profile's number of random histories from its seed. A failure is shrunk, and carries what replays it."""
    from .lockstep import run  # brings Hypothesis, which nobody needs who only reads what the checks show

    return going_on(lambda judged, plain: run(judged, chosen, plain, CLAUSES), subject)


# Exhaustively.

LENGTHS: Final = {"quick": {1: 7, 2: 7, 3: 7}, "full": {1: 9, 2: 8, 3: 8}}  # capacity: the longest histories
COUNTS: Final = {(1, 7): 17_817, (2, 7): 19_807, (3, 7): 19_822, (1, 9): 333_252, (2, 8): 96_617, (3, 8): 97_163}  # how many


def calls_from(joint: Joint, released: bool, can: frozenset[str] = EVERYTHING) -> Iterator[Call]:
    """Give every call that can be told from others here: those on each lease held, and a second release after a first.

    can: what the subject declares. Where nothing is put back, an item is taken and looked at in one call; where taking frees the
    slot, finished, too.
    """
    yield Call("offer")
    yield Call("take" if "drop" in can else "take_seen" if "release" in can else "serve")
    if "drain" in can:
        yield Call("drain")
    if not joint.state.closed and "close" in can:
        yield Call("close")
    for lease in range(len(joint.held)):
        if joint.is_unseen(lease):
            yield Call("look", lease)
        yield Call("release", lease)
        if "drop" in can:
            yield Call("drop", lease)
    if released:
        yield Call("release_again")


SLOTS: Final = frozenset("BOUND-1 BOUND-2 EXACT-1 FIXED-1 RECOVER-1 LEASE-1".split())
ITEMS: Final = frozenset("LOCAL-1 CLOSE-2 NORETRY-1 MEMORY-1".split())
ALIKE: Final = (SLOTS, ITEMS, frozenset({"CLOSE-1", "CLOSE-2"}))  # a fault of one may well be one of another of them


@dataclass
class Search:
    """Keep what a search past faults finds: by clause the shortest history that shows it, and which situations came up well."""

    faults: dict[str, tuple[int, Divergence]] = field(default_factory=dict[str, tuple[int, Divergence]])
    met: set[str] = field(default_factory=set[str])

    def note(self, length: int, found: Divergence) -> None:
        """Take a fault that showed in a history of that length."""
        for clause in found.clauses:
            if clause not in self.faults or length < self.faults[clause][0]:
                self.faults[clause] = (length, found)

    def meet(self, call: Call, answer: object, joint: Joint) -> None:
        """Note a call that was answered rightly."""
        name = "take" if call.name in ("take_seen", "serve") else call.name
        gave = name == "take" and (type(answer) is int or answer == "a lease")
        self.met.add(f"{name}: {'an item' if gave else answer}")
        if gave and len(joint.state.queue) > 1:
            self.met.add("take: the first of several")

    def cleared(self, can: frozenset[str]) -> tuple[str, ...]:
        """Name the clauses that were looked at all the same: all that an intake does came up well, and no fault is like theirs."""
        needed = {"offer: ACCEPTED", "offer: FULL", "take: an item", "take: the first of several", "take: Empty"}
        needed |= {"release: True", "release_again: False"} if "release" in can else set()
        needed |= {"close: None", "offer: CLOSED", "take: Closed"} if "close" in can else set()
        if "LOCAL-1" in self.faults:
            needed.discard("take: the first of several")
        doubtful = {*self.faults, *(id_ for clauses in ALIKE if clauses & self.faults.keys() for id_ in clauses)}
        if self.faults.keys() & {"BOUND-1", "BOUND-2"}:
            doubtful |= ITEMS  # what becomes of items for which there was no slot is not known
        return tuple(id_ for id_ in CLAUSES if id_ not in doubtful) if needed <= self.met else ()


def histories(subject: Subject, capacity: int, length: int, plain: bool = False, search: Search | None = None) -> int:
    """Run every history up to a length, each on a new intake, and compare after its last call. Gives their number.

    What comes before the last call was compared when it was a history of its own. search: keeps the faults, and none of them ends
    it, but no history goes on beyond one.
    """
    count = 0
    waiting: list[tuple[tuple[Call, ...], Joint, bool]] = [((), Joint(machine.initial(capacity)), False)]
    while waiting:
        calls, joint, released = waiting.pop()
        for call in calls_from(joint, released, capabilities_of(subject)):
            driver = Driver(subject, capacity, plain)
            for earlier in calls:
                driver.perform(earlier)
            answer = driver.perform(call)
            try:
                after = follow(joint, call, answer)
                compare(driver, after)
            except Divergence as divergence:
                account = "; ".join(str(each) for each in (*calls, call))
                told = Divergence(divergence.clauses, f"{divergence.account}, after Intake({capacity}): {account}")
                if search is None:
                    raise told from None
                search.note(len(calls) + 1, told)
                continue
            if search is not None:
                search.meet(call, answer, joint)
            count += 1
            if count % 10_000 == 0:
                progress(f"{count:,} histories of capacity {capacity}")
            if len(calls) + 1 < length:
                waiting.append(((*calls, call), after, released or call.name == "release"))
    return count


def shortest(subject: Subject, capacity: int, found: Divergence, length: int, plain: bool = False) -> Divergence:
    """Look for a divergence in ever shorter histories than those in which one was found."""
    while length > 1:
        length -= 1
        try:
            histories(subject, capacity, length, plain)
        except Divergence as divergence:
            found = divergence
        else:
            break
    return found


def enumeration(subject: Subject, chosen: Settings) -> Result:
    """Run all short histories of small capacities, and demand that they are as many as there are."""
    return going_on(lambda judged, plain: _enumeration(judged, chosen, plain), subject)


def _searched(search: Search, total: int, can: frozenset[str], replay: str) -> Result:
    """Blame the clauses that a search past faults found broken, each with the shortest history that shows it."""
    own = {id_: f"{search.faults[id_][1]}\n{replay}" for id_ in CLAUSES if id_ in search.faults}
    evidence = f"{total:,} histories without a failure; the shortest with one"
    return Result(Verdict.ILLEGAL, evidence, "\n".join(dict.fromkeys(own.values())), tuple(own), search.cleared(can), witnesses=own)


def _enumeration(subject: Subject, chosen: Settings, plain: bool) -> Result:
    total = 0
    lengths = LENGTHS[chosen.profile]
    declared = capabilities_of(subject)
    search = None if "kernel" in declared else Search()  # of the kernel one fault is enough
    replay = f"replay: tidegate verify --check stateful.enumeration --profile {chosen.profile}{subject_option(subject)}"
    for capacity, length in lengths.items():
        try:
            count = histories(subject, capacity, length, plain, search)
        except Divergence as divergence:
            if search is not None:  # there is no intake of this capacity
                search.note(0, divergence)
                continue
            divergence = shortest(subject, capacity, divergence, length, plain)
            blames = tuple(clause for clause in divergence.clauses if clause in CLAUSES)
            return Result(Verdict.ILLEGAL, f"a failure at capacity {capacity}, the shortest", f"{divergence}\n{replay}", blames)
        except SpecificationFault:
            return Result(Verdict.UNKNOWN, f"stopped at capacity {capacity}", traceback.format_exc())
        if count != COUNTS[capacity, length] and declared >= WHOLE and not (search and search.faults):
            expected = f"{COUNTS[capacity, length]:,} up to length {length}"
            return Result(Verdict.UNKNOWN, f"{count:,} histories", f"capacity {capacity} has {expected}")
        total += count
    if search is not None and search.faults:
        return _searched(search, total, declared, replay)
    told = ", ".join(f"{length} calls at capacity {capacity}" for capacity, length in lengths.items())
    return Result(Verdict.OK, f"{total:,} histories, all up to {told}")


# What an intake does that is offered too much, even one that refuses nothing.


ODD_ITEMS: Final = (None, False, 0, "")  # what might be taken for nothing, or for the sign of an end


def overfill(subject: Subject, _chosen: Settings) -> Result:
    """Offer two items more than there are slots, then take everything, for several capacities; and items taken for nothing."""
    capacities = (1, 2, 3, 64)
    faults: dict[str, str] = {}
    for capacity in capacities:
        intake = subject.Intake(capacity)
        accepted = [number for number in range(capacity + 2) if intake.offer(number) is subject.Outcome.ACCEPTED]
        taken = _take_all(subject, intake)
        account = f"capacity {capacity}: {capacity + 2} items offered, accepted {accepted[:5]}, taken {taken[:5]}"
        if len(taken) > capacity:
            faults.setdefault("BOUND-1", account)
        if taken != accepted:
            faults.setdefault("LOCAL-1", account)
    for item in ODD_ITEMS:
        if account := _lost(subject, item):
            faults.setdefault("LOCAL-1", account)
    odd = ", ".join(map(repr, ODD_ITEMS))
    evidence = f"two offers too many at capacities {', '.join(map(str, capacities))}; the items {odd}"
    if not faults:
        return Result(Verdict.OK, evidence)
    cleared = tuple(clause for clause in ("BOUND-1", "LOCAL-1") if clause not in faults)
    return Result(Verdict.ILLEGAL, evidence, "\n".join(dict.fromkeys(faults.values())), tuple(faults), cleared, witnesses=faults)


def _lost(subject: Subject, item: object) -> str:
    """Tell of an item that is accepted and does not come out, or hides what was accepted after it; nothing if all is well.

    An intake that refuses it, or that raises, has not lost it: that is for others to judge.
    """
    intake = subject.Intake(2)
    accepted: list[object] = []
    for each in (item, "after"):
        with suppress(Exception):
            if intake.offer(each) is subject.Outcome.ACCEPTED:
                accepted.append(each)
    taken: list[object] | str
    try:
        taken = _take_all(subject, intake)
    except Exception as error:  # noqa: BLE001 - any, where a lease should be
        taken = f"nothing, but {error!r}"
    if isinstance(taken, list) and [(type(each), each) for each in taken] == [(type(each), each) for each in accepted]:
        return ""
    return f"capacity 2: {accepted} accepted, taken {taken}"


def _take_all(subject: Subject, intake: Any) -> list[object]:
    """Take all there is, and a few more; where a slot is held until its release, all at once."""
    items: list[object] = []
    leases: list[Any] = []
    with suppress(subject.Empty, subject.Closed):
        while len(items) < intake.capacity + 3:
            leases.append(intake.take(timeout=0))
            items.append(leases[-1].item)
            if "release" not in capabilities_of(subject):
                leases.pop().release()
    for lease in leases:
        lease.release()
    return items


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "stateful.enumeration",
        "stateful",
        "enumeration",
        CLAUSES,
        "Every history of calls by one thread, up to a length, for capacities 1 to 3: each answer, and all that is visible after.",
        "Longer histories, misuse, more than one thread. Larger capacities and intakes that were used for long: `sizes` has some.",
        enumeration,
        (60.0, 600.0),
        needs=needs("offer refuses take"),
    ),
    Check(
        "stateful.overfill",
        "stateful",
        "enumeration",
        ("BOUND-1", "LOCAL-1"),
        "Two offers more than there are slots, then everything is taken: no more than there are slots, and all that was accepted. "
        "None, False, 0 and an empty string come out as any other item.",
        "Anything about threads. Other capacities than 1, 2, 3 and 64. Of an intake that refuses, the other checks show more.",
        overfill,
        needs=needs("offer take"),
    ),
    Check(
        "stateful.lockstep",
        "stateful",
        "Hypothesis",
        CLAUSES,
        "Random histories of every operation and its misuse by one thread, with items all of whose methods raise.",
        "Histories that chance did not choose; capacities other than 1, 2, 3 and 7; more than one thread; interruptions.",
        lockstep,
        (60.0, 300.0),
    ),
)
