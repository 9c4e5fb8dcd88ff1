"""Run one function over abstract values, instruction by instruction, by what each of them means.

Each method of `Walk` that is named after a meaning does what an instruction of that meaning does; `_MOVES` has those that only move
values. An instruction of another meaning ends the audit, and so does one that moves another number of values than the interpreter
says that it does: neither is held against the subject.
"""

import dis
import importlib
import inspect
import types
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, cast, final

from ..instructions import ENDS, Meaning, constant_of, effect_of, meaning_of
from .graph import Graph
from .values import (
    ABSENT,
    ANYTHING,
    EXPLICIT,
    NO_ACCOUNT,
    NOWAIT,
    NULL,
    PLAIN,
    QUIET,
    Account,
    State,
    Value,
    is_int,
    is_plain,
    merged,
    value_of,
)

RETURNS: Final = (Meaning.RETURN, Meaning.RETURN_CONSTANT)


class Lost(Exception):
    """Raised when the walk can't go on. What is refused, or which instruction it can't follow, is already noted."""


class Audit(Protocol):
    """Say what a walk needs of the audit that it is a part of."""

    answers: type[Any]

    def found(self, clause: str, where: str, what: str) -> None:
        """Note what is refused."""

    def call(self, callee: Value, arguments: Sequence[Value], where: str) -> Account:
        """Follow a call."""
        ...

    def strange(self, instruction: dis.Instruction) -> Lost:
        """Note an instruction that the walk can't follow; give what ends the audit."""
        ...


def where_is(function: types.FunctionType, instruction: dis.Instruction) -> str:
    """Name the place of an instruction: function and line."""
    line = instruction.positions.lineno if instruction.positions is not None else None
    return f"{function.__qualname__} line {line or function.__code__.co_firstlineno}"


_MOVES: Final = {  # of the instructions that do nothing to names: values off and on the stack
    Meaning.NOTHING: (0, 0),
    Meaning.DROP: (1, 0),
    Meaning.JUMP: (0, 0),
    Meaning.BEGIN_HANDLER: (0, 1),
    Meaning.END_HANDLER: (1, 0),
    Meaning.RAISE_AGAIN: (1, 0),
    Meaning.JUMP_IF_NONE: (1, 0),
}


@final
class Walk:
    """Run one function over abstract values, in topological order, joining the ways that meet."""

    def __init__(self, audit: Audit, function: types.FunctionType, graph: Graph) -> None:
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
        self.where = where_is(self.function, instruction)
        self.extra = NO_ACCOUNT
        before = state.copied()
        meaning = meaning_of(instruction)
        self._step(instruction, meaning, state)
        loaded: Any = state.stack[-1].example if state.stack else ABSENT
        label: str | None = loaded.name if meaning is Meaning.LOAD_GLOBAL and isinstance(loaded, self.audit.answers) else None
        interrupted = {key: length + 1 + self.extra.worst for key, length in before.length.items()}
        state.length = {key: length + 1 + self.extra.returning for key, length in before.length.items()}
        if label is not None:
            state.length = {label: max(state.length.values())}
        if meaning in RETURNS:
            for key, length in state.length.items():
                self.returns[key] = max(self.returns.get(key, 0), length)
        for target in self.graph.flow[offset]:
            kept = meaning is Meaning.JUMP_OR_DROP and target == instruction.argval
            self._reach(target, State(before.stack, state.local, state.length) if kept else state)
        entry = self.graph.handler.get(offset)
        if entry is None:
            self.raises = max(self.raises, *interrupted.values())
        else:
            stack = [*before.stack[: entry.depth], *([ANYTHING] if entry.lasti else []), ANYTHING]
            # Both sides of a store that may be interrupted: before it, and after it.
            self._reach(entry.target, State(list(stack), before.local, interrupted))
            self._reach(entry.target, State(list(stack), {**before.local, **state.local}, interrupted))

    def _step(self, instruction: dis.Instruction, meaning: Meaning | None, state: State) -> None:
        """Do what an instruction does. Lost if that is not known, or the interpreter counts another number of values."""
        if meaning is None:
            raise self.audit.strange(instruction)
        expected = len(state.stack) + effect_of(instruction)
        method = getattr(self, f"_{meaning.name.lower()}", None)
        if method is not None:
            method(instruction, state)
        elif meaning in _MOVES:
            pops, pushes = _MOVES[meaning]
            del state.stack[len(state.stack) - pops :]
            state.stack.extend([ANYTHING] * pushes)
        else:
            raise self.audit.strange(instruction)
        if meaning not in ENDS and len(state.stack) != expected:
            raise self.audit.strange(instruction)

    def _plain(self, operation: str, *values: Value) -> None:
        """Refuse an operator on anything but plain values: it could run a method of the caller's item."""
        for value in values:
            if not is_plain(value.kind):
                self.audit.found(QUIET, self.where, f"{operation} of {value.text}, which may run code of a caller's")

    # Names and stack

    def _unpack(self, instruction: dis.Instruction, state: State) -> None:
        value, count = state.stack.pop(), instruction.arg or 0
        if value.kind not in (tuple, list):
            self.audit.found(QUIET, self.where, f"unpacking {value.text}, which may run code of a caller's")
        known: object = value.example
        parts = cast(tuple[object, ...], known) if type(known) is tuple else ()
        state.stack.extend([value_of(part, value.text) for part in reversed(parts)] if len(parts) == count else [ANYTHING] * count)

    def _local(self, name: str, state: State) -> Value:
        value = state.local.get(name, ANYTHING)
        return Value(value.kind, value.example, name, value.receiver)

    def _load_local(self, instruction: dis.Instruction, state: State) -> None:
        state.stack.extend(self._local(name, state) for name in _names(instruction))

    def _store_local(self, instruction: dis.Instruction, state: State) -> None:
        for name in _names(instruction):
            state.local[name] = state.stack.pop()

    def _store_and_load_local(self, instruction: dis.Instruction, state: State) -> None:
        store, load = instruction.argval
        state.local[store] = state.stack.pop()
        state.stack.append(self._local(load, state))

    def _delete_local(self, instruction: dis.Instruction, state: State) -> None:
        state.local.pop(instruction.argval, None)

    def _constant(self, instruction: dis.Instruction) -> Value:
        try:
            constant = constant_of(instruction)
        except KeyError:
            raise self.audit.strange(instruction) from None
        return value_of(constant, repr(constant))

    def _load_constant(self, instruction: dis.Instruction, state: State) -> None:
        state.stack.append(self._constant(instruction))

    def _load_global(self, instruction: dis.Instruction, state: State) -> None:
        name = instruction.argval
        builtins: Mapping[str, Any] = vars(importlib.import_module("builtins"))
        example = self.function.__globals__.get(name, builtins.get(name, ABSENT))
        if example is ABSENT:
            self.audit.found(NOWAIT, self.where, f"a name that can't be resolved: {name}")
        value = Value(None, text=name) if example is ABSENT else value_of(example, name)
        state.stack.extend(_callable(value, effect_of(instruction)))

    def _copy(self, instruction: dis.Instruction, state: State) -> None:
        state.stack.append(state.stack[-(instruction.arg or 1)])

    def _swap(self, instruction: dis.Instruction, state: State) -> None:
        depth = instruction.arg or 1
        state.stack[-1], state.stack[-depth] = state.stack[-depth], state.stack[-1]

    def _push_null(self, instruction: dis.Instruction, state: State) -> None:
        state.stack.append(NULL)

    def _build(self, instruction: dis.Instruction, state: State) -> None:
        del state.stack[len(state.stack) - (instruction.arg or 0) :]
        state.stack.append(Value(tuple if instruction.opname == "BUILD_TUPLE" else list, text="[...]"))

    def _build_slice(self, instruction: dis.Instruction, state: State) -> None:
        del state.stack[len(state.stack) - (instruction.arg or 0) :]
        state.stack.append(Value(slice, text="[:]"))

    # Attributes and items

    def _load_attribute(self, instruction: dis.Instruction, state: State) -> None:
        value = self._attribute(state.stack.pop(), instruction.argval)
        state.stack.extend(_callable(value, 1 + effect_of(instruction)))

    def _attribute(self, owner: Value, name: str) -> Value:
        text = f"{owner.text}.{name}"
        if owner.kind is None:
            self.audit.found(QUIET, self.where, f"reading {text}, which may run code of a caller's")
            return Value(None, text=text)
        for hook in ("__getattr__", "__getattribute__"):
            if isinstance(inspect.getattr_static(owner.kind, hook, None), types.FunctionType):
                self.audit.found(NOWAIT, self.where, f"reading {text} runs {owner.kind.__name__}.{hook}")
        static = inspect.getattr_static(owner.kind, name, ABSENT)
        if isinstance(static, property) and isinstance(static.fget, types.MethodDescriptorType):  # the read is a call into C
            method = static.fget if owner.example is ABSENT else static.fget.__get__(owner.example)
            return self.audit.call(value_of(method, text), (), self.where).value
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

    def _store_attribute(self, instruction: dis.Instruction, state: State) -> None:
        owner = state.stack.pop()
        state.stack.pop()
        hook = ABSENT if owner.kind is None else inspect.getattr_static(owner.kind, "__setattr__", ABSENT)
        if owner.kind is None or isinstance(hook, types.FunctionType):
            self.audit.found(QUIET, self.where, f"storing {owner.text}.{instruction.argval}, which may run code of a caller's")

    def _load_item(self, instruction: dis.Instruction, state: State) -> None:
        index, container = state.stack.pop(), state.stack.pop()
        self._plain("a subscript", container, index)
        elements: Sequence[Any] = container.example if type(container.example) in (list, tuple) else ()
        kinds: set[type[Any]] = {type(element) for element in elements}
        text = f"{container.text}[{index.text}]"
        if index.kind is slice and is_plain(container.kind):
            state.stack.append(Value(container.kind, text=text))
            return
        if kinds and (kinds <= set(PLAIN) or (len(kinds) == 1 and object not in kinds)):
            # Where there are lists and others, only the lists are operated on: `isinstance` tells which is one.
            known = sorted((element for element in elements if element is not None), key=lambda element: type(element) is not list)
            state.stack.append(value_of(known[0] if known else None, text))
        else:
            state.stack.append(Value(None, text=text))

    def _load_slice(self, instruction: dis.Instruction, state: State) -> None:
        stop, start, container = state.stack.pop(), state.stack.pop(), state.stack.pop()
        self._plain("a slice", container, start, stop)
        state.stack.append(Value(container.kind, text=f"{container.text}[:]"))

    def _delete_item(self, instruction: dis.Instruction, state: State) -> None:
        index, container = state.stack.pop(), state.stack.pop()
        self._plain("a deletion", container, index)

    def _store_item(self, instruction: dis.Instruction, state: State) -> None:
        index, container, _ = state.stack.pop(), state.stack.pop(), state.stack.pop()
        if not (container.kind is dict and is_int(index.kind)):
            self._plain("a subscript", container, index)

    # Operators

    def _operate(self, instruction: dis.Instruction, state: State) -> None:
        right, left = state.stack.pop(), state.stack.pop()
        self._plain(f"the operator {instruction.argrepr}", left, right)
        state.stack.append(Value(_result(left, right), text=f"{left.text} {instruction.argrepr} {right.text}"))

    def _compare(self, instruction: dis.Instruction, state: State) -> None:
        right, left = state.stack.pop(), state.stack.pop()
        self._plain(f"the comparison {instruction.argrepr}", left, right)
        state.stack.append(Value(bool, text=f"{left.text} {instruction.argrepr} {right.text}"))

    def _identity(self, instruction: dis.Instruction, state: State) -> None:
        del state.stack[-2:]
        state.stack.append(Value(bool, text="is"))

    def _truth(self, instruction: dis.Instruction, state: State) -> None:
        value = state.stack.pop()
        self._plain("the truth", value)
        state.stack.append(Value(bool, text=value.text))

    def _jump_if(self, instruction: dis.Instruction, state: State) -> None:
        self._plain("truth", state.stack.pop())

    _jump_or_drop = _jump_if  # where it does not jump

    def _match_exception(self, instruction: dis.Instruction, state: State) -> None:
        state.stack.pop()
        state.stack.append(Value(bool, text="match"))

    # Ends and calls

    def _return(self, instruction: dis.Instruction, state: State) -> None:
        value = state.stack[-1]
        self.returned = value if self.returned is None else merged(self.returned, value)

    def _return_constant(self, instruction: dis.Instruction, state: State) -> None:
        value = self._constant(instruction)
        self.returned = value if self.returned is None else merged(self.returned, value)

    def _raise(self, instruction: dis.Instruction, state: State) -> None:
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

    def _call_named(self, instruction: dis.Instruction, state: State) -> None:
        state.stack.pop()
        self._call(instruction, state)


def _callable(value: Value, places: int) -> tuple[Value, ...]:
    """Give what loading a value puts on the stack: on two places if it is to be called."""
    return (NULL, value) if places == 2 else (value,)


def _result(left: Value, right: Value) -> type[Any] | None:
    """Give the class of what an operator makes of two values, if that is known."""
    if is_int(left.kind) and is_int(right.kind):
        return int
    return left.kind if left.kind is right.kind else None


def _names(instruction: dis.Instruction) -> tuple[str, ...]:
    """Give the names of an instruction: two, where two were made one."""
    argument: object = instruction.argval
    return cast(tuple[str, ...], argument) if type(argument) is tuple else (str(argument),)
