import asyncio
import gc
import io
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast
from wsgiref.handlers import SimpleHandler
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest

from tidegate.adapters.bulkhead import BUSY, Bulkhead
from tidegate.adapters.wsgi import AdmissionMiddleware

PAGE = Path(__file__).parents[3] / "kernel" / "docs" / "wsgi.md"
App = Callable[..., Any]


def environ_of(path: str = "/", method: str = "GET", **more: Any) -> dict[str, Any]:
    environ: dict[str, Any] = {"SCRIPT_NAME": "", "PATH_INFO": path, "REQUEST_METHOD": method, "QUERY_STRING": "", **more}
    setup_testing_defaults(environ)
    return environ


class Call:
    """Call a WSGI application as a server does, up to where it has given its response."""

    def __init__(self, app: App, environ: dict[str, Any] | None = None) -> None:
        self.told: list[tuple[str, dict[str, str]]] = []
        self.written: list[bytes] = []
        self.body: Any = app(environ or environ_of(), self.start_response)

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        self.told.append((status, dict(headers)))
        return self.written.append

    def end(self) -> bytes:
        """Read it and close it."""
        try:
            return b"".join(self.body)
        finally:
            if hasattr(self.body, "close"):
                self.body.close()


class Body:
    """Be a response that counts who closes it."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self.pieces:
            raise StopIteration
        return self.pieces.pop(0)

    def close(self) -> None:
        self.closed += 1


def answering(body: Callable[[], Iterable[bytes]]) -> App:
    def application(environ: dict[str, Any], start_response: App) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return body()

    return application


def unreachable(environ: dict[str, Any], start_response: App) -> Iterable[bytes]:
    pytest.fail("the application was called")


def full() -> tuple[Bulkhead, Any]:
    bulkhead = Bulkhead(1)
    return bulkhead, bulkhead.enter()


def free(bulkhead: Bulkhead) -> int:
    return bulkhead.statistics().free


def test_a_request_with_a_slot_is_served() -> None:
    bulkhead = Bulkhead(1)
    call = Call(AdmissionMiddleware(answering(lambda: [b"a", b"b"]), bulkhead))
    assert free(bulkhead) == 0
    assert call.end() == b"ab"
    assert call.told == [("200 OK", {"Content-Type": "text/plain"})]
    assert free(bulkhead) == 1


class Untouched:
    def __getattr__(self, name: str) -> Any:
        pytest.fail("the body was read")


def test_a_request_without_a_slot_is_refused_completely() -> None:
    bulkhead, held = full()
    environ = environ_of(method="POST") | {"wsgi.input": Untouched()}
    call = Call(AdmissionMiddleware(unreachable, bulkhead, retry_after_s=3), environ)
    headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(BUSY)), "Retry-After": "3"}
    assert call.told == [("503 Service Unavailable", headers)]
    assert call.end() == BUSY
    assert held


def test_a_refusal_after_close_is_the_same() -> None:
    bulkhead = Bulkhead(1)
    bulkhead.close()
    assert Call(AdmissionMiddleware(unreachable, bulkhead)).told[0][0] == "503 Service Unavailable"


def test_a_refused_head_request_has_no_body() -> None:
    bulkhead, _held = full()
    call = Call(AdmissionMiddleware(unreachable, bulkhead), environ_of(method="HEAD"))
    assert (call.end(), call.told[0][1]["Content-Length"]) == (b"", str(len(BUSY)))


def test_each_part_of_the_site_has_its_own_bulkhead() -> None:
    reports, _held = full()
    app = AdmissionMiddleware(answering(lambda: [b""]), {"/": Bulkhead(1), "/reports": reports})
    for path, status in (("/", "200"), ("/reports", "503"), ("/reports/may", "503"), ("/reportsx", "200")):
        call = Call(app, environ_of(path))
        assert call.told[0][0][:3] == status
        call.end()


def test_a_path_without_a_bulkhead_is_passed_through_untouched() -> None:
    reports, _held = full()
    body = [b"x"]
    assert Call(AdmissionMiddleware(answering(lambda: body), {"/reports": reports}), environ_of("/other")).body is body


def test_a_path_is_path_info_in_utf_8() -> None:
    cafe, _held = full()
    app = AdmissionMiddleware(answering(lambda: [b"x"]), {"/café": cafe})
    encoded = "/café".encode().decode("latin-1")
    assert Call(app, environ_of(encoded)).told[0][0][:3] == "503"
    assert Call(app, environ_of(encoded, SCRIPT_NAME="/shop")).told[0][0][:3] == "503"
    assert Call(app, environ_of("", SCRIPT_NAME=encoded)).told[0][0][:3] == "200"
    assert Call(app, environ_of("\xff")).told[0][0][:3] == "200"  # no UTF-8


@pytest.mark.parametrize("path", ["/", "/a", "//a", "", "*", "a", "1", "http://host", "http://host/a", "\xff"])
@pytest.mark.parametrize("script_name", ["", "/api"])
def test_nothing_goes_past_a_bulkhead_for_everything(path: str, script_name: str) -> None:
    bulkhead, held = full()
    app = AdmissionMiddleware(unreachable, {"/": bulkhead})
    assert Call(app, environ_of(path, "OPTIONS") | {"PATH_INFO": path, "SCRIPT_NAME": script_name}).told[0][0][:3] == "503"
    without = {name: value for name, value in environ_of().items() if name not in ("PATH_INFO", "SCRIPT_NAME")}
    assert Call(app, without).told[0][0][:3] == "503"
    assert held


@pytest.mark.parametrize(
    ("path", "script_name", "status"),
    [("/reports", "/api", "503"), ("/reports/may", "", "503"), ("", "/reports", "200"), ("http://host/reports", "", "503")],
)
def test_rules_are_relative_to_the_root_of_the_application(path: str, script_name: str, status: str) -> None:
    reports, _held = full()
    app = AdmissionMiddleware(answering(lambda: [b"x"]), {"/reports": reports, "/": Bulkhead(1)})
    assert Call(app, environ_of(path) | {"PATH_INFO": path, "SCRIPT_NAME": script_name}).told[0][0][:3] == status


def test_a_health_check_is_not_limited_and_a_rule_that_never_matched_can_be_asked_for() -> None:
    bulkhead, _held = full()
    app = AdmissionMiddleware(answering(lambda: [b"x"]), {"/healthz": None, "/": bulkhead, "/report": Bulkhead(1)})
    assert set(app.unmatched) == {"/healthz", "/", "/report"}
    statuses = [Call(app, environ_of(path)).told[0][0][:3] for path in ("/healthz", "/healthz/live", "/healthz/../a", "/reports")]
    assert statuses == ["200", "200", "503", "503"]
    assert app.unmatched == ("/report",)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="retry_after_s"):
        AdmissionMiddleware(unreachable, Bulkhead(1), retry_after_s=cast(Any, 0.5))
    with pytest.raises(ValueError, match="prefix"):
        AdmissionMiddleware(unreachable, {"reports": Bulkhead(1)})


def test_the_slot_is_held_until_the_response_is_read_to_its_end() -> None:
    bulkhead = Bulkhead(1)
    body = Body(b"a", b"b")
    call = Call(AdmissionMiddleware(answering(lambda: body), bulkhead))
    pieces = iter(call.body)
    assert (next(pieces), free(bulkhead)) == (b"a", 0)
    assert (next(pieces), free(bulkhead)) == (b"b", 0)
    assert (next(pieces, None), body.closed, free(bulkhead)) == (None, 0, 1)
    next_one = bulkhead.enter()
    call.body.close()
    assert (body.closed, free(bulkhead)) == (1, 0)  # closing it takes nothing from who has the slot now
    del call, pieces
    assert (free(bulkhead), bulkhead.statistics().abandoned, bulkhead.statistics().released) == (0, 0, 1)
    assert next_one


def test_the_slot_is_held_until_a_response_that_is_not_read_is_closed() -> None:
    bulkhead = Bulkhead(1)
    call = Call(AdmissionMiddleware(answering(lambda: Body(b"a")), bulkhead))
    assert free(bulkhead) == 0
    call.body.close()
    assert (free(bulkhead), bulkhead.statistics().released) == (1, 1)


@pytest.mark.parametrize("pieces", [0, 1, 3])
def test_a_response_that_is_read_and_never_closed_is_finished(pieces: int) -> None:
    bulkhead = Bulkhead(1)
    shapes: list[Callable[[], Iterable[bytes]]] = [
        lambda: [b"x"] * pieces,
        lambda: (b"x" for _ in range(pieces)),
        lambda: Body(*[b"x"] * pieces),
        lambda: FileWrapper(io.BytesIO(b"x" * pieces), 1),
    ]
    for shape in shapes:
        assert list(Call(AdmissionMiddleware(answering(shape), bulkhead)).body) == [b"x"] * pieces
    read = bulkhead.statistics()
    assert (read.free, read.released, read.abandoned) == (1, len(shapes), 0)


def test_an_exception_at_the_end_of_a_response_leaves_its_slot_to_close() -> None:
    bulkhead = Bulkhead(1)

    def application_pieces() -> Iterator[bytes]:
        yield b"a"
        raise ZeroDivisionError

    call = Call(AdmissionMiddleware(answering(application_pieces), bulkhead))
    with pytest.raises(ZeroDivisionError):
        list(call.body)
    assert free(bulkhead) == 0
    call.body.close()
    assert (free(bulkhead), bulkhead.statistics().abandoned) == (1, 0)


# Behind bridges to ASGI, which never close a response.


def asgiref(app: App) -> Any:
    return pytest.importorskip("asgiref.wsgi").WsgiToAsgi(app)


def starlette(app: App) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated in favour of a2wsgi's
        return pytest.importorskip("starlette.middleware.wsgi").WSGIMiddleware(app)


def a2wsgi(app: App) -> Any:  # the one that closes
    return pytest.importorskip("a2wsgi").WSGIMiddleware(app)


def asked(bridge: Any, path: str = "/") -> list[Any]:
    """Send one request through a bridge, and give what the server would have sent."""
    sent: list[Any] = []

    async def main() -> None:
        waiting: list[Any] = [{"type": "http.request", "body": b"", "more_body": False}]
        gone = asyncio.Event()

        async def receive() -> Any:
            if waiting:
                return waiting.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
        }
        scope |= {"raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": []}
        await asyncio.wait_for(bridge(scope | {"server": ("host", 80), "client": ("client", 1)}, receive, send), 30)

    asyncio.run(main())
    return sent


@pytest.mark.parametrize("bridge", [asgiref, starlette, a2wsgi])
def test_behind_a_bridge_a_request_is_finished_and_not_abandoned(bridge: Any) -> None:
    bulkhead = Bulkhead(1)
    app = bridge(AdmissionMiddleware(answering(lambda: (piece for piece in (b"one ", b"two"))), {"/": bulkhead}))
    for path in ("/", "/b", "/"):
        sent = asked(app, path)
        assert sent[0]["status"] == 200
        assert b"".join(message.get("body", b"") for message in sent[1:]) == b"one two"
    gc.collect()
    read = bulkhead.statistics()
    assert (read.free, read.released, read.abandoned) == (1, 3, 0)
    held = bulkhead.enter()
    assert asked(app)[0]["status"] == 503
    assert held


if hasattr(os, "fork"):

    def test_requests_of_the_parent_hold_nothing_in_a_child(in_child: Callable[[Callable[[], bool]], bool]) -> None:
        bulkhead = Bulkhead(1)
        app = AdmissionMiddleware(answering(lambda: [b"a"]), bulkhead)
        call = Call(app)

        def check() -> bool:
            call.end()  # the parent's: it frees nothing here
            first, second = Call(app), Call(app)
            return (first.told[0][0][:3], second.told[0][0][:3]) == ("200", "503")

        assert in_child(check)
        assert free(bulkhead) == 0
        assert (call.end(), free(bulkhead)) == (b"a", 1)


def test_a_client_that_goes_away_gives_the_slot_back_and_the_body_is_closed_once() -> None:
    bulkhead = Bulkhead(1)
    body = Body(b"a", b"b")
    call = Call(AdmissionMiddleware(answering(lambda: body), bulkhead))
    pieces = iter(call.body)
    next(pieces)
    call.body.close()
    assert free(bulkhead) == 1
    del pieces
    call.body = None
    assert body.closed == 1


def test_a_response_that_is_never_closed_gives_the_slot_back_when_it_is_forgotten() -> None:
    bulkhead = Bulkhead(1)
    pieces = iter(Call(AdmissionMiddleware(answering(lambda: [b"a", b"b"]), bulkhead)).body)
    assert next(pieces) == b"a"
    assert free(bulkhead) == 0  # the iterator alone holds it
    del pieces
    assert (free(bulkhead), bulkhead.statistics().abandoned) == (1, 1)


def test_a_response_in_a_cycle_gives_the_slot_back_when_it_is_collected() -> None:
    bulkhead = Bulkhead(1)
    call = Call(AdmissionMiddleware(answering(lambda: Body(b"a")), bulkhead))
    cast(Any, call).itself = call
    del call
    gc.collect()
    assert free(bulkhead) == 1


@pytest.mark.parametrize("started", [False, True])
def test_an_application_that_raises_gives_the_slot_back_at_once(started: bool) -> None:
    bulkhead = Bulkhead(1)

    def application(environ: dict[str, Any], start_response: App) -> Iterable[bytes]:
        if started:
            start_response("200 OK", [])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        Call(AdmissionMiddleware(application, bulkhead))
    assert caught.type is ZeroDivisionError  # still alive, as in a server's log
    assert free(bulkhead) == 1


def test_a_generator_that_raises_in_the_middle_gives_the_slot_back_on_close() -> None:
    bulkhead = Bulkhead(1)

    def pieces() -> Iterator[bytes]:
        yield b"a"
        raise ZeroDivisionError

    call = Call(AdmissionMiddleware(answering(pieces), bulkhead))
    with pytest.raises(ZeroDivisionError) as caught:
        call.end()
    assert caught.type is ZeroDivisionError
    assert free(bulkhead) == 1


def test_a_close_that_raises_gives_the_slot_back() -> None:
    bulkhead = Bulkhead(1)

    class Failing(Body):
        def close(self) -> None:
            raise ZeroDivisionError

    call = Call(AdmissionMiddleware(answering(lambda: Failing(b"a")), bulkhead))
    with pytest.raises(ZeroDivisionError) as caught:
        call.end()
    assert caught.type is ZeroDivisionError
    assert free(bulkhead) == 1


def test_closing_twice_frees_one_slot() -> None:
    bulkhead = Bulkhead(2)
    app = AdmissionMiddleware(answering(lambda: [b"a"]), bulkhead)
    first, second = Call(app), Call(app)
    first.end()
    first.body.close()
    assert free(bulkhead) == 1
    second.end()
    assert free(bulkhead) == 2


def test_an_application_that_writes() -> None:
    bulkhead = Bulkhead(1)

    def application(environ: dict[str, Any], start_response: App) -> Iterable[bytes]:
        write = start_response("200 OK", [])
        write(b"a")
        assert free(bulkhead) == 0
        return []

    call = Call(AdmissionMiddleware(application, bulkhead))
    assert (call.written, call.end(), free(bulkhead)) == ([b"a"], b"", 1)


def test_a_late_start_response_reaches_the_server() -> None:
    bulkhead = Bulkhead(1)

    def application(environ: dict[str, Any], start_response: App) -> Iterator[bytes]:
        start_response("200 OK", [])  # a generator: runs when the first piece is asked for
        yield b"a"

    call = Call(AdmissionMiddleware(application, bulkhead))
    assert (call.told, call.end(), call.told) == ([("200 OK", {})], b"a", [("200 OK", {})])


def test_a_length_is_passed_on_where_there_is_one() -> None:
    app = AdmissionMiddleware(answering(lambda: [b"a", b"b"]), Bulkhead(1))
    assert len(Call(app).body) == 2
    body = Call(AdmissionMiddleware(answering(lambda: Body(b"a")), Bulkhead(1))).body
    assert not hasattr(body, "__len__")


def test_a_file_is_read_piece_by_piece_and_closed() -> None:
    bulkhead = Bulkhead(1)
    file = io.BytesIO(b"abcd")
    call = Call(AdmissionMiddleware(answering(lambda: FileWrapper(file, 2)), bulkhead))
    assert list(call.body) == [b"ab", b"cd"]
    call.body.close()
    assert file.closed
    assert free(bulkhead) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("room", [True, False])
def test_it_keeps_to_the_protocol_on_both_sides(method: str, room: bool) -> None:
    bulkhead = Bulkhead(1)
    held = None if room else bulkhead.enter()
    inner = validator(cast(Any, answering(lambda: [] if method == "HEAD" else [b"a", b"b"])))
    app = validator(cast(Any, AdmissionMiddleware(cast(Any, inner), bulkhead)))
    call = Call(app, environ_of(method=method))
    assert call.told[0][0][:3] == ("200" if room else "503")
    call.end()
    assert free(bulkhead) == (1 if room else 0)
    assert (held is None) == room


def served(app: App, environ: dict[str, Any]) -> str:
    """Let wsgiref's server code answer one request."""
    out, errors = io.BytesIO(), io.StringIO()
    handler = SimpleHandler(io.BytesIO(), out, errors, environ)
    handler.run(cast(Any, app))
    assert errors.getvalue() == ""
    return out.getvalue().decode()


def test_a_server_still_makes_the_content_length_of_a_single_piece() -> None:
    bulkhead = Bulkhead(1)
    answer = served(AdmissionMiddleware(answering(lambda: [b"hello"]), bulkhead), environ_of())
    assert "Content-Length: 5" in answer
    assert answer.endswith("hello")
    assert free(bulkhead) == 1


def test_a_server_sends_the_refusal() -> None:
    bulkhead, held = full()
    answer = served(AdmissionMiddleware(unreachable, bulkhead), environ_of())
    assert answer.startswith("HTTP/1.0 503 Service Unavailable")
    assert "Retry-After: 1" in answer
    assert answer.endswith(BUSY.decode())
    assert held


def test_a_server_that_the_application_fails_gives_the_slot_back() -> None:
    bulkhead = Bulkhead(1)

    def application(environ: dict[str, Any], start_response: App) -> Iterable[bytes]:
        start_response("200 OK", [])
        raise ZeroDivisionError

    out, errors = io.BytesIO(), io.StringIO()
    SimpleHandler(io.BytesIO(), out, errors, environ_of()).run(cast(Any, AdmissionMiddleware(application, bulkhead)))
    assert out.getvalue().startswith(b"HTTP/1.0 500")
    assert "ZeroDivisionError" in errors.getvalue()
    assert free(bulkhead) == 1


def test_the_example_of_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.count("<!-- example: wsgi -->\n```python\n") == 1
    example = "\n".join(re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE))
    run = subprocess.run([sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
