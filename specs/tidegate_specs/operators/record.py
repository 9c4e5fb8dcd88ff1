"""Keep what became of each mutant, and sum it up. The files are in `tests/mutation` of a clone.

record.jsonl       what was judged, then a line for each mutant
equivalent.toml    the mutants that nobody can tell from the kernel, with the reason; written by hand
SUMMARY.md         the figures
"""

import json
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, final

from .generate import DELETION, Mutant
from .judge import GROUPS, LEFT_OUT, Sentence

PLACE: Final = Path("tests") / "mutation"
_BESIDE: Final = Path(__file__).parents[3] / PLACE
FOLDER: Final = _BESIDE if _BESIDE.is_dir() else Path.cwd() / PLACE  # of the clone that is installed from, or else that one is in
RECORD: Final = "record.jsonl"
EQUIVALENT: Final = "equivalent.toml"
SUMMARY: Final = "SUMMARY.md"
COMMAND: Final = "tidegate mutants --operators"
KILLED: Final = "killed"
SAME: Final = "equivalent"
LIVES: Final = "survives"
OPEN: Final = "not judged"
VERDICTS: Final = (KILLED, SAME, LIVES, OPEN)
TYPED: Final = "only type checkers read `@final`, and annotations inside functions"


@final
@dataclass(frozen=True, slots=True)
class Judged:
    """Hold what became of one mutant, as a line of the record has it. how: the witness, or why it is equivalent by rule."""

    file: str
    function: str
    operator: str
    old: str
    new: str
    verdict: str
    by: str = ""
    clauses: Sequence[str] = ()
    how: str = ""
    unknown: Sequence[str] = ()

    @property
    def key(self) -> str:
        return f"{self.file} {self.function} {self.operator}: {self.old} -> {self.new}"


@final
@dataclass(frozen=True, slots=True)
class Header:
    """Tell which kernel was judged, where, and by how many checks."""

    kernel: str
    python: str
    cosmic_ray: str
    checks: int


@final
@dataclass(slots=True)
class Record:
    """Hold a header and what became of every mutant, by key, in the order in which they are made."""

    header: Header
    judged: dict[str, Judged]

    @classmethod
    def read(cls, folder: Path = FOLDER) -> "Record | None":
        """Read it; None where there is none."""
        if not (folder / RECORD).is_file():
            return None
        first, *rest = (json.loads(line) for line in (folder / RECORD).read_text("utf-8").splitlines())
        judged = [Judged(**line) for line in rest]
        return cls(Header(**first), {each.key: each for each in judged})

    def write(self, folder: Path = FOLDER) -> None:
        """Write it at once: whoever stops in the middle leaves the former one."""
        lines: list[dict[str, Any]] = [asdict(self.header)]
        lines += [{name: value for name, value in asdict(each).items() if value} for each in self.judged.values()]
        fresh = folder / (RECORD + ".new")
        fresh.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
        fresh.replace(folder / RECORD)


def relabelled(judged: Judged, reasons: Mapping[str, str]) -> Judged:
    """Give a mutant that lived the verdict that it has with these reasons."""
    if judged.verdict in (KILLED, OPEN) or judged.how == TYPED:
        return judged
    return replace(judged, verdict=SAME if judged.key in reasons else LIVES)


def unjudged(mutant: Mutant) -> Judged:
    """Begin the line of a mutant. One that only type checkers can tell from the kernel is equivalent by rule."""
    begun = Judged(mutant.file, mutant.function, mutant.operator, mutant.old, mutant.new, OPEN)
    return replace(begun, verdict=SAME, how=TYPED) if mutant.typed else begun


def sentenced(judged: Judged, sentence: Sentence, reasons: Mapping[str, str]) -> Judged:
    """Give the line of a mutant that every check was asked about, or as many as it took to kill it."""
    found = replace(judged, by=sentence.by, clauses=sentence.clauses, how=sentence.how[:100], unknown=sentence.unknown)
    return replace(found, verdict=KILLED) if sentence.by else relabelled(replace(found, verdict=LIVES), reasons)


def equivalents(folder: Path = FOLDER) -> dict[str, str]:
    """Read the reasons, by the mutant's key. Raises ValueError if one is listed twice or has none."""
    found: dict[str, str] = {}
    for entry in tomllib.loads((folder / EQUIVALENT).read_text("utf-8"))["equivalent"]:
        reason = " ".join(entry["reason"].split())
        for key in entry["mutants"]:
            if key in found or not reason:
                raise ValueError(f"{EQUIVALENT}: listed twice, or without a reason: {key}")
            found[key] = reason
    return found


def faults(record: Record, reasons: Mapping[str, str]) -> list[str]:
    """Name what is not as it must be: a survivor, an entry of no use, mutants not judged."""
    found = [f"{each.verdict}: {each.key}" for each in record.judged.values() if each.verdict == LIVES]
    for key in reasons:
        each = record.judged.get(key)
        if each is None:
            found.append(f"{EQUIVALENT}: there is no such mutant: {key}")
        elif each.verdict == KILLED:
            found.append(f"{EQUIVALENT}: {each.by} kills it: {key}")
    unjudged = sum(each.verdict == OPEN for each in record.judged.values())
    return [*found, f"{OPEN}: {unjudged} of {len(record.judged)} mutants"] if unjudged else found


def killers(record: Record) -> Counter[str]:
    """Count the mutants that each check killed."""
    return Counter(each.by for each in record.judged.values() if each.verdict == KILLED)


def figures(record: Record) -> str:
    """Give the sentence that the page on the explorer quotes."""
    verdicts = Counter(each.verdict for each in record.judged.values())
    return (
        f"{len(record.judged)} mutants: {verdicts[KILLED]} killed, {verdicts[SAME]} equivalent, {verdicts[LIVES]} surviving, "
        f"{verdicts[OPEN]} not judged"
    )


def summary(record: Record, reasons: Mapping[str, str]) -> str:
    """Write the figures for a reader."""
    judged = list(record.judged.values())
    header = record.header
    by_rule = sum(each.verdict == SAME and each.key not in reasons for each in judged)
    files = [
        f"| `{file}` | {len(of)} | " + " | ".join(str(sum(each.verdict == verdict for each in of)) for verdict in VERDICTS)
        for file in sorted({each.file for each in judged})
        for of in [[each for each in judged if each.file == file]]
    ]
    ways = Counter(_way(each) for each in judged if each.verdict == KILLED)
    lines = [
        "# Mutation testing of the kernel",
        "",
        f"Written by `{COMMAND}`, which goes on where it was stopped; not to be edited.",
        "",
        f"**{figures(record)}.**",
        "",
        f"Kernel sha256:{header.kernel}.",
        f"Judged on CPython {header.python} by {header.checks} checks of the quick gate and by `tests/kernel`.",
        f"Made by the operators of cosmic-ray {header.cosmic_ray} and by `{DELETION}`.",
        f"Of the equivalent mutants {by_rule} are so by rule: {TYPED}. The reasons of the others are in `{EQUIVALENT}`.",
        "",
        f"| file | mutants | {' | '.join(VERDICTS)} |",
        "|---|---:|---:|---:|---:|---:|",
        *(f"{line} |" for line in files),
        "",
        "How they were killed: " + ", ".join(f"{way} {count}" for way, count in ways.most_common()) + ".",
        "",
        "The cheapest check is asked first, so a check that kills few may be able to kill many.",
        "",
        "| killed by | mutants |",
        "|---|---:|",
        *(f"| `{by}` | {count} |" for by, count in sorted(killers(record).items(), key=lambda item: (-item[1], item[0]))),
        "",
        f"Asked, in groups: {', '.join(GROUPS)}. Not asked:",
        "",
        *(f"- {name}: {why}." for name, why in LEFT_OUT.items()),
        "",
    ]
    return "\n".join(lines)


def _way(each: Judged) -> str:
    if each.by == "import":
        return "the import raised"
    return (
        "a hang" if each.how == "hung" else "the process ended" if each.how.startswith("the process") else "a check or test failed"
    )
