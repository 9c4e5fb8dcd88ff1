"""What CPython's locks, threads, queues and futures do, in our words: with real threads and under every schedule."""

import contextvars
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed, wait
from typing import Any


def raises(kind: type[BaseException], function: Callable[..., Any], *arguments: Any, **keywords: Any) -> bool:
    try:
        function(*arguments, **keywords)
    except kind:
        return True
    return False


def started(*bodies: Callable[[], Any]) -> list[threading.Thread]:
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    return threads


def ended(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join()


def lock() -> None:
    lock = threading.Lock()
    assert lock.acquire()
    assert lock.locked()
    assert not lock.acquire(False)
    assert not lock.acquire(timeout=0.001)
    assert raises(ValueError, lock.acquire, False, 1)
    assert raises(ValueError, lock.acquire, True, -2)
    threads = started(lock.release)  # another thread may release it
    assert lock.acquire()
    ended(threads)
    lock.release()
    assert raises(RuntimeError, lock.release)


def rlock() -> None:
    lock = threading.RLock()
    with lock, lock:
        tried: list[bool] = []
        ended(started(lambda: tried.append(lock.acquire(False)), lambda: tried.append(raises(RuntimeError, lock.release))))
        assert sorted(tried) == [False, True]
    assert raises(RuntimeError, lock.release)


def condition() -> None:
    changed = threading.Condition()
    items: list[int] = []

    def put() -> None:
        with changed:
            items.append(1)
            changed.notify()

    threads = started(put)
    with changed:
        assert changed.wait_for(lambda: items)
    ended(threads)
    assert raises(RuntimeError, changed.notify)
    assert raises(RuntimeError, changed.wait)
    with changed:
        assert not changed.wait(0.001)


def condition_wakes_as_many_as_told() -> None:
    changed = threading.Condition(threading.Lock())
    waiting, woken = [0], [0]

    def sleeper() -> None:
        with changed:
            waiting[0] += 1
            changed.notify_all()
            while waiting[0] != -1:
                changed.wait()
            woken[0] += 1

    threads = started(sleeper)
    with changed:
        while not waiting[0]:
            changed.wait()
        waiting[0] = -1
        changed.notify(5)
    ended(threads)
    assert woken == [1]


def semaphore() -> None:
    semaphore = threading.Semaphore(1)
    inside, most = [0], [0]

    def enter() -> None:
        with semaphore:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1

    ended(started(enter, enter))
    assert most == [1]
    assert semaphore.acquire(False)
    assert not semaphore.acquire(False)
    assert not semaphore.acquire(timeout=0.001)
    semaphore.release(2)
    assert semaphore.acquire(False)
    assert semaphore.acquire(False)
    assert raises(ValueError, threading.Semaphore, -1)
    assert raises(ValueError, semaphore.release, 0)


def bounded_semaphore() -> None:
    semaphore = threading.BoundedSemaphore(1)
    semaphore.acquire()
    ended(started(semaphore.release))
    assert raises(ValueError, semaphore.release)


def event() -> None:
    event = threading.Event()
    seen: list[bool] = []
    assert not event.wait(0.001)
    threads = started(lambda: seen.append(event.wait()), event.set)
    ended(threads)
    assert seen == [True]
    assert event.is_set()
    event.clear()
    assert not event.is_set()


def barrier() -> None:
    action: list[int] = []
    barrier = threading.Barrier(2, action=lambda: action.append(1))
    places: list[int] = []
    ended(started(lambda: places.append(barrier.wait()), lambda: places.append(barrier.wait())))
    assert sorted(places) == [0, 1]
    assert action == [1]
    assert barrier.n_waiting == 0


def broken_barrier() -> None:
    barrier = threading.Barrier(2)
    told: list[bool] = []
    threads = started(lambda: told.append(raises(threading.BrokenBarrierError, barrier.wait)))
    barrier.abort()
    ended(threads)
    assert told == [True]
    assert barrier.broken
    barrier.reset()
    assert raises(threading.BrokenBarrierError, barrier.wait, 0.001)


def thread() -> None:
    class Worker(threading.Thread):
        answer = 0

        def run(self) -> None:
            self.answer = 42

    worker = Worker(name="worker", daemon=False)
    assert worker.name == "worker"
    assert not worker.is_alive()
    assert worker.ident is None
    assert raises(RuntimeError, worker.join)
    worker.start()
    assert raises(RuntimeError, worker.start)
    assert raises(RuntimeError, setattr, worker, "daemon", True)
    worker.join()
    assert worker.answer == 42
    assert not worker.is_alive()
    assert raises(RuntimeError, threading.current_thread().join)
    worker.join(0)


def join_gives_up() -> None:
    go = threading.Event()
    threads = started(go.wait)
    threads[0].join(0.001)
    assert threads[0].is_alive()
    go.set()
    ended(threads)


def current_threads() -> None:
    names: list[str] = []
    worker = threading.Thread(target=lambda: names.append(threading.current_thread().name), name="worker")
    worker.start()
    worker.join()
    assert names == ["worker"]
    assert threading.current_thread() is threading.current_thread()
    assert worker not in threading.enumerate()
    assert threading.current_thread() in threading.enumerate()
    assert threading.get_ident() == threading.current_thread().ident


class Counted(threading.local):
    def __init__(self, start: int) -> None:
        self.count = start


def local() -> None:
    plain, counted = threading.local(), Counted(5)
    plain.value, counted.count = "main", 6
    seen: list[Any] = []

    def body() -> None:
        seen.append((hasattr(plain, "value"), counted.count))
        plain.value = "other"

    ended(started(body))
    assert seen == [(False, 5)]
    assert plain.value == "main"
    assert counted.count == 6
    del plain.value
    assert not hasattr(plain, "value")


def timer() -> None:
    fired: list[int] = []
    timer = threading.Timer(0.001, fired.append, [1])
    timer.start()
    timer.join()
    assert fired == [1]
    late = threading.Timer(60, fired.append, [2])
    late.start()
    late.cancel()
    late.join()
    assert fired in ([1], [1, 2])  # a time-out may come before the cancellation, if under no real clock


def clock() -> None:
    before, wall = time.monotonic(), time.time()
    threads = started(lambda: time.sleep(0.002))
    time.sleep(0.001)
    ended(threads)
    assert time.monotonic() - before >= 0.002 - 1e-6
    assert time.time() >= wall
    assert time.monotonic_ns() > 0 or before == 0
    assert raises(ValueError, time.sleep, -1)


def bounded_queue() -> None:
    items: queue.Queue[int] = queue.Queue(1)
    items.put(1)
    assert items.full()
    assert raises(queue.Full, items.put_nowait, 2)
    assert raises(queue.Full, items.put, 2, timeout=0.001)
    threads = started(lambda: items.put(2))
    assert items.get() == 1
    assert items.get() == 2
    ended(threads)
    assert raises(queue.Empty, items.get_nowait)
    assert raises(queue.Empty, items.get, timeout=0.001)
    assert raises(ValueError, items.get, True, -1)


def queue_join() -> None:
    items: queue.Queue[int] = queue.Queue()
    done: list[int] = []

    def work() -> None:
        done.append(items.get())
        items.task_done()

    items.put(1)
    threads = started(work)
    items.join()
    assert done == [1]
    ended(threads)
    assert raises(ValueError, items.task_done)


def other_queues() -> None:
    lifo: queue.LifoQueue[int] = queue.LifoQueue()
    first: queue.PriorityQueue[int] = queue.PriorityQueue()
    for number in (2, 3, 1):
        lifo.put(number)
        first.put(number)
    assert [lifo.get() for _ in range(3)] == [1, 3, 2]
    assert [first.get() for _ in range(3)] == [1, 2, 3]


def simple_queue() -> None:
    items: queue.SimpleQueue[int] = queue.SimpleQueue()
    assert raises(queue.Empty, items.get, False)
    assert raises(queue.Empty, items.get, timeout=0.001)
    assert raises(ValueError, items.get, True, -1)
    threads = started(lambda: items.put(1), lambda: items.put(2))
    assert {items.get(), items.get()} == {1, 2}
    ended(threads)
    assert items.empty()
    assert items.qsize() == 0


def future() -> None:
    made: Future[int] = Future()
    called: list[int] = []
    made.add_done_callback(lambda each: called.append(each.result()))
    threads = started(lambda: made.set_result(7))
    assert made.result() == 7
    ended(threads)
    assert called == [7]
    assert made.done()
    assert not made.cancel()
    other: Future[int] = Future()
    assert raises(TimeoutError, other.result, 0.001)
    assert other.cancel()
    assert raises(CancelledError, other.result)


def executor() -> None:
    with ThreadPoolExecutor(1) as pool:
        one, two = pool.submit(pow, 2, 3), pool.submit(int, "no number")
        assert isinstance(two.exception(), ValueError)
        assert one.result() == 8
    assert raises(RuntimeError, pool.submit, int)


def executor_waits() -> None:
    with ThreadPoolExecutor(1) as pool:
        futures = [pool.submit(abs, -1)]
        assert wait(futures).done == set(futures)


def executor_as_completed() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert [each.result() for each in as_completed([pool.submit(abs, -1)])] == [1]


def executor_map() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert list(pool.map(abs, [-2])) == [2]


def context_variables() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    variable.set("main")
    seen: list[str] = []

    def body() -> None:
        before = variable.get()
        variable.set("other")
        seen.append(before)

    ended(started(body))
    assert variable.get() == "main"
    assert len(seen) == 1


def closures() -> None:
    total = 0
    lock = threading.Lock()

    def add() -> None:
        nonlocal total
        with lock:
            total += 1

    ended(started(add, add))
    assert total == 2


CASES = (
    *(lock, rlock, condition, condition_wakes_as_many_as_told, semaphore, bounded_semaphore, event, barrier, broken_barrier),
    *(thread, join_gives_up, current_threads, local, timer, clock, bounded_queue, queue_join, other_queues, simple_queue),
    *(future, executor, executor_waits, executor_as_completed, executor_map, context_variables, closures),
)
