"""The walk visits every state, notices a broken action and a stale manifest, and the kernel follows it."""

import json
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

import tidegate
from tidegate_specs import machine, walk
from tidegate_specs.check import Settings, Subject, Verdict
from tidegate_specs.clauses import BY_ID
from tidegate_specs.machine import State
from tidegate_specs.walk import states

CHECKS = {check.name: check for check in walk.CHECKS}


@pytest.mark.parametrize("name", CHECKS)
def test_the_kernel_passes(name: str) -> None:
    result = CHECKS[name].run(tidegate, Settings("quick", 1))
    assert (result.verdict, result.witness) == (Verdict.OK, "")


def test_a_graph_is_whole() -> None:
    found = states.graph(1)
    assert (len(found.states), len(found.edges), found.depth) == (28, 137, 7)
    assert found.states[0] == machine.initial(1)
    assert len(set(found.states)) == len(found.states)
    assert {number for edge in found.edges for number in (edge[0], edge[2])} == set(range(28))
    assert all(states.form(s) == s and machine.invariant(s) for s in found.states)


def test_a_fellow_has_the_same_form_and_other_counts() -> None:
    for s in states.graph(2).states:
        other = states.fellow(s)
        assert states.form(other) == s
        assert other != s
        assert machine.invariant(other)


# Planted faults of the specification.


def reads_a_count(s: State) -> bool:
    return s.free > 0 and s.full < 5


def mints_a_slot(s: State) -> State:
    return replace(s, claimed=s.claimed + 1)


def of_any_slot(s: State) -> bool:
    return s.free >= 0


def never(_: State) -> bool:
    return False


WRONG: dict[str, tuple[Callable[..., bool], Callable[..., Any]]] = {
    "a claim that keeps its slot free": (machine.can_claim, mints_a_slot),
    "a claim that depends on a count": (reads_a_count, machine.claim),
    "a claim of any slot": (of_any_slot, machine.claim),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_action_is_illegal(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "ACTIONS", (WRONG[fault], *machine.ACTIONS[1:]))
    result = walk.check_states(tidegate, Settings())
    assert result.verdict is Verdict.ILLEGAL
    assert ("lose something" in result.witness) == (fault == "a claim that depends on a count")


def test_an_action_that_is_never_enabled_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    actions = tuple((never if action is machine.withdraw else guard, action) for guard, action in machine.ACTIONS)
    monkeypatch.setattr(machine, "ACTIONS", actions)
    result = walk.check_states(tidegate, Settings())
    assert result.verdict is Verdict.UNKNOWN
    assert "capacity 1: withdraw is never enabled" in result.witness


def stale(monkeypatch: pytest.MonkeyPatch, folder: Path, entry: str) -> Path:
    """Have a manifest in which one number of capacity 2 is wrong."""
    manifest = states.load_manifest()
    manifest["2"][entry] += 1
    file = folder / "manifest.json"
    file.write_text(json.dumps(manifest))
    monkeypatch.setattr(walk, "MANIFEST", file)
    monkeypatch.setattr(states, "MANIFEST", file)
    return file


@pytest.mark.parametrize("entry", ["states", "edges", "depth"])
def test_a_stale_manifest_is_noticed(entry: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stale(monkeypatch, tmp_path, entry)
    result = walk.check_states(tidegate, Settings())
    assert result.verdict is Verdict.UNKNOWN
    assert result.witness.startswith("capacity 2: 108 states, the manifest has 10")
    assert "tidegate walk --update" in result.witness


def test_a_lost_trace_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stale(monkeypatch, tmp_path, "traces of 5 calls")
    result = walk.check_replay(tidegate, Settings())
    assert (result.verdict, result.witness) == (Verdict.UNKNOWN, "1,994 traces of 5 calls at capacity 2, the manifest has 1995")


# Planted faults of an implementation.


class Wrapper:
    """Pass every call on to a real intake."""

    def __init__(self, capacity: int) -> None:
        self.inner: tidegate.Intake[Any] = tidegate.Intake(capacity)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class OffersTwice(Wrapper):
    def offer(self, item: Any) -> Any:
        self.inner.offer(item)
        return self.inner.offer(item)


class NeverCloses(Wrapper):
    def close(self) -> None:
        return None


@pytest.mark.parametrize("name", ["walk.replay", "walk.histories"])
@pytest.mark.parametrize("intake", [OffersTwice, NeverCloses])
def test_a_planted_fault_is_found(name: str, intake: type[Wrapper]) -> None:
    made = types.SimpleNamespace(Intake=intake, Outcome=tidegate.Outcome, Empty=tidegate.Empty, Closed=tidegate.Closed)
    result = CHECKS[name].run(cast(Subject, made), Settings())
    assert result.verdict is Verdict.ILLEGAL
    assert result.blames
    assert f"replay: tidegate verify --check {name}" in result.witness


# The command.


def test_the_command_compares(capsys: pytest.CaptureFixture[str]) -> None:
    assert walk.main(["--capacity", "1", "--depth", "3"]) == 0
    told = capsys.readouterr().out
    assert "capacity 1: 28 states, 137 edges, depth 7" in told
    assert "traces of 3 calls replayed" in told


def test_the_command_renews_the_manifest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = stale(monkeypatch, tmp_path, "states")
    assert walk.main(["--capacity", "2"]) == 3
    assert walk.main(["--capacity", "2", "--update"]) == 0
    assert walk.main(["--capacity", "2"]) == 0
    assert json.loads(file.read_text())["2"]["states"] == 108


def test_the_command_tells_a_fault(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(machine, "ACTIONS", (WRONG["a claim of any slot"], *machine.ACTIONS[1:]))
    assert walk.main(["--capacity", "1"]) == 1
    assert capsys.readouterr().out.startswith("ILLEGAL: claim breaks ")


@pytest.mark.parametrize("words", [["--capacity", "0"], ["--depth", "x"], ["more"]])
def test_bad_usage(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        walk.main(words)
    assert ended.value.code == 2


def test_the_checks_bear_on_clauses() -> None:
    for check in walk.CHECKS:
        assert check.name.startswith(f"{check.group}.")
        assert set(check.clauses) <= set(BY_ID)
