"""`tidegate mutants --operators`: judge every small change of the core's source, and go on where that was stopped."""

import argparse
import importlib.metadata
import importlib.util
import platform
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ..mutation.patching import kernel_dir
from . import record as records
from .generate import Mutant, core_sources, digest, generate
from .judge import Judges, NotPassed, Sentence, Unit
from .record import FOLDER, LIVES, OPEN, Header, Record, equivalents, faults, figures, relabelled, sentenced, summary, unjudged

EPILOG: Final = """\
examples:
  tidegate mutants --operators                          judge what is not judged yet; Ctrl-C stops, the next call goes on
  tidegate mutants --operators --afresh                 all of them again: about an hour
  tidegate mutants --operators --only "Slots.ring Add"  judge those with this in their name again, and show what kills them

exit codes:
  0  every mutant is killed, or listed as equivalent with its reason
  1  one survives, or the list of equivalents is wrong
  2  bad usage, no clone of the project, or no cosmic-ray
  3  not all are judged yet, or the kernel itself does not pass a check
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Judge mutants; return the exit code that the help tells."""
    parser = argparse.ArgumentParser(
        prog=records.COMMAND,
        description="Judge every small change that mutation operators make in the kernel's core.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--afresh", action="store_true", help="forget what was judged before")
    parser.add_argument("--only", metavar="TEXT", help="judge only the mutants with TEXT in their name, again")
    arguments = parser.parse_args(argv)
    if not FOLDER.is_dir():
        parser.error("this works in a clone of the project only, whose tests it needs")
    if importlib.util.find_spec("cosmic_ray") is None:
        parser.error("cosmic-ray is not installed: pip install 'tidegate[dev]'")
    sources = core_sources(kernel_dir())
    mutants = generate(sources)
    reasons = equivalents()
    record = _record_for(sources, mutants, reasons, arguments.afresh)
    if arguments.only is None:
        chosen = [mutant for mutant in mutants if record.judged[mutant.key].verdict in (LIVES, OPEN)]
    else:
        chosen = [mutant for mutant in mutants if arguments.only in mutant.key]
        if not chosen:
            parser.error(f"no mutant has {arguments.only!r} in its name")
    try:
        _judge(sources, chosen, record, reasons)
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        print(figures(record))
        return 3
    except NotPassed as error:
        print(error, file=sys.stderr)
        return 3
    finally:
        record.write()
        (FOLDER / records.SUMMARY).write_text(summary(record, reasons), "utf-8")
    found = faults(record, reasons)
    print("\n".join([*found, figures(record)]))
    return 3 if found and all(fault.startswith(OPEN) for fault in found) else int(bool(found))


def _record_for(sources: dict[str, str], mutants: Sequence[Mutant], reasons: dict[str, str], afresh: bool) -> Record:
    """Give what is known of these mutants of this kernel. A reason added or taken away since counts."""
    header = Header(digest(sources), platform.python_version(), importlib.metadata.version("cosmic-ray"), 0)
    former = Record.read()
    if former is None or afresh or former.header.kernel != header.kernel:
        former = Record(header, {})
    judged = {mutant.key: relabelled(former.judged.get(mutant.key, unjudged(mutant)), reasons) for mutant in mutants}
    return Record(replace(header, checks=former.header.checks), judged)


def _judge(sources: dict[str, str], chosen: Sequence[Mutant], record: Record, reasons: dict[str, str]) -> None:
    asked = [mutant for mutant in chosen if not mutant.typed]
    with Judges() as judges:
        units = judges.measured(sources, _tell) if asked else []
        record.header = replace(record.header, checks=len(units) or record.header.checks)
        for number, mutant in enumerate(asked, 1):
            sentence = _sentence(judges, sources, mutant, _likely_first(units, record, mutant))
            record.judged[mutant.key] = sentenced(record.judged[mutant.key], sentence, reasons)
            record.write()
            _tell(f"[{number}/{len(asked)}] {record.judged[mutant.key].verdict} {sentence.by}  {mutant.key}")


def _sentence(judges: Judges, sources: dict[str, str], mutant: Mutant, units: Sequence[Unit]) -> Sentence:
    return judges.judge({**sources, mutant.file: mutant.source}, units, FOLDER.parent / "kernel")


def _likely_first(units: Sequence[Unit], record: Record, mutant: Mutant) -> list[Unit]:
    """Put first what killed other mutants of the same function, those that killed most before."""
    killed = Counter(each.by for each in record.judged.values() if (each.file, each.function) == (mutant.file, mutant.function))
    return sorted(units, key=lambda unit: -killed[unit.check])


def _tell(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
