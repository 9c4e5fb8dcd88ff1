# SPDX-License-Identifier: MIT
"""Show the statistics of intakes to Prometheus and to OpenTelemetry.

Both read `statistics()` when they are asked, once for each intake in each collection, and keep no count of their own: the figures
of one collection add up, and none can drift. Nothing is added to the path of an offer.

    REGISTRY.register(prometheus_collector({"jobs": jobs}))
    observe_with_opentelemetry(get_meter("app"), {"jobs": jobs})

What is given for each intake, by its name in the mapping (labels `intake` and `tidegate.intake.name`):

    Prometheus               OpenTelemetry                  label, attribute
    tidegate_offers_total    tidegate.offers {offer}        outcome: accepted, full, closed
    tidegate_finished_total  tidegate.finished {item}       outcome: released, abandoned
    tidegate_slots           tidegate.slot.count {slot}     state: free, queued, in_flight
    tidegate_capacity        tidegate.slot.max {slot}
    tidegate_peak            tidegate.slot.peak {slot}

In OpenTelemetry `error.type` repeats the outcome where it is a refusal or a loss, and is absent where it is not. The mapping is
read anew in each collection, so intakes may come and go.

Prior art: the semantic conventions for pools (`db.client.connection.count` with a state, and `.max`) and for bounded queues
(`otel.sdk.processor.log.processed` with an `error.type`). Considered and rejected: counters that are added to at each offer (a
second truth, and a cost on every rejection); rates and ratios (the reader's business); waiting times (the intake keeps none).

Limits: instruments of OpenTelemetry are asked one by one. They share a reading until one of them asks again, so that a collection
is one reading if it asks each of them once; two that run at once may mix. In a forked child counts begin at 0, as after a restart.
"""

import importlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from .. import Statistics
from .edges import HasStatistics

__all__ = ["PrometheusCollector", "observe_with_opentelemetry", "prometheus_collector"]


@final
@dataclass(frozen=True, slots=True)
class _Figure:
    """Describe one metric: its two names, its instrument, and the fields of the statistics that it shows, told apart by a label."""

    prometheus: str
    opentelemetry: str
    instrument: str
    unit: str
    text: str
    label: str
    fields: tuple[str, ...]


_FIGURES: Final = (
    _Figure(
        "tidegate_offers", "tidegate.offers", "counter", "{offer}", "Offers answered.", "outcome", ("accepted", "full", "closed")
    ),
    _Figure("tidegate_finished", "tidegate.finished", "counter", "{item}", "Items finished.", "outcome", ("released", "abandoned")),
    _Figure(
        "tidegate_slots", "tidegate.slot.count", "up_down_counter", "{slot}", "Slots.", "state", ("free", "queued", "in_flight")
    ),
    _Figure("tidegate_capacity", "tidegate.slot.max", "up_down_counter", "{slot}", "Slots there are.", "", ("capacity",)),
    _Figure("tidegate_peak", "tidegate.slot.peak", "gauge", "{slot}", "The most slots held at once so far.", "", ("peak",)),
)
_GOOD: Final = ("accepted", "released")  # outcomes that are no error

_Readings = dict[str, Statistics]


def _third_party(module: str, distribution: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"this collector needs {distribution} (pip install {distribution})") from error


def _read(intakes: Mapping[str, HasStatistics]) -> _Readings:
    return {name: intake.statistics() for name, intake in dict(intakes).items()}  # a copy: the host may add one meanwhile


@final
class PrometheusCollector:
    """Collect the statistics of intakes for a registry of `prometheus_client`. Made by `prometheus_collector`."""

    def __init__(self, families: Any, intakes: Mapping[str, HasStatistics]) -> None:
        self._families: Final = families
        self._intakes: Final = intakes

    def describe(self) -> list[Any]:
        """Name the families, without a reading: what a registry asks for when the collector is registered."""
        return list(self._collect({}))

    def collect(self) -> list[Any]:
        """Read each intake once, and give all families from these readings (METRICS-1)."""
        return list(self._collect(_read(self._intakes)))

    def _collect(self, readings: _Readings) -> Generator[Any, None, None]:
        for figure in _FIGURES:
            make = self._families.CounterMetricFamily if figure.instrument == "counter" else self._families.GaugeMetricFamily
            labels = ["intake", figure.label] if figure.label else ["intake"]
            family = make(figure.prometheus, figure.text, labels=labels)
            for name, reading in readings.items():
                for field in figure.fields:
                    family.add_metric([name, field] if figure.label else [name], getattr(reading, field))
            yield family


def prometheus_collector(intakes: Mapping[str, HasStatistics]) -> PrometheusCollector:
    """Make a collector for `prometheus_client.REGISTRY.register` (METRICS-1). ImportError without `prometheus-client`.

    intakes: by the name that tells them apart. Intakes, or whatever else has their `statistics()`.
    """
    return PrometheusCollector(_third_party("prometheus_client.core", "prometheus-client"), intakes)


def observe_with_opentelemetry(meter: Any, intakes: Mapping[str, HasStatistics]) -> None:
    """Create observable instruments on a meter, which read the intakes when they are asked (METRICS-1).

    To be called once for each meter. intakes: as for `prometheus_collector`. ImportError without `opentelemetry-api`.
    """
    observation = _third_party("opentelemetry.metrics", "opentelemetry-api").Observation
    asked: set[str] = set()  # the instruments that have had the reading below
    readings: _Readings = {}

    def read(figure: _Figure) -> _Readings:
        nonlocal readings
        if not asked or figure.opentelemetry in asked:  # whoever asks again begins a new collection
            asked.clear()
            readings = _read(intakes)
        asked.add(figure.opentelemetry)
        return readings

    def observer(figure: _Figure) -> Callable[[Any], list[Any]]:
        def observe(_options: Any) -> list[Any]:
            return [
                observation(getattr(reading, field), _attributes(name, figure, field))
                for name, reading in read(figure).items()
                for field in figure.fields
            ]

        return observe

    for figure in _FIGURES:
        create = getattr(meter, f"create_observable_{figure.instrument}")
        create(figure.opentelemetry, callbacks=[observer(figure)], unit=figure.unit, description=figure.text)


def _attributes(name: str, figure: _Figure, field: str) -> dict[str, str]:
    attributes = {"tidegate.intake.name": name}
    if figure.label:
        attributes[f"tidegate.{figure.label}"] = field
    if figure.label == "outcome" and field not in _GOOD:
        attributes["error.type"] = field
    return attributes
