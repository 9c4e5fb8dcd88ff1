"""Load what is to be probed, and make one call of it: a function, a coroutine function, an ASGI 3 or a WSGI application (PEP 3333).

A call ends as `SERVED`, as `REFUSED` (the wall's refusal, or an answer 429 or 503) or as `FAILED` (any other answer of 400 and
above, no answer, or an exception). Applications are called as a server would, in this process, without a network.
"""

import asyncio
import importlib
import importlib.util
import inspect
import io
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Final, Literal, cast

from tidegate import Outcome
from tidegate.adapters import asgi, wsgi
from tidegate.adapters.bulkhead import Bulkhead
from tidegate_specs.extras import UsageError

Kind = Literal["function", "coroutine function", "ASGI application", "WSGI application"]
SERVED, REFUSED, FAILED, UNSENT = 1, 2, 3, 4  # in `drive.Run.answers`; 0: it has not ended
REFUSALS: Final = frozenset({429, 503})
SHUT_S: Final = 2.0  # that the end of a lifespan may take


@dataclass(frozen=True, slots=True)
class Target:
    """Hold what is called. path: of the requests to an application.

    wall: what stands in front of it, as the middleware of an application or around a function; None: nothing does.
    """

    name: str
    kind: Kind
    call: Callable[..., Any]
    path: str = "/"
    wall: Bulkhead | None = None

    @property
    def in_loop(self) -> bool:
        """Whether it is called by an event loop."""
        return self.kind in {"coroutine function", "ASGI application"}

    @property
    def title(self) -> str:
        """Say what it is."""
        return f"{self.name}, {'an' if self.kind[0] == 'A' else 'a'} {self.kind}" + (
            f", GET {self.path}" if "app" in self.kind else ""
        )

    def server(self) -> Callable[[], int]:
        """Give what makes one call in a thread, and gives how it ended."""
        if self.kind == "WSGI application":
            return _wsgi_server(self.call if self.wall is None else wsgi.AdmissionMiddleware(self.call, self.wall), self.path)
        return _function_server(self.call, self.wall)

    def async_server(self, state: dict[str, Any]) -> Callable[[], Awaitable[int]]:
        """Give what makes one call in an event loop, and gives how it ended. state: what the lifespan left for requests."""
        if self.kind == "ASGI application":
            app = self.call if self.wall is None else asgi.AdmissionMiddleware(self.call, self.wall)
            return _asgi_server(app, self.path, state)
        return _coroutine_server(self.call, self.wall)


def load(name: str, *, application: bool, path: str = "/") -> Target:
    """Import "package.module:name" or "file.py:name". Raises UsageError, saying what is wrong and where."""
    place, colon, attribute = name.rpartition(":")
    if not (colon and place and attribute):
        raise UsageError(f"{name} is not of the form package.module:name or file.py:name")
    try:
        module = _import_file(Path(place)) if place.endswith(".py") else _import_module(place)
    except ImportError as error:
        raise UsageError(f"{place} can't be imported: {error}") from None
    except Exception as error:  # noqa: BLE001 - whatever the module raises is the answer
        raise UsageError(f"{place} can't be imported: {where_it_failed(error)}") from None
    try:
        found: Any = reduce(getattr, attribute.split("."), cast(Any, module))
    except AttributeError:
        raise UsageError(f"{place} has no {attribute}") from None
    if not callable(found):
        raise UsageError(f"{name} can't be called: it is of the type {type(found).__name__}")
    return Target(name, _kind_of(name, found, application), found, path)


def _import_file(file: Path) -> object:
    if not file.is_file():
        raise ImportError(f"there is no file {file}")
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as if the file were run: what lies beside it can be imported
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


def _import_module(name: str) -> object:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as servers do
    return importlib.import_module(name)


def _kind_of(name: str, found: Any, application: bool) -> Kind:
    is_async = inspect.iscoroutinefunction(found) or inspect.iscoroutinefunction(getattr(found, "__call__", None))  # noqa: B004
    taken = _positional(found)
    if not application:
        if taken not in {None, 0}:
            raise UsageError(f"{name} has {taken} arguments: give one that can be called with none")
        return "coroutine function" if is_async else "function"
    if taken == 3 or (taken is None and is_async):
        return "ASGI application"
    if taken == 2 and not is_async:
        return "WSGI application"
    factory = ": if it makes the application, name what it makes" if taken == 0 else ""
    raise UsageError(f"{name} takes {taken} arguments, an ASGI application takes 3 and a WSGI application 2{factory}")


def _positional(found: Any) -> int | None:
    """Count the arguments that have to be given; None where that can't be told."""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return None
    return sum(
        each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD} and each.default is each.empty for each in parameters
    )


def where_it_failed(error: BaseException) -> str:
    """Say what was raised, and at which line."""
    if isinstance(error, AnswerError):
        return str(error)
    frames = [each for each in traceback.extract_tb(error.__traceback__) if not each.filename.startswith("<frozen")]
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


def _function_server(call: Callable[[], Any], wall: Bulkhead | None) -> Callable[[], int]:
    def serve() -> int:
        if wall is None:
            call()
            return SERVED
        lease = wall.enter()
        if isinstance(lease, Outcome):
            return REFUSED
        with lease:
            call()
        return SERVED

    return serve


def _coroutine_server(call: Callable[[], Awaitable[Any]], wall: Bulkhead | None) -> Callable[[], Awaitable[int]]:
    async def serve() -> int:
        if wall is None:
            await call()
            return SERVED
        lease = wall.enter()
        if isinstance(lease, Outcome):
            return REFUSED
        with lease:
            await call()
        return SERVED

    return serve


class AnswerError(Exception):
    """Raised for an answer that tells of no work done: 400 and above."""


def _ended(status: int) -> int:
    """Give how a request ended that was answered with this status. Raises AnswerError for one that was not served."""
    if status in REFUSALS:
        return REFUSED
    if not 100 <= status < 400:
        raise AnswerError(f"it was answered {status}" if status else "it got no answer")
    return SERVED


def _wsgi_server(app: Callable[..., Iterable[bytes]], path: str) -> Callable[[], int]:
    path, _, query = path.partition("?")

    def serve() -> int:
        told: list[int] = []

        def start_response(status: str, _headers: Any, _failed: Any = None) -> Callable[[bytes], object]:
            told.append(int(status.split(" ", 1)[0]))
            return lambda _data: None

        body = app(_environ(path, query), start_response)
        try:
            for _ in body:
                pass
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
        return _ended(told[-1] if told else 0)

    return serve


def _environ(path: str, query: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def _asgi_server(app: Callable[..., Awaitable[None]], path: str, state: dict[str, Any]) -> Callable[[], Awaitable[int]]:
    path, _, query = path.partition("?")

    async def serve() -> int:
        told, complete, asked = [0], asyncio.Event(), 0

        async def receive() -> dict[str, Any]:
            nonlocal asked
            asked += 1
            if asked == 1:
                return {"type": "http.request", "body": b"", "more_body": False}
            await complete.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                told[0] = int(message["status"])
            elif message["type"] == "http.response.body" and not message.get("more_body"):
                complete.set()

        await app({**_scope(path, query), "state": state.copy()}, receive, send)
        return _ended(told[0])

    return serve


def _scope(path: str, query: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


class Lifespan:
    """Start an ASGI application and end it, as a server does. One that knows no lifespan is called without."""

    def __init__(self, app: Callable[..., Awaitable[None]], state: dict[str, Any]) -> None:
        self._state = state
        self._app = app
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._failed = ""

    async def start(self) -> None:
        """Start it. Raises UsageError if it says that it failed."""
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        self._task = asyncio.ensure_future(self._app(scope, self._messages.get, self._send))
        await self._tell("startup")
        if self._failed:
            raise UsageError(f"the application failed to start: {self._failed}")

    async def end(self) -> None:
        """End it, within two seconds."""
        if self._task is not None and not self._task.done():
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._tell("shutdown"), SHUT_S)
            self._task.cancel()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _tell(self, what: str) -> None:
        assert self._task is not None
        await self._messages.put({"type": f"lifespan.{what}"})
        answer = asyncio.ensure_future(self._answers.get())
        await asyncio.wait([answer, self._task], return_when=asyncio.FIRST_COMPLETED)
        answer.cancel()

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "lifespan.startup.failed":
            self._failed = str(message.get("message", "")) or "it did not say why"
        await self._answers.put(message["type"])
