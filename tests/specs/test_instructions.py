"""Every instruction of this interpreter has a meaning; where one has none, or the version is new, the answer is UNKNOWN."""

import dis
import opcode
import queue
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tidegate
from tidegate_specs import audit, correspondence, instructions
from tidegate_specs.bytecode import follow, graph, offer
from tidegate_specs.check import Result, Settings, Subject, Verdict
from tidegate_specs.explore import explorer, program
from tidegate_specs.explore.accesses import _KINDS, code_of  # pyright: ignore[reportPrivateUsage] - the table is what is tried
from tidegate_specs.explore.configurations import BY_NAME
from tidegate_specs.explore.division import Division
from tidegate_specs.explore.explorer import explore
from tidegate_specs.explore.judging import modules_of, program_of
from tidegate_specs.explore.parts import Whole, origin
from tidegate_specs.explore.program import Limits
from tidegate_specs.explore.recorded import check_configuration
from tidegate_specs.instructions import VERSIONS, Meaning, meaning_of, meaning_of_name, new_here, unread
from tidegate_specs.mutants import Patch
from tidegate_specs.mutation import patching

ROOT = Path(__file__).parents[2]
SETTINGS = Settings()
FULL_PATH = "            outcome, rejections = FULL, next(slots.answered_full)\n"  # a line of `offer` on the way to a rejection
SMALL = BY_NAME["offers-2-take-1"]
CHECKS: dict[str, Callable[[Subject, Settings], Result]] = {
    "audit.wait_free": audit.check_wait_free,
    "audit.yields": audit.check_yields,
    "audit.quiet": audit.check_quiet,
    "explore.offers-2-take-1": lambda subject, settings: check_configuration(SMALL, subject, settings),
    "correspondence.paths": correspondence.check_paths,
}
# What the audit of `offer` neither follows nor refuses, because the kernel has no use for it there: UNKNOWN.
UNFOLLOWED = {
    *(Meaning.CLEAR_LOCAL, Meaning.MAKE_CELL, Meaning.LOAD_CELL, Meaning.STORE_CELL, Meaning.NAMESPACE, Meaning.CONTAINS),
    *(Meaning.LOAD_SUPER_ATTRIBUTE, Meaning.DELETE_ATTRIBUTE, Meaning.STORE_SLICE),
    *(Meaning.UNARY, Meaning.BUILD_OTHER, Meaning.ADD, Meaning.EXTEND, Meaning.UNPACK_STARRED, Meaning.PATTERN),
    *(Meaning.END_LOOP, Meaning.EXCEPTION_GROUP, Meaning.LEAVE, Meaning.CALL_INTRINSIC, Meaning.INTERNAL),
}


def planted(*lines: str) -> Subject:
    """Make a kernel whose offer does something more before it answers FULL."""
    more = "".join(f"            {line}\n" for line in lines)
    return patching.load_patched([Patch("_intake.py", FULL_PATH, FULL_PATH + more)], "planted")


@pytest.fixture(autouse=True)
def _read_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setattr(explorer, "_SITES", {})
    yield
    patching.unload("tidegate_mutant_planted")


# The table.


def test_somebody_has_looked_at_this_version_and_at_every_instruction_of_it() -> None:
    assert sys.version_info[:2] in VERSIONS, instructions.unseen_version()
    assert new_here() == ()
    assert instructions.unseen_version() == ""


def test_each_instruction_has_one_meaning() -> None:
    names = [name for meaning in Meaning for name in meaning.value.split()]
    assert len(names) == len(set(names))


def test_both_readers_have_a_view_of_every_meaning() -> None:
    assert set(_KINDS) == set(Meaning) - {Meaning.INTERNAL}
    followed = {meaning for meaning in Meaning if hasattr(follow.Walk, f"_{meaning.name.lower()}")} | set(follow._MOVES)  # pyright: ignore[reportPrivateUsage]
    assert not followed & set(offer.REFUSED)
    assert set(Meaning) - followed - set(offer.REFUSED) == UNFOLLOWED


EVERYTHING = """
import os, sys
from os import *
class A(B, metaclass=type):
    x: int = 1
    def f(self, *a, **k):
        global g, h
        g, *h = a
        del h
        return super().f(*a, **k) or not self.x[1:2] and -g in {**k}
async def main(a):
    async with a as b, c:
        async for d in b:
            yield [await e async for e in d if e], {*d}, {i: j for i, j in d}
def control(a, b):
    with open(a) as c, b:
        del c[0], b.d, a
    try:
        c[1:2] = [*a, *b]
        assert a, b
    except* (OSError, ValueError) as e:
        raise KeyError(f"{a!r:>{b}}") from e
    finally:
        yield from c
    match a:
        case {"k": 1, **rest}: return rest
        case [1, *_] | A(x=1): a[0] += 1
    def inner():
        nonlocal a, b
        a = a is not b
        del b
        return lambda z=1, *, y=2: (all(z for z in a), tuple(z for z in y), [z for z in a if z is not None])
    while not inner: b = a < b <= a
"""


def all_codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from all_codes(constant)


def test_what_only_the_interpreter_sees_is_never_in_a_function() -> None:
    codes = [*code_of([queue, dis, *modules_of(tidegate)]), *all_codes(compile(EVERYTHING, "everything", "exec"))]
    assert len(codes) > 100
    found = {meaning_of(each) for code in codes for each in dis.get_instructions(code)}
    assert Meaning.INTERNAL not in found
    assert None not in found
    assert unread(codes) == ""
    assert {name for name in opcode.opmap if meaning_of_name(name) is Meaning.INTERNAL} >= {"CACHE"}


def test_a_subscript_is_a_subscript_whatever_it_is_called() -> None:
    def subscript(values: list[int], index: int) -> int:
        return values[index] + index

    found = [meaning_of(each) for each in dis.get_instructions(subscript)]
    assert found.count(Meaning.LOAD_ITEM) == found.count(Meaning.OPERATE) == 1


def test_the_exception_table_is_read_as_the_interpreter_reads_it() -> None:
    parse: Callable[[types.CodeType], list[Any]] = vars(dis)["_parse_exception_table"]
    codes = code_of([*modules_of(tidegate), dis])
    entries = 0
    for code in codes:
        mine = [(each.start, each.end, each.target, each.depth, each.lasti) for each in graph.handlers_of(code)]
        theirs = [(each.start, each.end, each.target, each.depth, bool(each.lasti)) for each in parse(code)]
        assert mine == theirs
        entries += len(mine)
    assert entries > 50


# An instruction that nobody knows.

USED = {  # that `offer` has, on the versions that have it
    name
    for name in ("LOAD_GLOBAL", "STORE_FAST", "POP_TOP", "BINARY_OP", "CALL", "LOAD_FAST_BORROW", "NOT_TAKEN", "POP_JUMP_IF_FALSE")
    if name in opcode.opmap
}


@pytest.mark.parametrize("check", sorted(CHECKS))
@pytest.mark.parametrize("name", sorted(USED))
def test_an_unknown_instruction_is_named_and_nobody_is_accused(monkeypatch: pytest.MonkeyPatch, check: str, name: str) -> None:
    meanings = dict(instructions._MEANINGS)  # pyright: ignore[reportPrivateUsage]
    del meanings[name]
    monkeypatch.setattr(instructions, "_MEANINGS", meanings)
    subjects: tuple[Subject, ...] = (tidegate, planted("slots.lock.acquire()"))
    for subject in subjects:
        result = CHECKS[check](subject, SETTINGS)
        assert result.verdict is Verdict.UNKNOWN
        assert name in result.witness.split("without a known meaning: ")[1]
        assert f"Python {sys.version.split()[0]}" in result.witness
        assert result.blames == ()


@pytest.mark.parametrize("check", sorted(CHECKS))
def test_a_version_that_nobody_has_seen_is_unknown_and_its_new_instructions_are_named(
    monkeypatch: pytest.MonkeyPatch, check: str
) -> None:
    monkeypatch.setattr(instructions, "VERSIONS", tuple(version for version in VERSIONS if version != sys.version_info[:2]))
    monkeypatch.setattr(opcode, "opmap", {**opcode.opmap, "JUGGLE": 255, "INSTRUMENTED_JUGGLE": 254})
    subjects: tuple[Subject, ...] = (tidegate, planted("for _ in range(3):", "    print()"))
    for subject in subjects:
        result = CHECKS[check](subject, SETTINGS)
        assert result.verdict is Verdict.UNKNOWN
        assert "without a meaning are: JUGGLE (" in result.witness
        assert f"Python {sys.version.split()[0]}" in result.witness
        assert instructions.GUIDE in result.witness


def test_the_command_tells_what_is_new(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert instructions.main() == 0
    assert f"{len(opcode.opmap)} of {len(opcode.opmap)} have a meaning\n" in capsys.readouterr().out
    meanings = dict(instructions._MEANINGS)  # pyright: ignore[reportPrivateUsage]
    del meanings["STORE_ATTR"]
    monkeypatch.setattr(instructions, "_MEANINGS", meanings)
    assert instructions.main() == 3
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == f"  STORE_ATTR ({opcode.opmap['STORE_ATTR']}): -2 on the stack, names, has an argument"
    monkeypatch.setattr(opcode, "opmap", {**opcode.opmap, "JUGGLE": 255})
    assert instructions.described("JUGGLE").startswith("JUGGLE (255): ")


def test_a_version_is_unknown_even_if_it_has_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instructions, "VERSIONS", ())
    result = audit.check_wait_free(tidegate, SETTINGS)
    assert result.verdict is Verdict.UNKNOWN
    assert "without a meaning are: none" in result.witness


def test_another_implementation_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "implementation", types.SimpleNamespace(name="pypy"))
    assert "pypy" in instructions.unseen_version()


def divided() -> program.Report:
    engine: Any = None  # nothing is submitted
    division = Division(Whole("tidegate", SMALL.name, SMALL.plans[0], origin("tidegate")), engine, Limits(), lambda text: None)
    division.search()
    return division.report


WAYS: dict[str, Callable[[], program.Report]] = {
    "accesses": lambda: explore(program_of(SMALL, tidegate)),
    "opcodes": lambda: explore(program_of(SMALL, tidegate), grain="opcode", bound=1),
    "reduced": lambda: explore(program_of(SMALL, tidegate), reduce=True),
    "divided": divided,
}


@pytest.mark.parametrize("way", sorted(WAYS))
def test_nothing_is_explored_on_a_version_that_nobody_has_seen(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setattr(instructions, "VERSIONS", ())
    report = WAYS[way]()
    assert report.verdict is Verdict.UNKNOWN
    assert report.schedules == 0
    assert report.why_not.startswith("nobody has looked through the instructions")


# An instruction that is known, and that the audit does not follow.


def test_or_and_and_are_followed_on_every_version() -> None:
    kept, tested = planted("last = slots.closed or slots.ring", "if last:", "    slots.ring()"), planted("last = item or 1")
    assert audit.check_wait_free(kept, SETTINGS).verdict is Verdict.OK
    result = audit.check_quiet(tested, SETTINGS)
    assert result.verdict is Verdict.ILLEGAL
    assert "truth of item" in result.witness


def test_an_instruction_that_is_not_followed_is_no_accusation() -> None:
    subject = planted("nothing = {1: slots.closed}")
    for check in (audit.check_wait_free, audit.check_quiet):
        result = check(subject, SETTINGS)
        assert result.verdict is Verdict.UNKNOWN
        assert "stopped at instructions that it does not follow: BUILD_MAP" in result.witness


def test_what_was_refused_before_it_stays_refused() -> None:
    result = audit.check_wait_free(planted("slots.lock.acquire()", "nothing = {1: slots.closed}"), SETTINGS)
    assert result.verdict is Verdict.ILLEGAL
    assert "a lock or a wait" in result.witness


def test_where_not_every_way_was_followed_no_yield_is_missed() -> None:
    result = audit.check_yields(planted("for _ in range(3):", "    pass"), SETTINGS)
    assert result.verdict is Verdict.UNKNOWN
    assert "a loop" in result.witness


def test_an_instruction_that_moves_other_numbers_of_values_than_the_table_says_ends_the_audit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(follow._MOVES, Meaning.DROP, (0, 0))  # pyright: ignore[reportPrivateUsage]
    result = audit.check_wait_free(tidegate, SETTINGS)
    assert result.verdict is Verdict.UNKNOWN
    assert "POP_TOP" in result.witness


MUTANTS = {
    name: [each for each in patching.describe(name).killed_by if each.startswith("audit.")]
    for name in patching.mutant_names()
    if any(each.startswith("audit.") for each in patching.describe(name).killed_by)
}


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_the_audit_kills_its_mutants_on_this_version(name: str) -> None:
    by_name = {check.name: check for check in audit.CHECKS}
    try:
        for check in MUTANTS[name]:
            assert by_name[check].run(patching.load_mutant(name), SETTINGS).verdict is Verdict.ILLEGAL
    finally:
        patching.unload(f"tidegate_mutant_{name}")
