# SPDX-License-Identifier: MIT
"""At most so many requests in progress: middleware for any WSGI application (PEP 3333), on any server, with any framework.

    from tidegate.adapters.bulkhead import Bulkhead
    from tidegate.adapters.wsgi import AdmissionMiddleware

    app = AdmissionMiddleware(app, {"/healthz": None, "/": Bulkhead(8), "/reports": Bulkhead(2)})

"/" is for everything that no longer prefix is for. None means not limited: a health check that is refused under overload has the
orchestrator take the instance out, and the others get its load. `AdmissionMiddleware(app, Bulkhead(8))` limits everything.

A request that finds no slot is answered 503 with `Retry-After` (RFC 9110, 10.2.3) at once: the application is not called, the
body is not read, and nothing is logged. Where threads serve the requests, give the bulkhead fewer slots than there are
threads: those left over are the ones that say no.

When the slot is free again
    When the response was read to its end, or when the server closes it before, which PEP 3333 has it do however the request ended;
    or at once, if the application raises instead of answering. What the application does in its own `close` (callbacks after the
    response) is not counted. Bridges to ASGI (asgiref's, Starlette's) never close: where one of those did not read to the end
    either, the slot is free when it lets go of the response, and counted as abandoned.

Prior art
    The worker's own number of threads: a limit that queues behind itself, in the backlog of the socket. Apache's
    `MaxRequestWorkers`.

Considered and rejected
    A semaphore around the call: gives the slot back before a generated response has begun. Passing the response's own
    iterator on: a server that keeps only that would free the slot too soon. Freeing the slot in `close` alone: behind a bridge that
    never closes every request would be an abandoned one.

Limits
    A response is wrapped, so a server no longer sees a `wsgi.file_wrapper` and reads the file piece by piece instead of
    handing it to the system (`sendfile`); leave out the paths that serve files, or let a server in front do it. Only
    `__len__` of the response is passed on, for servers that make the Content-Length of a single piece, and no other
    attribute. What a server does with a body that was not read is its own affair: some read it all before they call anybody
    (waitress), some throw it away, some close the connection. Paths are the application's own, PATH_INFO without SCRIPT_NAME,
    compared byte by byte once decoded: a path that the application takes for the same although it is spelled otherwise
    (`//reports`) may be another's or nobody's. Give "/" a bulkhead, and nothing goes without. With a fixed `retry_after_s` every
    refused client is told the same time: a client should add some of its own (jitter), or give `RetryAfter()`. The limit is one
    process's own: four processes let in four times as many. CORS middleware goes around this one: refusals and preflights would
    have no CORS headers otherwise.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any, Protocol, final, runtime_checkable

from ._requests import Entrance, Requests, end_early
from ._retry import Busy, RetryAfter
from .bulkhead import BUSY, Bulkhead

__all__ = ["AdmissionMiddleware", "RetryAfter"]

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


@runtime_checkable  # for tools that check annotations at run time
class Held(Protocol):
    """Name what is released when a response has ended: a lease, of a bulkhead or of an admission."""

    def release(self) -> bool: ...


class _Response:
    """Pass an application's response on, and hold its slot until it was read to its end, or the server closes or forgets it."""

    def __init__(self, body: Iterable[bytes], lease: Held) -> None:
        self._body = body
        self._lease = lease

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._body:  # noqa: UP028 - `yield from` would close the body a second time
            yield piece
        self._lease.release()

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            end_early(self._lease)  # unless it was read to its end


class _SizedResponse(_Response):
    """The same with a length: of a response of one piece, servers make the Content-Length themselves."""

    _body: Any

    def __len__(self) -> int:
        return len(self._body)


@final
class AdmissionMiddleware:
    """Let as many requests in as the bulkhead has slots, and answer the next one 503 at once (WEB-1, WEB-2, WEB-3).

    bulkhead: one for all, or a mapping from path prefixes to bulkheads, or to admissions: the longest prefix that ends where a
    segment of the path ends is the one; a path that leads to None, or that none matches, is not limited. Paths are the
    application's own, without the SCRIPT_NAME that it is mounted at. retry_after_s: what refused clients are told to wait, in
    seconds; or `RetryAfter()`, which works it out and spreads it (WEB-3).
    classify: gives the class of a request for an `Admission`, from its environ; None, or a class that there is not, is the default.
    exempt: the prefixes of paths that are never limited, or a function that tells it of a environ. status, body, headers: of the
    answer to who is refused: 503 or 429, text unless `headers` say otherwise. refused: an application of your own that answers
    instead; why is in its environ under "tidegate.refusal". observe: decide and count, and refuse nobody.
    Raises ValueError for a prefix that does not begin with a slash, TypeError or ValueError for what can't be sent.
    """

    def __init__(
        self,
        app: Application,
        bulkhead: Bulkhead | Entrance | Mapping[str, Bulkhead | Entrance | None],
        *,
        retry_after_s: int | RetryAfter = 1,
        classify: Callable[[Environ], str | None] | None = None,
        exempt: Callable[[Environ], bool] | Iterable[str] | None = None,
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

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request: call the application in a slot, or refuse without calling it and without reading the body."""
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")  # the reverse of what PEP 3333 asks for
        bulkhead = self._rules.bulkhead_of(path)
        if bulkhead is None or self._requests.exempt(environ):
            return self._app(environ, start_response)
        lease = self._requests.enter(bulkhead, environ)
        if not lease:
            if self._observe:
                return self._app(environ, start_response)
            if self._refused is not None:
                return self._refused({**environ, "tidegate.refusal": lease}, start_response)
            start_response(self._busy.line, self._busy.headers(bulkhead))
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [self._busy.body]
        try:
            body = self._app(environ, start_response)
            return (_SizedResponse if isinstance(body, Sized) else _Response)(body, lease)
        except BaseException:
            end_early(lease)
            raise
