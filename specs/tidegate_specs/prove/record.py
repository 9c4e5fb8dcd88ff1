"""What is to be proved, as it was recorded: for those who tell of it, and for the check that nothing is left out.

Making the obligations takes a solver. Their names, clauses and words are kept in `obligations.json`, a line for each, and a family
whose obligations are not those is UNKNOWN. After a change that is meant: `tidegate prove --update`.
"""

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

RECORD: Final = Path(__file__).parent / "obligations.json"


@dataclass(frozen=True, slots=True)
class Recorded:
    """Tell what an obligation is called, which clauses it bears on, and what it says."""

    name: str
    clauses: tuple[str, ...]
    says: str

    @property
    def family(self) -> str:
        return self.name.partition(".")[0]


class Told(Protocol):
    """Name what is recorded of an obligation."""

    @property
    def name(self) -> str: ...
    @property
    def clauses(self) -> tuple[str, ...]: ...
    @property
    def says(self) -> str: ...


@functools.cache
def recorded() -> tuple[Recorded, ...]:
    """Read the record."""
    return tuple(Recorded(name, tuple(clauses), says) for name, clauses, says in json.loads(RECORD.read_text("utf-8")))


def difference(family: str, found: Iterable[Told]) -> str:
    """Say how the obligations of a family differ from the record, or give ""."""
    known = {(each.name, each.clauses, each.says) for each in recorded() if each.family == family}
    made = [(each.name, each.clauses, each.says) for each in found]
    if len(made) != len(known):
        return f"{len(made)} obligations, {len(known)} are recorded"
    if strange := sorted(name for name, *_ in {*made} - known):
        return f"{len(strange)} obligations are not as recorded, first {strange[0]}; if that is meant: tidegate prove --update"
    return ""


def write(obligations: Iterable[Told]) -> None:
    """Write the record."""
    lines = [json.dumps([each.name, each.clauses, each.says]) for each in obligations]
    RECORD.write_text("[\n" + ",\n".join(lines) + "\n]\n", "utf-8")
