"""Make load on a server of this machine: by schedule, whatever the answers are, in a process of its own.

    python -m tidegate_stress.web.load < load.json     one line of JSON for each interval, and one with all figures at the end

Open-loop: a request is due at a time that no answer and no delay can change, and all its times count from then. One thread, one
selector, raw sockets that are kept alive between requests; how many there may be is bounded, and a request that finds none is told
as unsent. The other generators, `wrk` and `hey`, are closed-loop: each of their connections sends its next request when it has its
answer, so that they can't offer more than the server answers, and a server that refuses fast is asked all the faster.
"""

import errno
import json
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from typing import Final, cast, final

from tidegate_specs.runner import die_with_parent

from ..lab.histogram import Histogram, ladder
from .answers import Answer, Kind, Load, Response, figures_of, interval_of, ladders_of, response_of
from .case import (
    HANGING,
    PATIENCE_S,
    SLOW_CLIENTS,
    WebInterval,
)

SOCKETS: Final = 1600
PATIENCE_NS: Final = int(PATIENCE_S * 1e9)
INTERVAL_NS: Final = 250_000_000
LEAD_S: Final = 0.3  # before the load: slow clients come first
SLOW_TICK_NS: Final = 100_000_000
SLOW_AGAIN_S: Final = 0.5  # after which a slow client that was refused comes back
SLOW_BYTES: Final = 256  # that a slow reader reads in a tick
SLOW_WINDOW_BYTES: Final = 4096
REQUEST: Final = b"GET /serve HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n"


@final
class _Connection:
    """Hold one socket, and the request that it carries, if any."""

    __slots__ = ("due_ns", "peer", "received", "response", "sending")

    def __init__(self, peer: socket.socket) -> None:
        self.peer: Final = peer
        self.due_ns = -1  # of the request that is in progress; negative for none
        self.sending = False
        self.received = bytearray()
        self.response: Response | None = None


@final
class LoadGenerator:
    """Make the load, and gather the answers."""

    def __init__(self, load: Load, told: Callable[[WebInterval], None]) -> None:
        self._load = load
        self._told = told
        self._address = ("127.0.0.1", load.port)
        self._selector = selectors.DefaultSelector()
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._waiting: deque[tuple[int, _Connection]] = deque()  # in the order in which callers lose their patience
        self._start_ns = 0
        self._told_answers = self._sent = self._told_sent = 0
        self._told_s = 0.0
        self.answers: list[Answer] = []
        self.sent_late = Histogram()
        self.slow: Final = slow_clients(load)

    def run(self) -> None:
        """Go through the whole schedule, and wait until every caller has an answer or none any more."""
        self._start_ns = time.perf_counter_ns() + int(LEAD_S * 1e9)
        due = deque(self._load.due_ns())
        troubled_until_ns = int(self._load.seconds * 1e9)
        slow_ns, interval_ns = -int(LEAD_S * 1e9), INTERVAL_NS
        while due or self._waiting:
            now_ns = self._now_ns()
            while due and due[0] <= now_ns:
                self._send(due.popleft())
            self._expire(now_ns)
            if now_ns >= slow_ns:
                slow_ns = now_ns + SLOW_TICK_NS
                for client in self.slow:
                    client.tick(now_ns / 1e9, stop=now_ns >= troubled_until_ns)
            if now_ns >= interval_ns:
                interval_ns = now_ns + INTERVAL_NS
                self._tell(now_ns / 1e9)
            next_ns = min(
                [slow_ns, interval_ns, *islice(due, 1), *(due_ns + PATIENCE_NS for due_ns, _ in islice(self._waiting, 1))]
            )
            for key, _ in self._selector.select(max(0.0, (next_ns - self._now_ns()) / 1e9)):
                self._ready(cast(_Connection, key.data))
        self._tell(self._now_ns() / 1e9)
        for connection in list(self._open):
            self._close(connection)
        for client in self.slow:
            client.tick(float("inf"), stop=True)

    def _now_ns(self) -> int:
        return time.perf_counter_ns() - self._start_ns

    def _tell(self, now_s: float) -> None:
        new = self.answers[self._told_answers :]
        if now_s > self._told_s:
            waiting = sum(connection.due_ns >= 0 for connection in self._open)
            self._told(interval_of(now_s, now_s - self._told_s, new, self._sent - self._told_sent, waiting))
        self._told_answers, self._told_sent, self._told_s = len(self.answers), self._sent, now_s

    def _send(self, due_ns: int) -> None:
        """Give a request to a socket that is idle, or to a new one."""
        self._sent += 1
        connection = self._free()
        if connection is None:
            self.answers.append(Answer(due_ns, due_ns, "unsent"))
            return
        connection.due_ns = due_ns
        connection.sending = True
        self._waiting.append((due_ns, connection))
        self._ready(connection)

    def _free(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection in self._open:  # the server may have closed it since
                return connection
        return self._connect() if len(self._open) < SOCKETS else None

    def _connect(self) -> _Connection:
        peer = socket.socket()
        peer.setblocking(False)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.connect_ex(self._address)
        connection = _Connection(peer)
        self._open.add(connection)
        self._selector.register(peer, selectors.EVENT_READ | selectors.EVENT_WRITE, connection)
        return connection

    def _ready(self, connection: _Connection) -> None:
        """Send or receive what can be sent or received."""
        try:
            if connection.sending:
                connection.peer.send(REQUEST)
                connection.sending = False
                self.sent_late.record(self._now_ns() - connection.due_ns)
                self._selector.modify(connection.peer, selectors.EVENT_READ, connection)
                return
            received = connection.peer.recv(1 << 16)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # still connecting
                self._end(connection, "broken")
            return
        connection.received += received
        try:
            response = connection.response = connection.response or response_of(connection.received)
        except ValueError:
            self._end(connection, "broken")
            return
        whole = response is not None and response.complete(connection.received, ended=not received)
        if response is not None and whole and connection.due_ns >= 0:
            kind: Kind = "served" if response.status == 200 else "rejected" if response.status == 503 else "broken"
            self._answered(connection, kind, bare=kind == "rejected" and not response.retry_after)
            if received and not response.closes:
                connection.received.clear()
                connection.response = None
                self._idle.append(connection)
                return
            self._close(connection)
        elif not received or connection.due_ns < 0:
            self._end(connection, "broken")

    def _answered(self, connection: _Connection, kind: Kind, bare: bool = False) -> None:
        self.answers.append(Answer(connection.due_ns, self._now_ns(), kind, bare))
        connection.due_ns = -1

    def _end(self, connection: _Connection, kind: Kind) -> None:
        if connection.due_ns >= 0:
            self._answered(connection, kind)
        self._close(connection)

    def _close(self, connection: _Connection) -> None:
        self._open.discard(connection)
        self._selector.unregister(connection.peer)
        connection.peer.close()

    def _expire(self, now_ns: int) -> None:
        """Let those hang up whose patience is over; forget those who have their answer."""
        limit_ns = now_ns - PATIENCE_NS
        while self._waiting:
            due_ns, connection = self._waiting[0]
            if connection.due_ns == due_ns:
                if due_ns > limit_ns:
                    return
                self._end(connection, "gave up")
            self._waiting.popleft()


@final
class SlowClient:
    """Send or read very slowly: something every tick, for as long as the load lasts. One that is refused comes back later."""

    def __init__(self, address: tuple[str, int], first: bytes, every: bytes) -> None:
        self._address = address
        self._first = first
        self._every = every
        self._socket: socket.socket | None = None
        self._greeted = False
        self._again_s = -LEAD_S
        self.refused = 0

    def tick(self, now_s: float, *, stop: bool) -> None:
        """Do the next little thing."""
        if stop:
            self._hang_up(float("inf"))
        elif self._socket is None and now_s >= self._again_s:
            self._socket = socket.socket()
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_WINDOW_BYTES)
            self._socket.setblocking(False)
            self._socket.connect_ex(self._address)
            self._greeted = False
        elif self._socket is not None:
            try:
                self._socket.send(self._every if self._greeted else self._first)
                self._greeted = True
                received = self._socket.recv(SLOW_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                received = b""
            if received.startswith(b"HTTP/1.1 503"):
                self.refused += 1
                received = b""
            if not received:
                self._hang_up(now_s + SLOW_AGAIN_S)

    def _hang_up(self, again_s: float) -> None:
        self._again_s = again_s
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def slow_clients(load: Load) -> list[SlowClient]:
    """Make the slow clients of a load."""

    def several(count: int, path: str, every: bytes, more: str = "\r\n", method: str = "GET") -> list[SlowClient]:
        first = f"{method} {path} HTTP/1.1\r\nHost: slow\r\n{more}".encode()
        return [SlowClient(("127.0.0.1", load.port), first, every) for _ in range(count)]

    match load.trouble:
        case "none" | "few threads":
            return []
        case "slow headers":
            return several(SLOW_CLIENTS, "/serve", b"a", "X-Slow: ")
        case "slow transfers":
            bodies = several(SLOW_CLIENTS // 2, "/transfer/", b"a", "Content-Length: 1000000\r\n\r\n", "POST")
            return bodies + several(SLOW_CLIENTS // 2, "/transfer/", b"")
        case "hang":
            return several(HANGING, f"/serve/hang?seconds={LEAD_S - SLOW_TICK_NS / 1e9 + load.seconds:g}", b"")


def main() -> None:
    """Make the load that stdin describes."""
    die_with_parent()
    load = Load(**json.load(sys.stdin))

    def tell(event: str, content: object) -> None:
        sys.stdout.write(json.dumps({event: content}) + "\n")
        sys.stdout.flush()

    generator = LoadGenerator(load, lambda interval: tell("interval", asdict(interval)))
    begun_s, spent_s = time.monotonic(), time.process_time()
    generator.run()
    cores = (time.process_time() - spent_s) / (time.monotonic() - begun_s)
    figures = figures_of(load, generator.answers) | {"generator_cores": cores}
    if generator.slow:
        figures["slow_refused"] = sum(client.refused for client in generator.slow)
    late = ladder([generator.sent_late])
    if late is not None:
        figures["sent_late_p99_s"] = late.at(99.0) / 1e9
    ladders = {name: asdict(each) for name, each in ladders_of(load, generator.answers).items()}
    tell("result", {"figures": figures, "ladders": ladders})


if __name__ == "__main__":
    main()
