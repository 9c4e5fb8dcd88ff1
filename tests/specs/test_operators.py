"""The mutants that operators make: each has a verdict about the present kernel, and the verdicts are true of a sample."""

import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

import tidegate
from tidegate_specs.check import Check, Result, Settings, Subject, Verdict
from tidegate_specs.mutation import main as mutants_command
from tidegate_specs.mutation.patching import kernel_dir
from tidegate_specs.operators import command, judge
from tidegate_specs.operators import record as records
from tidegate_specs.operators.generate import DELETION, Mutant, core_sources, digest, generate
from tidegate_specs.operators.judge import FINDS_HANGS, HUNG, IMPORT, Judges, Sentence, Unit
from tidegate_specs.operators.record import KILLED, LIVES, OPEN, SAME, Header, Judged, Record

RENEW = f"run `{records.COMMAND}`"
SOURCES = core_sources(kernel_dir())
REASONS = records.equivalents()
HAS_COSMIC_RAY = importlib.util.find_spec("cosmic_ray") is not None
needs_cosmic_ray = pytest.mark.skipif(not HAS_COSMIC_RAY, reason="cosmic-ray is not installed")


def kept() -> Record:
    found = Record.read()
    assert found is not None
    return found


RECORD = kept()


def test_the_record_is_about_this_kernel() -> None:
    assert RECORD.header.kernel == digest(SOURCES), RENEW


def test_every_mutant_is_killed_or_equivalent_with_a_reason() -> None:
    assert [fault for fault in records.faults(RECORD, REASONS) if not fault.startswith(OPEN)] == [], RENEW
    for each in RECORD.judged.values():
        assert bool(each.by) == (each.verdict == KILLED)
        assert (each.verdict == SAME) <= (each.key in REASONS or each.how == records.TYPED)
    assert {each.file for each in RECORD.judged.values()} == set(SOURCES)


def test_the_summary_is_that_of_the_record() -> None:
    assert (records.FOLDER / records.SUMMARY).read_text("utf-8") == records.summary(RECORD, REASONS), RENEW


@needs_cosmic_ray
@pytest.mark.parametrize("file", ["__init__.py", "_atomic.py", "_types.py"])
def test_the_operators_make_what_the_record_has(file: str) -> None:
    assert RECORD.header.cosmic_ray == importlib.metadata.version("cosmic-ray"), f"{RENEW} --afresh"
    made = [mutant.key for mutant in generate({file: SOURCES[file]})]
    assert made == [key for key, each in RECORD.judged.items() if each.file == file]


def test_every_deletion_is_in_the_record() -> None:
    made = {mutant.key for mutant in deletions()}
    assert made == {key for key, each in RECORD.judged.items() if each.operator == DELETION}


@cache
def deletions() -> list[Mutant]:
    """Make the mutants of the operator that is our own, which needs no cosmic-ray."""
    return generate(SOURCES, replacements=False)


@pytest.fixture(scope="module")
def judges() -> Iterator[Judges]:
    with Judges() as made:
        yield made


def planted(old: str, new: str) -> dict[str, str]:
    """Give the core with one text of `_intake.py` replaced."""
    assert SOURCES["_intake.py"].count(old) == 1
    return {**SOURCES, "_intake.py": SOURCES["_intake.py"].replace(old, new)}


HOSTILE = Unit("audit", "audit.hostile", 30.0, 0.02)
OFFER = "        free = slots.free\n        if free and"


@pytest.mark.parametrize(
    ("new", "by", "how"),
    [
        (OFFER, "", ""),
        (OFFER.replace("free =", "str(item); free =", 1), "audit.hostile", "somebody called __str__ of an item"),
        (OFFER.replace("free =", "os._exit(3); free =", 1), "audit.hostile", "the process ended: 3"),
    ],
)
def test_a_check_judges_a_mutant(judges: Judges, new: str, by: str, how: str) -> None:
    sentence = judges.judge(planted(OFFER, new), [HOSTILE])
    assert (sentence.by, sentence.unknown) == (by, ())
    assert how in sentence.how
    assert bool(sentence.clauses) == bool(by)


def test_a_mutant_that_hangs_is_killed_but_not_by_a_check_that_names_hangs_itself(judges: Judges) -> None:
    hanging = planted(
        OFFER, OFFER.replace("free =", "threading.Event().wait(); free =", 1).replace("        ", "        import threading; ", 1)
    )
    assert judges.ask(hanging, HOSTILE, 0.5) == Sentence("audit.hostile", ("HOSTILE-1",), HUNG)
    assert "sweeps" in FINDS_HANGS
    assert judges.ask(hanging, Unit("sweeps", "sweeps.fork", 30.0), 0.1) == Sentence(unknown=("sweeps.fork",))


def test_a_mutant_that_cannot_be_imported_is_killed_by_that(judges: Judges) -> None:
    sentence = judges.judge(planted("    def offer(self", "    def offer(self: int + None"), [HOSTILE])
    assert (sentence.by, sentence.clauses) == (IMPORT, ())
    assert sentence.how.startswith("TypeError")


def test_a_check_that_raises_or_does_not_know_kills_nothing() -> None:
    def raising(subject: Subject, settings: Settings) -> Result:
        raise ValueError("it did not expect that")

    def unsure(subject: Subject, settings: Settings) -> Result:
        return Result(Verdict.UNKNOWN, "a busy machine")

    for run in (raising, unsure):
        check = Check("audit.x", "audit", "a tool", ("BOUND-1",), "nothing", "all", run, (1.0, 1.0))
        assert judge._run(check, tidegate) == Sentence(unknown=("audit.x",))


def test_a_check_that_the_kernel_itself_fails_now_kills_nothing(judges: Judges, monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter([Sentence("audit.x", (), HUNG), Sentence("audit.x", (), HUNG), Sentence("audit.x", (), HUNG)])

    def ask(_sources: Mapping[str, str], _unit: Unit, _limit_s: float) -> Sentence:
        return next(said)

    monkeypatch.setattr(judges, "ask", ask)
    unit = Unit("audit", "audit.x", 0.0)
    monkeypatch.setattr(judge, "HANG_FLOOR_S", 0.0)
    assert judges.judge(SOURCES, [unit]) == Sentence(unknown=("audit.x",))
    said = iter([Sentence("audit.x", (), HUNG), Sentence(), Sentence("audit.x", (), HUNG)])
    assert judges.judge(SOURCES, [unit]).by == "audit.x"


def sample() -> list[str]:
    """Name one killed mutant of each of a few checks, all of them deletions."""
    found: dict[str, str] = {}
    for key, each in RECORD.judged.items():
        if each.operator == DELETION and each.by.partition(".")[0] in {"audit", "scenarios", "explore"} and each.how != HUNG:
            found.setdefault(each.by, key)
    return [found[by] for by in sorted(found)[:5]]


@pytest.mark.parametrize("key", sample())
def test_what_the_record_says_is_killed_is(judges: Judges, key: str) -> None:
    (mutant,) = [mutant for mutant in deletions() if mutant.key == key]
    by = RECORD.judged[key].by
    assert judges.judge({**SOURCES, mutant.file: mutant.source}, [Unit(by.partition(".")[0], by, 60.0, 5.0)]).by == by


def test_what_the_record_says_is_equivalent_lives(judges: Judges) -> None:
    key = next(key for key in REASONS if key in RECORD.judged and RECORD.judged[key].operator == DELETION)
    (mutant,) = [mutant for mutant in deletions() if mutant.key == key]
    cheap = [unit for unit in judges.units() if unit.group == "audit" or unit.check in {"scenarios.01", "walk.states"}]
    assert judges.judge({**SOURCES, mutant.file: mutant.source}, [replace(unit, seconds=5.0) for unit in cheap]) == Sentence()


# What is made.

SMALL = '''\
"""A docstring is no statement to delete."""
from typing import final
LIMIT = 2
@final
class Box:
    def put(self, size: int) -> int | None:
        kept: list[int | None] = [size]
        self.last: list[int | None] = kept
        if size < LIMIT:
            raise ValueError("too small")
        return size
'''


def test_deletions_leave_docstrings_imports_and_blocks() -> None:
    made = generate({"small.py": SMALL}, replacements=False)
    assert [mutant.key.partition(f" {DELETION}: ")[::2] for mutant in made] == [
        ("small.py (module)", "LIMIT = 2 -> pass"),
        ("small.py Box.put", "kept: list[int | None] = [size] -> pass"),
        ("small.py Box.put", "self.last: list[int | None] = kept -> pass"),
        ("small.py Box.put", "return size -> pass"),
        ("small.py Box.put", 'raise ValueError("too small") -> pass'),
    ]


@needs_cosmic_ray
def test_only_type_checkers_read_annotations_inside_a_function_but_python_those_of_parameters() -> None:
    made = generate({"small.py": SMALL})
    unseen = [mutant for mutant in made if mutant.typed]
    assert {mutant.old for mutant in unseen} == {"@final", "kept: list[int | None] = [size]", "self.last: list[int | None] = kept"}
    assert all("|" not in mutant.new for mutant in unseen)
    assert "def put(self, size: int) -> int | None:" in {mutant.old for mutant in made if not mutant.typed}


@needs_cosmic_ray
def test_a_mutant_is_made_once_and_is_python() -> None:
    made = generate({"small.py": SMALL})
    assert len({mutant.key for mutant in made}) == len(made)
    assert len({mutant.source for mutant in made}) == len(made)
    for mutant in made:
        compile(mutant.source, "small.py", "exec")
    assert [(mutant.old, mutant.new) for mutant in made if mutant.operator == "NumberReplacer"] == [
        ("LIMIT = 2", "LIMIT = 3"),
        ("LIMIT = 2", "LIMIT = 1"),
    ]


# What is told.


@pytest.mark.parametrize(("verdict", "code"), [(KILLED, 0), (LIVES, 1), (OPEN, 3)])
def test_the_command_tells_by_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], verdict: str, code: int
) -> None:
    mutant = Mutant("a.py", "g", DELETION, "y = 1", "pass", "", typed=False)

    def make(_sources: Mapping[str, str]) -> list[Mutant]:
        return [mutant]

    def known(*_asked: object) -> Record:
        return Record(
            HEADER, {mutant.key: replace(records.unjudged(mutant), verdict=verdict, by="audit.quiet" * (verdict == KILLED))}
        )

    def nothing(*_asked: object) -> None:
        return None

    def no_reasons() -> dict[str, str]:
        return {}

    monkeypatch.setattr(command, "generate", make)
    monkeypatch.setattr(command, "equivalents", no_reasons)
    monkeypatch.setattr(command, "_record_for", known)
    monkeypatch.setattr(command, "_judge", nothing)
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    monkeypatch.setattr(Record, "write", nothing)
    here = ModuleType("cosmic_ray")
    here.__spec__ = ModuleSpec("cosmic_ray", None)
    monkeypatch.setitem(sys.modules, "cosmic_ray", here)
    assert mutants_command(["--operators"]) == code
    assert "1 mutants: " in capsys.readouterr().out
    assert (tmp_path / records.SUMMARY).is_file()


HEADER = Header("0" * 64, "3.11.0", "8.7.0", 100)
DEAD = Judged("a.py", "f", DELETION, "x = 1", "pass", KILLED, "audit.quiet", ("QUIET-1",), "it prints")
ALIVE = Judged("a.py", "g", DELETION, "y = 1", "pass", LIVES)


@pytest.mark.parametrize(
    ("judged", "reasons", "fault"),
    [
        ([DEAD], {}, ""),
        ([DEAD, replace(ALIVE, verdict=SAME)], {ALIVE.key: "nobody reads y"}, ""),
        ([DEAD, ALIVE], {}, "survives: a.py g"),
        ([DEAD, replace(ALIVE, verdict=OPEN)], {}, "not judged: 1 of 2"),
        ([DEAD], {DEAD.key: "so they say"}, "audit.quiet kills it"),
        ([DEAD], {"a.py h: z": "it was there once"}, "there is no such mutant"),
    ],
)
def test_a_fault_of_the_record_is_named(judged: list[Judged], reasons: dict[str, str], fault: str) -> None:
    found = records.faults(Record(HEADER, {each.key: each for each in judged}), reasons)
    assert len(found) == bool(fault)
    assert all(fault in each for each in found)


def test_a_line_follows_from_the_sentence_and_the_reasons() -> None:
    mutant = Mutant("a.py", "g", DELETION, "y = 1", "pass", "", typed=False)
    begun = records.unjudged(mutant)
    assert begun.verdict == OPEN
    assert records.unjudged(replace(mutant, typed=True)).verdict == SAME
    assert records.sentenced(begun, Sentence("audit.quiet"), {}).verdict == KILLED
    assert records.sentenced(begun, Sentence(), {}) == ALIVE
    assert records.sentenced(begun, Sentence(), {ALIVE.key: "nobody reads y"}).verdict == SAME
    assert records.relabelled(replace(ALIVE, verdict=SAME), {}) == ALIVE
    assert records.relabelled(begun, {ALIVE.key: "nobody reads y"}) == begun


def test_a_record_is_read_as_it_was_written_and_sums_up(tmp_path: Path) -> None:
    Record(HEADER, {each.key: each for each in (ALIVE, DEAD)}).write(tmp_path)
    found = Record.read(tmp_path)
    assert found is not None
    assert list(found.judged) == [ALIVE.key, DEAD.key]
    assert found.judged[DEAD.key] == replace(DEAD, clauses=["QUIET-1"])
    assert records.figures(found) == "2 mutants: 1 killed, 0 equivalent, 1 surviving, 0 not judged"
    assert "| `audit.quiet` | 1 |" in records.summary(found, {})


@pytest.mark.parametrize("text", ['mutants = ["a", "a"]\nreason = "r"', 'mutants = ["a"]\nreason = " "'])
def test_an_equivalent_is_listed_once_and_with_a_reason(tmp_path: Path, text: str) -> None:
    (tmp_path / records.EQUIVALENT).write_text(f"[[equivalent]]\n{text}\n", "utf-8")
    with pytest.raises(ValueError, match="listed twice, or without a reason"):
        records.equivalents(tmp_path)
