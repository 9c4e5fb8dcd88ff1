"""Partial-order reduction by source sets, with wake-up trees."""

from collections.abc import Sequence

from .labels import conflict
from .runs import Run


class Node:
    """One point of the current schedule: who could run, who must be tried, who was, and who need not be (asleep)."""

    __slots__ = ("backtrack", "chosen", "clock", "done", "enabled", "sleep")

    def __init__(self, chosen: int, enabled: int, sleep: int) -> None:
        self.chosen, self.enabled, self.sleep = chosen, enabled, sleep
        self.backtrack = 1 << chosen
        self.done = 0
        self.clock: list[int] = []

    @property
    def left(self) -> int:
        """Tell which threads must still be tried."""
        return self.backtrack & ~self.done & ~self.sleep & self.enabled

    def want(self, initials: int, preferred: int) -> None:
        """Have one of some threads tried: the preferred one if it can be; all that can, if none of those can."""
        if initials & self.backtrack:
            return
        if initials & self.enabled:
            initials &= self.enabled
            wanted = preferred if initials >> preferred & 1 else (initials & -initials).bit_length() - 1
            self.backtrack |= 1 << wanted
        else:
            self.backtrack |= self.enabled


Request = tuple[int, int, int]  # the number of a point, threads of which one should be tried there, and the preferred one


class SourceSets:
    """Dynamic partial order reduction with source sets (Abdulla, Aronis, Jonsson, Sagonas, 2014).

    After each run every pair of conflicting steps that could have come the other way round (a *race*) makes sure that some thread
    that leads there is tried at the point of the first. A thread whose next step was tried already sleeps until something
    conflicts with it.

    nodes: where to go on; none for the whole tree. base: the search ends before it changes one of the first so many choices. What
    it finds out about their points is kept in `requests`, in order, each once: the subtree itself does not depend on it.
    """

    def __init__(self, threads: int, nodes: Sequence[Node] = (), base: int = 0) -> None:
        self.threads = threads
        self.nodes = list(nodes)
        self.base = base
        self.requests: dict[Request, None] = {}
        self.blocked_at: int | None = None
        self._sleeps: list[int] = []

    def prefix(self) -> list[int]:
        self.blocked_at = None
        self._sleeps = []
        return [node.chosen for node in self.nodes]

    def policy(self, run: Run, enabled: int, stayed: int) -> int:
        """Choose a thread that is not asleep; if all are, the run is redundant."""
        depth = len(run.steps)
        if depth == len(self.nodes):
            sleep = 0
            if depth:
                node = self.nodes[-1]
                sleep = _awake(node.sleep | node.done, run, depth - 1)
        else:
            sleep = _awake(self._sleeps[-1], run, depth - 1)
        self._sleeps.append(sleep)
        candidates = enabled & ~sleep
        if not candidates:
            if self.blocked_at is None:
                self.blocked_at = depth
            candidates = enabled
        if stayed >= 0 and candidates >> stayed & 1:
            return stayed
        return (candidates & -candidates).bit_length() - 1

    def learn(self, run: Run, known: int) -> bool:
        """Take in a run, and go to the next point that needs another choice. False when there is none."""
        end = len(run.steps) if self.blocked_at is None else self.blocked_at
        for depth in range(known, end):
            self.nodes.append(Node(run.steps[depth], run.enabled[depth], self._sleeps[depth - known]))
        self._races(run, max(known - 1, 0), end)
        return advance(self.nodes, self.base)

    def _races(self, run: Run, start: int, end: int) -> None:
        steps, labels = run.steps[:end], run.labels
        number = [0] * end  # how many steps of its thread there were, this one included
        counts = [0] * self.threads
        last: list[int] = [-1] * self.threads
        touching: list[int] = []  # the steps that touched anything shared
        for i in range(end):
            thread = steps[i]
            counts[thread] += 1
            number[i] = counts[thread]
            if i >= start:
                self._race(run, number, last[thread], i, touching if labels[i] else [])
            last[thread] = i
            if labels[i]:
                touching.append(i)

    def _race(self, run: Run, number: list[int], previous: int, i: int, touching: list[int]) -> None:
        steps, labels, nodes = run.steps, run.labels, self.nodes
        thread, label = steps[i], labels[i]
        known = list(nodes[previous].clock) if previous >= 0 else [0] * self.threads
        after = list(known)
        for j in reversed(touching):
            other = steps[j]
            if other == thread or number[j] <= known[other] or not conflict(labels[j], label):
                continue
            clock = nodes[j].clock
            if nodes[j].enabled >> thread & 1 or previous > j:  # else it was this very step that made the later one possible
                self._reverse(steps, nodes, number, j, i, after)
                known = list(map(max, known, clock))
            after = list(map(max, after, clock))
        after[thread] = number[i]
        nodes[i].clock = after

    def _reverse(self, steps: list[int], nodes: list[Node], number: list[int], j: int, i: int, after: list[int]) -> None:
        """Make sure that the point of step j tries a thread that leads to step i happening first."""
        owner, turn = steps[j], number[j]
        free = [k for k in range(j + 1, i) if nodes[k].clock[owner] < turn]
        initials = 0
        seen = 0
        for position, k in enumerate([*free, i]):
            thread = steps[k]
            if seen >> thread & 1:
                continue
            seen |= 1 << thread
            clock = after if k == i else nodes[k].clock
            if all(clock[steps[m]] < number[m] for m in free[:position]):
                initials |= 1 << thread
        if j < self.base:
            self.requests[j, initials, steps[i]] = None
        else:
            nodes[j].want(initials, steps[i])


def advance(nodes: list[Node], base: int) -> bool:
    """Take the last choice as done, and go to the next point from `base` on that needs another one. False when there is none."""
    while len(nodes) > base:
        node = nodes[-1]
        node.done |= 1 << node.chosen
        left = node.left
        if left:
            node.chosen = (left & -left).bit_length() - 1
            return True
        nodes.pop()
    return False


def _awake(sleep: int, run: Run, depth: int) -> int:
    """Wake the sleepers whose next step conflicts with what was done at `depth`."""
    if not sleep:
        return 0
    label, pending = run.labels[depth], run.pending[depth]
    kept = sleep & ~(1 << run.steps[depth])
    for thread in range(len(pending)):
        if kept >> thread & 1 and conflict(label, pending[thread]):
            kept &= ~(1 << thread)
    return kept
