"""aio-fairshare: a task that is cancelled just as its turn comes takes the wake-up with it: who waits behind it waits for ever.

Plain asyncio: `async with`, and a task that is cancelled, as `asyncio.timeout` does it.
Exit status 1: the fault shows; 0: it does not.
"""
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false

import asyncio
import sys

from aio_fairshare import FairShareSemaphore


async def main() -> bool:
    limiter = FairShareSemaphore(1)
    await limiter.register_tenant("the only one")
    inside: list[str] = []

    async def call(name: str, leave: asyncio.Event) -> None:
        async with limiter.acquire("the only one"):
            inside.append(name)
            await leave.wait()

    events = [asyncio.Event() for _ in range(3)]
    tasks: list[asyncio.Task[None]] = []
    for name, event in zip(("first", "second", "third"), events, strict=True):
        tasks.append(asyncio.create_task(call(name, event)))
        await asyncio.sleep(0.01)
    events[0].set()
    await asyncio.sleep(0)  # the first leaves, and has the second woken
    tasks[1].cancel()
    await asyncio.wait(tasks[2:], timeout=1.0)
    waits = "third" not in inside
    print(f"the first has left, the second was cancelled: {'nobody' if waits else 'the third'} is inside 1 s later")
    tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return waits


sys.exit(asyncio.run(main()))
