"""Follow a service into collapse, link by link, on a real run of a retry storm.

Nine links lead from "more arrives than can be finished" to a service that stays down when the load is gone: the metastable state
(N. Bronson et al., "Metastable Failures in Distributed Systems", HotOS 2021). Clients here wait for an answer until their deadline
and then try again at once, up to four times; those that are refused try again at once, too. The load is 0.8 of what the workers
sustain, then a crowd and three times as much, then 0.8 again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from .arrivals import spike_of
from .case import Collapse, Interval, Link, Result

GREW_BYTES: Final = 8 << 20


@dataclass(frozen=True, slots=True)
class Step:
    """Tell whether one link of the chain held in a run, with the figure that shows it."""

    figure: str
    happened: bool


class _Window:
    """Average over the intervals of a part of the run."""

    def __init__(self, intervals: Sequence[Interval], start_s: float, end_s: float) -> None:
        self.intervals = [each for each in intervals if start_s < each.t_s <= end_s]

    def rate(self, of: Callable[[Interval], float]) -> float:
        return sum(of(each) for each in self.intervals) / max(1, len(self.intervals))

    def sojourn_ms(self) -> float:
        return max((each.sojourn_ms or 0.0 for each in self.intervals), default=0.0)

    def depth(self) -> int:
        return max((each.depth for each in self.intervals), default=0)

    def late_share(self) -> float:
        finished = self.rate(lambda each: each.finished_per_s)
        return self.rate(lambda each: each.late_per_s) / finished if finished else 0.0


LINKS: Final = (
    ("arrivals above capacity", "Is more let in than the workers can finish?"),
    ("buffered, not rejected", "Does the excess wait in the queue, with nobody told?"),
    ("depth grows", "Does the queue outgrow its capacity while the load stays the same?"),
    ("latency grows faster than load", "Does waiting get longer while the load stays the same?"),
    ("time-outs", "Is work finished for callers that have given up?"),
    ("synchronised retries", "Do retries come together, and outlive the load?"),
    ("memory", "Does the process grow?"),
    ("starvation", "With the load gone, does new work starve behind dead work?"),
    ("goodput near zero", "With the load gone, does the service stay down?"),
)


def follow(result: Result) -> tuple[Step, ...]:
    """Say of each link whether it held in this run. A run that broke off is judged by what was seen of it."""
    case = result.case
    start_s, end_s = spike_of(case)
    capacity, provisioned = case.capacity, result.figures.get("provisioned_per_s", 0.0) or _calm_rate(result, start_s)
    length_s = end_s - start_s
    spike = _Window(result.intervals, start_s, end_s)
    early = _Window(result.intervals, start_s, start_s + length_s / 3)
    late = _Window(result.intervals, end_s - length_s / 3, end_s)
    gone = _Window(result.intervals, case.seconds * 0.75, case.seconds)
    arrived = spike.rate(lambda each: each.offered_per_s) / provisioned
    let_in = spike.rate(lambda each: each.accepted_per_s) / provisioned
    refused = spike.rate(lambda each: each.rejected_per_s) / max(1e-9, spike.rate(lambda each: each.offered_per_s))
    again = gone.rate(lambda each: each.retried_per_s) / provisioned
    burst = result.figures.get("retry_burst_per_s", 0.0) / provisioned
    grew_bytes = result.figures.get("rss_peak_bytes", 0.0)
    good = gone.rate(lambda each: each.good_per_s) / max(1e-9, provisioned * 0.8)
    return (
        Step(f"{arrived:.1f}x arrive, {let_in:.1f}x are let in", let_in > 1.1),
        Step(f"{refused:.0%} are refused", refused < 0.01 and spike.depth() > capacity),
        Step(
            f"{early.depth():,} items after a third, {late.depth():,} at the end", late.depth() > 1.5 * max(early.depth(), capacity)
        ),
        Step(
            f"{_time(early.sojourn_ms())} after a third, {_time(late.sojourn_ms())} at the end",
            late.sojourn_ms() > 1.5 * early.sojourn_ms(),
        ),
        Step(f"{spike.late_share():.0%} of what is finished is late", spike.late_share() > 0.5),
        Step(f"{burst:.0f}x of capacity at once; {again:.1f}x still, with the load gone", again > 0.4),
        Step(f"{grew_bytes / 2**20:.1f} MiB more", grew_bytes > GREW_BYTES),
        Step(f"{gone.late_share():.0%} of the work is for callers that gave up", gone.late_share() > 0.5),
        Step(f"{good:.0%} of the offered work is served in time", good < 0.2),
    )


def _calm_rate(result: Result, start_s: float) -> float:
    return max(1.0, _Window(result.intervals, 0, start_s).rate(lambda each: each.finished_per_s) / 0.8)


def _time(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def compare(there: Result, here: Result) -> Collapse:
    """Put two runs of the same storm beside each other, link by link."""
    links = tuple(
        Link(number, name, question, left.figure, right.figure, left.happened, right.happened)
        for number, ((name, question), left, right) in enumerate(zip(LINKS, follow(there), follow(here), strict=True), 1)
    )
    return Collapse(there, here, links, spike_of(here.case))
