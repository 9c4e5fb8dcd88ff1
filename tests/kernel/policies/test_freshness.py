"""The policy of time by example: what expires, what is late, what a lease does, what goes wrong with clocks, and its page."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tidegate import Closed, Empty, Intake, Lease, Outcome
from tidegate.policies import Shed
from tidegate.policies._book import BOUNDS_S
from tidegate.policies.freshness import FreshIntake, FreshLease, FreshStatistics

PAGE = Path(__file__).parents[3] / "kernel" / "docs" / "freshness.md"


class Clock:
    """Stand still until told to move."""

    def __init__(self) -> None:
        self.now: Any = 0.0

    def __call__(self) -> float:
        if isinstance(self.now, Exception):
            raise self.now
        return float(self.now)


class Scene:
    """An intake, its clock, and what its owner was told."""

    def __init__(self, capacity: int = 4, patience_s: float = 1.0) -> None:
        self.clock, self.told = Clock(), list[str]()
        self.intake: FreshIntake[str] = FreshIntake(capacity, patience_s, self.told.append, clock=self.clock)

    def stand(self) -> None:
        """Let a queue stand for an interval, with one slow taker: from then on offers are late."""
        for number in range(4):
            self.intake.offer(str(number))
        for now in (0.0, 0.6):
            self.clock.now = now
            self.intake.take(0).release()


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_refusals_are_false_and_have_names_of_their_own() -> None:
    assert [shed.name for shed in Shed] == ["LATE", "LIMIT", "CLASS"]
    assert not any(Shed)
    assert not {shed.value for shed in Shed} & {outcome.value for outcome in Outcome}


def test_it_is_an_intake_as_long_as_nothing_is_late(scene: Scene) -> None:
    intake = scene.intake
    assert intake.capacity == 4
    assert [intake.offer(item) for item in "abcde"] == [Outcome.ACCEPTED] * 4 + [Outcome.FULL]
    with intake.take() as item:
        assert item == "a"
    assert [lease.item for lease in (intake.take(0), intake.take(timeout=0.5), intake.take(None))] == ["b", "c", "d"]
    intake.close()
    assert intake.offer("f") is Outcome.CLOSED
    assert intake.drain(0) == 0
    assert scene.told == []


def test_what_is_older_than_its_patience_is_told_and_not_handed_out(scene: Scene) -> None:
    for item, patience in (("a", None), ("b", 9), ("c", 0.5)):
        scene.intake.offer(item, patience)
    scene.clock.now = 1.0  # as old as its patience: not older
    assert scene.intake.take(0).item == "a"
    scene.clock.now = 1.1
    assert scene.intake.take(0).item == "b"
    assert scene.told == []
    with pytest.raises(Empty):
        scene.intake.take(0)
    assert scene.told == ["c"]
    read = scene.intake.statistics()
    assert (read.accepted, read.abandoned, read.released, read.expired, read.free) == (3, 2, 0, 1, 4)


def test_an_owner_may_offer_again_as_the_slot_is_free() -> None:
    clock, answers = Clock(), list[object]()

    def again(item: str) -> None:
        answers.append(intake.offer(f"{item} again"))

    intake: FreshIntake[str] = FreshIntake(1, 1.0, again, clock=clock)
    intake.offer("a")
    clock.now = 2.0
    assert intake.take(0).item == "a again"
    assert answers == [Outcome.ACCEPTED]


def test_a_patience_below_zero_is_late(scene: Scene) -> None:
    assert scene.intake.offer("a", -0.1) is Shed.LATE
    assert scene.intake.offer("b", 0) is Outcome.ACCEPTED
    assert scene.intake.statistics().late == 1


def test_a_queue_that_stood_is_foreseen_and_only_as_long_as_it_stands(scene: Scene) -> None:
    scene.stand()
    assert scene.intake.offer("late") is Shed.LATE  # two are queued, at 0.6 s each
    assert scene.intake.offer("patient", 1.3) is Outcome.ACCEPTED
    while scene.intake.statistics().queued:
        scene.intake.take(0).release()
    assert [scene.intake.offer(item) for item in "abcde"] == [Outcome.ACCEPTED] * 4 + [Outcome.FULL]
    assert scene.intake.statistics().late == 1


def test_what_was_measured_counts_for_two_intervals(scene: Scene) -> None:
    scene.stand()
    scene.clock.now += 1.0
    assert scene.intake.offer("a") is Outcome.ACCEPTED


def test_a_closed_intake_says_closed_and_not_late(scene: Scene) -> None:
    scene.stand()
    scene.intake.close()
    assert scene.intake.offer("a") is Outcome.CLOSED
    assert scene.intake.offer("a", -1) is Outcome.CLOSED


def test_a_lease_is_as_the_kernels(scene: Scene) -> None:
    for item in "ab":
        scene.intake.offer(item)
    lease = scene.intake.take()
    assert repr(lease) == "<tidegate.FreshLease of <tidegate.Lease held>>"
    del lease  # unlooked at: the item goes back, behind the others, with the time of its offer
    assert scene.intake.statistics().queued == 2
    first = scene.intake.take()
    assert (first.item, first.release(), first.release()) == ("b", True, False)
    with pytest.raises(ValueError, match="released"):
        _ = first.item
    second = scene.intake.take()
    assert second.item == "a"
    del second  # looked at: abandoned
    assert scene.intake.statistics().abandoned == 1
    for made in (FreshLease, Lease):
        with pytest.raises(TypeError, match=r"take\(\) only"):
            made()
    with pytest.raises(TypeError, match="copied"):
        scene.intake.__reduce_ex__(4)
    with pytest.raises(TypeError, match="copied"):
        first.__reduce_ex__(4)


@pytest.mark.parametrize("final", [FreshIntake, FreshLease, FreshStatistics])
def test_the_classes_are_final(final: type) -> None:
    with pytest.raises(TypeError, match="final"):
        type("Derived", (final,), {})


def test_an_iterator_skips_what_has_expired_and_ends(scene: Scene) -> None:
    scene.intake.offer("old")
    scene.clock.now = 2.0
    for item in "ab":
        scene.intake.offer(item)
    scene.intake.close()
    seen: list[str] = []
    for lease in scene.intake:
        with lease as item:
            seen.append(item)
    assert (seen, scene.told) == (["a", "b"], ["old"])
    with pytest.raises(Closed):
        scene.intake.take()


@pytest.mark.parametrize("failure", [OSError("no clock"), float("nan"), "noon", None])
def test_a_clock_that_fails_gives_the_walls_answers(scene: Scene, failure: object) -> None:
    scene.intake.offer("a")
    scene.clock.now = failure
    assert scene.intake.offer("b") is Outcome.ACCEPTED
    assert [scene.intake.take(0).item for _ in range(2)] == ["a", "b"]
    assert scene.intake.statistics().clock_faults == 2


def test_a_clock_that_runs_backwards_gives_the_walls_answers(scene: Scene) -> None:
    scene.stand()
    scene.clock.now = -3600.0
    assert scene.intake.offer("a") is Outcome.ACCEPTED  # what was measured is of later
    lease = scene.intake.take(0)
    assert lease.item == "2"
    assert scene.intake.statistics().clock_faults == 1


def test_statistics_tell_waits_and_the_oldest(scene: Scene) -> None:
    for _ in range(3):
        scene.intake.offer("a")
    scene.clock.now = 0.02
    scene.intake.take(0).release()
    scene.clock.now = 0.3
    scene.intake.take(0).release()
    read = scene.intake.statistics()
    assert read.oldest_s == 0.3
    assert dict(read.sojourn) == {**dict.fromkeys((*BOUNDS_S, float("inf")), 0), 0.025: 1, 0.5: 1}
    assert sum(count for _, count in read.sojourn) == read.released == 2
    scene.intake.take(0).release()
    assert scene.intake.statistics().oldest_s == 0.0


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: FreshIntake[str](0, 1.0), ValueError),
        (lambda: FreshIntake[str](True, 1.0), TypeError),
        (lambda: FreshIntake[str](1, 0), ValueError),
        (lambda: FreshIntake[str](1, float("nan")), ValueError),
        (lambda: FreshIntake[str](1, "soon"), TypeError),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        (lambda: FreshIntake[str](1, 1.0).offer("a", float("nan")), ValueError),
        (lambda: FreshIntake[str](1, 1.0).offer("a", "soon"), TypeError),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        (lambda: FreshIntake[str](1, 1.0).take(-1), ValueError),
    ],
)
def test_misuse_is_told(make: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        make()


def test_a_time_out_that_items_expire_in_ends(scene: Scene) -> None:
    scene.intake.offer("a")
    scene.clock.now = 2.0
    with pytest.raises(Empty):
        scene.intake.take(0.001)
    assert scene.told == ["a"]


def test_a_child_begins_anew(scene: Scene, in_child: Callable[[Callable[[], bool]], bool]) -> None:
    scene.intake.offer("a")
    scene.intake.offer("b", -1)
    scene.clock.now = 2.0
    scene.intake.offer("c")
    scene.intake.take(0).release()

    def anew() -> bool:
        read = scene.intake.statistics()
        counts = (read.accepted, read.expired, read.late, read.released, sum(count for _, count in read.sojourn))
        return counts == (0, 0, 0, 0, 0) and read.free == 4 and scene.intake.offer("d") is Outcome.ACCEPTED

    assert in_child(anew)
    assert scene.intake.statistics().expired == 1


def test_it_says_what_it_is(scene: Scene) -> None:
    assert repr(scene.intake) == f"<tidegate.FreshIntake of {Intake[str](4)!r}>"


def test_the_example_of_the_page() -> None:
    page = PAGE.read_text("utf-8")
    assert page.count("<!-- example: freshness -->\n```python\n") == 1
    example = "\n".join(re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE))
    run = subprocess.run([sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
