"""Schedules for your own code: every order in which the threads of a program can meet, and no sampling.

    from tidegate_specs.explore.own import explore

    @explore(threads=[Counter.add, Counter.add], make=Counter)      # a test for pytest; one line
    def test_nothing_is_lost(counter):
        assert counter.value == 2

    result = run(program)                                           # the same without pytest: OK, ILLEGAL or UNKNOWN

    rewrite      the source of the program, made to say what it touches before it does
    hooks        what rewritten source calls; `labels` knows what each operation touches
    engine       real threads that pass a baton
    primitives   locks, threads, clocks that wait for the engine alone
    world        the program loaded a second time, with CPython's own `threading`, `queue` and futures on those primitives
    reduce       of schedules that come to the same, only one
    search       the search itself, its result, replay ids
    command      `tidegate explore FILE.py:FUNCTION`; `tidegate_specs.pytest_plugin` is the plugin

Verdicts: ILLEGAL, and a schedule that shows it; OK, if every schedule was run; UNKNOWN otherwise. What the explorer can't simulate
or attribute is UNKNOWN and named with its place. It takes for granted that a call into C is one step, as it is while the
interpreter lock is held, and that the program does the same again if its threads do.
"""

from .api import Explored, Target, explore, run
from .engine import NotSimulated
from .search import Failure, Result

__all__ = ["Explored", "Failure", "NotSimulated", "Result", "Target", "explore", "run"]
