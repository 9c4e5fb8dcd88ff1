"""A service of one's own under overload: figures and verdicts from what was recorded, and a run from end to end."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tidegate_gate import cli
from tidegate_specs.check import Verdict
from tidegate_stress.size import own
from tidegate_stress.size.knee import Knee
from tidegate_stress.size.own import figures_of, slots_of, verdict_of
from tidegate_stress.size.own_case import Figures, OwnReport
from tidegate_stress.size.own_report import in_words, markdown, page, render
from tidegate_stress.size.probe import Probe, Probed
from tidegate_stress.size.suggest import suggest
from tidegate_stress.size.target import FAILED, REFUSED, SERVED, UNSENT

from .test_probe import APPS, run_of


def figures(share: float, slots: int = 16, unsent: int = 0) -> Figures:
    """Give the figures of a run at 10x."""
    return Figures(10.0, slots, 4000.0, 12_000, 1000, 10, 10_000, 0, 0, unsent, share, 0.02, 0.05, 0.001)


def test_figures_are_what_callers_saw() -> None:
    answers = [SERVED, SERVED, REFUSED, FAILED, 0, UNSENT]
    run = run_of([0.1, 2.0, 2.1, 2.2, 2.3, 2.4], [0.1, 2.0, 2.1, 2.2, 2.3, 0], [2.0, 2.5, 2.101, 2.3, 0, 0], answers)
    found = figures_of(run, 2.0, 4, 1.0, 3.0, 1.0, int(4e9))
    assert (found.good, found.late, found.refused, found.failed, found.unfinished, found.unsent) == (1, 1, 1, 1, 1, 0)
    assert found.good_share == pytest.approx(1 / 2)  # one in the two seconds after the first deadline, of one a second
    assert found.p99_s == pytest.approx(1.9)
    assert found.refusal_p99_s == pytest.approx(0.001)
    later = figures_of(run, 2.0, 4, 1.0, 3.0, 1.0, int(2.2e9))
    assert (later.good, later.unfinished) == (0, 3), "what had not ended when it was looked has not ended"


def test_the_verdict_is_that_of_the_wall_and_no_accusation_comes_from_noise() -> None:
    assert verdict_of([figures(0.95)], 0.0)[0] is Verdict.OK
    assert verdict_of([figures(0.2), figures(0.3), figures(0.9)], 0.9)[0] is Verdict.OK
    assert verdict_of([figures(0.2), figures(0.3), figures(0.1)], 0.0)[0] is Verdict.ILLEGAL
    assert verdict_of([figures(0.2), figures(0.3), figures(0.1)], 0.5)[0] is Verdict.UNKNOWN
    assert verdict_of([figures(0.2)], 0.0)[0] is Verdict.UNKNOWN
    assert verdict_of([figures(0.95, unsent=5000)], 0.0)[0] is Verdict.UNKNOWN
    assert verdict_of([], 0.0)[0] is Verdict.UNKNOWN


def test_the_wall_has_room_for_chance_and_never_more_than_the_formula_gives() -> None:
    def slots(workers: int, deadline_s: float) -> int:
        return slots_of(suggest(Knee(workers, float(workers), workers / 0.1, 0.1, (), (0.1,) * 100), deadline_s))

    assert slots(1, 5.0) == 9
    assert slots(40, 5.0) == 80
    assert slots(40, 0.21) == 44


def test_a_report_says_it_in_words_in_every_form() -> None:
    report = OwnReport(
        "0", "3", "now", "app:app, an ASGI application", "tidegate stress --app app:app", 1.0, 3.0, 400.0, 8, 0.02, 16
    )
    report = replace(report, verdict=Verdict.OK, why="fine", results=(figures(0.03, 0), figures(0.97)))
    without, with_it = in_words(report)
    assert without.startswith("Without a wall, at 10x, 3% of what it can finish was in time")
    assert with_it.startswith("With a wall of 16 slots, at 10x, 97% of what it can finish was in time")
    for text in (render(report), markdown(report)):
        assert "97%" in text
        assert "OK" in text
    assert max(map(len, render(report).splitlines())) <= 100
    pytest.importorskip("matplotlib", reason="plots are of the lab extra")
    assert "<svg" in page(report)
    assert "http://" not in page(report).replace("http://www.w3.org", "")


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    knee = Knee(3, 3.0, 150.0, 0.02, (), (0.02,) * 100)

    def measure(_probe: Probe) -> Probed:
        return Probed("apps", knee, 1, 0, 1.0, 0.9, 2)

    monkeypatch.setattr(Probe, "measure", measure)


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("words", [("--app", "wsgi"), ("--app", "asgi"), ("--callable", "work")])
def test_from_end_to_end(words: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = tmp_path / "own.json"
    code = cli.main(["stress", words[0], f"{APPS}:{words[1]}", "--seconds", "0.5", "--json", str(saved), "--deadline", "0.5"])
    told = json.loads(saved.read_text("utf-8"))
    assert code == {"OK": 0, "UNKNOWN": 3}[told["verdict"]], capsys.readouterr()
    assert [(each["level"], each["slots"]) for each in told["results"]][:6] == [
        (level, slots) for level in own.LEVELS for slots in (0, 11)
    ]
    assert told["results"][5]["refused"] > 0
    assert all(each["refused"] == 0 for each in told["results"] if not each["slots"])
    assert f"tidegate stress: {told['verdict']}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--app", "nosuch"), "is not of the form"),
        (("--app", f"{APPS}:wsgi", "--path", "x"), "does not begin with /"),
        (("--app", f"{APPS}:wsgi", "--collapse"), "--collapse is not for a service of your own"),
        (("--app", f"{APPS}:wsgi", "--from", "x"), "--from is not for a service of your own"),
        (("--callable", f"{APPS}:fails"), "ValueError: 7 at apps.py:"),
        (("--app", f"{APPS}:wsgi_404"), "it was answered 404; --path"),
    ],
)
def test_bad_usage_is_a_sentence(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stress", *words]) == 2
    assert said in capsys.readouterr().err
