"""What the collectors show of an intake with patience, read by the real client libraries (METRICS-1)."""

from typing import Any

import pytest

from tidegate.adapters.metrics import observe_with_opentelemetry, prometheus_collector
from tidegate.policies import Shed
from tidegate.policies.freshness import FreshIntake


class Clock:
    now = 5.0

    def __call__(self) -> float:
        return self.now


def used() -> FreshIntake[str]:
    """Give an intake that handed out two items after 0 and 0.7 s, had one expire, refused one as late, and holds one for 0.25 s."""
    clock = Clock()
    intake: FreshIntake[str] = FreshIntake(8, patience_s=1.0, clock=clock)
    assert intake.offer("expires")
    clock.now += 1.5
    assert intake.offer("waits for 0.7 s")
    clock.now += 0.7
    assert intake.offer("at once")
    intake.take(0).release()
    intake.take(0).release()
    assert intake.offer("never", patience_s=-1) is Shed.LATE
    assert intake.offer("waits")
    clock.now += 0.25
    return intake


def test_prometheus_reads_the_histogram_the_age_and_the_counts() -> None:
    client = pytest.importorskip("prometheus_client")
    parser = pytest.importorskip("prometheus_client.parser")
    registry = client.CollectorRegistry()
    prometheus_collector({"jobs": used()}, registry)
    families = {each.name: each for each in parser.text_string_to_metric_families(client.generate_latest(registry).decode())}
    offers = {each.labels["outcome"]: each.value for each in families["tidegate_offers"].samples}
    assert offers == {"accepted": 4, "full": 0, "closed": 0, "late": 1}
    finished = {each.labels["outcome"]: each.value for each in families["tidegate_finished"].samples}
    assert finished == {"released": 2, "abandoned": 0, "expired": 1}
    assert [each.value for each in families["tidegate_oldest_age_seconds"].samples] == [0.25]
    histogram = families["tidegate_sojourn_seconds"]
    assert histogram.type == "histogram"
    buckets = {each.labels["le"]: each.value for each in histogram.samples if each.name == "tidegate_sojourn_seconds_bucket"}
    assert (buckets["0.001"], buckets["0.5"], buckets["1.0"], buckets["+Inf"]) == (1, 1, 2, 2)
    assert {each.labels["intake"] for each in histogram.samples} == {"jobs"}


def test_the_open_metrics_text_is_read_too() -> None:
    exposition = pytest.importorskip("prometheus_client.openmetrics.exposition")
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    client = pytest.importorskip("prometheus_client")
    registry = client.CollectorRegistry()
    prometheus_collector({"jobs": used()}, registry)
    families = {each.name: each for each in parser.text_string_to_metric_families(exposition.generate_latest(registry).decode())}
    assert {each.labels["le"]: each.value for each in families["tidegate_sojourn_seconds"].samples}["+Inf"] == 2


def test_opentelemetry_reads_the_same() -> None:
    metrics = pytest.importorskip("opentelemetry.sdk.metrics")
    export = pytest.importorskip("opentelemetry.sdk.metrics.export")
    reader: Any = export.InMemoryMetricReader()
    meter = metrics.MeterProvider(metric_readers=[reader], shutdown_on_exit=False).get_meter("patience")
    observe_with_opentelemetry(meter, {"jobs": used()})
    found: dict[str, list[Any]] = {}
    units: dict[str, str] = {}
    for resource in reader.get_metrics_data().resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                found[metric.name] = list(metric.data.data_points)
                units[metric.name] = metric.unit
    late = [each for each in found["tidegate.offers"] if each.attributes["tidegate.outcome"] == "late"]
    assert [(each.value, each.attributes["error.type"]) for each in late] == [(1, "late")]
    expired = [each for each in found["tidegate.finished"] if each.attributes["tidegate.outcome"] == "expired"]
    assert [(each.value, each.attributes["error.type"]) for each in expired] == [(1, "expired")]
    assert ([each.value for each in found["tidegate.item.oldest_age"]], units["tidegate.item.oldest_age"]) == ([0.25], "s")
    waited = {each.attributes["tidegate.sojourn.bound"]: each.value for each in found["tidegate.item.sojourn"]}
    assert {bound: number for bound, number in waited.items() if number} == {"0.001": 1, "1.0": 1}
    assert "+Inf" in waited
    assert units["tidegate.item.sojourn"] == "{item}"
