"""What one run against a server is, what it measured, and how a report keeps it: plain data, to JSON and back.

The application's capacity is known by design: a pool of `POOL` connections, each of which a request holds for `SERVICE_S`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal, get_args

from tidegate_specs.check import Verdict

from ..lab.case import Finding, Ladder

POOL: Final = 8
SERVICE_S: Final = 0.08
CAPACITY_PER_S: Final = POOL / SERVICE_S
SLOTS: Final = 2 * POOL  # as many requests wait for the pool as are in it: enough for chance, and one more service time at most
FULL_HOUSE_S: Final = SLOTS / POOL * SERVICE_S
DEADLINE_S: Final = 0.4  # of the caller, from the intended start of its request: later answers are no goodput
PATIENCE_S: Final = 1.2  # after which the caller hangs up
THREADS: Final = 2 * SLOTS  # of a WSGI server: with no more threads than slots all would wait in its own queue
TRANSFER_SLOTS: Final = 4  # of the route for transfers, which has a bulkhead of its own
TRANSFER_BYTES: Final = 1 << 20
SLOW_CLIENTS: Final = 64
HANGING: Final = POOL // 2  # requests that hold their connection of the pool as long as the load lasts

ServerName = Literal["uvicorn", "waitress", "gunicorn"]
Trouble = Literal["none", "slow headers", "slow transfers", "hang", "few threads"]
Profile = Literal["quick", "full"]
SERVERS: Final[tuple[ServerName, ...]] = get_args(ServerName)
WITH, WITHOUT = "with", "without"


@dataclass(frozen=True, slots=True)
class WebCase:
    """Say how one run goes.

    name: what it is called in tables. guarded: with the middleware. level: the arrival rate over the application's capacity.
    seconds: of load. after_s: of half the capacity's load after it. The seed is that of the arrivals, a Poisson process.
    """

    server: ServerName
    name: str
    guarded: bool
    level: float
    seconds: float
    after_s: float
    trouble: Trouble = "none"
    seed: int = 0

    @property
    def arm(self) -> str:
        """Say whether the middleware is there, as tables do."""
        return WITH if self.guarded else WITHOUT

    @property
    def threads(self) -> int:
        """The threads of a WSGI server."""
        return SLOTS if self.trouble == "few threads" else THREADS


@dataclass(frozen=True, slots=True)
class WebInterval:
    """Tell what happened since the line before. Rates are per second; None where nothing happened that could be measured.

    t_s: end of the interval, from the start of the load. served_ms: mean time, from the intended start, of what was answered 200.
    waiting: requests without an answer yet. rss_bytes: of the server.
    """

    t_s: float
    offered_per_s: float
    good_per_s: float
    late_per_s: float
    rejected_per_s: float
    lost_per_s: float
    waiting: int
    served_ms: float | None
    rss_bytes: int = 0


# What `WebResult.figures` may hold, by name. A figure that could not be measured is absent.
FIGURES: Final[Mapping[str, str]] = {
    "offered": "requests that were due during the load",
    "good": "answered 200 within the deadline",
    "late": "answered 200 after the deadline",
    "rejected": "answered 503",
    "bare_rejections": "answered 503 without Retry-After",
    "gave_up": "without an answer when the caller's patience ended",
    "broken": "ended by anything else: another status, a connection that was closed or refused",
    "unsent": "not sent, for all the generator's sockets waited for answers",
    "goodput_per_s": "answered 200 within the deadline, by second of load, once the first deadline is over",
    "goodput_share": "that over what could be served: the capacity that nobody hangs on to, or what was offered if that is less",
    "answered_share": "answered 200 or 503 within the deadline, of what was offered",
    "recovery_s": "from the end of the load to the last request of the calm after it that was not served in time",
    "peak_inside": "most requests at once inside the application",
    "peak_transfers": "most transfers at once inside the application",
    "slots_lost": "slots still held when everything was over",
    "slow_refused": "answers of 503 to slow clients",
    "rss_start_bytes": "resident set of the server before the load",
    "rss_growth_bytes": "the highest resident set, less that",
    "server_cores": "processor time of the server, in cores",
    "generator_cores": "processor time of the generator, in cores",
    "sent_late_p99_s": "how late after its intended start a request was sent, 99th percentile",
    "stolen_share": "share of the processor that others took from a busy loop before the run",
}

# What `WebResult.ladders` may hold: times from the intended start of a request.
LADDERS: Final[Mapping[str, str]] = {
    "served": "until it was answered 200, in time or late",
    "taken": "until it was answered 200 or its caller hung up: what the server took in and did not refuse",
    "rejected": "until it was answered 503",
}


@dataclass(frozen=True, slots=True)
class WebResult:
    """Give what one case measured. ended: empty, or what cut it short; witness: the last that the server or the generator said."""

    case: WebCase
    ended: str = ""
    witness: str = ""
    figures: Mapping[str, float] = field(default_factory=dict[str, float])
    ladders: Mapping[str, Ladder] = field(default_factory=dict[str, Ladder])
    intervals: tuple[WebInterval, ...] = ()


@dataclass(frozen=True, slots=True)
class ClosedResult:
    """Give what a closed-loop generator saw: so many connections, each with its next request as soon as it has an answer.

    The times are of what was answered 200, None where the generator does not tell them apart. in_time_per_s: within the deadline.
    """

    tool: Literal["wrk", "hey"]
    server: ServerName
    guarded: bool
    connections: int
    seconds: float
    served_per_s: float
    rejected_per_s: float
    in_time_per_s: float | None = None
    p50_s: float | None = None
    p99_s: float | None = None
    errors: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class WebReport:
    """Give all that one run of `tidegate web` saw.

    findings: on the servers with the middleware; the verdict is theirs. broken: what the same servers without it did to the same
    bounds: each of these should be ILLEGAL. servers: their versions.
    """

    version: str
    python: str
    platform: str
    cores: int
    started: str
    profile: Profile
    seed: int
    seconds: float
    noise: Mapping[str, float]
    servers: Mapping[str, str]
    results: tuple[WebResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    broken: tuple[Finding, ...] = ()
    closed: tuple[ClosedResult, ...] = ()


def to_json(report: WebReport) -> str:
    """Write a report as JSON, without the encoded histograms."""

    def plain(value: Any) -> Any:
        return value.value if isinstance(value, Verdict) else str(value)

    document = asdict(report)
    for result in document["results"]:
        for ladder in result["ladders"].values():
            ladder["encoded"] = ""
    return json.dumps(document, default=plain, indent=1) + "\n"


def from_json(text: str) -> WebReport:
    """Read a report that `to_json` wrote."""
    read: dict[str, Any] = json.loads(text)
    read["results"] = tuple(_result_from(each) for each in read["results"])
    read["findings"] = tuple(_finding_from(each) for each in read["findings"])
    read["broken"] = tuple(_finding_from(each) for each in read["broken"])
    read["closed"] = tuple(ClosedResult(**each) for each in read["closed"])
    return WebReport(**read)


def _finding_from(read: dict[str, Any]) -> Finding:
    read["clauses"], read["verdict"] = tuple(read["clauses"]), Verdict(read["verdict"])
    return Finding(**read)


def _result_from(read: Mapping[str, Any]) -> WebResult:
    ladders = {name: ladder_from(each) for name, each in read["ladders"].items()}
    intervals = tuple(interval_from(each) for each in read["intervals"])
    return WebResult(WebCase(**read["case"]), read["ended"], read["witness"], dict(read["figures"]), ladders, intervals)


def interval_from(read: Mapping[str, Any]) -> WebInterval:
    """Make an interval of one line of the generator's stream."""
    return WebInterval(**{each.name: read[each.name] for each in fields(WebInterval) if each.name in read})


def ladder_from(read: dict[str, Any]) -> Ladder:
    """Make a distribution of what JSON holds of it."""
    read["values_ns"] = tuple(read["values_ns"])
    return Ladder(**read)
