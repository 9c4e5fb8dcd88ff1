"""Use the guest where the host has changed the standard library, and see that the guest itself changes nothing of it.

WORDS: `names` lists the modules that are there once the guest is imported, on stdout. `unchanged` compares their contents before
and after. `emulated before`, `emulated after`: the standard library is patched as gevent does it, before the guest is imported or
after, as far as a guest can see. `gevent before`, `gevent after`: by gevent itself.

Threads are then no threads: one that is started goes on, in the thread of its starter, until it would wait; and a wait in C,
which nobody can see, holds up the whole program.
"""

import asyncio
import gc
import importlib
import inspect
import os
import queue
import signal
import sys
import threading
import time
import types
import typing
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from tidegate_specs.guest import NAME, WORDS, Unable, adapter, every_module, guest, tell

HANG_S: Final = 4
FEWEST_WORDS: Final = 5  # of a sentence that says why not
LISTS: Final[dict[str, Callable[[], object]]] = {
    "gc.callbacks": lambda: list(gc.callbacks),
    "gc.get_threshold()": gc.get_threshold,
    "sys.path": lambda: list(sys.path),
    "sys.meta_path": lambda: list(sys.meta_path),
    "sys.path_hooks": lambda: list(sys.path_hooks),
    "sys.getswitchinterval()": sys.getswitchinterval,
    "sys.getrecursionlimit()": sys.getrecursionlimit,
    "sys.gettrace()": sys.gettrace,
    "sys.getprofile()": sys.getprofile,
    "warnings.filters": lambda: list(warnings.filters),
    "signal handlers": lambda: {number: signal.getsignal(number) for number in signal.valid_signals()},
    "os.environ": lambda: dict(os.environ),
    "threads": lambda: [thread.name for thread in threading.enumerate()],
}


def others() -> list[str]:
    """Name the modules of the host's that are there."""
    mine = ("__main__", "tidegate_specs", NAME.partition(".")[0])
    return sorted(name for name in sys.modules if name.partition(".")[0] not in mine)


def names() -> dict[str, Any]:
    every_module()
    return {"names": others()}


def warm_up() -> None:
    """Do what has modules of the standard library load others when it is first done, as hosts do it too."""

    class Named(typing.NamedTuple):
        field: "int"

    class Typed(typing.TypedDict):
        field: "int"

    @typing.runtime_checkable
    class Shaped(typing.Protocol):
        field: "int"

    @dataclass
    class Record:
        field: "int"

    isinstance(typing.cast("Any", Record(1)), Shaped)
    for thing in (Named, Typed, Record):
        typing.get_type_hints(thing)
    inspect.signature(warm_up)


def unchanged() -> dict[str, Any]:
    for name in WORDS[1].split(","):
        with suppress(ImportError):
            importlib.import_module(name)
    warm_up()
    modules = {name: sys.modules[name] for name in others()}
    before = {name: dict(vars(module)) for name, module in modules.items()}
    lists = {name: read() for name, read in LISTS.items()}
    lists["sys.path"] = [*sys.path]
    every_module()
    use()
    changed: list[str] = []
    for name, old in before.items():
        now = vars(modules[name])
        changed += [
            f"{name}.{key}"
            for key in old.keys() | now.keys()
            if old.get(key, MISSING) is not now.get(key, MISSING) and not isinstance(old.get(key), LAZY)
        ]
    now_lists = {name: read() for name, read in LISTS.items()}
    now_lists["sys.path"] = [entry for entry in sys.path if entry != sys.argv[1]]  # put there by this probe
    changed += [name for name, value in lists.items() if now_lists[name] != value]
    return {"modules": len(before), "names": sum(map(len, before.values())), "changed": sorted(changed)}


MISSING: Final = object()
LAZY: Final[tuple[type[Any], ...]] = tuple(
    filter(None, [getattr(types, "LazyImportType", None)])
)  # 3.15: at its first use it changes


def use() -> None:
    """Offer, take and release."""
    package = guest()
    intake = package.Intake(2)
    expected = [package.Outcome.ACCEPTED] * 2 + [package.Outcome.FULL]
    if [intake.offer(number) for number in range(3)] != expected:
        raise AssertionError("offers were answered wrongly")
    if [intake.take(timeout=0).item for _ in range(2)] != [0, 1]:
        raise AssertionError("items came out wrongly")
    try:
        intake.take(timeout=0)
        raise AssertionError("an item came from nowhere")
    except package.Empty:
        pass
    try:
        intake.take(timeout=0.01)
        raise AssertionError("an item came from nowhere")
    except package.Empty:
        pass
    if intake.drain(timeout=0) != 0:
        raise AssertionError("a slot is missing")


def use_bulkhead() -> None:
    bulkhead = adapter("bulkhead").Bulkhead(1)
    lease = bulkhead.enter()
    if not lease or bulkhead.enter():
        raise AssertionError("it let in none, or two")
    with lease:
        pass
    if not bulkhead.enter():
        raise AssertionError("it lets nobody in")


def use_wsgi() -> None:
    def application(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"done"]

    answers: list[str] = []

    def start(status: str, *_more: object) -> None:
        answers.append(status)

    middleware = adapter("wsgi").AdmissionMiddleware(application, adapter("bulkhead").Bulkhead(1))
    for _ in range(2):
        body = middleware({"PATH_INFO": "/", "REQUEST_METHOD": "GET"}, start)
        if list(body) != [b"done"]:
            raise AssertionError(f"it answered {answers}")
        getattr(body, "close", lambda: None)()
    if answers != ["200 OK"] * 2:
        raise AssertionError(f"it answered {answers}")


def use_asgi() -> None:
    sent: list[Any] = []

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    async def send(message: Any) -> None:
        sent.append(message.get("status"))

    middleware = adapter("asgi").AdmissionMiddleware(application, adapter("bulkhead").Bulkhead(1))
    call = middleware({"type": "http", "path": "/", "method": "GET", "headers": []}, None, send)
    with suppress(StopIteration):
        call.send(None)  # nothing in there waits, and a loop of asyncio's is not to be had under every patch
    if sent[:1] != [200]:
        raise AssertionError(f"it answered {sent}")


def use_executor() -> None:
    with adapter("executor").RejectingExecutor(2, 1) as executor:
        if executor.submit(pow, 2, 5).result(HANG_S) != 32:
            raise AssertionError("the result is wrong")


def use_listener() -> None:
    import logging

    records = guest().Intake(2)
    log = adapter("log")
    listener = log.RejectingListener(records, logging.NullHandler())
    listener.start()
    listener.stop()


WORKS_ALWAYS: Final[dict[str, Callable[[], None]]] = {"bulkhead": use_bulkhead, "wsgi": use_wsgi, "asgi": use_asgi}
WORKS_OR_SAYS: Final[dict[str, Callable[[], None]]] = {"executor": use_executor, "log": use_listener}


def always(*_names: str) -> bool:
    """Answer whoever asks whether something is patched."""
    return True


def emulate() -> None:
    """Change what gevent changes, as far as a guest can see."""
    threads = importlib.import_module("_thread")
    stand_in = type("SimpleQueue", (vars(queue)["_PySimpleQueue"],), {"__module__": "gevent.queue"})
    setattr(queue, "SimpleQueue", stand_in)  # noqa: B010 - a patch, which a type checker would not let pass otherwise
    identities = [threading.get_ident()]
    numbers = iter(range(10**6, 10**7))

    def get_ident() -> int:
        return identities[-1]

    def start_new_thread(function: Callable[..., object], args: tuple[Any, ...] = (), *_rest: Any, **_named: Any) -> int:
        identities.append(next(numbers))
        function(*args)
        return identities.pop()

    def sleep(_seconds: float = 0) -> None:
        pass

    for module in (threads, threading):
        for name in ("start_new_thread", "_start_new_thread", "start_joinable_thread", "_start_joinable_thread"):
            if hasattr(module, name):
                setattr(module, name, start_new_thread)
        setattr(module, "get_ident", get_ident)  # noqa: B010 - the same
    setattr(time, "sleep", sleep)  # noqa: B010 - the same
    monkey = types.ModuleType("gevent.monkey")
    vars(monkey).update(is_module_patched=always, is_object_patched=always, saved={"_thread": {}})
    package = types.ModuleType("gevent")
    vars(package).update(monkey=monkey, __path__=[])
    sys.modules.update({"gevent": package, "gevent.monkey": monkey})
    for function in (get_ident, start_new_thread, sleep):
        function.__module__ = "gevent.thread"


def patch() -> None:
    if WORDS[0] == "emulated":
        emulate()
        return
    try:
        monkey = importlib.import_module("gevent.monkey")
    except ImportError:
        raise Unable("gevent is not installed") from None
    monkey.patch_all()


def words_for(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def patched() -> dict[str, Any]:
    asyncio.Event  # noqa: B018 - it is there before the patch, as in a program that has it
    found: list[str] = []
    said: list[str] = []
    trying = ""

    def hang(_number: int, _frame: object) -> None:
        tell(lambda: {"tried": 1, "found": [*found, f"{trying} hangs"], "said": said})
        os._exit(0)  # an exception might not get through

    signal.signal(signal.SIGALRM, hang)
    if WORDS[1] == "before":
        patch()
    try:
        every_module()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return {"tried": 1, "found": [f"it can't be imported: {words_for(error)}"], "said": []}
    if WORDS[1] == "after":
        patch()
    uses: dict[str, tuple[Callable[[], None], bool]] = {"the intake": (use, False)}
    uses |= {name: (call, False) for name, call in WORKS_ALWAYS.items() if adapter(name) is not None}
    uses |= {name: (call, True) for name, call in WORKS_OR_SAYS.items() if adapter(name) is not None}
    for trying, (call, may_refuse) in uses.items():
        signal.alarm(HANG_S)
        try:
            call()
        except Exception as error:  # noqa: BLE001 - the same
            if may_refuse and isinstance(error, RuntimeError) and len(str(error).split()) >= FEWEST_WORDS:
                said.append(f"{trying}: {error}")
            else:
                found.append(f"{trying} ends with {words_for(error)}")
        finally:
            signal.alarm(0)
    return {"tried": len(uses) + 1, "found": found, "said": said}


PARTS: Final = {"names": names, "unchanged": unchanged, "emulated": patched, "gevent": patched}

if __name__ == "__main__":
    tell(PARTS[WORDS[0]])
    os._exit(0)  # threads that hang must not keep the process
