"""Let the collector find jobs in dead cycles whose finalisers use leases, and interrupt it at every place of the guest's code.

A job holds the lease of its item and refers to itself. What its finaliser does is one of `DEEDS`. Each round has an intake and
jobs of its own; an exception is raised before one bytecode of whatever of the guest runs while `gc.collect()` does: finalisers,
callbacks, releases. Afterwards, undisturbed, it must accept as many items as it has free slots, and no slot may be lost.

WORDS: `sweep` raises at every place in turn at which the interpreter looks for exceptions from outside; `signals N` raises from a
handler of real signals, pending before the collection or, N times as often, sent by a timer.
"""

import gc
import operator
import random
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from types import CodeType, FunctionType
from typing import Any, Final

from tidegate_specs.guest import WORDS, Dropped, every_module, guest, is_ours, pending, tell
from tidegate_specs.injection import Injector, Interrupt
from tidegate_specs.stops import handler_entries

SHAPES: Final = ((1, 1), (2, 2))  # capacity, jobs in one cycle
ORDERS: Final = ("jobs first", "intake first")  # the collector calls finalisers in the order in which the objects were made
PENDING: Final = 10  # rounds of each kind with a signal that waits when the collection begins
TIMED: Final = 20  # and with a timer
LONGEST_S: Final = 0.0004
kept: list["Job"] = []


class Job:
    """Hold a lease, and other jobs of the same cycle."""

    intake: Any
    lease: Any

    def __init__(self, deed: Callable[["Job"], None]) -> None:
        self.deed = deed
        self.others: list[Job] = []

    def __del__(self) -> None:
        self.deed(self)


def releases(job: Job) -> None:
    job.lease.release()


def releases_and_offers(job: Job) -> None:
    job.lease.release()
    job.intake.offer("offered by a finaliser")


def drops(job: Job) -> None:
    job.lease = None


def drops_and_offers(job: Job) -> None:
    job.lease = None
    job.intake.offer("offered by a finaliser")


def looks(job: Job) -> None:
    job.lease.item  # noqa: B018 - a look


def looks_and_releases(job: Job) -> None:
    with job.lease:
        pass


def keeps(job: Job) -> None:
    kept.append(job)


def releases_and_keeps(job: Job) -> None:
    job.lease.release()
    kept.append(job)


def takes_again(job: Job) -> None:
    job.lease.release()
    job.intake.offer("offered by a finaliser")
    job.lease = job.intake.take(timeout=0)


DEEDS: Final = (
    releases,
    releases_and_offers,
    drops,
    drops_and_offers,
    looks,
    looks_and_releases,
    keeps,
    releases_and_keeps,
    takes_again,
)


class Tally:
    """Count rounds, and those after which the intake had too many slots, or too few."""

    def __init__(self) -> None:
        self.rounds = self.over = self.lost = self.wrong = 0
        self.witness = ""

    def note(self, text: str) -> None:
        self.witness = self.witness or text


def prepared(deed: Callable[[Job], None], capacity: int, number: int, order: str) -> Any:
    """Make an intake whose taken items are held by jobs that are garbage already."""
    jobs = [Job(deed) for _ in range(number if order == ORDERS[0] else 0)]
    intake = guest().Intake(capacity)
    for item in range(number):
        intake.offer(item)
    jobs = jobs or [Job(deed) for _ in range(number)]
    for job in jobs:
        job.intake, job.lease, job.others = intake, intake.take(timeout=0), jobs
    return intake


def free_of(intake: Any) -> tuple[int, int]:
    """Offer until refused, and tell how many slots were said to be free and how many were."""
    told: int = intake.statistics().free
    accepted = 0
    while accepted <= intake.capacity + 2 and intake.offer("audit"):
        accepted += 1
    return told, accepted


def emptied(intake: Any) -> int:
    """Take all that is queued at once, then release it. Give how many items were out together."""
    leases: list[Any] = []
    try:
        while len(leases) <= intake.capacity + 2:
            leases.append(intake.take(timeout=0))
    except guest().Empty:
        pass
    for lease in leases:
        lease.release()
    return len(leases)


def let_go() -> None:
    """Release the leases of the jobs that were kept, and keep them no longer."""
    while kept:
        job = kept.pop()
        job.deed = looks_not
        if job.lease is not None:
            job.lease.release()


def audit(intake: Any, where: str, tally: Tally) -> None:
    """See that the intake has exactly its slots: with what the finalisers left, then with nothing left."""
    tally.rounds += 1
    gc.collect()  # the exception may have come before the collection
    capacity: int = intake.capacity
    told, accepted = free_of(intake)
    held = intake.statistics().in_flight
    out = emptied(intake)
    if accepted > told or out + held > capacity:
        tally.over += 1
        tally.note(f"{where}: {told} of {capacity} slots were free, and {accepted} offers accepted; {out + held} items at once")
        return
    if accepted != told:
        tally.wrong += 1
        tally.note(f"{where}: {told} slots were told to be free, and {accepted} offers accepted")
    let_go()
    gc.collect()
    emptied(intake)
    told, accepted = free_of(intake)
    out = emptied(intake)
    if accepted > capacity or out > capacity:
        tally.over += 1
        tally.note(f"{where}: in the end {accepted} offers were accepted by an intake of {capacity}")
    elif (told, accepted, out) != (capacity, capacity, capacity):
        tally.lost += 1
        tally.note(f"{where}: in the end {told} of {capacity} slots are told to be free and {accepted} are")


def looks_not(_job: Job) -> None:
    """Do nothing, as a job that was kept and has been let go of."""


def injector() -> Injector:
    """Step through all bytecode of the package, also of functions that no name refers to."""
    package = guest()
    functions = [thing for thing in gc.get_objects() if isinstance(thing, FunctionType) and is_ours(thing.__code__.co_filename)]
    members: dict[str, Any] = {f"function_{number}": function for number, function in enumerate(functions)}
    stepping = Injector(type("Swept", (), members | {f"class_{at}": base for at, base in enumerate(package.Intake.__mro__[:-1])}))
    stepping.files = (str(package.__file__).removesuffix("__init__.py"),)
    return stepping


def sweep(tally: Tally) -> dict[str, Any]:
    raised = 0
    places: set[tuple[str, int]] = set()
    stepping = injector()
    stepping.arrivals_only = True
    with stepping:
        set_apart()
        for (capacity, number), order in product(SHAPES, ORDERS):
            for deed in DEEDS:
                position, reached = 0, True
                while reached:
                    position += 1
                    reached, fired, where = False, False, ""

                    def hook(at: int, code: CodeType, offset: int, wanted: int = position) -> None:
                        nonlocal reached, fired, where
                        if at != wanted:
                            return
                        reached, where = True, f"{code.co_qualname}+{offset}"
                        if offset not in handler_entries(code):
                            fired = True
                            places.add((code.co_qualname, offset))
                            raise Interrupt

                    intake = prepared(deed, capacity, number, order)
                    with suppress(Interrupt):
                        stepping.run(gc.collect, hook)
                    raised += fired
                    words = deed.__name__.replace("_", " ")
                    name = f"capacity {capacity}, {order}, a job's finaliser {words}, interrupted at {where}"
                    audit(intake, name if fired else name.partition(", interrupted")[0], tally)
    return {"raised": raised, "places": len(places)}


class Arrival(BaseException):
    """Stand for what a time-out handler raises."""


def signals(tally: Tally, dropped: Dropped) -> dict[str, Any]:
    seeded = random.Random(14)
    raised = 0
    armed = False

    def handle(_number: int, _frame: object) -> None:
        nonlocal raised
        if armed:
            raised += 1
            raise Arrival

    def collect(timer_s: float) -> None:
        nonlocal armed
        armed = True
        try:
            if timer_s:
                signal.setitimer(signal.ITIMER_REAL, timer_s)
                gc.collect()
                while signal.getitimer(signal.ITIMER_REAL)[0]:
                    pass
            else:
                list(map(operator.call, (trip, gc.collect)))
            [None for _ in range(3)]
        except Arrival:
            pass
        armed = False

    signal.signal(signal.SIGALRM, handle)
    trip = pending(signal.SIGALRM)
    set_apart()
    for (capacity, number), order in product(SHAPES, ORDERS):
        for deed in DEEDS:
            for timer_s in [0.0] * PENDING + [seeded.uniform(0.00001, LONGEST_S) for _ in range(TIMED * int(WORDS[1]))]:
                intake = prepared(deed, capacity, number, order)
                dropped.first = ""
                try:
                    collect(timer_s)
                except Arrival:  # on the way out of the other handler
                    armed = False
                how = f"by a timer after {timer_s * 1e6:.0f} us" if timer_s else "pending when the collector came"
                words = deed.__name__.replace("_", " ")
                audit(intake, f"capacity {capacity}, {order}, a job's finaliser {words}, a signal {how} ({dropped.first})", tally)
    return {"raised": raised}


def set_apart() -> None:
    """Have the collector look at nothing that is here so far, and come only when it is called."""
    gc.disable()
    gc.collect()
    gc.freeze()


def probe() -> dict[str, Any]:
    dropped = Dropped()
    tally = Tally()
    every_module()
    found = sweep(tally) if WORDS[0] == "sweep" else signals(tally, dropped)
    return found | {
        "rounds": tally.rounds,
        "over": tally.over,
        "lost": tally.lost,
        "wrong": tally.wrong,
        "witness": tally.witness,
        "dropped": dropped.count,
        "python": sys.version.split()[0],
    }


if __name__ == "__main__":
    tell(probe)
