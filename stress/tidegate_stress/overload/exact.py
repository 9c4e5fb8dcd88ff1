"""Judge what has an exact answer: the bound, the ledger, the order, the memory."""

from bisect import bisect_left
from itertools import accumulate
from typing import Final

from tidegate_specs import clauses
from tidegate_specs.check import Verdict

from ..load.record import CLOSED, GREW, Record
from ..memory import Footprint
from .finding import Finding, accepted_books, exactly, takings

REJECTIONS: Final = 1_000_000


def counted_peak(record: Record) -> tuple[int, int]:
    """Count the most accepted, unfinished items at any instant, and say when, from the callers' stamps alone.

    An item counts from the return of its offer until its worker begins to release it, so it is never more than there were.
    """
    begins = [end_ns for _, _, end_ns in accepted_books(record)]
    ends = [stamp for tally in record.tallies for stamp in tally.finished_ns[: tally.count]]
    changes = sorted([(stamp, 1) for stamp in begins] + [(stamp, -1) for stamp in ends])
    held = list(accumulate(change for _, change in changes))
    if not held:
        return 0, 0
    at = max(range(len(held)), key=held.__getitem__)
    return held[at], changes[at][0]


def judge_bound(record: Record) -> Finding:
    """BOUND-1, by the callers' own count and by statistics."""
    capacity = record.plan.capacity
    peak, peak_ns = counted_peak(record)
    worst = max(peak, record.sampled_peak, record.at_rest.peak if record.at_rest is not None else 0)
    offers = sum(book.begun for book in record.books)
    phase = next((phase for phase in record.phases.values() if phase.start_ns <= peak_ns <= phase.end_ns), None)
    when = "" if phase is None else f" {(peak_ns - phase.start_ns) / 1e6:.0f} ms into {phase.name}"
    witness = f"callers counted {peak}{when}, statistics gave {record.sampled_peak}; {record.halted}".rstrip("; ")
    detail = f"{offers:,} offers; callers counted {peak}, {record.samples:,} readings gave {record.sampled_peak}"
    return exactly(worst <= capacity, f"{worst} items unfinished", f"{capacity}", detail, witness)


def judge_ledger(record: Record) -> Finding:
    """LEDGER-1 and BOUND-2: within bounds while running, exact at rest, against the callers' own counts."""
    books, rest = record.books, record.at_rest
    own = {
        "accepted": sum(book.accepted for book in books),
        "full": sum(book.full for book in books),
        "closed": sum(book.closed for book in books),
        "released": sum(tally.released for tally in record.tallies),
        "abandoned": 0,
        "in_flight": 0,
    }
    own["queued"] = own["accepted"] - own["released"]
    own["free"] = record.plan.capacity - own["queued"]
    wrong = [
        f"{name}: callers {count}, statistics {getattr(rest, name)}" for name, count in own.items() if getattr(rest, name) != count
    ]
    if record.after_close != CLOSED:
        wrong.append("after close an offer was not answered CLOSED")
    unanswered = sum(book.begun - book.accepted - book.full - book.closed for book in books)
    if unanswered:
        wrong.append(f"{unanswered} offers got none of the three answers")
    if rest.peak < record.sampled_peak:
        wrong.append(f"peak {rest.peak}, but {record.sampled_peak} was read before")
    wrong += record.problems
    detail = f"{own['accepted']:,} accepted, {own['full']:,} full, exact at rest; {record.samples:,} readings within bounds"
    return exactly(not wrong, f"{len(wrong)} differences", "0", detail, "; ".join(wrong[:3]))


def judge_order(record: Record) -> Finding:
    """LOCAL-1 and NORETRY-1: each accepted item taken once, no other, and in order where callers can tell it."""
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    for item, start_ns, end_ns in accepted_books(record):
        starts[item], ends[item] = start_ns, end_ns
    taken = [(item, asked, got) for tally in record.tallies for item, asked, got in takings(tally)]
    items = [item for item, _, _ in taken]
    wrong: list[str] = []
    blames: set[str] = set()
    refused = [item for item in items if item not in ends]
    if refused:
        wrong.append(f"{len(refused)} items were taken that had not been accepted, {refused[0]} first")
        blames.add("NORETRY-1")
    twice = len(items) - len(set(items))
    if twice:
        wrong.append(f"{twice} items were taken twice")
        blames.add("LOCAL-1")
    lost = len(ends.keys() - set(items)) - record.at_rest.queued
    if lost > 0:
        wrong.append(f"{lost} accepted items were never taken and are not queued")
        blames.add("LOCAL-1")
    pair, decided = overtaken([(starts[item], ends[item], asked, got, item) for item, asked, got in taken if item in ends])
    if pair is not None:
        wrong.append(f"item {pair[0]} was accepted before item {pair[1]} was offered, and taken after it")
        blames.add("LOCAL-1")
    detail = f"{len(items):,} taken once each; order decided for {decided:,}"
    return exactly(not wrong, f"{len(wrong)} faults", "0", detail, "; ".join(wrong), tuple(sorted(blames)))


def overtaken(histories: list[tuple[int, int, int, int, int]]) -> tuple[tuple[int, int] | None, int]:
    """Find an item surely accepted before another and surely taken after it; count the items that had any to compare with.

    Each history is (offer's start, offer's end, take's start, take's end, item). Calls that overlap decide nothing.
    """
    by_end = sorted(histories, key=lambda history: history[1])
    ends = [history[1] for history in by_end]
    latest: list[tuple[int, int]] = list(accumulate(((history[2], history[4]) for history in by_end), max))
    decided = 0
    for start_ns, _, _, got_ns, item in histories:
        before = bisect_left(ends, start_ns)
        if before:
            decided += 1
            asked_ns, earlier = latest[before - 1]
            if asked_ns > got_ns:
                return (earlier, item), decided
    return None, decided


def judge_memory(record: Record) -> Finding:
    """STABLE-1: the highest resident set in the second half of a phase against that in its first half."""
    growths: dict[str, int] = {}
    for name in ("overload", "spinning"):
        resident = record.phases[name].resident if name in record.phases else []
        half = len(resident) // 2
        if half >= 2:
            growths[name] = max(resident[half:]) - max(resident[:half])
    allowed = "2 MiB from one half of a phase to the next"
    if record.halted:
        verdict = Verdict.ILLEGAL if GREW in record.halted else Verdict.UNKNOWN
        return Finding(verdict, "the run was cut short", allowed, witness=record.halted)
    if len(growths) < 2 and clauses.stable_1(max(growths.values(), default=0)):
        return Finding(Verdict.UNKNOWN, "no readings", allowed, witness="the resident set could not be read often enough")
    measured = f"{max(growths.values()) / 2**20:.2f} MiB more"
    detail = ", ".join(f"{name} {growth / 2**20:+.2f} MiB" for name, growth in growths.items())
    holds = clauses.stable_1(max(growths.values()))
    return exactly(holds, measured, allowed, detail, f"resident memory grew: {detail}")


def judge_footprint(left: Footprint, wanted: int) -> Finding:
    """MEMORY-1: what rejections left behind."""
    kept = left.references + (not left.item_died)
    measured = f"{left.blocks} blocks, {left.collections} collections, {kept} references"
    detail = f"{left.rejections:,} rejections of one item"
    if not clauses.memory_1(left.blocks, left.collections, kept):
        return Finding(Verdict.ILLEGAL, measured, "0, 0, 0", detail, f"{detail} left {measured}")
    if left.rejections < wanted:
        return Finding(Verdict.UNKNOWN, measured, "0, 0, 0", detail, f"only {detail} in the time allowed")
    return Finding(Verdict.OK, measured, "0, 0, 0", detail)
