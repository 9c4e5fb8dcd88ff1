"""The checks of the group `host`: what they find on planted faults, and where they can't tell (HOST-1, HOST-2)."""

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import tidegate
from tidegate_gate.plan import GROUPS
from tidegate_specs import host
from tidegate_specs.builds import FREE_THREADED
from tidegate_specs.check import Check, Settings, Subject, Verdict, load_subject
from tidegate_specs.host import process
from tidegate_specs.host.process import PLAIN, VENDORED, Copy, copied, sources_of
from tidegate_specs.injection import Injector, Interrupt
from tidegate_specs.mutation import patching

BY_NAME = {check.name: check for check in host.CHECKS}
MUTANTS = [name for name in patching.mutant_names() if name.startswith("host_")]
KERNEL = cast(Subject, tidegate)
each_check = pytest.mark.parametrize("check", host.CHECKS, ids=list(BY_NAME))


@pytest.mark.parametrize("name", ["host_annotation", "host_weak_set", "host_lease_finaliser", "host_changes_collector"])
def test_a_planted_fault_is_found(name: str) -> None:
    """The others take longer, and are shown to their checks by `tidegate verify` alone."""
    mutant = patching.describe(name)
    result = BY_NAME[mutant.killed_by[0]].run(patching.load_mutant(name), Settings())
    patching.unload(f"{patching.PREFIX}{name}")
    assert result.verdict is Verdict.ILLEGAL or FREE_THREADED, result
    assert set(result.blames) & set(mutant.breaks)


def test_every_check_has_a_planted_fault() -> None:
    assert {entry for name in MUTANTS for entry in patching.describe(name).killed_by} == set(BY_NAME)


def test_the_group_is_the_gates() -> None:
    assert [group.module for group in GROUPS if group.name == "host"] == [host.__name__]
    assert {check.group for check in host.CHECKS} == {"host"}


# What can't be judged is UNKNOWN, with the reason.


@each_check
def test_what_has_no_source_is_unknown(check: Check) -> None:
    intake = cast(Subject, SimpleNamespace(Intake=None, Outcome=None, Empty=None, Closed=None))
    result = check.run(intake, Settings())
    assert result.verdict is Verdict.UNKNOWN
    assert "no package whose source" in result.witness


def test_without_fork_forks_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    result = BY_NAME["host.fork"].run(KERNEL, Settings())
    assert (result.verdict, result.witness) == (Verdict.UNKNOWN, "this system has no fork")


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("import time; time.sleep(60)", "no end within 1 s"),
        ("raise SystemExit(3)", "status 3"),
        ("raise ValueError('a word')", "status 1 ValueError: a word"),
        ("print('no figures')", "status 0"),
        ('print(\'{"unable": "no signals here"}\')', "no signals here"),
    ],
)
def test_a_probe_without_an_answer_is_unknown(program: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "annotations.py").write_text(program)
    monkeypatch.setattr(process, "PROBES", tmp_path)
    asked = Copy.ask

    def ask(copy: Copy, probe: str, *words: object, limit_s: float = 60.0) -> process.Found:
        return asked(copy, probe, *words, limit_s=min(1.0, limit_s))

    monkeypatch.setattr(Copy, "ask", ask)
    result = BY_NAME["host.annotations"].run(KERNEL, Settings())
    assert result.verdict is Verdict.UNKNOWN
    assert result.witness == f"annotations: {why}"


def test_a_process_that_loses_signals_by_itself_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.dumps({"raised": 5, "heard": 4, "expected": 5, "lost": {}, "first": ""})
    (tmp_path / "signals.py").write_text(f"print({told!r})")
    monkeypatch.setattr(process, "PROBES", tmp_path)
    result = BY_NAME["host.signals"].run(KERNEL, Settings())
    assert (result.verdict, result.witness) == (Verdict.UNKNOWN, "1 exceptions were lost in a process without the implementation")


def test_too_few_signals_are_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.dumps({"raised": 4, "heard": 4, "expected": 5, "lost": {}, "first": ""})
    (tmp_path / "signals.py").write_text(f"print({told!r})")
    monkeypatch.setattr(process, "PROBES", tmp_path)
    assert BY_NAME["host.signals"].run(KERNEL, Settings()).witness == "5 exceptions were to be raised and 4 were"


# Copies.


def test_a_vendored_copy_is_judged_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "gate_of_somebody"
    shutil.copytree(Path(tidegate.__path__[0]), folder, ignore=shutil.ignore_patterns("__pycache__", "adapters", "policies"))
    init = folder / "__init__.py"
    init.write_text(init.read_text("utf-8") + "\nimport gc\n\ngc.set_debug(0)\ngc.set_threshold(9)\n", encoding="utf-8")
    subject = load_subject(str(folder))
    result = BY_NAME["host.patched"].run(subject, Settings())
    assert result.verdict is Verdict.ILLEGAL
    assert "gc.get_threshold() was changed" in result.witness
    assert not host.applies_to(BY_NAME["host.exit"], subject)
    assert host.applies_to(BY_NAME["host.exit"], KERNEL)
    assert all(host.applies_to(check, subject) for check in host.CHECKS if check.name != "host.exit")


def test_a_mutant_is_copied_as_it_was_loaded() -> None:
    mutant = patching.load_mutant("host_annotation")
    patching.unload("tidegate_mutant_host_annotation")
    assert "list[int][int]" in sources_of(mutant)["__init__.py"]
    with copied(mutant, VENDORED) as copy:
        assert "list[int][int]" in (copy.folder / VENDORED.replace(".", os.sep) / "__init__.py").read_text("utf-8")
        assert (copy.folder / VENDORED.partition(".")[0] / "__init__.py").is_file()
    with copied(KERNEL) as copy:
        assert copy.name == PLAIN
        assert (copy.folder / PLAIN / "adapters" / "executor.py").is_file()


# What is said at exit.


@pytest.mark.parametrize(
    ("case", "said", "fault"),
    [
        ("order", "end, work 1, work 0, work 2, closed", ""),
        ("order", "end, work 0, closed, work 1, work 2", "work 1, work 2 after the exit handler had closed what they need"),
        ("order", "end, work 0, work 1, closed", "work 2 never came"),
        ("listener-first", "end, work 0, work 1, work 2, record 0, record 2", "record 1 never came"),
        ("listener-first", "end, work 0, work 0, work 1, work 2, record 0, record 1, record 2", "something was done twice"),
        ("handler", "end, accepted 0, work 0, refused Rejected: full", ""),
        ("handler", "end, accepted 0, accepted 1, work 0", "work 1 never came"),
        ("handler", "end", "it neither accepted nor refused"),
        ("records-handler", "end, refused RuntimeError: too late", ""),
        ("records-handler", "end, accepted 0", "record 0 never came"),
    ],
)
def test_what_is_lost_at_exit_is_told(case: str, said: str, fault: str) -> None:
    judge: Any = vars(host)["_exit_fault"]
    assert judge(case, said.split(", ")) == fault


# gevent itself.


@pytest.mark.parametrize("order", ["before", "after"])
def test_gevent_finds_a_good_guest(order: str) -> None:
    pytest.importorskip("gevent")
    with copied(KERNEL, VENDORED) as copy:
        found = copy.ask("patched", "gevent", order)
    assert found.get("found") == [], found
    assert found["tried"] == 7


# The places at which exceptions arrive.


class Made:
    """Be made by a call that C code makes for its caller."""

    def __init__(self) -> None:
        self.made = True


class Maker:
    """Make something, and give it a name."""

    def make(self) -> list[Made]:
        kept: list[Made] = []
        kept += [Made()]
        return kept


def test_an_exception_can_arrive_when_an_object_was_made() -> None:
    arrivals: list[str] = []
    with Injector(type("Swept", (), {"maker": Maker.make, "made": Made.__init__})) as stepping:
        stepping.files = (__file__,)
        stepping.arrivals_only = True
        position, reached = 0, True
        while reached:
            position += 1
            reached = False

            def hook(at: int, code: Any, _offset: int, wanted: int = position) -> None:
                nonlocal reached
                if at == wanted:
                    reached = True
                    arrivals.append(code.co_name)
                    raise Interrupt

            with suppress(Interrupt):
                stepping.run(Maker().make, hook)
    assert arrivals == ["make", "__init__", "make"]
