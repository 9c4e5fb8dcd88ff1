"""Each scenario finds the fault it is about, planted into the kernel, and finds nothing in the kernel itself."""

import dataclasses
import dis
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

import tidegate
from tidegate_specs.check import Settings, Subject, Verdict
from tidegate_specs.injection import Injector, Interrupt, files_of
from tidegate_specs.mutants import Patch
from tidegate_specs.mutation import patching
from tidegate_specs.scenarios import CHECKS

# The kernel's class is final at run time too: faults are planted into a copy that is not.
FINAL = """    __init_subclass__ = sealed

    def _here"""
UNSEALED = """    def _here"""
OPEN: Any = patching.load_patched([Patch("_intake.py", FINAL, UNSEALED)], "open")
KERNEL, Outcome, Empty, Closed = OPEN.Intake, OPEN.Outcome, OPEN.Empty, OPEN.Closed
BY_NUMBER = {int(check.name.partition(".")[2]): check for check in CHECKS}
QUICK = Settings("quick", seed=1)


class HeldLease:
    """A lease with the kernel's behaviour, for faults to be planted in."""

    def __init__(self, lease: Any, intake: Any) -> None:
        self.lease, self.intake = lease, intake

    @property
    def item(self) -> Any:
        return self.lease.item

    def release(self) -> bool:
        return bool(self.lease.release())

    def __enter__(self) -> Any:
        return self.item

    def __exit__(self, *exc_info: object) -> bool | None:
        self.release()
        return None


def planted(lease: type[HeldLease] | None = None, **methods: Any) -> Subject:
    """Make a subject of the kernel with some methods replaced, and with leases of another kind."""
    if lease is not None:

        def take(self: Any, timeout: Any = None) -> Any:
            return lease(KERNEL.take(self, timeout), self)

        methods["take"] = take
    intake = type("Intake", (KERNEL,), {"__module__": __name__, **methods})
    return cast(Subject, SimpleNamespace(Intake=intake, Outcome=Outcome, Empty=Empty, Closed=Closed))


def used(intake: Any) -> int:
    statistics = KERNEL.statistics(intake)
    return int(statistics.queued + statistics.in_flight)


def widens_after_many_refusals() -> Subject:
    refused = 0

    def offer(self: Any, item: Any) -> Any:
        nonlocal refused
        answer = KERNEL.offer(self, item)
        refused += answer is Outcome.FULL
        return Outcome.ACCEPTED if refused == 5_000 else answer

    return planted(offer=offer)


def rejection_writes_now_and_then() -> Subject:
    refused = 0

    def offer(self: Any, item: Any) -> Any:
        nonlocal refused
        answer = KERNEL.offer(self, item)
        refused += answer is Outcome.FULL
        if refused % 5_000 == 4_999:
            os.write(1, b"thousands are refused\n")
        return answer

    return planted(offer=offer)


def rejection_frees_a_slot() -> Subject:
    def offer(self: Any, item: Any) -> Any:
        answer = KERNEL.offer(self, item)
        if answer is Outcome.FULL:
            KERNEL.take(self, 0).release()
        return answer

    return planted(offer=offer)


def timed_out_take_eats_a_slot() -> Subject:
    def take(self: Any, timeout: Any = None) -> Any:
        try:
            return KERNEL.take(self, timeout)
        except Empty:
            if KERNEL.offer(self, None):
                self.eaten = [*getattr(self, "eaten", []), KERNEL.take(self, 0)]
            raise

    return planted(take=take)


def interrupted_take_keeps_its_slot() -> Subject:
    def take(self: Any, timeout: Any = None) -> Any:
        self.current = KERNEL.take(self, timeout)
        lease, self.current = self.current, None
        return lease

    return planted(take=take)


def takes_the_workers_error_for_its_own() -> Subject:
    class Lease(HeldLease):
        def __exit__(self, *exc_info: object) -> bool | None:
            self.release()
            return isinstance(exc_info[1], Empty)

    return planted(Lease)


def release_checks_then_acts() -> Subject:
    class Lease(HeldLease):
        done = False

        def release(self) -> bool:
            if self.done:
                return False
            self.lease.release()
            self.done = True
            return True

    return planted(Lease)


def rejection_logs() -> Subject:
    def offer(self: Any, item: Any) -> Any:
        answer = KERNEL.offer(self, item)
        if not answer:
            logging.getLogger("intake").warning("rejected")
        return answer

    return planted(offer=offer)


def release_needs_time_to_pass() -> Subject:
    class Lease(HeldLease):
        def __init__(self, lease: Any, intake: Any) -> None:
            super().__init__(lease, intake)
            self.since_s = time.monotonic()

        def release(self) -> bool:
            return time.monotonic() > self.since_s and super().release()

    return planted(Lease)


def released_only_on_success() -> Subject:
    kept: list[Any] = []

    class Lease(HeldLease):
        def __exit__(self, *exc_info: object) -> bool | None:
            if exc_info[0] is None:
                self.release()
            else:
                kept.append(self.lease)
            return None

    return planted(Lease)


def _twice_the_room(self: Any, capacity: int) -> None:
    KERNEL.__init__(self, capacity * 2 + 4)
    self.wall = capacity


def checks_then_acts() -> Subject:
    def offer(self: Any, item: Any) -> Any:
        if used(self) >= self.wall:
            return Outcome.FULL
        return KERNEL.offer(self, item)

    return planted(offer=offer, __init__=_twice_the_room, capacity=property(lambda self: self.wall))


def slot_freed_when_taken() -> Subject:
    class Lease(HeldLease):
        def __init__(self, lease: Any, intake: Any) -> None:
            super().__init__(lease, intake)
            self.kept = lease.item
            lease.release()

    return planted(Lease)


def gauge_drifts() -> Subject:
    def statistics(self: Any) -> Any:
        read = KERNEL.statistics(self)
        return dataclasses.replace(read, full=read.full + (read.full > 5))

    return planted(statistics=statistics)


def one_too_many() -> Subject:
    def make(self: Any, capacity: int) -> None:
        KERNEL.__init__(self, capacity + 1)
        self.wall = capacity

    return planted(__init__=make, capacity=property(lambda self: self.wall))


def zero_admits() -> Subject:
    def make(self: Any, capacity: int) -> None:
        KERNEL.__init__(self, max(1, capacity))

    return planted(__init__=make)


def rejected_work_runs_later() -> Subject:
    def offer(self: Any, item: Any) -> Any:
        late = self.__dict__.setdefault("late", [])
        if late and KERNEL.offer(self, late[-1]):
            late.pop()
        answer = KERNEL.offer(self, item)
        if answer is Outcome.FULL:
            late.append(item)
        return answer

    return planted(offer=offer)


def _with_lock(make_lock: Callable[[], Any], *names: str) -> Subject:
    """Hold one lock in each of some operations."""

    def make(self: Any, capacity: int) -> None:
        self.lock = make_lock()
        KERNEL.__init__(self, capacity)

    def locked(name: str) -> Any:
        def call(self: Any, *arguments: Any, **keywords: Any) -> Any:
            with self.lock:
                return getattr(KERNEL, name)(self, *arguments, **keywords)

        return call

    return planted(__init__=make, **{name: locked(name) for name in names})


def lock_around_offer() -> Subject:
    return _with_lock(threading.Lock, "offer")


def lock_around_offer_and_take() -> Subject:
    return _with_lock(threading.Lock, "offer", "take")


def reentrant_lock_and_a_check() -> Subject:
    def make(self: Any, capacity: int) -> None:
        self.lock = threading.RLock()
        _twice_the_room(self, capacity)

    def offer(self: Any, item: Any) -> Any:
        with self.lock:
            if used(self) >= self.wall:
                return Outcome.FULL
            return KERNEL.offer(self, item)

    return planted(__init__=make, offer=offer, capacity=property(lambda self: self.wall))


def says_full_when_busy() -> Subject:
    def make(self: Any, capacity: int) -> None:
        self.lock = threading.Lock()
        KERNEL.__init__(self, capacity)

    def offer(self: Any, item: Any) -> Any:
        if not self.lock.acquire(blocking=False):
            return Outcome.FULL
        try:
            return KERNEL.offer(self, item)
        finally:
            self.lock.release()

    return planted(__init__=make, offer=offer)


def interrupted_offer_stays_claimed() -> Subject:
    def make(self: Any, capacity: int) -> None:
        self.busy = 0
        KERNEL.__init__(self, capacity)

    def offer(self: Any, item: Any) -> Any:
        if self.busy:
            return Outcome.FULL
        self.busy = 1
        answer = KERNEL.offer(self, item)
        self.busy = 0
        return answer

    return planted(__init__=make, offer=offer)


def compares_items() -> Subject:
    def offer(self: Any, item: Any) -> Any:
        try:
            self.same = item == "poison"
        except ArithmeticError:
            self.same = False
        return KERNEL.offer(self, item)

    return planted(offer=offer)


def close_waits_for_room() -> Subject:
    def close(self: Any) -> None:
        while used(self) >= self.capacity:
            time.sleep(0.001)
        KERNEL.close(self)

    return planted(close=close)


def close_wakes_nobody() -> Subject:
    def close(self: Any) -> None:
        self._slots.closed = True

    return planted(close=close)


def accepts_after_close() -> Subject:
    def make(self: Any, capacity: int) -> None:
        self.shut = False
        KERNEL.__init__(self, capacity)

    def offer(self: Any, item: Any) -> Any:
        if self.shut:
            return Outcome.CLOSED
        return KERNEL.offer(self, item)

    def close(self: Any) -> None:
        self.shut = True

    def take(self: Any, timeout: Any = None) -> Any:
        try:
            return KERNEL.take(self, timeout)
        except Empty:
            if self.shut:
                raise Closed from None
            raise

    def drain(self: Any, timeout: Any = None) -> int:
        self.close()
        return used(self) + 0 * bool(timeout)

    return planted(__init__=make, offer=offer, close=close, take=take, drain=drain)


def drain_has_no_deadline() -> Subject:
    def drain(self: Any, timeout: Any = None) -> int:
        del timeout
        return int(KERNEL.drain(self))

    return planted(drain=drain)


def drain_forgets_what_is_in_flight() -> Subject:
    def drain(self: Any, timeout: Any = None) -> int:
        left = KERNEL.drain(self, timeout)
        return left and int(self.statistics().queued)

    return planted(drain=drain)


def release_after_close_raises() -> Subject:
    class Lease(HeldLease):
        def release(self) -> bool:
            done = super().release()
            if self.intake.offer(None) is Outcome.CLOSED:
                raise Closed
            KERNEL.take(self.intake, 0).release()
            return done

    return planted(Lease)


def close_discards() -> Subject:
    def close(self: Any) -> None:
        while KERNEL.statistics(self).queued:
            KERNEL.take(self, 0).release()
        KERNEL.close(self)

    return planted(close=close)


def waiters_pile_up() -> Subject:
    def take(self: Any, timeout: Any = None) -> Any:
        self.__dict__.setdefault("waiters", []).append(object())
        return KERNEL.take(self, timeout)

    return planted(take=take)


def remembers_the_last_item() -> Subject:
    def offer(self: Any, item: Any) -> Any:
        self.last = item
        return KERNEL.offer(self, item)

    return planted(offer=offer)


def rejection_leaves_an_object() -> Subject:
    def offer(self: Any, item: Any) -> Any:
        answer = KERNEL.offer(self, item)
        if not answer:
            self.__dict__.setdefault("trail", []).append(object())
        return answer

    return planted(offer=offer)


def rejection_makes_garbage() -> Subject:
    def offer(self: Any, item: Any) -> Any:
        answer = KERNEL.offer(self, item)
        if not answer:
            trail: list[Any] = []
            trail.append(trail)
        return answer

    return planted(offer=offer)


def counts_before_it_knows() -> Subject:
    def make(self: Any, capacity: int) -> None:
        self.guess = 0
        KERNEL.__init__(self, capacity)

    def offer(self: Any, item: Any) -> Any:
        self.guess += 1
        answer = KERNEL.offer(self, item)
        self.guess -= 1
        return answer

    def statistics(self: Any) -> Any:
        read = KERNEL.statistics(self)
        return dataclasses.replace(read, queued=read.queued + self.guess)

    return planted(__init__=make, offer=offer, statistics=statistics)


def offer_waits_for_room() -> Subject:
    def offer(self: Any, item: Any) -> Any:
        while (answer := KERNEL.offer(self, item)) is Outcome.FULL:
            time.sleep(0.001)
        return answer

    return planted(offer=offer)


def snapshot_walks_a_live_dict() -> Subject:
    def make(self: Any, capacity: int) -> None:
        self.live = dict.fromkeys(range(2))
        KERNEL.__init__(self, capacity)

    def offer(self: Any, item: Any) -> Any:
        self.live[len(self.live)] = None
        return KERNEL.offer(self, item)

    def statistics(self: Any) -> Any:
        self.walked = [key for key in self.live]  # noqa: C416 - a loop in bytecode is the fault
        return KERNEL.statistics(self)

    return planted(__init__=make, offer=offer, statistics=statistics)


def interrupted_offer_stays_locked() -> Subject:
    def make(self: Any, capacity: int) -> None:
        self.lock = threading.RLock()
        KERNEL.__init__(self, capacity)

    def offer(self: Any, item: Any) -> Any:
        self.lock.acquire()
        answer = KERNEL.offer(self, item)
        self.lock.release()
        return answer

    return planted(__init__=make, offer=offer)


PLANTED: list[tuple[int, Callable[[], Subject], str]] = [
    (1, rejection_frees_a_slot, "BOUND-1"),
    (2, timed_out_take_eats_a_slot, "BOUND-2"),
    (3, interrupted_take_keeps_its_slot, "INTERRUPT-1"),
    (4, takes_the_workers_error_for_its_own, "LOCAL-1"),
    (5, release_checks_then_acts, "LEASE-1"),
    (6, rejection_logs, "QUIET-1"),
    (7, release_needs_time_to_pass, "LEASE-1"),
    (8, released_only_on_success, "BOUND-2"),
    (9, checks_then_acts, "BOUND-1"),
    (10, slot_freed_when_taken, "BOUND-1"),
    (11, gauge_drifts, "LEDGER-1"),
    (12, one_too_many, "BOUND-1"),
    (12, zero_admits, "HOSTILE-1"),
    (12, widens_after_many_refusals, "FIXED-1"),
    (13, rejected_work_runs_later, "NORETRY-1"),
    (14, lock_around_offer, "REENTRY-1"),
    (15, reentrant_lock_and_a_check, "BOUND-1"),
    (16, says_full_when_busy, "EXACT-1"),
    (17, lock_around_offer, "REENTRY-1"),
    (18, interrupted_offer_stays_claimed, "INTERRUPT-1"),
    (19, lock_around_offer, "FORK-1"),
    (20, compares_items, "HOSTILE-1"),
    (21, close_waits_for_room, "CLOSE-1"),
    (22, close_wakes_nobody, "CLOSE-2"),
    (23, accepts_after_close, "CLOSE-2"),
    (24, drain_has_no_deadline, "CLOSE-2"),
    (24, drain_forgets_what_is_in_flight, "LEDGER-1"),
    (25, release_after_close_raises, "LEASE-1"),
    (26, close_discards, "LOCAL-1"),
    (27, interrupted_take_keeps_its_slot, "CLOSE-2"),
    (28, waiters_pile_up, "MEMORY-1"),
    (29, remembers_the_last_item, "MEMORY-1"),
    (30, rejection_leaves_an_object, "MEMORY-1"),
    (30, rejection_makes_garbage, "MEMORY-1"),
    (30, rejection_writes_now_and_then, "QUIET-1"),
    (31, counts_before_it_knows, "BOUND-2"),
    (32, lock_around_offer_and_take, "NOWAIT-2"),
    (33, offer_waits_for_room, "NOWAIT-1"),
    (34, snapshot_walks_a_live_dict, "LEDGER-1"),
    (35, interrupted_offer_stays_locked, "INTERRUPT-1"),
]


def test_there_are_35_scenarios() -> None:
    assert sorted(BY_NUMBER) == list(range(1, 36))
    assert [check.name for check in CHECKS] == [f"scenarios.{number:02d}" for number in range(1, 36)]
    assert {number for number, _, _ in PLANTED} == set(BY_NUMBER)
    assert all(check.shows and check.shows_not and check.clauses for check in CHECKS)


@pytest.mark.parametrize(
    ("number", "plant", "clause"),
    [pytest.param(*row, id=f"scenario_{row[0]:02d}-{row[1].__name__}") for row in PLANTED],
)
def test_a_planted_fault_is_found(number: int, plant: Callable[[], Subject], clause: str) -> None:
    check = BY_NUMBER[number]
    result = check.run(plant(), QUICK)
    assert result.verdict is Verdict.ILLEGAL, result.evidence
    assert result.witness
    assert clause in (result.blames or check.clauses), result.witness


# The injector, on which most of them stand.


class Counter:
    """Something small to step through."""

    def __init__(self) -> None:
        self.before = 0
        self.after = 0

    def step(self) -> int:
        self.before += 1
        self.after += 1
        return self.after


def _positions(call: Callable[[], Any], owner: Any = Counter) -> list[tuple[str, int]]:
    seen: list[tuple[str, int]] = []
    with Injector(owner) as injector:
        injector.run(call, lambda _, code, offset: seen.append((code.co_name, offset)))
    return seen


def test_every_bytecode_is_seen_once_and_in_order() -> None:
    counter = Counter()
    seen = _positions(counter.step)
    wanted = [instruction.offset for instruction in dis.get_instructions(Counter.step) if instruction.opname != "CACHE"]
    assert [offset for name, offset in seen if name == "step"] == [offset for offset in wanted if offset >= seen[0][1]]
    assert counter.after == 1


def test_only_the_owners_files_are_stepped_through() -> None:
    assert files_of(threading.Event) == (threading.__file__,)
    assert {name for name, _ in _positions(lambda: tidegate.Intake[str](1).offer("a"), tidegate)} >= {"offer", "__init__"}
    assert not _positions(lambda: Counter().step(), tidegate)


def test_an_exception_lands_before_the_bytecode_and_only_once() -> None:
    ends: list[tuple[int, int]] = []
    with Injector(Counter) as injector:
        for position in range(1, 100):
            counter = Counter()

            def raise_there(at: int, *_: Any, position: int = position) -> None:
                if at == position:
                    raise Interrupt

            try:
                injector.run(counter.step, raise_there)
            except Interrupt:
                ends.append((counter.before, counter.after))
            else:
                break
    assert set(ends) == {(0, 0), (1, 0), (1, 1)}
    assert ends == sorted(ends)


def test_calls_made_in_the_hook_are_not_stepped_through() -> None:
    counter, inner = Counter(), Counter()
    positions: list[int] = []

    def hook(position: int, *_: Any) -> None:
        positions.append(position)
        inner.step()

    with Injector(Counter) as injector:
        injector.run(counter.step, hook)
    assert positions == list(range(1, len(positions) + 1))
    assert inner.after == len(positions) == len(_positions(counter.step))


def test_two_threads_are_stepped_through_apart() -> None:
    seen: dict[str, int] = {}

    def work(name: str, times: int) -> None:
        counter = Counter()

        def hook(*_: Any) -> None:
            seen[name] = seen.get(name, 0) + 1

        for _ in range(times):
            injector.run(counter.step, hook)

    with Injector(Counter) as injector:
        threads = [threading.Thread(target=work, args=(name, times)) for name, times in (("one", 50), ("two", 100))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert seen["two"] == 2 * seen["one"] > 0


def test_nothing_is_left_behind() -> None:
    before = sys.gettrace()
    for _ in range(20):
        Injector(Counter).__enter__().close()
        assert _positions(Counter().step)
    assert sys.gettrace() is before
