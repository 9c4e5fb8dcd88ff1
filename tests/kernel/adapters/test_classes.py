"""Classes in the middlewares, the metrics and the edges: who is let in, what is answered, and what is told by class."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tidegate.adapters import asgi, wsgi
from tidegate.adapters.bulkhead import Bulkhead
from tidegate.adapters.edges import OverloadWatch
from tidegate.adapters.metrics import observe_with_opentelemetry, prometheus_collector
from tidegate.policies import Shed
from tidegate.policies.admission import Admission
from tidegate.policies.classes import Classes


def admission_of(capacity: int = 2) -> Admission:
    return Admission(Bulkhead(capacity), classes=Classes({"user": 1.0, "batch": 0.5}, default="batch"))


def label_of(request: Any) -> str | None:
    """Give the class of a scope or an environ."""
    if "headers" in request:
        return dict(request["headers"]).get(b"x-class", b"").decode() or None
    label: str | None = request.get("HTTP_X_CLASS")
    return label


class Both:
    """Ask a middleware of either kind, and give the status, the headers and the body."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.inside: Callable[[], object] | None = None
        self.seen: list[Any] = []

    def make(self, *arguments: Any, **options: Any) -> Any:
        if self.kind == "asgi":
            return asgi.AdmissionMiddleware(self._asgi, *arguments, **options)
        return wsgi.AdmissionMiddleware(self._wsgi, *arguments, **options)

    def own(self) -> Any:
        """Give an application that answers 418 with the reason."""

        async def of_asgi(scope: Any, _receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 418, "headers": []})
            await send({"type": "http.response.body", "body": scope["tidegate.refusal"].value.encode()})

        def of_wsgi(environ: Any, start_response: Any) -> list[bytes]:
            start_response("418 Teapot", [])
            return [environ["tidegate.refusal"].value.encode()]

        return of_asgi if self.kind == "asgi" else of_wsgi

    async def _asgi(self, scope: Any, _receive: Any, send: Any) -> None:
        self.seen.append(scope)
        if self.inside:
            self.inside()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

    def _wsgi(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        self.seen.append(environ)
        if self.inside:
            self.inside()
        start_response("200 OK", [])
        return [b"hello"]

    def ask(self, app: Any, path: str = "/", label: str | None = None) -> tuple[int, dict[str, str], bytes]:
        if self.kind == "wsgi":
            sent: list[Any] = []
            environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, **({"HTTP_X_CLASS": label} if label else {})}

            def start_response(*told: Any) -> None:
                sent.append(told)

            body = app(environ, start_response)
            try:
                whole = b"".join(body)
            finally:
                getattr(body, "close", int)()
            return int(sent[0][0][:3]), {name.lower(): value for name, value in sent[0][1]}, whole
        messages: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        headers = [(b"x-class", label.encode())] if label else []
        asyncio.run(app({"type": "http", "method": "GET", "path": path, "headers": headers}, receive, send))
        told = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        return messages[0]["status"], told, b"".join(message.get("body", b"") for message in messages[1:])


@pytest.fixture(params=["asgi", "wsgi"])
def both(request: Any) -> Both:
    return Both(request.param)


def test_a_request_has_the_class_that_it_is_told(both: Both) -> None:
    admission = admission_of()
    app = both.make(admission, classify=label_of)
    held = admission.enter("user")
    assert both.ask(app, label="user")[0] == 200
    status, headers, body = both.ask(app, label="batch")
    assert (status, headers["retry-after"], body) == (503, "1", b"busy, try again later\n")
    assert both.ask(app)[0] == 503
    read = admission.statistics()
    assert [(each.accepted, each.shed_class) for each in read.classes] == [(2, 0), (0, 2)]
    assert (read.unknown, read.in_flight) == (1, 1)
    assert sum(number for _, number in read.classes[0].sojourn) == 1
    del held


def is_health(request: Any) -> bool:
    return bool(request.get("path", request.get("PATH_INFO")) == "/healthz")


def fails(_request: Any) -> Any:
    raise OSError("of its own")


@pytest.mark.parametrize("exempt", [("/healthz",), is_health])
def test_what_is_exempt_is_answered_under_overload(both: Both, exempt: Any) -> None:
    bulkhead = Bulkhead(1)
    app = both.make(bulkhead, exempt=exempt)
    held = bulkhead.enter()
    assert both.ask(app, "/healthz")[0] == 200
    assert both.ask(app, "/")[0] == 503
    del held


def test_a_predicate_or_a_classifier_that_fails_does_no_harm(both: Both) -> None:
    admission = admission_of()
    app = both.make(admission, exempt=fails, classify=fails)
    assert both.ask(app)[0] == 200
    assert admission.statistics().unknown == 1
    held = admission.enter("user")
    assert both.ask(app)[0] == 503
    del held


def test_the_answer_is_as_it_is_told(both: Both) -> None:
    bulkhead = Bulkhead(1)
    headers = [("Content-Type", "application/json"), ("X-Why", "busy")]
    app = both.make(bulkhead, status=429, body=b'{"busy":true}', headers=headers, retry_after_s=7)
    held = bulkhead.enter()
    status, told, body = both.ask(app)
    assert (status, body) == (429, b'{"busy":true}')
    assert told == {"content-type": "application/json", "x-why": "busy", "content-length": "13", "retry-after": "7"}
    own = both.make(admission := admission_of(), classify=label_of, refused=both.own())
    more = admission.enter("user")
    assert both.ask(own, label="batch")[::2] == (418, b"class")
    del held, more


def test_to_observe_refuses_nobody(both: Both) -> None:
    admission = admission_of()
    app = both.make(admission, classify=label_of, observe=True)
    held = [admission.enter("user"), admission.enter("user")]
    assert [both.ask(app, label=label)[0] for label in ("user", "batch")] == [200, 200]
    read = admission.statistics()
    assert (read.full, read.shed_class, read.accepted) == (1, 1, 2)
    held.clear()


def test_an_application_that_fails_is_no_sample(both: Both) -> None:
    admission = admission_of()
    app = both.make(admission)

    def fail() -> None:
        raise OSError("no")

    both.inside = fail
    with pytest.raises(OSError, match="no"):
        both.ask(app)
    read = admission.statistics()
    assert (read.released, read.free) == (1, 2)
    assert sum(number for each in read.classes for _, number in each.sojourn) == 0


@pytest.mark.parametrize(
    "options",
    [
        {"status": 500},
        {"body": "text"},
        {"headers": [("Retry-After", "1")]},
        {"headers": [("X", "a\nb")]},
        {"headers": [("X", 1)]},
        {"exempt": "/healthz"},
        {"exempt": ("healthz",)},
        {"exempt": ("/",)},
        {"classify": "user"},
    ],
)
def test_what_can_not_be_sent(both: Both, options: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        both.make({"/": Bulkhead(1)}, **options)


def test_edges_tell_the_classes() -> None:
    admission = admission_of()
    watch = OverloadWatch(admission)
    held = admission.enter("batch")
    assert admission.enter("batch") is Shed.CLASS
    edge = watch.look()
    assert edge is not None
    assert (edge.kind, edge.rejected, dict(edge.classes)) == ("entered", 1, {"user": 0, "batch": 1})
    assert admission.enter("batch") is Shed.CLASS
    assert watch.look() is None
    left = watch.look()
    assert left is not None
    assert (left.kind, left.rejected, dict(left.classes)) == ("left", 2, {"user": 0, "batch": 2})
    del held


def test_prometheus_shows_the_classes() -> None:
    client = pytest.importorskip("prometheus_client")
    registry, admission = client.CollectorRegistry(), admission_of()
    prometheus_collector({"web": admission}, registry)
    with admission.enter("user"):  # type: ignore[union-attr]
        assert admission.enter("batch") is Shed.CLASS
        text = client.generate_latest(registry).decode()
    assert 'tidegate_class_offers_total{class="batch",intake="web",outcome="class"} 1.0' in text
    assert 'tidegate_offers_total{intake="web",outcome="class"} 1.0' in text
    assert 'tidegate_class_in_progress{class="user",intake="web"} 1.0' in text
    assert 'tidegate_class_threshold{class="batch",intake="web"} 1.0' in text
    assert 'tidegate_limit{intake="web"} 2.0' in text
    text = client.generate_latest(registry).decode()
    assert 'tidegate_class_sojourn_seconds_bucket{class="user",intake="web",le="+Inf"} 1.0' in text


def test_opentelemetry_shows_the_classes() -> None:
    sdk = pytest.importorskip("opentelemetry.sdk.metrics")
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader, admission = InMemoryMetricReader(), admission_of()
    provider = sdk.MeterProvider([reader])
    observe_with_opentelemetry(provider.get_meter("test"), {"web": admission})
    with admission.enter("user"):  # type: ignore[union-attr]
        assert admission.enter("batch") is Shed.CLASS
    data: Any = reader.get_metrics_data()
    found = {
        (metric.name, *sorted(map(str, point.attributes.values()))): point.value
        for scope in data.resource_metrics[0].scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    }
    assert found["tidegate.class.offers", "batch", "class", "class", "web"] == 1
    assert found["tidegate.class.in_progress", "user", "web"] == 0
    assert found["tidegate.slot.limit", "web"] == 2
    provider.shutdown()
