"""How an audit turns its findings into a result."""

from collections.abc import Sequence

from ..bytecode import OfferReport
from ..check import Result, Verdict


def conclude(findings: Sequence[object], evidence: str, blames: tuple[str, ...] = ()) -> Result:
    """Give ILLEGAL if there is any finding, naming the first ones."""
    if not findings:
        return Result(Verdict.OK, evidence)
    more = f"; and {len(findings) - 3} more" if len(findings) > 3 else ""
    return Result(Verdict.ILLEGAL, evidence, "; ".join(str(finding) for finding in findings[:3]) + more, blames)


def to_the_end(result: Result, report: OfferReport) -> Result:
    """Turn OK into UNKNOWN if the audit stopped at an instruction that it does not follow."""
    if result.verdict is not Verdict.OK or not report.unfollowed:
        return result
    stopped = f"the audit of offer stopped at instructions that it does not follow: {', '.join(report.unfollowed)}"
    return Result(Verdict.UNKNOWN, result.evidence, stopped)
