"""Measure memory: what a slot costs, what a rejection leaves behind, what the process holds."""

import gc
import importlib
import os
import sys
import tracemalloc
import weakref
from dataclasses import dataclass
from itertools import repeat
from time import monotonic
from typing import Any, Literal, get_args

from tidegate_specs.check import Subject

SlotState = Literal["empty", "full", "empty, aged", "full, aged", "all leased"]
SLOT_STATES: tuple[SlotState, ...] = get_args(SlotState)
AGE_ROUNDS = 100  # through every slot: by then no counter in it is a small cached integer


def resident_bytes() -> int | None:
    """Read the resident set of this process: now where the system tells, else its peak, else None."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        pass
    try:
        psutil: Any = importlib.import_module("psutil")
        return int(psutil.Process().memory_info().rss)
    except ImportError:
        pass
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def bytes_per_slot(subject: Subject, capacity: int = 1025) -> dict[SlotState, float]:
    """Trace what one slot costs in each state; the caller's items and references are not counted.

    aged: every slot has been used `AGE_ROUNDS` times. The default capacity is one above a power of two, where buffers that
    double are at their largest. Whatever does not depend on the capacity is spread over the slots too.
    """
    item = object()
    leases: list[Any] = [None] * capacity
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    try:
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]

        def cost() -> float:
            gc.collect()
            return (tracemalloc.get_traced_memory()[0] - before) / capacity

        intake = subject.Intake(capacity)
        empty = cost()
        _fill(intake, item, capacity)
        full = cost()
        for _ in repeat(None, AGE_ROUNDS * capacity):
            intake.take().release()
            intake.offer(item)
        full_aged = cost()
        for place in range(capacity):
            leases[place] = intake.take()
        for lease in leases:
            _ = lease.item
        leased = cost()
        for place in range(capacity):
            leases[place].release()
            leases[place] = None
        return {"empty": empty, "full": full, "empty, aged": cost(), "full, aged": full_aged, "all leased": leased}
    finally:
        if not tracing:
            tracemalloc.stop()


def _fill(intake: Any, item: object, capacity: int) -> None:
    for _ in repeat(None, capacity):
        intake.offer(item)


@dataclass(frozen=True, slots=True)
class Footprint:
    """Tell what rejections left behind: allocated blocks, collections started, references to the refused item."""

    rejections: int
    blocks: int
    collections: int
    references: int
    item_died: bool

    @property
    def clean(self) -> bool:
        """Whether nothing was left."""
        return self.blocks <= 0 and self.collections == 0 and self.references == 0 and self.item_died


class _Refused:
    __slots__ = ("__weakref__",)


def rejection_footprint(subject: Subject, rejections: int = 1_000_000, capacity: int = 64, limit_s: float = 20.0) -> Footprint:
    """Refuse one item many times and look at what is left. Stops early after `limit_s`; `rejections` tells how many it was.

    Blocks and collections belong to the whole process, so run it while no other thread is at work.
    """
    intake = subject.Intake(capacity)
    _fill(intake, object(), capacity)
    item = _Refused()
    watch = weakref.ref(item)
    offer = intake.offer
    chunk = min(rejections, 1000)
    for _ in repeat(None, chunk):  # the first ones may set up what is made once
        offer(item)
    collections = 0

    def count_collection(phase: str, info: dict[str, int]) -> None:
        nonlocal collections
        collections += phase == "start"

    gc.collect()
    gc.callbacks.append(count_collection)
    done = 0
    deadline = monotonic() + limit_s
    try:
        references = sys.getrefcount(item)
        blocks = sys.getallocatedblocks()
        while done < rejections and monotonic() < deadline:
            for _ in repeat(None, chunk):
                offer(item)
            done += chunk
        blocks = sys.getallocatedblocks() - blocks
        references = sys.getrefcount(item) - references
    finally:
        gc.callbacks.remove(count_collection)
    del item
    # A few blocks are this function's own numbers; what a rejection leaves would be there once for each of them.
    own_blocks = 8
    return Footprint(done, blocks if blocks > own_blocks else 0, collections, references, watch() is None)
