"""Import the guest and use it, and list what of its bytecode stands, or ran, where the interpreter drops exceptions.

That is: the collector's callbacks, fork hooks, exit hooks, weak references' callbacks, the hooks in `sys` and `threading`, and
finalisers. The use is a normal one: intakes and leases are made, used, closed and let go of in order, and an intake that nobody
needs any more is dropped. A lease that is dropped unreleased, and an executor that is dropped while it works, are given back by
finalisers, and are no normal use.
"""

import asyncio
import atexit
import gc
import os
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, Final

from tidegate_specs.finalisers import finalisers_of
from tidegate_specs.guest import adapter, code_of, every_module, guest, is_ours, place, tell

SYS_HOOKS: Final = ("excepthook", "unraisablehook", "displayhook", "breakpointhook")
ROUNDS: Final = 3


class Registrations:
    """Note what is registered for the time of a fork or of the exit, from now on."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, object]] = []
        if hasattr(os, "register_at_fork"):
            self._at_fork = os.register_at_fork
            setattr(os, "register_at_fork", self.at_fork)  # noqa: B010 - a patch, which a type checker would not let pass otherwise
        for module, name in ((atexit, "register"), (threading, "_register_atexit")):
            if hasattr(module, name):
                setattr(module, name, self._noting(getattr(module, name)))

    def at_fork(self, **hooks: Callable[[], object]) -> None:
        self.noted += [(f"fork hook {when}", hook) for when, hook in hooks.items()]
        self._at_fork(**hooks)

    def _noting(self, register: Callable[..., object]) -> Callable[..., object]:
        def registering(call: object, *args: Any, **kwargs: Any) -> object:
            self.noted.append(("exit hook", call))
            return register(call, *args, **kwargs)

        return registering


class Finalisers:
    """Count the calls of the package's own finalisers, in every thread."""

    def __init__(self, modules: list[ModuleType]) -> None:
        classes = {member for module in modules for member in vars(module).values() if isinstance(member, type)}
        found = {function.__code__: cls.__name__ for cls in classes for function in finalisers_of(cls).values()}
        self.codes = {code: name for code, name in found.items() if is_ours(code.co_filename)}
        self.ran: dict[str, int] = {}

    def watch(self) -> None:
        threading.setprofile(self._see)
        sys.setprofile(self._see)

    def done(self) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def _see(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code in self.codes:
            name = f"the finaliser of {self.codes[frame.f_code]}"
            self.ran[name] = self.ran.get(name, 0) + 1


def use_intake() -> object:
    package = guest()
    intake = package.Intake(4)
    for _ in range(ROUNDS):
        for number in range(6):
            intake.offer(number)
        lease = intake.take(timeout=0)
        lease.item  # noqa: B018 - a look
        lease.release()
        lease.release()
        del lease
        unseen = intake.take(timeout=0)
        unseen.release()
        del unseen
        with intake.take(timeout=0):
            pass
        with suppress(package.Empty):
            while True:
                intake.take(timeout=0).release()
        intake.statistics()
    intake.offer("last")
    intake.close()
    for lease in intake:
        lease.release()
    with suppress(package.Closed):
        intake.take()
    intake.offer("too late")
    intake.drain(timeout=5)
    return intake


def use_bulkhead() -> object:
    module = adapter("bulkhead")
    bulkhead = module.Bulkhead(2)
    for _ in range(ROUNDS):
        leases = [bulkhead.enter() for _ in range(3)]
        while leases:
            if lease := leases.pop():
                lease.release()
            lease = None
    bulkhead.close()
    bulkhead.enter()
    bulkhead.drain(timeout=5)
    return bulkhead


def use_executor() -> object:
    module = adapter("executor")
    with module.RejectingExecutor(4, 2) as executor:
        futures = [executor.submit(pow, 2, number) for number in range(3)]
        [future.result(5) for future in futures]
        list(executor.map(abs, range(4), buffersize=2))
        executor.try_submit(int).cancel()
    return executor


def use_aio() -> object:
    module = adapter("aio")

    async def main() -> object:
        intake = module.AsyncIntake(2)
        for number in range(ROUNDS):
            intake.offer(number)
            async with intake.take():
                pass
        taking = asyncio.ensure_future(anext(intake))
        await asyncio.sleep(0)
        intake.offer("waited for")
        (await taking).release()
        del taking
        intake.offer("last")
        intake.close()
        async for lease in intake:
            lease.release()
        await asyncio.wait_for(intake.drain(), 5)
        return intake

    return asyncio.run(main())


USES: Final[dict[str, Callable[[], object]]] = {"bulkhead": use_bulkhead, "executor": use_executor, "aio": use_aio}


def reachable(roots: list[object], modules: list[ModuleType]) -> Iterator[object]:
    """Give everything that the package's modules and these objects refer to, but for what other modules own."""
    foreign = {id(vars(module)) for module in list(sys.modules.values()) if module not in modules}
    names = {module.__name__ for module in modules}
    todo, seen = [*roots, *(vars(module) for module in modules)], set[int]()
    while todo:
        thing = todo.pop()
        if id(thing) in seen or id(thing) in foreign or isinstance(thing, (ModuleType, FrameType)):
            continue
        seen.add(id(thing))
        if isinstance(thing, (type, FunctionType)) and thing.__module__ not in names:
            continue
        yield thing
        todo.extend(gc.get_referents(thing))


def callback_of(thing: Any) -> Any:
    return thing.__callback__ if issubclass(type(thing), weakref.ReferenceType) else None


def probe() -> dict[str, Any]:
    registrations = Registrations()
    hooks = {name: getattr(sys, name) for name in SYS_HOOKS} | {"threading.excepthook": threading.excepthook}
    tracing = sys.gettrace(), sys.getprofile()
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    collecting = list(gc.callbacks)
    modules = every_module()
    found = [f"the collector calls {text}" for text in bytecode([call for call in gc.callbacks if call not in collecting])]
    finalisers = Finalisers(modules)
    uses = {"the intake": use_intake} | {f"adapter {name}": use for name, use in USES.items() if adapter(name) is not None}
    finalisers.watch()
    for use in uses.values():
        use()  # and drop what was used
        knot: list[object] = [use()]
        knot.append(knot)
        del knot
        gc.collect()  # or have the collector find it
    kept = [use() for use in uses.values()]
    finalisers.done()
    found += [f"{name} ran {count} times" for name, count in finalisers.ran.items()]
    found += [f"the collector calls {text}" for text in bytecode([call for call in gc.callbacks if call not in collecting])]
    for what, hook in registrations.noted:
        found += [f"{what}: {text}" for text in bytecode([hook], everybodys=False)]
    now = {name: getattr(sys, name) for name in SYS_HOOKS} | {"threading.excepthook": threading.excepthook}
    found += [f"{name} is another" for name, hook in now.items() if hook is not hooks[name]]
    found += ["tracing is another"] if (sys.gettrace(), sys.getprofile()) != tracing else []
    found += [f"signal {number} has another handler" for number, old in handlers.items() if signal.getsignal(number) != old]
    references = 0
    for thing in reachable(kept, modules):
        callback = callback_of(thing)
        if callback is not None:
            references += 1
            found += [f"a weak reference's callback: {text}" for text in bytecode([callback])]
    return {
        "found": sorted(set(found)),
        "modules": len(modules),
        "registrations": len(registrations.noted),
        "references": references,
        "finalisers": sorted(set(finalisers.codes.values())),
        "uses": list(uses),
    }


def bytecode(calls: list[Any], *, everybodys: bool = True) -> list[str]:
    """Name the bytecode among these calls; only the package's own, where others of the host's may have come meanwhile."""
    codes: list[CodeType] = [code for code in map(code_of, calls) if code is not None]
    return [place(code) for code in codes if everybodys or is_ours(code.co_filename)]


if __name__ == "__main__":
    tell(probe)
