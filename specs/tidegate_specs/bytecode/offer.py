"""Follow `offer` through its bytecode, over abstract values: what it can reach, and how many instructions that takes at most.

What each name stands for is looked up on a real intake, so `slots.claim` is seen to be `list.pop` of the free list and not merely
something called "claim". Every Python function that the subject's own package contributes is followed, and the finalisers of the
objects that an intake holds. Everything that is not on a list is refused: a call, an operator on a value that may be a caller's
item. An instruction that is neither refused nor followed ends the audit, and the answer is UNKNOWN.

The control-flow graph counts every exception handler in, and has no cycle. That is the exact form of "no loop": CPython 3.12 and
later lay handlers out at the end, so a handler that goes on with the function jumps backward without closing a cycle.
"""

import contextlib
import dis
import gc
import inspect
import itertools
import sys
import time
import types
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, cast, final

from ..check import Subject
from ..finalisers import finalisers_of
from ..instructions import NAMED, Meaning, meaning_of, unknown_in, unknown_text, unseen_version
from .follow import Lost, Walk, where_is
from .graph import Graph, graph_of
from .values import (
    ABSENT,
    ANYTHING,
    NO_ACCOUNT,
    NOWAIT,
    PLAIN,
    QUIET,
    Account,
    Finding,
    State,
    Value,
    is_int,
    is_list,
    is_plain,
    value_of,
)

EXAMPLE_CAPACITY: Final = 3

LOCK_NAMES: Final = frozenset(
    (
        *("acquire", "Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "Event", "Barrier"),
        *("allocate_lock", "start_new_thread", "wait", "wait_for", "join"),
    )
)
WRITE_NAMES: Final = frozenset(
    (
        *("print", "write", "writelines", "open", "warn", "warn_explicit", "getLogger"),
        *("log", "debug", "info", "warning", "error", "exception", "critical"),
    )
)
AFTER_A_FORK: Final = "_here"  # makes the slots anew for the first who calls in a child: no part of the bound (FORK-1)
WRITING_MODULES: Final = ("logging", "traceback", "warnings")
REFUSED: Final = {  # what no way through `offer` may do, by the meaning of an instruction
    Meaning.ITERATE: (NOWAIT, "a loop"),
    Meaning.BEGIN_LOOP: (NOWAIT, "a loop"),
    Meaning.ENTER: (NOWAIT, "a with statement"),
    Meaning.LOAD_SPECIAL: (NOWAIT, "a with statement"),
    Meaning.AWAIT: (NOWAIT, "an await"),
    Meaning.YIELD: (NOWAIT, "a yield"),
    Meaning.MAKE_GENERATOR: (NOWAIT, "a generator"),
    Meaning.IMPORT: (NOWAIT, "an import"),
    Meaning.MAKE_FUNCTION: (NOWAIT, "a function made on the way (a comprehension or a lambda)"),
    Meaning.FORMAT: (QUIET, "a formatted string"),
    Meaning.CALL_UNPACKED: (NOWAIT, "a call with unpacked arguments"),
    Meaning.STORE_GLOBAL: (NOWAIT, "a store to a global"),
}


@dataclass(slots=True)
class OfferAudit:
    """Audit one function of a package and all it can call.

    package: whose functions are followed. answers: the class whose members name the ways through the function. unknown: the
    instructions without a meaning, unfollowed: those with one that the audit has no use for; it ends at either.
    """

    package: str
    answers: type[Any]
    findings: list[Finding] = field(default_factory=list[Finding])
    functions: dict[types.CodeType, Graph] = field(default_factory=dict[types.CodeType, Graph])
    primitives: set[str] = field(default_factory=set[str])
    unknown: set[str] = field(default_factory=set[str])
    unfollowed: set[str] = field(default_factory=set[str])
    examples: dict[type[Any], Any] = field(default_factory=dict[type[Any], Any])
    _open: list[types.CodeType] = field(default_factory=list[types.CodeType])

    @property
    def instructions(self) -> int:
        return sum(len(graph.instructions) for graph in self.functions.values())

    @property
    def backward(self) -> int:
        return sum(graph.backward for graph in self.functions.values())

    def found(self, clause: str, where: str, what: str) -> None:
        finding = Finding(clause, where, what)
        if finding not in self.findings:
            self.findings.append(finding)

    def strange(self, instruction: dis.Instruction) -> Lost:
        """Note an instruction that can't be followed; give what ends the audit."""
        self.unfollowed.add(instruction.opname)
        return Lost(instruction.opname)

    def audit(self, function: types.FunctionType, arguments: Sequence[Value]) -> Account:
        """Follow one function, called with these arguments. Linear in its instructions: there is no loop to follow."""
        code = function.__code__
        where = f"{function.__qualname__} line {code.co_firstlineno}"
        if code in self._open:
            self.found(NOWAIT, where, f"recursion: {function.__qualname__} can call itself")
            return NO_ACCOUNT
        self.unknown.update(unknown_in([code]))
        if self.unknown:
            raise Lost
        graph = self.functions.setdefault(code, graph_of(code))
        if not self._admissible(function, graph):
            return NO_ACCOUNT
        named = code.co_argcount + code.co_kwonlyargcount
        names = code.co_varnames[:named]
        local = dict.fromkeys(names, ANYTHING) | dict(zip(names, arguments, strict=False))
        if code.co_flags & inspect.CO_VARARGS:
            rest = code.co_varnames[named]
            local[rest] = value_of(tuple(each.example for each in arguments[code.co_argcount :]), rest)
        self._open.append(code)
        try:
            return Walk(self, function, graph).run(State([], local, {"": 0}))
        finally:
            self._open.pop()

    def _admissible(self, function: types.FunctionType, graph: Graph) -> bool:
        """Refuse what can be refused by the instructions alone; tell whether they can be followed."""
        admissible = True
        if graph.cyclic:
            self.found(NOWAIT, where_is(function, next(iter(graph.instructions.values()))), "a loop: its control flow has a cycle")
            admissible = False
        for instruction in graph.instructions.values():
            where = where_is(function, instruction)
            meaning = meaning_of(instruction)
            if meaning in REFUSED:
                clause, what = REFUSED[meaning]
                self.found(clause, where, f"{what} ({instruction.opname})")
                admissible = False
            name = instruction.argval
            if instruction.opcode in NAMED and name in LOCK_NAMES:
                self.found(NOWAIT, where, f"a lock or a wait: it names {name!r}")
            if instruction.opcode in NAMED and name in WRITE_NAMES:
                self.found(QUIET, where, f"something that writes: it names {name!r}")
        flags = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
        if function.__code__.co_flags & flags:
            self.found(NOWAIT, function.__qualname__, "a generator or a coroutine")
            admissible = False
        return admissible

    def call(self, callee: Value, arguments: Sequence[Value], where: str) -> Account:
        """Resolve one call: to an atomic primitive, or to a function of the package, which is audited in turn. Else refuse it."""
        target = callee.example
        function = _function(callee)
        if function is not None and function[0].__name__ == AFTER_A_FORK and function[1]:
            self.primitives.add("a fork")
            return Account({"": 0}, 0, value_of(function[1][0].example._slots, "slots"))
        if function is not None:
            return self._python(function[0], (*function[1], *arguments), where)
        if isinstance(target, type) and type(target) is type and self._ours(target.__module__):
            return self._instance(target, arguments, where)
        if isinstance(target, weakref.ref) and not arguments:
            self.primitives.add("dereference")
            return Account({"": 0}, 0, value_of(cast(object, target()), callee.text + "()"))
        primitive = _primitive(callee, arguments)
        if primitive is None:
            self._refuse_call(callee, where)
            return NO_ACCOUNT
        self.primitives.add(primitive[0])
        return Account({"": 0}, 0, primitive[1])

    def _refuse_call(self, callee: Value, where: str) -> None:
        target = callee.example
        if target is ABSENT:
            self.found(NOWAIT, where, f"a call that can't be resolved: {callee.text}()")
            self.found(QUIET, where, f"a call that can't be resolved: {callee.text}()")
            return
        name = getattr(target, "__name__", type(target).__name__)
        writes = name in WRITE_NAMES or getattr(target, "__module__", None) in WRITING_MODULES
        self.found(
            QUIET if writes else NOWAIT, where, f"a call off the list of atomic primitives: {callee.text}(), which is {name}"
        )

    def _ours(self, module: str) -> bool:
        return module == self.package or module.startswith(self.package + ".")

    def _python(self, function: types.FunctionType, arguments: Sequence[Value], where: str) -> Account:
        if not self._ours(function.__module__):
            name = f"{function.__module__}.{function.__qualname__}"
            clause = QUIET if function.__module__.partition(".")[0] in WRITING_MODULES else NOWAIT
            self.found(clause, where, f"a call of Python code from outside the package: {name}()")
            return NO_ACCOUNT
        return self.audit(function, arguments)

    def _instance(self, cls: type[Any], arguments: Sequence[Value], where: str) -> Account:
        made = Value(cls, self.examples.get(cls, ABSENT), cls.__name__)
        returning = raising = 0
        for name in ("__new__", "__init__"):
            method = inspect.getattr_static(cls, name)
            method = method.__func__ if isinstance(method, staticmethod) else method
            if isinstance(method, types.FunctionType):
                account = self._python(method, (made, *arguments), where)
                returning += account.returning
                raising += account.worst
        return Account({"": returning}, raising, made)

    def collect(self, intake: Any) -> None:
        """Note one object of each class of the package that an intake holds: what their names stand for, and their finalisers."""
        found: list[Any] = [intake]
        while found:
            thing = found.pop()
            if self._ours(type(thing).__module__) and type(thing) not in self.examples:
                self.examples[type(thing)] = thing
                found.extend(gc.get_referents(thing))
            elif type(thing) in (list, tuple) and len(thing) <= EXAMPLE_CAPACITY:
                found.extend(thing)

    def finalisers(self) -> int:
        """Audit what runs when an intake's objects die inside a call; give the most instructions that one of them takes."""
        most = 0
        for cls, example in self.examples.items():
            for method in finalisers_of(cls).values():
                most = max(most, self.audit(method, (value_of(example, "self"),)).worst)
        return most


def _function(callee: Value) -> tuple[types.FunctionType, tuple[Value, ...]] | None:
    """Give the Python function that a call goes to, and what it is bound to."""
    target = callee.example
    bound: tuple[Value, ...] = () if callee.receiver is None else (callee.receiver,)
    if isinstance(target, types.MethodType):
        bound = (value_of(target.__self__, "self"),)
        target = target.__func__
    return (target, bound) if isinstance(target, types.FunctionType) else None


METHODS: Final[Mapping[tuple[type[Any], str], int]] = {  # the atomic methods, by class and name, and how many arguments they take
    (list, "pop"): 0,
    (list, "append"): 1,
    (list, "clear"): 0,
    (dict, "get"): 1,  # or 2, with a default
    (SimpleQueue, "put"): 1,
    (SimpleQueue, "empty"): 0,
}
NONE: Final = value_of(None, "None")


def _primitive(callee: Value, arguments: Sequence[Value]) -> tuple[str, Value] | None:
    """Give the name of the atomic primitive that a call goes to, and what comes back; None if it is not on the list."""
    target = callee.example
    kinds = tuple(argument.kind for argument in arguments)
    if target is sys.getrefcount and len(kinds) == 1:
        return "getrefcount", Value(int, text="number")
    if target is isinstance and len(kinds) == 2 and is_plain(kinds[0]) and arguments[1].example in PLAIN:
        return "isinstance", Value(bool, text="is it one")
    if target is type and len(kinds) == 1:
        return "type", Value(type, text="class")
    if isinstance(target, partial):
        return ("yield_processor", NONE) if target.func is time.sleep and target.args == (0,) and not kinds else None
    if isinstance(target, types.BuiltinFunctionType) and isinstance(target.__self__, types.ModuleType):
        name = (target.__self__.__name__, target.__name__)
        if name == ("posix", "sched_yield") and not kinds:
            return "yield_processor", NONE
        return ("next", Value(int, text="count")) if target is next and kinds == (itertools.count,) else None
    return _method(target, kinds)


def _looked_up(owner: Any) -> Value:
    """Make the value that a look into a dictionary may give: that of one of its entries, a number if it has none."""
    values = list(cast(dict[object, object], owner).values()) if type(owner) is dict else []
    alive: list[object] = [
        value for value in values if not isinstance(value, weakref.ref) or cast(Callable[[], object], value)() is not None
    ]
    return value_of(alive[-1], "entry") if alive else Value(int, text="number")


def _method(target: Any, kinds: tuple[type[Any] | None, ...]) -> tuple[str, Value] | None:
    owner: Any = ABSENT
    newest: Value = ANYTHING
    if isinstance(target, types.BuiltinFunctionType):
        owner = target.__self__
        cls: type[Any] = list if is_list(owner.__class__) else owner.__class__
    elif isinstance(target, types.MethodDescriptorType):
        cls = target.__objclass__
    else:
        return None
    needed = METHODS.get((cls, target.__name__))
    if needed is None or len(kinds) not in (needed, needed + (cls is dict)) or (cls is dict and not is_int(kinds[0])):
        return None
    if cls is list and owner is not ABSENT and owner:
        newest = value_of(owner[-1], "token")
    results = {
        "pop": newest,
        "get": _looked_up(owner),
        "empty": Value(bool, text="empty"),
    }
    return f"{cls.__name__}.{target.__name__}", results.get(target.__name__, NONE)


@final
class _Probe:
    """Be an item of a class that nothing knows."""


@dataclass(frozen=True, slots=True)
class OfferReport:
    """Tell what the audit of `offer` found, and what it counted.

    findings: what is refused; empty if all is well. counts: the most instructions by answer, every callee and exception handler
    included; "raises" is the longest way on which an exception from outside ends the call. finaliser: the most instructions of
    the finaliser of an object that the call holds. unread: why the instructions could not be
    read, "" if they could; nothing else counts then. unfollowed: those at which the audit stopped, so that what was found is not
    all. functions, instructions: what was read. backward: jumps to a lower
    offset that close no cycle. primitives: the atomic primitives that are called.
    """

    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    finaliser: int
    unread: str
    unfollowed: tuple[str, ...]
    functions: int
    instructions: int
    backward: int
    primitives: tuple[str, ...]

    @property
    def worst(self) -> int:
        """Give the most instructions of a call that answers."""
        return max((count for label, count in self.counts.items() if label != "raises"), default=0)


def package_of(subject: Subject) -> str:
    """Give the name of the package whose code is judged: the one that the intake's class comes from."""
    module: str = subject.Intake.__module__
    name: str = getattr(subject, "__name__", "")
    return name if name and (module == name or module.startswith(name + ".")) else module.rpartition(".")[0] or module


def audit_offer(subject: Subject) -> OfferReport:
    """Audit `Intake.offer` and everything it can call, from its bytecode."""
    new = unseen_version()
    if new:
        return OfferReport((), {}, 0, new, (), 0, 0, 0, ())
    intake = subject.Intake(EXAMPLE_CAPACITY)
    held: list[Any] = []
    with contextlib.suppress(Exception):  # an intake in use, so that its lists hold one of each kind that they ever do
        intake.offer(_Probe())
        intake.offer(_Probe())
    with contextlib.suppress(Exception):
        held.append(intake.take(0))
    audit = OfferAudit(package_of(subject), subject.Outcome)
    audit.collect(intake)
    offer = inspect.getattr_static(subject.Intake, "offer")
    if not isinstance(offer, types.FunctionType):
        audit.found(NOWAIT, "offer", f"offer is not a plain function but a {type(offer).__name__}")
        return _report(audit, NO_ACCOUNT, 0)
    account, finaliser = NO_ACCOUNT, 0
    try:
        account = audit.audit(offer, (value_of(intake, "self"), Value(None, text="item")))
        finaliser = audit.finalisers()
    except Lost:
        pass
    return _report(audit, account, finaliser)


def _report(audit: OfferAudit, account: Account, finaliser: int) -> OfferReport:
    counts = {label or "returns": count for label, count in account.returns.items()}
    if account.raises:
        counts["raises"] = account.raises
    return OfferReport(
        findings=tuple(audit.findings),
        counts=counts,
        finaliser=finaliser,
        unread=unknown_text(sorted(audit.unknown)) if audit.unknown else "",
        unfollowed=tuple(sorted(audit.unfollowed)),
        functions=len(audit.functions),
        instructions=audit.instructions,
        backward=audit.backward,
        primitives=tuple(sorted(audit.primitives)),
    )
