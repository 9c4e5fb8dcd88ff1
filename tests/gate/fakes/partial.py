"""Checks that leave half of `contract` without any."""

from tidegate_specs.check import Check, Result, Settings, Subject, Verdict


def _confirm(_subject: Subject, _settings: Settings) -> Result:
    return Result(Verdict.OK, "done")


CHECKS = (
    Check("partial.first", "partial", "Fake", ("ONE-1",), "much", "little", _confirm),
    Check("partial.second", "partial", "Fake", ("TWO-1",), "much", "little", _confirm),
)
