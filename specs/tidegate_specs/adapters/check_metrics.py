"""Judge the collectors: what they give must be what `statistics()` says, in one reading for each collection (METRICS-1).

The libraries themselves are used if they are installed, else stand-ins for the little that is used of them.
"""

import importlib
import random
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import partial
from itertools import accumulate
from math import inf
from types import ModuleType, SimpleNamespace
from typing import Any, Final, final

from ..check import Check, Result, Settings, Subject, Verdict
from .clauses import metrics_1
from .support import GROUP, module_of

HISTORIES: Final = {"quick": 150, "full": 3_000}
STEPS: Final = 40
FIGURES: Final = {  # by the names of both: the fields of the statistics, told apart by a label if there are several
    ("tidegate_offers_total", "tidegate.offers"): ("accepted", "full", "closed"),
    ("tidegate_finished_total", "tidegate.finished"): ("released", "abandoned"),
    ("tidegate_slots", "tidegate.slot.count"): ("free", "queued", "in_flight"),
    ("tidegate_capacity", "tidegate.slot.max"): ("capacity",),
    ("tidegate_peak", "tidegate.slot.peak"): ("peak",),
}
PATIENT: Final = {  # what an intake with patience has beside these, by metric and label
    ("tidegate_offers_total", "tidegate.offers", "late"): "late",
    ("tidegate_finished_total", "tidegate.finished", "expired"): "expired",
    ("tidegate_oldest_age_seconds", "tidegate.item.oldest_age", ""): "oldest_s",
}
SOJOURN: Final = ("tidegate_sojourn_seconds_bucket", "tidegate.item.sojourn")
BOUNDS_S: Final = (0.001, 0.5, 10.0, inf)
UNREADABLE: Final = ("tidegate_unreadable", "tidegate.unreadable")


@final
@dataclass(slots=True)
class _Sample:
    name: str
    labels: dict[str, str]
    value: float


@final
@dataclass(slots=True)
class _Observation:
    value: float
    attributes: Mapping[str, str]


class _Gauges:
    """Stand for a family of `prometheus_client`."""

    suffix = ""

    def __init__(self, name: str, documentation: str, labels: list[str]) -> None:
        self.name, self.documentation, self.labels = name, documentation, labels
        self.samples: list[_Sample] = []

    def add_metric(self, labels: list[str], value: float) -> None:
        self.samples.append(_Sample(self.name + self.suffix, dict(zip(self.labels, labels, strict=True)), value))


class _Counters(_Gauges):
    suffix = "_total"


class _Histograms(_Gauges):
    # Other parameters than a gauge's, as in prometheus_client, whose families these stand in for.
    def add_metric(self, labels: list[str], buckets: list[tuple[str, float]], sum_value: None) -> None:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        for le, value in buckets:
            labelled = dict(zip(self.labels, labels, strict=True))
            self.samples.append(_Sample(f"{self.name}_bucket", {**labelled, "le": le}, value))


STAND_INS: Final[dict[str, dict[str, type]]] = {
    "prometheus_client.core": {
        "GaugeMetricFamily": _Gauges,
        "CounterMetricFamily": _Counters,
        "HistogramMetricFamily": _Histograms,
    },
    "opentelemetry.metrics": {"Observation": _Observation},
}


@contextmanager
def _libraries() -> Generator[list[str], None, None]:
    """Put stand-ins where a library is missing, and name those."""
    missing: list[str] = []
    for name, members in STAND_INS.items():
        try:
            importlib.import_module(name)
        except ImportError:
            module = ModuleType(name)
            vars(module).update(members)
            sys.modules[name] = module
            missing.append(name)
    try:
        yield missing
    finally:
        for name in missing:
            del sys.modules[name]


class Source:
    """Give an intake's statistics, remember them, and have an offer refused after each reading: no two are the same."""

    def __init__(self, intake: Any) -> None:
        self.intake = intake
        self.readings: list[Any] = []

    def statistics(self) -> Any:
        self.readings.append(self.intake.statistics())
        while self.intake.offer("filler"):
            pass
        return self.readings[-1]


@final
class Patient(Source):
    """Stand for an intake with patience: what else its statistics tell is drawn by chance."""

    def __init__(self, intake: Any, chance: random.Random) -> None:
        super().__init__(intake)
        self.chance = chance

    def statistics(self) -> Any:
        plain = super().statistics()
        drawn = SimpleNamespace(**{each.name: getattr(plain, each.name) for each in fields(plain)})
        drawn.expired, drawn.late, drawn.oldest_s = self.chance.randint(1, 9), self.chance.randint(1, 9), self.chance.random()
        drawn.sojourn = tuple((bound, self.chance.randint(1, 9)) for bound in BOUNDS_S)
        self.readings[-1] = drawn
        return drawn


@final
class _Broken:
    """Have statistics that can't be had."""

    def statistics(self) -> Any:
        raise ZeroDivisionError


@final
class _Instrument:
    """Stand for an instrument, which its meter holds."""


@final
@dataclass(slots=True)
class Meter:
    """Stand for a meter and its reader: ask each instrument once for a collection.

    As the SDK does, it gives the instrument that is there for a name it has, and forgets the new callback.
    """

    callbacks: dict[str, Callable[[Any], Any]] = field(default_factory=dict[str, Callable[[Any], Any]])
    instruments: dict[str, _Instrument] = field(default_factory=dict[str, _Instrument])

    def create_observable_counter(self, name: str, callbacks: list[Any], unit: str, description: str) -> _Instrument:
        if not (unit and description):
            raise ValueError(name)
        if name not in self.callbacks:
            (self.callbacks[name],) = callbacks
            self.instruments[name] = _Instrument()
        return self.instruments[name]

    create_observable_up_down_counter = create_observable_counter
    create_observable_gauge = create_observable_counter


Figures = dict[tuple[str, str, str], float]  # by intake, metric and field


def _label(labels: Mapping[str, str], *names: str) -> str:
    return next((labels[name] for name in names if name in labels), "")


def _prometheus(collector: Any) -> Figures:
    return {
        (sample.labels["intake"], sample.name, _label(sample.labels, "outcome", "state", "le")): sample.value
        for family in collector.collect()
        for sample in family.samples
    }


def _opentelemetry(meter: Meter, order: list[str]) -> Figures:
    return {
        (
            seen.attributes["tidegate.intake.name"],
            name,
            _label(seen.attributes, "tidegate.outcome", "tidegate.state", "tidegate.sojourn.bound"),
        ): (seen.value)
        for name in order
        for seen in meter.callbacks[name](None)
    }


def _expected(readings: Mapping[str, Any], side: int) -> Figures:
    figures: Figures = {}
    for intake, reading in readings.items():
        if not hasattr(reading, "sojourn"):
            continue
        figures |= {(intake, names[side], names[2]): getattr(reading, field) for names, field in PATIENT.items()}
        numbers = [number for _, number in reading.sojourn]
        for bound, number in zip(BOUNDS_S, numbers if side else accumulate(numbers), strict=True):
            figures[intake, SOJOURN[side], "+Inf" if bound == inf else str(bound)] = number
    return figures | {
        (intake, names[side], each if len(fields) > 1 else ""): getattr(reading, each)
        for intake, reading in readings.items()
        for names, fields in FIGURES.items()
        for each in fields
    }


@final
@dataclass(slots=True)
class Tally:
    """Count readings of statistics, and the figures that differ from them."""

    readings: int = 0
    figures: int = 0
    differences: int = 0
    witness: str = ""

    def compare(
        self,
        library: str,
        sources: Mapping[str, Source],
        before: Mapping[str, int],
        collect: Callable[[], Figures],
        broken: bool,
    ) -> None:
        """Collect once, and compare with what was read for it."""
        try:
            found = collect()
        except ZeroDivisionError:
            self.differences += 1
            self.witness = self.witness or f"{library}: one source that fails takes all figures with it"
            return
        read = {name: source.readings[before[name] :] for name, source in sources.items()}
        self.readings += sum(map(len, read.values()))
        wrong = [f"{name} was read {len(readings)} times" for name, readings in read.items() if len(readings) != 1]
        if not wrong:
            side = library == "OpenTelemetry"
            expected = _expected({name: readings[0] for name, readings in read.items()}, side)
            if broken:
                expected["broken", UNREADABLE[side], ""] = 1
            self.figures += len(expected)
            keys = sorted(expected.keys() | found.keys())
            wrong = [
                f"{', '.join(filter(None, key))} is {found.get(key)}, not {expected.get(key)}"
                for key in keys
                if found.get(key) != expected.get(key)
            ]
        self.differences += len(wrong)
        if wrong and not self.witness:
            self.witness = f"{library}: in one collection " + "; ".join(wrong)


def _use(intake: Any, chance: random.Random, leases: list[Any], subject: Subject) -> None:
    """Make one random step on an intake."""
    step = chance.random()
    if step < 0.5:
        intake.offer("item")
    elif step < 0.75 or not leases:
        try:
            leases.append(intake.take(timeout=0))
        except (subject.Empty, subject.Closed):
            return
        if chance.random() < 0.3:
            _ = leases[-1].item
    elif step < 0.97:
        lease = leases.pop()
        if chance.random() < 0.8:
            lease.release()  # else it is dropped: abandoned, or put back
    else:
        intake.close()


def _model(subject: Subject, settings: Settings) -> Result:
    adapter = module_of(subject, "metrics")
    tally = Tally()
    chance = random.Random(settings.seed)
    histories = 0
    with _libraries() as missing:
        while histories < HISTORIES[settings.profile] and not tally.witness:
            sources = {f"intake {number}": Source(subject.Intake(number)) for number in (1, 3)}
            sources["patient"] = Patient(subject.Intake(2), chance)
            leases: dict[str, list[Any]] = {name: [] for name in sources}
            shown: list[dict[str, Any]] = [{name: source} for name, source in sources.items()]
            collector = adapter.prometheus_collector(shown[0])
            for mapping in shown[1:]:
                collector.add(mapping)
            meter = Meter()
            for mapping in shown:
                adapter.observe_with_opentelemetry(meter, mapping)
            order = chance.sample(sorted(meter.callbacks), len(meter.callbacks))
            collector.describe()
            if any(source.readings for source in sources.values()):
                tally.witness = "statistics were read although nobody asked"
            for _ in range(STEPS):
                name = chance.choice(sorted(sources))
                _use(sources[name].intake, chance, leases[name], subject)
                if chance.random() < 0.1 and shown[0].pop("broken", None) is None:
                    shown[0]["broken"] = _Broken()
                before = {name: len(source.readings) for name, source in sources.items()}
                if chance.random() < 0.2:
                    tally.compare("Prometheus", sources, before, partial(_prometheus, collector), "broken" in shown[0])
                elif chance.random() < 0.2:
                    tally.compare("OpenTelemetry", sources, before, partial(_opentelemetry, meter, order), "broken" in shown[0])
            histories += 1
    evidence = f"{histories:,} histories, {tally.readings:,} readings, {tally.figures:,} figures"
    if missing:
        evidence += f", with stand-ins for {' and '.join(missing)}, not installed"
    if tally.witness or not metrics_1(tally.readings, tally.differences):
        return Result(Verdict.ILLEGAL, evidence, tally.witness or "nothing was read")
    return Result(Verdict.OK, evidence)


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        name="adapters.metrics_model",
        group=GROUP,
        tool="random histories",
        clauses=("METRICS-1",),
        shows="in random histories each collection reads each intake of three mappings, one with patience, once and gives what it "
        "said, also if another source fails",
        shows_not="exporters; what OpenTelemetry's SDK does with the observations",
        run=_model,
    ),
)
