"""The contract as data: every clause with its sentence, its predicate and what it does not claim.

Trusted: never imports the kernel. The ids and the sentences are those of the contract; predicates on states and steps live in
`machine`, predicates on observations (counts and measurements that the checkers make) are defined here. The checks that bear on a
clause name its id (see `check.Check`); which they are is collected by `tidegate spec`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

from . import machine

# Predicates on observations.


def nowait_1(backward_jumps: int, locks: int, unlisted_calls: int) -> bool:
    """Counted in all bytecode that an offer can reach: no loop, no lock, only calls from the list of atomic primitives."""
    return backward_jumps == 0 and locks == 0 and unlisted_calls == 0


def nowait_2(points: int, blocked: int) -> bool:
    """Of all bytecodes at which another party was stopped, none blocked an offer; and there were such points."""
    return points > 0 and blocked == 0


def quiet_1(bytes_written: int, records: int, warnings: int, item_calls: int) -> bool:
    """A rejection wrote, logged and warned nothing, and called nothing of the item's."""
    return bytes_written == 0 and records == 0 and warnings == 0 and item_calls == 0


def memory_1(blocks_left: int, collections: int, references_left: int) -> bool:
    """Any number of rejections left no allocated block, started no collection and kept no reference."""
    return blocks_left <= 0 and collections == 0 and references_left == 0


def memory_bounded(bytes_per_slot: float) -> bool:
    """A slot costs at most 200 bytes, empty or queued."""
    return bytes_per_slot <= 200


def responsive_1(latency_ratio: float) -> bool:
    """The median latency of an offer at the higher load is at most twice that at the lower, in the same run."""
    return latency_ratio <= 2.0


def responsive_2(goodput_ratio: float) -> bool:
    """Workers finish at least 80 % of what they finish without excess load, in the same run."""
    return goodput_ratio >= 0.8


def latency_1(sojourn_s: float, capacity: int, workers: int, service_s: float, noise_s: float) -> bool:
    """An item waited at most the rounds of work before it, plus the scheduling noise measured beside it."""
    return sojourn_s <= ceil(capacity / workers) * service_s + noise_s


def stable_1(growth_bytes: int) -> bool:
    """Resident memory stays on a plateau, within 2 MiB."""
    return growth_bytes <= 2 * 2**20


def interrupt_1(slots: int, capacity: int, lost: int, doubled: int) -> bool:
    """After an exception at any point, every slot is there, once, and no accepted item was lost or doubled."""
    return slots == capacity and lost == 0 and doubled == 0


def fork_1(slots: int, capacity: int, items: int) -> bool:
    """The child's intake has all of its slots free and none of the parent's items."""
    return slots == capacity and items == 0


def hostile_1(item_calls: int, allocated_bytes: int) -> bool:
    """No method of an item was called; a bad argument was refused before anything was allocated."""
    return item_calls == 0 and allocated_bytes == 0


def host_1(lost: int, callbacks: int, changed: int, unsaid: int) -> bool:
    """No exception was lost, no bytecode stands where they are, no module was changed, nothing failed without a word."""
    return lost == 0 and callbacks == 0 and changed == 0 and unsaid == 0


def host_2(users_code: int, cost: float, unfinished: int) -> bool:
    """A fork ran none of the user's code and cost at most what is allowed (1.0); at exit nothing that was accepted was lost."""
    return users_code == 0 and cost <= 1.0 and unfinished == 0


@dataclass(frozen=True, slots=True)
class Clause:
    """Describe one promise: its id, its part of the contract, its sentence, its predicates, and what it does not claim."""

    id: str
    part: str
    sentence: str
    predicates: tuple[Callable[..., bool], ...]
    not_claimed: str

    def __str__(self) -> str:
        return self.id


CLAUSES: tuple[Clause, ...] = (
    Clause(
        "BOUND-1",
        "Constraints (what it never does)",
        (
            "Accepted, unfinished work (queued + in flight) never exceeds `capacity`, at any instant, under threads, "
            "re-entry, signals, fork and asynchronous exceptions."
        ),
        (machine.bound_1,),
        "Two exceptions inside the same recovery are outside (see Limits in the kernel).",
    ),
    Clause(
        "BOUND-2",
        "Constraints (what it never does)",
        (
            "Slots are conserved: free + queued + in flight = capacity, always. No path, including one that fails "
            "half-way, loses or mints a slot."
        ),
        (machine.bound_2,),
        ("Two exceptions inside the same recovery can take a slot out of use; it stays counted and is never admitted twice."),
    ),
    Clause(
        "EXACT-1",
        "Constraints (what it never does)",
        (
            "`FULL` is answered only if there was an instant inside that call at which every slot was held (claimed by"
            " an offer in progress, queued or in flight). Never a spurious rejection."
        ),
        (machine.exact_1,),
        "A slot that is on its way home counts as held until it is back.",
    ),
    Clause(
        "NOWAIT-1",
        "Constraints (what it never does)",
        (
            "`offer` is wait-free: a bounded number of bytecodes, no loop, no lock acquired at the Python level, no "
            "call that can wait for another party. (Yielding the processor is scheduling, not waiting: it ends "
            "whatever the others do.)"
        ),
        (nowait_1,),
        ("Waiting for the interpreter lock and for the processor is scheduling; how long is measured under RESPONSIVE-1."),
    ),
    Clause(
        "NOWAIT-2",
        "Constraints (what it never does)",
        "A producer, consumer or waiter stopped for ever at any bytecode delays no other party's `offer`.",
        (nowait_2,),
        "The whole process stopped, or a thread stopped inside C code while it holds the interpreter lock.",
    ),
    Clause(
        "EXPLICIT-1",
        "Constraints (what it never does)",
        (
            "Every offer is answered with a value, `ACCEPTED`, `FULL` or `CLOSED`. Rejection raises nothing. The "
            "rejected item is untouched and stays the caller's."
        ),
        (machine.explicit_1,),
        "An exception raised into the offer from outside leaves it unanswered (INTERRUPT-1).",
    ),
    Clause(
        "FIXED-1",
        "Constraints (what it never does)",
        (
            "Capacity is fixed at construction. There is no setter, no unbounded mode, no blocking mode, no flag that "
            "weakens this. Memory held by the intake has a bound known at construction."
        ),
        (
            machine.fixed_1,
            memory_bounded,
        ),
        "The size of the items themselves is theirs.",
    ),
    Clause(
        "NORETRY-1",
        "Constraints (what it never does)",
        ("The intake never retries: a rejected item is forgotten by the time the call returns and no worker ever sees it."),
        (machine.noretry_1,),
        "What callers do with a refused item is theirs.",
    ),
    Clause(
        "QUIET-1",
        "Constraints (what it never does)",
        "A rejection writes nothing, logs nothing, warns nothing, calls no user code. It counts.",
        (quiet_1,),
        "An operating system call yields the processor on every 24th rejection.",
    ),
    Clause(
        "MEMORY-1",
        "Constraints (what it never does)",
        ("A rejection leaves no object behind. Any number of them moves neither the allocated blocks nor the resident set."),
        (memory_1,),
        "A count above 2**30 is a larger int for the length of one call.",
    ),
    Clause(
        "RESPONSIVE-1",
        "Correctness under overload (what stays true)",
        "`offer` latency stays flat as overload grows (1x, 2x, 10x, 100x).",
        (responsive_1,),
        "A measurement on one machine, in ratios; not a bound on real time.",
    ),
    Clause(
        "RESPONSIVE-2",
        "Correctness under overload (what stays true)",
        (
            "Accepted work keeps being finished at the provisioned rate however much excess arrives, including "
            "producers that spin on rejection without pause. Rejecting must not starve the workers of the interpreter."
        ),
        (responsive_2,),
        "A measurement; work that never gives up the interpreter is shared out by its switch interval.",
    ),
    Clause(
        "LATENCY-1",
        "Correctness under overload (what stays true)",
        "An accepted item is taken within `ceil(capacity / workers) x longest service time` plus scheduling noise.",
        (latency_1,),
        "Counted from acceptance, with workers that keep finishing. An item put back starts anew.",
    ),
    Clause(
        "STABLE-1",
        "Correctness under overload (what stays true)",
        "Resident memory is flat under sustained overload.",
        (stable_1,),
        "A measurement of one process for a limited time.",
    ),
    Clause(
        "LOCAL-1",
        "Correctness under overload (what stays true)",
        (
            "Every accepted item is taken exactly once, in the order of acceptance. Rejected work, a crashing worker "
            "or an interrupted caller affects nobody else's work."
        ),
        (machine.local_1,),
        "Order of acceptance is the order of publishing; an item put back goes to the end of the queue.",
    ),
    Clause(
        "RECOVER-1",
        "Correctness under overload (what stays true)",
        (
            "Once load drops, the intake is as good as new with no restart, reset or operator: the same state, the "
            "same answers, and within one service time."
        ),
        (machine.recover_1,),
        "Within one service time, if workers finish.",
    ),
    Clause(
        "LEASE-1",
        "Life cycle",
        (
            "A taken item keeps its slot until its lease is released. Releasing is idempotent; a second release, from "
            "any thread, frees nothing. A lease dropped unreleased gives its slot back and is counted as abandoned; "
            "dropped before anyone looked at its item, it puts the item back in the queue instead. Whoever asks an "
            "iterator over the intake for the next lease has looked at the one before."
        ),
        (machine.lease_1,),
        (
            "A lease kept by somebody for ever keeps its slot for ever. On free-threaded builds a dropped one gives its slot back "
            "when the threads that made the lease and its token next run Python code; `release` and `with` do at once."
        ),
    ),
    Clause(
        "CLOSE-1",
        "Life cycle",
        (
            "`close()` never waits, works when full, is idempotent and final: no offer that starts after it returned "
            "is accepted. An offer that overlaps it is either `CLOSED` or accepted in full: takeable and counted."
        ),
        (machine.close_1,),
        "Nothing is said about offers that overlap close, except that they are CLOSED or accepted in full.",
    ),
    Clause(
        "CLOSE-2",
        "Life cycle",
        (
            "Everything accepted can still be taken; waiting takers wake; `take` says closed only when no accepted "
            "item can ever appear again. A drain ends at its deadline with the exact number left, and once it answered"
            " 0 nothing is ever accepted."
        ),
        (machine.close_2,),
        "The number a drain gives at its deadline counts an offer still in progress as one unfinished item.",
    ),
    Clause(
        "LEDGER-1",
        "Life cycle",
        (
            "offered = accepted + full + closed, and accepted = queued + in flight + released + abandoned: exact "
            "whenever nothing is mid-call, and never outside its bounds when something is."
        ),
        (
            machine.ledger_1,
            machine.peak_1,
            machine.peak_2,
        ),
        (
            "The two counts of rejections are read just after the slots. On free-threaded builds each slot is told as it was at "
            "some instant within the call, not all at the same one."
        ),
    ),
    Clause(
        "REENTRY-1",
        "Life cycle",
        (
            "`offer` may be called from a signal handler, a finaliser or a weak-reference callback that interrupts any"
            " kernel operation in the same thread: no deadlock, no overshoot, no spurious rejection."
        ),
        (
            machine.bound_1,
            machine.exact_1,
        ),
        "Only what the same thread can do from inside: handlers, finalisers, callbacks.",
    ),
    Clause(
        "INTERRUPT-1",
        "Life cycle",
        (
            "An exception raised asynchronously at any bytecode of any operation loses no slot, loses no accepted item"
            " and duplicates none. The only uncertainty is the caller's: the offer it was in may have been accepted."
        ),
        (interrupt_1,),
        "One exception for each recovery; an exception in a finaliser is reported by the interpreter, not raised.",
    ),
    Clause(
        "FORK-1",
        "Life cycle",
        "After a fork the child's intake is usable at once, holds none of the parent's work and all of its slots.",
        (fork_1,),
        "Platforms without fork.",
    ),
    Clause(
        "HOSTILE-1",
        "Life cycle",
        (
            "The intake never calls a method of an item: no `==`, `hash`, `bool`, `repr`, `<`. Bad arguments (capacity"
            " 0, negative, bool, float, too large for memory) give a clear error at construction, before anything is "
            "allocated."
        ),
        (hostile_1,),
        "An item's finaliser runs when its last reference is dropped; it is then outside every operation on slots.",
    ),
    Clause(
        "HOST-1",
        "In somebody else's process",
        (
            "Importing the project, or holding an intake, takes nothing from the process around it: every exception that a "
            "signal handler raises reaches the program, nothing of ours runs where the interpreter drops exceptions, no "
            "module of the host's is changed, and where the host has changed the standard library (gevent) it works or says "
            "in words why not."
        ),
        (host_1,),
        "A lease that is dropped unreleased is given back by a finaliser.",
    ),
    Clause(
        "HOST-2",
        "In somebody else's process",
        (
            "A fork runs none of the user's code and costs nothing in proportion to the capacity. At exit what was accepted "
            "is finished, in the order in which the standard library's executors finish, or refused: never lost without a "
            "word."
        ),
        (host_2,),
        "A process that is killed or leaves by `os._exit`. What the parent pays for the copy of its memory.",
    ),
)

BY_ID: dict[str, Clause] = {clause.id: clause for clause in CLAUSES}


def predicate_names(clause: Clause) -> tuple[str, ...]:
    """Name a clause's predicates as they are written here and in `machine`."""
    return tuple(f"{_module(predicate)}.{predicate.__name__}" for predicate in clause.predicates)


def _module(predicate: Any) -> str:
    return str(predicate.__module__).rpartition(".")[2]
