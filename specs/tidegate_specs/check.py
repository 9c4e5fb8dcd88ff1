"""What a check is: a question about an implementation, and a three-valued answer with its evidence.

Checkers take the implementation as a parameter, so that they run on the shipped kernel, on a vendored copy, on a mutant or on
somebody else's intake. An implementation is a module (or anything else) with the kernel's public names: a `Subject`.
"""

import enum
import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Protocol, cast

from .foreign import import_folder

Profile = Literal["quick", "full"]


class Subject(Protocol):
    """Name what a checker needs of an implementation: the public names of `tidegate`."""

    @property
    def Intake(self) -> Any: ...
    @property
    def Outcome(self) -> Any: ...
    @property
    def Empty(self) -> type[Exception]: ...
    @property
    def Closed(self) -> type[Exception]: ...


def load_subject(name: str = "tidegate") -> Subject:
    """Import an implementation by its module name, or, if that has a separator of folders in it, from that folder."""
    return cast(Subject, import_folder(Path(name)) if os.sep in name else importlib.import_module(name))


def names_lacking(subject: Subject) -> list[str]:
    """Tell which of the names that a checker needs something that was loaded does not have."""
    return [name for name in ("Intake", "Outcome", "Empty", "Closed") if not hasattr(subject, name)]


# What an implementation may say of itself. A check names what it needs, and is not run on one that does not declare it.
CAPABILITIES: Final[Mapping[str, str]] = {
    "offer": "offer answers at once",
    "answers": "a refusal is its own answer, a value, and no exception that an adapter had to catch",
    "refuses": "offer refuses when full, instead of growing or throwing something out",
    "take": "take gives the oldest item, or says that there is none",
    "wait": "take waits for an item, up to a time-out or without limit",
    "release": "a taken item holds its slot until its lease is released",
    "drop": "a lease dropped unreleased gives back its slot; dropped before anyone looked at its item, it puts the item back",
    "close": "close ends offering for good",
    "drain": "drain closes, waits and counts what is left",
    "statistics": "statistics counts slots and answers",
    "threads": "several threads may call it at once",
    "bytecode": "it is written in Python, so that it can be stopped, interrupted and re-entered at every bytecode",
    "fork": "after a fork the child's is empty, usable and whole",
    "kernel": "it is the kernel or a copy of it: what the specification says of its source can be checked too",
}
EVERYTHING: Final = frozenset(CAPABILITIES)
WHOLE: Final = EVERYTHING - {"kernel"}  # of an intake that does all that the contract asks


def needs(words: str) -> frozenset[str]:
    """Read capabilities from words with blanks between."""
    return frozenset(words.split())


def capabilities_of(subject: object) -> frozenset[str]:
    """Tell what an implementation declares: everything, unless it says otherwise."""
    return cast("frozenset[str]", getattr(subject, "capabilities", EVERYTHING))


class Verdict(enum.Enum):
    """Answer a check. UNKNOWN is never a pass: a limit, a time-out, a noisy machine."""

    OK = "OK"
    ILLEGAL = "ILLEGAL"
    UNKNOWN = "UNKNOWN"


EXIT_CODES: Final = {Verdict.OK: 0, Verdict.ILLEGAL: 1, Verdict.UNKNOWN: 3}  # of every command that ends with a verdict


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """Give the worst of these verdicts: ILLEGAL, then UNKNOWN, then OK. None at all is UNKNOWN."""
    found = set(verdicts)
    if Verdict.ILLEGAL in found:
        return Verdict.ILLEGAL
    return Verdict.OK if found == {Verdict.OK} else Verdict.UNKNOWN


@dataclass(frozen=True, slots=True)
class Settings:
    """Tell a check how hard to look: the profile, and the seed of everything random."""

    profile: Profile = "quick"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """Give a check's verdict.

    evidence: what was done, in numbers ("11 contracts confirmed"). witness: for ILLEGAL, the shortest account of the fault that a
    reader can follow; for UNKNOWN, what cut the check short. blames: the clauses found broken, where the check bears on several
    and can tell; empty means all of the check's. cleared: of the others, those that it went on to look at to the end, and found
    kept. points: of a sweep, how many it visited. witnesses: by clause, its own witness, where `witness` is not that of all blamed.
    """

    verdict: Verdict
    evidence: str
    witness: str = ""
    blames: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()
    points: int | None = None
    witnesses: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Check:
    """Describe one check: what it bears on, with which tool, what it shows and what it does not.

    name: stable, "group.detail", as in `--check` and in reports. group: the checks that run together in one process.
    limit_s: the time after which the verdict is UNKNOWN (on this class of machine it takes a fraction of it), by profile.
    deep: left out of profile quick, unless named: another check there says the same by other means or of smaller cases.
    needs: the capabilities without which it would say nothing, or accuse wrongly.
    share: by clause, what of the check bears on it, in words for a row of a report; not there: all that its evidence tells.
    """

    name: str
    group: str
    tool: str
    clauses: tuple[str, ...]
    shows: str
    shows_not: str
    run: Callable[[Subject, Settings], Result]
    limit_s: tuple[float, float] = (60.0, 300.0)
    deep: bool = False
    needs: frozenset[str] = WHOLE
    share: Mapping[str, str] = field(default_factory=dict[str, str])
