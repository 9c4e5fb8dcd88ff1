"""What the workers do with an item: wait, ask a server on the loopback interface, compute, or some of each.

The amount of work is fixed, not its time: a worker that is starved of the processor takes longer, and that shows.
"""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from typing import Final

from .case import Case

MIXED_CPU: Final = 0.25  # of the service time, when it is mixed
Task = Callable[[], None]

# A server of its own process, so that it takes nothing of the interpreter under test: each byte is answered after the service time.
_SERVER: Final = """\
import socket, sys, threading, time
def answer(connection):
    with connection:
        while connection.recv(1):
            time.sleep(float(sys.argv[1]))
            connection.sendall(b".")
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), listener.close(), __import__("os")._exit(0)), daemon=True).start()
while True:
    threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
"""


def _turns(count: int) -> int:
    total = 0
    for number in range(count):
        total += number & 7
    return total


def _turns_in(seconds: float) -> int:
    """Find how many turns take this long, by the fastest of several tries."""
    count, best_s = 20_000, float("inf")
    for _ in range(5):
        start_s = time.thread_time()
        _turns(count)
        best_s = min(best_s, time.thread_time() - start_s)
    return max(1, int(count * seconds / best_s))


@contextlib.contextmanager
def tasks_for(case: Case) -> Generator[list[Task]]:
    """Make one task for each worker; what it needs is there as long as the context is."""
    seconds = case.service_s
    match case.work:
        case "sleep":
            yield [lambda: time.sleep(seconds)] * case.workers
        case "cpu":
            turns = _turns_in(seconds)
            yield [lambda: void(_turns(turns))] * case.workers
        case "mixed":
            turns = _turns_in(seconds * MIXED_CPU)

            def mixed() -> None:
                _turns(turns)
                time.sleep(seconds * (1 - MIXED_CPU))

            yield [mixed] * case.workers
        case "socket":
            with _server(seconds) as port, contextlib.ExitStack() as stack:
                yield [_asking(stack.enter_context(socket.create_connection(("127.0.0.1", port), 5))) for _ in range(case.workers)]


def void(_value: object) -> None:
    """Drop a value."""


def _asking(connection: socket.socket) -> Task:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask() -> None:
        connection.sendall(b".")
        connection.recv(1)

    return ask


@contextlib.contextmanager
def _server(seconds: float) -> Generator[int]:
    command = [sys.executable, "-I", "-c", _SERVER, str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        assert process.stdin is not None
        process.stdin.close()
