"""Read an effect of the net off each bytecode that the kernel runs."""

import ast
import dis
import gc
import sys
import types
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Final, cast, final

from ..explore.accesses import source_of
from ..explore.labels import Unclear, lookup
from ..instructions import Meaning, meaning_of

Scope = Mapping[str, Any]

# Calls that touch nothing that is shared, or read what the copy has (`statistics`).
PURE: Final = frozenset(
    {isinstance, float, min, max, sum, zip, map, repr, int, super, str.format, iter, bool, type, sys.getrefcount}
)


@final
@dataclass(frozen=True, slots=True)
class Event:
    """Tell one primitive: the function that performs it, its source text, and what it does."""

    function: str
    line: int
    text: str
    effect: str

    def __str__(self) -> str:
        return f"{self.function} line {self.line}: {self.text} ({self.effect})"


# What a bytecode does, read off the syntax node at its place.

_NODES: Final[dict[Meaning | None, tuple[type[ast.AST], ...]]] = {
    Meaning.LOAD_LOCAL: (ast.Name,),
    Meaning.LOAD_ATTRIBUTE: (ast.Attribute,),
    Meaning.STORE_ATTRIBUTE: (ast.Attribute,),
    Meaning.DELETE_ATTRIBUTE: (ast.Attribute,),
    Meaning.ITERATE: (ast.For,),
    Meaning.STORE_ITEM: (ast.Subscript,),
    Meaning.DELETE_ITEM: (ast.Subscript,),
    Meaning.CALL: (ast.Call,),
    Meaning.CALL_NAMED: (ast.Call,),
    Meaning.CALL_UNPACKED: (ast.Call,),
    Meaning.COMPARE: (ast.Compare,),
}
_STORES: Final = (Meaning.STORE_ATTRIBUTE, Meaning.DELETE_ATTRIBUTE, Meaning.STORE_ITEM, Meaning.DELETE_ITEM)
_TESTS: Final = (Meaning.TRUTH, Meaning.JUMP_IF, Meaning.JUMP_IF_NONE)


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Give the syntax node of one bytecode, what it is a part of, and the statement around it."""

    meaning: Meaning | None
    node: Any
    parent: ast.AST
    statement: str


@cache
def _parents(module: types.ModuleType) -> dict[ast.AST, ast.AST]:
    tree = ast.parse(source_of(module))
    return {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}


@cache
def places(code: types.CodeType, module: types.ModuleType) -> dict[int, Place]:
    """Give the place of every bytecode of a function that may perform a primitive."""
    parents = _parents(module)
    found: dict[int, Place] = {}
    steps = list(dis.get_instructions(code))
    for step, following in pairwise(steps):
        meaning = meaning_of(step)
        kinds = _NODES.get(meaning)
        where = step.positions
        if kinds is None or where is None:
            continue
        span = (where.lineno, where.col_offset, where.end_lineno, where.end_col_offset)
        for node in parents:
            if isinstance(node, kinds) and span in tuple(_spans(node)):
                statement = node
                while not isinstance(statement, ast.stmt):
                    statement = parents[statement]
                # A list is looked at by the test that follows, whatever was there when it was loaded.
                looked = _is_free(node) and meaning_of(following) in _TESTS
                if isinstance(node, ast.Name) and not looked:
                    continue
                found[following.offset if looked else step.offset] = Place(meaning, node, parents[node], ast.unparse(statement))
    return found


def _is_free(node: Any) -> bool:
    return getattr(node, "attr", "") == "free" or (isinstance(node, ast.Name) and node.id == "free")


def _spans(node: Any) -> Iterator[tuple[int, int, int, int]]:
    """Give where the bytecodes of a node are said to be: those of a loop, from 3.13 on, are where what it iterates over is."""
    yield _span(node)
    if isinstance(node, ast.For):
        yield _span(node.iter)


def _span(node: Any) -> tuple[int, int, int, int]:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


@final
@dataclass(slots=True)
class Reader:
    """Tell what a bytecode of an intake's package does, from the frame just before it."""

    slots: Any

    def event(self, frame: types.FrameType, offset: int) -> Event | None:
        """Give the primitive that the bytecode performs, if it performs one."""
        module = sys.modules[frame.f_globals["__name__"]]
        place = places(frame.f_code, module).get(offset)
        if place is None:
            return None
        effect = self._effect(place, {**frame.f_globals, **frame.f_locals})
        if not effect:
            return None
        text = ast.unparse(place.node)
        if isinstance(place.node, ast.For):
            text = text.partition(":")[0]
        elif place.meaning in _STORES:
            text = place.statement
        return Event(frame.f_code.co_qualname, place.node.lineno, text, effect)

    def _effect(self, place: Place, scope: Scope) -> str:
        node = place.node
        if isinstance(node, ast.Call):
            return self._call(node, scope)
        if isinstance(node, ast.Compare):
            return self._compare(node, scope)
        if isinstance(node, ast.Name):
            return "look at free" if lookup(node, scope, {}) is self.slots.free else ""
        if isinstance(node, ast.For):
            return self._waited_on(scope[ast.unparse(node.iter)]) or f"iterate over {ast.unparse(node.iter)}"
        if isinstance(node, ast.Subscript):
            does = "delete" if place.meaning is Meaning.DELETE_ITEM else "store"
            return f"{does} in {self._role(node.value, scope)}"
        if place.meaning in _STORES:
            return f"set {node.attr}"
        try:
            owner = lookup(node.value, scope, {})
        except Unclear:
            return ""  # an attribute of what a call gave: nobody else has it yet
        if owner is self.slots.free and node.attr == "newest":
            return "free.pop"
        if node.attr == "answer":
            return self._waited_on(owner)
        if owner is self.slots and node.attr == "closed":
            return "look at closed"
        if owner is self.slots and node.attr == "free" and not isinstance(place.parent, (ast.Call, ast.Attribute, ast.Assign)):
            return "look at free"
        return ""

    def _waited_on(self, iterator: object) -> str:
        """Tell what the next step of a `map` over the `get` of a queue waits on."""
        called = gc.get_referents(iterator) if isinstance(iterator, map) else []
        owners = [getattr(each, "__self__", None) for each in called]
        return next((f"{name}.get" for name in ("queue", "bell") if getattr(self.slots, name) in owners), "")

    def _compare(self, node: ast.Compare, scope: Scope) -> str:
        if isinstance(node.left, ast.Name) and node.left.id == "settled":
            return "decide settled"
        copied = node.left.value if isinstance(node.left, ast.Subscript) else node.left
        if isinstance(copied, ast.Name) and self._role(copied, scope) == "mark" and ast.unparse(node.comparators[0]) == "SEEN":
            return "compare mark" if scope[copied.id][1:] == [True] else "compare mark, false"
        return ""

    def _call(self, node: ast.Call, scope: Scope) -> str:
        try:
            callee = lookup(node.func, scope, {})
        except Unclear:
            return "" if isinstance(node.func, ast.Attribute) and hasattr(str, node.func.attr) else f"call {ast.unparse(node.func)}"
        first = node.args[0] if node.args else None
        if callee is len:
            return f"len {self._role(cast(ast.expr, first), scope)}"
        if callee is next:
            return f"next {self._role(cast(ast.expr, first), scope)}"
        if callee is list:
            return "copy"
        if ast.unparse(node.func) == "yield_processor":
            return "yield_processor"
        name = str(getattr(callee, "__name__", type(callee).__name__))
        if isinstance(callee, (types.FunctionType, types.MethodType, type)) or callee in PURE or name in ("monotonic", "__new__"):
            return ""  # its own bytecodes are looked at one by one, or it touches nothing shared
        if isinstance(callee, weakref.ref):
            return ""
        owner: object = getattr(callee, "__self__", None)
        return f"{self._role_of(owner, node.func, scope)}.{name}"

    def _role(self, node: ast.expr, scope: Scope) -> str:
        try:
            return self._role_of(lookup(node, scope, {}), node, scope)
        except Unclear:
            return ast.unparse(node)

    def _role_of(self, value: object, node: ast.expr, scope: Scope) -> str:
        """Name an object by where the slots have it, or else by the attribute that it was read from."""
        for name, held in cast(dict[str, object], vars(self.slots)).items():
            if held is value and not isinstance(held, types.BuiltinFunctionType):
                return name
        if any(value is turn for turn in self.slots.turns if isinstance(turn, list)) or (
            isinstance(value, list) and ast.unparse(node) in ("mark", "turn", "last[0]")
        ):
            return "mark"
        while isinstance(node, ast.Attribute):
            if node.attr == "_mark":
                return "mark"
            node = node.value
        return ast.unparse(node)
