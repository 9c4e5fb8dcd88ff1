"""The page of Python: `explore` as a decorator of a test, `run` for everything else."""

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .engine import Engine, NotSimulated
from .primitives import Thread
from .search import Result, Search
from .world import World, found

Function = Callable[..., Any]
DEFAULT_BUDGET_S = 60.0


@dataclass(frozen=True)
class Explored:
    """Say what to explore.

    threads: functions that run at once. Each gets what `make` gives, if there is a `make`. check: runs when all have ended, gets
    the same, and raises (or asserts) if something is wrong. Without threads, `check` itself is the program, and starts threads as
    it likes. modules: names of more modules to explore than those in the folder of the program. budget_s: after so many seconds
    the verdict is UNKNOWN.
    """

    threads: tuple[Function, ...] = ()
    check: Function | None = None
    make: Function | None = None
    modules: tuple[str, ...] = ()
    budget_s: float | None = DEFAULT_BUDGET_S

    def program(self, kind: type[Thread]) -> Callable[[], object]:
        """Give the whole as one function. kind: the simulated `Thread`."""

        def main() -> object:
            shared = () if self.make is None else (self.make(),)
            started = [kind(target=each, args=shared, name=each.__name__) for each in self.threads]
            for thread in started:
                thread.start()
            for thread in started:
                thread.join()
            return None if self.check is None else self.check(*shared)

        return main


@dataclass(frozen=True)
class Target:
    """Name a program: a file or a module, and a function in it (or one that `explore` decorates)."""

    module: str
    function: str
    modules: tuple[str, ...] = ()

    def prepared(self, progress: Callable[[Result], None] | None = None) -> tuple[Search, Explored]:
        """Load the program, rewritten, and give what searches it."""
        engine = Engine()
        world = World(engine, self.modules)
        value = found(world.load(self.module), self.function)
        explored = getattr(value, "__explored__", None) or Explored(check=value)
        missing = [name for name in explored.modules if name not in self.modules]
        if missing:
            return Target(self.module, self.function, (*self.modules, *missing)).prepared(progress)
        kind: type[Thread] = vars(world.modules["threading"])["Thread"]
        return Search(engine, explored.program(kind), progress), explored


def target_of(function: Function, modules: Sequence[str] = ()) -> Target:
    """Find the source of a function, to explore it."""
    file = inspect.getsourcefile(vars(function).get("__source__", function))
    if file is None or "<locals>" in function.__qualname__:
        raise NotSimulated(f"{function.__qualname__} does not stand in a module")
    return Target(file, function.__qualname__, tuple(modules))


def run(function: Function, *, budget_s: float | None = DEFAULT_BUDGET_S, modules: Sequence[str] = ()) -> Result:
    """Explore a function of a module: a program that starts threads, or what `explore` decorates.

    The module is loaded a second time, rewritten; the function itself is not called. The verdict of the result is OK only if no
    schedule was left out. What can't be explored is UNKNOWN, and the result says why and where.
    """
    try:
        search, explored = target_of(function, modules).prepared()
    except NotSimulated as error:
        return Result(why_not=str(error))
    with search:
        return search.reduced(explored.budget_s if budget_s == DEFAULT_BUDGET_S else budget_s)


def explore(
    *,
    threads: Sequence[Function] = (),
    make: Function | None = None,
    modules: Sequence[str] = (),
    budget_s: float | None = DEFAULT_BUDGET_S,
) -> Callable[[Function], Function]:
    """Make of a test one that runs under every schedule of some threads, and is called when they have ended.

    `@explore(threads=[add, add], make=Counter)` has two threads call `add` with one new `Counter`; the test gets it, too, and
    asserts what must hold. Without threads, the test is the program and starts threads itself. The test fails at the first
    schedule that fails, with its steps and its replay id, and also when not all schedules were run within `budget_s` seconds.
    """

    def decorate(check: Function) -> Function:
        explored = Explored(tuple(threads), check, make, tuple(modules), budget_s)

        def test() -> None:
            fail_unless_passed(run(test, budget_s=budget_s, modules=modules))

        test.__name__, test.__qualname__, test.__doc__ = check.__name__, check.__qualname__, check.__doc__
        test.__module__ = check.__module__
        vars(test)["__explored__"] = explored
        vars(test)["__source__"] = check
        return test

    return decorate


def fail_unless_passed(result: Result) -> None:
    """Raise AssertionError with what was found, unless every schedule was run and none failed."""
    __tracebackhide__ = True
    if result.failure is not None:
        raise AssertionError(f"{result}\n{result.failure}")
    if not result.exhausted:
        raise AssertionError(f"{result}")


def importable(folder: Path) -> None:
    """Let modules beside a program be imported, as Python itself does for a script."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
