"""The contracts are well-formed and as many as expected; a wrong one, a vacuous one and an undecided one are no pass.

CrossHair changes the process that imports it: here it runs in others only.
"""

import ast
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tidegate_specs import contracts
from tidegate_specs.check import Verdict
from tidegate_specs.clauses import BY_ID
from tidegate_specs.contracts import EXPECTED, FAMILIES, Family, Finding, Malformed, check_form, check_module, conclude

LIMIT_S = 110
SOURCES = {family.module: Path(contracts.__file__).with_name(family.module.rpartition(".")[2] + ".py") for family in FAMILIES}


def in_a_process(script: str, *options: str, cwd: Path | None = None) -> Any:
    """Run Python that prints one line of JSON."""
    path = [entry for entry in sys.path if entry]
    program = f"import sys, json\nsys.path[:0] = {path!r}\n{textwrap.dedent(script)}"
    done = subprocess.run(
        [sys.executable, *options, "-c", program], capture_output=True, text=True, timeout=LIMIT_S, cwd=cwd, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


# The form.

GOOD = """
def c(n: int) -> None:
    assert n > 0
    m = n + 1
    assert m > 1
"""
BAD = {
    "two hypotheses": "def c(n: int) -> None:\n    assert n > 0\n    assert n < 9\n    m = n\n    assert m",
    "no hypothesis": "def c(n: int) -> None:\n    m = n\n    assert m == n",
    "no work": "def c(n: int) -> None:\n    assert n > 0\n    assert n >= 1",
    "no claim": "def c(n: int) -> None:\n    assert n > 0\n    m = n\n    print(m)",
    "an assert between": "def c(n: int) -> None:\n    assert n > 0\n    m = n\n    assert m\n    m = 2\n    assert m",
    "a try": "def c(n: int) -> None:\n    assert n > 0\n    try:\n        m = n\n    finally:\n        m = 1\n    assert m",
    "a with": "def c(n: int) -> None:\n    assert n > 0\n    with open('x'):\n        m = n\n    assert m",
    "a return": "def c(n: int) -> None:\n    assert n > 0\n    if n:\n        return\n    assert n",
    "a decorator": "@cache\ndef c(n: int) -> None:\n    assert n > 0\n    m = n\n    assert m",
}


def function_in(source: str) -> ast.FunctionDef:
    (function,) = contracts.contracts_in(ast.parse(source))
    return function


def test_a_good_form_is_accepted() -> None:
    check_form(function_in(GOOD))
    check_module("m", ast.parse(GOOD), [Family("f", "m", {"c": ("BOUND-1",)})])


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_form_is_refused(fault: str) -> None:
    with pytest.raises(Malformed):
        check_form(function_in(BAD[fault]))


@pytest.mark.parametrize("extra", ["def helper() -> None:\n    try:\n        f()\n    finally:\n        g()", "assert EXPECTED"])
def test_nothing_near_a_contract_may_swallow_it(extra: str) -> None:
    with pytest.raises(Malformed):
        check_module("m", ast.parse(f"{GOOD}\n{extra}\n"), [Family("f", "m", {"c": ("BOUND-1",)})])


def test_the_contracts_are_all_there() -> None:
    assert EXPECTED == {contracts.MACHINE: 26, contracts.KERNEL: 12}
    for module, path in SOURCES.items():
        check_module(
            module, ast.parse(path.read_text(encoding="utf-8")), [family for family in FAMILIES if family.module == module]
        )


def test_a_contract_that_got_lost_is_noticed() -> None:
    tree = ast.parse(SOURCES[contracts.KERNEL].read_text(encoding="utf-8"))
    families = [family for family in FAMILIES if family.module == contracts.KERNEL]
    lost = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "a_drop")
    tree.body.remove(lost)
    with pytest.raises(Malformed, match="holds 11 contracts, 12 are expected"):
        check_module(contracts.KERNEL, tree, families)


def test_the_machine_swallows_no_assertion() -> None:
    source = Path(contracts.__file__).with_name("machine.py").read_text(encoding="utf-8")
    assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Assert, ast.Try, ast.TryStar))]


def test_the_checks_bear_on_clauses() -> None:
    assert [check.name for check in contracts.CHECKS] == [family.name for family in FAMILIES]
    for check in contracts.CHECKS:
        assert check.group == "contracts"
        assert set(check.clauses) <= set(BY_ID)
    covered = {clause for check in contracts.CHECKS for clause in check.clauses}
    assert covered >= {predicate.id for predicate in BY_ID.values() if predicate.predicates[0].__module__.endswith("machine")} - {
        "REENTRY-1"
    }


# The conclusion.

FAMILY = Family("contracts.f", "m", {"a": ("BOUND-1",), "b": ("EXACT-1", "LEASE-1")})
FINE = Finding("a", Verdict.OK)


def test_all_confirmed_is_ok() -> None:
    result = conclude(FAMILY, [FINE, Finding("b", Verdict.OK)])
    assert (result.verdict, result.evidence) == (Verdict.OK, "2 contracts confirmed, 2 witnesses")


def test_one_refuted_blames_its_clauses() -> None:
    result = conclude(FAMILY, [FINE, Finding("b", Verdict.ILLEGAL, "b: no")])
    assert (result.verdict, result.blames, result.witness) == (Verdict.ILLEGAL, ("EXACT-1", "LEASE-1"), "b: no")
    result = conclude(FAMILY, [FINE, Finding("b", Verdict.ILLEGAL, "b: no", ("LEASE-1", "QUIET-1"))])
    assert result.blames == ("LEASE-1",)


def test_one_undecided_is_unknown() -> None:
    assert conclude(FAMILY, [FINE, Finding("b", Verdict.UNKNOWN, "b: who knows")]).verdict is Verdict.UNKNOWN
    assert conclude(FAMILY, [FINE]).verdict is Verdict.UNKNOWN


# CrossHair itself, each time in a process of its own.

RUN = """
from tidegate_specs import contracts
from tidegate_specs.check import load_subject
def told(result):
    print(json.dumps([result.verdict.value, result.evidence, result.witness, list(result.blames)]))
"""


def test_contracts_over_the_machine_are_confirmed() -> None:
    told = in_a_process(RUN + "told(contracts.run_family(contracts.ANSWERS, load_subject()))")
    assert told == ["OK", "9 contracts confirmed, 9 witnesses", "", []]


def test_contracts_over_the_kernel_are_confirmed() -> None:
    told = in_a_process(RUN + "told(contracts.run_family(contracts.END, load_subject()))")
    assert told == ["OK", "3 contracts confirmed, 3 witnesses", "", []]


def test_a_wrong_kernel_is_refuted() -> None:
    script = """
    import types
    import tidegate
    class Roomy:
        def __init__(self, capacity):
            self.inner = tidegate.Intake(capacity + 1)
        def __getattr__(self, name):
            return getattr(self.inner, name)
        def statistics(self):
            told = self.inner.statistics()
            import dataclasses
            return dataclasses.replace(told, capacity=told.capacity - 1, free=told.free - 1)
    subject = types.SimpleNamespace(Intake=Roomy, Outcome=tidegate.Outcome, Empty=tidegate.Empty, Closed=tidegate.Closed)
    told(contracts.run_family(contracts.OFFERS, subject))
    """
    verdict, _, witness, blames = in_a_process(RUN + textwrap.dedent(script))
    assert verdict == "ILLEGAL"
    assert "BOUND-1" in blames
    assert "Divergence: [" in witness
    assert "when calling an_offer(" in witness


def test_a_wrong_action_is_refuted() -> None:
    script = """
    from dataclasses import replace
    from tidegate_specs import machine
    def take(s):
        return replace(s, queue=s.queue[:-1], unseen=(*s.unseen, s.queue[-1]))
    machine.take = take
    family = contracts.Family("contracts.f", contracts.MACHINE, {"take_is_sound": ("LOCAL-1",)})
    contracts.FAMILIES = ()
    contracts.check_module = lambda *_: None
    told(contracts.run_family(family, load_subject()))
    """
    verdict, evidence, witness, blames = in_a_process(RUN + textwrap.dedent(script))
    assert (verdict, evidence, blames) == ("ILLEGAL", "0 contracts confirmed, 0 witnesses", ["LOCAL-1"])
    assert "when calling take_is_sound(State(" in witness


PLANTED = """
def confirmed(n: int) -> None:
    assert n > 0
    m = n + 1
    assert m > 1


def vacuous(n: int) -> None:
    assert n > 0 and n < 0
    m = n + 1
    assert m == 17


def refuted(n: int) -> None:
    assert n > 0
    m = n + 1
    assert m > 2


def undecided(n: int) -> None:
    assert n > 0
    m = sum(1 for _ in range(n))
    assert m == n
"""


@pytest.mark.parametrize(
    ("name", "verdict", "account"),
    [
        ("confirmed", "OK", ""),
        ("vacuous", "UNKNOWN", "vacuous: vacuous, no input meets its hypothesis and reaches its claim"),
        ("refuted", "ILLEGAL", "refuted: AssertionError"),
        ("undecided", "UNKNOWN", "undecided: cannot_confirm: Not confirmed."),
    ],
)
def test_a_planted_contract_is_judged(name: str, verdict: str, account: str, tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text(PLANTED, encoding="utf-8")
    script = f"""
    sys.path.insert(0, {str(tmp_path)!r})
    contracts.CONDITION_TIMEOUT_S = 3.0
    names = ("confirmed", "vacuous", "refuted", "undecided")
    family = contracts.Family("contracts.planted", "planted", {{each: ("BOUND-1",) for each in names}})
    judge = contracts.judge
    def only(contract, negation):
        skipped = contracts.Finding(contract.__name__, contracts.Verdict.OK)
        return judge(contract, negation) if contract.__name__ == {name!r} else skipped
    contracts.judge = only
    told(contracts.run_family(family, load_subject()))
    """
    told = in_a_process(RUN + textwrap.dedent(script))
    assert told[0] == verdict
    assert told[2].startswith(account)


def test_without_asserts_nothing_is_confirmed() -> None:
    told = in_a_process(RUN + "told(contracts.run_family(contracts.END, load_subject()))", "-O")
    assert told == ["UNKNOWN", "nothing confirmed", "asserts are switched off (-O, PYTHONOPTIMIZE)", []]
