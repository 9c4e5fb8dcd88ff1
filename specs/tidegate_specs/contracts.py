"""Ask CrossHair about the contracts, and believe it only under conditions.

A contract is a function with one leading assert (the hypothesis), some work, and one assert at the end (the claim). CrossHair runs
it on symbolic arguments and tells whether the claim holds on every path. Its command line is no gate, so this one demands more:

    confirmed     over all paths, within explicit time-outs; anything less is UNKNOWN
    witnessed     the same contract with its claim negated is refuted, at the claim: so the hypothesis can be met
    well-formed   the asserts stand where they should, no `try`, `with`, `return` or `raise` is near that could swallow one
    complete      the modules hold the expected number of contracts
    effective     asserts are on (not under -O)

Importing CrossHair changes the whole process (it switches other contract libraries off): it is imported at the first run only, and
these checks want a process of their own.
"""

import ast
import gc
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType, ModuleType
from typing import Any, Final

from .check import Check, Result, Settings, Subject, Verdict

CONDITION_TIMEOUT_S: Final = 40.0  # CPU time for one contract; it takes about 1
PATH_TIMEOUT_S: Final = 20.0
MACHINE: Final = "tidegate_specs.contracts_machine"
KERNEL: Final = "tidegate_specs.contracts_kernel"


@dataclass(frozen=True, slots=True)
class Family:
    """Describe contracts that are checked together: their module, and by name the clauses that each bears on."""

    name: str
    module: str
    contracts: dict[str, tuple[str, ...]]

    @property
    def clauses(self) -> tuple[str, ...]:
        """The clauses that any of the contracts bears on, each once."""
        return tuple(dict.fromkeys(clause for clauses in self.contracts.values() for clause in clauses))


STATE: Final = ("BOUND-1", "BOUND-2", "LEDGER-1", "CLOSE-2", "RECOVER-1")  # kept by every action: the invariant
STEP: Final = ("FIXED-1", "EXACT-1", "EXPLICIT-1", "NORETRY-1", "LOCAL-1", "LEASE-1", "CLOSE-1")  # true of every action
SOUND: Final = (*STATE, *STEP)

OFFER_ACTIONS: Final = Family(
    "contracts.offer-actions",
    MACHINE,
    {
        "initial_is_sound": STATE,
        "claim_is_sound": SOUND,
        "admit_is_sound": SOUND,
        "retract_is_sound": SOUND,
        "publish_is_sound": SOUND,
        "withdraw_is_sound": SOUND,
        "refuse_full_is_sound": SOUND,
        "refuse_closed_is_sound": SOUND,
        "close_is_sound": SOUND,
        "answer_drained_is_sound": SOUND,
    },
)
LEASE_ACTIONS: Final = Family(
    "contracts.lease-actions",
    MACHINE,
    {
        "take_is_sound": SOUND,
        "answer_closed_is_sound": SOUND,
        "look_is_sound": SOUND,
        "release_is_sound": SOUND,
        "release_unseen_is_sound": SOUND,
        "abandon_is_sound": SOUND,
        "put_back_is_sound": SOUND,
    },
)
ANSWERS: Final = Family(
    "contracts.answers",
    MACHINE,
    {
        "an_open_intake_admits_or_is_full": ("EXACT-1", "EXPLICIT-1", "BOUND-1"),
        "a_closed_intake_admits_nobody": ("EXPLICIT-1", "CLOSE-1"),
        "a_claim_is_admitted_or_retracted": ("EXPLICIT-1", "CLOSE-1"),
        "an_offer_given_up_leaves_no_trace": ("BOUND-2", "RECOVER-1"),
        "a_taker_finds_something_or_nothing": ("LOCAL-1", "CLOSE-2"),
        "closed_to_takers_is_final": ("CLOSE-2",),
        "drained_is_final": ("CLOSE-2",),
        "a_drain_counts_what_is_held": ("CLOSE-2",),
        "a_lease_ends_one_way": ("LEASE-1",),
    },
)
OFFERS: Final = Family(
    "contracts.offers",
    KERNEL,
    {
        "an_offer": ("BOUND-1", "BOUND-2", "EXACT-1", "EXPLICIT-1", "NORETRY-1", "CLOSE-1", "LEDGER-1"),
        "offers_up_to_the_wall": ("BOUND-1", "BOUND-2", "EXACT-1", "EXPLICIT-1", "FIXED-1", "LEDGER-1"),
        "an_item_of_any_value": ("LOCAL-1", "HOSTILE-1"),
    },
)
LEASES: Final = Family(
    "contracts.leases",
    KERNEL,
    {
        "a_take": ("LOCAL-1", "BOUND-2", "CLOSE-2", "LEDGER-1"),
        "a_look": ("LOCAL-1", "LEASE-1", "LEDGER-1"),
        "a_release": ("LEASE-1", "BOUND-2", "LEDGER-1"),
        "a_drop": ("LEASE-1", "LOCAL-1", "BOUND-2", "LEDGER-1"),
        "a_with_block": ("LEASE-1", "LOCAL-1", "LEDGER-1"),
        "a_slot_is_used_again": ("LEASE-1", "BOUND-1", "RECOVER-1", "EXACT-1"),
    },
)
END: Final = Family(
    "contracts.end",
    KERNEL,
    {
        "a_close": ("CLOSE-1", "LEDGER-1"),
        "a_drain": ("CLOSE-2", "CLOSE-1", "LEDGER-1"),
        "everything_comes_out_in_order": ("LOCAL-1", "CLOSE-2", "RECOVER-1", "LEDGER-1"),
    },
)
FAMILIES: Final = (OFFERS, LEASES, END, OFFER_ACTIONS, LEASE_ACTIONS, ANSWERS)
NO_CROSSHAIR: Final = "CrossHair is not installed (pip install crosshair-tool); nobody has made it for free-threaded builds"
EXPECTED: Final = {MACHINE: 26, KERNEL: 12}  # contracts in each module: one that got lost is noticed


class Malformed(Exception):
    """Report a contract, or a module of contracts, that could be confirmed without being true."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Tell what CrossHair said of one contract. `blames` are the clauses that the refutation itself names."""

    contract: str
    verdict: Verdict
    account: str = ""
    blames: tuple[str, ...] = ()


# What a contract must look like.


def contracts_in(tree: ast.Module) -> list[ast.FunctionDef]:
    """Give the functions that CrossHair would take for contracts: those that hold an assert."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [function for function in functions if any(isinstance(node, ast.Assert) for node in ast.walk(function))]


def check_form(function: ast.FunctionDef) -> None:
    """Demand one assert first, work, and one assert last, and nothing that could swallow either."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    asserts = [node for node in ast.walk(function) if isinstance(node, ast.Assert)]
    swallowing = (ast.Try, ast.TryStar, ast.With, ast.Return, ast.Raise, ast.Yield, ast.Lambda, ast.Global, ast.While)
    if len(body) < 3 or asserts != [body[0], body[-1]]:
        raise Malformed(f"{function.name}: not one hypothesis, some work and one claim")
    if any(isinstance(node, swallowing) for node in ast.walk(function)) or function.decorator_list:
        raise Malformed(f"{function.name}: what stands between its asserts could hide one")


def check_module(module: str, tree: ast.Module, families: Sequence[Family]) -> None:
    """Demand the expected contracts, each in one of the families, all well-formed, and no assert or `try` outside of them."""
    contracts = contracts_in(tree)
    for contract in contracts:
        check_form(contract)
    inside = {id(node) for contract in contracts for node in ast.walk(contract)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assert, ast.Try, ast.TryStar)) and id(node) not in inside:
            raise Malformed(f"{module}, line {node.lineno}: an assert or a try outside of a contract")
    names = [contract.name for contract in contracts]
    listed = [name for family in families for name in family.contracts]
    if sorted(names) != sorted(listed) or len(names) != EXPECTED.get(module, len(names)):
        raise Malformed(f"{module} holds {len(names)} contracts, {EXPECTED.get(module)} are expected and {len(listed)} listed")


def negated(source: str, name: str, folder: Path) -> ModuleType:
    """Make a copy of a module in which every claim is negated. It is a real file, or CrossHair would misplace its asserts."""
    tree = ast.parse(source)
    for contract in contracts_in(tree):
        claim = contract.body[-1]
        if isinstance(claim, ast.Assert):
            claim.test = ast.UnaryOp(ast.Not(), claim.test)
    path = folder / f"{name}.py"
    path.write_text(ast.unparse(ast.fix_missing_locations(tree)) + "\n", encoding="utf-8")
    spec = importlib.util.spec_from_file_location(f"{__package__}.{name}", path)
    if spec is None or spec.loader is None:
        raise Malformed(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


# What CrossHair says.


def analyze(function: Callable[..., object]) -> list[Any]:
    """Run one contract over all paths. Gives CrossHair's messages."""
    core = importlib.import_module("crosshair.core_and_libs")
    options = importlib.import_module("crosshair.options")
    wanted = options.AnalysisOptionSet(
        analysis_kind=[options.AnalysisKind.asserts],
        per_condition_timeout=CONDITION_TIMEOUT_S,
        per_path_timeout=PATH_TIMEOUT_S,
        max_uninteresting_iterations=0,  # none of these is a reason to stop
    )
    return [message for condition in core.analyze_function(function, wanted) for message in condition.analyze()]


def judge(contract: FunctionType, negation: FunctionType) -> Finding:
    """Tell whether a contract is confirmed over all paths, and its negation refuted."""
    messages = analyze(contract)
    name = contract.__name__
    if len(messages) != 1:
        return Finding(name, Verdict.UNKNOWN, f"{name}: {len(messages)} conditions were found, not 1")
    (message,) = messages
    state, text = message.state.name, str(message.message)
    if state == "CONFIRMED":
        return _witness(name, negation)
    if state in ("POST_FAIL", "POST_ERR", "EXEC_ERR") and not text.startswith("NotDeterministic"):
        return Finding(name, Verdict.ILLEGAL, f"{name}: {text}", _blamed(text))
    return Finding(name, Verdict.UNKNOWN, f"{name}: {state.lower()}: {text}")


def _witness(name: str, negation: FunctionType) -> Finding:
    """Demand that the negated claim is refuted, by reaching it."""
    claim = negation.__code__.co_firstlineno + len(inspect.getsource(negation).rstrip().splitlines()) - 1
    for message in analyze(negation):
        reached = str(message.message).startswith("AssertionError") and message.line == claim
        if message.state.name == "EXEC_ERR" and reached:
            return Finding(name, Verdict.OK)
    return Finding(name, Verdict.UNKNOWN, f"{name}: vacuous, no input meets its hypothesis and reaches its claim")


def _blamed(text: str) -> tuple[str, ...]:
    """Read the clauses that a Divergence names."""
    found = re.search(r"Divergence: \[([A-Z0-9 -]+)\]", text)
    return tuple(found.group(1).split()) if found else ()


def examine(family: Family, subject: Subject) -> list[Finding]:
    """Judge all contracts of a family on a subject. Malformed if they could be confirmed without being true."""
    module = importlib.import_module(family.module)
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    check_module(family.module, ast.parse(source), [each for each in FAMILIES if each.module == family.module] or [family])
    with TemporaryDirectory(prefix="tidegate-") as folder:
        negation = negated(source, f"_negated_{family.module.rpartition('.')[2]}", Path(folder))
        for either in (module, negation):
            if hasattr(either, "SUBJECT"):
                vars(either)["SUBJECT"] = subject
        gc.collect()
        gc.freeze()  # CrossHair collects garbage at each look at a weak reference: let there be little
        try:
            return [judge(getattr(module, name), getattr(negation, name)) for name in family.contracts]
        finally:
            gc.unfreeze()


def conclude(family: Family, findings: Sequence[Finding]) -> Result:
    """Sum up what was found of a family. One refuted contract makes it ILLEGAL; one that is not confirmed, UNKNOWN."""
    good = sum(finding.verdict is Verdict.OK for finding in findings)
    evidence = f"{good} contracts confirmed, {good} witnesses"
    bad = [finding for finding in findings if finding.verdict is Verdict.ILLEGAL]
    if bad:
        named = [clause for finding in bad for clause in finding.blames or family.contracts[finding.contract]]
        blames = tuple(clause for clause in dict.fromkeys(named) if clause in family.clauses)
        return Result(Verdict.ILLEGAL, evidence, "; ".join(finding.account for finding in bad), blames)
    if good < len(family.contracts):
        return Result(Verdict.UNKNOWN, evidence, "; ".join(finding.account for finding in findings if finding.account))
    return Result(Verdict.OK, evidence)


def run_family(family: Family, subject: Subject) -> Result:
    """Check one family on a subject."""
    if not __debug__:
        return Result(Verdict.UNKNOWN, "nothing confirmed", "asserts are switched off (-O, PYTHONOPTIMIZE)")
    if importlib.util.find_spec("crosshair") is None:
        return Result(Verdict.UNKNOWN, "not judged here: there is no crosshair", NO_CROSSHAIR)
    try:
        return conclude(family, examine(family, subject))
    except Malformed as malformed:
        return Result(Verdict.UNKNOWN, "nothing confirmed", str(malformed))


def _check(family: Family, shows: str, shows_not: str, deep: bool = False) -> Check:
    def run(subject: Subject, _: Settings) -> Result:
        return run_family(family, subject)

    return Check(family.name, "contracts", "CrossHair", family.clauses, shows, shows_not, run, (120.0, 300.0), deep)


_NOT_MACHINE: Final = "What an implementation does: this is about the state machine alone. States with more than 2 items."
_NOT_KERNEL: Final = "Calls that overlap or interrupt each other, or come after many others. Capacities above 3."
_SOUND: Final = "keeps the invariant and the predicates on steps, for any counts and any capacity."

CHECKS: Final[tuple[Check, ...]] = (
    _check(OFFERS, "One offer, and offers until it is full, from any small state; items of any value.", _NOT_KERNEL),
    _check(LEASES, "One take, look, release, drop or `with`, of any lease, from any small state.", _NOT_KERNEL),
    _check(END, "One close or drain, and taking everything out, from any small state.", _NOT_KERNEL),
    _check(OFFER_ACTIONS, f"Every action of an offer and of the end in the state machine {_SOUND}", _NOT_MACHINE, deep=True),
    _check(LEASE_ACTIONS, f"Every action of a taker in the state machine {_SOUND}", _NOT_MACHINE, deep=True),
    _check(
        ANSWERS,
        "Where one answer is promised, no two guards are true at once, and a final answer stays final, for any counts.",
        _NOT_MACHINE,
    ),
)
