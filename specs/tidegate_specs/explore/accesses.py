"""Which opcodes of a subject can touch what another thread can touch, and what exactly each of them touches.

An *access* is (base, part, write): the identity of an object, the attribute or index in it (None for the whole of it), and whether
it is written. Two steps *conflict* if both touch one place and one of them writes; steps that do not conflict may be exchanged
without anybody noticing, which is all that the reduction in `explorer` uses.

What an opcode touches is read off its source expression: its position in the source gives the syntax node, whose operands are
looked up in the frame just before the opcode runs. Only names, attributes without code behind them and subscripts are looked up,
so looking has no effect. What can't be found out this way conflicts with everything. What an opcode does, `instructions` tells; if
there is one that nobody has looked at (`Sites.unread`), nothing is explored.
"""

import ast
import dis
import types
from collections.abc import Callable, Iterable
from typing import Any, Final

from ..instructions import Meaning, meaning_of, unread
from ..stops import ONE_EVENT, stops
from .labels import Label, Reader, Scope

Site = tuple[types.CodeType, int]

# What an instruction may touch, by its meaning: how `Reader` finds out. LOCAL_KIND is for what only moves values between the stack
# and the frame's own variables, makes something new, or runs Python code, which is looked at by itself.
LOCAL_KIND: Final = "nothing shared"
_KINDS: Final[dict[Meaning, str]] = {
    Meaning.LOAD_ATTRIBUTE: "load attribute",
    Meaning.LOAD_SUPER_ATTRIBUTE: "load attribute",
    Meaning.STORE_ATTRIBUTE: "store attribute",
    Meaning.DELETE_ATTRIBUTE: "store attribute",
    Meaning.LOAD_ITEM: "load item",
    Meaning.LOAD_SLICE: "load item",
    Meaning.STORE_ITEM: "store item",
    Meaning.STORE_SLICE: "store item",
    Meaning.DELETE_ITEM: "store item",
    Meaning.CALL: "call",
    Meaning.CALL_NAMED: "call",
    Meaning.CALL_UNPACKED: "call",
    Meaning.ENTER: "enter",
    Meaning.LEAVE: "enter",
    Meaning.COMPARE: "compare",
    Meaning.CONTAINS: "compare",
    Meaning.OPERATE: "operate",
    Meaning.ITERATE: "iterate",
    Meaning.UNPACK: "iterate",
    Meaning.UNPACK_STARRED: "iterate",
    Meaning.EXTEND: "iterate",
    Meaning.LOAD_GLOBAL: "load global",
    Meaning.STORE_GLOBAL: "store global",
    Meaning.STORE_CELL: "store cell",
    Meaning.LOAD_CELL: "load cell",
    Meaning.TRUTH: "test",
    Meaning.JUMP_IF: "test",
    Meaning.JUMP_OR_DROP: "test",
    Meaning.NAMESPACE: "anything",
    Meaning.IMPORT: "anything",
    Meaning.PATTERN: "anything",
    Meaning.AWAIT: "anything",
    Meaning.EXCEPTION_GROUP: "anything",
    **dict.fromkeys(
        (
            *(Meaning.NOTHING, Meaning.COPY, Meaning.SWAP, Meaning.PUSH_NULL, Meaning.DROP, Meaning.LOAD_CONSTANT),
            *(Meaning.LOAD_LOCAL, Meaning.STORE_LOCAL, Meaning.STORE_AND_LOAD_LOCAL, Meaning.DELETE_LOCAL, Meaning.CLEAR_LOCAL),
            *(Meaning.JUMP, Meaning.JUMP_IF_NONE, Meaning.IDENTITY, Meaning.RETURN, Meaning.RETURN_CONSTANT),
            *(Meaning.RAISE, Meaning.RAISE_AGAIN, Meaning.BEGIN_HANDLER, Meaning.END_HANDLER, Meaning.MATCH_EXCEPTION),
            *(Meaning.BUILD, Meaning.BUILD_SLICE, Meaning.BUILD_OTHER),
            *(Meaning.ADD, Meaning.MAKE_CELL, Meaning.MAKE_FUNCTION, Meaning.MAKE_GENERATOR),
            *(Meaning.BEGIN_LOOP, Meaning.END_LOOP, Meaning.YIELD, Meaning.UNARY, Meaning.FORMAT, Meaning.CALL_INTRINSIC),
            Meaning.LOAD_SPECIAL,  # reads a class
        ),
        LOCAL_KIND,
    ),
}
# A test, or an unpacking, of what one of these has made touches nothing that the one before has not touched.
_MADE_NEW: Final = (Meaning.COMPARE, Meaning.CONTAINS, Meaning.IDENTITY, Meaning.CALL, Meaning.TRUTH, Meaning.OPERATE)
_FOUND: Final = (Meaning.LOAD_LOCAL, Meaning.LOAD_ATTRIBUTE, Meaning.LOAD_GLOBAL, Meaning.LOAD_ITEM)
_POSITION = tuple[int, int, int, int]


def code_of(modules: Iterable[types.ModuleType]) -> list[types.CodeType]:
    """List every code object whose source is in these modules: functions, methods, properties, and what is nested in them."""
    found: dict[types.CodeType, None] = {}
    files = {getattr(module, "__file__", None) for module in modules}

    def add(code: types.CodeType) -> None:
        if code not in found and code.co_filename in files:
            found[code] = None
            for constant in code.co_consts:
                if isinstance(constant, types.CodeType):
                    add(constant)

    def visit(value: Any, depth: int = 0) -> None:
        value = getattr(value, "__func__", value)
        if isinstance(value, types.FunctionType):
            add(value.__code__)
            wrapped = getattr(value, "__wrapped__", None)
            if wrapped is not None:
                visit(wrapped, depth)
        elif isinstance(value, property):
            for accessor in (value.fget, value.fset, value.fdel):
                visit(accessor, depth)
        elif isinstance(value, type) and depth < 3 and value.__module__ in {module.__name__ for module in modules}:
            for member in list(vars(value).values()):
                visit(member, depth + 1)

    for module in modules:
        for value in list(vars(module).values()):
            visit(value)
    return list(found)


def _stored_globals(codes: Iterable[types.CodeType]) -> Iterable[tuple[str, str]]:
    """Name the globals that some functions store, by file: reading another one reads what stays."""
    for code in codes:
        for each in dis.get_instructions(code):
            if meaning_of(each) is Meaning.STORE_GLOBAL:
                yield code.co_filename, each.argval


class Sites:
    """Know every opcode of a subject, and for those that may touch shared state, how to tell what they touch."""

    def __init__(self, modules: Iterable[types.ModuleType]) -> None:
        modules = list(modules)
        self.modules = modules
        self.codes: Final = code_of(modules)
        self.opcodes: Final[dict[types.CodeType, frozenset[int]]] = {}
        self.readers: Final[dict[types.CodeType, dict[int, Callable[[Scope, Scope], Label]]]] = {}
        self.names: Final[dict[types.CodeType, dict[int, str]]] = {}
        self.unread: Final = unread(self.codes)  # why they can't be judged by their opcodes; "" if they can
        self._stored: Final = frozenset(_stored_globals(self.codes))
        nodes = {str(module.__file__): _nodes(module) for module in modules}
        for code in self.codes:
            self._read(code, nodes[code.co_filename])

    def _read(self, code: types.CodeType, nodes: dict[_POSITION, list[ast.AST]]) -> None:
        known, stopping = frozenset(self.codes), stops(code)
        readers: dict[int, Callable[[Scope, Scope], Label]] = {}
        names: dict[int, str] = {}
        before: dis.Instruction | None = None
        extended: int | None = None
        for each in dis.get_instructions(code):
            if each.opname == "EXTENDED_ARG" and ONE_EVENT:
                extended = each.offset if extended is None else extended
                continue
            offset, extended = (each.offset if extended is None else extended), None
            if offset not in stopping:
                continue
            names[offset] = each.opname
            kind, source = self._kind(code, each, before or each)
            if kind != LOCAL_KIND:
                readers[offset] = Reader(kind, _node_of(source, kind, nodes), str(each.argval), known)
            before = before if meaning_of(each) is Meaning.COPY else each  # a copy of what the one before has made
        self.opcodes[code] = frozenset(names)
        self.names[code] = names
        self.readers[code] = readers

    def _kind(self, code: types.CodeType, each: dis.Instruction, before: dis.Instruction) -> tuple[str, dis.Instruction]:
        """Tell how to find out what an instruction touches, and whose source expression tells it."""
        meaning, made_by = meaning_of(each), meaning_of(before)
        kind = "anything" if meaning is None else _KINDS.get(meaning, "anything")
        argument: object = before.argval
        fused = isinstance(argument, tuple) and made_by in (Meaning.LOAD_LOCAL, Meaning.STORE_AND_LOAD_LOCAL)
        if fused and (kind == "test" or meaning is Meaning.UNPACK):
            return "anything", each  # its place in the source is that of another value
        if kind == "test":
            return (LOCAL_KIND if made_by in _MADE_NEW else kind), before
        if meaning is Meaning.UNPACK:
            return (kind if made_by in _FOUND else LOCAL_KIND), before
        leaves = made_by is Meaning.LOAD_CONSTANT and argument is None and before.positions == each.positions
        if meaning is Meaning.CALL and (made_by is Meaning.LOAD_SPECIAL or leaves):
            return "enter", each  # a `with` block begins or ends: from 3.13 on its end is said to be at what it was entered with
        if meaning is Meaning.LOAD_GLOBAL and (code.co_filename, each.argval) not in self._stored:
            return LOCAL_KIND, each
        return kind, each

    def candidates(self) -> frozenset[Site]:
        """Name every opcode that may touch shared state."""
        return frozenset((code, offset) for code, readers in self.readers.items() for offset in readers)

    def everything(self) -> frozenset[Site]:
        """Name every opcode."""
        return frozenset((code, offset) for code, offsets in self.opcodes.items() for offset in offsets)


_WANTED: Final[dict[str, tuple[type[ast.AST], ...]]] = {
    "load attribute": (ast.Attribute,),
    "store attribute": (ast.Attribute,),
    "load item": (ast.Subscript,),
    "store item": (ast.Subscript,),
    "call": (ast.Call, ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp, ast.Name, ast.Attribute),
    "compare": (ast.Compare,),
    "operate": (ast.BinOp, ast.AugAssign),
    "iterate": (ast.For, ast.expr),  # a loop's opcodes are said to be at all of it up to 3.12, then at what it iterates over
}


def _node_of(instruction: dis.Instruction, kind: str, nodes: dict[_POSITION, list[ast.AST]]) -> ast.AST | None:
    where = instruction.positions
    if where is None or None in (where.lineno, where.col_offset, where.end_lineno, where.end_col_offset):
        return None
    found = nodes.get((where.lineno or 0, where.col_offset or 0, where.end_lineno or 0, where.end_col_offset or 0), [])
    wanted = _WANTED.get(kind, (ast.expr,))
    return next((node for node in found if isinstance(node, wanted)), None)


def source_of(module: types.ModuleType) -> str:
    """Give a module's source, from its loader or its file."""
    source = getattr(module.__loader__, "get_source", None)
    return (source(module.__name__) if source is not None else None) or ""


def _nodes(module: types.ModuleType) -> dict[_POSITION, list[ast.AST]]:
    """Index the syntax nodes of a module by their position."""
    found: dict[_POSITION, list[ast.AST]] = {}
    for node in ast.walk(_parsed(source_of(module))):
        if isinstance(node, (ast.expr, ast.stmt)):
            position = (node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0)
            found.setdefault(position, []).append(node)
    return found


def _parsed(source: str) -> ast.AST:
    """Parse a source. In 3.11 the interpreter has one counter for that, which threads that parse at once disturb (gh-106905)."""
    for _ in range(100):
        try:
            return ast.parse(source)
        except SystemError:
            continue
    return ast.parse(source)
