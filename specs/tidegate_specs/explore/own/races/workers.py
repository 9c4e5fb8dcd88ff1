"""Schedulers, observers, executors and queues: threads that wait for work, and that end."""

import collections
import queue
import threading
from typing import Any


def at_once(*bodies: Any) -> None:
    """Run some functions in threads of their own, and wait for their ends."""
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# The scheduler looks for jobs, finds none, and forgets the wake-up of a job that came in between.


class Scheduler:
    def __init__(self) -> None:
        self.jobs: list[Any] = []
        self.wakeup = threading.Event()

    def add(self, job: Any) -> None:
        self.jobs.append(job)
        self.wakeup.set()

    def next_job(self) -> Any:
        while not self.jobs:
            self.wakeup.clear()
            self.wakeup.wait()
        return self.jobs.pop()


class SchedulerMended(Scheduler):
    def next_job(self) -> Any:
        while True:
            self.wakeup.clear()
            if self.jobs:
                return self.jobs.pop()
            self.wakeup.wait()


def wakeup_lost(kind: Any = Scheduler) -> None:
    scheduler = kind()
    at_once(scheduler.next_job, lambda: scheduler.add("job"))


def wakeup_lost_mended() -> None:
    wakeup_lost(SchedulerMended)


# A watch that is added while the observer starts is started by nobody.


class Observer:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.emitters: list[Any] = []
        self.started: list[Any] = []
        self.alive = False

    def schedule(self, emitter: Any) -> None:
        with self.lock:
            if self.alive:
                self.started.append(emitter)
            self.emitters.append(emitter)

    def start(self) -> None:
        for emitter in list(self.emitters):
            self.started.append(emitter)
        self.alive = True


class ObserverMended(Observer):
    def start(self) -> None:
        with self.lock:
            super().start()


def never_started(kind: Any = Observer) -> None:
    observer = kind()
    at_once(observer.start, lambda: observer.schedule("watch"))
    assert observer.started == ["watch"]


def never_started_mended() -> None:
    never_started(ObserverMended)


# At the end all workers that are known are told; a task that was just let in brings one that nobody tells.


class Executor:
    def __init__(self) -> None:
        self.ended = False
        self.workers: list[Any] = []
        self.lock = threading.Lock()

    def submit(self) -> None:
        if self.ended:
            return
        self.workers.append(queue.SimpleQueue[Any]())

    def end(self) -> None:
        self.ended = True
        for inbox in list(self.workers):
            inbox.put(None)


class ExecutorMended(Executor):
    def submit(self) -> None:
        with self.lock:
            super().submit()

    def end(self) -> None:
        with self.lock:
            super().end()


def worker_left_behind(kind: Any = Executor) -> None:
    executor = kind()
    at_once(executor.submit, executor.end)
    assert not any(inbox.empty() for inbox in executor.workers)


def worker_left_behind_mended() -> None:
    worker_left_behind(ExecutorMended)


# Who ends the pool holds the lock and waits for a thread that, to end, wants the lock.


class Manager:
    def __init__(self) -> None:
        self.shutdown_lock = threading.Lock()
        self.wakeup_lock = self.shutdown_lock
        self.failed: list[Any] = []
        self.feeder = threading.Thread(target=self.feed)

    def feed(self) -> None:
        with self.wakeup_lock:
            self.failed.append("a task that can't be pickled")

    def shutdown(self) -> None:
        with self.shutdown_lock:
            self.feeder.join()


class ManagerMended(Manager):
    def __init__(self) -> None:
        super().__init__()
        self.wakeup_lock = threading.Lock()


def joined_with_lock_held(kind: Any = Manager) -> None:
    manager = kind()
    manager.feeder.start()
    manager.shutdown()


def joined_with_lock_held_mended() -> None:
    joined_with_lock_held(ManagerMended)


# A queue is shut down; who waits for an item already is not told.


class Closable:
    def __init__(self) -> None:
        self.items: collections.deque[Any] = collections.deque()
        self.closed = False
        self.changed = threading.Condition()

    def get(self) -> Any:
        with self.changed:
            while not self.items and not self.closed:
                self.changed.wait()
            return self.items.popleft() if self.items else None

    def shutdown(self) -> None:
        with self.changed:
            self.closed = True


class ClosableMended(Closable):
    def shutdown(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()


def getter_not_told(kind: Any = Closable) -> None:
    closable = kind()
    at_once(closable.shutdown, closable.get)


def getter_not_told_mended() -> None:
    getter_not_told(ClosableMended)
