"""The middlewares behind real servers: nothing goes past a bulkhead for "/", and rules hold below a root (WEB-1).

The application tells how many are inside, and keeps them there until it is told to let them go, so nothing here depends on time.
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

WAIT_S = 30.0
APPLICATION = """
import asyncio, json, threading, time
from tidegate.adapters import asgi as asgi_adapter, wsgi as wsgi_adapter
from tidegate.adapters.bulkhead import Bulkhead

rules = {"/state": None, "/release": None, "/": Bulkhead(1), "/reports": Bulkhead(1)}
inside, entered, go = [], [0], threading.Event()


def begin(path):
    if path.endswith("/state"):
        return json.dumps({"inside": len(inside), "entered": entered[0], "rule": rule_of(path)}).encode()
    if path.endswith("/release"):
        go.set()
        return b"released"
    entered[0] += 1
    inside.append(path)


def rule_of(path):
    held = [prefix for prefix, bulkhead in rules.items() if bulkhead and bulkhead.statistics().in_flight]
    return held[0] if held else ""


def end():
    inside.pop()
    go.clear()
    return b"served"


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"].endswith("shutdown"):
                return
    answer = begin(scope["path"])
    if answer is None:
        while not go.is_set():
            await asyncio.sleep(0.002)
        answer = end()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(answer)).encode())]})
    await send({"type": "http.response.body", "body": answer})


def wsgi_application(environ, start_response):
    answer = begin(environ["PATH_INFO"])
    if answer is None:
        go.wait()
        answer = end()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]


asgi = asgi_adapter.AdmissionMiddleware(application, rules)
wsgi = wsgi_adapter.AdmissionMiddleware(wsgi_application, rules)
"""
WSGIREF = """
import socket, sys, threading
from socketserver import ThreadingMixIn, UnixStreamServer
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from application import wsgi

class Server(ThreadingMixIn, WSGIServer):
    address_family, daemon_threads = socket.AF_UNIX, True
    def server_bind(self):
        UnixStreamServer.server_bind(self)
        self.server_name, self.server_port = "host", 80
        self.setup_environ()

class Handler(WSGIRequestHandler):
    def __init__(self, request, _address, server):
        super().__init__(request, ("client", 1), server)
    def log_message(self, *_):
        pass

server = Server(sys.argv[1], Handler)
server.set_app(wsgi)
server.serve_forever()
"""
# Each by the modules that it needs, and its arguments for a socket and a root.
Arguments = Callable[[str, str], Sequence[str]]
SERVERS: dict[str, tuple[str, Arguments]] = {
    "uvicorn with h11": (
        "uvicorn h11",
        lambda path, root: ["-m", "uvicorn", "--http", "h11", "--uds", path, "--root-path", root, "application:asgi"],
    ),
    "uvicorn with httptools": (
        "uvicorn httptools",
        lambda path, root: ["-m", "uvicorn", "--http", "httptools", "--uds", path, "--root-path", root, "application:asgi"],
    ),
    "hypercorn": (
        "hypercorn",
        lambda path, root: ["-m", "hypercorn", "-b", f"unix:{path}", "--root-path", root, "application:asgi"],
    ),
    "granian for ASGI": (
        "granian",
        lambda path, root: ["-m", "granian", "--interface", "asgi", "--uds", path, *prefixed(root), "application:asgi"],
    ),
    "daphne": ("daphne", lambda path, root: ["-m", "daphne", "-u", path, "--root-path", root, "application:asgi"]),
    "gunicorn": (
        "gunicorn",
        lambda path, root: [
            "-m",
            "gunicorn",
            "--threads",
            "8",
            "-b",
            f"unix:{path}",
            "-e",
            f"SCRIPT_NAME={root}",
            "application:wsgi",
        ],
    ),
    "waitress": (
        "waitress",
        lambda path, root: ["-m", "waitress", "--threads", "8", "--unix-socket", path, "--url-prefix", root, "application:wsgi"],
    ),
    "granian for WSGI": (
        "granian",
        lambda path, root: [
            *("-m", "granian", "--interface", "wsgi", "--blocking-threads", "8", "--uds", path, *prefixed(root), "application:wsgi")
        ],
    ),
    "wsgiref": ("wsgiref", lambda path, _root: ["wsgiref_server.py", path]),
}
# Those that have the whole path asked for, root and all, as a proxy sends it that takes nothing away.
WHOLE = ("gunicorn", "granian for WSGI", "hypercorn", "daphne", "granian for ASGI", "waitress")
each_server = pytest.mark.parametrize("name", SERVERS)

TARGETS = {
    "GET /": "/",
    "GET /a": "/",
    "GET //a": "/",
    "GET /reports": "/reports",
    "GET /reports/may": "/reports",
    "GET /reportsx": "/",
    "OPTIONS *": "/",
    "GET http://host": "/",
    "GET http://host/a": "/",
    "GET http://host/reports": "/reports",
    "GET a": "/",
    "GET reports": "/reports",
    "GET ?a": "/",
    "GET /state/../a": "/",
}


def prefixed(root: str) -> list[str]:
    return ["--url-path-prefix", root] if root else []


class Server:
    """Talk to a server, over a socket of its own for each request."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ask(self, line: str) -> tuple[int, bytes]:
        """Send one request; its status (0: the connection was closed without an answer), and its body."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(WAIT_S)
            connection.connect(str(self.path))
            connection.sendall(f"{line} HTTP/1.1\r\nHost: host\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]) if head else 0, body

    def state(self, root: str = "") -> dict[str, Any]:
        status, body = self.ask(f"GET {root}/state")
        assert status == 200, body
        state: dict[str, Any] = json.loads(body)
        return state


def until(reached: Callable[[], bool]) -> None:
    """Wait for something that must come."""
    end_s = time.monotonic() + WAIT_S
    while not reached():
        assert time.monotonic() < end_s, "it did not come"
        time.sleep(0.005)


@contextmanager
def running(name: str, root: str = "") -> Generator[Server]:
    modules, arguments = SERVERS[name]
    for module in modules.split():
        pytest.importorskip(module, reason=f"{module} is not installed")
    folder = Path(tempfile.mkdtemp(prefix="tidegate-"))  # short, as the path of a socket must be
    (folder / "application.py").write_text(APPLICATION, encoding="utf-8")
    (folder / "wsgiref_server.py").write_text(WSGIREF, encoding="utf-8")
    path = folder / "socket"
    log = (folder / "log").open("w+b")
    process = subprocess.Popen([sys.executable, *arguments(str(path), root)], cwd=folder, stdout=log, stderr=log)

    def listening() -> bool:
        assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(path))
        except OSError:
            return False
        return True

    try:
        until(listening)
        yield Server(path)
    finally:
        process.terminate()
        try:
            process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def six_at_once(server: Server, line: str, root: str = "") -> tuple[list[int], str]:
    """Send six requests, the first of which stays inside if it gets there; all their statuses, and whose slot was held."""
    first: list[int] = []
    thread = threading.Thread(target=lambda: first.append(server.ask(line)[0]), daemon=True)
    thread.start()
    until(lambda: bool(first) or server.state(root)["inside"] == 1)
    rule = str(server.state(root)["rule"])
    statuses = [] if first else [server.ask(line)[0] for _ in range(5)]
    if not first:
        assert server.ask(f"GET {root}/release")[0] == 200
    thread.join(WAIT_S)
    until(lambda: server.state(root)["inside"] == 0)
    return first + statuses, rule


@each_server
def test_nothing_goes_past_a_bulkhead_for_everything(name: str) -> None:
    with running(name) as server:
        let_in = 0
        for line, rule in TARGETS.items():
            statuses, held = six_at_once(server, line)
            if statuses[0] == 200:
                assert statuses == [200, 503, 503, 503, 503, 503], line
                assert held == rule or line in ("GET //a", "GET reports"), line  # some servers change these two themselves
                let_in += 1
            else:
                assert statuses == [400], line  # by the server
        assert server.state()["entered"] == let_in >= 9


@each_server
def test_rules_are_relative_to_the_root(name: str) -> None:
    if name == "wsgiref":
        pytest.skip("wsgiref knows no root")
    with running(name, "/api") as server:
        root = "/api" if name in WHOLE else ""
        for target, rule in (("/reports", "/reports"), ("/reports/may", "/reports"), ("/reportsx", "/"), ("/", "/"), ("/api", "/")):
            assert six_at_once(server, f"GET {root}{target}", root) == ([200, 503, 503, 503, 503, 503], rule), target
