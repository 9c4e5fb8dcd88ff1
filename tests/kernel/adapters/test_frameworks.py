"""The middleware with the real packages: a mounted application, BaseHTTPMiddleware, background tasks, streams, WebSockets,
HTTP/2."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tidegate.adapters.asgi import AdmissionMiddleware
from tidegate.adapters.bulkhead import Bulkhead
from tidegate.policies.admission import Admission
from tidegate.policies.classes import Classes

pytestmark = pytest.mark.filterwarnings("ignore:Using `httpx` with")  # of Starlette's test client, which takes either


def admission_of(capacity: int = 4) -> Admission:
    return Admission(Bulkhead(capacity), classes=Classes({"user": 1.0, "batch": 0.5}, default="batch"))


def label_of(scope: Any) -> str | None:
    return dict(scope["headers"]).get(b"x-class", b"").decode() or None


USER = {"x-class": "user"}


class Site:
    """A Starlette application with all that a request may do, an admission outside of it, and a client."""

    def __init__(self, base: bool = False, mounted: bool = False) -> None:
        pytest.importorskip("httpx")
        applications = pytest.importorskip("starlette.applications")
        from starlette.background import BackgroundTask
        from starlette.middleware.base import BaseHTTPMiddleware
        from starlette.responses import PlainTextResponse, StreamingResponse
        from starlette.routing import Mount, Route, WebSocketRoute
        from starlette.testclient import TestClient

        self.admission = admission_of()
        self.seen: list[int] = []

        def look() -> None:
            self.seen.append(self.admission.statistics().in_flight)

        async def plain(_request: Any) -> Any:
            look()
            return PlainTextResponse("hello", background=BackgroundTask(look))

        async def fail(_request: Any) -> Any:
            raise OSError("of the application")

        async def stream(_request: Any) -> Any:
            async def pieces() -> AsyncIterator[str]:
                for piece in "abc":
                    look()
                    yield piece

            return StreamingResponse(pieces())

        async def talk(websocket: Any) -> None:
            await websocket.accept()
            look()
            await websocket.send_text(await websocket.receive_text())
            await websocket.close()

        routes: list[Any] = [Route("/", plain), Route("/stream", stream), Route("/fail", fail), WebSocketRoute("/talk", talk)]
        inner = applications.Starlette(routes=routes)
        if base:

            async def through(request: Any, call_next: Any) -> Any:
                return await call_next(request)

            inner.add_middleware(BaseHTTPMiddleware, dispatch=through)
        app: Any = AdmissionMiddleware(inner, self.admission, classify=label_of, exempt=("/healthz",))
        if mounted:
            app = applications.Starlette(routes=[Mount("/api", app=app)])
        self.prefix = "/api" if mounted else ""
        self.client = TestClient(app, raise_server_exceptions=False)

    def sojourns(self) -> int:
        return sum(number for each in self.admission.statistics().classes for _, number in each.sojourn)


@pytest.fixture(params=["plain", "base", "mounted"])
def site(request: Any) -> Site:
    return Site(request.param == "base", request.param == "mounted")


def test_a_request_is_inside_until_its_background_task_has_ended(site: Site) -> None:
    assert site.client.get(f"{site.prefix}/", headers=USER).text == "hello"
    assert site.seen == [1, 1]
    read = site.admission.statistics()
    assert (read.free, read.classes[0].accepted, site.sojourns()) == (4, 1, 1)


def test_a_stream_is_inside_until_its_end(site: Site) -> None:
    assert site.client.get(f"{site.prefix}/stream", headers=USER).text == "abc"
    assert site.seen == [1, 1, 1]
    assert site.admission.statistics().free == 4


def test_classes_are_refused_before_the_application(site: Site) -> None:
    held = [site.admission.enter("batch"), site.admission.enter("batch")]
    refused = site.client.get(f"{site.prefix}/")
    assert (refused.status_code, refused.headers["retry-after"], site.seen) == (503, "1", [])
    assert site.client.get(f"{site.prefix}/", headers=USER).status_code == 200
    assert site.client.get(f"{site.prefix}/healthz").status_code == 404
    held.clear()


def test_a_websocket_is_inside_while_it_is_open_and_no_sample(site: Site) -> None:
    with site.client.websocket_connect(f"{site.prefix}/talk", headers=USER) as websocket:
        websocket.send_text("hello")
        assert websocket.receive_text() == "hello"
    assert (site.seen, site.sojourns(), site.admission.statistics().released) == ([1], 0, 1)


def test_an_application_that_fails_gives_its_slot_back(site: Site) -> None:
    assert site.client.get(f"{site.prefix}/fail", headers=USER).status_code == 500
    read = site.admission.statistics()
    assert (read.free, read.released, read.classes[0].in_progress) == (4, 1, 0)


def test_a_client_that_goes_away_gives_its_slot_back() -> None:
    """As servers do it: the task of the request is cancelled."""
    admission = admission_of(1)

    async def wait(_scope: Any, _receive: Any, _send: Any) -> None:
        await asyncio.sleep(3600)

    app = AdmissionMiddleware(wait, admission)

    async def main() -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        task = asyncio.ensure_future(app(scope, None, None))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        assert admission.statistics().in_flight == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    read = admission.statistics()
    assert (read.free, read.classes[0].in_progress) == (1, 0)
    assert sum(number for each in read.classes for _, number in each.sojourn) == 0


def test_django_by_asgi() -> None:
    django = pytest.importorskip("django")
    from django.conf import settings

    if not settings.configured:
        settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x")
        django.setup()
    from django.core.asgi import get_asgi_application

    admission = admission_of()
    app: Any = AdmissionMiddleware(get_asgi_application(), admission, classify=label_of)

    async def ask(headers: list[tuple[bytes, bytes]]) -> Any:
        sent: list[Any] = []
        over = asyncio.Event()

        told: list[bool] = []

        async def receive() -> Any:
            if not told:
                told.append(True)
                return {"type": "http.request", "body": b"", "more_body": False}
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/", "headers": headers, "query_string": b"", "http_version": "1.1"}
        await app(scope, receive, send)
        return sent[0]["status"]

    held = [admission.enter("batch"), admission.enter("batch")]
    assert asyncio.run(ask([(b"x-class", b"user")])) == 200
    assert asyncio.run(ask([])) == 503
    assert admission.statistics().in_flight == 2
    held.clear()


def django_urls() -> list[Any]:
    try:
        from django.http import HttpResponse
        from django.urls import path
    except ImportError:
        return []

    def hello(_request: Any) -> Any:
        return HttpResponse("hello")

    return [path("", hello)]


urlpatterns = django_urls()


def test_http_2_streams_of_one_connection_are_limited_one_by_one() -> None:
    pytest.importorskip("hypercorn")
    pytest.importorskip("h2")
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.events import DataReceived, ResponseReceived, StreamEnded
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    bulkhead, over = Bulkhead(2), asyncio.Event()

    async def wait(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await over.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"hello"})

    async def main() -> dict[int, str]:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        config = Config()
        config.bind = [f"fd://{listener.detach()}"]
        config.alpn_protocols = ["h2"]
        stop = asyncio.Event()
        app: Any = AdmissionMiddleware(wait, bulkhead)
        server = asyncio.ensure_future(serve(app, config, shutdown_trigger=stop.wait))  # type: ignore[arg-type]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        client = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        client.initiate_connection()
        pairs = [(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "x")]
        for number in (1, 3, 5):
            client.send_headers(number, pairs, end_stream=True)
        writer.write(client.data_to_send())
        status: dict[int, str] = {}
        ended = 0
        while ended < 3:
            for event in client.receive_data(await asyncio.wait_for(reader.read(65536), 20)):
                if isinstance(event, ResponseReceived):
                    status[event.stream_id] = dict(event.headers)[":status"]
                    if status[event.stream_id] == "503":
                        assert bulkhead.statistics().in_flight == 2
                        over.set()
                elif isinstance(event, DataReceived):
                    client.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                ended += isinstance(event, StreamEnded)
            writer.write(client.data_to_send())
        writer.close()
        stop.set()
        await asyncio.wait_for(server, 20)
        return status

    assert sorted(asyncio.run(main()).values()) == ["200", "200", "503"]
    assert bulkhead.statistics().free == 2
