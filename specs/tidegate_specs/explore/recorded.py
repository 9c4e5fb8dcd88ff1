"""The checks of the explorer, against the numbers of schedules that are recorded."""

import json
from functools import partial
from pathlib import Path
from typing import Any, Final

from ..builds import FREE_THREADED, LATE_FINALISERS
from ..check import Check, Result, Settings, Subject, Verdict
from .configurations import CONFIGURATIONS, Configuration
from .judging import run_plan
from .plans import Plan
from .program import Limits, Report
from .runs import Diverged, WaitsInEarnest
from .schedules import replay_command, this_version

MANIFEST: Final = Path(__file__).with_name("manifest.json")
# The scenarios that are races, by their numbers, and where such a fault would show.
RACES: Final[dict[int, tuple[str, ...]]] = {
    2: ("timeout-publish",),
    5: ("release-release-offer",),
    9: ("offers-2-take-1", "offers-3-take-1"),
    10: ("release-offer-offer", "put-back-take"),
    11: ("statistics-offer-take", "close-statistics"),
    16: ("claimed-not-published", "offers-2-take-1-wide"),
    22: ("close-take-take", "close-close-take"),
    23: ("close-offer-take", "close-offers-take", "close-offers-take-wide"),
    24: ("drain-offers", "drain-offer-take"),
    25: ("close-release-take", "close-take-finish"),
    27: ("wake-2", "timeout-close"),
    31: ("statistics-release-offer",),
    34: ("statistics-drop-offer",),
}


def entry_of(report: Report) -> dict[str, Any]:
    """Give what the manifest keeps of a report. The seconds are for the reader; they are not compared."""
    return {
        "schedules": report.schedules,
        "exhausted": report.exhausted,
        "outcomes": sorted(json.dumps(outcome) for outcome in report.outcomes),
        "seconds": round(report.seconds, 1),
    }


Manifest = dict[str, dict[str, dict[str, Any]]]


def load_manifest() -> dict[str, Manifest]:
    """Read what was found before: version of Python (opcodes differ), configuration, plan, entry."""
    found: dict[str, Manifest] = json.loads(MANIFEST.read_text("utf-8")) if MANIFEST.exists() else {}
    return found


def compare(configuration: Configuration, plan: Plan, report: Report) -> str:
    """Say how a report differs from the manifest's entry, or give "". A version of Python without entries is not compared."""
    manifest = load_manifest()
    if this_version() not in manifest:
        return ""
    known = manifest[this_version()].get(configuration.name, {}).get(plan.key)
    if known is None:
        return f"no entry {plan.key!r} in the manifest"
    found = entry_of(report)
    return "; ".join(
        f"{name}: {found[name]}, the manifest has {value}"
        for name, value in known.items()
        if name != "seconds" and found[name] != value
    )


# The checks.

QUICK_SCHEDULES: Final = 20_000
FULL_SCHEDULES: Final = 400_000


def check_configuration(configuration: Configuration, subject: Subject, settings: Settings) -> Result:
    """Explore a configuration by the plans of a profile."""
    quick = settings.profile == "quick"
    parts: list[str] = []
    unknown: list[str] = []
    shipped = getattr(subject, "__name__", "") == "tidegate"
    total = 0
    plans = [plan for plan in configuration.plans if not plan.long]
    for plan in [plan for plan in plans if plan.quick or not quick] or plans[:1]:
        try:
            report = run_plan(configuration, plan, subject, Limits(QUICK_SCHEDULES if quick else FULL_SCHEDULES))
        except WaitsInEarnest as error:
            return Result(Verdict.UNKNOWN, "; ".join(parts) or "nothing explored", str(error))
        except Diverged as error:
            if not (FREE_THREADED and configuration.drops):
                raise
            return Result(Verdict.UNKNOWN, f"not judged on this build: {'; '.join(parts)}", f"{LATE_FINALISERS}\n{error}")
        total += report.schedules
        if report.faults:
            fault = report.faults[0]
            witness = f"{fault.message}\n{fault.timeline}\nreplay: {replay_command(fault.schedule, subject)}"
            evidence = f"{total:,} schedules ({plan.key})"
            if FREE_THREADED and configuration.drops:  # what was dropped may be alive still, in another's hands
                return Result(Verdict.UNKNOWN, f"not judged on this build: {evidence}", f"{LATE_FINALISERS}\n{witness}")
            return Result(Verdict.ILLEGAL, evidence, witness)
        parts.append(f"{report.schedules:,} schedules, {len(report.outcomes)} outcomes ({plan.key})")
        if not report.exhausted:
            unknown.append(f"{plan.key}: {report.why_not}")
            continue
        different = compare(configuration, plan, report) if shipped else ""
        if different:
            unknown.append(f"{plan.key}: {different}; if that is meant: tidegate explore {configuration.name} --update")
    if not parts:
        return Result(Verdict.UNKNOWN, "nothing explored", "the configuration has no plan for the gate")
    return Result(Verdict.UNKNOWN if unknown else Verdict.OK, "; ".join(parts), "; ".join(unknown))


def _check_of(configuration: Configuration) -> Check:
    before = f" after {', '.join(configuration.setup)}" if configuration.setup else ""
    numbers = ", ".join(f"scenario {number}" for number, names in RACES.items() if configuration.name in names)
    return Check(
        name=f"explore.{configuration.name}",
        group="explore",
        tool="schedule explorer",
        clauses=configuration.clauses,
        shows=f"capacity {configuration.capacity}, {' | '.join(configuration.threads)}{before}: every schedule within the bounds"
        + (f" ({numbers})" if numbers else ""),
        shows_not="Other configurations, such as more than 2 slots or 4 threads, or intakes that were used for long. More "
        "preemptions than the bounds. The inside of calls into C. Builds without the GIL.",
        run=partial(check_configuration, configuration),
        limit_s=(60.0, 300.0),
        deep=not any(plan.quick for plan in configuration.plans),
    )


CHECKS: Final[tuple[Check, ...]] = tuple(map(_check_of, CONFIGURATIONS))
