"""Check the executor: random histories beside a model, hung workers, an exception at every bytecode, and the interpreter's exit.

Every work here is a `Job` that says when it starts and waits for leave to end, so that what the executor must do next is known at
each step, with no timing in it.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from ..builds import FREE_THREADED
from ..check import Check, Profile, Result, Settings, Subject, Verdict
from ..child import in_child
from ..injection import quiet_finalisers
from ..progress import progress
from .executor_exit import run_exit
from .executor_hung import run_hung
from .executor_jobs import Tally
from .executor_model import run_model
from .executor_sweep import CALLS, sweep_calls, sweep_foreign
from .executor_workers import sweep_close, sweep_stand, sweep_wake, sweep_worker
from .support import GROUP, injector_of, module_of

CHILD_S: Final[dict[Profile, float]] = {"quick": 55.0, "full": 280.0}


def run_sweep(subject: Subject, _settings: Settings) -> Result:
    """Raise an exception at every bytecode of submitters and workers, one in each run."""
    module = module_of(subject, "executor")
    tally = Tally()
    with quiet_finalisers(), injector_of(subject, [module.RejectingExecutor]) as injector:
        # Without a GIL what a finaliser has to mend is mended late: there, only where an exception can arrive, which needs none.
        injector.arrivals_only = FREE_THREADED
        for sweep in (sweep_calls, sweep_foreign, sweep_close, sweep_worker, sweep_wake, sweep_stand):
            if not tally.witness:
                progress(f"{sweep.__name__.strip('_')}, {tally.points:,} points so far")
                sweep(module, injector, tally)
    return tally.judge(f"{tally.points:,} points of {len(CALLS)} calls, of a submission overtaken by a shutdown, and of workers")


def _apart(check: Callable[[Subject, Settings], Result]) -> Callable[[Subject, Settings], Result]:
    """Run a check in a process of its own: the hung workers of a faulty executor end with it."""

    def run(subject: Subject, settings: Settings) -> Result:
        def work() -> dict[str, Any]:
            result = check(subject, settings)
            return {**asdict(result), "verdict": result.verdict.value}

        found = in_child(work, CHILD_S[settings.profile])
        if "died" in found:
            return Result(Verdict.UNKNOWN, "no answer", found["died"])
        return Result(Verdict(found["verdict"]), found["evidence"], found["witness"], tuple(found["blames"]))

    return run


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "adapters.executor_model",
        GROUP,
        "random histories",
        ("EXECUTOR-1", "EXECUTOR-2", "EXECUTOR-3"),
        "every answer, and the room after every step and at the moment a future ends, are the model's; every future ends, once",
        "threads that meet inside an operation",
        _apart(run_model),
    ),
    Check(
        "adapters.executor_hung",
        GROUP,
        "scenario",
        ("EXECUTOR-1",),
        "with every worker hung, submissions are answered, no more works are kept than there are slots, cancelled ones make room",
        "that answers come within a certain time",
        _apart(run_hung),
    ),
    Check(
        "adapters.executor_sweep",
        GROUP,
        "bytecode sweep",
        ("EXECUTOR-2", "EXECUTOR-3"),
        "an exception at any bytecode of a submitter or a worker loses no slot, leaves no future unended and runs no work twice, "
        "and is never taken for an answer",
        "exceptions inside `concurrent.futures`, two exceptions in one recovery, a worker's bytecodes before its first step",
        _apart(run_sweep),
    ),
    Check(
        "adapters.executor_exit",
        GROUP,
        "scenario",
        ("EXECUTOR-3",),
        "an interpreter that exits, or a forked child, first finishes the works accepted, of executors in use, shut down and "
        "dropped, then runs handlers of `atexit`, whose works are refused, and then ends",
        "works that never return",
        run_exit,
    ),
)
