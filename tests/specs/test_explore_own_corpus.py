"""Races from issue trackers: found within the schedules that the table says, and OK once mended."""

import re
import sys
from pathlib import Path

import pytest

from tidegate_specs.check import Verdict
from tidegate_specs.explore.own.command import main
from tidegate_specs.explore.own.corpus import FOLDER, RACES, Race, markdown

PAGE = Path(__file__).parents[2] / "specs" / "docs" / "explore-your-code.md"


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.name)
def test_a_race_is_found_in_time_and_its_mended_form_is_ok(race: Race) -> None:
    found = race.searched()
    assert found.failure is not None, found
    assert race.shows in found.failure.message
    assert found.schedules <= race.within
    mended = race.searched(mended=True)
    assert mended.verdict is Verdict.OK, f"{mended}\n{mended.failure}"
    assert mended.schedules <= race.mended_in


def test_the_table_is_the_one_on_the_page() -> None:
    assert f"<!-- table: races -->\n{markdown()}\n<!-- end -->" in PAGE.read_text("utf-8")


def test_the_example_on_the_page_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = PAGE.read_text("utf-8")
    example = page.partition("<!-- example: race -->\n```python\n")[2].partition("```")[0]
    shown = page.partition("<!-- output: race -->\n```\n")[2].partition("```")[0]
    (tmp_path / "race.py").write_text(example, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert main(["race.py"]) == 1
    told = capsys.readouterr().out.replace(f"{tmp_path}/", "").strip()
    measured = re.compile(r"in [\d.]+ s, [\d,]+ a second|3\.\d+(?=:A)")
    assert measured.sub("", told) == measured.sub("", shown.strip())


def test_each_race_has_a_link_of_its_own_and_each_program_is_in_the_table() -> None:
    assert len({race.link for race in RACES}) == len(RACES) >= 12
    text = "".join(file.read_text("utf-8") for file in FOLDER.glob("*.py"))
    assert {line[4:].partition("(")[0] for line in text.splitlines() if line.startswith("def ") and "_mended" in line} == {
        f"{race.name}_mended" for race in RACES
    }
