"""The collectors for Prometheus and OpenTelemetry: what they give is what `statistics()` says, read once (METRICS-1)."""

import re
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tidegate import Intake, Lease, Statistics
from tidegate.adapters.metrics import observe_with_opentelemetry, prometheus_collector

PAGE = Path(__file__).parents[3] / "kernel" / "docs" / "metrics.md"


class Counted:
    """Keep the readings of an intake's statistics, and let each be another: every field changes on the way."""

    def __init__(self, capacity: int) -> None:
        self.intake: Intake[str] = Intake(capacity)
        self.readings: list[Statistics] = []
        self.held: list[Lease[str]] = []

    def statistics(self) -> Statistics:
        self.intake.offer("item")
        if len(self.readings) == 2:
            self.held.append(self.intake.take(timeout=0))
            assert self.held[0].item == "item"
        if len(self.readings) == 3:
            self.held.clear()  # abandoned
            self.intake.take(timeout=0).release()
            self.held.append(self.intake.take(timeout=0))
            self.intake.close()
            self.intake.offer("late")
        self.readings.append(self.intake.statistics())
        return self.readings[-1]


def named(**capacities: int) -> dict[str, Intake[str]]:
    """Make intakes by name."""
    return {name: Intake(capacity) for name, capacity in capacities.items()}


def expected(reading: Statistics) -> dict[tuple[str, str], int]:
    """Give the figures of a reading, by metric and label, under the names of Prometheus."""
    offers = {"accepted": reading.accepted, "full": reading.full, "closed": reading.closed}
    slots = {"free": reading.free, "queued": reading.queued, "in_flight": reading.in_flight}
    return {
        **{("tidegate_offers_total", outcome): count for outcome, count in offers.items()},
        ("tidegate_finished_total", "released"): reading.released,
        ("tidegate_finished_total", "abandoned"): reading.abandoned,
        **{("tidegate_slots", state): count for state, count in slots.items()},
        ("tidegate_capacity", ""): reading.capacity,
        ("tidegate_peak", ""): reading.peak,
    }


NAMES = {
    "tidegate.offers": "tidegate_offers_total",
    "tidegate.finished": "tidegate_finished_total",
    "tidegate.slot.count": "tidegate_slots",
    "tidegate.slot.max": "tidegate_capacity",
    "tidegate.slot.peak": "tidegate_peak",
}


def test_prometheus_is_given_one_reading_of_each_intake() -> None:
    client = pytest.importorskip("prometheus_client")
    sources = {"jobs": Counted(3), "mails": Counted(4)}
    registry = client.CollectorRegistry()
    registry.register(prometheus_collector(sources))
    assert all(not source.readings for source in sources.values())  # registering reads nothing
    figures: dict[str, dict[tuple[str, str], float]] = {}
    for number in range(1, 5):
        figures = {"jobs": {}, "mails": {}}
        for family in registry.collect():
            assert family.documentation
            for sample in family.samples:
                label = sample.labels.get("outcome", sample.labels.get("state", ""))
                figures[sample.labels["intake"]][sample.name, label] = sample.value
        for name, source in sources.items():
            assert len(source.readings) == number
            assert figures[name] == expected(source.readings[-1])
    assert not [figure for figure, value in figures["jobs"].items() if not value and figure[1] not in {"queued", "free"}]


def test_prometheus_sees_intakes_come_and_go_and_refuses_a_second_collector() -> None:
    client = pytest.importorskip("prometheus_client")
    intakes: dict[str, Intake[str]] = {}
    registry = client.CollectorRegistry()
    registry.register(prometheus_collector(intakes))
    assert "intake=" not in client.generate_latest(registry).decode()
    intakes["jobs"] = Intake(1)
    assert 'tidegate_capacity{intake="jobs"} 1.0' in client.generate_latest(registry).decode()
    intakes.clear()
    assert "intake=" not in client.generate_latest(registry).decode()
    with pytest.raises(ValueError, match="tidegate_offers"):
        registry.register(prometheus_collector(intakes))


def reader_and_meter() -> tuple[Any, Any]:
    metrics = pytest.importorskip("opentelemetry.sdk.metrics")
    export = pytest.importorskip("opentelemetry.sdk.metrics.export")
    reader = export.InMemoryMetricReader()
    return reader, metrics.MeterProvider(metric_readers=[reader], shutdown_on_exit=False).get_meter("test")


def collect(reader: Any) -> dict[str, dict[tuple[str, str], int]]:
    figures: dict[str, dict[tuple[str, str], int]] = {}
    for resource in reader.get_metrics_data().resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                assert metric.unit in {"{offer}", "{item}", "{slot}"}
                for point in metric.data.data_points:
                    label = point.attributes.get("tidegate.outcome", point.attributes.get("tidegate.state", ""))
                    assert point.attributes.get("error.type", label) == label
                    assert ("error.type" in point.attributes) is (label in {"full", "closed", "abandoned"})
                    figures.setdefault(point.attributes["tidegate.intake.name"], {})[NAMES[metric.name], label] = point.value
    return figures


def test_opentelemetry_is_given_one_reading_of_each_intake() -> None:
    reader, meter = reader_and_meter()
    sources = {"jobs": Counted(3), "mails": Counted(4)}
    observe_with_opentelemetry(meter, sources)
    figures: dict[str, dict[tuple[str, str], int]] = {}
    for number in range(1, 5):
        figures = collect(reader)
        for name, source in sources.items():
            assert len(source.readings) == number
            assert figures[name] == expected(source.readings[-1])
    assert not [figure for figure, value in figures["jobs"].items() if not value and figure[1] not in {"queued", "free"}]


class FakeMeter:
    """Keep the callbacks, to ask them as an SDK does, or otherwise."""

    def __init__(self) -> None:
        self.callbacks: dict[str, Any] = {}

    def create(self, name: str, callbacks: list[Any], unit: str, description: str) -> None:
        assert unit
        assert description
        (self.callbacks[name],) = callbacks

    create_observable_counter = create_observable_up_down_counter = create_observable_gauge = create

    def ask(self, name: str) -> list[tuple[float, str]]:
        return [(seen.value, seen.attributes["tidegate.intake.name"]) for seen in self.callbacks[name](None)]


def test_an_instrument_that_is_never_asked_leaves_the_others_no_old_reading() -> None:
    pytest.importorskip("opentelemetry.metrics")
    meter, source = FakeMeter(), Counted(5)
    observe_with_opentelemetry(meter, {"jobs": source})
    for peak in (1, 2, 3):
        assert meter.ask("tidegate.slot.peak") == [(peak, "jobs")]
        assert meter.ask("tidegate.slot.max") == [(5, "jobs")]


def test_a_reading_that_failed_is_not_replaced_by_an_old_one() -> None:
    pytest.importorskip("opentelemetry.metrics")
    meter, source = FakeMeter(), Counted(5)
    sources: dict[str, Any] = {"jobs": source}
    observe_with_opentelemetry(meter, sources)
    assert meter.ask("tidegate.slot.peak") == [(1, "jobs")]
    sources["broken"] = object()
    assert meter.ask("tidegate.slot.peak") == [(source.readings[-1].peak, "jobs")]
    assert meter.ask("tidegate.unreadable") == [(1, "broken")]
    del sources["broken"]
    assert meter.ask("tidegate.slot.peak") == [(source.readings[-1].peak, "jobs")]
    assert meter.ask("tidegate.unreadable") == []
    assert len(source.readings) == 3


# What can't be shown


class Broken:
    """Have statistics that can't be had, or are none."""

    def __init__(self, what: Any) -> None:
        self.what = what

    def statistics(self) -> Any:
        if isinstance(self.what, Exception):
            raise self.what
        return self.what


BAD: list[tuple[Any, Any, type[Exception]]] = [
    (1, Intake(1), TypeError),
    (None, Intake(1), TypeError),
    ("", Intake(1), ValueError),
    ("\ud800", Intake(1), ValueError),
    ("jobs", object(), TypeError),
    ("jobs", None, TypeError),
]


@pytest.mark.parametrize(("name", "source", "error"), BAD)
def test_a_bad_name_or_source_is_refused_at_construction(name: Any, source: Any, error: type[Exception]) -> None:
    client = pytest.importorskip("prometheus_client")
    reader, meter = reader_and_meter()
    registry = client.CollectorRegistry()
    collector = prometheus_collector({}, registry)
    for call in (prometheus_collector, collector.add, partial(prometheus_collector, registry=registry)):
        with pytest.raises(error):
            call({name: source})
    with pytest.raises(error):
        observe_with_opentelemetry(meter, {name: source})
    with pytest.raises(TypeError, match="a mapping"):
        prometheus_collector([(name, source)])  # type: ignore[arg-type]
    assert reader.get_metrics_data() is None
    client.generate_latest(registry)


@pytest.mark.parametrize("bad", [(name, source) for name, source, _ in BAD] + [
    ("broken", Broken(ZeroDivisionError())),
    ("broken", Broken(None)),
    ("broken", Broken(type("Half", (), {"capacity": 1, "free": "x"}))),
])  # fmt: skip
def test_what_goes_bad_later_leaves_the_others_figures_and_is_shown(bad: tuple[Any, Any]) -> None:
    client = pytest.importorskip("prometheus_client")
    reader, meter = reader_and_meter()
    sources: dict[Any, Any] = {"first": Intake(1)}
    registry = client.CollectorRegistry()
    prometheus_collector(sources, registry)
    observe_with_opentelemetry(meter, sources)
    sources[bad[0]] = bad[1]
    sources |= named(last=2)
    page = client.generate_latest(registry).decode()
    assert 'tidegate_capacity{intake="first"} 1.0' in page
    assert 'tidegate_capacity{intake="last"} 2.0' in page
    (line,) = [line for line in page.splitlines() if line.startswith("tidegate_unreadable{")]
    assert line.endswith(" 1.0")
    points = [
        (metric.name, point.attributes["tidegate.intake.name"])
        for resource in reader.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    ]
    assert {name for metric, name in points if metric == "tidegate.slot.max"} == {"first", "last"}
    assert len([name for metric, name in points if metric == "tidegate.unreadable"]) == 1
    sources.pop(bad[0])
    assert "tidegate_unreadable{" not in client.generate_latest(registry).decode()


def test_a_mapping_that_fails_leaves_the_others_figures() -> None:
    client = pytest.importorskip("prometheus_client")

    class Failing(dict[str, Intake[str]]):
        fails = False

        def keys(self) -> Any:
            if self.fails:
                raise RuntimeError("gone")
            return super().keys()

        def __iter__(self) -> Any:
            return iter(self.keys())

    failing, registry = Failing(), client.CollectorRegistry()
    prometheus_collector(failing, registry).add(named(jobs=1))
    failing.fails = True
    page = client.generate_latest(registry).decode()
    assert 'tidegate_capacity{intake="jobs"} 1.0' in page
    assert 'tidegate_unreadable{intake=""} 1.0' in page


def test_an_exception_in_an_intake_of_ours_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """It raises none of its own: it is a signal handler's."""
    pytest.importorskip("prometheus_client")
    collector = prometheus_collector(named(jobs=1))

    def interrupted(_intake: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(Intake, "statistics", interrupted)
    with pytest.raises(TimeoutError):
        collector.collect()


# More than one mapping


def test_two_mappings_in_one_registry_are_one_page() -> None:
    client = pytest.importorskip("prometheus_client")
    registry, other = client.CollectorRegistry(), client.CollectorRegistry()
    first = named(jobs=1)
    collector = prometheus_collector(first, registry)
    assert prometheus_collector(named(mails=2), registry) is collector
    assert prometheus_collector(first, registry) is collector  # the same mapping again changes nothing
    assert prometheus_collector(named(mails=3), other) is not collector
    with pytest.raises(ValueError, match="'jobs' is shown already"):
        prometheus_collector(named(jobs=4), registry)
    page = client.generate_latest(registry).decode()
    assert page.count("# TYPE tidegate_capacity gauge") == 1
    assert re.findall(r"^tidegate_capacity.*", page, re.MULTILINE) == [
        'tidegate_capacity{intake="jobs"} 1.0',
        'tidegate_capacity{intake="mails"} 2.0',
    ]
    registry.unregister(collector)
    assert prometheus_collector(named(mails=5), registry) is not collector  # it would not be shown there
    assert 'tidegate_capacity{intake="mails"} 5.0' in client.generate_latest(registry).decode()


def test_two_mappings_on_one_meter_are_both_seen() -> None:
    reader, meter = reader_and_meter()
    observe_with_opentelemetry(meter, {"jobs": Counted(3)})
    observe_with_opentelemetry(meter, {"mails": Counted(4)})
    with pytest.raises(ValueError, match="'jobs' is shown already"):
        observe_with_opentelemetry(meter, {"jobs": Counted(5)})
    assert set(collect(reader)) == {"jobs", "mails"}
    other, elsewhere = reader_and_meter()
    observe_with_opentelemetry(elsewhere, {"jobs": Counted(3)})
    assert set(collect(other)) == {"jobs"}


def test_meters_that_were_had_before_and_after_there_was_a_provider_are_one() -> None:
    pytest.importorskip("opentelemetry.sdk.metrics")
    script = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from tidegate import Intake
from tidegate.adapters.metrics import observe_with_opentelemetry as observe
early = [metrics.get_meter("app") for _ in range(3)]
observe(early[0], {"a": Intake(1)})
observe(early[1], {"b": Intake(1)})
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider(metric_readers=[reader], shutdown_on_exit=False))
observe(early[2], {"c": Intake(1)})
observe(metrics.get_meter("app"), {"d": Intake(1)})
found = {
    point.attributes["tidegate.intake.name"]
    for resource in reader.get_metrics_data().resource_metrics
    for scope in resource.scope_metrics
    for metric in scope.metrics
    for point in metric.data.data_points
}
assert found == set("abcd"), found
"""
    run = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_with_several_processes_it_says_where_the_figures_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = pytest.importorskip("prometheus_client")
    multiprocess = pytest.importorskip("prometheus_client.multiprocess")
    intakes = named(jobs=1)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    with pytest.warns(RuntimeWarning, match="shows no collectors") as caught:
        prometheus_collector(intakes)
    assert caught[0].filename == __file__
    with pytest.warns(RuntimeWarning, match="shows no collectors"):
        client.REGISTRY.unregister(prometheus_collector(intakes, client.REGISTRY))
    registry = client.CollectorRegistry()  # as the page of each scrape is made
    multiprocess.MultiProcessCollector(registry)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prometheus_collector(intakes, registry)
    assert 'tidegate_capacity{intake="jobs"} 1.0' in client.generate_latest(registry).decode()


@pytest.mark.parametrize(
    ("call", "module", "distribution"),
    [
        (lambda: prometheus_collector({}), "prometheus_client", "prometheus-client"),
        (lambda: observe_with_opentelemetry(None, {}), "opentelemetry", "opentelemetry-api"),
    ],
)
def test_without_the_third_party_the_error_names_it(
    call: Any, module: str, distribution: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=f"pip install {distribution}"):
        call()


def test_the_module_itself_needs_no_third_party() -> None:
    script = (
        "import sys, tidegate.adapters.metrics\n"
        "assert not [name for name in sys.modules if name.startswith(('prometheus', 'opentelemetry'))]\n"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_the_example_of_the_page() -> None:
    pytest.importorskip("prometheus_client")
    pytest.importorskip("opentelemetry.metrics")
    page = PAGE.read_text(encoding="utf-8")
    assert page.count("<!-- example: metrics -->\n```python\n") == 1
    example = "\n".join(re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE))
    run = subprocess.run([sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
