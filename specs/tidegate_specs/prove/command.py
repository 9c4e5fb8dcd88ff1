"""`tidegate prove`: the obligations as a table, and for one that is refuted the counterexample."""

import argparse
import importlib
import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import Final

from .. import prove as proof
from ..check import EXIT_CODES, Verdict, overall
from ..progress import OnStderr, awaited
from . import record
from . import solver as z3
from .mutants import MUTANTS
from .obligation import Finding

EPILOG: Final = """\
examples:
  tidegate prove                    every family of obligations, as a table
  tidegate prove net progress       these two families only
  tidegate prove --list             what each obligation says, without proving it
  tidegate prove --mutants          refute the broken specifications too

exit codes:
  0  proved
  1  refuted: a counterexample is printed; or a broken specification survived
  2  bad usage
  3  unknown: the solver did not decide, or it was interrupted: how far it came is told
"""

_STOP_TRY_S: Final = 0.02
_STOP_TRIES: Final = 75  # within a second and a half


def main(argv: Sequence[str] | None = None) -> int:
    """Prove, print a table, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="tidegate prove",
        description="Prove the specification for every capacity and any number of threads.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("family", nargs="*", help=f"one of {', '.join(proof.FAMILIES)} (default: all)")
    parser.add_argument("--list", action="store_true", help="tell what each obligation says")
    parser.add_argument("--mutants", action="store_true", help="also refute the specifications broken on purpose")
    parser.add_argument("--json", action="store_true", help="print findings as JSON")
    parser.add_argument("--update", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    for name in options.family:
        if name not in proof.FAMILIES:
            parser.error(f"no family {name!r}; there are {', '.join(proof.FAMILIES)}")
    importlib.import_module("z3")  # or say at once that it is missing
    if options.update:
        record.write(proof.obligations())
        return 0
    families: list[str] = options.family or list(proof.FAMILIES)
    if options.list:
        for each in proof.obligations(families):
            print(f"{each.name:44} [{' '.join(each.clauses)}] {each.says}")
        return 0
    tell = OnStderr()
    try:
        return EXIT_CODES[_interruptible(lambda: _run(families, options.mutants, options.json, tell))]
    except KeyboardInterrupt:
        tell.clear()
        print(f"tidegate prove: interrupted at {tell.text or 'the first obligation'}", file=sys.stderr)
        return EXIT_CODES[Verdict.UNKNOWN]


def _interruptible(work: Callable[[], Verdict]) -> Verdict:
    """Work in a thread of its own: the main thread hears Ctrl-C while the solver thinks, and stops it."""
    future = Future[Verdict]()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised in the main thread
            future.set_exception(error)

    try:
        threading.Thread(target=run, daemon=True).start()
        return awaited(future)
    except KeyboardInterrupt:
        for _ in range(_STOP_TRIES):
            if wait([future], _STOP_TRY_S).done:
                break
            z3.main_ctx().interrupt()  # which is not heard between two questions
        raise


def _run(families: Sequence[str], mutants: bool, as_json: bool, tell: OnStderr) -> Verdict:
    total, start_s = 0, time.perf_counter()
    verdicts: list[Verdict] = []
    rows: list[dict[str, object]] = []
    if not as_json:
        print(f"{'family':10} {'verdict':8} {'obligations':>11} {'paths':>6} {'seconds':>8}  clauses")
    for family in families:
        began_s = time.perf_counter()
        findings = proof.prove((family,), tell)
        result = proof.conclude(family, findings)
        seconds = time.perf_counter() - began_s
        total += len(findings)
        verdicts.append(result.verdict)
        tell.clear()
        ids = list(dict.fromkeys(clause for each in findings for clause in each.obligation.clauses))
        paths = sum(len(each.obligation.goals) for each in findings)
        bad = [each for each in findings if each.verdict is not Verdict.OK]
        rows += [_row(each) for each in findings]
        if not as_json:
            print(
                f"{family:10} {result.verdict.value:8} {len(findings):11,} {paths:6,} {seconds:8.1f}  {' '.join(ids)}", flush=True
            )
            for each in bad:
                print(f"\n{proof.account(each)}\n")
            if result.verdict is Verdict.UNKNOWN and not bad:
                print(f"  {result.witness}")
    if mutants:
        began_s = time.perf_counter()
        result = proof.run_mutants(tell)
        verdicts.append(result.verdict)
        tell.clear()
        rows.append({"name": "mutants", "verdict": result.verdict.value, "evidence": result.evidence, "account": result.witness})
        if not as_json:
            seconds = time.perf_counter() - began_s
            print(f"{'mutants':10} {result.verdict.value:8} {len(MUTANTS):11,} {'':6} {seconds:8.1f}  {result.evidence}")
            print(f"  {result.witness}\n" if result.witness else "", end="")
    if as_json:
        print(json.dumps(rows, indent=1))
        return overall(verdicts)
    seconds = time.perf_counter() - start_s
    verdict = overall(verdicts)
    print(f"{verdict.value}: {total:,} obligations in {seconds:.1f} s, for every capacity, at the level of the specification")
    print("not proved here:", *(f"  {clause:13} {reason}" for clause, reason in proof.NOT_PROVED.items()), sep="\n")
    return verdict


def _row(finding: Finding) -> dict[str, object]:
    each = finding.obligation
    return {
        "name": each.name,
        "clauses": each.clauses,
        "says": each.says,
        "hypotheses": each.hypotheses,
        "paths": len(each.goals),
        "verdict": finding.verdict.value,
        "seconds": round(finding.seconds, 4),
        "account": finding.account,
    }
