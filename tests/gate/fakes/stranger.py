"""A check on a clause that no contract has."""

from tidegate_specs.check import Check, Result, Settings, Subject, Verdict


def _fine(_subject: Subject, _settings: Settings) -> Result:
    return Result(Verdict.OK, "done")


CHECKS = (Check("stranger.only", "stranger", "Fake", ("NINE-9",), "much", "little", _fine),)
