"""The levels of conformance: which clauses a bounded intake keeps without a disturbance, and which only with more and more of it.

A correct queue behind a lock keeps all clauses of `threads`, and can keep few of `wait-free`. Levels are cumulative: one is held if
its clauses and those of all levels before it are OK.

A clause can be broken in several ways, and not every one is a fault at its level: an item that two takers get is a race, and
breaks `threads`; an item that is lost as an exception arrives in between breaks LOCAL-1 as well, and is a matter of `signals`. So a
check has a *cause*, that by which it disturbs, and what it finds counts from the cause's level on.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, cast

from ..check import Verdict, needs

LevelName = Literal["threads", "deadlines", "signals", "wait-free"]
Cause = Literal["calls", "race", "exception", "handler", "fork", "stop"]


class ConformanceLevel(NamedTuple):
    """Name a level: the sentence that says what it is, its clauses, those without which it is not held, what is to be declared."""

    name: LevelName
    sentence: str
    clauses: tuple[str, ...]
    demanded: tuple[str, ...]
    needs: frozenset[str]


def _level(name: LevelName, sentence: str, demanded: str, others: str, words: str) -> ConformanceLevel:
    return ConformanceLevel(name, sentence, (*demanded.split(), *others.split()), tuple(demanded.split()), needs(words))


# In this order. A clause that is not demanded is about what not every intake has (leases, counts), or can't be tested here.
LEVELS: Final[tuple[ConformanceLevel, ...]] = (
    _level(
        "threads",
        "bounded, exact, in order, nothing lost, under every schedule of short plays",
        "BOUND-1 BOUND-2 EXACT-1 FIXED-1 NORETRY-1 LOCAL-1 RECOVER-1 HOSTILE-1",
        "EXPLICIT-1 LEASE-1 LEDGER-1",
        "threads bytecode",
    ),
    _level("deadlines", "close is final, a drain and every wait end", "CLOSE-1 CLOSE-2", "LATENCY-1", "wait close"),
    _level(
        "signals",
        "calls from handlers, exceptions at any place and forks break nothing",
        "REENTRY-1 INTERRUPT-1 FORK-1",
        "HOST-1 HOST-2",
        "bytecode fork",
    ),
    _level(
        "wait-free",
        "nobody waits for anybody, and a rejection costs and leaves nothing",
        "NOWAIT-2 QUIET-1 MEMORY-1",
        "NOWAIT-1 RESPONSIVE-1 RESPONSIVE-2 STABLE-1",
        "threads bytecode",
    ),
)
NAMES: Final[tuple[LevelName, ...]] = tuple(level.name for level in LEVELS)
_RANKS: Final[Mapping[str, int]] = {id_: rank for rank, level in enumerate(LEVELS) for id_ in level.clauses}

# A check that bears on one of these brings the disturbance about that the clause is about.
_DISTURBANCES: Final[Mapping[str, Cause]] = {
    "INTERRUPT-1": "exception",
    "REENTRY-1": "handler",
    "FORK-1": "fork",
    "NOWAIT-2": "stop",
}
_RACES: Final = frozenset(
    {"schedules.offers", "schedules.takes", "scenarios.09", "sizes.takers", "limiters.meetings"}
)  # its threads meet
_CAUSE_RANKS: Final[Mapping[Cause, int]] = {"calls": 0, "race": 0, "exception": 2, "handler": 2, "fork": 2, "stop": 3}
CAUSES: Final[tuple[Cause, ...]] = tuple(_CAUSE_RANKS)


def cause_of(name: str, clauses: Collection[str]) -> Cause:
    """Tell by what a check disturbs: by nothing but calls, by threads that meet, or from outside."""
    for id_, cause in _DISTURBANCES.items():
        if id_ in clauses:
            return cause
    return "race" if name in _RACES else "calls"


def own_cause(id_: str) -> Cause:
    """Tell by what a clause is broken if nothing is said: by the disturbance that it is about, else by mere calls."""
    return _DISTURBANCES.get(id_, "calls")


def rank_of(id_: str) -> int:
    """Give the number of a clause's level, from 0; of one of no level (an adapter's) the first."""
    return _RANKS.get(id_, 0)


def rank_of_cause(cause: Cause) -> int:
    """Give the number of the first level at which it counts what a check with this cause finds."""
    return _CAUSE_RANKS[cause]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Name what stands between an intake and a level: a clause or a capability, and why."""

    what: str
    verdict: str
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Tell which level an intake holds ("": none), up to which it was asked ("": all), and what keeps it from the next."""

    held: str
    asked: str
    next: str
    obstacles: tuple[Obstacle, ...]

    def sentence(self) -> str:
        """Say it in a line."""
        told = f"level held: {self.held or 'none'}"
        if not self.next:
            return told
        names = ", ".join(obstacle.what for obstacle in self.obstacles)
        return f"{told}; between it and {self.next}: {names or 'it was not asked for'}"


Found = Callable[[str, int], tuple[Verdict | None, str]]


def standing(declared: Collection[str], asked: str, found: Found) -> Standing:
    """Find the highest level that is held.

    found: for a clause and the number of a level, the verdict by the checks whose cause counts there, and why; None where no check
    bears on it, which is no obstacle unless the level demands the clause.
    """
    held, highest = "", cast("LevelName", asked or NAMES[-1])
    for rank, level in enumerate(LEVELS[: NAMES.index(highest) + 1]):
        if obstacles := _obstacles(rank, level, declared, found):
            return Standing(held, asked, level.name, obstacles)
        held = level.name
    rest = NAMES[NAMES.index(highest) + 1 :]
    return Standing(held, asked, rest[0] if rest else "", ())


def _obstacles(rank: int, level: ConformanceLevel, declared: Collection[str], found: Found) -> tuple[Obstacle, ...]:
    lacks = sorted(level.needs - set(declared))
    told = [Obstacle(lack, "not judged", f"`{lack}` is not declared") for lack in lacks]
    for id_ in _clauses_up_to(rank):
        verdict, why = found(id_, rank)
        if verdict is None and id_ in LEVELS[rank].demanded:
            told.append(Obstacle(id_, "not judged", why))
        elif verdict not in (None, Verdict.OK):
            told.append(Obstacle(id_, verdict.value, why))
    return tuple(told)


def _clauses_up_to(rank: int) -> Sequence[str]:
    return [id_ for level in LEVELS[: rank + 1] for id_ in level.clauses]
