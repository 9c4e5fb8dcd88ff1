"""Histories of calls on the executor beside a plain model."""

import random
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final, cast, final

from ..check import Profile, Result, Settings, Subject
from .executor_jobs import LIMIT_S, Failure, Job, Tally, submitting, what_is_left
from .support import module_of

HISTORIES: Final[dict[Profile, int]] = {"quick": 150, "full": 1_500}
STEPS: Final = 25


# Histories beside a model.


@final
class History:
    """An executor, and the plain lists that say what must be waiting and running in it."""

    def __init__(self, module: Any, subject: Subject, chance: random.Random, tally: Tally) -> None:
        self.outcome, self.chance, self.tally = subject.Outcome, chance, tally
        self.capacity = chance.choice((1, 2, 3, 5))
        self.workers = chance.randint(1, self.capacity)
        self.prefix = f"history-{tally.steps}-"
        self.executor = module.RejectingExecutor(self.capacity, self.workers, thread_name_prefix=self.prefix)
        self.refused: type[Exception] = module.Rejected
        self.started: SimpleQueue[int] = SimpleQueue()
        self.ended: SimpleQueue[int] = SimpleQueue()
        self.jobs: list[Job] = []
        self.futures: dict[int, Future[int]] = {}
        self.waiting: list[int] = []
        self.running: list[int] = []
        self.cancelled: set[int] = set()
        self.finished: set[int] = set()
        self.left = 0  # unfinished works that have not told their end
        self.closed = False
        self.told: list[str] = [f"RejectingExecutor({self.capacity}, {self.workers})"]

    @property
    def unfinished(self) -> int:
        return len(self.waiting) + len(self.running)

    def fault(self, what: str) -> None:
        self.tally.note(f"{what}, after {'; '.join(self.told)}")

    def run(self) -> None:
        for _ in range(self.chance.randint(5, STEPS)):
            self.tally.steps += 1
            try:
                self.step()
                self.settle()
            except Exception as error:  # noqa: BLE001 - no call here has a right to raise
                self.fault(f"{type(error).__name__}: {error}")
            if self.tally.witness:
                break
        self.end()

    def step(self) -> None:
        choices: list[Callable[[], None]] = [self.submit] * 6
        choices += [self.finish] * 4 if self.running else []
        choices += [self.cancel] * 3 if self.futures else []
        choices += [self.storm] if self.waiting else []
        choices += [self.shut_down] if len(self.told) > 8 and self.chance.random() < 0.2 else []
        self.chance.choice(choices)()

    def submit(self) -> None:
        job = Job(len(self.jobs), self.started)
        self.told.append(f"submit {job.name}")
        submitting.set(job.name)
        try:
            answer = self.executor.submit(job) if self.chance.random() < 0.5 else self.executor.try_submit(job)
        except self.refused as refusal:
            answer = cast(Any, refusal).outcome
        full = self.unfinished == self.capacity
        expected = self.outcome.CLOSED if self.closed else self.outcome.FULL if full else None
        if isinstance(answer, self.outcome):
            self.tally.spurious += answer is not expected
            if answer is not expected:
                self.fault(f"the answer was {answer} with {self.unfinished} of {self.capacity} works unfinished")
            return
        self.left += 1
        self.jobs.append(job)
        self.futures[job.name] = answer
        (self.running if len(self.running) < self.workers else self.waiting).append(job.name)
        self.tally.peak = max(self.tally.peak, self.unfinished - self.capacity)
        if expected is not None:
            self.fault(f"a work was accepted instead of {expected}")
        answer.add_done_callback(partial(self.note_end, job.name))

    def note_end(self, name: int, _future: object) -> None:
        """Look at the room at the moment a future shows its end; nothing else is going on then."""
        self.left -= 1
        in_flight = self.executor.statistics().in_flight
        if in_flight > self.left:
            self.tally.held += in_flight - self.left
            self.fault(f"the slot of {name} was still held when its future had ended")
        self.ended.put(name)

    def cancel(self) -> None:
        name = self.chance.choice(list(self.futures))
        self.told.append(f"cancel {name}")
        expected = name in self.waiting or name in self.cancelled
        answer = self.futures[name].cancel()
        if answer is not expected:
            self.tally.doubled += 1
            self.fault(f"cancel said {answer}")
        elif name in self.waiting:
            self.waiting.remove(name)
            self.await_end(name)

    def storm(self) -> None:
        """Cancel every waiting work and submit as many; there must be room for them at once."""
        self.told.append("a storm")
        for name in list(self.waiting):
            self.futures[name].cancel()
            self.waiting.remove(name)
            self.await_end(name)
            self.submit()

    def finish(self) -> None:
        name = self.running.pop(self.chance.randrange(len(self.running)))
        well = self.chance.random() < 0.7
        self.told.append(f"{'finish' if well else 'fail'} {name}")
        self.jobs[name].gate.put(well)
        self.await_end(name)
        future = self.futures[name]
        if future.done() and (future.exception() is None) is not well:
            self.fault(f"the future of {name} is {future}")

    def await_end(self, name: int) -> None:
        try:
            ended = self.ended.get(timeout=LIMIT_S)
        except Empty:
            self.tally.unended += 1
            self.fault(f"the future of {name} did not end")
        else:
            (self.cancelled if self.futures[ended].cancelled() else self.finished).add(ended)

    def shut_down(self) -> None:
        cancel = self.chance.random() < 0.5
        self.told.append(f"shutdown{' and cancel' if cancel else ''}")
        self.closed = True
        self.executor.shutdown(wait=False, cancel_futures=cancel)
        while cancel and self.waiting and not self.tally.witness:
            self.await_end(self.waiting.pop(0))

    def settle(self) -> None:
        """Wait until as many works run as can, and compare the room."""
        while self.waiting and len(self.running) < self.workers:
            self.running.append(self.waiting.pop(0))
        late = {name for name in self.running if not self.jobs[name].runs or self.futures[name].running() is False}
        while late and not self.tally.witness:
            try:
                late.discard(self.started.get(timeout=LIMIT_S))
            except Empty:
                self.tally.unended += len(late)
                self.fault(f"works {sorted(late)} did not start")
        read = self.executor.statistics()
        if (read.in_flight, read.free) != (self.unfinished, self.capacity - self.unfinished):
            self.tally.lost += abs(read.in_flight - self.unfinished)
            self.fault(f"{self.unfinished} works are unfinished, and the books say {read}")

    def end(self) -> None:
        """Let everything end, and count what did not, what ran twice and what is missing."""
        self.executor.shutdown(wait=False)
        for job in self.jobs:
            job.gate.put(True)
        left_over = what_is_left(self.prefix)
        unended = sum(not future.done() for future in self.futures.values()) + left_over
        runs = {job.name: job.runs for job in self.jobs}
        doubled = sum(count > 1 or (count and name in self.cancelled) for name, count in runs.items())
        strange = sum(job.runs > 0 and job.ran_for != job.name for job in self.jobs)
        never = sum(not runs[name] for name in self.finished)
        free = self.executor.statistics().free
        self.tally.unended += unended
        self.tally.doubled += doubled + strange + never
        self.tally.lost += self.capacity - free
        if unended or doubled or strange or never or free != self.capacity:
            self.fault(
                f"in the end {unended} futures or workers had not ended, {doubled} works had run twice and {strange} in another's "
                f"context, {free} slots were free"
            )


def _break(module: Any, tally: Tally) -> None:
    """Let an initializer fail while works wait: all fail, and every slot comes back."""
    gate: SimpleQueue[None] = SimpleQueue()

    def fail() -> None:
        gate.get(timeout=LIMIT_S)
        raise Failure("initializer")

    executor = module.RejectingExecutor(3, 1, thread_name_prefix="broken", initializer=fail)
    futures = [executor.submit(int) for _ in range(3)]
    gate.put(None)
    left_over = what_is_left("broken")
    unended = [future for future in futures if not future.done()]
    tally.unended += len(unended) + left_over
    tally.lost += 3 - executor.statistics().free
    tally.doubled += sum(future.done() and future.exception() is None for future in futures)
    if left_over or unended or executor.statistics().free != 3:
        tally.note(f"an initializer failed: {len(unended)} futures did not end, {executor.statistics()}")


def _end_maps(module: Any, tally: Tally) -> None:
    """Close and drop iterators of `map` that have not begun: that cancels. Refuse the last work of one: no result is lost by it."""
    gate: SimpleQueue[None] = SimpleQueue()
    executor = module.RejectingExecutor(3, 1, thread_name_prefix="mapped")
    held = executor.submit(partial(gate.get, timeout=LIMIT_S))
    for end in ("closed", "dropped"):
        results = executor.map(abs, (1, 2))
        if end == "closed":
            results.close()
        del results
        held_slots = executor.statistics().in_flight - 1
        if held_slots:
            tally.lost += held_slots
            tally.note(f"an iterator of map was {end} before it began, and {held_slots} works still waited")
            break
    gate.put(None)
    held.result(LIMIT_S)
    results = executor.map(abs, (1, -2, 3, -4), buffersize=2)
    given: list[object] = [next(results)]
    executor.shutdown(wait=False)  # after the third was submitted
    try:
        given.extend(results)  # in a list's `extend` those that come before an exception stay
    except module.Rejected as refusal:
        given.append(refusal.outcome.value)
    if given != [1, 2, 3, "closed"]:
        tally.unended += 1
        tally.note(f"map over 1, -2, 3, -4, of which the last was refused, gave {given}")
    what_is_left("mapped")


def run_model(subject: Subject, settings: Settings) -> Result:
    """Run random histories, each step compared with the model."""
    module = module_of(subject, "executor")
    chance = random.Random(settings.seed)
    tally = Tally()
    histories = 0
    for _ in range(HISTORIES[settings.profile]):
        if not tally.witness:
            History(module, subject, chance, tally).run()
            histories += 1
    for scenario in (_break, _end_maps):
        if not tally.witness:
            scenario(module, tally)
    return tally.judge(f"{histories} histories, {tally.steps:,} steps")
