"""How a check of this group ends: with its evidence, or with the first fault and what replays it."""

import random
import traceback
from collections.abc import Callable
from typing import Any

from ..check import Result, Settings, Subject, Verdict
from ..foreign import subject_option
from ..refinement import Divergence, SpecificationFault

Trial = Callable[[Subject, random.Random, Settings], str]


class NotTried(Exception):
    """Say why nothing could be tried here."""


def judged(name: str, trial: Trial) -> Callable[[Subject, Settings], Result]:
    """Make a check's function of a trial, which gives its evidence or raises a `Divergence`."""

    def run(subject: Subject, settings: Settings) -> Result:
        try:
            evidence = trial(subject, random.Random(settings.seed), settings)
        except Divergence as found:
            replay = f"tidegate verify --check {name} --profile {settings.profile} --seed {settings.seed}{subject_option(subject)}"
            return Result(Verdict.ILLEGAL, "the first fault", f"{found.account}\nreplay: {replay}", found.clauses)
        except NotTried as why:
            return Result(Verdict.UNKNOWN, "nothing was tried", str(why))
        except SpecificationFault:
            return Result(Verdict.UNKNOWN, "stopped", traceback.format_exc())
        return Result(Verdict.OK, f"{evidence}, seed {settings.seed}")

    return run


def demand(right: bool, clauses: str, account: Callable[[], str]) -> None:
    """Raise a `Divergence` of these clauses unless something is right."""
    if not right:
        raise Divergence(tuple(clauses.split()), account())


def told(answer: Any) -> str:
    """Name an answer: an outcome, the type of an exception, or whatever it is."""
    return str(getattr(answer, "name", None) or getattr(answer, "__name__", None) or repr(answer))
