# SPDX-License-Identifier: MIT
# pyright: reportPrivateUsage=false
"""An intake between any threads and the tasks of event loops: offers never wait, takers are tasks of asyncio or trio.

`offer` may be called in any thread, in any loop and in a signal handler, and is answered on the spot by the kernel:

    ACCEPTED    a task will take the item; a loop in which one waits was told to look
    FULL        at an instant within the call every slot was held; the item is still the caller's
    CLOSED      the intake is closed for good; the item is still the caller's

    from tidegate.adapters.aio import AsyncIntake

    async def work(intake):
        async for lease in intake:            # ends when the intake is closed and empty
            with lease as item:               # the slot is released on the way out, also when cancelled
                await handle(item)

    intake = AsyncIntake(100)
    if not intake.offer("work"):              # from anywhere
        ...
    async with intake.take() as item:         # or one at a time
        ...

    AsyncIntake(100, patience_s=0.1)          # items that have waited for longer are not handed out (ASYNC-4)

How it works
    A taker tries the kernel's `take` with no time to wait. If nothing is there it writes itself down as a waiter and tries
    again, and only then sleeps: an offer either sees the waiter, or the waiter the item. No item travels through a future: a
    woken taker takes for itself, in the same uninterrupted stretch of its task, so that a cancellation can lose nothing but the
    wake-up, and that it passes on.

    Every loop in which somebody waits has a *station* with one *bell*. Whoever accepts an item takes the bell out of the
    station and posts it to the loop; the next offers find no bell and are done. The posted bell goes back into the station,
    first of all, and then wakes one waiter. A woken taker that got an item wakes the next one, until one finds nothing. So
    any number of offers between two turns of a loop cost one wake-up, and it serves them all (ASYNC-1).

    After an exception, whoever it hit rings again: a wake-up too many is a look in vain, one too few would be a sleep without
    end. A bell that is lost (an exception between taking it out and posting it, a callback that was ended by one) is replaced
    and rung when it dies, as the kernel does with its tokens (ASYNC-3). So does a lease that is dropped: a drain may wait.

    The interpreter drops what is raised in a finaliser, a Ctrl-C among it, so none of our bytecode runs in one unless something
    was lost (HOST-1). Hence `__del__` is a slot here, not a method: what an object's death calls is what was last put there. That
    is `nothing`, a callable in C, for a lease that was released or never held anything, and for a bell that is not missed.

    An answer is only ever the kernel's or the loop's: no exception is taken for one. The kernel is asked to give None instead
    of raising, and a loop whether it is closed.

    With patience, an item is kept with the time of its offer. A taker that finds one too old frees its slot, counts it, tells it to
    `on_expired`, and looks for the next, all in the same stretch of its task. Without, no clock is read.

Prior art
    Waking a loop through a pipe to itself: D. J. Bernstein; in asyncio `call_soon_threadsafe`, in trio
    `TrioToken.run_sync_soon`. Register, look again, sleep: the event counts of D. Vyukov. Wake-ups that are passed on by
    whoever does not need them: the parking lot of WebKit, tokio's `Notify`. A queue between threads and loops: janus, culsans.

Considered and rejected
    Handing the item over in a future: a cancellation of the woken taker would lose it, or have to put it back out of order.
    A thread per waiter (`to_thread(intake.take)`): can't be cancelled, and costs a thread. A wake-up per offer: 1,000 offers in
    a burst write 1,000 times into the self-pipe. Waking every waiter: all but one look in vain. A checkpoint in each take, as in
    trio: costs a turn of the loop per item. `drain(timeout)`: both libraries have better ones around it (`asyncio.timeout`,
    `move_on_after`). Threads that take from the same intake: use `Intake`, its releases would not wake a drain here.

Limits
    A take that finds an item does not yield to the loop: a worker that never awaits keeps it. A burst starts one more waiting
    taker in each turn of a loop. A loop that is stopped for good and never closed is kept for as long as its tasks wait.
    asyncio's `call_soon_threadsafe` writes a byte to the loop's non-blocking self-pipe; trio's `run_sync_soon` is held up for
    as long as another thread is inside its lock of a few lines (a handler that interrupts them may take it again). An exception
    raised inside asyncio's or trio's own code may break that, not this. One that arrives while the death of a dropped lease is
    told is dropped by the interpreter and may leave a drain asleep until the next call. A `StopAsyncIteration` from outside ends
    an `async for`, as the language has it. trio can't be asked whether a run is over: a `RunFinishedError` from outside, twice
    within one call, is taken for it; so is a `RuntimeError` from outside at the instant at which an asyncio loop closes. After a
    fork the child's intake is as the kernel's (FORK-1), and forgets its parent's loops when it is next used.

Signal handlers
    A handler may call `offer`, `close`, `statistics`, `capacity`, and `item` and `release` of a lease: none of them waits or takes
    a lock of ours. `take`, `drain` and iterating are for tasks.
"""

import asyncio
import sys
from collections import OrderedDict
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Any, Final, Generic, TypeVar, cast, final

from .. import Closed, Intake, Lease, Outcome, Statistics
from .._forks import epoch
from .._intake import NO_LEASE, Quietly
from ._patience import Patience, Seconds

T = TypeVar("T")

NOW: Final = Quietly(0.0)
nothing: Final = bool  # a call that does nothing, in C


@final
class _Bell:
    """Wake a waiter of one station. It is in the station, or posted to the loop: whoever has taken it out posts it."""

    __slots__ = ("__del__", "station")  # what is called when it dies, from C: see the module's docstring

    def __init__(self, station: "_Station") -> None:
        self.station: Final = station
        self.__del__: Callable[[], object] = station.lost

    def __call__(self) -> None:  # in the loop
        station = self.station
        try:
            station.bells[:] = [self]  # first: an offer from now on posts it anew, one before now is seen by whom we wake
            station.wake()
            if not station.waiters:
                station.forget()
        except BaseException:
            station.bells[:] = [self]
            station.ring()
            raise


@final
class _Bells(list[_Bell]):
    """Hold the bell that is in the station. Reading `newest` takes it away, or raises IndexError: as the kernel's free list."""

    __slots__ = ()
    newest: _Bell = cast("_Bell", property(list[_Bell].pop))


@final
class _Station:
    """Hold who waits in one loop. It is in its intake's list for as long as somebody does."""

    __slots__ = ("bells", "closed", "epoch", "event", "intake", "loop", "over", "post", "waiters")

    def __init__(
        self,
        intake: "AsyncIntake[Any]",
        loop: object,
        post: Callable[..., object],
        event: type[asyncio.Event],
        closed: Callable[[], bool] | None,
        over: type[RuntimeError],
    ) -> None:
        self.intake: Final = intake
        self.loop: Final = loop
        self.post: Final = post  # a callable, to be called in the loop's next turn
        self.event: Final = event  # asyncio's, or trio's, which is alike
        self.closed: Final = closed  # is the loop? trio can't be asked
        self.over: Final = over  # what `post` raises then
        self.epoch: Final = epoch()
        self.waiters: Final[OrderedDict[asyncio.Event, None]] = OrderedDict()  # both ends and the middle in O(1)
        self.bells: Final = _Bells()
        self.bells.append(_Bell(self))

    def ring(self) -> None:
        """Have somebody look in the loop's next turn. In any thread or signal handler; never waits."""
        if self.epoch:  # forked: the loop is the parent's
            self.forget()
        try:
            bell = self.bells.newest  # atomic, and no call: one of any number of offers at the same time gets it
        except IndexError:
            return  # it is posted, and who is then woken sees what we did; or nobody waits
        try:
            if self.closed is not None and self.closed():
                self.forget()
            else:
                Context().run(self.post, bell)  # an empty one: the loop is to see nothing of the offer's
        except BaseException as error:
            try:
                Context().run(self.post, _Bell(self))  # the first may not have been queued, or the loop not been told
            except self.over:
                if self.closed is not None and not self.closed():
                    raise  # not the loop's
                self.forget()  # nobody waits there any more
                if type(error) is self.over:  # it ended between our question and our call
                    return
            raise

    def wake(self) -> None:
        """Wake who has waited longest; all, once closed. In the loop's own thread."""
        while self.waiters:
            waiter = next(iter(self.waiters))
            waiter.set()
            self.leave(waiter)  # not before: an exception in between would leave it asleep and unknown
            if not self.intake._closed:
                return

    def leave(self, waiter: asyncio.Event) -> None:
        """Strike a waiter off, if it is still there."""
        self.waiters.pop(waiter, None)

    def lost(self) -> None:
        """Replace a bell that died, if it is missed, and ring."""
        if not self.bells and self.intake._stations.get(self.loop) is self:
            self.bells.append(_Bell(self))
            self.ring()

    def forget(self) -> None:
        """Let go of the loop. In the loop, or when it is dead: nobody can come to wait meanwhile."""
        if self.intake._stations.get(self.loop) is self:
            self.intake._stations.pop(self.loop, None)
        for bell in self.bells:
            bell.__del__ = nothing  # it is not lost
        self.bells.clear()  # it refers to us


@final
class AsyncLease(Generic[T]):
    """Wait for one accepted item, then hold it and its slot until released (LEASE-1). Made by `AsyncIntake` only.

    From `take`: `async with` waits, gives the item and releases on the way out. From `async for`: `with` gives the item and
    releases. Both release also on an exception or a cancellation, and leaving never awaits (ASYNC-3). Dropped unreleased it gives
    the slot back, counted as abandoned.
    """

    __slots__ = ("__del__", "_held", "_intake")  # what is called when it dies, from C: see the module's docstring

    def __init__(self, intake: "AsyncIntake[T]") -> None:
        self._held: Final[list[Lease[T]]] = [NO_LEASE]  # what the kernel gave
        self._intake: Final = intake
        self.__del__: Callable[[], object] = nothing

    @property
    def item(self) -> T:
        """Give the item. ValueError before it is taken and once it is released."""
        lease = self._held[0]
        if lease is NO_LEASE:
            raise ValueError("this lease holds no item")
        return lease.item if self._intake._patience is None else cast("tuple[T, float]", lease.item)[0]

    def release(self) -> bool:
        """Free the slot. True the first time, False ever after, from whichever thread or signal handler (LEASE-1). Never waits."""
        lease = self._held[0]
        if lease is NO_LEASE:
            return False
        try:
            released = lease.release()
            self._held[0] = NO_LEASE
            self.__del__ = nothing
            if self._intake._closed:
                self._intake._ring()  # a drain may wait for this slot
        except BaseException:
            lease.release()
            self._intake._ring()
            raise
        return released

    async def __aenter__(self) -> T:
        try:
            await self._intake._until(self._look)
            if self._held[0] is NO_LEASE:
                raise Closed("closed, and everything accepted has been taken")
            return self.item
        except BaseException:
            self._let_go()
            raise

    async def __aexit__(self, *exc_info: object) -> None:
        self.release()

    def __enter__(self) -> T:
        return self.item

    def __exit__(self, *exc_info: object) -> None:
        self.release()

    def _try(self) -> bool:
        """Take without waiting; false if there is nothing yet. True without a lease: nothing can come any more."""
        held, intake = self._held, self._intake
        self.__del__ = intake._ring  # until we know: a traceback may keep what an interrupted call took until we die too
        held[0] = intake._quietly(NOW)  # and no name but this: no traceback must keep the kernel's lease
        if held[0] is NO_LEASE:
            self.__del__ = nothing
            return intake._intake._here().exhausted()
        self.__del__ = partial(intake._dropped, held)
        _ = held[0].item  # now it can't come back: who waits in a closed intake needn't wait for it
        if intake._closed:
            intake._ring()
        return True

    @property
    def _look(self) -> Callable[[], bool]:
        return self._try if (patience := self._intake._patience) is None else partial(patience.here().take_fresh, self)

    def _let_go(self) -> None:
        """Have an interrupted take leave nothing behind: its item is put back if nobody has looked, or else abandoned."""
        if self._held[0] is not NO_LEASE:
            self._held[0] = NO_LEASE
            self.__del__ = self._intake._ring  # should a traceback keep the kernel's lease until we are gone too
        self._intake._ring()


@final
class AsyncIntake(Generic[T]):
    """Take in work up to a fixed capacity, refuse the rest at once, and hand it to tasks of asyncio and trio.

    One intake may serve any number of loops, in as many threads, of both libraries, anyio's included. Raises TypeError or
    ValueError for a bad `capacity`, as the kernel does (HOSTILE-1).
    patience_s: for how many seconds an item may wait to be taken. One that has waited for longer is not handed out: the taker that
    comes to it frees its slot, counts it, and calls `on_expired` with it, in its own task; an exception out of that comes out of
    the take, which then has taken nothing (ASYNC-4). TypeError or ValueError unless it is None, for ever, or a number above 0.
    """

    __slots__ = ("__weakref__", "_closed", "_intake", "_patience", "_quietly", "_stations")

    def __init__(
        self, capacity: int, *, patience_s: Seconds | None = None, on_expired: Callable[[T], object] | None = None
    ) -> None:
        self._patience: Final = None if patience_s is None else Patience(patience_s, on_expired)
        self._intake: Final[Intake[T]] = Intake(capacity)
        self._quietly: Final[Callable[[float], Lease[T]]] = self._intake.take  # given NOW, it gives NO_LEASE and raises nothing
        self._closed = False
        # By loop. Only its own loop adds a station here; whoever walks copies first, which is one call in C.
        self._stations: Final[dict[object, _Station]] = {}

    @property
    def capacity(self) -> int:
        """The number of slots, fixed at construction."""
        return self._intake.capacity

    def offer(self, item: T) -> Outcome:
        """Offer one item, in any thread, loop or signal handler; the answer is the kernel's, and never waits (ASYNC-1).

        ACCEPTED: a task will take it. FULL: at an instant within this call every slot was held. CLOSED: closed for good. Refused
        items are the caller's. Loops with waiting takers are woken once, however many offers come before their next turn.
        Interrupted by an exception, the item may have been accepted or not; if so, takers wake (ASYNC-3).
        """
        try:
            outcome = self._intake.offer(item if self._patience is None else cast("T", (item, self._patience.now())))
            # Also after CLOSED: while it held a slot, takers could not be told that nothing more comes.
            if outcome is not Outcome.FULL and self._stations:
                self._ring()
        except BaseException:
            self._ring()
            raise
        return outcome

    def take(self) -> AsyncLease[T]:
        """Give what `async with` enters to take the item accepted first, waiting for one without a thread (ASYNC-2).

        Entering raises Closed when the intake is closed and no accepted item can ever appear again. Cancelled while waiting it has
        taken nothing, and passes on a wake-up that it was given (ASYNC-3). There is no time-out: enter inside
        `asyncio.timeout` or a cancel scope. Enter it once.
        """
        return AsyncLease(self)

    def __aiter__(self) -> "AsyncIntake[T]":
        """Give leases until the intake is closed and empty; any number of tasks may iterate at the same time (ASYNC-2)."""
        return self

    async def __anext__(self) -> AsyncLease[T]:
        lease = AsyncLease(self)
        try:
            await self._until(lease._look)
            if lease._held[0] is not NO_LEASE:
                return lease
        except BaseException:
            lease._let_go()
            raise
        raise StopAsyncIteration

    def close(self) -> None:
        """Close for good: no offer that starts after this returned is accepted (CLOSE-1). Never waits; in any thread.

        What was accepted can still be taken. Waiting takers wake when nothing more can come (ASYNC-2).
        """
        try:
            self._closed = True  # before the kernel: who looks at an item after this rings, who did before is seen by whom we wake
            self._intake.close()
            self._ring()
        except BaseException:
            self._ring()
            raise

    async def drain(self) -> None:
        """Close, and wait until all work is finished: every slot is home, and nothing is ever accepted again (CLOSE-2).

        Cancelled, by a time-out for instance, it leaves the intake closed; `statistics()` tells what is unfinished.
        """
        self.close()
        await self._until(lambda: not self._intake.drain(timeout=0))

    @property
    def expired(self) -> int:
        """The number of items that were not handed out because they had waited for too long; `released` counts them, too."""
        return 0 if self._patience is None else self._patience.number()

    def statistics(self) -> Statistics:
        """Count slots and answers, as the kernel does (LEDGER-1)."""
        return self._intake.statistics()

    def _ring(self) -> None:
        """Have somebody look in every loop where somebody waits."""
        for station in self._stations.copy().values():
            station.ring()

    def _dropped(self, held: list[Lease[T]]) -> None:
        """Let go of the kernel's lease, which sends the slot home or puts the item back; then tell who may wait for that."""
        held[0] = NO_LEASE
        self._ring()

    def _station(self) -> _Station:
        """Find or make the station of the running loop."""
        trio, lowlevel = sys.modules.get("trio"), sys.modules.get("trio.lowlevel")
        if trio and getattr(lowlevel, "in_trio_task", bool)():  # asked first: trio may be a guest of an asyncio loop
            loop = trio.lowlevel.current_trio_token()
            ways: tuple[Any, ...] = loop.run_sync_soon, trio.Event, None, trio.RunFinishedError
        else:
            loop = asyncio.get_running_loop()
            ways = loop.call_soon_threadsafe, asyncio.Event, loop.is_closed, RuntimeError
        return self._stations.get(loop) or self._stations.setdefault(loop, _Station(self, loop, *ways))

    async def _until(self, done: Callable[[], bool]) -> None:
        """Wait until it is done: try, write yourself down, try again, sleep."""
        waiter: asyncio.Event | None = None
        station: _Station | None = None
        try:
            while not done():
                if waiter is None or station is None or waiter.is_set():  # not written down, or no more
                    station = self._station()
                    waiter = station.event()  # kept here before it is there, so that it can be struck off
                    station.waiters[waiter] = None
                else:
                    await waiter.wait()
            if waiter is not None and station is not None:
                station.leave(waiter)
                if waiter.is_set():
                    station.wake()  # there may be more, for others
        except BaseException:
            if waiter is not None and station is not None:
                station.leave(waiter)
            self._ring()  # a wake-up may have been ours; and should we have been the last, this lets go of the loop
            raise
