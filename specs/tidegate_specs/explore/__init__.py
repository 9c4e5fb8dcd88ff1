"""Every schedule of a program's real bytecode, for any class written in Python.

    from tidegate_specs.explore import Program, explore

    def add(counter, call):                              # a thread: what is shared, and what makes its calls
        call("add", None, counter.add)

    def lost(counter, history):                          # after each schedule: name a fault, or give ""
        return "" if counter.value == 2 else "one is lost"

    program = Program("counter", (my_module,), my_module.Counter, (add, add), lost)

    explore(program, reduce=True)                        # all of them, one of each class of equivalent ones
    explore(program)                                     # all of them, at every access to what threads share
    explore(program, grain="opcode", bound=2)            # at every opcode, with at most 2 preemptions

The report tells the verdict, how many schedules there were, whether any was left out, the outcomes, and for a fault the history
and a schedule that replays it. The threads are real and run the bytecode of the modules named, unchanged; nothing waits in
earnest: a lock, a condition, a `SimpleQueue` and the clock are replaced in those modules, and a time-out is a choice like any
other. A deadlock is a fault. A limit is UNKNOWN.

    scheduler        real threads that pass a baton, watched by settrace or sys.monitoring
    processor        one for all of its threads
    accesses         what each opcode touches, and when two of them conflict
    explorer         the search: depth first, bounds on preemptions, source sets and sleep sets, samples by priority
    division         the same search in parts that other processes run; `cluster` has dask.distributed run them
    history          calls, answers and overlaps
    linearizability  is there an order of actions that explains a history?
    intake_model     the state machine of an intake as such a specification
    configurations   what is explored on an intake, and what must hold; the checks
    schedules        schedule ids; `replay` and `command` are `tidegate replay` and `tidegate explore`
    cost             what a schedule costs, and where the time goes
    own              another engine, for programs of anybody's: `tidegate explore FILE.py`, `@explore` for pytest

What it takes for granted: a call into C is one step (the interpreter lock is held), and the subject is deterministic but for the
order of its threads. The reduction needs to know what each opcode touches; what it can't find out it takes to conflict with
everything, and where it meets an opcode that nobody has looked at (`instructions`), or a new version, the answer is UNKNOWN.
"""

from .explorer import Explorer, explore
from .history import Caller, History, Operation
from .program import Fault, Limits, Program, Report
from .recorded import CHECKS
from .runs import Abandoned, Diverged, WaitsInEarnest

__all__ = [
    "CHECKS",
    "Abandoned",
    "Caller",
    "Diverged",
    "Explorer",
    "Fault",
    "History",
    "Limits",
    "Operation",
    "Program",
    "Report",
    "WaitsInEarnest",
    "explore",
]
