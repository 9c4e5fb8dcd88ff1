"""The audits pass on the kernel, and each notices what it is there to notice."""

from collections.abc import Iterator

import pytest

import tidegate
from tidegate_specs import audit
from tidegate_specs.audit import hostile, surface
from tidegate_specs.bytecode import OfferReport, audit_offer, graph_of
from tidegate_specs.check import Settings, Subject, Verdict
from tidegate_specs.mutants import Patch
from tidegate_specs.mutation import patching

SETTINGS = Settings()
FULL_PATH = "            outcome, rejections = FULL, next(slots.answered_full)\n"  # a line of `offer` on the way to a rejection
BY_NAME = {check.name: check for check in audit.CHECKS}


def planted(*lines: str, imports: str = "") -> Subject:
    """Make a kernel whose offer does something more before it answers FULL."""
    patches = [Patch("_intake.py", FULL_PATH, FULL_PATH + "".join(f"            {line}\n" for line in lines))]
    if imports:
        patches.append(Patch("_intake.py", "import os\n", f"{imports}\nimport os\n"))
    return patching.load_patched(patches, "planted")


@pytest.fixture(autouse=True)
def _unloaded() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    yield
    patching.unload("tidegate_mutant_planted")


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_the_kernel_passes(name: str) -> None:
    result = BY_NAME[name].run(tidegate, SETTINGS)
    assert result.verdict is Verdict.OK, result.witness
    assert any(character.isdigit() for character in result.evidence)


PLANTED = {
    "a loop": (("for _ in range(3):", "    pass"), "a loop"),
    "an endless loop": (("while slots.closed:", "    pass"), "a loop"),
    "a comprehension": (("[turn for turn in slots.turns]",), "loop"),
    "a generator": (("any(turn for turn in slots.turns)",), "loop|made on the way"),
    "a with statement": (("with slots.lock:", "    pass"), "a with statement"),
    "a lock": (("slots.lock.acquire()",), "a lock or a wait"),
    "an import": (("import logging",), "an import"),
    "a wait": (("slots.await_home(True, 0.1)",), "off the list of atomic primitives"),
    "a length": (("len(slots.free)",), "off the list of atomic primitives"),
    "an unresolvable call": (("item.notify()",), "can't be resolved"),
    "an unresolvable name": (("notify_all_of_them()",), "can't be resolved"),
    "recursion": (("self.offer(item)",), "recursion"),
    "a class of an item's": (("isinstance(item, list)",), "off the list of atomic primitives"),
    "a class of the caller's": (("isinstance(slots.turns, Outcome)",), "off the list of atomic primitives"),
    "unpacked arguments": (("next(*(slots.answered_full,))",), "unpacked arguments"),
    "code from outside": (("enum.unique(Outcome)",), "outside the package"),
}


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_wait_free_notices(name: str) -> None:
    lines, expected = PLANTED[name]
    result = audit.check_wait_free(planted(*lines, imports="import enum"), SETTINGS)
    assert result.verdict is Verdict.ILLEGAL
    assert any(part in result.witness for part in expected.split("|")), result.witness
    assert "Intake.offer line " in result.witness


def test_wait_free_follows_functions_of_the_package() -> None:
    patch = Patch("_slots.py", "        if self.queue.empty():\n", "        while self.queue.empty():\n")
    result = audit.check_wait_free(patching.load_patched([patch], "planted"), SETTINGS)
    assert result.verdict is Verdict.ILLEGAL
    assert "Slots.ring line " in result.witness


def test_wait_free_follows_finalisers() -> None:
    patch = Patch(
        "_slots.py",
        "            self.generations[index] = token",
        "            for _ in (index,):\n                pass\n            self.generations[index] = token",
    )
    result = audit.check_wait_free(patching.load_patched([patch], "planted"), SETTINGS)
    assert result.verdict is Verdict.ILLEGAL
    assert "Slots.recover line " in result.witness


QUIET = {
    "a print": (("print(1)",), "print"),
    "a log record": (('logging.getLogger("x").debug("full")',), "getLogger"),
    "a warning": (('warnings.warn("full")',), "warn"),
    "an operator on the item": (("item == 1",), "comparison"),
    "the item's truth": (("if item:", "    slots.ring()"), "truth of item"),
    "a part of the item": (("item[1]",), "a subscript of item"),
    "a slice of the item": (("item[1:2]",), "of item"),
    "a slice of the item, deleted": (("del item[1:]",), "a deletion of item"),
    "an attribute of the item": (("item.name",), "reading item.name"),
    "a formatted item": (('f"{item}"',), "formatted string"),
    "a raise": (('raise ValueError("full")',), "a raise of its own"),
}


@pytest.mark.parametrize("name", sorted(QUIET))
def test_quiet_notices(name: str) -> None:
    lines, expected = QUIET[name]
    result = audit.check_quiet(planted(*lines, imports="import logging\nimport warnings"), SETTINGS)
    assert result.verdict is Verdict.ILLEGAL
    assert expected in result.witness


def test_yields_notices_that_the_yield_is_gone() -> None:
    result = audit.check_yields(patching.load_mutant("no_yield"), SETTINGS)
    patching.unload("tidegate_mutant_no_yield")
    assert result.verdict is Verdict.ILLEGAL


def test_worst_case_is_counted() -> None:
    report = audit_offer(tidegate)
    assert report.findings == ()
    assert set(report.counts) == {"ACCEPTED", "FULL", "CLOSED", "raises"}
    assert 0 < report.counts["ACCEPTED"] < report.worst == max(report.counts[name] for name in ("ACCEPTED", "FULL", "CLOSED"))
    assert f"worst case {report.worst} instructions" in audit.check_wait_free(tidegate, SETTINGS).evidence


@pytest.mark.parametrize(
    ("line", "more"),
    [("slots.closed", 3), ("slots.queue.empty()", 5), ("slots.ring()", 20)],
    ids=["a read", "a primitive", "a function of the package"],
)
def test_worst_case_grows_with_what_is_added(line: str, more: int) -> None:
    before, after = audit_offer(tidegate), audit_offer(planted(line))
    assert after.counts["FULL"] >= before.counts["FULL"] + more
    assert after.counts["ACCEPTED"] == before.counts["ACCEPTED"]


def test_a_branch_counts_only_its_longer_side() -> None:
    short: OfferReport = audit_offer(planted("if slots.closed:", "    slots.queue.empty()"))
    both: OfferReport = audit_offer(planted("if slots.closed:", "    slots.queue.empty()", "else:", "    slots.queue.empty()"))
    assert both.counts["FULL"] <= short.counts["FULL"] + 1  # a jump over the other side


def test_a_graph_knows_a_cycle_from_a_jump_backward() -> None:
    def without_cycle(values: list[int]) -> int:
        try:
            value = values.pop()
        except IndexError:
            value = 0
        return value

    def with_cycle(values: list[int]) -> int:
        while values:
            values.pop()
        return 0

    assert not graph_of(without_cycle.__code__).cyclic
    assert graph_of(with_cycle.__code__).cyclic


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import socket", "imports socket"),
        ("import logging as log", "imports logging"),
        ("from threading import Lock", "imports Lock from threading"),
        ("from threading import *", "imports * from threading"),
        ("from tidegate import Intake", "imports Intake from tidegate"),
        ("import os\nos.fork()", "uses os.fork"),
        ("import os\ngetattr(os, 'fork', None)()", "uses os.fork"),
        ("import os as system\nsystem.system('x')", "uses os.system"),
        ("__import__('socket')", "uses __import__"),
        ("open('x')", "uses open"),
    ],
)
def test_imports_notices(source: str, expected: str) -> None:
    assert any(expected in finding for finding in surface.import_findings(source, "planted.py"))


def test_imports_allows_what_the_kernel_needs() -> None:
    assert (
        surface.import_findings("import os\nfrom ._slots import Slots\nos.sysconf\nfrom _queue import SimpleQueue", "planted.py")
        == []
    )


SURFACE = {
    "a setter": ("    def offer(self", "    @capacity.setter\n    def capacity(self, value):\n        pass\n\n    def offer(self"),
    "a public method": ("    def offer(self", "    def resize(self, value):\n        pass\n\n    def offer(self"),
    "a blocking mode": ("    def offer(self, item: T)", "    def offer(self, item: T, block: bool = False)"),
    "a default capacity": (
        "    def __new__(cls, capacity: int)",
        "    def __new__(cls, capacity: int = 1)",
    ),
    "open attributes": ('    __slots__ = ("__weakref__", "_slots")\n', ""),
}


@pytest.mark.parametrize("name", sorted(SURFACE))
def test_fixed_capacity_notices(name: str) -> None:
    subject = patching.load_patched([Patch("_intake.py", *SURFACE[name])], "planted")
    result = surface.check_imports(subject, SETTINGS)
    assert result.verdict is Verdict.ILLEGAL
    assert result.blames == ("FIXED-1",)


HOSTILE = {
    "an item shown": ("_intake.py", 'return f"<tidegate.Intake {', 'return f"<tidegate.Intake {self._slots.items} {'),
    "an item weighed": ("_intake.py", "        return item\n", "        return item or None\n"),
    "capacity 0": ("_intake.py", "    if not 1 <= capacity <= MOST:", "    if not 0 <= capacity <= MOST:"),
    "a bool": ("_intake.py", " or isinstance(capacity, bool):", ":"),
    "too large": ("_intake.py", "if not 1 <= capacity <= MOST:", "if not capacity:"),
    "allocation before the test": (
        "_intake.py",
        "    if not 1 <= capacity <= MOST:",
        "    bytearray(1 << 20)\n    if not 1 <= capacity <= MOST:",
    ),
    "a negative time-out": ("_intake.py", "    if not timeout >= 0:", "    if timeout != timeout:"),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_notices(name: str) -> None:
    subject = patching.load_patched([Patch(*HOSTILE[name])], "planted")
    assert hostile.check_hostile(subject, SETTINGS).verdict is Verdict.ILLEGAL


def test_representation_notices_a_copy() -> None:
    subject = patching.load_mutant("copyable_lease")
    result = hostile.check_representation(subject, SETTINGS)
    patching.unload("tidegate_mutant_copyable_lease")
    assert result.verdict is Verdict.ILLEGAL
    assert "Lease makes a second one" in result.witness
