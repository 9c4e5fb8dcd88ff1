# SPDX-License-Identifier: MIT
"""The threads of the adapters, in somebody else's process: that they can be there at all, and how they end (HOST-1, HOST-2).

When the main thread is over, in this order:
    executors      are closed, and their workers, which are no daemons, finish what was accepted.
    other threads  of the program, unless they are daemons, end, if there is a listener to wait for them.
    listeners      handle what they have; they stay open, as handlers of `atexit` may log.
    `at_end`       what is to be done before `atexit`, where a process may end without it.
    atexit         its handlers run, as they do after the works of the standard library's executors.

A thread of our own sees to that, named NAME. It is there from the first `enter` until the last has left, and waits in C for a
bell. The interpreter rings it through `threading._register_atexit`, as it does for `concurrent.futures`: before it joins the
threads that are no daemons, also in a child of `multiprocessing` that ends without running `atexit` handlers (3.11, 3.12), and in
a subinterpreter. It runs no bytecode of ours there, one call into C.

Considered and rejected, although it needs nothing private: to join the main thread. That never returns in a subinterpreter (3.13
and later: only the main interpreter says that its main thread is done). And who joins can't be woken: the thread would be there
still when all executors have ended, so that a program that joins all its threads hung for ever, and every fork warned of threads.
"""

import operator
import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context
from threading import Thread
from types import BuiltinFunctionType
from typing import Any, Final, final

from .._atomic import SimpleQueue
from .._forks import epoch

NAME: Final = "tidegate-exit"

_ended: Final[list[None]] = []  # not empty from the moment on at which the main thread is over
_register: Final[Callable[..., object]] = vars(threading)["_register_atexit"]
_calls: Final[list[Callable[[], object]]] = []
# Who is registered last is called first: `exiting()` is true before these are made. C makes them, and no bytecode runs without any.
_register(deque[None](maxlen=0).extend, map(operator.call, _calls))
_register(_ended.append, None)


def exiting() -> bool:
    """Tell whether the main thread is over: nothing new is accepted any more."""
    return bool(_ended)


def at_end(call: Callable[[], object]) -> None:
    """Have `call` made when the main thread is over, in this process and in those forked from it: before `atexit`, or instead.

    One call into C, which takes no lock. By then other threads may still run: see `join_others`.
    """
    _calls.append(call)


def join_others() -> None:
    """Wait for the threads whose end the interpreter waits for, but for those of our own that wait for it as this does."""
    while others := _other_threads():
        others[0].join()


def check_threads(who: str) -> None:
    """Raise RuntimeError, in words, where gevent or eventlet has put its own threads in place of real ones: ours would hang."""
    if not isinstance(threading.get_ident, BuiltinFunctionType):
        raise RuntimeError(
            f"{who} needs real threads, and {threading.get_ident.__module__} has replaced them in this process: "
            "do without it here, or leave threads out of the patch (gevent: monkey.patch_all(thread=False))"
        )


def start_empty(thread: Thread) -> None:
    """Start a thread in an empty context, whatever the interpreter's flags and other tools would hand on to it of the caller's."""
    Context().run(thread.start)


@final
class Watch:
    """Who is to be ended when this process exits, and the thread that does it."""

    def __init__(self) -> None:
        self.epoch: Final = epoch()
        self.bell: Final[SimpleQueue[bool]] = SimpleQueue()  # True: the interpreter exits; False: look whether anybody is left
        self.executors: Final[dict[Thread, Callable[[], object]]] = {}
        self.listeners: Final[dict[Thread, Callable[[], object]]] = {}
        self.serving: Final[list[Thread]] = []  # one, or two for a while: that does no harm
        _register(self.bell.put, True)

    def ring(self) -> None:
        if self.bell.empty():
            self.bell.put(False)

    def start(self) -> None:
        """Have a thread that serves. It is enlisted first: one that retires looks again after it has struck itself off."""
        if not self.serving:
            thread = Thread(target=self.serve, name=NAME, daemon=False)
            try:
                self.serving.append(thread)
                start_empty(thread)
            except BaseException:
                self.serving.clear()
                raise

    def serve(self) -> None:
        """Wait for the exit, or until nobody is left. An exception that arrives here is not ours, and means nothing."""
        while True:
            try:
                if self.bell.get():
                    self.bell.put(True)  # for the other one, should there be two
                    self.end()
                    return
                if not (self.executors or self.listeners):
                    self.serving.clear()
                    if not (self.executors or self.listeners):
                        self.ring()  # the same
                        return
                    self.serving.append(threading.current_thread())
            except BaseException:  # noqa: BLE001 - see above
                self.ring()

    def end(self) -> None:
        """End executors, wait for all threads that are no daemons, and let listeners handle what they have."""
        _ended.append(None)  # before the look: who enters from here on sees it
        for end in list(self.executors.values()):
            end()
        if self.listeners:
            join_others()
        for end in list(self.listeners.values()):
            end()


_watches: Final[list[Watch]] = []  # the last is this process's; those before stay for ever, so that a fork drops nothing


def enter(thread: Thread, end: Callable[[], object], *, listener: bool = False) -> None:
    """Have `end` called when the interpreter exits, until the thread leaves: at once if it exits already.

    Enter before the thread starts. `end` may be called more than once, and while the thread ends. RuntimeError if no thread can be
    started for it.
    """
    if not _ended:
        if not _watches or _watches[-1].epoch:
            _watches.append(Watch())
        watch = _watches[-1]
        (watch.listeners if listener else watch.executors)[thread] = end
        watch.start()
    if _ended:
        end()


def leave(thread: Thread) -> None:
    """Say that a thread needs no end. Idempotent; for who never entered it does nothing."""
    for watch in _watches:
        if not watch.epoch:
            watch.executors.pop(thread, None)
            watch.listeners.pop(thread, None)
            if not (watch.executors or watch.listeners):
                watch.ring()


def _other_threads() -> list[Any]:
    """List the threads whose end the interpreter waits for, but for those that wait for it as we do: copies of us, maybe."""
    main = threading.main_thread()
    return [
        thread
        for thread in threading.enumerate()
        if thread is not main and not thread.daemon and thread.name != NAME and thread.is_alive()
    ]
