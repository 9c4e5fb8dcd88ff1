"""The peers: what is expected to be broken is found broken by a check that bears on it, and nothing else is."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tidegate_specs.check import Check, Settings, Verdict
from tidegate_specs.clauses import CLAUSES
from tidegate_specs.conformance import Adapted, Adapter, adapt
from tidegate_specs.conformance.levels import cause_of, own_cause
from tidegate_specs.conformance.peers import PEERS, PYTHON, Aiologic, Culsans, Janus, SemaphoreExecutor
from tidegate_specs.runner import in_reach

# The cheapest checks that between them find all that is expected.
CHECKS = (
    "scenarios.12",
    "schedules.offers",
    "schedules.takes",
    "stateful.overfill",
    "sweeps.freeze",
    "sweeps.interrupt",
    "sweeps.reentry",
)
MODULES = ("tidegate_specs.conformance.schedules", "tidegate_specs.scenarios", "tidegate_specs.stateful", "tidegate_specs.sweeps")
FOUND_WITH: dict[type[Adapter], str] = {Aiologic: "0.17.1", Culsans: "0.11.0", Janus: "2.0.0"}  # which version was judged
INSTALLED = [peer for peer in PEERS if peer.version]
IN_PROCESS = [peer for peer in INSTALLED if peer is not SemaphoreExecutor]  # that leaves a lock of all executors locked


def checks_of(subject: Adapted) -> Iterator[Check]:
    for module in MODULES:
        for check in importlib.import_module(module).CHECKS:
            within = in_reach(subject.capabilities, check)
            if subject.kind is Culsans and module == MODULES[0]:
                continue  # its locks are a package's of their own, and not simulated: UNKNOWN, after a long wait
            if check.name in CHECKS and within.needs <= subject.capabilities and within.clauses:
                yield within


@pytest.mark.parametrize("peer", IN_PROCESS)
def test_what_is_expected_to_be_broken_is_and_nothing_else(peer: type[Adapter]) -> None:
    subject = adapt(peer)
    found: set[str] = set()
    for check in checks_of(subject):
        result = check.run(subject, Settings())
        if result.verdict is Verdict.ILLEGAL:
            accused = set(result.blames) & set(check.clauses) if result.blames else set(check.clauses)
            found |= accused
            for id_ in accused & set(peer.expected):
                assert cause_of(check.name, check.clauses) in (peer.expected[id_].by or (own_cause(id_),)), (check.name, id_)
    assert set(peer.expected) <= found
    if FOUND_WITH.get(peer, PYTHON) == peer.version:
        assert found == set(peer.expected)


def test_what_is_expected_of_the_executor_is_found() -> None:
    """In a process of its own, as the gate does it."""
    command = [sys.executable, "-m", "tidegate_specs.runner", "tidegate_specs.sweeps"]
    command += ["--subject", f"{SemaphoreExecutor.__module__}:{SemaphoreExecutor.__name__}"]
    names = "sweeps.freeze\nsweeps.interrupt\nsweeps.reentry\n"
    end = subprocess.run(command, input=names, capture_output=True, text=True, timeout=100, check=True)
    events = [json.loads(line) for line in end.stdout.splitlines()]
    found = {id_ for event in events if event.get("verdict") == "ILLEGAL" for id_ in event["blames"]}
    assert found == set(SemaphoreExecutor.expected)


@pytest.mark.parametrize("peer", PEERS)
def test_an_expectation_says_why_and_where_that_is_written(peer: type[Adapter]) -> None:
    ids = {clause.id for clause in CLAUSES}
    assert peer.expected
    for id_, expected in peer.expected.items():
        assert id_ in ids
        assert len(expected.reason) > 20
        assert not expected.reason.endswith(".")
        assert expected.link.startswith("https://")
