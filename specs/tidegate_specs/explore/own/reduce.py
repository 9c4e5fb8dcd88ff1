"""The reduced search: source sets and sleep sets, with locks that are not enabled while they are held.

Abdulla, Aronis, Jonsson, Sagonas, "Optimal dynamic partial order reduction" (POPL 2014). Of the schedules that differ only in the
order of steps that do not depend on each other at least one is run to its end. A lock that is held keeps whoever wants it from
being enabled, so two threads race for it once, when both could have it, and never in between.
"""

from ..labels import Label, conflict
from ..runs import Run as AnyRun
from ..source_sets import SourceSets
from .engine import MOST_THREADS, Outcome


class Reduced(SourceSets):
    """Source sets, where only steps that touch the same objects are compared, and a redundant run ends where it is known to be."""

    def __init__(self) -> None:
        super().__init__(MOST_THREADS)

    def policy(self, run: AnyRun, enabled: int, stayed: int) -> int:
        """Choose a thread that is not asleep; -1 if all are: what follows was run before."""
        chosen = super().policy(run, enabled, stayed)
        return chosen if self.blocked_at is None else -1

    def learn(self, run: AnyRun, known: int) -> bool:
        """Take in a run, and go to the next point that needs another choice. False when there is none."""
        if self.blocked_at is None and len(run.steps) < known:
            raise ValueError("a run that was not followed to its end")
        return super().learn(run, known)

    def _races(self, run: AnyRun, start: int, end: int) -> None:
        if not isinstance(run, Outcome):
            raise TypeError(run)
        number = [0] * end
        counts = [0] * self.threads
        last = [-1] * self.threads
        by_object: dict[int, list[int]] = {}
        for i in range(end):
            thread = run.steps[i]
            counts[thread] += 1
            number[i] = counts[thread]
            if i >= start:
                blocking = i in run.blocking
                touching = _touching(run.labels[i], by_object)
                self.nodes[i].clock = self._dependent(run, number, last[thread], (i, thread, run.labels[i]), blocking, touching)
            last[thread] = i
            for base in {base for base, _, _ in run.labels[i]}:
                by_object.setdefault(base, []).append(i)
        for thread, label in run.left:  # what a thread that waits in vain would do next, also in a run that is given up
            turns = [*number, counts[thread] + 1]
            self._dependent(run, turns, last[thread], (end, thread, label), True, _touching(label, by_object))

    def _dependent(
        self, run: Outcome, number: list[int], previous: int, step: tuple[int, int, Label], blocking: bool, touching: list[int]
    ) -> list[int]:
        """Give the clock of a step, and have each race reversed in which it is the later step."""
        labels, nodes = run.labels, self.nodes
        i, thread, label = step
        steps = [*run.steps[:i], thread]
        known = list(nodes[previous].clock) if previous >= 0 else [0] * self.threads
        after = list(known)
        for j in reversed(touching):
            other = steps[j]
            if other == thread or number[j] <= known[other] or not conflict(labels[j], label):
                continue
            clock = nodes[j].clock
            shut = blocking and j in run.shut and labels[j][0][0] == label[0][0]
            if not shut and (nodes[j].enabled >> thread & 1 or previous > j):
                self._reverse(steps, nodes, number, j, i, after)
                known = list(map(max, known, clock))
            after = list(map(max, after, clock))
        after[thread] = number[i]
        return after

    @property
    def share(self) -> float:
        """Tell what share of the choices known so far is done with."""
        done, weight = 0.0, 1.0
        for node in self.nodes:
            choices = node.backtrack & ~node.sleep | node.done
            weight /= max(1, choices.bit_count())
            done += weight * (node.done & ~(1 << node.chosen)).bit_count()
        return done


def _touching(label: Label, by_object: dict[int, list[int]]) -> list[int]:
    """List the earlier steps that touch what a step does, in order."""
    if any(not base for base, _, _ in label):
        return sorted({i for steps in by_object.values() for i in steps})
    bases = {base for base, _, _ in label}
    if bases:
        bases.add(0)
    found = [by_object[base] for base in bases if base in by_object]
    return found[0] if len(found) == 1 else sorted({i for steps in found for i in steps})
