"""Run a server in a process of its own, on a port of the loopback that was free, and be sure that it ends.

    python -m tidegate_stress.web.servers waitress with 32 5 4711

is the process: a server, its arm, its threads, the socket that it inherits, and the process that it must not outlive.

Each server has the same settings with and without the middleware. The WSGI servers have more threads than the middleware has slots:
it runs in their threads, so with no more threads than slots every request would wait in the server's own queue before it is asked
(the case "few threads").
"""

import contextlib
import importlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from importlib.metadata import version
from typing import IO, Any, Final, cast, final

from tidegate_specs.extras import UsageError, advice
from tidegate_specs.runner import die_with_parent

from .apps import asgi_app, wsgi_app
from .case import THREADS, WITH, WITHOUT, ServerName

BACKLOG: Final = 2048
CONNECTIONS: Final = 2000
KEEP_ALIVE_S: Final = 60
SEND_BUFFER_BYTES: Final = 1 << 16  # of a socket, and of waitress behind it: what a slow reader can leave with the server
STARTED_S: Final = 20.0
ASKED_S: Final = 1.0
TAIL_BYTES: Final = 2_000


class ServerFailed(Exception):
    """Raised when a server does not start."""


@contextlib.contextmanager
def serving(name: ServerName, guarded: bool, threads: int = THREADS) -> Generator["Server", None, None]:
    """Run a server for the length of a `with`, and end it and all that it started. Raises ServerFailed when it does not answer."""
    with tempfile.TemporaryFile() as said, socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        listener.bind(("127.0.0.1", 0))
        listener.listen(BACKLOG)
        port: int = listener.getsockname()[1]
        arguments = [name, WITH if guarded else WITHOUT, str(threads), str(listener.fileno()), str(os.getpid())]
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )
        try:
            listener.close()  # or clients would go on connecting after the server's end
            server = Server(process, port, said)
            server.await_answer()
            yield server
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@final
class Server:
    """Ask a running server for its state."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, said: IO[bytes]) -> None:
        self.port: Final = port
        self._process = process
        self._said = said
        self._members: list[Any] = []

    def await_answer(self) -> None:
        """Wait until it answers."""
        limit_s = time.monotonic() + STARTED_S
        while self.figures() is None:
            if self.died or time.monotonic() > limit_s:
                raise ServerFailed(f"the server did not start: {self.tail()}")
            time.sleep(0.02)
        psutil: Any = importlib.import_module("psutil")
        first = psutil.Process(self._process.pid)
        self._members = [first, *first.children(recursive=True)]

    @property
    def died(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def figures(self) -> dict[str, float] | None:
        """Ask the application for its counts. None if it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/figures", timeout=ASKED_S) as answer:
                return cast("dict[str, float]", json.loads(answer.read()))
        except (OSError, urllib.error.URLError, ValueError):
            return None

    def rss_bytes(self) -> int:
        """Add up the resident sets of the server's processes."""
        psutil: Any = importlib.import_module("psutil")
        total = 0
        for member in self._members:
            with contextlib.suppress(psutil.Error):
                total += int(member.memory_info().rss)
        return total

    def processor_s(self) -> float:
        """Add up the processor time of the server's processes."""
        psutil: Any = importlib.import_module("psutil")
        total = 0.0
        for member in self._members:
            with contextlib.suppress(psutil.Error):
                spent = member.cpu_times()
                total += float(spent.user + spent.system)
        return total

    def tail(self) -> str:
        """Give the last that it wrote."""
        return tail_of(self._said)


def tail_of(file: IO[bytes]) -> str:
    """Give the last that was written to a file."""
    file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
    return file.read().decode("utf-8", "replace").strip()


def version_of(name: ServerName) -> str:
    """Give the version of a server. Raises UsageError if it is not installed."""
    needed = (name, "starlette") if name == "uvicorn" else (name,)
    try:
        return ", ".join(f"{each} {version(each)}" for each in needed)
    except ImportError:
        raise UsageError(f"{advice('tidegate web', 'lab')} (there is no {' or no '.join(needed)})") from None


def _uvicorn(guarded: bool, _threads: int, listener: socket.socket) -> None:
    uvicorn: Any = importlib.import_module("uvicorn")
    config = uvicorn.Config(
        asgi_app(guarded),
        loop="asyncio",
        http="h11",
        lifespan="off",
        access_log=False,
        log_level="critical",
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _waitress(guarded: bool, threads: int, listener: socket.socket) -> None:
    waitress: Any = importlib.import_module("waitress")
    logging.getLogger("waitress").setLevel(logging.CRITICAL)
    waitress.serve(
        wsgi_app(guarded),
        sockets=[listener],
        threads=threads,
        backlog=BACKLOG,
        connection_limit=CONNECTIONS,
        asyncore_use_poll=True,
        outbuf_high_watermark=SEND_BUFFER_BYTES,
        _quiet=True,
    )


def _gunicorn(guarded: bool, threads: int, listener: socket.socket) -> None:
    base: Any = importlib.import_module("gunicorn.app.base")

    def worker_started(_arbiter: object, _worker: object) -> None:
        die_with_parent()

    settings = {
        "bind": f"fd://{listener.fileno()}",
        "worker_class": "gthread",
        "workers": 1,
        "threads": threads,
        "worker_connections": CONNECTIONS,
        "backlog": BACKLOG,
        "keepalive": KEEP_ALIVE_S,
        "loglevel": "critical",
        "control_socket_disable": True,
        "post_fork": worker_started,
    }

    def load_config(self: Any) -> None:
        for name, value in settings.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(_self: Any) -> Any:
        return wsgi_app(guarded)

    application: Any = type("Application", (base.BaseApplication,), {"load_config": load_config, "load": load})
    application().run()


def main() -> None:
    """Be a server until killed."""
    name, arm, threads, descriptor, parent = sys.argv[1:]
    die_with_parent()
    if os.getppid() == int(parent):  # else it died before it could be watched
        run = {"uvicorn": _uvicorn, "waitress": _waitress, "gunicorn": _gunicorn}[name]
        run(arm == WITH, int(threads), socket.socket(fileno=int(descriptor)))


if __name__ == "__main__":
    main()
