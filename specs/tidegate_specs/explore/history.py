"""The history of a run: which calls were made, what they answered, and which of them overlapped.

A call begins with the first step that its thread takes in it and ends with the last, as late and as early as can be: so two calls
overlap only if their steps do.
"""

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .runs import Run
    from .scheduler import Scheduler


class Operation:
    """Tell of one call: by which thread, its name and argument, its result, and the steps it began and ended with.

    `ended` is -1 if it never returned. logged: how many opcodes were logged before it. result: what it returned, as the program
    shows it.
    """

    __slots__ = ("argument", "began", "ended", "invoked", "logged", "name", "result", "thread")

    def __init__(self, thread: int, name: str, argument: Hashable = None) -> None:
        self.thread, self.name, self.argument = thread, name, argument
        self.result: Hashable = None
        self.invoked = 0
        self.logged = 0
        self.began = -1
        self.ended = -1

    def __repr__(self) -> str:
        argument = "" if self.argument is None else repr(self.argument)
        result = "pending" if self.ended < 0 else self.result
        return f"{chr(ord('A') + self.thread)}: {self.name}({argument}) -> {result}"


class Caller:
    """Make a thread's calls, and record them."""

    __slots__ = ("_thread", "mine", "operations", "scheduler")

    def __init__(self, thread: int, scheduler: "Scheduler | None" = None) -> None:
        self._thread, self.scheduler = thread, scheduler
        self.operations: list[Operation] = []
        self.mine: dict[str, Any] = {}  # for the program: what the thread keeps from one call to the next

    def __call__(self, name: str, argument: Hashable, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call `function(*arguments)`, and record its answer under `name` and `argument`. The function gives what is to be
        shown."""
        operation = Operation(self._thread, name, argument)
        operation.invoked = self._steps()
        operation.logged = 0 if self.scheduler is None else len(self.scheduler.run_.log)
        self.operations.append(operation)
        result = function(*arguments)
        operation.result = result
        operation.ended = max(self._steps() - 1, 0)
        return result

    def _steps(self) -> int:
        return 0 if self.scheduler is None else len(self.scheduler.run_.steps)


class History:
    """Hold the calls of one run."""

    __slots__ = ("callers", "taken")

    def __init__(self, threads: int, scheduler: "Scheduler | None" = None) -> None:
        self.callers = [Caller(thread, scheduler) for thread in range(threads)]
        self.taken: list[int] = []

    def end(self, run: "Run") -> None:
        """Settle when each call began."""
        steps = self.taken = run.steps
        for caller in self.callers:
            for operation in caller.operations:
                try:
                    operation.began = steps.index(operation.thread, operation.invoked)
                except ValueError:
                    operation.began = operation.invoked
                if 0 <= operation.ended < operation.began:
                    operation.began = operation.ended

    def operations(self) -> list[Operation]:
        """List the calls, thread by thread."""
        return [operation for caller in self.callers for operation in caller.operations]

    def results(self) -> tuple[tuple[Hashable, ...], ...]:
        """Give the result of every call, thread by thread."""
        return tuple(tuple(operation.result for operation in caller.operations) for caller in self.callers)

    def key(self) -> Hashable:
        """Give equal values for histories with the same calls and answers in which the same calls ended before others began.

        Nothing else matters to whether actions within the calls explain the answers: an order of actions that respects this fits
        into the calls' intervals, each as early as the beginnings allow.
        """
        operations = self.operations()
        before, bit = 0, 1
        for first in operations:
            for second in operations:
                if 0 <= first.ended < second.began:
                    before |= bit
                bit <<= 1
        return before, tuple([(op.thread, op.name, op.argument, op.result, op.ended >= 0) for op in operations])

    def timeline(self) -> str:
        """Draw the calls as bars over the steps, one line each."""
        return draw(self.operations())


def draw(operations: list[Operation]) -> str:
    """Draw calls as bars, one line each, in the order they began; columns are instants at which something began or ended."""
    marks = sorted({2 * op.began for op in operations} | {2 * op.ended + 1 for op in operations if op.ended >= 0})
    column = {mark: 3 * number for number, mark in enumerate(marks)}
    width = 3 * len(marks) + 1
    lines: list[str] = []
    for op in sorted(operations, key=lambda each: (each.thread, each.began)):
        start = column[2 * op.began]
        end = column[2 * op.ended + 1] if op.ended >= 0 else width
        bar = " " * start + "|" + "-" * (end - start - 1) + ("|" if op.ended >= 0 else ">")
        lines.append(f"{chr(ord('A') + op.thread)} {bar.ljust(width + 1)} {op!r}"[:200])
    return "\n".join(lines)
