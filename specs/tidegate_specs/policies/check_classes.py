"""The state machine of an admission with classes: proved for every capacity, limit and threshold, refuted where it is broken."""

from pathlib import Path
from typing import Final

from ..check import Check, Result, Settings, Subject, Verdict
from ..prove.obligation import Finding, judge, load
from . import classes_machine
from .proof import Mutant, World, obligations
from .support import GROUP

FAMILY: Final = "classes"
STATES: Final = {"class_1": ("CLASS-1",), "class_2": ("CLASS-2",), "seats_kept": ("CLASS-2", "POLICY-3")}
STEPS: Final = {"policy_2": ("POLICY-2",), "limit_2": ("LIMIT-2",)}
EXPECTED: Final = 172  # obligations, asserted so that one that is left out is noticed
MUTANTS: Final = (
    Mutant("a class above its threshold", "classes.sit_low.class_2", "def can_sit_low(s: State) -> bool:\n    return s.low + s.high < s.most", "def can_sit_low(s: State) -> bool:\n    return s.low + s.high < s.limit"),  # noqa: E501
    Mutant("a threshold above the limit", "classes.set_limit.class_1", "1 <= most <= limit <= s", "1 <= most and limit <= s"),
    Mutant("a limit above the capacity", "classes.set_limit.class_1", "1 <= most <= limit <= s.capacity\n\n\ndef set", "1 <= most <= limit\n\n\ndef set"),  # noqa: E501
    Mutant("lowering revokes", "classes.set_limit.limit_2", "limit=limit, most=most)\n\n\n#", "limit=limit, most=most, low=0)\n\n\n#"),  # noqa: E501
    Mutant("a slot without asking the wall", "classes.ask.refines", "return replace(wall_claim(s), asking", "return replace(s, free=s.free - 1, asking"),  # noqa: E501
    Mutant("a full wall is entered", "classes.ask.refines", "return s.asking > 0 and wall_can_claim(s)", "return s.asking > 0"),
    Mutant("a refusal takes a slot", "classes.refuse_class.refines", "by_class=s.by_class + 1", "by_class=s.by_class + 1, free=s.free - 1"),  # noqa: E501
    Mutant("a refusal counts as FULL too", "classes.refuse_limit.policy_2", "by_limit=s.by_limit + 1", "by_limit=s.by_limit + 1, full=s.full + 1"),  # noqa: E501
    Mutant("a seat comes home twice", "classes.stand_low.seats_kept", "s.low > 0 and s.low + s.high > s.asking", "s.low >= 0"),
)  # fmt: skip


def world(source: str | None = None) -> World:
    """Hold the machine as the solver sees it, or a changed one."""
    policy = vars(classes_machine) if source is None else load(source, classes_machine)
    return World(policy, STATES, STEPS, FAMILY)


def refute(mutant: Mutant) -> Finding:
    """Judge the obligation that is to refute a mutant. ValueError unless its text occurs exactly once."""
    source = Path(classes_machine.__file__).read_text(encoding="utf-8")
    if source.count(mutant.old) != 1:
        raise ValueError(f"mutant {mutant.name!r}: its text occurs {source.count(mutant.old)} times, not once")
    changed = world(source.replace(mutant.old, mutant.new))
    (obligation,) = [each for each in obligations(changed) if each.name == mutant.refuted_by]
    return judge(obligation)


def _proved(_subject: Subject, _settings: Settings) -> Result:
    findings = [judge(each) for each in obligations(world())]
    good = sum(each.verdict is Verdict.OK for each in findings)
    evidence = f"{good} obligations proved"
    bad = [each for each in findings if each.verdict is not Verdict.OK]
    if bad:
        blames = tuple(dict.fromkeys(id_ for each in bad if each.verdict is Verdict.ILLEGAL for id_ in each.obligation.clauses))
        first = next((each for each in bad if each.verdict is Verdict.ILLEGAL), bad[0])
        return Result(first.verdict, evidence, f"{first.obligation.name}: {first.obligation.says}\n{first.account}", blames)
    if len(findings) != EXPECTED:
        return Result(Verdict.UNKNOWN, evidence, f"there are {len(findings)} obligations, not {EXPECTED}")
    return Result(Verdict.OK, evidence)


def _refuted(_subject: Subject, _settings: Settings) -> Result:
    survivors = [mutant.name for mutant in MUTANTS if refute(mutant).verdict is not Verdict.ILLEGAL]
    evidence = f"{len(MUTANTS) - len(survivors)} of {len(MUTANTS)} broken machines refuted"
    told = f"not refuted: {', '.join(survivors)}" if survivors else ""
    return Result(Verdict.ILLEGAL if survivors else Verdict.OK, evidence, told)


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "policies.classes_proof",
        GROUP,
        "z3",
        ("POLICY-1", "POLICY-2", "POLICY-3", "CLASS-1", "CLASS-2", "LIMIT-2"),
        "for every capacity, limit and threshold each step of an admission is a step of the wall's machine or none, and its laws "
        "are kept, however the limit moves",
        "What the code does: this is about the specification.",
        _proved,
    ),
    Check(
        "policies.classes_proof_mutants",
        GROUP,
        "z3",
        ("POLICY-1", "POLICY-2", "CLASS-1", "CLASS-2", "LIMIT-2"),
        "machines of an admission that are broken on purpose are refuted, each by the obligation named",
        "That every possible fault of the specification would be refuted.",
        _refuted,
        deep=True,
    ),
)
