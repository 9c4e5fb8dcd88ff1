"""Pools of connections."""

import threading
from typing import Any


def at_once(*bodies: Any) -> None:
    """Run some functions in threads of their own, and wait for their ends."""
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Pool:
    host: str

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True

    def request(self) -> None:
        if self.closed:
            raise RuntimeError("the pool is closed")


# Both threads find no pool for a host, and the second's takes the place of the first's, which is closed while it is used.


class Manager:
    def __init__(self) -> None:
        self.pools: dict[Any, Any] = {}
        self.lock = threading.RLock()

    def put(self, host: Any, pool: Any) -> None:
        before = self.pools.get(host)
        self.pools[host] = pool
        if before is not None:
            before.close()

    def pool_of(self, host: Any) -> Any:
        pool = self.pools.get(host)
        if pool is None:
            pool = Pool()
            self.put(host, pool)
        return pool

    def request(self, host: Any) -> None:
        self.pool_of(host).request()


class ManagerMended(Manager):
    def pool_of(self, host: Any) -> Any:
        with self.lock:
            return super().pool_of(host)


def replaced_in_use(kind: Any = Manager) -> None:
    manager = kind()
    at_once(lambda: manager.request("a"), lambda: manager.request("a"))


def replaced_in_use_mended() -> None:
    replaced_in_use(ManagerMended)


# Room is kept for few hosts. The pool of one is closed to make room between the moment it was found and its use.


class Limited(ManagerMended):
    def put(self, host: Any, pool: Any) -> None:
        while self.pools:
            self.pools.popitem()[1].close()
        self.pools[host] = pool


class LimitedMended(Limited):
    def request(self, host: Any) -> None:
        with self.lock:
            self.pool_of(host).request()


def evicted_in_use(kind: Any = Limited) -> None:
    manager = kind()
    at_once(lambda: manager.request("a"), lambda: manager.request("b"))


def evicted_in_use_mended() -> None:
    evicted_in_use(LimitedMended)


# A pool is put where others find it before it has all its attributes.


class Registry:
    def __init__(self) -> None:
        self.pools: dict[Any, Any] = {}
        self.lock = threading.Lock()

    def pool_of(self, host: Any) -> Any:
        with self.lock:
            pool = self.pools.get(host)
            if pool is None:
                pool = self.make(host)
        return pool.host

    def make(self, host: Any) -> Any:
        pool = self.pools[host] = Pool()
        pool.host = host
        return pool

    def peek(self, host: Any) -> Any:
        pool = self.pools.get(host)
        return pool.host if pool is not None else None


class RegistryMended(Registry):
    def make(self, host: Any) -> Any:
        pool = Pool()
        pool.host = host
        self.pools[host] = pool
        return pool


def seen_half_made(kind: Any = Registry) -> None:
    registry = kind()
    at_once(lambda: registry.pool_of("a"), lambda: registry.peek("a"))


def seen_half_made_mended() -> None:
    seen_half_made(RegistryMended)


# Two threads disconnect one connection: the second finds the socket gone after it has looked.


class Connection:
    def __init__(self) -> None:
        self.socket: Pool | None = Pool()

    def disconnect(self) -> None:
        if self.socket is None:
            return
        self.socket.close()
        self.socket = None


class ConnectionMended(Connection):
    def disconnect(self) -> None:
        socket, self.socket = self.socket, None
        if socket is not None:
            socket.close()


def disconnected_twice(kind: Any = Connection) -> None:
    connection = kind()
    at_once(connection.disconnect, connection.disconnect)


def disconnected_twice_mended() -> None:
    disconnected_twice(ConnectionMended)


# Each thread finds the pool below its limit, and each makes one more connection.


class Counted:
    def __init__(self, most: Any) -> None:
        self.most = most
        self.created = 0
        self.lock = threading.Lock()

    def get(self) -> Any:
        if self.created >= self.most:
            return None
        self.created += 1
        return Pool()


class CountedMended(Counted):
    def get(self) -> Any:
        with self.lock:
            return super().get()


def above_the_limit(kind: Any = Counted) -> None:
    pool = kind(1)
    got: list[Any] = []
    at_once(lambda: got.append(pool.get()), lambda: got.append(pool.get()))
    assert sum(each is not None for each in got) == 1


def above_the_limit_mended() -> None:
    above_the_limit(CountedMended)
