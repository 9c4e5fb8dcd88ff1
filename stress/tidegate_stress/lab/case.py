"""What one run of the laboratory is, what it measured, and how a report keeps it: plain data, to JSON and back."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal, cast, get_args

from tidegate_specs.check import Verdict

Arrivals = Literal["constant", "poisson", "burst", "ramp", "spike", "spinning", "collapse", "even slices", "odd slices"]
Work = Literal["sleep", "socket", "cpu", "mixed"]
Trouble = Literal["none", "slow workers", "stalled workers", "crashing workers", "producer churn"]
Phase = Literal["load", "after"]
LabProfile = Literal["quick", "full", "soak"]
ARRIVALS: Final[tuple[Arrivals, ...]] = get_args(Arrivals)
WORK: Final[tuple[Work, ...]] = get_args(Work)
TROUBLES: Final[tuple[Trouble, ...]] = get_args(Trouble)
WHOLE: Final = "whole"
PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9, 99.99)
OURS: Final = "tidegate"


@dataclass(frozen=True, slots=True)
class Case:
    """Say how one run goes: which queue, which load, which workers.

    name: what the run is called in tables ("100x", "burst"). subject: a name of `subjects.SUBJECTS`, or "mutant:NAME".
    seconds: of overload. level: the mean arrival rate, as a multiple of the rate that the workers were measured to sustain.
    service_s: time for one item. deadline_fills: an item is no goodput if it is finished later than this many times what the
    workers need for a full queue (capacity over their rate), from the intended start of its offer.
    tries: how often a client offers one request; more than one makes a retry storm. interval_s: between two lines of the stream.
    """

    name: str
    subject: str
    seconds: float
    level: float = 10.0
    arrivals: Arrivals = "constant"
    work: Work = "sleep"
    trouble: Trouble = "none"
    capacity: int = 64
    workers: int = 2
    producers: int = 4
    service_s: float = 0.004
    deadline_fills: float = 2.5
    item_bytes: int = 0
    tries: int = 1
    interval_s: float = 0.25
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Interval:
    """Tell what happened since the line before. Rates are per second; None where nothing happened that could be measured.

    t_s: end of the interval, from the start of the load. phase: "load", or "after" its end. depth: accepted, unfinished items now.
    sojourn_ms: mean time from acceptance to being taken, of what was taken now; sojourn_max_ms: the longest. offer_us: mean time of
    an offer's own call. late_per_s: items finished after their deadline. retried_per_s: offers that were not the client's first.
    """

    t_s: float
    phase: Phase
    offered_per_s: float
    accepted_per_s: float
    rejected_per_s: float
    finished_per_s: float
    good_per_s: float
    late_per_s: float
    retried_per_s: float
    depth: int
    sojourn_ms: float | None
    sojourn_max_ms: float | None
    offer_us: float | None
    rss_bytes: int
    blocks: int
    collections: int
    switches: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """Give a distribution: values in nanoseconds at `PERCENTILES`, and the whole as an encoded HdrHistogram."""

    count: int
    mean_ns: float
    values_ns: tuple[int, ...]
    max_ns: int
    encoded: str = ""

    def at(self, percentile: float) -> int:
        """Give the value at one of `PERCENTILES`."""
        return self.values_ns[PERCENTILES.index(percentile)]


# What `Result.figures` may hold, by name: the unit is its end. A figure that could not be measured is absent.
FIGURES: Final[Mapping[str, str]] = {
    "provisioned_per_s": "what the workers finish when nobody else is there",
    "provisioned_noise": "by how much that differs before and after",
    "deadline_s": "the time, from an offer's intended start, in which its item must be finished",
    "offered_per_s": "offers during the load",
    "offered": "offers in all",
    "accepted": "offers that were let in",
    "rejected": "offers that were refused",
    "finished": "items finished",
    "good": "items finished within their deadline",
    "goodput_per_s": "items finished within their deadline, during the load",
    "goodput_share": "goodput_per_s over provisioned_per_s",
    "generator_cores": "processor time of the producers' threads, in cores",
    "peak_depth": "the most accepted, unfinished items at a reading",
    "lost": "accepted items that were neither finished nor left in the queue",
    "rss_growth_bytes": "the highest resident set in the second half of the load, less the highest in its first half",
    "blocks_peak": "the most allocated blocks, less those before the load",
    "rss_peak_bytes": "the highest resident set, less that before the load",
    "blocks_growth": "allocated blocks, likewise",
    "collections": "runs of the garbage collector",
    "switches_voluntary": "context switches of threads that waited",
    "switches_involuntary": "context switches of threads that were taken off the processor",
    "recovery_s": "from the last excess offer to the next one that is let in",
    "normal_s": "from the last excess offer to the last item that was finished after its deadline; 0 if none was",
    "idle_s": "from the end of all offers to every item finished",
    "fairness": "Jain's index of what each producer got in: 1 is equal, 1/n is one for all",
    "worker_fairness": "Jain's index of what each worker finished",
    "starvation_s": "the longest time that a worker was kept from its next item although one was queued",
    "longest_service_s": "the longest service",
    "stolen_share": "share of the processor that others took from a busy loop, before or after",
    "late_p99_s": "how late a thread wakes that sleeps 1 ms, 99th percentile",
    "late_max_s": "the same, at worst",
    "retried": "offers that were not the client's first",
    "retry_burst_per_s": "the most of them within 10 ms, as a rate",
    "timed_out": "requests whose client gave up before an answer",
    "crashed": "workers that died of their item",
}

# What `Result.ladders` may hold.
LADDERS: Final[Mapping[str, str]] = {
    "offer_call": "an offer's own call",
    "rejection_call": "the call of an offer that was refused",
    "offer_response": "from an offer's intended start to its answer: what a stalled system makes its callers wait is in it",
    "sojourn": "from acceptance to being taken",
    "completion": "from an offer's intended start to its item being finished",
}


@dataclass(frozen=True, slots=True)
class Result:
    """Give what one case measured.

    ended: `WHOLE`, or what cut it short ("hang", "killed by SIGKILL", "the process grew by 256 MiB"); figures are then of what was
    seen until there. witness: what the child last said. problems: exact counts that differ from what they must be.
    """

    case: Case
    ended: str
    witness: str = ""
    figures: Mapping[str, float] = field(default_factory=dict[str, float])
    ladders: Mapping[str, Ladder] = field(default_factory=dict[str, Ladder])
    intervals: tuple[Interval, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Give the verdict on one bound in one case.

    bound: a key of bounds.json. relation: how `measured` must be to `limit`. witness: why not OK. replay: the command to see it.
    """

    bound: str
    clauses: tuple[str, ...]
    subject: str
    case: str
    verdict: Verdict
    measured: float | None
    relation: Literal["<=", ">="]
    limit: float
    unit: str
    witness: str = ""
    replay: str = ""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Give what yielding on every n-th rejection brings and costs. every: 0 is never."""

    every: int
    goodput_share: float
    p50_ns: int
    p99_ns: int
    p999_ns: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Compare the offers of two intakes that took turns under one load in one process, ours and `queue.Queue.put_nowait`."""

    level: float
    ours: Ladder
    theirs: Ladder

    @property
    def p50_ratio(self) -> float:
        """How many times longer the peer's median offer takes."""
        return self.theirs.at(50.0) / max(1, self.ours.at(50.0))

    @property
    def p999_ratio(self) -> float:
        """How many times longer our p99.9 offer takes."""
        return self.ours.at(99.9) / max(1, self.theirs.at(99.9))


@dataclass(frozen=True, slots=True)
class Link:
    """Tell of one of the nine links of the collapse whether it held, there and here, with the figure that shows it."""

    number: int
    name: str
    question: str
    there: str
    here: str
    happened_there: bool
    happened_here: bool


@dataclass(frozen=True, slots=True)
class Collapse:
    """Give both runs of the same retry storm, and the nine links. spike_s: when the excess began and ended, from the start."""

    there: Result
    here: Result
    links: tuple[Link, ...]
    spike_s: tuple[float, float]


@dataclass(frozen=True, slots=True)
class LabReport:
    """Give all that one run of `tidegate stress` saw.

    findings: on the kernel; the verdict on the whole is theirs. broken: what planted faults and peers did to the bounds: each of
    these should be ILLEGAL. peers: the versions of the subjects that are distributions of their own.
    """

    version: str
    python: str
    platform: str
    cores: int
    started: str
    profile: LabProfile
    seed: int
    seconds: float
    noise: Mapping[str, float]
    results: tuple[Result, ...] = ()
    findings: tuple[Finding, ...] = ()
    broken: tuple[Finding, ...] = ()
    pairs: tuple[Pair, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    collapse: Collapse | None = None
    peers: Mapping[str, str] = field(default_factory=dict[str, str])


def to_json(report: LabReport, *, histograms: bool = True) -> str:
    """Write a report as JSON; without the encoded histograms it is a third of the size."""

    def plain(value: Any) -> Any:
        return value.value if isinstance(value, Verdict) else str(value)

    document = asdict(report)
    if not histograms:
        _drop_encoded(document)
    return json.dumps(document, default=plain, indent=1) + "\n"


def _drop_encoded(value: Any) -> None:
    if isinstance(value, dict):
        branch = cast("dict[str, Any]", value)
        if "encoded" in branch:
            branch["encoded"] = ""
        for inner in branch.values():
            _drop_encoded(inner)
    elif isinstance(value, (list, tuple)):
        for inner in cast("list[Any]", value):
            _drop_encoded(inner)


def from_json(text: str) -> LabReport:
    """Read a report that `to_json` wrote."""
    read: dict[str, Any] = json.loads(text)
    found = read["collapse"]
    read["results"] = tuple(result_from(each) for each in read["results"])
    read["findings"] = tuple(_finding_from(each) for each in read["findings"])
    read["broken"] = tuple(_finding_from(each) for each in read["broken"])
    read["pairs"] = tuple(Pair(each["level"], _ladder_from(each["ours"]), _ladder_from(each["theirs"])) for each in read["pairs"])
    read["curve"] = tuple(CurvePoint(**each) for each in read["curve"])
    if found is not None:
        links = tuple(Link(**link) for link in found["links"])
        start_s, end_s = found["spike_s"]
        read["collapse"] = Collapse(result_from(found["there"]), result_from(found["here"]), links, (start_s, end_s))
    return LabReport(**read)


def result_from(read: Mapping[str, Any]) -> Result:
    """Make a result of what JSON holds of it."""
    return Result(
        case=Case(**read["case"]),
        ended=read["ended"],
        witness=read["witness"],
        figures=dict(read["figures"]),
        ladders={name: _ladder_from(each) for name, each in read["ladders"].items()},
        intervals=tuple(interval_from(each) for each in read["intervals"]),
        problems=tuple(read["problems"]),
    )


def interval_from(read: Mapping[str, Any]) -> Interval:
    """Make an interval of one line of the stream."""
    return Interval(**{each.name: read[each.name] for each in fields(Interval)})


def _ladder_from(read: dict[str, Any]) -> Ladder:
    read["values_ns"] = tuple(read["values_ns"])
    return Ladder(**read)


def _finding_from(read: dict[str, Any]) -> Finding:
    read["clauses"], read["verdict"] = tuple(read["clauses"]), Verdict(read["verdict"])
    return Finding(**read)
