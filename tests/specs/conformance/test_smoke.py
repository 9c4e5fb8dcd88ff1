"""An adapter's own mistakes are told as such, with their place; and nothing is said of an intake that is only wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from tidegate_specs.conformance import smoke
from tidegate_specs.conformance.peers import PEERS
from tidegate_specs.conformance.wrong import RIGHT, WRONG

INTAKES = Path(__file__).parents[2] / "gate" / "conformance" / "intakes"
BOXES = (INTAKES / "boxes.py").read_text("utf-8").splitlines()


def line(text: str) -> str:
    """Name the line of the adapters' file that has this in it."""
    return f"boxes.py:{next(number for number, line in enumerate(BOXES, 1) if text in line)}"


def begin(name: str) -> str:
    """Name the line on which the first method of a class begins."""
    start = next(number for number, line in enumerate(BOXES) if line.startswith(f"class {name}("))
    return f"boxes.py:{next(number for number, line in enumerate(BOXES[start:], start + 1) if '    def ' in line)}"


CONSTRUCTOR = f"raised KeyError at {line('slip of the constructor')}: 'capacity' (in its constructor)"
MISTAKES = {
    "BadConstructor": CONSTRUCTOR,
    "bad_factory": CONSTRUCTOR,
    "BadFirstOffer": f"raised KeyError at {line('slip of the offer')}: 'its first offer' (in its first offer)",
    "AnswersNothing": f"answered its first offer with None at {begin('AnswersNothing')}: it must be Outcome.",
    "HasNoTimeout": f"raised TypeError at {begin('HasNoTimeout')}: HasNoTimeout.take() got an unexpected",
    "TakesNothing": f"gave None for a lease at {begin('TakesNothing')}: it needs item and release()",
    "NothingForEmpty": f"gave None for a lease at {begin('NothingForEmpty')}: with nothing there take must raise Empty",
    "AnothersEmpty": f"raised _queue.Empty at {line('raise queue.Empty')} (in a take with nothing there)",
    "WaitsAtOnce": f"did not return within 1 s at {line('where it waits')} (from its first take)",
    "SlipsWhenFull": "'an offer too many' (in an offer too many; where it is full it must answer Outcome.FULL)",
    "ForgetsToCatch": f"raised queue.Full at {line('raise queue.Full')} (in an offer too many; where it is full it must answer",
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_its_place(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(INTAKES), *sys.path])
    if name == "WaitsAtOnce":
        monkeypatch.setattr(smoke, "LIMIT_S", 1.0)
    told = smoke.mistake_of(f"boxes:{name}")
    assert told.startswith("your adapter ")
    assert MISTAKES[name] in told


@pytest.mark.parametrize("name", ["Box", "made", "OneMore", "Waits", "Silent", "Boasts", "plain", "NUMBER", "Bax"])
def test_what_is_right_or_wrong_otherwise_has_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(INTAKES), *sys.path])
    monkeypatch.setattr(smoke, "FULL_S", 0.2)
    assert smoke.mistake_of(f"boxes:{name}") == ""


@pytest.mark.parametrize("kind", [*PEERS, *RIGHT, *WRONG])
def test_none_is_seen_where_there_is_none(kind: type) -> None:
    """As a program, each in a process of its own: some leave threads behind."""
    command = [sys.executable, "-m", "tidegate_specs.conformance.smoke", f"{kind.__module__}:{kind.__name__}"]
    end = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (end.returncode, end.stdout) == (0, "")
