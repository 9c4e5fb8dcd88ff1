"""A run comes back with a result whatever becomes of it, and with what it had told until then."""

from pathlib import Path

import pytest

from tidegate_stress.lab.case import WHOLE, Case, Interval
from tidegate_stress.lab.supervise import partial_figures, run_cases

INTAKES = Path(__file__).parent / "intakes"
CASE = Case("10x", "tidegate", seconds=0.6, capacity=8, interval_s=0.05)


@pytest.fixture(autouse=True)
def planted_intakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(INTAKES))


def run(subject: str, silence_s: float = 20.0) -> tuple[str, str, int, float]:
    told: list[Interval] = []
    (result,) = run_cases(
        [Case("10x", subject, seconds=0.6, capacity=8, interval_s=0.05)],
        lambda _case, interval: told.append(interval),
        silence_s=silence_s,
    )
    assert tuple(told) == result.intervals
    return result.ended, result.witness, len(told), result.figures.get("accepted", 0.0)


def test_a_sound_run_is_whole() -> None:
    ended, witness, told, accepted = run("tidegate")
    assert (ended, witness) == (WHOLE, "")
    assert told > 5
    assert accepted > 8


def test_a_killed_run_leaves_what_it_told() -> None:
    ended, _, _, _ = run("killing")
    assert ended == "killed by SIGKILL"


def test_a_stopped_run_is_a_hang() -> None:
    ended, _, _, _ = run("stopping", silence_s=2.0)
    assert ended.startswith("hang: no word for")


def test_an_offer_that_never_returns_ends_the_run_and_is_told() -> None:
    ended, _, told, accepted = run("hanging")
    assert ended == "offer did not return within 0.5 s"
    assert told > 5
    assert accepted >= 8


def test_an_offer_that_raises_is_a_problem() -> None:
    (result,) = run_cases([Case("10x", "raising", seconds=0.6, capacity=8)])
    assert any("offer raised RuntimeError: planted" in problem for problem in result.problems)


def test_a_subject_that_can_t_be_loaded_is_a_crash_with_its_traceback() -> None:
    ended, witness, told, _ = run("no_such_module")
    assert ended == "crash: exit status 1"
    assert "ModuleNotFoundError" in witness
    assert told == 0


def test_two_cases_run_beside_each_other() -> None:
    cases = [
        Case("paired 10x", "tidegate", 0.5, arrivals="even slices"),
        Case("paired 10x", "queue.SimpleQueue", 0.5, arrivals="odd slices"),
    ]
    ours, theirs = run_cases(cases)
    assert [ours.case, theirs.case] == cases
    assert ours.ended == theirs.ended == WHOLE
    assert "stolen_share" not in ours.figures, "each would be taken for the noise of the other"


def test_partial_figures_add_the_intervals_up() -> None:
    one = Interval(0.5, "load", 100.0, 60.0, 40.0, 20.0, 20.0, 0.0, 0.0, 7, None, None, None, 1000, 5, 0, 0)
    two = Interval(1.0, "load", 300.0, 0.0, 300.0, 20.0, 10.0, 10.0, 0.0, 9, 1.0, 2.0, 3.0, 5000, 5, 0, 0)
    figures = partial_figures([one, two])
    assert figures == {
        "offered": 200, "accepted": 30, "rejected": 170, "finished": 20, "good": 15, "peak_depth": 9, "rss_peak_bytes": 4000
    }  # fmt: skip
    assert partial_figures([]) == {}
