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
from collections.abc import Callable, Sequence
from typing import Final, cast

from .. import machine, progress, stateful
from ..check import EXIT_CODES, Check, Result, Settings, Subject, Verdict, load_subject, overall
from ..clauses import CLAUSES
from ..foreign import subject_option
from ..machine import State
from ..options import at_least
from ..refinement import Pair
from ..refinement.following import SpecificationFault
from ..refinement.observed import Divergence
from .replays import replay_all
from .states import MANIFEST, STATE_PREDICATES, STEP_PREDICATES, Graph, difference, form, graph, load_manifest

CAPACITIES: Final = (1, 2, 3)
DEPTHS: Final = {"quick": 5, "full": 7}  # calls in a trace
HISTORIES: Final = {"quick": 100, "full": 1_000}  # random ones, by capacity
CALLS: Final = 60  # in each of those
# The most that the command visits, and how much that is: another slot, or another call, means many times as much.
MOST_SLOTS: Final = 6, "78,130 states"
MOST_CALLS: Final = 8, "386,951 traces"


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
        tuple(clause.id for clause in CLAUSES if any(p in STATE_PREDICATES or p in STEP_PREDICATES for p in clause.predicates)),
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
