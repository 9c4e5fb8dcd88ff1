# SPDX-License-Identifier: MIT
"""What people put around an intake, each in a module of its own. The core imports nothing of it.

Each is built on the public API, and on two things of the core's beside it: to take without an exception (`_intake.Quietly`), and to
notice a fork (`_forks`).

    executor    `RejectingExecutor`: a `concurrent.futures.Executor` that refuses instead of queueing without end
    bulkhead    `Bulkhead`: at most so many calls in progress, with no queue in between
    asgi, wsgi  `AdmissionMiddleware`: at most so many requests in progress, the next one is answered 503
    guard       `Guard`: the same for a function, a task or a handler of gRPC, as a decorator and as a context manager
    aio         `AsyncIntake`: offers from anywhere, takers that are tasks of asyncio or trio
    log         `RejectingHandler`, `RejectingListener`: logging that never waits and never grows
    edges       `OverloadWatch`, `watched`: tell the host when overload begins and when it ends
    metrics     collectors for Prometheus and OpenTelemetry

Take along what you need with a vendored core: `executor` needs `_exit` and `_patience` and `_works` and `bulkhead`; `aio` needs
`_patience`; `asgi` and `wsgi` need `_requests` and `_retry` and `bulkhead`; `guard` needs `_requests` and `bulkhead`; `log` needs
`_exit` and `_records` and `edges`; `metrics` needs `_figures`; the policies need `bulkhead`. A page for each, with what it
promises and how to come from what is used today, is in `kernel/docs`.
"""
