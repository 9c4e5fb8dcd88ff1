"""Checks that are all OK, and bear on the whole of `contract`."""

from tidegate_specs.check import Check, Result, Settings, Subject, Verdict


def _confirm(subject: Subject, settings: Settings) -> Result:
    print(f"this line is no event: {subject} {settings}")
    return Result(Verdict.OK, "3 contracts confirmed")


def _walk(_subject: Subject, settings: Settings) -> Result:
    return Result(Verdict.OK, f"seed {settings.seed}, {settings.profile}")


CHECKS = (
    Check("fine.first", "fine", "Fake", ("ONE-1", "TWO-1"), "much", "little", _confirm),
    Check("fine.second", "fine", "Fake", ("ONE-1", "THREE-1"), "much", "little", _confirm),
    Check("fine.third", "fine", "Fake", ("FOUR-1",), "much", "little", _walk),
)
