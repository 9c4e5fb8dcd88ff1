"""The scenarios that are races, by their numbers: every schedule of a small configuration, on the real kernel."""

import re
from dataclasses import replace

import pytest

from tidegate_specs.check import Settings, Verdict, load_subject
from tidegate_specs.explore.configurations import BY_NAME
from tidegate_specs.explore.recorded import CHECKS, RACES, check_configuration
from tidegate_specs.scenarios import CHECKS as SCENARIOS


@pytest.mark.parametrize("number", RACES)
def test_scenario_is_explored_under_every_schedule(number: int) -> None:
    assert f"scenarios.{number:02}" in {check.name for check in SCENARIOS}
    for name in RACES[number]:
        configuration = BY_NAME[name]
        first = next(plan for plan in configuration.plans if not plan.long)
        result = check_configuration(replace(configuration, plans=(first,)), load_subject(), Settings())
        assert result.verdict is Verdict.OK, f"{name}: {result.evidence}\n{result.witness}"


def test_the_gate_says_which_scenario_a_configuration_is_about() -> None:
    for number, names in RACES.items():
        for check in CHECKS:
            told = re.search(rf"scenario {number}\b", check.shows) is not None
            assert told == (check.name.removeprefix("explore.") in names), check.shows
