"""Judge what is measured: offers, latency, goodput, recovery."""

from array import array
from math import ceil
from typing import Final

from tidegate_specs import clauses
from tidegate_specs.check import Verdict

from ..load.record import ACCEPTED, FULL, Record
from .finding import (
    ENOUGH,
    NOISE_LIMIT,
    VAGUE,
    Finding,
    durations,
    ladder,
    left_of,
    middle_us,
    noise_of,
    percentile,
    services_of,
    takings,
    unless_noisy,
)

LATENCY_CAP_US: Final = 50.0
KEPT: Final = 0.8  # of the scheduled offers; offers that take long are fewer, and their median alone would hide it
RECOVERY_NOISE_S: Final = 0.020


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
        f"p50 and p99 after a sleep: {ladder(calm)} at 1x; at overload {ladder(accepted)} if accepted, {ladder(full)} if full; "
        f"p50 of all {middle_us(durations(books))}"
    )
    excess = max(ratio / 2.0, loaded_ns / 1e3 / LATENCY_CAP_US, KEPT / max(made, 1e-9))
    if clauses.responsive_1(ratio) and excess <= 1:
        return Finding(Verdict.OK, measured, allowed, detail)
    return Finding(unless_noisy(record, excess), measured, allowed, detail, f"the median offer took {measured}; {noise_of(record)}")


def judge_latency(record: Record) -> Finding:
    """LATENCY-1, for all that was accepted during overload."""
    plan, phase = record.plan, record.phases["overload"]
    got = {item: taken for tally in record.tallies for item, _, taken in takings(tally)}
    sojourns = array("q")
    missing = 0
    for book in phase.books:
        for place, answer in enumerate(book.answers):
            if answer == ACCEPTED and book.base + place in got:
                sojourns.append(max(0, got[book.base + place] - book.ends_ns[place]))
            missing += answer == ACCEPTED and book.base + place not in got
    services = array("q", (freed - taken for tally in record.tallies for freed, taken in services_of(tally, phase)))
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
            unless_noisy(record, worst_s / bound_s), measured, allowed, detail, f"an item waited {measured}; {noise_of(record)}"
        )
    if bound_s > VAGUE * rounds * plan.service_s:
        witness = (
            f"the longest service took {longest_s * 1e3:.0f} ms instead of {plan.service_s * 1e3:g}, so the bound says nothing"
        )
        return Finding(Verdict.UNKNOWN, measured, allowed, detail, witness)
    return Finding(Verdict.OK, measured, allowed, detail)


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
        surely = not clauses.responsive_2(ratio / min(left_of(record), 1 - noise))  # what others take, workers lack
        return Finding(
            Verdict.ILLEGAL if surely else Verdict.UNKNOWN,
            measured,
            allowed,
            detail,
            f"workers finished {measured}; {noise_of(record)}",
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
    service_s = max((freed - taken for tally in record.tallies for freed, taken in services_of(tally, phase)), default=0) / 1e9
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
            unless_noisy(record, again_s / (service_s + noise_s)), measured, allowed, detail, f"{measured}; {noise_of(record)}"
        )
    if service_s + noise_s > VAGUE * (plan.service_s + RECOVERY_NOISE_S):
        witness = f"threads woke up to {noise_s * 1e3:.0f} ms late, so the bound says nothing"
        return Finding(Verdict.UNKNOWN, measured, allowed, detail, witness)
    return Finding(Verdict.OK, measured, allowed, detail)
