"""Walk the whole specification for small capacities, breadth first, and walk the kernel along with it.

The counts of `machine.State` grow without bound, so the walk visits *forms*. The form of a state forgets the counts of answers, of
releases and of losses, and names the items that are alive by their rank: 0 is the one accepted first. This loses nothing. No guard
reads such a count or compares items, the predicates on steps read only how much a count grew and whether two items are the same,
and every action goes with the renaming, as a new item is named above all others. That is not only argued: in every form the walk
takes a `fellow`, a state of the same form with other counts and other names, and demands that the same actions are enabled there,
that they lead to the same forms, and that every predicate holds on its steps too.

The numbers of forms and edges are kept in a manifest. The walk at the grain of calls, which is what one thread can do, is replayed
on the kernel, and the kernel's own histories on the walk.
"""

import argparse
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

from . import machine, progress, stateful
from .check import EXIT_CODES, Check, Result, Settings, Subject, Verdict, load_subject, overall
from .clauses import CLAUSES
from .foreign import subject_option
from .machine import State
from .options import at_least
from .refinement import Call, Divergence, Driver, Joint, Pair, SpecificationFault, compare, looked_by_asking, without

MANIFEST: Final = Path(__file__).parent / "walks" / "manifest.json"
CAPACITIES: Final = (1, 2, 3)
DEPTHS: Final = {"quick": 5, "full": 7}  # calls in a trace
HISTORIES: Final = {"quick": 100, "full": 1_000}  # random ones, by capacity
CALLS: Final = 60  # in each of those
# The most that the command visits, and how much that is: another slot, or another call, means many times as much.
MOST_SLOTS: Final = 6, "78,130 states"
MOST_CALLS: Final = 8, "386,951 traces"

Step = tuple[str, State]  # an action, with the position of its lease, and where it leads


@dataclass(frozen=True, slots=True)
class Graph:
    """Hold all forms, the initial one first, in the order in which they are found, and the edges between their positions."""

    states: tuple[State, ...]
    edges: tuple[tuple[int, str, int], ...]
    depth: int

    @property
    def counts(self) -> dict[str, int]:
        """Give what the manifest keeps."""
        return {"states": len(self.states), "edges": len(self.edges), "depth": self.depth}


def always(_: State) -> bool:
    """Be the guard of `close`."""
    return True


def steps_from(s: State) -> Iterator[Step]:
    """Give every step of the machine from a state, each lease by its position."""
    for guard, action in (*machine.ACTIONS, (always, machine.close)):
        if guard(s):
            yield action.__name__, action(s)
    for lease_guard, lease_action in machine.LEASE_ACTIONS:
        for i in range(s.capacity):
            if lease_guard(s, i):
                yield f"{lease_action.__name__} {i}", lease_action(s, i)


def form(s: State) -> State:
    """Forget the counts that only grow, and name the items by their rank."""
    items = sorted((*s.queue, *s.unseen, *s.seen))
    return replace(
        s,
        queue=tuple(map(items.index, s.queue)),
        unseen=tuple(map(items.index, s.unseen)),
        seen=tuple(map(items.index, s.seen)),
        accepted=len(items),
        full=0,
        refused=0,
        released=0,
        abandoned=0,
    )


def fellow(s: State) -> State:
    """Give a state of the same form with gaps between the items and other counts."""

    def renamed(items: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(3 * item + 2 for item in items)

    finished = 2 * s.accepted + 5
    return replace(
        s,
        queue=renamed(s.queue),
        unseen=renamed(s.unseen),
        seen=renamed(s.seen),
        accepted=s.accepted + finished,
        full=7,
        refused=11,
        released=finished - 2,
        abandoned=2,
    )


def _sound(s: State, name: str, after: State) -> None:
    broken = [clause.id for clause in CLAUSES for p in clause.predicates if p in _STATE_PREDICATES and not p(after)]
    broken += [clause.id for clause in CLAUSES for p in clause.predicates if p in _STEP_PREDICATES and not p(s, after)]
    if broken or not machine.invariant(after) or not machine.step(s, after):
        raise SpecificationFault(f"{name} breaks {', '.join(dict.fromkeys(broken)) or 'the invariant'}: {s} -> {after}")


_STATE_PREDICATES: Final[tuple[Callable[..., bool], ...]] = (
    machine.bound_1,
    machine.bound_2,
    machine.ledger_1,
    machine.close_2,
    machine.peak_1,
    machine.recover_1,
)
_STEP_PREDICATES: Final[tuple[Callable[..., bool], ...]] = (
    machine.fixed_1,
    machine.exact_1,
    machine.explicit_1,
    machine.noretry_1,
    machine.local_1,
    machine.lease_1,
    machine.close_1,
    machine.peak_2,
)


def _checked_steps(s: State) -> list[Step]:
    """Give the steps from a form, each leading to a form, with every predicate held, here and in the fellow."""
    found: list[list[Step]] = []
    for member in (s, fellow(s)):
        steps = list(steps_from(member))
        for name, after in steps:
            _sound(member, name, after)
        found.append([(name, form(after)) for name, after in steps])
    if found[0] != found[1]:
        raise SpecificationFault(f"the walk's forms lose something: other steps from {s} than from {fellow(s)}")
    return found[0]


def graph(capacity: int) -> Graph:
    """Walk from the initial state, breadth first. SpecificationFault if a predicate fails at an edge."""
    start = form(machine.initial(capacity))
    if not machine.invariant(start):
        raise SpecificationFault(f"the initial state breaks the invariant: {start}")
    numbers = {start: 0}
    states, edges, depths = [start], list[tuple[int, str, int]](), [0]
    for number, s in enumerate(states):  # which grows on the way
        for name, after in _checked_steps(s):
            if after not in numbers:
                numbers[after] = len(states)
                states.append(after)
                depths.append(depths[number] + 1)
            edges.append((number, name, numbers[after]))
        if number % 500 == 0:
            progress.progress(f"capacity {capacity}: {number:,} states")
    return Graph(tuple(states), tuple(edges), depths[-1])


def load_manifest() -> dict[str, dict[str, int]]:
    """Read what the walks gave when they were last looked at, by capacity."""
    found: dict[str, dict[str, int]] = json.loads(MANIFEST.read_text("utf-8")) if MANIFEST.exists() else {}
    return found


def difference(capacity: int, found: Graph) -> str:
    """Say how a walk differs from the manifest, or give ""."""
    known = load_manifest().get(str(capacity))
    if known is None:
        return f"capacity {capacity} is not in the manifest"
    told = [f"{found.counts[name]:,} {name}, the manifest has {known.get(name, 0):,}" for name in found.counts]
    same = all(known.get(name) == count for name, count in found.counts.items())
    return "" if same else f"capacity {capacity}: {'; '.join(told)}"


def _unreached(found: Graph) -> list[str]:
    every = {action.__name__ for _, action in (*machine.ACTIONS, *machine.LEASE_ACTIONS)} | {"close"}
    return sorted(every - {name.partition(" ")[0] for _, name, _ in found.edges})


def check_states(subject: Subject, settings: Settings) -> Result:
    """Walk the specification, and compare the counts with the manifest. The subject plays no part."""
    told: list[str] = []
    differences: list[str] = []
    for capacity in CAPACITIES:
        try:
            found = graph(capacity)
        except SpecificationFault as fault:
            return Result(Verdict.ILLEGAL, "; ".join(told) or "stopped at the first capacity", str(fault))
        told.append(f"capacity {capacity}: {len(found.states):,} states, {len(found.edges):,} edges, depth {found.depth}")
        lost = [f"capacity {capacity}: {name} is never enabled" for name in _unreached(found)]
        differences += [*([unlike] if (unlike := difference(capacity, found)) else []), *lost]
    if differences:
        witness = "\n".join((*differences, "renew the manifest after a change that is meant: tidegate walk --update"))
        return Result(Verdict.UNKNOWN, "; ".join(told), witness)
    return Result(Verdict.OK, "; ".join(told))


# The walk at the grain of calls, replayed on the kernel.


def _run(s: State, *actions: tuple[Callable[..., bool], Callable[..., State]]) -> State | None:
    """Take actions in a row; None if one is not enabled."""
    for guard, action in actions:
        if not guard(s):
            return None
        s = action(s)
    return s


def _answers(s: State) -> Iterator[tuple[str, object, State]]:
    """Give each call that is about no lease, with an answer that a thread at rest gets, and the state after.

    The machine allows more: FULL of an intake that is closed and full, where a thread at rest is told CLOSED.
    """
    if not s.closed:
        in_full = (machine.can_claim, machine.claim), (machine.can_admit, machine.admit), (machine.can_publish, machine.publish)
        ways = (("ACCEPTED", _run(s, *in_full)), ("FULL", _run(s, (machine.can_refuse_full, machine.refuse_full))))
        yield from (("offer", answer, after) for answer, after in ways if after is not None)
    else:
        yield "offer", "CLOSED", machine.refuse_closed(s)
    if machine.can_take(s):
        yield "take", "a lease", machine.take(s)
    elif machine.can_answer_closed(s):
        yield "take", "Closed", machine.answer_closed(s)
    else:
        yield "take", "Empty", s
    closed = machine.close(s)
    yield "close", None, closed
    over = _run(closed, (machine.can_answer_drained, machine.answer_drained))
    yield "drain", machine.left(closed), closed if over is None else over


def _lease_answers(joint: Joint) -> Iterator[tuple[Call, object, Joint]]:
    """Give each call on a lease that is held, with its answer, and what comes after."""
    s = joint.state
    for lease, serial in enumerate(joint.held):
        if serial in s.unseen:
            at = s.unseen.index(serial)
            yield Call("look", lease), serial, replace(joint, state=machine.look(s, at))
            yield Call("release", lease), True, without(joint, lease, machine.release_unseen(s, at))
            yield Call("drop", lease), None, without(joint, lease, machine.put_back(s, at))
        else:
            at = s.seen.index(serial)
            yield Call("release", lease), True, without(joint, lease, machine.release(s, at))
            yield Call("drop", lease), None, without(joint, lease, machine.abandon(s, at))


def _iterations(joint: Joint) -> Iterator[tuple[Call, object, Joint]]:
    """Give the request for the iterator's next lease, where one is queued: elsewhere it waits, or is told what a take is told."""
    joint = looked_by_asking(joint)
    s = joint.state
    if machine.can_take(s):
        yield Call("iterate"), "a lease", Joint(machine.take(s), (*joint.held, s.queue[0]), s.queue[0])


@dataclass(frozen=True, slots=True)
class Move:
    """Pair a call with the answer and the state that the specification foretells."""

    call: Call
    answer: object
    after: Joint


def moves_from(joint: Joint) -> Iterator[Move]:
    """Give every call of a thread at rest with what must come of it."""
    for name, answer, after in _answers(joint.state):
        held = (*joint.held, joint.state.queue[0]) if answer == "a lease" else joint.held
        yield Move(Call(name), answer, replace(joint, state=after, held=held))
    for call, answer, later in (*_iterations(joint), *_lease_answers(joint)):
        yield Move(call, answer, later)


def traces(capacity: int, depth: int) -> Iterator[tuple[Move, ...]]:
    """Give every trace of that many calls."""
    waiting: list[tuple[Move, ...]] = [(move,) for move in moves_from(Joint(machine.initial(capacity)))]
    while waiting:
        trace = waiting.pop()
        if len(trace) == depth:
            yield trace
        else:
            waiting += [(*trace, move) for move in moves_from(trace[-1].after)]


def replay(subject: Subject, capacity: int, trace: Sequence[Move], known: int = 0) -> None:
    """Make the calls of a trace on a new intake; every answer and all that is visible must be as foretold.

    known: after so many calls all that is visible was compared already, in another trace.
    """
    driver = Driver(subject, capacity)
    for number, move in enumerate(trace, 1):
        answer = driver.perform(move.call)
        calls = "; ".join(str(each.call) for each in trace[:number])
        if answer != move.answer or type(answer) is not type(move.answer):
            account = f"{move.call} answered {answer!s}, the walk has {move.answer!s}, after Intake({capacity}): {calls}"
            raise Divergence(_BLAMES[move.call.name], account)
        if number <= known:
            continue
        try:
            compare(driver, move.after)
        except Divergence as divergence:
            raise Divergence(divergence.clauses, f"{divergence.account}, after Intake({capacity}): {calls}") from None


_BLAMES: Final[dict[str, tuple[str, ...]]] = {
    "offer": ("BOUND-1", "EXACT-1", "EXPLICIT-1", "CLOSE-1"),
    "take": ("LOCAL-1", "CLOSE-2"),
    "iterate": ("LOCAL-1",),
    "look": ("LOCAL-1",),
    "release": ("LEASE-1",),
    "drop": ("LEASE-1",),
    "close": ("CLOSE-1",),
    "drain": ("CLOSE-2",),
}


def replay_all(subject: Subject, capacity: int, depth: int) -> int:
    """Replay every trace of that many calls; give their number."""
    count = 0
    before: tuple[Move, ...] = ()
    for count, trace in enumerate(traces(capacity, depth), 1):
        known = next((i for i, (one, other) in enumerate(zip(before, trace, strict=False)) if one is not other), 0)
        replay(subject, capacity, trace, known)
        before = trace
        if count % 1_000 == 0:
            progress.progress(f"capacity {capacity}: {count:,} traces")
    return count


def check_replay(subject: Subject, settings: Settings) -> Result:
    """Replay every trace of the walk, up to a depth, on the subject."""
    told: list[str] = []
    differences: list[str] = []
    depth = DEPTHS[settings.profile]
    for capacity in CAPACITIES:
        try:
            count = replay_all(subject, capacity, depth)
        except Divergence as divergence:
            return _diverged("walk.replay", subject, settings, divergence, f"a failure at capacity {capacity}")
        told.append(f"{count:,} at capacity {capacity}")
        known = load_manifest().get(str(capacity), {}).get(_traces_of(depth))
        if count != known:
            differences.append(f"{count:,} traces of {depth} calls at capacity {capacity}, the manifest has {known}")
    evidence = f"all traces of {depth} calls: {', '.join(told)}"
    return Result(Verdict.UNKNOWN if differences else Verdict.OK, evidence, "\n".join(differences))


def _traces_of(depth: int) -> str:
    """Name the manifest's entry for the number of traces."""
    return f"traces of {depth} calls"


def _diverged(name: str, subject: Subject, settings: Settings, found: Divergence, evidence: str) -> Result:
    blames = tuple(clause for clause in found.clauses if clause in stateful.CLAUSES)
    replayed = (
        f"replay: tidegate verify --check {name} --profile {settings.profile} --seed {settings.seed}{subject_option(subject)}"
    )
    return Result(Verdict.ILLEGAL, evidence, f"{found}\n{replayed}", blames)


# The kernel's histories, on the walk.


def history(subject: Subject, capacity: int, chance: random.Random, forms: frozenset[State]) -> set[State]:
    """Make calls by chance on a new intake; give the forms that it came to, each of which must be one of the walk's."""
    pair = Pair(subject, capacity)
    visited: set[State] = set()
    released = False
    for _ in range(CALLS):
        calls = list(stateful.calls_from(pair.joint, released))
        if chance.random() > 0.04:  # an intake that was closed early shows little
            calls = [call for call in calls if call.name not in ("close", "drain")]
        call = chance.choice(calls)
        pair.do(call.name, call.lease)
        released = released or call.name == "release"
        reached = form(pair.state)
        if reached not in forms:
            raise SpecificationFault(f"a history left the walk: {pair.state}")
        visited.add(reached)
    return visited


def check_histories(subject: Subject, settings: Settings) -> Result:
    """Follow random histories of the subject on the walk."""
    told: list[str] = []
    count = HISTORIES[settings.profile]
    for capacity in CAPACITIES:
        chance = random.Random(settings.seed * len(CAPACITIES) + capacity)
        visited: set[State] = set()
        try:
            whole = graph(capacity)
            forms = frozenset(whole.states)
            for number in range(count):
                visited |= history(subject, capacity, chance, forms)
                if number % 50 == 0:
                    progress.progress(f"capacity {capacity}: {number:,} histories")
        except Divergence as divergence:
            return _diverged("walk.histories", subject, settings, divergence, f"a failure at capacity {capacity}")
        except SpecificationFault as fault:
            return Result(Verdict.UNKNOWN, f"stopped at capacity {capacity}", str(fault))
        rest = [s for s in whole.states if s.claimed == s.admitted == 0]
        told.append(f"capacity {capacity}: {len(visited):,} of {len(rest):,} states at rest")
    return Result(Verdict.OK, f"{count:,} histories of {CALLS} calls each; {'; '.join(told)}")


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "walk.states",
        "walk",
        "walk",
        tuple(clause.id for clause in CLAUSES if any(p in _STATE_PREDICATES or p in _STEP_PREDICATES for p in clause.predicates)),
        "Every state and step of the specification, for capacities 1 to 3 and histories of any length, satisfies its predicates.",
        "Larger capacities (the proof has those), and anything about the kernel.",
        check_states,
        (60.0, 60.0),
    ),
    Check(
        "walk.replay",
        "walk",
        "walk",
        stateful.CLAUSES,
        "For every row of calls that the specification allows, up to a length, the kernel gives the same answers.",
        "Longer rows of calls. More than one thread. FULL from an intake that is closed as well: one thread alone is told CLOSED.",
        check_replay,
        (60.0, 600.0),
    ),
    Check(
        "walk.histories",
        "walk",
        "walk",
        stateful.CLAUSES,
        "Long random histories of the kernel are as the specification says, and reach only states that the walk has visited.",
        "Histories that chance did not choose; more than one thread.",
        check_histories,
        (60.0, 300.0),
    ),
)


# The command.

_EPILOG: Final = """\
examples:
  tidegate walk                             all states of capacities 1 to 3, compared with the manifest
  tidegate walk --capacity 2 --depth 5      one capacity, and its traces of 5 calls replayed on the kernel

exit codes:
  0  all states are sound, and as many as the manifest has
  1  a state or a step breaks a predicate, or the kernel does not follow a trace
  2  bad usage
  3  the counts are not those of the manifest, or it was interrupted: how far it came is told
"""


def _visitable(what: str, most: tuple[int, str]) -> Callable[[str], int]:
    """Give the type of a number that is refused where the walk would not come to its end."""
    least, (limit, size) = at_least(1), most

    def number(text: str) -> int:
        if (found := least(text)) > limit:
            raise argparse.ArgumentTypeError(
                f"{text} {what} can't be visited: {limit} have {size}, and each one more has several times as many"
            )
        return found

    return number


def _walked(capacity: int, depth: int, update: bool, tell: progress.OnStderr) -> Verdict:
    found = graph(capacity)
    tell.clear()
    print(f"capacity {capacity}: {len(found.states):,} states, {len(found.edges):,} edges, depth {found.depth}", flush=True)
    entry = found.counts
    if depth:
        entry[_traces_of(depth)] = count = replay_all(load_subject(), capacity, depth)
        tell.clear()
        print(f"capacity {capacity}: {count:,} traces of {depth} calls replayed", flush=True)
    if update:
        manifest = load_manifest()
        manifest[str(capacity)] = manifest.get(str(capacity), {}) | entry
        MANIFEST.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", "utf-8")
    elif unlike := difference(capacity, found):
        print(f"UNKNOWN: {unlike}")
        return Verdict.UNKNOWN
    return Verdict.OK


def main(argv: Sequence[str] | None = None) -> int:
    """Run `tidegate walk`; return the exit code that its help tells."""
    parser = argparse.ArgumentParser(
        prog="tidegate walk",
        description="Visit every state of the specification for small capacities, and check every step.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--capacity",
        type=_visitable("slots", MOST_SLOTS),
        action="append",
        metavar="N",
        help=f"at most {MOST_SLOTS[0]}; repeatable (default: 1, 2 and 3)",
    )
    parser.add_argument(
        "--depth",
        type=_visitable("calls", MOST_CALLS),
        default=0,
        metavar="N",
        help=f"replay all traces of N calls on the kernel, too: at most {MOST_CALLS[0]}",
    )
    parser.add_argument("--update", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    tell = progress.OnStderr()
    progress.listen(tell)
    verdicts: list[Verdict] = []
    for capacity in cast("list[int] | None", arguments.capacity) or CAPACITIES:
        try:
            verdicts.append(_walked(capacity, cast(int, arguments.depth), cast(bool, arguments.update), tell))
        except (SpecificationFault, Divergence) as fault:
            tell.clear()
            print(f"ILLEGAL: {fault}")
            verdicts.append(Verdict.ILLEGAL)
            break
        except KeyboardInterrupt:
            tell.clear()
            print(f"UNKNOWN: interrupted at {tell.text or 'the first state'}", flush=True)
            return EXIT_CODES[Verdict.UNKNOWN]
    return EXIT_CODES[overall(verdicts)]
