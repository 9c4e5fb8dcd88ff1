"""From the answers of checks to a verdict for each clause, and the words and the JSON that tell it."""

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from tidegate_specs.check import Verdict
from tidegate_specs.conformance.adapter import Expected
from tidegate_specs.conformance.levels import Standing, own_cause, rank_of_cause
from tidegate_specs.reports import one_line

from .plan import Answer, Request

_NUMBER = re.compile(r"\d[\d,]*")
_COUNTS = re.compile(r"# [a-z ]+(, # [a-z ]+)*")  # "# contracts confirmed, # witnesses": such evidence can be added up


@dataclass(frozen=True, slots=True)
class ClauseReport:
    """Give the verdict on one clause, the answers it rests on, and the same in a few words.

    expected: why the clause is known to be broken, by what, and where that is written. beside: the worst verdict of the checks that
    the expectation says nothing of.
    """

    id: str
    verdict: Verdict
    answers: tuple[Answer, ...]
    evidence: str
    expected: Expected | None = None
    beside: Verdict = Verdict.OK

    @property
    def counts(self) -> Verdict:
        """Give what the clause adds to the whole: a failure that was expected is OK, one that did not come is ILLEGAL."""
        strict = {Verdict.ILLEGAL: self.beside, Verdict.OK: Verdict.ILLEGAL, Verdict.UNKNOWN: Verdict.UNKNOWN}
        return self.verdict if self.expected is None else strict[self.verdict]

    @property
    def label(self) -> str:
        """Give the verdict as a word of at most eight letters."""
        return "EXPECTED" if self.expected and self.verdict is Verdict.ILLEGAL and self.beside is Verdict.OK else self.counts.value

    def excuses(self, answer: Answer) -> bool:
        """Tell whether what this check found of the clause was expected."""
        return self.expected is not None and answer in _excused(self, self.expected)

    @property
    def seconds(self) -> float:
        """Add up the time of the checks. One that bears on several clauses counts in each."""
        return sum(answer.seconds for answer in self.answers)


@dataclass(frozen=True, slots=True)
class Level:
    """Give the verdict on one level of a vendored copy, its evidence in a line, and what there is to see. None: it was not run."""

    name: str
    verdict: Verdict | None
    evidence: str
    witness: str = ""

    def as_dict(self) -> dict[str, str]:
        """Give it as JSON can carry it."""
        verdict = "not run" if self.verdict is None else self.verdict.value
        return {"level": self.name, "verdict": verdict, "evidence": self.evidence, "witness": self.witness}

    def as_clause(self) -> ClauseReport:
        """Give it as a clause, for what shows clauses."""
        return ClauseReport(f"vendored {self.name}", self.verdict or Verdict.UNKNOWN, (), self.evidence)


def judge(ids: Iterable[str], answers: Sequence[Answer]) -> list[ClauseReport]:
    """Give the verdict on each of these clauses.

    ILLEGAL: a check that bears on it found it broken. UNKNOWN: not that, but a check on it has no answer, or found another clause
    broken and went no further, or there is no check at all. OK: every check that bears on it said so.
    """
    return [_judge_clause(id_, [answer for answer in answers if _bears_on(answer, id_)]) for id_ in ids]


def expect(reports: Iterable[ClauseReport], expected: Mapping[str, Expected]) -> list[ClauseReport]:
    """Mark the clauses that are expected to be broken, and say it in their evidence.

    An expectation holds for the checks that it names, or whose cause it names. What others find is not excused; and it says nothing
    where none of them was to run.
    """
    return [_expected(report, expected[report.id]) if report.id in expected else report for report in reports]


def _expected(report: ClauseReport, why: Expected) -> ClauseReport:
    excused = _excused(report, why)
    guilty = [answer for answer in report.answers if report.id in answer.accused]
    if report.answers and not excused:
        return report
    beside = [answer for answer in guilty if answer not in excused]
    if report.verdict is Verdict.OK:
        evidence = f"expected to be broken ({why.reason}; {why.link}), and is not: take the expectation away; {report.evidence}"
    elif beside and report.verdict is Verdict.ILLEGAL:
        names = some([answer.check.name for answer in beside])
        evidence = f"{report.evidence}; expected is only: {why.reason} ({why.link}), and not what {names} found"
    else:
        evidence = f"{report.evidence}; expected: {why.reason} ({why.link})"
    unknown = any(answer.verdict is Verdict.UNKNOWN and answer not in excused for answer in report.answers)
    worst = Verdict.ILLEGAL if beside else Verdict.UNKNOWN if unknown else Verdict.OK
    return replace(report, expected=why, beside=worst, evidence=evidence)


def _excused(report: ClauseReport, why: Expected) -> list[Answer]:
    """Give the answers of a clause of which an expectation speaks."""
    by = why.by or (own_cause(report.id),)
    return [answer for answer in report.answers if answer.check.name in by or answer.check.cause in by]


def is_excused(answer: Answer, clauses: Iterable[ClauseReport]) -> bool:
    """Tell whether all that a check found broken is expected to be."""
    excused = {clause.id for clause in clauses if clause.verdict is Verdict.ILLEGAL and clause.excuses(answer)}
    return answer.verdict is Verdict.ILLEGAL and set(answer.accused) <= excused


def at_level(report: ClauseReport, rank: int) -> ClauseReport | None:
    """Judge a clause again by the checks whose cause counts at this level; None where none does."""
    answers = [answer for answer in report.answers if rank_of_cause(answer.check.cause) <= rank]
    return _judge_clause(report.id, answers) if answers else None


def replay_command(answer: Answer, request: Request, more: Sequence[str] = ()) -> str:
    """Give the command that runs one check again."""
    asked = ["--clause", answer.check.clauses[0]] if answer.check.tool == "declaration" else ["--check", answer.check.name]
    words = ["tidegate", "verify", *asked, "--seed", str(request.seed), "--profile", request.profile]
    if request.subject != "tidegate":
        words += ["--intake" if request.is_intake else "--subject", request.subject]
    return shlex.join([*words, *more])


def as_json(
    verdict: Verdict,
    clauses: Sequence[ClauseReport],
    request: Request,
    python: str,
    platform: str,
    more: Sequence[str] = (),
    shard: Mapping[str, object] | None = None,
    intake: Mapping[str, object] | None = None,
    levels: Sequence[Level] = (),
    standing: Standing | None = None,
) -> str:
    """Write the whole report as JSON.

    shard: what `tidegate verify --merge` must know of one of several runs. intake: what somebody else's intake is, and which
    clauses are not applicable to it. levels: what was found of a vendored copy before. standing: the level that it holds.
    Of each check under a clause, `blames` names what it found broken, and `witness` shows this clause's fault, whole; it is empty
    where only others were found broken.
    """
    report = {
        "verdict": verdict.value,
        "python": python,
        "platform": platform,
        **({} if intake is None else {"intake": intake}),
        **({"vendored": [level.as_dict() for level in levels]} if levels else {}),
        **({} if standing is None else {"level": asdict(standing)}),
        "clauses": [
            {
                "id": clause.id,
                "verdict": clause.verdict.value,
                **({} if clause.expected is None else {"expected": asdict(clause.expected)}),
                "checks": [
                    {
                        "name": answer.check.name,
                        "tool": answer.check.tool,
                        "verdict": answer.verdict.value,
                        "evidence": answer.evidence,
                        "witness": answer.witness_of(clause.id),
                        "blames": list(answer.accused),
                        "seconds": answer.seconds,
                        "replay": replay_command(answer, request, more),
                    }
                    for answer in clause.answers
                ],
            }
            for clause in clauses
        ],
        **({} if shard is None else {"shard": shard}),
    }
    return json.dumps(report, indent=2) + "\n"


def seconds_text(seconds: float) -> str:
    """Write a time as a reader wants it: "0.04 s", "12.3 s", "123 s"."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"


def finding(answer: Answer, id_: str = "") -> str:
    """Give an answer's evidence as one line, or else the beginning of its witness: of one clause's, if that is named."""
    witness = answer.witness_of(id_) if id_ else answer.witness
    return one_line(answer.evidence or witness.strip().partition("\n")[0])


def account_of(answer: Answer, ids: Sequence[str]) -> str:
    """Give an answer's witness: of ILLEGAL each one that there is, after those of the clauses named that it shows to be broken."""
    if answer.verdict is not Verdict.ILLEGAL:
        return answer.witness
    told = [f"{', '.join(of)}: {witness}" for of, witness in answer.accounts(ids)]
    return "\n".join(told) or answer.witness


def count_text(count: int, noun: str) -> str:
    """Write a count with its noun: "1 clause", "24 clauses"."""
    return f"{count:,} {noun}" if count != 1 else f"1 {_singular(noun)}"


def _bears_on(answer: Answer, id_: str) -> bool:
    return id_ in answer.check.clauses or id_ in answer.accused


def _judge_clause(id_: str, answers: Sequence[Answer]) -> ClauseReport:
    guilty = [answer for answer in answers if id_ in answer.accused]
    others = [answer for answer in answers if answer.verdict is Verdict.ILLEGAL and answer not in guilty]
    stopped = [answer for answer in others if id_ not in answer.cleared]
    unknown = [answer for answer in answers if answer.verdict is Verdict.UNKNOWN]
    fine = [answer for answer in answers if answer.verdict is Verdict.OK or (answer in others and answer not in stopped)]
    clean = Verdict.OK if fine and not stopped and not unknown else Verdict.UNKNOWN
    verdict = Verdict.ILLEGAL if guilty else clean
    parts = [f"{some([answer.check.name for answer in guilty])} found it broken"] if guilty else []
    parts += [f"{answer.check.name} was stopped by the failure of {', '.join(answer.blames)}" for answer in stopped]
    parts += _fold_unknown(unknown)
    parts += _fold(fine, id_)
    return ClauseReport(id_, verdict, tuple(answers), "; ".join(parts) if parts else "no check bears on it")


def _fold_unknown(answers: Sequence[Answer]) -> list[str]:
    """Name the checks without an answer, those with the same reason together."""
    names: dict[str, list[str]] = {}
    for answer in answers:
        names.setdefault(one_line(answer.evidence), []).extend(() if answer.check.tool == "import" else (answer.check.name,))
    return [f"{some(found)} without an answer ({reason})" if found else reason for reason, found in names.items()]


def some(names: Sequence[str], most: int = 3) -> str:
    """Name the first few, and say how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _fold(answers: Sequence[Answer], id_: str) -> list[str]:
    """Tell what bears on this clause, up to its first semicolon; several checks of one group as one ("12 scenarios")."""
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(answer.check.group.name, []).append(answer)
    return [_fold_group(found, id_) for found in groups.values()]


def _fold_group(answers: Sequence[Answer], id_: str) -> str:
    if len(answers) == 1:
        told = answers[0].check.share.get(id_, answers[0].evidence)
        return one_line(told.partition("; ")[0]) or answers[0].check.name
    shapes = [_NUMBER.sub("#", answer.evidence) for answer in answers]
    if _COUNTS.fullmatch(shapes[0]) and len({_singular(shape) for shape in shapes}) == 1:
        rows = [[int(number.replace(",", "")) for number in _NUMBER.findall(answer.evidence)] for answer in answers]
        totals = iter([sum(column) for column in zip(*rows, strict=True)])
        return re.sub("#", lambda _: f"{next(totals):,}", max(shapes, key=len))
    group = answers[0].check.group
    return f"{len(answers)} {group.noun or group.name + ' checks'}"


def _singular(noun: str) -> str:
    """Take the plural s from the first word that has one."""
    return re.sub(r"s\b", "", noun, count=1)
