"""Share the checks of one run among machines, and add their reports up to one verdict.

Each check goes to exactly one shard, by its name and limit alone, so that every machine with the same checks shares alike. By a sum
that is no whole (a shard is missing, there twice, or of another version, interpreter, subject, profile or seed) no clause is OK.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from tidegate_specs.check import Profile, Verdict
from tidegate_specs.extras import UsageError

from .plan import GROUPS, Answer, Group, Planned, Request
from .report import ClauseReport, judge, some

# What the reports of the shards of one run have in common.
_COMMON: Final = ("version", "python", "subject", "profile", "seed", "of", "only", "options", "plan")


@dataclass(frozen=True, slots=True)
class Shard:
    """Name one part of a run: the index-th, from 1, of so many."""

    index: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "I/N". ValueError unless 1 <= I <= N."""
        index, slash, of = text.partition("/")
        if not (slash and index.isdecimal() and of.isdecimal() and 1 <= int(index) <= int(of)):
            raise ValueError(text)
        return cls(int(index), int(of))

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"

    def share(self, plan: Sequence[Planned], profile: Profile) -> list[Planned]:
        """Give this shard's checks in the order of the plan: each check, longest limit first, goes where least is to do yet."""
        if plan and self.of > len(plan):
            raise UsageError(f"--shard {self}: there are only {len(plan)} checks to share")
        loads_s = [0.0] * self.of
        ours: set[str] = set()
        for check in sorted(plan, key=lambda check: (-check.limit_in(profile), check.name)):
            least = loads_s.index(min(loads_s))
            loads_s[least] += check.limit_in(profile)
            if least == self.index - 1:
                ours.add(check.name)
        return [check for check in plan if check.name in ours]


@dataclass(frozen=True, slots=True)
class Merged:
    """Give what the shards found together, and why that is no whole."""

    clauses: tuple[ClauseReport, ...]
    answers: tuple[Answer, ...]
    faults: tuple[str, ...]
    request: Request
    options: tuple[str, ...]
    only: tuple[str, ...]
    python: str
    platform: str


def merge(files: Iterable[str]) -> Merged:
    """Add up the JSON reports of the shards of one run. UsageError where a file is no such report."""
    reports = {file: _read(file) for file in files}
    try:
        return _merge(reports)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"not reports of shards as this version writes them ({type(error).__name__}: {error})") from None


def _read(file: str) -> dict[str, Any]:
    try:
        report: Any = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    except ValueError:
        raise UsageError(f"{file} is not JSON") from None
    if not isinstance(report, dict) or "shard" not in report:
        raise UsageError(f"{file} is not the report of a run with --shard")
    return report  # pyright: ignore[reportUnknownVariableType] - whatever else it has is looked at one by one


def _merge(reports: Mapping[str, dict[str, Any]]) -> Merged:
    first = next(iter(reports.values()))
    shard = first["shard"]
    answers = [answer for report in reports.values() for answer in answers_of(report)]
    ids = dict.fromkeys(id_ for report in reports.values() for id_ in report["shard"]["clauses"])
    faults = (*_differences(reports), *_gaps(reports), *_lacking(shard["plan"], answers))
    return Merged(
        clauses=tuple(_doubt(clause, faults) for clause in judge(ids, answers)),
        answers=tuple(answers),
        faults=faults,
        request=Request(shard["subject"], shard["profile"], shard["seed"]),
        options=tuple(shard["options"]),
        only=tuple(shard["only"]),
        python=first["python"],
        platform=first["platform"],
    )


def _doubt(clause: ClauseReport, faults: Sequence[str]) -> ClauseReport:
    if not faults or clause.verdict is not Verdict.OK:
        return clause
    return replace(clause, verdict=Verdict.UNKNOWN, evidence=f"no whole ({faults[0]}); {clause.evidence}")


def _differences(reports: Mapping[str, dict[str, Any]]) -> list[str]:
    named = {file: {**report["shard"], "python": report["python"]} for file, report in reports.items()}
    first, *others = named
    return [
        f"{file} is of another {'set of checks' if key in {'plan', 'only', 'options'} else key} than {first}"
        for file in others
        for key in _COMMON
        if named[file][key] != named[first][key]
    ]


def _gaps(reports: Mapping[str, dict[str, Any]]) -> list[str]:
    shards = [Shard(report["shard"]["index"], report["shard"]["of"]) for report in reports.values()]
    wanted = [Shard(index, shards[0].of) for index in range(1, shards[0].of + 1)]
    missing = [f"shard {shard} is missing" for shard in wanted if shard not in shards]
    return missing + [f"shard {shard} is there {shards.count(shard)} times" for shard in wanted if shards.count(shard) > 1]


def _lacking(plan: Sequence[str], answers: Sequence[Answer]) -> list[str]:
    answered = {answer.check.name for answer in answers}
    lacking = [name for name in plan if name not in answered]
    return [f"no report has {some(lacking)}"] if lacking else [] if plan else ["no report has any check"]


def answers_of(report: Mapping[str, Any]) -> list[Answer]:
    """Give the answers in one report: a check is told under each clause that it bears on."""
    witnesses: dict[str, dict[str, str]] = {}
    described: dict[str, Mapping[str, Any]] = {}
    for clause in report["clauses"]:
        for check in clause["checks"]:
            described[check["name"]] = check
            witnesses.setdefault(check["name"], {})[clause["id"]] = check["witness"]
    return [_answer(check, witnesses[name]) for name, check in described.items()]


def _answer(check: Mapping[str, Any], witnesses: Mapping[str, str]) -> Answer:
    """Give a check's answer again. witnesses: by the clauses that it was told under."""
    name: str = check["name"]
    prefix = name.partition(".")[0]
    group = next((group for group in GROUPS if group.name == prefix), Group(prefix, ""))
    planned = Planned(name, group, check["tool"], tuple(witnesses), "", "", (0.0, 0.0))
    return Answer(
        planned,
        Verdict(check["verdict"]),
        check["evidence"],
        witness=next(filter(None, witnesses.values()), ""),
        blames=tuple(check["blames"]),
        seconds=float(check["seconds"]),
        witnesses=witnesses,
    )
