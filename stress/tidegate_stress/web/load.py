"""Make load on a server of this machine: by schedule, whatever the answers are, in a process of its own.

    python -m tidegate_stress.web.load < load.json     one line of JSON for each interval, and one with all figures at the end

Open-loop: a request is due at a time that no answer and no delay can change, and all its times count from then. One thread, one
selector, raw sockets that are kept alive between requests; how many there may be is bounded, and a request that finds none is told
as unsent. The other generators, `wrk` and `hey`, are closed-loop: each of their connections sends its next request when it has its
answer, so that they can't offer more than the server answers, and a server that refuses fast is asked all the faster.
"""

import csv
import errno
import io
import json
import re
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice
from typing import Any, Final, Literal, NamedTuple, cast, final

from tidegate_specs.runner import die_with_parent

from ..lab.arrivals import due_times
from ..lab.case import Case, Ladder
from ..lab.histogram import Histogram, ladder
from .case import (
    CAPACITY_PER_S,
    DEADLINE_S,
    HANGING,
    PATIENCE_S,
    POOL,
    SLOW_CLIENTS,
    ClosedResult,
    ServerName,
    Trouble,
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
CALM: Final = 0.5
REQUEST: Final = b"GET /serve HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n"

Kind = Literal["served", "rejected", "gave up", "broken", "unsent"]


@dataclass(frozen=True, slots=True)
class Load:
    """Say what load to make. level: of the capacity, for `seconds`; then half the capacity for `after_s`."""

    port: int
    level: float
    seconds: float
    after_s: float
    seed: int = 0
    trouble: Trouble = "none"

    def due_ns(self) -> Iterator[int]:
        """Give the times at which requests are due, from the start of the load."""

        def part(seconds: float, level: float, arrivals: Literal["poisson", "constant"]) -> Iterator[int]:
            case = Case("", "", seconds, level, arrivals, seed=self.seed)
            return due_times(case, CAPACITY_PER_S, 0, 1)

        calm_from_ns = int(self.seconds * 1e9)
        calm = (calm_from_ns + due_ns for due_ns in part(self.after_s, CALM, "constant"))
        return chain(part(self.seconds, self.level, "poisson"), calm)


class Answer(NamedTuple):
    """Tell how one request ended, and when, in nanoseconds from the start of the load."""

    due_ns: int
    end_ns: int
    kind: Kind
    bare: bool = False  # a rejection without Retry-After

    @property
    def took_ns(self) -> int:
        """The time from its intended start."""
        return self.end_ns - self.due_ns

    @property
    def good(self) -> bool:
        """Whether it was served within the deadline."""
        return self.kind == "served" and self.took_ns <= DEADLINE_S * 1e9


def figures_of(load: Load, answers: Sequence[Answer]) -> dict[str, float]:
    """Compute what the answers tell of the server."""
    end_ns, first_ns = load.seconds * 1e9, min(DEADLINE_S, load.seconds / 2) * 1e9
    loaded = [each for each in answers if each.due_ns < end_ns]
    calm = [each for each in answers if each.due_ns >= end_ns]
    count: Callable[[Kind], int] = lambda kind: sum(each.kind == kind for each in loaded)  # noqa: E731
    good = sum(each.good for each in loaded)
    window_s = (end_ns - first_ns) / 1e9
    goodput = sum(each.good and first_ns <= each.end_ns < end_ns for each in answers) / window_s
    offered = sum(first_ns <= each.due_ns < end_ns for each in loaded) / window_s
    free = CAPACITY_PER_S * (1 - HANGING / POOL if load.trouble == "hang" else 1)
    bad = [each.due_ns for each in calm if not each.good]
    figures: dict[str, float] = {
        "offered": len(loaded),
        "good": good,
        "late": count("served") - good,
        "rejected": count("rejected"),
        "bare_rejections": sum(each.bare for each in answers),
        "gave_up": count("gave up"),
        "broken": count("broken"),
        "unsent": count("unsent"),
        "goodput_per_s": goodput,
    }
    if loaded:
        told = sum(each.good or (each.kind == "rejected" and each.took_ns <= DEADLINE_S * 1e9) for each in loaded)
        figures["answered_share"] = told / len(loaded)
    if min(free, offered) > 0:
        figures["goodput_share"] = goodput / min(free, offered)
    if calm:
        figures["recovery_s"] = (max(bad) - end_ns) / 1e9 if bad else 0.0
    return figures


def ladders_of(load: Load, answers: Iterable[Answer]) -> dict[str, Ladder]:
    """Give the distributions of times, of requests that were due during the load."""
    kinds = {name: Histogram() for name in ("served", "taken", "rejected")}
    for each in answers:
        if each.due_ns < load.seconds * 1e9:
            for name, members in (("served", ("served",)), ("taken", ("served", "gave up")), ("rejected", ("rejected",))):
                if each.kind in members:
                    kinds[name].record(each.took_ns)
    return {name: found for name, histogram in kinds.items() if (found := ladder([histogram])) is not None}


def interval_of(end_s: float, seconds: float, answers: Sequence[Answer], offered: int, waiting: int) -> WebInterval:
    """Sum up what happened in one interval."""
    served = [each for each in answers if each.kind == "served"]
    good = sum(each.good for each in served)
    rejected = sum(each.kind == "rejected" for each in answers)
    return WebInterval(
        t_s=round(end_s, 3),
        offered_per_s=round(offered / seconds, 1),
        good_per_s=round(good / seconds, 1),
        late_per_s=round((len(served) - good) / seconds, 1),
        rejected_per_s=round(rejected / seconds, 1),
        lost_per_s=round((len(answers) - len(served) - rejected) / seconds, 1),
        waiting=waiting,
        served_ms=round(sum(each.took_ns for each in served) / len(served) / 1e6, 1) if served else None,
    )


@dataclass(frozen=True, slots=True)
class Response:
    """Tell what stands in the head of a response. length: of its body, None if the end of the connection ends it."""

    status: int
    head: int
    length: int | None
    closes: bool
    retry_after: bool

    def complete(self, received: bytes | bytearray, ended: bool = False) -> bool:
        """Tell whether all of it has been received. ended: the connection has."""
        return ended if self.length is None else len(received) >= self.head + self.length


_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSES: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_RETRY_AFTER: Final = re.compile(rb"\r\nretry-after: *\d", re.IGNORECASE)


def response_of(received: bytes | bytearray) -> Response | None:
    """Read the head of a response. None while it is not whole; ValueError if it is none."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(received[:end])
    if not head.startswith(b"HTTP/1."):
        raise ValueError("this is no response")
    length = _LENGTH.search(head)
    return Response(
        status=int(head[9:12]),
        head=end + 4,
        length=int(length[1]) if length else None,
        closes=length is None or _CLOSES.search(head) is not None,
        retry_after=_RETRY_AFTER.search(head) is not None,
    )


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


# The other generators.


def closed_command(tool: Literal["wrk", "hey"], port: int, connections: int, seconds: float) -> list[str]:
    """Give the command line of another generator."""
    url = f"http://127.0.0.1:{port}/serve"
    if tool == "wrk":
        return ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "20s", url]
    return ["hey", "-c", str(connections), "-z", f"{seconds:g}s", "-t", "20", "-o", "csv", url]


def read_wrk(text: str) -> dict[str, Any]:
    """Read what wrk printed. ValueError if it is not what it prints."""

    def number(pattern: str) -> float:
        found = re.search(pattern, text)
        return float(found[1]) if found else 0.0

    requests = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", text)
    if requests is None:
        raise ValueError("wrk did not tell its requests")
    seconds = float(requests[2]) * {"ms": 1e-3, "s": 1.0, "m": 60.0}[requests[3]]
    rejected = number(r"Non-2xx or 3xx responses: (\d+)")
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    return {
        "served_per_s": (float(requests[1]) - rejected) / seconds,
        "rejected_per_s": rejected / seconds,
        "errors": sum(map(int, errors.groups())) if errors else 0,
    }


def read_hey(text: str, seconds: float) -> dict[str, Any]:
    """Read the lines of `hey -o csv`. ValueError if they are none."""
    rows = list(csv.DictReader(io.StringIO(text)))
    if not rows:
        raise ValueError("hey told of no request")
    if not {"response-time", "status-code", "offset"} <= set(rows[0]):
        raise ValueError("hey gave other columns")
    served = sorted(float(row["response-time"]) for row in rows if row["status-code"] == "200")
    seconds = max(seconds, *(float(row["offset"]) + float(row["response-time"]) for row in rows))  # it waits for its last answers
    figures: dict[str, Any] = {
        "served_per_s": len(served) / seconds,
        "rejected_per_s": sum(row["status-code"] == "503" for row in rows) / seconds,
        "in_time_per_s": sum(took_s <= DEADLINE_S for took_s in served) / seconds,
        "errors": sum(row["status-code"] not in {"200", "503"} for row in rows),
    }
    if served:
        figures |= {f"p{percent}_s": served[min(len(served) - 1, len(served) * percent // 100)] for percent in (50, 99)}
    return figures


def run_closed(
    tool: Literal["wrk", "hey"], server: ServerName, guarded: bool, port: int, connections: int, seconds: float
) -> ClosedResult:
    """Have another generator make its load."""
    result = ClosedResult(tool, server, guarded, connections, seconds, 0.0, 0.0)
    try:
        done = subprocess.run(
            closed_command(tool, port, connections, seconds), capture_output=True, text=True, timeout=seconds + 30, check=True
        )
        figures = read_wrk(done.stdout) if tool == "wrk" else read_hey(done.stdout, seconds)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return replace(result, problem=str(error))
    return replace(result, **figures)


if __name__ == "__main__":
    main()
