"""The cases that a profile runs: the four levels, the shapes of load, the troubles of workers and producers, and the peers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from .case import OURS, Case, LabProfile
from .subjects import NOWAIT, PEERS, UNBOUNDED

LEVELS: Final = (1.0, 2.0, 10.0, 100.0)
LARGE_BYTES: Final = 64 * 1024
SPINNERS: Final = 8
CURVE: Final = (1, 2, 4, 8, 16, 24, 32, 64, 128, 0)
COLLAPSE_LEVEL: Final = 3.0
COLLAPSE_TRIES: Final = 4
COLLAPSE_BYTES: Final = 4096
COLLAPSE_S: Final = 24.0


def level_name(level: float) -> str:
    """Name a level: "10x"."""
    return f"{level:g}x"


# What a case differs in from `Case`'s defaults: constant arrivals at 10x, 4 producers, 2 workers that wait 4 ms for each item.
_KINDS: Final[Mapping[str, Mapping[str, Any]]] = {
    **{level_name(level): {"level": level} for level in LEVELS},
    "spinning": {"arrivals": "spinning", "producers": SPINNERS},
    "poisson": {"arrivals": "poisson", "level": 2.0},
    "burst": {"arrivals": "burst"},
    "ramp": {"arrivals": "ramp"},
    "spike": {"arrivals": "spike", "level": 100.0},
    "retry storm": {"level": 2.0, "tries": COLLAPSE_TRIES},
    "slow workers": {"trouble": "slow workers"},
    "stalled workers": {"trouble": "stalled workers"},
    "crashing workers": {"trouble": "crashing workers"},
    "producer churn": {"trouble": "producer churn"},
    "large items": {"item_bytes": LARGE_BYTES},
    "fan-in": {"producers": 500},
    "socket work": {"work": "socket"},
    "cpu work": {"work": "cpu"},
    "mixed work": {"work": "mixed"},
    "soak": {"arrivals": "spinning", "producers": SPINNERS, "interval_s": 5.0},
    "collapse": {
        "arrivals": "collapse",
        "level": COLLAPSE_LEVEL,
        "tries": COLLAPSE_TRIES,
        "item_bytes": COLLAPSE_BYTES,
    },
}
PAIRED: Final = "paired "
BASIS: Final = {"100x": "2x"}  # what a case is compared with
NAMES: Final = (*_KINDS, *(PAIRED + level_name(level) for level in LEVELS))
SHAPES: Final = tuple(name for name in _KINDS if not name.endswith("x") and name not in {"soak", "collapse"})


def case_named(name: str, subject: str = OURS, seconds: float = 3.0, seed: int = 0) -> Case:
    """Make the case of this name, for so long. Raises KeyError where there is none."""
    return Case(name=name, subject=subject, seconds=seconds, seed=seed, **_KINDS[name])


def paired(name: str, subject: str = OURS, seconds: float = 6.0, seed: int = 0) -> list[Case]:
    """Make the two cases that take turns: the subject and `queue.Queue.put_nowait`, half of the time each."""
    case = replace(case_named(name.removeprefix(PAIRED), subject, seconds, seed), name=name, arrivals="even slices")
    return [case, replace(case, subject=NOWAIT, arrivals="odd slices")]


def plan(profile: LabProfile, seed: int = 0) -> list[list[Case]]:
    """Give what a profile runs, in order; cases in one list run beside each other."""
    if profile == "soak":
        return [[case_named("soak", seconds=1800.0, seed=seed)]]
    level_s, pair_s, shape_s, peer_s = (30.0, 30.0, 10.0, 5.0) if profile == "full" else (3.0, 6.0, 2.0, 2.0)
    shape_seconds = dict.fromkeys(SHAPES, shape_s) | {"spinning": level_s}
    peers = PEERS if profile == "full" else (NOWAIT, UNBOUNDED)
    levels = [level_name(level) for level in LEVELS]
    return [
        *([case_named(name, seconds=level_s, seed=seed)] for name in levels),
        *(paired(PAIRED + name, seconds=pair_s, seed=seed) for name in levels),
        *([case_named(name, seconds=shape_seconds[name], seed=seed)] for name in SHAPES),
        *([case_named(name, peer, peer_s, seed)] for peer in peers for name in levels),
    ]


def expected_seconds(profile: LabProfile) -> float:
    """Tell about how long a profile takes."""
    return sum(cases[0].seconds + 2.5 for cases in plan(profile))
