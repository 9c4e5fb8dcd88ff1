"""Threads that meet in somebody else's queue: each check finds the race that is planted for it, and accuses nobody else."""

from dataclasses import replace
from typing import Any

import pytest

from tidegate_specs.check import Check, Settings, Verdict, needs
from tidegate_specs.conformance import Adapted, Empty, Outcome, adapt, schedules
from tidegate_specs.conformance.honest import Lease, Locked
from tidegate_specs.conformance.levels import LEVELS, cause_of, own_cause, rank_of, rank_of_cause, standing
from tidegate_specs.conformance.peers import Aiologic, DequeMaxlen, QueueQueue
from tidegate_specs.conformance.wrong import CheckThenAct


class WakesNobody(Locked):
    """Accept without a word to a take that waits."""

    def offer(self, item: Any) -> Outcome:
        with self._changed:
            if self._is_full():
                return Outcome.FULL
            self._queue.append(item)
            return Outcome.ACCEPTED


class ClosesQuietly(Locked):
    """Close without a word to a take that waits."""

    def close(self) -> None:
        with self._changed:
            self._closed = True


class GivesTwice(Locked):
    """Look at the oldest item before the lock is taken, and give that."""

    def take(self, timeout: float | None = None) -> Lease:
        if not self._queue:
            raise Empty
        item = self._queue[0]
        with self._changed:
            if self._queue:
                self._queue.popleft()
                self._in_flight += 1
            return Lease(item, self._free)


def subject_of(kind: Any) -> Adapted:
    found = adapt(kind)
    return replace(found, capabilities=found.capabilities | needs("bytecode"))


def check_named(name: str) -> Check:
    return next(check for check in schedules.CHECKS if check.name == f"schedules.{name}")


@pytest.mark.parametrize(
    ("wrong", "name", "clause"),
    [
        (CheckThenAct, "offers", "BOUND-1"),
        (GivesTwice, "takes", "LOCAL-1"),
        (WakesNobody, "waits", "LOCAL-1"),
        (ClosesQuietly, "closes", "CLOSE-2"),
    ],
)
def test_each_check_finds_its_race(wrong: Any, name: str, clause: str) -> None:
    result = check_named(name).run(subject_of(wrong), Settings())
    assert (result.verdict, clause in result.blames) == (Verdict.ILLEGAL, True)
    assert "schedule " in result.witnesses[clause]
    assert clause not in result.cleared


@pytest.mark.parametrize("name", ["offers", "takes", "waits", "closes"])
def test_a_right_queue_with_a_lock_is_ok(name: str) -> None:
    assert check_named(name).run(subject_of(Locked), Settings()).verdict is Verdict.OK


@pytest.mark.parametrize("name", ["offers", "takes", "waits"])
def test_the_standard_queue_is_ok(name: str) -> None:
    result = check_named(name).run(adapt(QueueQueue), Settings())
    assert result.verdict is Verdict.OK
    assert "queue" in result.evidence.rpartition("; of ")[2].split(", ")


@pytest.mark.skipif(not Aiologic.version, reason="aiologic is not installed")
def test_a_refusal_for_nothing_is_found_between_the_steps_of_a_package_that_renames_its_classes() -> None:
    assert check_named("offers").run(adapt(Aiologic), Settings()).blames == ("EXACT-1",)


def test_without_bytecode_nothing_is_explored() -> None:
    result = check_named("offers").run(adapt(Locked), Settings())
    assert (result.verdict, result.evidence.partition(":")[0]) == (Verdict.UNKNOWN, "not judged")
    assert [check.name for check in schedules.CHECKS if schedules.applies_to(check, adapt(DequeMaxlen))] == [
        "schedules.offers",
        "schedules.takes",
    ]


def test_what_a_disturbance_breaks_counts_at_its_own_level() -> None:
    assert cause_of("sweeps.interrupt", ("INTERRUPT-1", "LOCAL-1")) == "exception"
    assert cause_of("schedules.takes", ("LOCAL-1",)) == "race"
    assert (own_cause("LOCAL-1"), own_cause("NOWAIT-2")) == ("calls", "stop")
    assert rank_of("LOCAL-1") < rank_of_cause("exception") == rank_of("INTERRUPT-1")
    assert rank_of_cause("stop") == rank_of("NOWAIT-2") == len(LEVELS) - 1


def test_a_level_is_not_held_without_what_it_demands() -> None:
    def found(id_: str, rank: int) -> tuple[Verdict | None, str]:
        del rank
        return (None, "nobody looked") if id_ == "NORETRY-1" else (Verdict.OK, "")

    assert standing(needs("threads bytecode"), "", found).held == ""
    everything = standing(needs("threads bytecode wait close fork"), "", lambda id_, rank: (Verdict.OK, ""))
    assert (everything.held, everything.next, everything.obstacles) == ("wait-free", "", ())
