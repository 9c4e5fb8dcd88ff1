"""How a check of this group ends: with its evidence, or with the first fault and what replays it."""

import random
import traceback
from collections.abc import Callable
from typing import Any

from ..check import Result, Settings, Subject, Verdict
from ..foreign import subject_option
from ..refinement.following import SpecificationFault
from ..refinement.observed import Divergence

Trial = Callable[[Subject, random.Random, Settings], str]


class NotTried(Exception):
    """Say why nothing could be tried here."""


class Faulty(Exception):
    """Report faults after which a trial went on to its end: by clause the first account. `looked_at` names what it judged."""

    def __init__(self, faults: dict[str, str], looked_at: tuple[str, ...]) -> None:
        super().__init__("; ".join(faults.values()))
        self.faults, self.looked_at = faults, looked_at


class Faults:
    """Collect faults of somebody else's intake that do not end a trial."""

    looked_at = tuple("BOUND-1 BOUND-2 EXACT-1 FIXED-1 LOCAL-1 RECOVER-1 LEASE-1 CLOSE-1 CLOSE-2".split())

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def unless(self, right: bool, clause: str, account: str) -> None:
        """Note a fault of a clause, unless something is right."""
        if not right:
            self.found.setdefault(clause, account)

    def end(self) -> None:
        """Raise `Faulty` if there was a fault."""
        if self.found:
            raise Faulty(self.found, self.looked_at)


def judged(name: str, trial: Trial) -> Callable[[Subject, Settings], Result]:
    """Make a check's function of a trial, which gives its evidence or raises a `Divergence`."""

    def run(subject: Subject, settings: Settings) -> Result:
        replay = f"tidegate verify --check {name} --profile {settings.profile} --seed {settings.seed}{subject_option(subject)}"
        try:
            evidence = trial(subject, random.Random(settings.seed), settings)
        except Divergence as found:
            return Result(Verdict.ILLEGAL, "the first fault", f"{found.account}\nreplay: {replay}", found.clauses)
        except Faulty as found:
            own = {id_: f"{account}\nreplay: {replay}" for id_, account in found.faults.items()}
            cleared = tuple(id_ for id_ in found.looked_at if id_ not in own)
            witness = "\n".join(dict.fromkeys(own.values()))
            return Result(
                Verdict.ILLEGAL, "all sizes to the end; the first fault of each clause", witness, tuple(own), cleared, witnesses=own
            )
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
