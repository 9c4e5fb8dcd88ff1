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
import builtins
import contextlib
import dis
import enum
import gc
import types
import typing
import weakref
from collections.abc import Callable, Iterable, Mapping
from queue import SimpleQueue
from typing import Any, Final

from ..instructions import Meaning, meaning_of, unread
from ..stops import ONE_EVENT, stops

Access = tuple[int, Any, bool]
Label = tuple[Access, ...]
Scope = Mapping[str, Any]
Site = tuple[types.CodeType, int]

LOCAL: Final[Label] = ()
UNKNOWN: Final[Label] = ((0, None, True),)  # base 0 stands for every object

# What an instruction may touch, by its meaning: how `_Reader` finds out. LOCAL_KIND is for what only moves values between the stack
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
_PURE: Final = frozenset(
    {isinstance, issubclass, callable, id, iter, hasattr, range, min, max, abs, round, divmod, super, ord, chr}
)
_PURE_TYPES: Final = (bool, int, float, str, bytes, type, zip, map, filter, enumerate, reversed, range, object)
HARMLESS: Final[set[Any]] = set()  # functions outside the subject that touch nothing shared
_READING: Final = frozenset({len, sum, any, all, repr, sorted, min, max, list, tuple, set, dict, frozenset})
_READING_METHODS: Final = frozenset({"empty", "qsize", "index", "count", "copy", "keys", "values", "items", "locked", "is_set"})
_SCALARS: Final = (bool, int, float, str, bytes, type(None), complex, types.FunctionType, types.BuiltinFunctionType, type)
_SCALARS_AND_CODE: Final = (
    bool,
    int,
    float,
    str,
    bytes,
    type(None),
    type,
    types.FunctionType,
    types.ModuleType,
    types.CodeType,
    types.FrameType,
)
_FIXED: Final = (tuple, frozenset, types.BuiltinFunctionType, typing.TypeVar, type(Final), enum.Enum)
_CONTAINERS: Final = (list, dict, set, bytearray)
_POSITION = tuple[int, int, int, int]


class Unclear(Exception):
    """Say that an expression can't be looked up without running something."""


def lookup(node: ast.expr, scope: Scope, world: Scope) -> Any:
    """Give the value of a name, an attribute or a subscript, running none of the subject's code."""
    if isinstance(node, ast.Name):
        for place in (scope, world, vars(builtins)):
            if node.id in place:
                return place[node.id]
        raise Unclear
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.NamedExpr):
        return lookup(node.value, scope, world)
    if isinstance(node, ast.Attribute):
        owner = lookup(node.value, scope, world)
        found: Any = getattr(_kind(owner), node.attr, None)
        if isinstance(found, property) or (found is None and hasattr(_kind(owner), "__getattr__")):
            raise Unclear
        try:
            return getattr(owner, node.attr)
        except AttributeError:
            raise Unclear from None
    if isinstance(node, ast.Subscript):
        owner, index = lookup(node.value, scope, world), lookup(node.slice, scope, world)
        if type(owner) in (list, dict, tuple) and isinstance(index, (int, str)):
            try:
                return owner[index]
            except (LookupError, TypeError):
                raise Unclear from None
    raise Unclear


def _is_a_text(node: ast.expr, scope: Scope, world: Scope) -> bool:
    """Tell whether an expression is a call of `repr`: nobody else has what it gives."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and lookup(node.func, scope, world) is repr


def _kind(value: object) -> type[Any]:
    return type(value)


def _reach(value: Any) -> Label:
    """List what is read when a value is: itself if it can change, what is behind it if it is an iterator."""
    if isinstance(value, _SCALARS):
        return LOCAL
    if issubclass(_kind(value), _CONTAINERS):
        return ((id(value), None, False),)
    if issubclass(_kind(value), SimpleQueue) or (
        _kind(value).__module__ in ("queue", "collections") and not hasattr(value, "__next__")
    ):
        return ((id(value), None, False),)
    if isinstance(value, tuple) or (hasattr(value, "__next__") and not isinstance(value, types.GeneratorType)):
        own: Label = () if isinstance(value, tuple) else ((id(value), None, False),)
        return own + tuple(access for inner in gc.get_referents(value) for access in _reach(inner))
    return LOCAL


def _called_by(iterator: Any) -> Label:
    """Give what the next step of a `map` over a method touches: all of that method's object."""
    if not isinstance(iterator, map):
        return LOCAL
    bound = (types.BuiltinMethodType, types.MethodType)
    return tuple((id(called.__self__), None, True) for called in gc.get_referents(iterator) if isinstance(called, bound))


class _Reader:
    """Find out what one opcode of one function touches, given the frame that is about to run it."""

    def __init__(self, kind: str, node: ast.AST | None, name: str, known: frozenset[types.CodeType]) -> None:
        self.node, self.name, self.known = node, name, known
        self.look: Callable[[Scope, Scope], Label] = getattr(self, "_" + kind.replace(" ", "_"))

    def __call__(self, scope: Scope, world: Scope) -> Label:
        try:
            found = self.look(scope, world)
        except Unclear:
            return UNKNOWN
        return found

    def _part(self, scope: Scope, world: Scope, write: bool) -> Label:
        node = self.node
        if isinstance(node, ast.Attribute):
            owner = lookup(node.value, scope, world)
            if isinstance(owner, (types.ModuleType, type)):
                return ((id(owner), node.attr, True),) if write else LOCAL
            found: Any = getattr(_kind(owner), node.attr, None)
            if isinstance(found, property) and isinstance(found.fget, types.MethodDescriptorType):
                return ((id(owner), None, True),)  # the read is a call into C
            if isinstance(found, property) and found.fget is next:
                return ((id(owner), None, True), *_called_by(owner))
            data = found is None or isinstance(found, types.MemberDescriptorType)
            return ((id(owner), node.attr, write),) if data or write else LOCAL
        if isinstance(node, ast.Subscript):
            if _is_a_text(node.value, scope, world):
                return LOCAL
            owner = lookup(node.value, scope, world)
            if isinstance(owner, (type, tuple, str, bytes)):
                return LOCAL
            try:
                index = lookup(node.slice, scope, world)
            except Unclear:
                index = None
            return ((id(owner), index if isinstance(index, (int, str)) and index != -1 else None, write),)
        raise Unclear

    def _load_attribute(self, scope: Scope, world: Scope) -> Label:
        try:
            return self._part(scope, world, False)
        except Unclear:
            if isinstance(self.node, ast.Attribute) and hasattr(str, self.node.attr) and not hasattr(list, self.node.attr):
                return LOCAL  # a method of a string
            raise

    def _store_attribute(self, scope: Scope, world: Scope) -> Label:
        return self._part(scope, world, True)

    def _load_item(self, scope: Scope, world: Scope) -> Label:
        return self._part(scope, world, False)

    def _store_item(self, scope: Scope, world: Scope) -> Label:
        return self._part(scope, world, True)

    def _anything(self, scope: Scope, world: Scope) -> Label:
        return UNKNOWN

    def _load_global(self, scope: Scope, world: Scope) -> Label:
        return ((id(world), self.name, False),)

    def _store_global(self, scope: Scope, world: Scope) -> Label:
        return ((id(world), self.name, True),)

    def _store_cell(self, scope: Scope, world: Scope) -> Label:
        return ((-1, self.name, True),)

    def _load_cell(self, scope: Scope, world: Scope) -> Label:
        return LOCAL if self.name not in scope else ((-1, self.name, False),)

    def _values(self, nodes: Iterable[ast.AST], scope: Scope, world: Scope) -> Label:
        found: Label = ()
        for node in nodes:
            if isinstance(node, ast.Subscript) and _is_a_text(node.value, scope, world):
                pass  # what the text is of was read when it was made
            elif isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
                found += _reach(lookup(node, scope, world))
            elif isinstance(node, (ast.GeneratorExp, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp)):
                pass  # runs code of its own, which is looked at by itself, or is a new object by now
            else:
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    found += self._values([node.func.value], scope, world)
                inner = (
                    [*node.args, *(k.value for k in node.keywords)] if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
                )
                found += self._values(inner, scope, world)
        return found

    def _call(self, scope: Scope, world: Scope) -> Label:
        node = self.node
        if isinstance(node, (ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp)):
            return LOCAL  # starts a frame of the subject's
        if not isinstance(node, ast.Call):
            return self._enter(scope, world)  # the end of a with block
        try:
            callee = lookup(node.func, scope, world)
        except Unclear:
            if isinstance(node.func, ast.Attribute) and hasattr(str, node.func.attr) and not hasattr(list, node.func.attr):
                return LOCAL
            raise
        if isinstance(callee, (types.FunctionType, types.MethodType)):
            if callee.__code__ in self.known or callee in HARMLESS:
                return LOCAL  # its own opcodes are looked at one by one
            return ((id(callee.__self__), None, True),) if isinstance(callee, types.MethodType) else UNKNOWN
        if isinstance(callee, type) and (callee in _PURE_TYPES or _plain(callee)):
            return LOCAL
        if getattr(callee, "__name__", "") == "__new__":
            return LOCAL
        if issubclass(_kind(callee), weakref.ref):
            return ((id(callee), None, False),)
        arguments = self._values([*node.args, *(k.value for k in node.keywords)], scope, world)
        if callee in _READING:
            return arguments
        if callee in _PURE:
            return LOCAL
        if callee is next:
            return tuple((base, part, True) for base, part, _ in arguments) or UNKNOWN
        owner = getattr(callee, "__self__", None)
        if owner is None or isinstance(owner, types.ModuleType):
            return (*arguments, (-id(callee), None, True))  # what it touches is hidden, so calls of it conflict
        if isinstance(owner, (str, bytes, int, float, tuple)):
            return arguments
        return (*arguments, (id(owner), None, getattr(callee, "__name__", "") not in _READING_METHODS))

    def _enter(self, scope: Scope, world: Scope) -> Label:
        if isinstance(self.node, (ast.Name, ast.Attribute)):
            return ((id(lookup(self.node, scope, world)), None, True),)
        return UNKNOWN

    def _compare(self, scope: Scope, world: Scope) -> Label:
        node = self.node
        if not isinstance(node, ast.Compare):
            return UNKNOWN
        return self._operands([node.left, *node.comparators], scope, world)

    def _operate(self, scope: Scope, world: Scope) -> Label:
        node = self.node
        if isinstance(node, ast.BinOp):
            return self._operands([node.left, node.right], scope, world)
        if isinstance(node, ast.AugAssign):
            return tuple((base, part, True) for base, part, _ in self._operands([node.target], scope, world))
        return LOCAL

    def _operands(self, nodes: Iterable[ast.expr], scope: Scope, world: Scope) -> Label:
        found: Label = ()
        for node in nodes:
            with contextlib.suppress(Unclear):  # else it is the result of an operation or of a call: fresh
                found += _reach(lookup(node, scope, world))
        return found

    def _iterate(self, scope: Scope, world: Scope) -> Label:
        if ".0" in scope:
            return _reach(scope[".0"])
        node = self.node.iter if isinstance(self.node, ast.For) else self.node
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp)):  # 3.12 says that its loop is at all of it
            return self._values([each.iter for each in node.generators], scope, world)
        if not isinstance(node, ast.expr):
            return UNKNOWN
        called = _called_by(lookup(node, scope, world)) if isinstance(node, ast.Name) else LOCAL
        return called or self._values([node], scope, world)

    def _test(self, scope: Scope, world: Scope) -> Label:
        node = self.node
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
            return LOCAL
        return _reach(lookup(node, scope, world))


def _plain(kind: type) -> bool:
    """Tell whether making an instance runs Python code or nothing (a type made in C may read anything)."""
    return isinstance(getattr(kind, "__init__", None), types.FunctionType) or issubclass(kind, BaseException)


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
                readers[offset] = _Reader(kind, _node_of(source, kind, nodes), str(each.argval), known)
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


class _Ends(dict[type[Any], bool]):
    """Remember which types the search for what is reachable stops at."""

    def __missing__(self, kind: type[Any]) -> bool:
        self[kind] = issubclass(kind, _SCALARS_AND_CODE)
        return self[kind]


_ends: Final = _Ends()


def reachable(roots: Iterable[Any]) -> dict[int, Any]:
    """Find every object that can be reached from some, except through code, types and modules."""
    found: dict[int, Any] = {}
    todo = list(roots)
    while todo:
        fresh = {id(value): value for value in todo if id(value) not in found and not _ends[type(value)]}
        found |= fresh
        todo = gc.get_referents(*fresh.values())
    return found


def mutable(value: Any) -> bool:
    """Tell whether more may be reachable from an object later than is now: any that is not of a few types known to be fixed."""
    return not isinstance(value, (*_FIXED, *_SCALARS_AND_CODE)) and type(value) is not object


def fixed(roots: Iterable[Any]) -> set[int]:
    """Find what hangs on some objects by attributes alone and so stays: not what is in a container, which may leave."""
    found: set[int] = set()
    todo = list(roots)
    while todo:
        value = todo.pop()
        if id(value) in found or isinstance(value, _SCALARS_AND_CODE):
            continue
        found.add(id(value))
        if issubclass(_kind(value), (list, dict, set, tuple, SimpleQueue)) or _kind(value).__module__ in ("collections", "weakref"):
            continue
        todo.extend(getattr(value, "__dict__", {}).values())
        todo.extend(gc.get_referents(value))
    return found


def harmless_to_hold(value: Any) -> bool:
    """Tell whether a container can be kept alive without keeping anything else alive whose end somebody could notice."""
    return issubclass(_kind(value), _CONTAINERS) and not any(map(gc.is_tracked, gc.get_referents(value)))


def conflict(a: Label, b: Label) -> bool:
    """Tell whether exchanging two steps could be noticed."""
    for base, part, write in a:
        for other, other_part, other_write in b:
            if not (write or other_write):
                continue
            if not base or not other or (base == other and (part == other_part or part is None or other_part is None)):
                return True
    return False
