"""What an instruction touches: the labels, and how they are read off the source."""

import ast
import builtins
import contextlib
import gc
import types
import weakref
from collections.abc import Callable, Iterable, Mapping
from queue import SimpleQueue
from typing import Any, Final

from .values import CONTAINERS, SCALARS, kind_of

Access = tuple[int, Any, bool]
Label = tuple[Access, ...]
Scope = Mapping[str, Any]

LOCAL: Final[Label] = ()
UNKNOWN: Final[Label] = ((0, None, True),)  # base 0 stands for every object
_PURE: Final = frozenset(
    {isinstance, issubclass, callable, id, iter, hasattr, range, min, max, abs, round, divmod, super, ord, chr}
)
_PURE_TYPES: Final = (bool, int, float, str, bytes, type, zip, map, filter, enumerate, reversed, range, object)
HARMLESS: Final[set[Any]] = set()  # functions outside the subject that touch nothing shared
_READING: Final = frozenset({len, sum, any, all, repr, sorted, min, max, list, tuple, set, dict, frozenset})
_READING_METHODS: Final = frozenset({"empty", "qsize", "index", "count", "copy", "keys", "values", "items", "locked", "is_set"})


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
        found: Any = getattr(kind_of(owner), node.attr, None)
        if isinstance(found, property) or (found is None and hasattr(kind_of(owner), "__getattr__")):
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


class Sharing:
    """Be used together with something that others use too: a condition variable, whose lock several may have."""

    shared: object


def touched(thing: object) -> Label:
    """Tell what is changed by whoever enters a thing, calls it, or is woken by it: the thing, and what it shares with others."""
    label: Label = ((id(thing), None, True),)
    return (*label, *touched(thing.shared)) if isinstance(thing, Sharing) else label


def _reach(value: Any) -> Label:
    """List what is read when a value is: itself if it can change, what is behind it if it is an iterator."""
    if isinstance(value, SCALARS):
        return LOCAL
    if issubclass(kind_of(value), CONTAINERS):
        return ((id(value), None, False),)
    if issubclass(kind_of(value), SimpleQueue) or (
        kind_of(value).__module__ in ("queue", "collections") and not hasattr(value, "__next__")
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


class Reader:
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
            found: Any = getattr(kind_of(owner), node.attr, None)
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
            return touched(callee.__self__) if isinstance(callee, types.MethodType) else UNKNOWN
        if isinstance(callee, type) and (callee in _PURE_TYPES or _plain(callee)):
            return LOCAL
        if getattr(callee, "__name__", "") == "__new__":
            return LOCAL
        if issubclass(kind_of(callee), weakref.ref):
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
            return touched(lookup(self.node, scope, world))
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


def conflict(a: Label, b: Label) -> bool:
    """Tell whether exchanging two steps could be noticed."""
    for base, part, write in a:
        for other, other_part, other_write in b:
            if not (write or other_write):
                continue
            if not base or not other or (base == other and (part == other_part or part is None or other_part is None)):
                return True
    return False
