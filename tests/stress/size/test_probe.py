"""What is called is found and called as its kind wants; a probe gives a knee that is near, or can't tell."""

from array import array
from contextlib import suppress
from pathlib import Path

import pytest

from tidegate.adapters.bulkhead import Bulkhead
from tidegate_specs.extras import UsageError
from tidegate_stress.size.drive import Drive, Run, schedule
from tidegate_stress.size.knee import CannotTell
from tidegate_stress.size.probe import Probe, agreed, demand_in_time, ended_calls
from tidegate_stress.size.target import FAILED, REFUSED, SERVED, UNSENT, load

APPS = Path(__file__).parent / "apps.py"


def run_of(due: list[float], begun: list[float], ended: list[float], answers: list[int]) -> Run:
    """Give a run that was recorded."""

    def nanoseconds(seconds: list[float]) -> "array[int]":
        return array("q", (int(each * 1e9) for each in seconds))

    handed = len(due) - answers.count(UNSENT)
    return Run(nanoseconds(due), nanoseconds(begun), nanoseconds(ended), bytearray(answers), 0, handed, handed)


@pytest.mark.parametrize(
    ("name", "application", "kind"),
    [
        ("asgi", True, "ASGI application"),
        ("asgi_object", True, "ASGI application"),
        ("wsgi", True, "WSGI application"),
        ("work", False, "function"),
        ("later", False, "coroutine function"),
        ("here.there", False, "function"),
    ],
)
def test_what_it_is_is_seen(name: str, application: bool, kind: str) -> None:
    assert load(f"{APPS}:{name}", application=application).kind == kind


@pytest.mark.parametrize(
    ("name", "application", "said"),
    [
        ("apps.py", True, "is not of the form"),
        ("nosuch.py:app", True, "there is no file"),
        ("tidegate_nosuch:app", True, "No module named"),
        (f"{APPS}:nosuch", True, "has no nosuch"),
        (f"{APPS}:NUMBER", True, "can't be called"),
        (f"{APPS}:make", True, "if it makes the application"),
        (f"{APPS}:wsgi", False, "has 2 arguments"),
        (f"{Path(__file__).parent / 'broken.py'}:app", True, "ZeroDivisionError: .* by zero at broken.py:3"),
    ],
)
def test_a_wrong_name_is_a_sentence(name: str, application: bool, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load(name, application=application)


@pytest.mark.parametrize(("name", "application"), [("asgi", True), ("wsgi", True), ("work", False), ("later", False)])
def test_calls_are_made_and_refused_by_a_wall(name: str, application: bool) -> None:
    with Drive(load(f"{APPS}:{name}", application=application)) as drive:
        run = drive.run([0] * 8, 100)
        assert run.wait(60)
        assert list(run.answers) == [SERVED] * 8
        assert ended_calls([run]).count == 8
        drive.behind(Bulkhead(1))
        run = drive.run([0] * 8, 100)
        assert run.wait(60)
        assert run.answers.count(REFUSED) >= 1
        assert run.answers.count(SERVED) >= 1
        assert run.answers.count(SERVED) + run.answers.count(REFUSED) == 8


@pytest.mark.parametrize(("name", "application"), [("wsgi_404", True), ("asgi_404", True), ("fails", False), ("exits", False)])
def test_a_call_that_fails_is_told(name: str, application: bool) -> None:
    with Drive(load(f"{APPS}:{name}", application=application)) as drive:
        run = drive.run([0, 0], 100)
        assert run.wait(60)
        assert list(run.answers) == [FAILED, FAILED]
        assert ("answered 404" if application else "apps.py:") in run.problems[0]
        with pytest.raises(UsageError, match="the first call"):
            Probe(drive, 5.0).measure()


def test_calls_beyond_the_most_are_not_made_and_what_hangs_can_be_given_up() -> None:
    with Drive(load(f"{APPS}:hangs", application=False)) as drive:
        run = drive.run([0] * 10, 4)
        assert (run.handed, run.unsent, run.answers.count(UNSENT)) == (4, 6, 6)
        assert not run.wait(0.01)
        assert drive.abandon(run, 60)
        assert run.answers.count(FAILED) == 4


def test_a_schedule_does_not_wait_for_answers() -> None:
    assert len(schedule(100, 2)) == 200
    assert 150 < len(schedule(100, 2, "ramp")) <= 200
    assert schedule(50, 2, "poisson", 1) == schedule(50, 2, "poisson", 1) != schedule(50, 2, "poisson", 2)


def test_two_ramps_agree_or_a_third_decides() -> None:
    assert agreed([8, 9]) == (0, 1)
    assert agreed([1, 2]) == (0, 1)
    assert agreed([8, 12]) is None
    assert agreed([8, 12, 11]) == (1, 2)
    assert agreed([8, 12, 30]) is None
    assert agreed([8]) is None


def test_calls_that_begin_late_can_not_be_measured() -> None:
    demand_in_time(run_of([1.0, 2.0], [1.001, 2.001], [1.021, 2.021], [SERVED] * 2), 0.021)
    with pytest.raises(CannotTell, match="too busy"):
        demand_in_time(run_of([1.0, 2.0], [1.01, 2.01], [1.03, 2.03], [SERVED] * 2), 0.03)


def test_only_what_was_served_is_a_sample() -> None:
    calls = ended_calls([run_of([1, 2, 3, 4], [1, 2, 3, 0], [1.5, 2.1, 3.1, 0], [SERVED, REFUSED, FAILED, UNSENT])])
    assert (calls.begins_s, calls.ends_s) == ([1.0], [1.5])


@pytest.mark.parametrize(("name", "application", "workers"), [("asgi", True, 4), ("wsgi", True, 3)])
def test_a_probe_finds_about_how_many_there_are_or_can_not_tell(name: str, application: bool, workers: int) -> None:
    found = None
    with Drive(load(f"{APPS}:{name}", application=application)) as drive, suppress(CannotTell):
        found = Probe(drive, 20.0).measure()
    assert found is None or (workers / 2 <= found.knee.inside <= 2 * workers and found.failed == 0)
