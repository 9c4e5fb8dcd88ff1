"""hyx.bulkhead: a task that is cancelled while it waits keeps its part of max_capacity for good.

Plain asyncio: nothing but `async with`, and a task that is cancelled, as `asyncio.timeout` does it.
Exit status 1: the fault shows; 0: it does not.
"""
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false

import asyncio
import sys

from hyx.bulkhead import bulkhead
from hyx.bulkhead.exceptions import BulkheadFull

limiter = bulkhead(max_concurrency=1, max_capacity=2)


async def call(leave: asyncio.Event) -> None:
    async with limiter:
        await leave.wait()


async def main() -> bool:
    leave = asyncio.Event()
    first = asyncio.create_task(call(leave))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(call(leave))  # waits: there is one place
    await asyncio.sleep(0.01)
    second.cancel()
    leave.set()
    await asyncio.gather(first, second, return_exceptions=True)
    print("one was inside and has left, one waited and was cancelled: nobody is inside, nobody waits")
    stay = asyncio.Event()
    third = asyncio.create_task(call(stay))
    await asyncio.sleep(0.01)
    fourth = asyncio.create_task(call(stay))
    await asyncio.sleep(0.01)
    refused = fourth.done() and isinstance(fourth.exception(), BulkheadFull)
    print(f"max_capacity is 2, one is inside, and the next one {'is refused as full' if refused else 'may wait'}")
    stay.set()
    await asyncio.gather(third, fourth, return_exceptions=True)
    return refused


sys.exit(asyncio.run(main()))
