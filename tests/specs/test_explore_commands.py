"""`tidegate explore` and `tidegate replay`: what they print, and how they exit."""

import pytest

from tidegate_specs.explore import command, replay
from tidegate_specs.explore.configurations import CONFIGURATIONS
from tidegate_specs.explore.schedules import this_version


def test_the_list_names_every_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [each.name for each in CONFIGURATIONS]


def test_one_configuration_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["claimed-not-published", "--reduce"]) == 0
    assert "exhausted" in capsys.readouterr().out


def test_a_limit_exits_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["offers-2-take-1", "--bound", "2", "--limit", "5"]) == 3
    assert "the limit of 5 schedules" in capsys.readouterr().out
    assert command.main(["offers-2-take-1", "--sample", "10"]) == 3


def test_bad_usage_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["no-such-configuration"])
    assert ended.value.code == 2
    for schedule in ("nonsense", f"no-such-configuration@{this_version()}:A1", "claimed-not-published@2.7:A1"):
        assert replay.main([schedule]) == 2
    assert replay.main([f"claimed-not-published@{this_version()}:A9999"]) == 2
    assert "does not fit" in capsys.readouterr().err


def test_a_replay_shows_a_column_for_each_thread_and_the_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert replay.main([f"claimed-not-published@{this_version()}:A20B5", "--colour", "never", "--width", "120"]) == 0
    shown = capsys.readouterr().out
    assert "thread A" in shown
    assert "thread B" in shown
    assert "offer(a)" in shown
    assert "-> FULL" in shown
    assert "-> ACCEPTED" in shown
    assert "no fault" in shown
    assert replay.main([f"claimed-not-published@{this_version()}:A20B5", "--colour", "always"]) == 0
    assert "\x1b[" in capsys.readouterr().out


def test_the_cost_is_told_part_by_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["claimed-not-published", "--cost"]) == 0
    shown = capsys.readouterr().out
    for part in ("own calls", "passing the baton", "watching opcodes", "judging", "one schedule", "one switch"):
        assert part in shown
