"""The witnesses: plain Python, one for each clause that a peer is expected to break; each shows its fault on this interpreter."""

import re
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tidegate_specs.conformance.limiter_peers import LIMITERS
from tidegate_specs.conformance.peers import PEERS
from tidegate_specs.conformance.witnesses import WITNESSES, path_of

JUDGED = (*PEERS, *LIMITERS)
INSTALLED = {peer.__name__ for peer in JUDGED if peer.version}
SCRIPTS = sorted({script for (peer, _), script in WITNESSES.items() if peer in INSTALLED})
DISTURBED = [
    script
    for script in SCRIPTS
    if "handler" in script or "interrupted_get" in script or "interrupted_offer" in script or "d_acquire" in script
]

Ends = Mapping[str, "subprocess.CompletedProcess[str]"]


def run(arguments: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-W", "error", *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def ends() -> Ends:
    """Run all scripts, a few at a time: most of them only wait."""
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(SCRIPTS, pool.map(run, [[str(path_of(script))] for script in SCRIPTS]), strict=True))


def test_every_clause_that_a_peer_breaks_has_its_witness() -> None:
    expected = {(peer.__name__, id_) for peer in JUDGED for id_ in peer.expected}
    assert set(WITNESSES) == expected


def test_every_script_is_the_witness_of_something() -> None:
    scripts = {path.name for path in path_of("").glob("*.py")} - {"__init__.py"}
    assert scripts == set(WITNESSES.values())


@pytest.mark.parametrize("script", sorted(set(WITNESSES.values())))
def test_a_witness_needs_nothing_of_this_project(script: str) -> None:
    assert "tidegate" not in Path(path_of(script)).read_text("utf-8")


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_witness_shows_its_fault(script: str, ends: Ends) -> None:
    end = ends[script]
    assert (end.returncode, end.stderr) == (1, "")
    assert end.stdout


@pytest.mark.parametrize("script", DISTURBED)
def test_a_witness_shows_nothing_where_nothing_disturbs(script: str) -> None:
    text = path_of(script).read_text("utf-8")
    undisturbed = re.sub(r'event == "call" and ', "False and ", text)
    assert undisturbed != text
    end = run(["-c", undisturbed])
    assert (end.returncode, end.stderr) == (0, "")
