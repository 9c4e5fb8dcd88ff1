"""Hold the rows to their bound. What is a matter of time is only ILLEGAL if it was seen in each of three runs."""

from collections.abc import Callable, Sequence
from typing import Final

from tidegate_specs.check import Verdict

from .case import BOUND, FRESH, Case, Finding, Report, Result

RUNS: Final = 3
MOST_OVERHEAD: Final = 1.2  # of a service over what was asked for
MOST_LATE: Final = 0.02  # of the offers

Run = Callable[[Case, str], Result]


def is_noisy(result: Result) -> bool:
    """Tell whether the machine was too busy with others to say anything against the queue."""
    return result.overhead > MOST_OVERHEAD or result.late > MOST_LATE


def judge(case: Case, run: Run, subject: str = FRESH) -> tuple[Finding, list[Result]]:
    """Run a case until it reaches the bound, three times at most, and give the verdict."""
    results: list[Result] = []
    while len(results) < RUNS:
        results.append(run(case, subject))
        if results[-1].share >= BOUND:
            break
    return verdict_on(case, results), results


def measure(case: Case, run: Run, subject: str) -> list[Result]:
    """Run a peer until the machine was quiet meanwhile, three times at most: what others took is not to be held against it."""
    results = [run(case, subject)]
    while is_noisy(results[-1]) and len(results) < RUNS:
        results.append(run(case, subject))
    return results


def verdict_on(case: Case, results: Sequence[Result]) -> Finding:
    """Judge the runs of a row."""
    best = max((result.share for result in results), default=0.0)
    if best >= BOUND:
        return Finding(case, Verdict.OK, best, len(results))
    quiet = [result for result in results if not is_noisy(result)]
    if len(quiet) < RUNS:
        noisy = len(results) - len(quiet)
        return Finding(case, Verdict.UNKNOWN, best, len(results), f"{noisy} of {len(results)} runs were on a noisy machine")
    return Finding(
        case, Verdict.ILLEGAL, best, len(results), f"{best:.1%} of what could be finished in time was, and not {BOUND:.0%}"
    )


def verdict_of(report: Report) -> Verdict:
    """Give the verdict on the whole."""
    verdicts = {finding.verdict for finding in report.findings}
    for verdict in (Verdict.ILLEGAL, Verdict.UNKNOWN):
        if verdict in verdicts:
            return verdict
    return Verdict.OK if verdicts else Verdict.UNKNOWN
