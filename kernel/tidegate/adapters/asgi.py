# SPDX-License-Identifier: MIT
"""At most so many requests in progress: middleware for any ASGI 3 application, on any server, with any framework or none.

    from tidegate.adapters.asgi import AdmissionMiddleware
    from tidegate.adapters.bulkhead import Bulkhead

    app = AdmissionMiddleware(app, {"/healthz": None, "/": Bulkhead(100), "/reports": Bulkhead(4)})

"/" is for everything that no longer prefix is for. None means not limited: a health check that is refused under overload has the
orchestrator take the instance out, and the others get its load. `AdmissionMiddleware(app, Bulkhead(100))` limits everything.

A request that finds no slot is answered 503 with `Retry-After` (RFC 9110, 10.2.3) at once: the application is not called, the
body is not read, and nothing is logged. A WebSocket is refused with the same answer where the server has the extension for it
(Websocket Denial Response), or else closed before it is accepted, which servers answer with 403; it is never accepted.
Lifespans and scopes of any other type are passed on and hold nothing.

When the slot is free again
    When the application's call has ended: by returning, by an exception, by a cancellation, or because the event loop threw
    it away. Not at the last byte, though nobody waits after it: what runs after it in the same call (Starlette's
    `BackgroundTask`) is work all the same, and a limit that does not count it lets it pile up. What the application started
    and did not wait for is not counted.

What the server does with a body that was not read
    That is its own affair, so the answer does not say `Connection: close`. uvicorn reads on, throws the body away and keeps
    the connection; a client that sent `Expect: 100-continue` is never told to begin. To close while a client is still sending
    could reset the connection before it has read the answer.

Prior art
    uvicorn's `--limit-concurrency`: connections and tasks of the whole server, idle ones too, no parts of the site.
    Middleware that awaits a semaphore: a queue without a bound, in memory, with the request's body behind it.

Considered and rejected
    A base class of a framework's: works with that framework only, and some of them end the call before the response. An own
    copy of `send` that looks for the last byte: a step more for each piece of each response.

Limits
    Paths are compared within the application, without `root_path`, byte by byte once decoded: a path that the application takes for
    the same although it is spelled otherwise (`//reports`) may be another's or nobody's. Give "/" a bulkhead, and nothing goes
    without. With a fixed `retry_after_s` every refused client is told the same time: a client should add some of its own (jitter),
    or give `RetryAfter()`. The server accepts and parses a connection before any of this. The limit is one process's own: four
    workers let in four times as many.
    Inside another middleware that answers for an application that failed, the slot is free before that answer: put this outermost,
    but for CORS middleware, which goes around it: refusals and preflights would have no CORS headers otherwise.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, final

from ._requests import Entrance, Requests, end_early
from ._retry import Busy, RetryAfter
from .bulkhead import BUSY, Bulkhead

__all__ = ["AdmissionMiddleware", "RetryAfter"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


@final
class AdmissionMiddleware:
    """Let as many requests and WebSockets in as the bulkhead has slots, and answer the next one 503 at once (WEB-1, WEB-2, WEB-3).

    bulkhead: one for all, or a mapping from path prefixes to bulkheads, or to admissions: the longest prefix that ends where a
    segment of the path ends is the one; a path that leads to None, or that none matches, is not limited. Paths are the
    application's own, without the `root_path` that it is mounted at. retry_after_s: what refused clients are told to wait, in
    seconds; or `RetryAfter()`, which works it out and spreads it (WEB-3).
    classify: gives the class of a request for an `Admission`, from its scope; None, or a class that there is not, is the default.
    exempt: the prefixes of paths that are never limited, or a function that tells it of a scope. status, body, headers: of the
    answer to who is refused: 503 or 429, text unless `headers` say otherwise. refused: an application of your own that answers
    instead (not WebSockets); why is in its scope under "tidegate.refusal". observe: decide and count, and refuse nobody.
    Raises ValueError for a prefix that does not begin with a slash, TypeError or ValueError for what can't be sent.
    """

    def __init__(
        self,
        app: Application,
        bulkhead: Bulkhead | Entrance | Mapping[str, Bulkhead | Entrance | None],
        *,
        retry_after_s: int | RetryAfter = 1,
        classify: Callable[[Scope], str | None] | None = None,
        exempt: Callable[[Scope], bool] | Iterable[str] | None = None,
        status: int = 503,
        body: bytes = BUSY,
        headers: Iterable[tuple[str, str]] = (),
        refused: Application | None = None,
        observe: bool = False,
    ) -> None:
        self._app = app
        self._requests = Requests(bulkhead, classify, exempt)
        self._rules = self._requests.rules
        self._busy = Busy(retry_after_s, self._rules.bulkheads, status, body, headers)
        self._refused, self._observe = refused, observe

    @property
    def unmatched(self) -> tuple[str, ...]:
        """The prefixes that no request has matched yet, in this process: one that stays here may be misspelled, or not needed."""
        return self._rules.unmatched

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope: call the application in a slot, or refuse without calling it and without reading the body."""
        kind = scope["type"]
        limited = kind in {"http", "websocket"}
        bulkhead = self._rules.bulkhead_of(scope["path"], scope.get("root_path") or "") if limited else None
        if bulkhead is None or self._requests.exempt(scope):
            await self._app(scope, receive, send)
            return
        lease = self._requests.enter(bulkhead, scope)
        if not lease:
            if self._observe:
                await self._app(scope, receive, send)
            elif self._refused is not None and kind == "http":
                await self._refused({**scope, "tidegate.refusal": lease}, receive, send)
            else:
                await self._refuse(bulkhead, scope, send)
            return
        with lease:
            await self._app(scope, receive, send)
            if kind == "websocket":
                end_early(lease)

    async def _refuse(self, bulkhead: Bulkhead | Entrance, scope: Scope, send: Send) -> None:
        response = "http.response"
        if scope["type"] == "websocket":
            response = "websocket.http.response"
            if response not in (scope.get("extensions") or {}):
                await send({"type": "websocket.close", "code": 1013, "reason": ""})  # before it is accepted: servers answer 403
                return
        headers = [(name.lower().encode(), value.encode()) for name, value in self._busy.headers(bulkhead)]
        await send({"type": f"{response}.start", "status": self._busy.status, "headers": headers})
        await send({"type": f"{response}.body", "body": b"" if scope.get("method") == "HEAD" else self._busy.body})
