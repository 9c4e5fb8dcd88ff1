"""Caches and lazily made values."""

import threading
import time
from typing import Any


def at_once(*bodies: Any) -> None:
    """Run some functions in threads of their own, and wait for their ends."""
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# An entry that is over is dropped by whoever comes by: two threads find the same one, and the second drops what is gone.


class Expiring:
    def __init__(self, ttl_s: Any) -> None:
        self.ttl_s = ttl_s
        self.values: dict[Any, Any] = {}
        self.ends_s: dict[Any, Any] = {}
        self.lock = threading.RLock()

    def expire(self) -> None:
        now_s = time.monotonic()
        for key, end_s in list(self.ends_s.items()):
            if end_s <= now_s:
                del self.values[key]
                self.ends_s.pop(key, None)

    def store(self, key: Any, value: Any) -> None:
        self.expire()
        self.values[key] = value
        self.ends_s[key] = time.monotonic() + self.ttl_s


class ExpiringMended(Expiring):
    def store(self, key: Any, value: Any) -> None:
        with self.lock:
            super().store(key, value)


def expired_twice(kind: Any = Expiring) -> None:
    cache = kind(0.0)
    cache.store("old", 1)
    at_once(lambda: cache.store("a", 2), lambda: cache.store("b", 3))


def expired_twice_mended() -> None:
    expired_twice(ExpiringMended)


# A value that is made at its first use is made by each thread that comes before it is there.


class Lazy:
    def __init__(self) -> None:
        self.made = 0
        self.lock = threading.Lock()

    def make(self) -> Any:
        self.made += 1
        return object()

    def value(self) -> Any:
        if "_value" not in self.__dict__:
            self._value = self.make()
        return self._value


class LazyMended(Lazy):
    def value(self) -> Any:
        with self.lock:
            return super().value()


def made_twice(kind: Any = Lazy) -> None:
    lazy = kind()
    at_once(lazy.value, lazy.value)
    assert lazy.made == 1


def made_twice_mended() -> None:
    made_twice(LazyMended)


# Statistics are read while another thread meets an event for the first time.


class Statistics:
    def __init__(self) -> None:
        self.counts = {"get": 1, "put": 1}
        self.lock = threading.Lock()

    def count(self, event: Any) -> None:
        self.counts[event] = self.counts.get(event, 0) + 1

    def total(self) -> Any:
        total = 0
        for event in self.counts:
            total += self.counts[event]
        return total


class StatisticsMended(Statistics):
    def count(self, event: Any) -> None:
        with self.lock:
            super().count(event)

    def total(self) -> Any:
        with self.lock:
            return super().total()


def grew_while_read(kind: Any = Statistics) -> None:
    statistics = kind()
    at_once(statistics.total, lambda: statistics.count("evict"))


def grew_while_read_mended() -> None:
    grew_while_read(StatisticsMended)
