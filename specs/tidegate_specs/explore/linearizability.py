"""Decide whether a history could be that of a sequential specification: Wing and Gong's search, with Lowe's memory of what was
tried.

    verdict = check(history.operations(), model)
    verdict.verdict, verdict.timeline

A *model* is a start state and a pure step. The step tells how an operation that is under way can go on: it may take several
*internal actions* (an offer claims, is admitted, publishes), each at one instant between its beginning and its end, and is done
with the last. With one action each, this is linearizability as M. Herlihy and J. Wing defined it (1990); with more, refinement of a
specification whose operations are not atomic. An operation that never returned may have taken any of its actions, or none.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..check import Verdict
from .history import Operation, draw


@dataclass(frozen=True, slots=True)
class Done:
    """Mark an operation that has taken its last action: what it answers."""

    result: Hashable


Phase = Hashable
Step = Callable[[Any, Operation, Phase], Iterable[tuple[Any, Phase]]]
START: Final = "start"


@dataclass(frozen=True, slots=True)
class Model:
    """Describe a sequential specification: a hashable state to start from, and a step.

    step(state, operation, phase): the states and phases that the operation can bring about by its next action. The first phase
    is START, the last a `Done`. The operation's recorded result is at hand, to prune by; it need not be used.
    """

    initial: Hashable
    step: Step


@dataclass(frozen=True, slots=True)
class Answer:
    """Give the verdict. tried: states looked at. timeline: for ILLEGAL, the calls, and the one that no order explains."""

    verdict: Verdict
    tried: int
    timeline: str = ""


def check(operations: Sequence[Operation], model: Model, limit: int = 1_000_000) -> Answer:
    """Search for instants at which the operations' actions explain all answers. UNKNOWN if more than `limit` states are tried."""
    marked = [(2 * op.began, True, n) for n, op in enumerate(operations)]
    marked += [(2 * op.ended + 1, False, n) for n, op in enumerate(operations) if op.ended >= 0]
    events = [(begins, n) for _, begins, n in sorted(marked)]
    phases: tuple[Phase, ...] = (None,) * len(operations)
    todo: list[tuple[int, Any, tuple[Phase, ...]]] = [(0, model.initial, phases)]
    seen = set(todo)
    furthest = 0
    while todo:
        place, state, phases = todo.pop()
        furthest = max(furthest, place)
        if place == len(events):
            return Answer(Verdict.OK, len(seen))
        if len(seen) > limit:
            return Answer(Verdict.UNKNOWN, len(seen))
        nexts: list[tuple[int, Any, tuple[Phase, ...]]] = []
        begins, number = events[place]
        if begins:
            nexts.append((place + 1, state, _with(phases, number, START)))
        else:
            for n, phase in enumerate(phases):
                if phase is not None and not isinstance(phase, Done):
                    for after, reached in model.step(state, operations[n], phase):
                        if not isinstance(reached, Done) or operations[n].ended < 0 or reached.result == operations[n].result:
                            nexts.append((place, after, _with(phases, n, reached)))
            if isinstance(phases[number], Done):
                nexts.append((place + 1, state, _with(phases, number, None)))
        for each in nexts:
            if each not in seen:
                seen.add(each)
                todo.append(each)
    return Answer(Verdict.ILLEGAL, len(seen), _explain(operations, events, furthest))


def _with(phases: tuple[Phase, ...], number: int, phase: Phase) -> tuple[Phase, ...]:
    return (*phases[:number], phase, *phases[number + 1 :])


def _explain(operations: Sequence[Operation], events: Sequence[tuple[bool, int]], furthest: int) -> str:
    culprit = operations[events[furthest][1]]
    return f"no order of the actions explains {culprit!r}\n{draw(list(operations))}"
