"""Programs that are small enough to be run under every single schedule: what they answer must not depend on the reduction."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Any


class State:
    def __init__(self) -> None:
        self.x, self.y = 0, 0
        self.table: dict[str, int] = {"a": 0}
        self.lock, self.other = threading.Lock(), threading.Lock()
        self.queue: queue.SimpleQueue[int] = queue.SimpleQueue()


S = State()
SEEN: list[Any] = []


def both(one: Callable[[], Any], other: Callable[[], Any]) -> tuple[Any, ...]:
    SEEN.clear()
    S.__init__()  # type: ignore[misc]
    thread = threading.Thread(target=one)
    thread.start()
    other()
    thread.join()
    return (S.x, S.y, *SEEN, *S.table)


def add() -> None:
    S.x += 1


def attributes() -> Any:
    return both(add, add)


def write_two() -> None:
    S.x = 1
    S.y = 1


def read_two() -> None:
    SEEN.append(S.y)
    SEEN.append(S.x)


def two_attributes() -> Any:
    return both(write_two, read_two)


def put_b() -> None:
    S.table["b"] = 1


def put_c() -> None:
    S.table["c"] = 1


def keys() -> Any:
    return both(put_b, put_c)


def read_all() -> None:
    try:
        for each in S.table:
            SEEN.append(each)  # noqa: PERF402 (each step of the loop is a place)
    except RuntimeError as error:
        SEEN.append(str(error))


def iterated() -> Any:
    return both(put_b, read_all)


def hold() -> None:
    with S.lock:
        S.x = 1


def attempt() -> None:
    SEEN.append(S.lock.acquire(False))


def locked() -> Any:
    return both(hold, attempt)


def attempt_in_time() -> None:
    SEEN.append(S.lock.acquire(timeout=1))


def locked_in_time() -> Any:
    return both(hold, attempt_in_time)


def left() -> None:
    with S.lock, S.other:
        pass


def right() -> None:
    with S.other, S.lock:
        pass


def crossed() -> Any:
    return both(left, right)


def left_after_a_try() -> None:
    SEEN.append(S.lock.acquire(False))
    if SEEN[0]:
        S.lock.release()
    left()


def tried_before_crossed() -> Any:
    return both(right, left_after_a_try)


def add_left() -> None:
    with S.lock, S.other:
        S.y += 1


def add_right() -> None:
    with S.other, S.lock:
        S.y += 2


def read_while_crossed() -> Any:
    SEEN.clear()
    S.__init__()  # type: ignore[misc]
    threads = [threading.Thread(target=add_left), threading.Thread(target=add_right)]
    for thread in threads:
        thread.start()
    SEEN.append(S.y)
    for thread in threads:
        thread.join()
    return SEEN[0]


def put() -> None:
    S.queue.put(1)


def get() -> None:
    try:
        SEEN.append(S.queue.get(timeout=1))
    except queue.Empty:
        SEEN.append("empty")


def handed_over() -> Any:
    return both(put, get)


def sleep() -> None:
    time.sleep(2)


def look() -> None:
    SEEN.append(time.monotonic())


def clocks() -> Any:
    return both(sleep, look)


def captured() -> Any:
    total = 0

    def count() -> None:
        nonlocal total
        total += 1

    both(count, count)
    return total


def put_attribute() -> None:
    vars(S)["z"] = 1


def dictionary_of_an_object() -> Any:
    vars(S).pop("z", None)
    return both(put_attribute, lambda: SEEN.append(hasattr(S, "z")))


PROGRAMS = (
    *(
        attributes,
        two_attributes,
        keys,
        iterated,
        locked,
        locked_in_time,
        crossed,
        tried_before_crossed,
        read_while_crossed,
        handed_over,
        clocks,
    ),
    *(captured, dictionary_of_an_object),
)
