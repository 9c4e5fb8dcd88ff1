"""The TLA+ module says all that the machine says, and refuses what it cannot say."""

import ast
import inspect
import re
from types import ModuleType

import pytest

from tidegate_specs import machine
from tidegate_specs.document import tla

MODULE = tla.module()
FUNCTIONS = [node for node in ast.parse(inspect.getsource(machine)).body if isinstance(node, ast.FunctionDef)]
ACTIONS = [*(action for _, action in machine.ACTIONS), *(action for _, action in machine.LEASE_ACTIONS), machine.close]


def definition(name: str) -> str:
    """Give the definition of an operator, without its comment."""
    found = re.search(rf"^{name}(?:\(i\))? ==\n((?: .*\n)+)", MODULE, re.MULTILINE)
    assert found is not None, name
    return found[1]


@pytest.mark.parametrize("node", FUNCTIONS, ids=lambda node: node.name)
def test_every_function_is_there(node: ast.FunctionDef) -> None:
    assert definition(tla.operator(node.name))


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
def test_an_action_tells_of_every_variable(action: object) -> None:
    name = getattr(action, "__name__", "")
    text = definition(tla.operator(name))
    primed = re.findall(r"(\w+)' = ", text)
    unchanged = re.search(r"UNCHANGED <<(.*)>>", text)
    assert unchanged is not None
    assert sorted([*primed, *unchanged[1].split(", ")]) == sorted(machine.State.__dataclass_fields__)
    assert re.search(rf"\\/ (.*: )?{tla.operator(name)}\b", definition("Next"))


@pytest.mark.parametrize(("guard", "action"), [*machine.ACTIONS, *machine.LEASE_ACTIONS], ids=lambda f: f.__name__)
def test_an_action_has_its_guard(guard: object, action: object) -> None:
    names = [tla.operator(getattr(each, "__name__", "")) for each in (guard, action)]
    assert definition(names[1]).startswith(f"    /\\ {names[0]}")


def test_invariant_and_step_are_claimed() -> None:
    assert "THEOREM Spec => []Invariant /\\ [][Step]_vars" in MODULE
    assert definition("Next").count("\\/") == len(ACTIONS)


def test_some_translations_word_for_word() -> None:
    assert definition("Take") == (
        "    /\\ CanTake\n"
        "    /\\ /\\ queue' = Tail(queue)\n"
        "       /\\ unseen' = unseen \\o <<queue[1]>>\n"
        "       /\\ UNCHANGED <<capacity, free, claimed, admitted, seen, closed, ended, drained, accepted, full, refused, released,"
        " abandoned, peak>>\n"
    )
    assert definition("Exact1") == "    (full' = full) \\/ ((full' = (full + 1)) /\\ (free = 0))\n"
    assert "seen' = SubSeq(seen, 1, i) \\o SubSeq(seen, i + 2, Len(seen))" in definition("Release")
    assert "gone == InFlight - InFlight'" in definition("Lease1")


def test_no_local_hides_a_variable() -> None:
    """TLA+ forbids it."""
    locals_ = set(re.findall(r"^(?:    LET|       ) +(\w+) ==", MODULE, re.MULTILINE))
    operators = set(re.findall(r"^(\w+)(?:\(i\))? ==", MODULE, re.MULTILINE))
    assert {"peak_", "accepted_", "held"} <= locals_
    assert not locals_ & (operators | set(machine.State.__dataclass_fields__))


def test_brackets_are_balanced() -> None:
    text = re.sub(r"\(\*.*?\*\)|\\\*[^\n]*", "", MODULE, flags=re.DOTALL)
    assert text.count("(") == text.count(")")
    assert text.count("<<") == text.count(">>")
    assert MODULE.isascii()
    assert re.fullmatch(r"-{4,} MODULE Tidegate -{4,}\n.*\n={4,}\n", MODULE, re.DOTALL)


@pytest.mark.parametrize("body", ["return s.free * 2", "return s.free in s.queue", "return sum(s.queue, start=1)", "pass"])
def test_what_is_not_known_is_refused(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def planted(_: ModuleType) -> str:
        return f"def planted(s: State) -> bool:\n    {body}\n"

    monkeypatch.setattr(inspect, "getsource", planted)
    with pytest.raises(tla.Untranslatable):
        tla.module()
