import asyncio
import os
import re
import signal
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, cast

import pytest

from tidegate import Outcome
from tidegate.adapters.asgi import AdmissionMiddleware, Message, Receive, Scope, Send
from tidegate.adapters.bulkhead import BUSY, Bulkhead

PAGE = Path(__file__).parents[3] / "kernel" / "docs" / "asgi.md"
LIMIT_S = 30.0


class Client:
    """Send one request, or open one WebSocket, and keep what the server would have sent."""

    def __init__(self, app: Any, path: str = "/", kind: str = "http", **more: Any) -> None:
        self.sent: list[Message] = []
        self.received = 0
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        first = {"type": "http.request", "body": b"", "more_body": False} if kind == "http" else {"type": "websocket.connect"}
        self.incoming.put_nowait(first)
        self.scope: dict[str, Any] = {"type": kind, "path": path, "headers": [], "query_string": b""}
        if kind == "http":
            self.scope |= {"method": "GET"}
        self.scope |= more
        self.app = app
        self.on_send: Callable[[Message], Awaitable[None]] | None = None

    async def receive(self) -> Message:
        self.received += 1
        return await self.incoming.get()

    async def send(self, message: Message) -> None:
        if self.on_send is not None:
            await self.on_send(message)
        self.sent.append(message)

    async def run(self) -> "Client":
        async with asyncio.timeout(LIMIT_S):
            await self.app(self.scope, self.receive, self.send)
        return self

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def unreachable(scope: Scope, receive: Receive, send: Send) -> None:
    pytest.fail("the application was called")


def full(capacity: int = 1) -> tuple[Bulkhead, list[Any]]:
    """Make a bulkhead with everybody inside."""
    bulkhead = Bulkhead(capacity)
    return bulkhead, [bulkhead.enter() for _ in range(capacity)]


def free(bulkhead: Bulkhead) -> int:
    return bulkhead.statistics().free


def test_a_request_with_a_slot_is_served() -> None:
    bulkhead = Bulkhead(1)
    client = asyncio.run(Client(AdmissionMiddleware(hello, bulkhead)).run())
    assert (client.status, client.body) == (200, b"hello")
    assert free(bulkhead) == 1


def test_a_request_without_a_slot_is_refused_completely() -> None:
    bulkhead, held = full()
    client = asyncio.run(Client(AdmissionMiddleware(unreachable, bulkhead, retry_after_s=3)).run())
    assert client.status == 503
    assert client.headers == {
        b"content-type": b"text/plain; charset=utf-8",
        b"content-length": str(len(BUSY)).encode(),
        b"retry-after": b"3",
    }
    assert client.body == BUSY
    assert [message["type"] for message in client.sent] == ["http.response.start", "http.response.body"]
    assert not client.sent[1].get("more_body")
    assert client.received == 0
    assert len(held) == 1


def test_a_refusal_after_close_is_the_same() -> None:
    bulkhead = Bulkhead(1)
    bulkhead.close()
    assert asyncio.run(Client(AdmissionMiddleware(unreachable, bulkhead)).run()).status == 503


def test_a_refused_head_request_has_no_body() -> None:
    bulkhead, _held = full()
    client = asyncio.run(Client(AdmissionMiddleware(unreachable, bulkhead), method="HEAD").run())
    assert (client.status, client.body, client.headers[b"content-length"]) == (503, b"", str(len(BUSY)).encode())


def test_a_refusal_can_be_changed_by_who_gets_it_without_changing_the_next() -> None:
    bulkhead, _held = full()
    app = AdmissionMiddleware(unreachable, bulkhead)
    first = asyncio.run(Client(app).run())
    first.sent[0]["headers"].clear()
    assert asyncio.run(Client(app).run()).headers[b"retry-after"] == b"1"


def test_a_websocket_is_refused_with_503_where_the_server_can() -> None:
    bulkhead, _held = full()
    app = AdmissionMiddleware(unreachable, bulkhead)
    client = asyncio.run(Client(app, kind="websocket", extensions={"websocket.http.response": {}}).run())
    assert [message["type"] for message in client.sent] == ["websocket.http.response.start", "websocket.http.response.body"]
    assert (client.status, client.headers[b"retry-after"], client.body) == (503, b"1", BUSY)


@pytest.mark.parametrize("more", [{}, {"extensions": None}, {"extensions": {"tls": {}}}])
def test_a_websocket_is_closed_before_it_is_accepted_where_the_server_can_not(more: dict[str, Any]) -> None:
    bulkhead, _held = full()
    client = asyncio.run(Client(AdmissionMiddleware(unreachable, bulkhead), kind="websocket", **more).run())
    assert [message["type"] for message in client.sent] == ["websocket.close"]


@pytest.mark.parametrize("kind", ["lifespan", "something.new"])
def test_other_scopes_pass_through_and_hold_nothing(kind: str) -> None:
    bulkhead, _held = full()
    seen: list[Scope] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        assert bulkhead.statistics().in_flight == 1  # the one from before

    scope: Scope = {"type": kind}
    client = Client(None)
    asyncio.run(cast(Any, AdmissionMiddleware(application, bulkhead))(scope, client.receive, client.send))
    assert seen == [scope]


def test_each_part_of_the_site_has_its_own_bulkhead() -> None:
    reports, _held = full()
    app = AdmissionMiddleware(hello, {"/": Bulkhead(1), "/reports": reports})
    statuses = [asyncio.run(Client(app, path).run()).status for path in ("/", "/reports", "/reports/may", "/reportsx")]
    assert statuses == [200, 503, 503, 200]


def test_a_path_without_a_bulkhead_is_not_limited() -> None:
    reports, _held = full()
    app = AdmissionMiddleware(hello, {"/reports": reports})
    assert asyncio.run(Client(app, "/other").run()).status == 200


FORMS = ["/", "/a", "//a", "", "*", "a", "host:443", "http://host", "http://host/a", "/r", "/r/a", "/r*", "/rhttp://host/a"]


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("root", [None, "", "/r", "/r/"])
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_nothing_goes_past_a_bulkhead_for_everything(path: str, root: str | None, kind: str) -> None:
    bulkhead, held = full()
    app = AdmissionMiddleware(unreachable, {"/": bulkhead})
    client = asyncio.run(Client(app, path, kind, root_path=root, method="OPTIONS").run())
    assert client.sent[0]["type"] in ("http.response.start", "websocket.close")
    assert bulkhead.statistics().full == 1
    assert held


def test_a_scope_without_a_root_path_is_served() -> None:
    assert asyncio.run(Client(AdmissionMiddleware(hello, Bulkhead(1))).run()).status == 200


@pytest.mark.parametrize(
    ("path", "root", "status"),
    [
        ("/api/reports", "/api", 503),  # uvicorn --root-path /api, of GET /reports
        ("/reports", "/api", 503),  # hypercorn, daphne and granian, behind a proxy that takes the root away
        ("/api/reports/may", "/api", 503),
        ("/reports", "/r", 503),  # a root that is the beginning of the path, but no segment of it
        ("/reports", "/reports", 200),  # the root of what is mounted there
        ("/reports/reports", "/reports", 503),
        ("/api/api/reports", "/api", 200),
        ("http://host/api/reports", "/api", 503),
        ("/apihttp://host/reports", "/api", 503),
    ],
)
def test_rules_are_relative_to_the_root_of_the_application(path: str, root: str, status: int) -> None:
    reports, _held = full()
    app = AdmissionMiddleware(hello, {"/": Bulkhead(1), "/reports": reports})
    assert asyncio.run(Client(app, path, root_path=root).run()).status == status


def test_a_health_check_is_not_limited() -> None:
    bulkhead, _held = full()
    app = AdmissionMiddleware(hello, {"/healthz": None, "/": bulkhead})
    statuses = [asyncio.run(Client(app, path).run()).status for path in ("/healthz", "/healthz/live", "/healthzx", "/healthz/../")]
    assert statuses == [200, 200, 503, 503]


def test_a_rule_that_never_matched_can_be_asked_for() -> None:
    app = AdmissionMiddleware(hello, {"/healthz": None, "/": Bulkhead(1), "/report": Bulkhead(1)})
    assert set(app.unmatched) == {"/healthz", "/", "/report"}
    for path in ("/healthz", "/reports", "*"):
        asyncio.run(Client(app, path).run())
    assert app.unmatched == ("/report",)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="retry_after_s"):
        AdmissionMiddleware(hello, Bulkhead(1), retry_after_s=-1)
    with pytest.raises(ValueError, match="prefix"):
        AdmissionMiddleware(hello, {"reports": Bulkhead(1)})


def test_the_slot_is_held_until_the_last_byte() -> None:
    bulkhead = Bulkhead(1)
    held_at: list[int] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(3):
            await send({"type": "http.response.body", "body": b"x", "more_body": number < 2})

    client = Client(AdmissionMiddleware(application, bulkhead))

    async def slowly(message: Message) -> None:
        await asyncio.sleep(0)
        held_at.append(bulkhead.statistics().in_flight)
        assert bulkhead.enter() is Outcome.FULL

    client.on_send = slowly
    asyncio.run(client.run())
    assert held_at == [1, 1, 1, 1]
    assert free(bulkhead) == 1


@pytest.mark.parametrize("at", ["before", "between", "after"])
def test_an_exception_gives_the_slot_back(at: str) -> None:
    bulkhead = Bulkhead(1)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if at == "before":
            raise ZeroDivisionError
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if at == "between":
            raise ZeroDivisionError
        await send({"type": "http.response.body", "body": b""})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        asyncio.run(Client(AdmissionMiddleware(application, bulkhead)).run())
    assert caught.type is ZeroDivisionError  # still alive, as in a server's log
    assert free(bulkhead) == 1


@pytest.mark.parametrize("turns", range(1, 6))
def test_a_cancellation_at_any_await_gives_the_slot_back(turns: int) -> None:
    bulkhead = Bulkhead(1)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def main() -> None:
        task = asyncio.ensure_future(Client(AdmissionMiddleware(application, bulkhead)).run())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert free(bulkhead) == 1

    asyncio.run(main())


def test_a_client_that_goes_away_gives_the_slot_back() -> None:
    bulkhead = Bulkhead(1)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def main() -> None:
        client = Client(AdmissionMiddleware(application, bulkhead))
        task = asyncio.ensure_future(client.run())
        await asyncio.sleep(0)
        client.incoming.put_nowait({"type": "http.disconnect"})
        await task
        assert free(bulkhead) == 1

    asyncio.run(main())


def test_of_many_at_once_as_many_as_there_are_slots_are_served() -> None:
    bulkhead = Bulkhead(3)
    inside, most = [0], [0]

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        await asyncio.sleep(0)
        await hello(scope, receive, send)
        inside[0] -= 1

    async def main() -> list[int]:
        app = AdmissionMiddleware(application, bulkhead)
        return [client.status for client in await asyncio.gather(*(Client(app).run() for _ in range(20)))]

    statuses = asyncio.run(main())
    assert (statuses.count(200), statuses.count(503), most[0]) == (3, 17, 3)
    assert (free(bulkhead), bulkhead.statistics().full) == (3, 17)


def test_a_request_that_the_loop_throws_away_gives_the_slot_back() -> None:
    bulkhead = Bulkhead(1)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0)

    client = Client(None)
    coroutine = AdmissionMiddleware(application, bulkhead)(client.scope, client.receive, client.send)
    coroutine.send(None)
    assert free(bulkhead) == 0
    coroutine.close()
    assert free(bulkhead) == 1


def test_a_request_that_is_never_begun_holds_nothing() -> None:
    bulkhead = Bulkhead(1)
    client = Client(None)
    AdmissionMiddleware(unreachable, bulkhead)(client.scope, client.receive, client.send).close()
    assert free(bulkhead) == 1


if hasattr(os, "fork"):

    def test_requests_of_the_parent_hold_nothing_in_a_child() -> None:
        bulkhead = Bulkhead(1)
        children: list[int] = []

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
                child = os.fork()
            if child:
                children.append(child)
                await hello(scope, receive, send)
                return
            status = 1
            try:
                signal.alarm(10)
                client = Client(None, "/")
                refused = Client(AdmissionMiddleware(unreachable, bulkhead))
                inside = AdmissionMiddleware(hello, bulkhead)(client.scope, client.receive, client.send)  # ends without waiting
                step(inside)
                held = bulkhead.enter()
                step(AdmissionMiddleware(unreachable, bulkhead)(refused.scope, refused.receive, refused.send))
                status = 0 if (client.status, bool(held), refused.status) == (200, True, 503) else 1
            finally:
                os._exit(status)

        def step(coroutine: Any) -> None:
            with pytest.raises(StopIteration):
                coroutine.send(None)

        assert asyncio.run(Client(AdmissionMiddleware(application, bulkhead)).run()).status == 200
        assert [os.waitpid(child, 0)[1] for child in children] == [0]
        assert free(bulkhead) == 1


# With Starlette.


def test_starlette_mounts_are_limited_by_their_own_paths() -> None:
    pytest.importorskip("starlette")
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Mount, Route

    reports, held = full()

    def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse("page")

    inner = Starlette(routes=[Route("/reports", page), Route("/shop/reports", page), Route("/", page)])
    limited = AdmissionMiddleware(cast(Any, inner), {"/reports": reports, "/never": Bulkhead(1)})
    app = Starlette(routes=[Mount("/shop", cast(Any, limited)), Mount("/deep", routes=[Mount("/shop", cast(Any, limited))])])
    paths = ("/shop/reports", "/deep/shop/reports", "/shop/", "/shop/shop/reports", "/reports")
    assert asyncio.run(_starlette_statuses(app, *paths)) == [503, 503, 200, 200, 404]
    assert limited.unmatched == ("/never",)

    async def below_a_root() -> list[int]:  # as uvicorn --root-path tells it
        return [(await Client(app, f"/api{path}", root_path="/api").run()).status for path in paths]

    assert asyncio.run(below_a_root()) == [503, 503, 200, 200, 404]
    held.pop().release()
    assert asyncio.run(_starlette_statuses(app, "/shop/reports")) == [200]


def test_cors_middleware_goes_around() -> None:
    pytest.importorskip("starlette")
    from starlette.middleware.cors import CORSMiddleware

    bulkhead, _held = full()
    limited = AdmissionMiddleware(hello, bulkhead, retry_after_s=4)
    app = CORSMiddleware(cast(Any, limited), allow_origins=["https://shop"], allow_methods=["PUT"], expose_headers=["Retry-After"])
    origin = (b"origin", b"https://shop")
    refused = asyncio.run(Client(app, headers=[origin]).run())
    assert (refused.status, refused.headers[b"retry-after"]) == (503, b"4")
    assert refused.headers[b"access-control-allow-origin"] == b"https://shop"
    assert refused.headers[b"access-control-expose-headers"] == b"Retry-After"
    asked = [origin, (b"access-control-request-method", b"PUT")]
    assert asyncio.run(Client(app, method="OPTIONS", headers=asked).run()).status == 200  # a preflight takes no slot
    outside = asyncio.run(Client(AdmissionMiddleware(cast(Any, CORSMiddleware(hello)), bulkhead), headers=[origin]).run())
    assert b"access-control-allow-origin" not in outside.headers


async def _starlette_statuses(app: Any, *paths: str) -> list[int]:
    return [(await Client(app, path).run()).status for path in paths]


def test_starlette_routes() -> None:
    pytest.importorskip("starlette")
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    reports, held = full()

    def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.url.path)

    app = Starlette(
        routes=[Route("/", page), Route("/reports/{month}", page)],
        middleware=[Middleware(cast(Any, AdmissionMiddleware), bulkhead={"/reports": reports, "/": Bulkhead(2)}, retry_after_s=2)],
    )
    assert asyncio.run(_starlette_statuses(app, "/", "/reports/may", "/nowhere")) == [200, 503, 404]
    held.pop().release()
    assert asyncio.run(_starlette_statuses(app, "/reports/may")) == [200]


def test_a_starlette_stream_holds_its_slot_until_its_end_and_a_background_task_too() -> None:
    pytest.importorskip("starlette")
    from starlette.background import BackgroundTask
    from starlette.requests import Request
    from starlette.responses import StreamingResponse
    from starlette.routing import Route, Router

    bulkhead = Bulkhead(1)
    held_at: list[tuple[str, int]] = []

    async def background() -> None:
        held_at.append(("background", bulkhead.statistics().in_flight))

    async def endpoint(request: Request) -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            for number in range(3):
                await asyncio.sleep(0)
                held_at.append((f"piece {number}", bulkhead.statistics().in_flight))
                yield b"x"

        return StreamingResponse(pieces(), background=BackgroundTask(background))

    client = Client(AdmissionMiddleware(cast(Any, Router([Route("/", endpoint)])), bulkhead))
    asyncio.run(client.run())
    assert client.body == b"xxx"
    assert held_at == [("piece 0", 1), ("piece 1", 1), ("piece 2", 1), ("background", 1)]
    assert free(bulkhead) == 1


def test_a_starlette_stream_whose_client_goes_away_gives_the_slot_back() -> None:
    pytest.importorskip("starlette")
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import StreamingResponse
    from starlette.routing import Route, Router

    bulkhead = Bulkhead(1)

    async def endpoint(request: Request) -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0)
                yield b"x"

        return StreamingResponse(pieces())

    async def main() -> None:
        client = Client(AdmissionMiddleware(cast(Any, Router([Route("/", endpoint)])), bulkhead))

        async def gone(message: Message) -> None:
            if len(client.sent) == 4:
                raise OSError  # as servers do from ASGI 2.4 on

        client.scope["asgi"] = {"spec_version": "2.4"}
        client.on_send = gone
        with pytest.raises(ClientDisconnect) as caught:
            await client.run()
        assert caught.type is ClientDisconnect
        assert free(bulkhead) == 1

    asyncio.run(main())


def test_a_starlette_websocket_holds_its_slot_until_it_ends() -> None:
    pytest.importorskip("starlette")
    from starlette.routing import Router, WebSocketRoute
    from starlette.websockets import WebSocket, WebSocketDisconnect

    bulkhead = Bulkhead(1)

    async def endpoint(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                await socket.send_text(await socket.receive_text())
        except WebSocketDisconnect:
            pass

    async def main() -> None:
        app = AdmissionMiddleware(cast(Any, Router([WebSocketRoute("/", endpoint)])), bulkhead)
        first = Client(app, kind="websocket", subprotocols=[])
        running = asyncio.ensure_future(first.run())
        first.incoming.put_nowait({"type": "websocket.receive", "text": "a"})
        while len(first.sent) < 2:
            await asyncio.sleep(0)
        assert bulkhead.statistics().in_flight == 1
        second = await Client(app, kind="websocket", subprotocols=[]).run()
        assert [message["type"] for message in second.sent] == ["websocket.close"]
        first.incoming.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await running
        assert [message["type"] for message in first.sent] == ["websocket.accept", "websocket.send"]
        assert free(bulkhead) == 1

    asyncio.run(main())


def test_a_starlette_lifespan_holds_nothing() -> None:
    pytest.importorskip("starlette")
    from starlette.applications import Starlette

    bulkhead, _held = full()
    app = AdmissionMiddleware(cast(Any, Starlette()), bulkhead)
    incoming: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> Message:
        return incoming.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message["type"])

    asyncio.run(cast(Any, app)({"type": "lifespan", "app": None, "state": {}}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_the_example_of_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.count("<!-- example: asgi -->\n```python\n") == 1
    example = "\n".join(re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE))
    run = subprocess.run([sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
