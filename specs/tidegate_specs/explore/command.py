"""`tidegate explore`: one configuration by hand, or the table of all of them."""

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from ..check import EXIT_CODES, Subject, Verdict, overall
from ..options import at_least, seconds
from ..progress import OnStderr
from .cluster import LOCAL, Unusable, connected
from .configurations import BY_NAME, CONFIGURATIONS, Configuration
from .cost import cost_of
from .division import INTERRUPTED, explore_divided
from .explorer import Explorer
from .judging import program_of, run_plan
from .own.command import main as own_program
from .own.command import names_a_program
from .plans import Plan
from .program import Limits, Report
from .recorded import MANIFEST, compare, entry_of, load_manifest
from .replay import subject_of
from .runs import WaitsInEarnest
from .schedules import replay_command, this_version

EPILOG = """\
examples:
  tidegate explore race.py:transfer                       a program of your own; `tidegate explore race.py --help` has its options
  tidegate explore                                        everything, in the order of the table; an hour
  tidegate explore --profile quick                        what `tidegate verify` explores, in a quarter of a minute
  tidegate explore offers-2-take-1 --grain opcode --bound 2   one configuration, threads switched at every opcode
  tidegate explore wake-2 --reduce                        one schedule of each class of equivalent ones
  tidegate explore drain-offers --subject mutant:closed_during_offer   on a kernel that is broken on purpose
  tidegate explore close-offer-take --cost                what a schedule and a switch cost, and where the time goes
  tidegate explore timeout-close --reduce --scheduler     on every processor of this machine
  tidegate explore --scheduler tcp://10.0.0.7:8786        on a cluster of dask.distributed that is there

With --scheduler, parts of the tree of schedules are run by the workers of a cluster; counts, verdict and the first fault are those
of a single process. A part whose worker dies is run again by another one; one that cannot be had ends the search, as a limit does.
The workers need the same version of Python, of tidegate and of the subject. `dask scheduler` and `dask worker` start a cluster.

exit codes:
  0  all explored, and well
  1  a fault was found; its history, and the command that shows its schedule, are printed
  2  bad usage, or a cluster that can't be used: not reached, without workers, with another version
  3  a limit was hit, a part was lost, it was interrupted, or the counts are not those of the manifest
"""
Explore = Callable[[Configuration, Plan], Report]


class _Progress:
    """Tell now and then how far an exploration is: schedules, their rate, and what is known to be left."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.tell = OnStderr()

    def __call__(self, report: Report) -> None:
        rate = report.schedules / max(time.perf_counter() - self.start, 1e-9)
        last = report.bound is not None and len(report.by_preemptions) == report.bound
        left = (
            f", about {report.waiting / rate:.0f} s left"
            if last
            else f", more than {report.waiting:,} left"
            if report.waiting
            else ""
        )
        self.tell(f"{report.program}: {report.schedules:,} schedules, {rate:,.0f} a second{left}")


def _row(name: str, key: str, report: Report, note: str) -> str:
    rate = report.schedules / max(report.seconds, 1e-9)
    end = "exhausted" if report.exhausted else report.why_not
    counts = f"{report.verdict.value:8} {report.schedules:9,} {len(report.outcomes):8} {report.seconds:7.1f} {rate:8,.0f}"
    return f"{name:26} {key:28} {counts}  {end}{note}"


HEAD = f"{'configuration':26} {'how':28} {'verdict':8} {'schedules':>9} {'outcomes':>8} {'seconds':>7} {'a second':>8}"


def _tell(name: str, key: str, report: Report, note: str, subject: Subject) -> None:
    print(_row(name, key, report, note), flush=True)
    for fault in report.faults:
        print(f"\n{fault.message}\n{fault.timeline}\nreplay: {replay_command(fault.schedule, subject)}\n")
    if report.why_not == INTERRUPTED:
        raise KeyboardInterrupt


@contextmanager
def _explorer(scheduler: str | None, name: str, subject: Subject, limits: Limits) -> Generator[Explore]:
    """Give what explores a configuration by a plan: this process, or the workers of a cluster."""
    if scheduler is None:

        def here(configuration: Configuration, plan: Plan) -> Report:
            progress = _Progress()
            report = run_plan(configuration, plan, subject, limits, progress)
            progress.tell.clear()
            return report

        yield here
        return
    with connected(scheduler) as cluster:
        cluster.admit(name)

        def there(configuration: Configuration, plan: Plan) -> Report:
            tell = OnStderr()
            report = explore_divided(configuration, plan, name, cluster, limits, tell)
            tell.clear()
            return report

        yield there


def table(configurations: Sequence[Configuration], subject: Subject, explore: Explore, profile: str, update: bool) -> Verdict:
    """Run the configurations by their plans, print a table, and compare it with the manifest or renew that."""
    fresh: list[tuple[str, str, Report]] = []
    verdicts: list[Verdict] = []
    print(HEAD)
    for configuration in configurations:
        for plan in configuration.plans:
            if (profile == "quick" and not plan.quick) or (profile == "full" and plan.long):
                continue
            report = explore(configuration, plan)
            if update and report.verdict is Verdict.OK:
                fresh.append((configuration.name, plan.key, report))
            different = "" if update else compare(configuration, plan, report)
            _tell(configuration.name, plan.key, report, f"; {different}" if different else "", subject)
            verdict = Verdict.UNKNOWN if different and report.verdict is Verdict.OK else report.verdict
            verdicts.append(verdict)
    if update:
        _renew(fresh)
    return overall(verdicts)


def _renew(fresh: Sequence[tuple[str, str, Report]]) -> None:
    """Put reports into the manifest, as it is now: another interpreter may have renewed its own entries in the meantime."""
    manifest = load_manifest()
    mine = manifest.setdefault(this_version(), {})
    for name, key, report in fresh:
        mine.setdefault(name, {})[key] = entry_of(report)
    MANIFEST.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", "utf-8")


def known(configurations: Sequence[Configuration]) -> str:
    """Print what the manifest has: schedules on each version of Python, each figure exhausted within its bound."""
    manifest = load_manifest()
    lines = [f"{'configuration':26} {'how':28} {'outcomes':>8}" + "".join(f"{version:>11}" for version in sorted(manifest))]
    for configuration in configurations:
        for plan in configuration.plans:
            entries = [manifest[version].get(configuration.name, {}).get(plan.key) for version in sorted(manifest)]
            outcomes = {len(entry["outcomes"]) for entry in entries if entry}
            counts = "".join(f"{entry['schedules']:11,}" if entry else f"{'-':>11}" for entry in entries)
            lines.append(f"{configuration.name:26} {plan.key:28} {'/'.join(map(str, sorted(outcomes))):>8}{counts}")
    sums = (sum(entry["schedules"] for plans in manifest[v].values() for entry in plans.values()) for v in sorted(manifest))
    lines.append(f"{'all':26} {'':28} {'':8}" + "".join(f"{total:11,}" for total in sums))
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate explore",
        description="Run an implementation under every schedule of a configuration, or a program of your own (FILE.py:FUNCTION).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "configuration", nargs="*", help="names of configurations (default: all, each with its own grain and bound)"
    )
    parser.add_argument("--list", action="store_true", help="name the configurations and what their threads do")
    parser.add_argument(
        "--known", action="store_true", help="print how many schedules were found before (the manifest), and run nothing"
    )
    parser.add_argument("--grain", choices=("access", "opcode"), help="switch threads at every shared access, or at every opcode")
    parser.add_argument(
        "--bound",
        type=at_least(0),
        metavar="N",
        help="how often at most a thread is made to stop for another (default: any number)",
    )
    parser.add_argument("--reduce", action="store_true", help="of schedules that come to the same, only one")
    parser.add_argument(
        "--sample", type=at_least(1), metavar="N", help="N schedules drawn by chance (random priorities), instead of all"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="N", help="seed of the sample (default: 0)")
    parser.add_argument("--cost", action="store_true", help="tell how long a schedule and a switch take, and where the time goes")
    parser.add_argument("--limit", type=at_least(1), metavar="N", help="stop after so many schedules")
    parser.add_argument("--seconds", type=seconds, metavar="S", help="stop after so many seconds")
    parser.add_argument(
        "--profile",
        choices=("quick", "full", "long"),
        default="long",
        help="explore what this profile of the gate explores (default: all)",
    )
    parser.add_argument("--update", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument(
        "--scheduler",
        nargs="?",
        const=LOCAL,
        metavar="ADDRESS",
        help=f"explore on the cluster whose scheduler is there (without ADDRESS: {LOCAL}, a worker for each processor)",
    )
    parser.add_argument("--subject", default="tidegate", help="the implementation: a module, its folder, or mutant:NAME")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run `tidegate explore`. Exit 0 all explored and well, 1 a fault, 2 bad usage, 3 a limit was hit."""
    argv = sys.argv[1:] if argv is None else argv
    if names_a_program(argv):
        return own_program(argv)
    parser = _parser()
    options = parser.parse_args(argv)
    if options.scheduler is not None:
        if not re.fullmatch(rf"{LOCAL}|(\w+://)?\S+:\d+", options.scheduler):
            parser.error(f"--scheduler: {options.scheduler!r} is neither {LOCAL} nor an address such as tcp://host:8786")
        if options.cost or options.sample is not None:
            parser.error("--scheduler divides an exploration; --cost and --sample are for a single process")
    if options.reduce and (options.grain == "opcode" or options.bound is not None):
        parser.error("--reduce is for accesses, without a bound")
    unknown = [name for name in options.configuration if name not in BY_NAME]
    if unknown:
        parser.error(f"no configuration {unknown[0]!r}; --list names them")
    chosen = [BY_NAME[name] for name in options.configuration] or list(CONFIGURATIONS)
    if options.list:
        for each in chosen:
            before = f"  first {', '.join(each.setup)};" if each.setup else ""
            print(f"{each.name:26} capacity {each.capacity}:{before} {' | '.join(each.threads)}")
        return 0
    if options.known:
        print(known(chosen))
        return 0
    subject = subject_of(parser, options.subject)
    try:
        return _run(options, chosen, subject)
    except WaitsInEarnest as error:
        print(f"tidegate explore: UNKNOWN: {error}", file=sys.stderr)
        return EXIT_CODES[Verdict.UNKNOWN]


def _run(options: argparse.Namespace, chosen: Sequence[Configuration], subject: Subject) -> int:
    limits = Limits(options.limit, options.seconds)
    if options.cost:
        for each in chosen:
            print(f"{each.name}\n{cost_of(program_of(each, subject)).table()}\n", flush=True)
        return 0
    if options.sample is not None:
        return _sample(chosen, subject, limits, options.sample, options.bound or 3, options.seed)
    plan = None
    if options.grain or options.reduce or options.bound is not None:
        plan = Plan(options.grain or "access", options.bound, options.reduce)
        chosen = [Configuration(c.name, c.capacity, c.setup, c.threads, c.clauses, (plan,)) for c in chosen]
    try:
        with _explorer(options.scheduler, options.subject, subject, limits) as explore:
            if plan is not None and not options.update:
                return EXIT_CODES[_plain(chosen, plan, subject, explore)]
            return EXIT_CODES[table(chosen, subject, explore, options.profile, options.update)]
    except Unusable as error:
        print(f"tidegate explore: {error}", file=sys.stderr)
        return 2


def _plain(chosen: Sequence[Configuration], plan: Plan, subject: Subject, explore: Explore) -> Verdict:
    verdicts: list[Verdict] = []
    print(HEAD)
    for configuration in chosen:
        report = explore(configuration, plan)
        _tell(configuration.name, plan.key, report, "", subject)
        verdicts.append(report.verdict)
    return overall(verdicts)


def _sample(chosen: Sequence[Configuration], subject: Subject, limits: Limits, schedules: int, depth: int, seed: int) -> int:
    verdicts: list[Verdict] = []
    print(HEAD)
    for configuration in chosen:
        with Explorer(program_of(configuration, subject)) as explorer:
            report = explorer.sample(schedules, depth, seed, limits)
        _tell(configuration.name, f"sample, depth {depth}", report, "", subject)
        verdicts.append(report.verdict)
    return EXIT_CODES[overall(verdicts)]
