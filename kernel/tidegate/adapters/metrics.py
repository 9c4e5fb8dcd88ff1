# SPDX-License-Identifier: MIT
"""Show the statistics of intakes to Prometheus and to OpenTelemetry.

Both read `statistics()` when they are asked, once for each intake in each collection, and keep no count of their own: the figures
of one collection add up, and none can drift. Nothing is added to the path of an offer.

    prometheus_collector({"jobs": jobs}, REGISTRY)
    observe_with_opentelemetry(get_meter("app"), {"jobs": jobs})

Both may be called again, with further intakes: those are shown beside the first.

What is given for each intake, by its name in the mapping (labels `intake` and `tidegate.intake.name`):

    Prometheus                   OpenTelemetry                 label, attribute
    tidegate_offers_total        tidegate.offers {offer}       outcome: accepted, full, closed, late
    tidegate_finished_total      tidegate.finished {item}      outcome: released, abandoned, expired
    tidegate_slots               tidegate.slot.count {slot}    state: free, queued, in_flight
    tidegate_capacity            tidegate.slot.max {slot}
    tidegate_peak                tidegate.slot.peak {slot}
    tidegate_oldest_age_seconds  tidegate.item.oldest_age {s}  only of an intake with patience
    tidegate_sojourn_seconds     tidegate.item.sojourn {item}  the same: le, or tidegate.sojourn.bound
    tidegate_limit               tidegate.slot.limit {slot}    only of an admission (outcomes limit and class)
    tidegate_unreadable          tidegate.unreadable {intake}  1, and only while an intake can't be read; the others are

Of an admission there is for each class, with a further label `class` (`tidegate.class`): tidegate_class_offers_total (outcome),
tidegate_class_in_progress, tidegate_class_threshold and tidegate_class_sojourn_seconds; tidegate.class.offers, .in_progress,
.threshold and .sojourn.

Late and expired are outcomes of an intake with patience, too (`FreshIntake`). How long items waited that were handed out is a
histogram in Prometheus, without a sum, which the intake does not keep. OpenTelemetry has no histogram that is asked: there it is a
counter of items, each counted once, at the smallest bound in seconds that it kept within.

In OpenTelemetry `error.type` repeats the outcome where it is a refusal or a loss, and is absent where it is not. The mapping is
read anew in each collection, so intakes may come and go.

Prior art: the semantic conventions for pools (`db.client.connection.count` with a state, and `.max`) and for bounded queues
(`otel.sdk.processor.log.processed` with an `error.type`). Considered and rejected: counters that are added to at each offer (a
second truth, and a cost on every rejection); rates and ratios (the reader's business); waiting times of an intake without patience
(it keeps none).

Limits: instruments of OpenTelemetry are asked one by one. They share a reading until one of them asks again, so that a collection
is one reading if it asks each of them once; two that run at once may mix. In a forked child counts begin at 0, as after a restart.
Where something with `statistics()` that is not of this package raises an Exception, it is unreadable, also if the exception was a
signal handler's; ours raise nothing, so there it comes out. With PROMETHEUS_MULTIPROC_DIR (`prometheus_client.multiprocess`) a
process shows what is in files, and no collector: `prometheus_collector` warns of it.
"""

import importlib
import os
import warnings
import weakref
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, Protocol, final, runtime_checkable

from ._figures import (
    CLASS_FIGURES,
    CLASS_SOJOURN,
    FIGURES,
    SOJOURN,
    UNREADABLE,
    Figure,
    attributes_of,
    bound_text,
    classes_of,
    sojourn_of,
    value_of,
)

__all__ = ["PrometheusCollector", "observe_with_opentelemetry", "prometheus_collector"]


_OURS: Final = __name__.removesuffix("adapters.metrics")  # the package, whatever it is called here, and a dot


def _third_party(module: str, distribution: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"this collector needs {distribution} (pip install {distribution})") from error


def _fault(name: object, source: object) -> Exception | None:
    """Say what keeps a source from being shown under a name, if anything does."""
    if not isinstance(name, str):
        return TypeError(f"a name must be a str, not {type(name).__name__}")
    if not name or any("\ud800" <= character <= "\udfff" for character in name):
        return ValueError(f"a name must be text that can be written as UTF-8, not {name!r}")
    if not callable(getattr(source, "statistics", None)):
        return TypeError(f"{name!r} has no statistics(): {type(source).__name__}")
    return None


@runtime_checkable  # for tools that check annotations at run time
class Readable(Protocol):
    """Name what is read: an intake, with patience or without, or whatever else answers `statistics()` as one does."""

    def statistics(self) -> Any: ...


@final
@dataclass(slots=True)
class _Reading:
    """Keep the statistics of one collection by name, and the names of what could not be read."""

    by_name: dict[str, Any]
    unreadable: dict[str, None]


@final
class _Sources:
    """Hold mappings of intakes that are shown together."""

    def __init__(self, intakes: Mapping[str, Readable]) -> None:
        self._mappings: Final[list[Mapping[str, Readable]]] = []
        self.add(intakes)

    def add(self, intakes: Mapping[str, Readable]) -> None:
        """Have a mapping shown too. TypeError or ValueError for what could not be shown, or is there already."""
        if not isinstance(intakes, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"intakes must be a mapping of names to intakes, not {type(intakes).__name__}")
        there = {name for mapping in self._mappings if mapping is not intakes for name in dict(mapping)}
        for name, source in dict(intakes).items():
            if fault := _fault(name, source):
                raise fault
            if name in there:
                raise ValueError(f"an intake named {name!r} is shown already")
        if not any(mapping is intakes for mapping in self._mappings):
            self._mappings.append(intakes)

    def read(self) -> _Reading:
        """Read each intake once. What can't be read costs the others nothing."""
        reading = _Reading({}, {})
        for mapping in self._mappings.copy():
            try:
                intakes = dict(mapping)  # a copy: the host may add one meanwhile
            except Exception:  # noqa: BLE001 - whatever a mapping of the host's raises, the others are shown
                reading.unreadable[""] = None
                continue
            for name, source in intakes.items():
                if name in reading.by_name or _fault(name, source):
                    reading.unreadable[ascii(name).strip("'")] = None
                elif type(source).__module__.startswith(_OURS):
                    reading.by_name[name] = source.statistics()  # raises nothing of its own: an exception is somebody's
                else:
                    self._read_foreign(name, source, reading)
        return reading

    @staticmethod
    def _read_foreign(name: str, source: Readable, reading: _Reading) -> None:
        reading.unreadable[name] = None
        try:
            statistics = source.statistics()
            fields = [field for figure in FIGURES for field in figure.of(statistics)]
            good = all(isinstance(getattr(statistics, field), int | float) for field in fields)
            good = good and all(isinstance(number, int | float) for pair in getattr(statistics, "sojourn", ()) for number in pair)
        except Exception:  # noqa: BLE001 - whatever a source of the host's raises, the others are shown
            return
        if good:
            reading.by_name[name] = statistics
            del reading.unreadable[name]


@final
class PrometheusCollector:
    """Collect the statistics of intakes for a registry of `prometheus_client`. Made by `prometheus_collector`."""

    def __init__(self, families: Any, intakes: Mapping[str, Readable]) -> None:
        self._families: Final = families
        self._sources: Final = _Sources(intakes)

    def add(self, intakes: Mapping[str, Readable]) -> None:
        """Show further intakes beside the first. TypeError or ValueError for a bad name or source, or a name that is there."""
        self._sources.add(intakes)

    def describe(self) -> list[Any]:
        """Name the families, without a reading: what a registry asks for when the collector is registered."""
        return list(self._collect(_Reading({}, {})))

    def collect(self) -> list[Any]:
        """Read each intake once, and give all families from these readings (METRICS-1)."""
        return list(self._collect(self._sources.read()))

    def _collect(self, reading: _Reading) -> Generator[Any, None, None]:
        for figure in FIGURES:
            make = self._families.CounterMetricFamily if figure.instrument == "counter" else self._families.GaugeMetricFamily
            labels = ["intake", figure.label] if figure.label else ["intake"]
            family = make(figure.prometheus, figure.text, labels=labels)
            for name, statistics in reading.by_name.items():
                for field in figure.of(statistics):
                    family.add_metric([name, value_of(field)] if figure.label else [name], getattr(statistics, field))
            yield family
        yield self._histogram(reading)
        yield from self._by_class(reading)
        family = self._families.GaugeMetricFamily(UNREADABLE.prometheus, UNREADABLE.text, labels=["intake"])
        for name in reading.unreadable:
            family.add_metric([name], 1)
        yield family

    def _by_class(self, reading: _Reading) -> Generator[Any, None, None]:
        told = [(name, each) for name, statistics in reading.by_name.items() for each in classes_of(statistics)]
        for figure in CLASS_FIGURES:
            make = self._families.CounterMetricFamily if figure.instrument == "counter" else self._families.GaugeMetricFamily
            family = make(figure.prometheus, figure.text, labels=["intake", "class", *filter(None, [figure.label])])
            for name, each in told:
                for field in figure.fields:
                    value = [value_of(field)] if figure.label else []
                    family.add_metric([name, each.label, *value], getattr(each, field))
            yield family
        family = self._families.HistogramMetricFamily(CLASS_SOJOURN.prometheus, CLASS_SOJOURN.text, labels=["intake", "class"])
        for name, each in told:
            family.add_metric([name, each.label], buckets=_buckets(each), sum_value=None)
        yield family

    def _histogram(self, reading: _Reading) -> Any:
        family = self._families.HistogramMetricFamily(SOJOURN.prometheus, SOJOURN.text, labels=["intake"])
        for name, statistics in reading.by_name.items():
            if sojourn_of(statistics):
                family.add_metric([name], buckets=_buckets(statistics), sum_value=None)
        return family


def _buckets(statistics: object) -> list[tuple[str, int]]:
    """Add up a histogram as Prometheus has it: each bucket with all below."""
    waited = sojourn_of(statistics)
    numbers = accumulate(number for _, number in waited)
    return [(bound_text(bound), number) for (bound, _), number in zip(waited, numbers, strict=True)]


_collectors: Final[list[tuple[weakref.ref[Any], PrometheusCollector]]] = []  # with the registry of each


def prometheus_collector(intakes: Mapping[str, Readable], registry: Any = None) -> PrometheusCollector:
    """Make a collector, and register it with a registry of `prometheus_client`, if one is given (METRICS-1).

    Called again with the same registry, the intakes join the collector that is there, which is what it then gives: a registry
    takes each metric from one collector only, and raises ValueError for a second. Without a registry, use the collector's `add`.
    intakes: by the name that tells them apart. Intakes, or whatever else has their `statistics()`. The mapping is read anew in
    each collection. TypeError or ValueError for a name or source that could not be shown, ImportError without `prometheus-client`.
    """
    families = _third_party("prometheus_client.core", "prometheus-client")
    if registry is None or registry is families.REGISTRY:
        _warn_of_multiprocess()
    if registry is None:
        return PrometheusCollector(families, intakes)
    _collectors[:] = [entry for entry in _collectors if entry[0]() is not None]
    for place, collector in _collectors:
        # The attribute is the library's own affair; it tells a collector that was unregistered since.
        if place() is registry and collector in getattr(registry, "_collector_to_names", (collector,)):
            collector.add(intakes)
            return collector
    collector = PrometheusCollector(families, intakes)
    registry.register(collector)
    _collectors.append((weakref.ref(registry), collector))
    return collector


def _warn_of_multiprocess() -> None:
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR") or os.environ.get("prometheus_multiproc_dir"):  # noqa: SIM112 - its old name
        warnings.warn(
            "PROMETHEUS_MULTIPROC_DIR is set: a page made by MultiProcessCollector shows no collectors, and so none of these "
            "figures. Give the page's own registry to prometheus_collector for those of the process that answers, scrape each "
            "process, or use OpenTelemetry (the page 'metrics' tells how).",
            RuntimeWarning,
            stacklevel=3,
        )


@final
class _Observed:
    """Answer the instruments of OpenTelemetry, which ask one by one, from one reading for each collection."""

    def __init__(self, observation: Any, intakes: Mapping[str, Readable], scope: object) -> None:
        self.sources: Final = _Sources(intakes)
        self.scope: Final = scope
        self.instrument: Callable[[], object] = lambda: None  # the first one, as long as it is alive
        self._observation: Final = observation
        self._asked: Final[set[str]] = set()  # the instruments that have had the reading below
        self._reading = _Reading({}, {})

    def _read(self, figure: Figure) -> _Reading:
        if not self._asked or figure.opentelemetry in self._asked:  # whoever asks again begins a new collection
            self._asked.clear()
            self._reading = self.sources.read()
        self._asked.add(figure.opentelemetry)
        return self._reading

    def observer(self, figure: Figure) -> Callable[[Any], list[Any]]:
        """Give the callback of one instrument."""

        def observe(_options: Any) -> list[Any]:
            reading = self._read(figure)
            if figure is UNREADABLE:
                return [self._observation(1, {"tidegate.intake.name": name}) for name in reading.unreadable]
            if figure is SOJOURN:
                return [
                    self._observation(number, {"tidegate.intake.name": name, "tidegate.sojourn.bound": bound_text(bound)})
                    for name, statistics in reading.by_name.items()
                    for bound, number in sojourn_of(statistics)
                ]
            if figure in CLASS_FIGURES or figure is CLASS_SOJOURN:
                return self._by_class(reading, figure)
            return [
                self._observation(getattr(statistics, field), attributes_of(name, figure, field))
                for name, statistics in reading.by_name.items()
                for field in figure.of(statistics)
            ]

        return observe

    def _by_class(self, reading: _Reading, figure: Figure) -> list[Any]:
        found: list[Any] = []
        for name, statistics in reading.by_name.items():
            for each in classes_of(statistics):
                for field in figure.fields:
                    attributes = attributes_of(name, figure, field) | {"tidegate.class": each.label}
                    found.append(self._observation(getattr(each, field), attributes))
                for bound, number in sojourn_of(each) if figure is CLASS_SOJOURN else ():
                    attributes = {"tidegate.intake.name": name, "tidegate.class": each.label}
                    found.append(self._observation(number, attributes | {"tidegate.sojourn.bound": bound_text(bound)}))
        return found

    def shows(self, instrument: object) -> bool:
        """Tell whether an instrument that was just made is in truth our own, in which case its callback is never called."""
        own = self.instrument()
        return own is not None and (instrument is own or instrument is getattr(own, "_real_instrument", None))


_observed: Final[list[_Observed]] = []


def observe_with_opentelemetry(meter: Any, intakes: Mapping[str, Readable]) -> None:
    """Create observable instruments on a meter, which read the intakes when they are asked (METRICS-1).

    Called again for the same meter, the intakes are shown by the instruments that are there: OpenTelemetry gives those, and
    forgets the new callbacks without a word. intakes: as for `prometheus_collector`. TypeError or ValueError for a name or source
    that could not be shown, ImportError without `opentelemetry-api`.
    """
    observation = _third_party("opentelemetry.metrics", "opentelemetry-api").Observation
    # Before there is a provider each meter is a stand-in of the API's own; those of one scope will be one meter.
    stand_in = type(meter).__module__.startswith("opentelemetry.metrics.")
    scope = (meter.name, meter.version, meter.schema_url) if stand_in else None
    _observed[:] = [other for other in _observed if other.instrument() is not None]
    for other in _observed:
        if scope is not None and other.scope == scope:
            other.sources.add(intakes)
            return
    observed = _Observed(observation, intakes, scope)
    for number, figure in enumerate((*FIGURES, SOJOURN, *CLASS_FIGURES, CLASS_SOJOURN, UNREADABLE)):
        create = getattr(meter, f"create_observable_{figure.instrument}")
        instrument = create(figure.opentelemetry, callbacks=[observed.observer(figure)], unit=figure.unit, description=figure.text)
        if not number and instrument is not None:
            for other in _observed:
                if other.shows(instrument):
                    other.sources.add(intakes)
                    return
            observed.instrument = weakref.ref(instrument)
            _observed.append(observed)
