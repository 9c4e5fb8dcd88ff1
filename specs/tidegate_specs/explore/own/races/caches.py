"""Caches and lazily made values."""

import threading
import time


def at_once(*bodies):
    """Run some functions in threads of their own, and wait for their ends."""
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# An entry that is over is dropped by whoever comes by: two threads find the same one, and the second drops what is gone.


class Expiring:
    def __init__(self, ttl_s):
        self.ttl_s = ttl_s
        self.values = {}
        self.ends_s = {}
        self.lock = threading.RLock()

    def expire(self):
        now_s = time.monotonic()
        for key, end_s in list(self.ends_s.items()):
            if end_s <= now_s:
                del self.values[key]
                self.ends_s.pop(key, None)

    def store(self, key, value):
        self.expire()
        self.values[key] = value
        self.ends_s[key] = time.monotonic() + self.ttl_s


class ExpiringMended(Expiring):
    def store(self, key, value):
        with self.lock:
            super().store(key, value)


def expired_twice(kind=Expiring):
    cache = kind(0.0)
    cache.store("old", 1)
    at_once(lambda: cache.store("a", 2), lambda: cache.store("b", 3))


def expired_twice_mended():
    expired_twice(ExpiringMended)


# A value that is made at its first use is made by each thread that comes before it is there.


class Lazy:
    def __init__(self):
        self.made = 0
        self.lock = threading.Lock()

    def make(self):
        self.made += 1
        return object()

    def value(self):
        if "_value" not in self.__dict__:
            self._value = self.make()
        return self._value


class LazyMended(Lazy):
    def value(self):
        with self.lock:
            return super().value()


def made_twice(kind=Lazy):
    lazy = kind()
    at_once(lazy.value, lazy.value)
    assert lazy.made == 1


def made_twice_mended():
    made_twice(LazyMended)


# Statistics are read while another thread meets an event for the first time.


class Statistics:
    def __init__(self):
        self.counts = {"get": 1, "put": 1}
        self.lock = threading.Lock()

    def count(self, event):
        self.counts[event] = self.counts.get(event, 0) + 1

    def total(self):
        total = 0
        for event in self.counts:
            total += self.counts[event]
        return total


class StatisticsMended(Statistics):
    def count(self, event):
        with self.lock:
            super().count(event)

    def total(self):
        with self.lock:
            return super().total()


def grew_while_read(kind=Statistics):
    statistics = kind()
    at_once(statistics.total, lambda: statistics.count("evict"))


def grew_while_read_mended():
    grew_while_read(StatisticsMended)
