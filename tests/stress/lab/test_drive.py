"""What one run counts is exact, for every subject, every trouble and every kind of work."""

from dataclasses import replace
from functools import partial

import pytest

from tidegate_stress.lab import drive as driven
from tidegate_stress.lab.case import ARRIVALS, OURS, TROUBLES, WHOLE, WORK, Arrivals, Case, Result, Trouble, Work
from tidegate_stress.lab.drive import Drive
from tidegate_stress.lab.process import jain
from tidegate_stress.lab.subjects import NOWAIT, SUBJECTS, UNBOUNDED

CASE = Case("case", OURS, seconds=0.4, level=5.0, capacity=8, service_s=0.002)


@pytest.fixture(autouse=True)
def _measure_at_a_glance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure the workers' own rate for a moment only: it sets how much is offered, and nothing here is about how much."""
    monkeypatch.setattr(driven, "sustained_rate", partial(driven.sustained_rate, seconds=0.1))


def drive(case: Case) -> Result:
    return Drive(case, lambda _event: None).run()


def is_exact(result: Result) -> bool:
    figures = result.figures
    assert result.ended == WHOLE, result
    assert result.problems == ()
    assert figures["offered"] == figures["accepted"] + figures["rejected"]
    assert figures["accepted"] == figures["finished"] + figures["crashed"]
    assert figures["peak_depth"] <= result.case.capacity
    assert result.ladders["offer_call"].count <= figures["offered"]
    assert result.ladders["sojourn"].count == figures["accepted"]
    return True


@pytest.mark.parametrize("arrivals", ARRIVALS)
def test_every_shape_of_load_is_counted_exactly(arrivals: Arrivals) -> None:
    assert is_exact(drive(replace(CASE, arrivals=arrivals, tries=2 if arrivals == "collapse" else 1)))


@pytest.mark.parametrize("trouble", TROUBLES)
def test_every_trouble_is_counted_exactly(trouble: Trouble) -> None:
    result = drive(replace(CASE, trouble=trouble))
    assert is_exact(result)
    assert (result.figures["crashed"] > 0) == (trouble == "crashing workers")


@pytest.mark.parametrize("work", WORK)
def test_every_kind_of_work_is_done(work: Work) -> None:
    result = drive(replace(CASE, work=work, level=2.0))
    assert is_exact(result)
    assert result.figures["finished"] > 0


def test_large_items_and_many_producers() -> None:
    assert is_exact(drive(replace(CASE, item_bytes=10_000, producers=120)))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_subject_serves(subject: str) -> None:
    result = drive(replace(CASE, subject=subject, level=0.5))
    assert result.ended == WHOLE
    assert result.problems == ()
    assert result.figures["finished"] == result.figures["accepted"] > 0


def test_a_queue_that_drops_what_it_let_in_is_seen_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driven, "AFTER_S", 0.2)  # what was dropped is waited for in vain
    result = drive(replace(CASE, subject="collections.deque(maxlen)"))
    assert "lost" in result.problems[0]


def test_clients_that_time_out_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driven, "AFTER_S", 0.2)  # nothing here is about what is left
    result = drive(replace(CASE, subject=UNBOUNDED, tries=3, deadline_fills=1.0))
    assert result.figures["retried"] > 0
    assert result.figures["timed_out"] > 0
    assert result.figures["good"] < result.figures["finished"]


def test_a_refusal_by_an_exception_is_a_rejection() -> None:
    result = drive(replace(CASE, subject=NOWAIT))
    assert result.figures["rejected"] > 0
    assert result.ladders["rejection_call"].count == result.figures["rejected"]


def test_offers_are_timed_from_when_they_were_due() -> None:
    result = drive(replace(CASE, subject="queue.Queue put (blocking)"))
    assert result.ladders["offer_response"].at(99.0) > 20_000_000, "a blocking call makes all the later ones late"


@pytest.mark.parametrize(("shares", "index"), [([5, 5, 5], 1.0), ([9, 0, 0], 1 / 3), ([0, 0], 1.0), ([1, 2, 3], 36 / 42)])
def test_jain_s_index(shares: list[int], index: float) -> None:
    assert jain(shares) == pytest.approx(index)
