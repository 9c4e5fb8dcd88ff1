"""Judge an intake under overload: ten times more offers than the workers can finish, and producers that spin on rejections.

The checks share one run (`load.run_load`). What is counted must be exact, whatever the machine does. What is timed is held against
its bound with the noise that was measured in the same run: it is tried again up to three times, and where the noise would hide
the answer the verdict is UNKNOWN.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from math import ceil
from typing import Any, Final, cast

from tidegate_specs import clauses
from tidegate_specs.check import Check, Result, Settings, Subject, Verdict

from .load import ACCEPTED, CLOSED, FULL, GREW, Book, Phase, Plan, Record, Tally, returns, run_load
from .memory import Footprint, rejection_footprint

GROUP: Final = "overload"
NOISE_LIMIT: Final = 0.20  # a share; above it a rate that looks good enough proves nothing
VAGUE: Final = 20  # times the ideal: a bound on a time that is that long says nothing
LATENCY_CAP_US: Final = 50.0
KEPT: Final = 0.8  # of the scheduled offers; offers that take long are fewer, and their median alone would hide it
ENOUGH: Final = 50  # figures to take a median of
RECOVERY_NOISE_S: Final = 0.020
REJECTIONS: Final = 1_000_000


def plan_for(settings: Settings) -> Plan:
    """Give the plan of a profile: ten seconds of overload in full, three in quick."""
    if settings.profile == "full":
        return Plan(seed=settings.seed)
    return Plan(seconds=3.0, unloaded_s=0.5, calm_s=1.0, spin_s=1.0, seed=settings.seed)


@dataclass(frozen=True, slots=True)
class Finding:
    """Give one judgement: what was measured, what is allowed, and how it was seen."""

    verdict: Verdict
    measured: str
    allowed: str
    detail: str = ""
    witness: str = ""
    blames: tuple[str, ...] = ()

    def as_result(self) -> Result:
        """Give it as a check's result."""
        evidence = f"{self.measured} (allowed: {self.allowed})" + (f"; {self.detail}" if self.detail else "")
        return Result(self.verdict, evidence, self.witness, self.blames)


Judge = Callable[[Record], Finding]


def exactly(holds: bool, measured: str, allowed: str, detail: str, witness: str, blames: tuple[str, ...] = ()) -> Finding:
    """Judge what was counted."""
    if holds:
        return Finding(Verdict.OK, measured, allowed, detail)
    return Finding(Verdict.ILLEGAL, measured, allowed, detail, witness, blames)


# Judges. Each reads a record that went through all phases; see `_examine` for those that did not.


def accepted_books(record: Record) -> Iterable[tuple[int, int, int]]:
    """Give the item, the start and the end of every offer that was accepted and stamped."""
    for book in record.books:
        for place, answer in enumerate(book.answers):
            if answer == ACCEPTED:
                yield book.base + place, book.starts_ns[place], book.ends_ns[place]


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
    taken = [(item, asked, got) for tally in record.tallies for item, asked, got in _takings(tally)]
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


def _takings(tally: Tally) -> Iterable[tuple[int, int, int]]:
    return zip(tally.items[: tally.count], tally.asked_ns, tally.taken_ns, strict=False)


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


def judge_offer(record: Record) -> Finding:
    """RESPONSIVE-1: the median offer at 10x against that at 1x."""
    if record.errors:
        return Finding(Verdict.ILLEGAL, record.errors[0], "no exception", witness="; ".join(record.errors), blames=("EXPLICIT-1",))
    calm_books, books = record.phases["1x"].books, record.phases["overload"].books
    calm = durations(calm_books, first=True)
    answered = [durations(books, answer, first=True) for answer in (ACCEPTED, FULL)]
    for place, answer in enumerate((ACCEPTED, FULL)):
        if len(answered[place]) < ENOUGH:  # producers that are always late never sleep
            answered[place] = durations(books, answer)
    accepted, full = answered
    if min(len(calm), len(accepted), len(full)) < ENOUGH:
        return Finding(Verdict.UNKNOWN, "too few offers", f"{ENOUGH} of each kind", witness="too few offers to tell")
    loaded_ns = max(percentile(accepted, 0.5), percentile(full, 0.5))
    ratio = loaded_ns / percentile(calm, 0.5)
    made = sum(book.begun for book in books) / sum(len(book.answers) for book in books)
    measured = f"{ratio:.2f} x, {loaded_ns / 1e3:.2f} us, {made:.0%} of the schedule"
    allowed = f"2.00 x, {LATENCY_CAP_US:g} us, {KEPT:.0%}"
    detail = (
        f"p50 and p99 after a sleep: {_ladder(calm)} at 1x; at overload {_ladder(accepted)} if accepted, {_ladder(full)} if full; "
        f"p50 of all {_middle_us(durations(books))}"
    )
    excess = max(ratio / 2.0, loaded_ns / 1e3 / LATENCY_CAP_US, KEPT / max(made, 1e-9))
    if clauses.responsive_1(ratio) and excess <= 1:
        return Finding(Verdict.OK, measured, allowed, detail)
    return Finding(_unless_noisy(record, excess), measured, allowed, detail, f"the median offer took {measured}; {_noise(record)}")


def durations(books: Iterable[Book], answer: int | None = None, first: bool = False) -> "array[int]":
    """Give the sorted durations of stamped offers in nanoseconds: of all, of one answer, of the first ones after a sleep."""
    spans = [
        end - start
        for book in books
        for start, end, given, woken in zip(book.starts_ns, book.ends_ns, book.answers, book.first, strict=True)
        if end and (woken or not first) and (answer is None or given == answer)
    ]
    return array("q", sorted(spans))


def _ladder(values: "array[int]") -> str:
    return f"{percentile(values, 0.5) / 1e3:.2f}, {percentile(values, 0.99) / 1e3:.1f} us"


def _middle_us(values: "array[int]") -> str:
    return f"{len(values):,} offers {percentile(values, 0.5) / 1e3:.2f} us"


def percentile(values: "array[int]", share: float) -> int:
    """Give the smallest value that at least this share of the sorted values does not exceed."""
    return values[max(0, ceil(share * len(values)) - 1)]


def _noise(record: Record) -> str:
    return f"noise: {record.stolen:.0%} of the processor went to others"


def _unless_noisy(record: Record, excess: float) -> Verdict:
    """Judge something that took `excess` times as long as allowed: ILLEGAL if it would have in the time not taken by others too."""
    return Verdict.ILLEGAL if excess * _left(record) > 1 else Verdict.UNKNOWN


def _left(record: Record) -> float:
    return 1 - min(record.stolen, 0.9)


def judge_latency(record: Record) -> Finding:
    """LATENCY-1, for all that was accepted during overload."""
    plan, phase = record.plan, record.phases["overload"]
    got = {item: taken for tally in record.tallies for item, _, taken in _takings(tally)}
    sojourns = array("q")
    missing = 0
    for book in phase.books:
        for place, answer in enumerate(book.answers):
            if answer == ACCEPTED and book.base + place in got:
                sojourns.append(max(0, got[book.base + place] - book.ends_ns[place]))
            missing += answer == ACCEPTED and book.base + place not in got
    services = array("q", (freed - taken for tally in record.tallies for freed, taken in _services(tally, phase)))
    if len(sojourns) < ENOUGH or not services:
        return Finding(Verdict.UNKNOWN, f"{len(sojourns)} items taken", f"{ENOUGH} or more", witness="too few items to tell")
    sojourns = array("q", sorted(sojourns))
    longest_s, noise_s, worst_s = max(services) / 1e9, max(phase.late_ns, default=0) / 1e9, sojourns[-1] / 1e9
    rounds = ceil(plan.capacity / plan.workers)
    bound_s = rounds * longest_s + noise_s
    measured, allowed = f"{worst_s * 1e3:.1f} ms", f"{bound_s * 1e3:.1f} ms"
    detail = (
        f"p50 {percentile(sojourns, 0.5) / 1e6:.1f}, p99 {percentile(sojourns, 0.99) / 1e6:.1f} ms of {len(sojourns):,}; "
        f"{rounds} x {longest_s * 1e3:.2f} + noise {noise_s * 1e3:.2f} ms"
    )
    if missing:
        return Finding(
            Verdict.ILLEGAL, f"{missing} items never taken", allowed, detail, f"{missing} accepted items were never taken"
        )
    if not clauses.latency_1(worst_s, plan.capacity, plan.workers, longest_s, noise_s):
        return Finding(
            _unless_noisy(record, worst_s / bound_s), measured, allowed, detail, f"an item waited {measured}; {_noise(record)}"
        )
    if bound_s > VAGUE * rounds * plan.service_s:
        witness = (
            f"the longest service took {longest_s * 1e3:.0f} ms instead of {plan.service_s * 1e3:g}, so the bound says nothing"
        )
        return Finding(Verdict.UNKNOWN, measured, allowed, detail, witness)
    return Finding(Verdict.OK, measured, allowed, detail)


def _services(tally: Tally, phase: Phase) -> Iterable[tuple[int, int]]:
    """Give the end and the start of the services that ended during a phase, or within a second after it."""
    last_ns = phase.end_ns + 1_000_000_000
    return (
        (freed, taken)
        for freed, taken in zip(tally.freed_ns[: tally.count], tally.taken_ns, strict=False)
        if phase.start_ns <= freed <= last_ns
    )


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


def _judge_rate(record: Record, name: str) -> Finding:
    phase = record.phases[name]
    unloaded = record.unloaded[:2] if name == "overload" else record.unloaded[-2:]  # just before and just after
    finished = sum(
        phase.start_ns <= stamp <= phase.end_ns for tally in record.tallies for stamp in tally.finished_ns[: tally.count]
    )
    rate = finished / max(phase.seconds, 1e-9)
    provisioned = max(1e-9, sum(unloaded) / len(unloaded))
    ratio = rate / provisioned
    noise = min(0.9, (max(unloaded) - min(unloaded)) / max(1e-9, *unloaded))
    measured, allowed = f"{ratio:.1%} of the unloaded rate", "80 % or more"
    offered = sum(book.begun for book in phase.books)
    arriving = offered / max(phase.seconds, 1e-9)
    detail = f"{rate:,.0f} of {provisioned:,.0f} items/s at {arriving:,.0f} offers/s; the unloaded rate differs by {noise:.0%}"
    if not clauses.responsive_2(ratio):
        surely = not clauses.responsive_2(ratio / min(_left(record), 1 - noise))  # what others take, workers lack
        return Finding(
            Verdict.ILLEGAL if surely else Verdict.UNKNOWN,
            measured,
            allowed,
            detail,
            f"workers finished {measured}; {_noise(record)}",
        )
    if noise > NOISE_LIMIT:
        return Finding(Verdict.UNKNOWN, measured, allowed, detail, f"the unloaded rate itself differs by {noise:.0%}")
    return Finding(Verdict.OK, measured, allowed, detail)


def judge_goodput(record: Record) -> Finding:
    """RESPONSIVE-2 under offers by schedule."""
    return _judge_rate(record, "overload")


def judge_spinning(record: Record) -> Finding:
    """RESPONSIVE-2 under eight producers that spin on rejections."""
    if "spinning" not in record.phases:
        return Finding(Verdict.UNKNOWN, "not run", "80 % or more", witness=record.halted)
    return _judge_rate(record, "spinning")


def judge_recovery(record: Record) -> Finding:
    """RECOVER-1: accepting again within one service time, idle again, and then the same answers as a new one's."""
    plan, phase = record.plan, record.phases["overload"]
    service_s = max((freed - taken for tally in record.tallies for freed, taken in _services(tally, phase)), default=0) / 1e9
    noise_s = max(RECOVERY_NOISE_S, max(phase.late_ns, default=0) / 1e9)
    again_s = record.accepting_again_ns / 1e9
    allowed = f"{(service_s + noise_s) * 1e3:.1f} ms, and as new"
    wrong = list(record.anew)
    if record.idle_s < 0:
        wrong.append(f"not all slots were free {plan.grace_s:g} s after the load ended")
    if record.accepting_again_ns < 0:
        wrong.append(f"nothing was accepted within {plan.grace_s:g} s after the load ended")
    measured = f"accepting after {again_s * 1e3:.1f} ms"
    detail = f"one service {service_s * 1e3:.2f} ms + noise {noise_s * 1e3:.1f} ms; all {plan.capacity} slots free and accepting"
    if wrong:
        return Finding(Verdict.ILLEGAL, f"{len(wrong)} differences", allowed, witness="; ".join(wrong))
    if again_s > service_s + noise_s:
        return Finding(
            _unless_noisy(record, again_s / (service_s + noise_s)), measured, allowed, detail, f"{measured}; {_noise(record)}"
        )
    if service_s + noise_s > VAGUE * (plan.service_s + RECOVERY_NOISE_S):
        witness = f"threads woke up to {noise_s * 1e3:.0f} ms late, so the bound says nothing"
        return Finding(Verdict.UNKNOWN, measured, allowed, detail, witness)
    return Finding(Verdict.OK, measured, allowed, detail)


# Runs and checks.


@dataclass(frozen=True, slots=True)
class Part:
    """Describe one check of this group: its judge, whether a fault seen once may be noise, and what it bears on."""

    name: str
    judge: Judge
    timed: bool
    clauses: tuple[str, ...]
    shows: str
    shows_not: str


PARTS: Final = (
    Part(
        "bound",
        judge_bound,
        False,
        ("BOUND-1",),
        "Under 10x overload and under spinning producers no more than capacity items were unfinished, by two independent counts.",
        "Schedules that did not happen. A stress run is never evidence that a race is absent.",
    ),
    Part(
        "ledger",
        judge_ledger,
        False,
        ("LEDGER-1", "BOUND-2", "CLOSE-1"),
        "Statistics equal the callers' own counts at rest, and stay within what callers saw while everything runs.",
        "Instants at which no reading was made.",
    ),
    Part(
        "order",
        judge_order,
        False,
        ("LOCAL-1", "NORETRY-1"),
        "Every accepted item was taken once, no other item ever was, and no item was overtaken.",
        "The order of offers that overlap in time.",
    ),
    Part(
        "offer",
        judge_offer,
        True,
        ("RESPONSIVE-1", "NOWAIT-1", "EXPLICIT-1"),
        "Every offer returned with an answer, and the median offer takes no longer at 10x than at 1x.",
        "A bound on real time; the tail, which the scheduler makes.",
    ),
    Part(
        "latency",
        judge_latency,
        True,
        ("LATENCY-1",),
        "Everything accepted was taken within the rounds of work before it, times the longest service seen, plus measured noise.",
        "Other capacities, numbers of workers and kinds of work.",
    ),
    Part(
        "memory",
        judge_memory,
        True,
        ("STABLE-1",),
        "The resident set stays on a plateau under 10x overload and under spinning producers.",
        "Growth slower than 2 MiB in half a phase.",
    ),
    Part(
        "goodput",
        judge_goodput,
        True,
        ("RESPONSIVE-2",),
        "Workers finish at least 80 % of their unloaded rate under 10x overload.",
        "Work that never gives up the interpreter.",
    ),
    Part(
        "spinning",
        judge_spinning,
        True,
        ("RESPONSIVE-2",),
        "Workers finish at least 80 % of their unloaded rate under eight producers that spin on rejections.",
        "Work that never gives up the interpreter.",
    ),
    Part(
        "recover",
        judge_recovery,
        True,
        ("RECOVER-1",),
        "After the overload an offer is accepted within one service time, all slots come home, and the answers are as new.",
        "Recovery of workers that never release.",
    ),
)


@lru_cache(maxsize=8)
def _recorded(subject: Any, plan: Plan, attempt: int) -> Record:
    """Do a run once for all checks that read it. attempt: tells repetitions apart."""
    return run_load(subject, replace(plan, seed=plan.seed + attempt))


def _examine(part: Part, record: Record) -> Finding:
    """Judge a record; one that broke off says only what broke it."""
    if record.stuck:
        if part.name == "offer":
            return Finding(Verdict.ILLEGAL, record.stuck, "a return", witness=record.stuck, blames=("NOWAIT-1",))
        return Finding(Verdict.UNKNOWN, "nothing: the run broke off", "a whole run", witness=record.stuck)
    if record.at_rest is None or "overload" not in record.phases or len(record.unloaded) < 3:
        if part.name == "offer" and record.errors:
            return judge_offer(record)
        witness = "; ".join(record.errors) or "the run did not reach its end"
        return Finding(Verdict.UNKNOWN, "nothing: the run broke off", "a whole run", witness=witness)
    return part.judge(record)


def examine(part: Part, subject: Subject, plan: Plan) -> Finding:
    """Judge one part, on a run of its own for each attempt if it is timed. A fault must be seen in each of them."""
    findings: list[Finding] = []
    for attempt in range(plan.attempts):
        record = _recorded(cast(Any, subject), plan, attempt)
        finding = _examine(part, record)
        findings.append(finding)
        if finding.verdict is Verdict.OK or not part.timed or record.stuck or record.errors:
            return finding
    unknown = [finding for finding in findings if finding.verdict is Verdict.UNKNOWN]
    return unknown[-1] if unknown else findings[-1]


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


def examine_rejections(subject: Subject, plan: Plan, rejections: int = REJECTIONS, limit_s: float = 10.0) -> Finding:
    """Judge what a million rejections leave, up to `attempts` times, as other threads of the process may allocate."""
    finding = Finding(Verdict.UNKNOWN, "nothing", "0, 0, 0")
    for _ in range(plan.attempts):
        seen: list[Footprint] = []

        def look(seen: list[Footprint] = seen) -> None:
            seen.append(rejection_footprint(subject, rejections, limit_s=limit_s))

        if not returns(look, limit_s + plan.grace_s):
            return Finding(
                Verdict.ILLEGAL, "offer did not return", "a return", witness="offer did not return", blames=("NOWAIT-1",)
            )
        if not seen:
            return Finding(Verdict.ILLEGAL, "offer raised", "an answer", witness="a rejection raised", blames=("EXPLICIT-1",))
        finding = judge_footprint(seen[0], rejections)
        if finding.verdict is Verdict.OK:
            break
    return finding


def _check(part: Part) -> Check:
    return Check(
        name=f"{GROUP}.{part.name}",
        group=GROUP,
        tool="stress",
        clauses=part.clauses,
        shows=part.shows,
        shows_not=part.shows_not,
        run=lambda subject, settings: examine(part, subject, plan_for(settings)).as_result(),
        limit_s=(60.0, 180.0),
    )


CHECKS: tuple[Check, ...] = (
    Check(
        name=f"{GROUP}.rejection_memory",
        group=GROUP,
        tool="stress",
        clauses=("MEMORY-1", "NORETRY-1"),
        shows="A million rejections leave no allocated block, start no collection and keep no reference to the item.",
        shows_not="Memory that C code takes from the system by itself.",
        run=lambda subject, settings: examine_rejections(subject, plan_for(settings)).as_result(),
        limit_s=(60.0, 60.0),
    ),
    *(_check(part) for part in PARTS),
)
BY_NAME: Final = {part.name: part for part in PARTS}
