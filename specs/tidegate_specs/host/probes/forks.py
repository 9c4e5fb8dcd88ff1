"""Fork beside intakes that are in use, and see what of the guest, of its user and of the parent's work happens in the child.

WORDS: `hooks`, an exception that arrives while the child's fork hooks run; `users`, an item's finaliser that takes a lock or
writes; `cost`, what a fork beside a large idle intake costs the child; `first`, an exception at each place of the child's first
use of the intake; `deep`, the child's child.
"""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from types import CodeType
from typing import Any, Final

from tidegate_specs.child import fork, hear, in_child, report_and_exit
from tidegate_specs.guest import WORDS, Dropped, Unable, adapter, guest, pending, tell
from tidegate_specs.injection import Injector, Interrupt
from tidegate_specs.stops import handler_entries

CAPACITY: Final = 100_000
CHILD_S: Final = 3.0
DELAYS_S: Final = (0.0, 0.01, 0.025, 0.05)
FORKS: Final = 5  # beside the large intake, and as many without
PENDING: Final = 3


def used(capacity: int) -> Any:
    """Make an intake with one item queued and one in flight. Its lease is kept."""
    intake = guest().Intake(capacity)
    intake.offer("queued")
    intake.offer("in flight")
    leases.append(intake.take(timeout=0))
    leases[-1].item  # noqa: B018 - a look
    return intake


leases: list[Any] = []


def fresh(intake: Any) -> str:
    """Tell what is wrong with a child's intake; nothing if it is empty and has all of its slots (FORK-1)."""
    capacity: int = intake.capacity
    told = intake.statistics()
    if (told.free, told.queued, told.in_flight) != (capacity, 0, 0):
        return f"{told.free} of {capacity} free, {told.queued} queued, {told.in_flight} in flight"
    try:
        return f"it holds {intake.take(timeout=0).item}"
    except guest().Empty:
        pass
    few = min(capacity, 3)
    if not all(intake.offer(number) for number in range(few)) or (few == capacity and intake.offer("one more")):
        return f"it does not accept {few} offers, of a capacity of {capacity}"
    items = [lease.item for lease in [intake.take(timeout=0) for _ in range(few)]]
    return "" if items == list(range(few)) else f"it gave {items}"


class Counted:
    """Count children, and keep what went wrong in them first."""

    def __init__(self) -> None:
        self.count = self.bad = self.silent = 0
        self.witness = ""

    def note(self, where: str, wrong: str) -> None:
        self.count += 1
        self.bad += bool(wrong)
        if wrong:
            self.witness = self.witness or f"{where}: {wrong}"

    def child(self, where: str, work: Callable[[], str]) -> None:
        found = in_child(lambda: {"wrong": work()}, CHILD_S)
        self.silent += "died" in found
        self.note(where, found.get("wrong", f"the child: {found.get('died')}"))

    def tell(self) -> dict[str, Any]:
        return {"count": self.count, "bad": self.bad, "witness": self.witness}


def wait_for_interrupt() -> None:
    """Run bytecode for a while. A call of its own: the jump back of a loop is covered by no handler around it (3.12 to 3.14)."""
    deadline_s = time.monotonic() + CHILD_S / 2
    while time.monotonic() < deadline_s:
        pass


def fork_and_hear(intake: Any, told: Callable[[int], None]) -> dict[str, Any]:
    """Fork, and have the child wait for a Ctrl-C and then look at its intake. told: what the parent does once it has a child."""
    reader, writer = os.pipe()
    parent, child, heard = os.getpid(), 0, False
    try:
        child = fork()
        if not child:
            wait_for_interrupt()
    except KeyboardInterrupt:
        heard = True
    if os.getpid() != parent:
        report_and_exit(lambda: {"wrong": fresh(intake) if heard else "the Ctrl-C was lost, " + fresh(intake)}, writer)
    os.close(writer)
    told(child)
    return hear(child, reader, CHILD_S)


def hooks() -> dict[str, Any]:
    """Have a Ctrl-C arrive while fork hooks run, made pending there by a hook that is C code and comes before the guest's."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.register_at_fork(after_in_child=pending(signal.SIGINT))
    counted = Counted()
    intake = used(CAPACITY)
    for _ in range(PENDING):
        found = fork_and_hear(intake, lambda _child: None)
        counted.note("a Ctrl-C that was pending in the fork hooks", found.get("wrong", f"the child: {found.get('died')}"))
        if counted.bad:
            break  # what is lost once is lost, and each takes its time
    return counted.tell()


def later() -> dict[str, Any]:
    """Send a Ctrl-C to the child, some time after it has begun to run its fork hooks."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    reader, writer = os.pipe()
    os.register_at_fork(after_in_child=partial(os.write, writer, b"."))
    counted = Counted()
    intake = used(CAPACITY)
    for delay_s in DELAYS_S:

        def send(child: int, wait_s: float = delay_s) -> None:
            if select.select([reader], [], [], CHILD_S)[0]:
                os.read(reader, 1)
            time.sleep(wait_s)
            os.kill(child, signal.SIGINT)

        found = fork_and_hear(intake, send)
        counted.note(f"a Ctrl-C {delay_s * 1e3:.0f} ms after the fork", found.get("wrong", f"the child: {found.get('died')}"))
        if counted.bad:
            break
    return counted.tell()


class Polite:
    """Be an item that takes a lock and says goodbye when it is let go of."""

    def __init__(self, lock: threading.Lock, writer: int) -> None:
        self.lock, self.writer = lock, writer

    def __del__(self) -> None:
        if os.getpid() == HERE:
            return  # in the parent it may
        with self.lock:
            os.write(self.writer, b"goodbye ")


HERE: Final = os.getpid()


def heard_from(reader: int) -> bytes:
    return os.read(reader, 1000) if select.select([reader], [], [], 0)[0] else b""


def users() -> dict[str, Any]:
    """Fork while items, taken, queued and submitted, have finalisers that take a lock which is free, or held by another thread."""
    counted = Counted()
    executor_module = adapter("executor")
    for held in (False, True):
        lock = threading.Lock()
        reader, writer = os.pipe()
        let_go = threading.Event()

        holding = threading.Event()
        if held:
            threading.Thread(target=hold, args=(lock, holding, let_go), daemon=True).start()
            holding.wait(CHILD_S)
        what = "a lock that another thread holds" if held else "a pipe"

        def judge(where: str, work: Callable[[], str], held: bool = held, what: str = what, reader: int = reader) -> None:
            if held and counted.silent:
                return  # one child that never came back is enough
            counted.child(f"{where} whose finalisers use {what}", work)
            said = heard_from(reader)
            if said:
                counted.note(where, f"finalisers of the parent's items ran in the child: {said!r}")

        for taken in (0, 2):
            intake = guest().Intake(4)
            for _ in range(3):
                intake.offer(Polite(lock, writer))
            leases[:] = [intake.take(timeout=0) for _ in range(taken)]
            judge(f"a fork beside an intake with items, {taken} of 3 taken,", lambda: "")
            judge(f"the first use in the child of an intake with items, {taken} of 3 taken,", partial(fresh, intake))
            leases.clear()
        if executor_module is not None:
            with executor_module.RejectingExecutor(4, 1) as executor:
                running = threading.Event()
                for number in range(3):
                    executor.submit(*((run, running, let_go) if number == 0 else (wait_in_line,)), Polite(lock, writer))
                running.wait(CHILD_S)
                judge("a fork beside an executor with works", lambda: "")
                judge("the first use in the child of an executor with works", partial(closed_executor, executor))
                let_go.set()
        let_go.set()
    return counted.tell()


def hold(lock: threading.Lock, holding: threading.Event, let_go: threading.Event) -> None:
    with lock:
        holding.set()
        let_go.wait(60)


def run(running: threading.Event, let_go: threading.Event, _item: Polite) -> None:
    running.set()
    let_go.wait(60)


def wait_in_line(_item: Polite) -> None:
    """Be a work that waits behind the one that runs."""


def closed_executor(executor: Any) -> str:
    answer = executor.try_submit(int)
    return "" if not answer else "it accepted a work that nobody will do"


def cpu_of_child() -> float:
    """Give the processor time that a child has used when it is back from the fork, in seconds."""
    reader, writer = os.pipe()
    child = fork()
    if child == 0:
        spent_s = time.process_time()
        os.write(writer, repr(spent_s).encode())
        os._exit(0)
    os.close(writer)
    text = os.read(reader, 100) if select.select([reader], [], [], CHILD_S)[0] else b""
    os.close(reader)
    if not text:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return float(text) if text else CHILD_S


def cost() -> dict[str, Any]:
    """Compare what a fork costs the child with and without a large intake beside it that is idle. The least of several each."""
    guest()
    without_s = [cpu_of_child() for _ in range(FORKS)]
    intake = guest().Intake(CAPACITY)
    with_s = [cpu_of_child() for _ in range(FORKS)]
    del intake
    return {"count": 2 * FORKS, "with_ms": min(with_s) * 1e3, "without_ms": min(without_s) * 1e3}


OPERATIONS: Final[dict[str, Callable[[Any], object]]] = {
    "offer": lambda intake: intake.offer("the child's"),
    "take": lambda intake: intake.take(timeout=0),
    "statistics": lambda intake: intake.statistics(),
    "close": lambda intake: intake.close(),
    "drain": lambda intake: intake.drain(timeout=0),
}


def first() -> dict[str, Any]:
    """Interrupt the child's first use of the intake at each place, and see that all the same it is fresh afterwards."""
    counted = Counted()
    intake = used(2)
    dropped = Dropped()
    for name, operation in OPERATIONS.items():
        reached, position = True, 0
        while reached:
            position += 1
            reader, writer = os.pipe()
            child = fork()
            if child == 0:
                report_and_exit(partial(interrupted, intake, operation, position), writer)
            os.close(writer)
            found = hear(child, reader, CHILD_S)
            reached = bool(found.get("where"))
            where = f"{name}, first in the child, interrupted at {found.get('where')}"
            counted.note(where, found.get("wrong", f"the child: {found.get('died')}"))
    return counted.tell() | {"dropped": dropped.count}


def interrupted(intake: Any, operation: Callable[[Any], object], position: int) -> dict[str, Any]:
    where = ""

    def hook(at: int, code: CodeType, offset: int) -> None:
        nonlocal where
        if at == position:
            where = f"{code.co_qualname}+{offset}"
            if offset not in handler_entries(code):
                raise Interrupt

    with Injector(guest()) as stepping:
        stepping.arrivals_only = True
        try:
            stepping.run(partial(operation, intake), hook)
        except (Interrupt, guest().Empty, guest().Closed):
            pass
    return {"where": where, "wrong": left_by(intake)}


def left_by(intake: Any) -> str:
    """Tell what is wrong with an intake of which nothing is known but that its first use was interrupted."""
    told = intake.statistics()
    if told.in_flight or told.queued > 1:
        return f"{told.queued} queued, {told.in_flight} in flight"
    if told.queued:
        lease = intake.take(timeout=0)
        if lease.item != "the child's":
            return f"it holds {lease.item}"
        lease.release()
    answer = intake.offer("is it closed?")
    if answer is guest().Outcome.CLOSED:
        left = intake.drain(timeout=0)
        return f"closed, and {left} slots are missing" if left else ""
    if not answer:
        return "it is full"
    intake.take(timeout=0).release()
    return fresh(intake)


def deep() -> dict[str, Any]:
    """Fork in a child, which has used its intake or not, and once more."""
    counted = Counted()
    for uses in (False, True):
        intake = used(4)
        closed = guest().Intake(2)
        closed.close()

        def level(depth: int, intake: Any = intake, closed: Any = closed, uses: bool = uses) -> str:
            own = guest().Intake(3)
            own.offer("of this process")
            if uses:
                wrong = fresh(intake)
                intake.offer("used here")
                held = intake.take(timeout=0)
            else:
                wrong, held = "", None
            if depth:
                found = in_child(lambda: {"wrong": fresh(own) or level(depth - 1)}, CHILD_S)
                wrong = wrong or found.get("wrong", f"its child: {found.get('died')}")
                if own.statistics().queued != 1 or (held is not None and held.item != "used here"):
                    wrong = wrong or "what it held was changed by its child's fork"
            if held is not None:
                held.release()
            if closed.offer("too late") is not guest().Outcome.CLOSED:
                wrong = wrong or "one that the parent had closed is open"
            return wrong or fresh(intake)

        counted.child(f"three forks deep, intakes {'used' if uses else 'not used'} on the way", partial(level, 2))
        if intake.statistics().queued != 1 or intake.statistics().in_flight != 1:
            counted.note("after the forks", "the parent's intake was changed")
    return counted.tell()


PARTS: Final = {"hooks": hooks, "later": later, "users": users, "cost": cost, "first": first, "deep": deep}


def probe() -> dict[str, Any]:
    if not hasattr(os, "fork"):
        raise Unable("this system has no fork")
    return PARTS[WORDS[0]]()


if __name__ == "__main__":
    tell(probe)
    sys.stderr.flush()
    os._exit(0)  # what is held on purpose must not be waited for
