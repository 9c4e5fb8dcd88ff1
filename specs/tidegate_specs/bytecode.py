"""Follow `offer` through its bytecode, over abstract values: what it can reach, and how many instructions that takes at most.

What each name stands for is looked up on a real intake, so `slots.claim` is seen to be `list.pop` of the free list and not merely
something called "claim". Every Python function that the subject's own package contributes is followed, and the finalisers of the
objects that an intake holds. Everything that is not on a list is refused: an instruction, a call, an operator on a value that may
be a caller's item.

The control-flow graph counts every exception handler in, and has no cycle. That is the exact form of "no loop": CPython 3.12 and
later lay handlers out at the end, so a handler that goes on with the function jumps backward without closing a cycle.
"""

import contextlib
import dis
import gc
import importlib
import inspect
import itertools
import sys
import time
import types
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, cast, final

from .check import Subject

VERSIONS: Final = ((3, 11), (3, 12), (3, 13))  # whose instructions the audit knows
NOWAIT: Final = "NOWAIT-1"
QUIET: Final = "QUIET-1"
EXPLICIT: Final = "EXPLICIT-1"

EXAMPLE_CAPACITY: Final = 3
ABSENT: Final = object()
PLAIN: Final = (int, bool, float, str, list, tuple, types.NoneType)  # their operators run no Python code of a caller's

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
WRITING_MODULES: Final = ("logging", "traceback", "warnings")
REFUSED: Final = {
    "FOR_ITER": (NOWAIT, "a loop"),
    "GET_ITER": (NOWAIT, "a loop"),
    "BEFORE_WITH": (NOWAIT, "a with statement"),
    "BEFORE_ASYNC_WITH": (NOWAIT, "a with statement"),
    "GET_AWAITABLE": (NOWAIT, "an await"),
    "SEND": (NOWAIT, "an await"),
    "YIELD_VALUE": (NOWAIT, "a yield"),
    "RETURN_GENERATOR": (NOWAIT, "a generator"),
    "IMPORT_NAME": (NOWAIT, "an import"),
    "MAKE_FUNCTION": (NOWAIT, "a function made on the way (a comprehension or a lambda)"),
    "FORMAT_VALUE": (QUIET, "a formatted string"),
    "FORMAT_SIMPLE": (QUIET, "a formatted string"),
    "CONVERT_VALUE": (QUIET, "a formatted string"),
    "CALL_FUNCTION_EX": (NOWAIT, "a call with unpacked arguments"),
    "STORE_GLOBAL": (NOWAIT, "a store to a global"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Tell one thing that the audit refuses: the clause it breaks, where it is, what it is."""

    clause: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@final
@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """Stand for a value at one place: its exact class if known, an example of it if there is one.

    text: how the source names it, for messages. receiver: for a method, what it is bound to.
    """

    kind: type[Any] | None
    example: Any = ABSENT
    text: str = "?"
    receiver: "Value | None" = None


ANYTHING: Final = Value(None)
NULL: Final = Value(None, text="NULL")


def value_of(example: object, text: str) -> Value:
    """Make the value that a known object stands for."""
    return Value(type(example), example, text)


def is_int(kind: type[Any] | None) -> bool:
    """Tell whether a class is `int`, or one derived from it that leaves its operators alone."""
    if kind is None or not issubclass(kind, int):
        return False
    own = {name for cls in kind.__mro__ for name, member in vars(cls).items() if isinstance(member, types.FunctionType)}
    return own <= {"__del__", "__init__", "__new__"}


def is_plain(kind: type[Any] | None) -> bool:
    """Tell whether the operators of a class run no Python code of a caller's."""
    return kind in PLAIN or is_int(kind)


def merged(one: Value, other: Value) -> Value:
    """Make the value that stands for either: what two ways through the function leave in one place."""
    if one is other or (one.example is other.example and one.example is not ABSENT):
        return one
    if one.kind is not None and one.kind is other.kind:
        return Value(one.kind, text=one.text)
    if types.NoneType in (one.kind, other.kind):  # a way on which it is None tests for that first, or raises
        return other if one.kind is types.NoneType else one
    return ANYTHING


@dataclass(frozen=True, slots=True)
class Handler:
    """Give one line of the exception table: the range of offsets, where it goes, and the stack there."""

    start: int
    end: int
    target: int
    depth: int
    lasti: bool


def handlers_of(code: types.CodeType) -> tuple[Handler, ...]:
    """Read the exception table of a code object: numbers of 6 bits a byte, four to a line."""
    table = iter(code.co_exceptiontable)

    def number() -> int:
        byte = next(table)
        read = byte & 63
        while byte & 64:
            byte = next(table)
            read = read << 6 | byte & 63
        return read

    found: list[Handler] = []
    while True:
        try:
            start = number() * 2
        except StopIteration:
            return tuple(found)
        length, target, depth = number() * 2, number() * 2, number()
        found.append(Handler(start, start + length, target, depth >> 1, bool(depth & 1)))


@dataclass(frozen=True, slots=True)
class Graph:
    """Hold the control flow of one function: its instructions by offset, and where each may go next, exceptions included."""

    code: types.CodeType
    instructions: Mapping[int, dis.Instruction]
    flow: Mapping[int, tuple[int, ...]]
    handler: Mapping[int, Handler]
    backward: int  # jumps to a lower offset
    order: tuple[int, ...]  # topological; empty if there is a cycle

    @property
    def cyclic(self) -> bool:
        return not self.order


def graph_of(code: types.CodeType) -> Graph:
    """Build the control-flow graph of a function."""
    listing = list(dis.get_instructions(code))
    instructions = {instruction.offset: instruction for instruction in listing}
    flow: dict[int, tuple[int, ...]] = {}
    backward = 0
    jumps = {*dis.hasjrel, *dis.hasjabs}
    for instruction, following in itertools.zip_longest(listing, listing[1:]):
        goes: list[int] = []
        name = instruction.opname
        ends = name in ("RETURN_VALUE", "RETURN_CONST", "RERAISE", "RAISE_VARARGS")
        if not ends and not name.startswith("JUMP_") and following is not None:
            goes.append(following.offset)
        if instruction.opcode in jumps:
            goes.append(instruction.argval)
            if name.startswith("JUMP_IF_") and following is not None:
                goes.append(following.offset)
            backward += instruction.argval <= instruction.offset
        flow[instruction.offset] = tuple(goes)
    handler: dict[int, Handler] = {}
    for entry in handlers_of(code):
        for offset in instructions:
            if entry.start <= offset < entry.end:
                handler[offset] = entry
    return Graph(code, instructions, flow, handler, backward, _topological(listing[0].offset, flow, handler))


def _topological(first: int, flow: Mapping[int, tuple[int, ...]], handler: Mapping[int, Handler]) -> tuple[int, ...]:
    """Order the offsets that are reached, each before all it goes to; give nothing if there is a cycle."""

    def goes_to(offset: int) -> Iterator[int]:
        entry = handler.get(offset)
        return iter(flow[offset] if entry is None else (*flow[offset], entry.target))

    finished: list[int] = []
    entered = {first}
    open_: list[tuple[int, Iterator[int]]] = [(first, goes_to(first))]
    on_way = {first}
    while open_:
        offset, successors = open_[-1]
        for successor in successors:
            if successor in on_way:
                return ()
            if successor not in entered:
                entered.add(successor)
                on_way.add(successor)
                open_.append((successor, goes_to(successor)))
                break
        else:
            open_.pop()
            on_way.discard(offset)
            finished.append(offset)
    return tuple(reversed(finished))


@dataclass(frozen=True, slots=True)
class Account:
    """Tell what one function can cost: the longest way to a return by answer, the longest way to an exception, its value."""

    returns: Mapping[str, int]
    raises: int
    value: Value

    @property
    def returning(self) -> int:
        return max(self.returns.values(), default=0)

    @property
    def worst(self) -> int:
        return max(self.returning, self.raises)


NO_ACCOUNT: Final = Account({}, 0, ANYTHING)


@dataclass(slots=True)
class State:
    """Hold the abstract stack and locals before one instruction, and the longest way to it by the answer loaded last."""

    stack: list[Value]
    local: dict[str, Value]
    length: dict[str, int]

    def copied(self) -> "State":
        return State(list(self.stack), dict(self.local), dict(self.length))

    def merge(self, other: "State") -> None:
        self.stack = [merged(one, two) for one, two in zip(self.stack, other.stack, strict=True)]
        self.local = {name: merged(value, other.local[name]) for name, value in self.local.items() if name in other.local}
        for label, length in other.length.items():
            self.length[label] = max(self.length.get(label, 0), length)


@dataclass(slots=True)
class OfferAudit:
    """Audit one function of a package and all it can call.

    package: whose functions are followed. answers: the class whose members name the ways through the function.
    """

    package: str
    answers: type[Any]
    findings: list[Finding] = field(default_factory=list[Finding])
    functions: dict[types.CodeType, Graph] = field(default_factory=dict[types.CodeType, Graph])
    primitives: set[str] = field(default_factory=set[str])
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

    def audit(self, function: types.FunctionType, arguments: Sequence[Value]) -> Account:
        """Follow one function, called with these arguments. Linear in its instructions: there is no loop to follow."""
        code = function.__code__
        where = f"{function.__qualname__} line {code.co_firstlineno}"
        if code in self._open:
            self.found(NOWAIT, where, f"recursion: {function.__qualname__} can call itself")
            return NO_ACCOUNT
        graph = self.functions.setdefault(code, graph_of(code))
        if not self._admissible(function, graph):
            return NO_ACCOUNT
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        local = dict.fromkeys(names, ANYTHING) | dict(zip(names, arguments, strict=False))
        self._open.append(code)
        try:
            return _Walk(self, function, graph).run(State([], local, {"": 0}))
        finally:
            self._open.pop()

    def _admissible(self, function: types.FunctionType, graph: Graph) -> bool:
        """Refuse what can be refused by the instructions alone; tell whether they can be followed."""
        admissible = True
        if graph.cyclic:
            self.found(NOWAIT, _where(function, next(iter(graph.instructions.values()))), "a loop: its control flow has a cycle")
            admissible = False
        for instruction in graph.instructions.values():
            where = _where(function, instruction)
            if instruction.opname in REFUSED:
                clause, what = REFUSED[instruction.opname]
                self.found(clause, where, f"{what} ({instruction.opname})")
                admissible = False
            name = instruction.argval
            if instruction.opcode in dis.hasname and name in LOCK_NAMES:
                self.found(NOWAIT, where, f"a lock or a wait: it names {name!r}")
            if instruction.opcode in dis.hasname and name in WRITE_NAMES:
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
            method = getattr(cls, "__del__", None)
            if isinstance(method, types.FunctionType):
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


def _where(function: types.FunctionType, instruction: dis.Instruction) -> str:
    line = instruction.positions.lineno if instruction.positions is not None else None
    return f"{function.__qualname__} line {line or function.__code__.co_firstlineno}"


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
        cls: type[Any] = owner.__class__
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
class _Walk:
    """Run one function over abstract values, in topological order, joining the ways that meet."""

    def __init__(self, audit: OfferAudit, function: types.FunctionType, graph: Graph) -> None:
        self.audit = audit
        self.function = function
        self.graph = graph
        self.states: dict[int, State] = {}
        self.returned: Value | None = None
        self.returns: dict[str, int] = {}
        self.raises = 0
        self.extra = NO_ACCOUNT  # what the instruction calls
        self.where = ""

    def run(self, first: State) -> Account:
        self.states[self.graph.order[0]] = first
        for offset in self.graph.order:
            self._visit(offset, self.states.pop(offset))
        return Account(self.returns, self.raises, self.returned or ANYTHING)

    def _reach(self, offset: int, state: State) -> None:
        if offset in self.states:
            self.states[offset].merge(state)
        else:
            self.states[offset] = state.copied()

    def _visit(self, offset: int, state: State) -> None:
        instruction = self.graph.instructions[offset]
        self.where = _where(self.function, instruction)
        self.extra = NO_ACCOUNT
        before = state.copied()
        self._step(instruction, state)
        loaded: Any = state.stack[-1].example if state.stack else ABSENT
        label: str | None = loaded.name if instruction.opname == "LOAD_GLOBAL" and isinstance(loaded, self.audit.answers) else None
        interrupted = {key: length + 1 + self.extra.worst for key, length in before.length.items()}
        state.length = {key: length + 1 + self.extra.returning for key, length in before.length.items()}
        if label is not None:
            state.length = {label: max(state.length.values())}
        if instruction.opname in ("RETURN_VALUE", "RETURN_CONST"):
            for key, length in state.length.items():
                self.returns[key] = max(self.returns.get(key, 0), length)
        for target in self.graph.flow[offset]:
            self._reach(target, state)
        entry = self.graph.handler.get(offset)
        if entry is None:
            self.raises = max(self.raises, *interrupted.values())
        else:
            stack = [*before.stack[: entry.depth], *([ANYTHING] if entry.lasti else []), ANYTHING]
            # Both sides of a store that may be interrupted: before it, and after it.
            self._reach(entry.target, State(list(stack), before.local, interrupted))
            self._reach(entry.target, State(list(stack), {**before.local, **state.local}, interrupted))

    def _step(self, instruction: dis.Instruction, state: State) -> None:
        name, argument = instruction.opname, instruction.arg or 0
        method = getattr(self, f"_{name.lower()}", None)
        if method is not None:
            method(instruction, state)
        elif name in _EFFECTS:
            pops, pushes = _EFFECTS[name]
            for _ in range(pops):
                state.stack.pop()
            state.stack.extend([ANYTHING] * pushes)
        elif name.startswith("POP_JUMP_"):
            self._plain("truth", state.stack.pop(), always="NONE" in name)
        elif name in ("BUILD_TUPLE", "BUILD_LIST"):
            del state.stack[len(state.stack) - argument :]
            state.stack.append(Value(tuple if name == "BUILD_TUPLE" else list, text="[...]"))
        else:
            self.audit.found(NOWAIT, self.where, f"an instruction that the audit does not allow: {name}")
            raise _LostError

    def _plain(self, operation: str, *values: Value, always: bool = False) -> None:
        """Refuse an operator on anything but plain values: it could run a method of the caller's item."""
        for value in values:
            if not always and not is_plain(value.kind):
                self.audit.found(QUIET, self.where, f"{operation} of {value.text}, which may run code of a caller's")

    # Names and stack

    def _unpack_sequence(self, instruction: dis.Instruction, state: State) -> None:
        value, count = state.stack.pop(), instruction.arg or 0
        if value.kind not in (tuple, list):
            self.audit.found(QUIET, self.where, f"unpacking {value.text}, which may run code of a caller's")
        known: object = value.example
        parts = cast(tuple[object, ...], known) if type(known) is tuple else ()
        state.stack.extend([value_of(part, value.text) for part in reversed(parts)] if len(parts) == count else [ANYTHING] * count)

    def _local(self, name: str, state: State) -> Value:
        value = state.local.get(name, ANYTHING)
        return Value(value.kind, value.example, name, value.receiver)

    def _load_fast(self, instruction: dis.Instruction, state: State) -> None:
        names = _names(instruction)
        state.stack.extend(self._local(name, state) for name in names)

    _load_fast_check = _load_fast_load_fast = _load_fast

    def _store_fast(self, instruction: dis.Instruction, state: State) -> None:
        names = _names(instruction)
        for name in names:
            state.local[name] = state.stack.pop()

    _store_fast_store_fast = _store_fast

    def _store_fast_load_fast(self, instruction: dis.Instruction, state: State) -> None:
        store, load = instruction.argval
        state.local[store] = state.stack.pop()
        state.stack.append(self._local(load, state))

    def _delete_fast(self, instruction: dis.Instruction, state: State) -> None:
        state.local.pop(instruction.argval, None)

    def _load_const(self, instruction: dis.Instruction, state: State) -> None:
        state.stack.append(value_of(instruction.argval, repr(instruction.argval)))

    def _load_global(self, instruction: dis.Instruction, state: State) -> None:
        name = instruction.argval
        builtins: Mapping[str, Any] = vars(importlib.import_module("builtins"))
        example = self.function.__globals__.get(name, builtins.get(name, ABSENT))
        if example is ABSENT:
            self.audit.found(NOWAIT, self.where, f"a name that can't be resolved: {name}")
        value = Value(None, text=name) if example is ABSENT else value_of(example, name)
        state.stack.extend((NULL, value) if (instruction.arg or 0) & 1 else (value,))

    def _copy(self, instruction: dis.Instruction, state: State) -> None:
        state.stack.append(state.stack[-(instruction.arg or 1)])

    def _swap(self, instruction: dis.Instruction, state: State) -> None:
        depth = instruction.arg or 1
        state.stack[-1], state.stack[-depth] = state.stack[-depth], state.stack[-1]

    def _push_null(self, instruction: dis.Instruction, state: State) -> None:
        state.stack.append(NULL)

    # Attributes and items

    def _load_attr(self, instruction: dis.Instruction, state: State) -> None:
        value = self._attribute(state.stack.pop(), instruction.argval)
        as_method = sys.version_info >= (3, 12) and (instruction.arg or 0) & 1
        state.stack.extend((NULL, value) if as_method else (value,))

    def _load_method(self, instruction: dis.Instruction, state: State) -> None:
        state.stack.extend((NULL, self._attribute(state.stack.pop(), instruction.argval)))

    def _attribute(self, owner: Value, name: str) -> Value:
        text = f"{owner.text}.{name}"
        if owner.kind is None:
            self.audit.found(QUIET, self.where, f"reading {text}, which may run code of a caller's")
            return Value(None, text=text)
        for hook in ("__getattr__", "__getattribute__"):
            if isinstance(inspect.getattr_static(owner.kind, hook, None), types.FunctionType):
                self.audit.found(NOWAIT, self.where, f"reading {text} runs {owner.kind.__name__}.{hook}")
        static = inspect.getattr_static(owner.kind, name, ABSENT)
        if isinstance(static, property) and isinstance(static.fget, types.FunctionType):
            self.extra = self.audit.call(value_of(static.fget, text), (owner,), self.where)
            return Value(self.extra.value.kind, self.extra.value.example, text)
        if isinstance(static, (types.FunctionType, types.MethodDescriptorType)) and owner.example is ABSENT:
            return Value(types.MethodType, static, text, owner)
        if owner.example is ABSENT:
            return Value(None, text=text)
        try:
            return value_of(getattr(owner.example, name), text)
        except AttributeError:
            return Value(None, text=text)

    def _store_attr(self, instruction: dis.Instruction, state: State) -> None:
        owner = state.stack.pop()
        state.stack.pop()
        hook = ABSENT if owner.kind is None else inspect.getattr_static(owner.kind, "__setattr__", ABSENT)
        if owner.kind is None or isinstance(hook, types.FunctionType):
            self.audit.found(QUIET, self.where, f"storing {owner.text}.{instruction.argval}, which may run code of a caller's")

    def _binary_subscr(self, instruction: dis.Instruction, state: State) -> None:
        index, container = state.stack.pop(), state.stack.pop()
        self._plain("a subscript", container, index)
        elements: Sequence[Any] = container.example if type(container.example) in (list, tuple) else ()
        kinds: set[type[Any]] = {type(element) for element in elements}
        text = f"{container.text}[{index.text}]"
        if kinds and (kinds <= set(PLAIN) or (len(kinds) == 1 and object not in kinds)):
            state.stack.append(value_of(next((element for element in elements if element is not None), None), text))
        else:
            state.stack.append(Value(None, text=text))

    def _store_subscr(self, instruction: dis.Instruction, state: State) -> None:
        index, container, _ = state.stack.pop(), state.stack.pop(), state.stack.pop()
        if not (container.kind is dict and is_int(index.kind)):
            self._plain("a subscript", container, index)

    # Operators

    def _binary_op(self, instruction: dis.Instruction, state: State) -> None:
        right, left = state.stack.pop(), state.stack.pop()
        self._plain(f"the operator {instruction.argrepr}", left, right)
        state.stack.append(Value(_result(left, right), text=f"{left.text} {instruction.argrepr} {right.text}"))

    def _compare_op(self, instruction: dis.Instruction, state: State) -> None:
        right, left = state.stack.pop(), state.stack.pop()
        self._plain(f"the comparison {instruction.argrepr}", left, right)
        state.stack.append(Value(bool, text=f"{left.text} {instruction.argrepr} {right.text}"))

    def _is_op(self, instruction: dis.Instruction, state: State) -> None:
        del state.stack[-2:]
        state.stack.append(Value(bool, text="is"))

    def _to_bool(self, instruction: dis.Instruction, state: State) -> None:
        value = state.stack.pop()
        self._plain("the truth", value)
        state.stack.append(Value(bool, text=value.text))

    _unary_not = _to_bool

    def _check_exc_match(self, instruction: dis.Instruction, state: State) -> None:
        state.stack.pop()
        state.stack.append(Value(bool, text="match"))

    # Ends and calls

    def _return_value(self, instruction: dis.Instruction, state: State) -> None:
        value = state.stack[-1]
        self.returned = value if self.returned is None else merged(self.returned, value)

    def _return_const(self, instruction: dis.Instruction, state: State) -> None:
        value = value_of(instruction.argval, repr(instruction.argval))
        self.returned = value if self.returned is None else merged(self.returned, value)

    def _raise_varargs(self, instruction: dis.Instruction, state: State) -> None:
        if instruction.arg:
            self.audit.found(EXPLICIT, self.where, "a raise of its own")

    def _call(self, instruction: dis.Instruction, state: State) -> None:
        count = instruction.arg or 0
        arguments = state.stack[len(state.stack) - count :]
        del state.stack[len(state.stack) - count :]
        first, second = state.stack.pop(), state.stack.pop()
        callee = first if second is NULL else second
        self.extra = self.audit.call(callee, arguments, self.where)
        state.stack.append(Value(self.extra.value.kind, self.extra.value.example, callee.text + "()"))

    def _call_kw(self, instruction: dis.Instruction, state: State) -> None:
        state.stack.pop()
        self._call(instruction, state)


def _result(left: Value, right: Value) -> type[Any] | None:
    """Give the class of what an operator makes of two values, if that is known."""
    if is_int(left.kind) and is_int(right.kind):
        return int
    return left.kind if left.kind is right.kind else None


def _names(instruction: dis.Instruction) -> tuple[str, ...]:
    """Give the names of an instruction: two, where two were made one."""
    argument: object = instruction.argval
    return cast(tuple[str, ...], argument) if type(argument) is tuple else (str(argument),)


class _LostError(Exception):
    """Raised when the walk meets an instruction it can't follow; the finding is already noted."""


_EFFECTS: Final = {  # of the instructions that do nothing to names: values off and on the stack
    "NOP": (0, 0),
    "RESUME": (0, 0),
    "EXTENDED_ARG": (0, 0),
    "PRECALL": (0, 0),
    "KW_NAMES": (0, 0),
    "POP_TOP": (1, 0),
    "JUMP_FORWARD": (0, 0),
    "JUMP_BACKWARD": (0, 0),
    "JUMP_BACKWARD_NO_INTERRUPT": (0, 0),
    "PUSH_EXC_INFO": (0, 1),
    "POP_EXCEPT": (1, 0),
    "RERAISE": (1, 0),
}


@final
class _Probe:
    """Be an item of a class that nothing knows."""


@dataclass(frozen=True, slots=True)
class OfferReport:
    """Tell what the audit of `offer` found, and what it counted.

    findings: what is refused; empty if all is well. counts: the most instructions by answer, every callee and exception handler
    included; "raises" is the longest way on which an exception from outside ends the call. finaliser: the most instructions of
    the finaliser of an object that the call holds. functions, instructions: what was read. backward: jumps to a lower
    offset that close no cycle. primitives: the atomic primitives that are called.
    """

    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    finaliser: int
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
    except _LostError:
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
        functions=len(audit.functions),
        instructions=audit.instructions,
        backward=audit.backward,
        primitives=tuple(sorted(audit.primitives)),
    )
