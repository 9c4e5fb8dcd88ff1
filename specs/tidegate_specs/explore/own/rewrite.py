"""Rewrite a program's source so that it says what it touches, before it does.

Each read or write of an attribute, of an item, of a global or of a variable that an inner function shares, each call, comparison,
test and step of an iteration becomes a call of the like-named method of `hooks.Hooks`, which finds the operands as its arguments:
nothing has to be guessed. What the program does is the same; line numbers stay. Only the bodies of functions are rewritten: a
module is imported by one thread alone.
"""

import ast
import symtable
from collections.abc import Sequence
from typing import Any, Final

HOOKS: Final = "__explore__"
_OPERATORS: Final[dict[type[ast.operator], str]] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
    ast.BitOr: "or_",
    ast.BitXor: "xor",
    ast.BitAnd: "and_",
    ast.MatMult: "matmul",
}
_COMPARED: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.In: "in",
    ast.NotIn: "not in",
}
_IN_PLACE: Final = {"or_": "ior", "and_": "iand"}
_INLINE: Final = ("listcomp", "setcomp", "dictcomp")  # functions of their own up to 3.11, and run at once
_NAMED_CALLS: Final = frozenset({"super", "locals", "vars", "dir", "eval", "exec", "globals"})  # look at who calls them


def rewritten(source: str, filename: str) -> ast.Module:
    """Parse a module and rewrite the bodies of its functions."""
    tree = ast.parse(source, filename)
    shared, stored = _shared(source, filename)
    made: ast.Module = _Rewriter(shared, stored).visit(tree)
    return ast.fix_missing_locations(made)


def _shared(source: str, filename: str) -> tuple[frozenset[str], frozenset[str]]:
    """Name the variables that functions share with those inside them, and the globals that functions store."""
    free: set[str] = set()
    local: set[str] = set()
    stored: set[str] = set()
    todo = [symtable.symtable(source, filename, "exec")]
    while todo:
        table = todo.pop()
        todo.extend(table.get_children())
        if isinstance(table, symtable.Function):
            for symbol in table.get_symbols():
                if symbol.is_free() and table.get_name() not in _INLINE:
                    free.add(symbol.get_name())
                if symbol.is_assigned() and (symbol.is_local() or symbol.is_free()):
                    local.add(symbol.get_name())
                if symbol.is_declared_global() and symbol.is_assigned():
                    stored.add(symbol.get_name())
    return frozenset(free & local), frozenset(stored)


class _Rewriter(ast.NodeTransformer):
    def __init__(self, shared: frozenset[str], stored: frozenset[str]) -> None:
        self.shared, self.stored = shared, stored
        self.classes: list[str] = []
        self.scopes: list[frozenset[str]] = []  # of each function around: the names that it has to itself
        self.temporaries = 0

    # Small parts.

    def _hook(self, name: str, arguments: Sequence[ast.expr], at: ast.AST, keywords: Sequence[ast.keyword] = ()) -> ast.Call:
        owner = ast.Name(HOOKS, ast.Load())
        made = ast.Call(ast.Attribute(owner, name, ast.Load()), list(arguments), list(keywords))
        for node in (made, made.func, owner):
            ast.copy_location(node, at)
        return made

    def _text(self, text: str, at: ast.AST) -> ast.expr:
        return ast.copy_location(ast.Constant(text), at)

    def _mangled(self, name: str) -> str:
        if name.startswith("__") and not name.endswith("__") and self.classes and self.classes[-1].strip("_"):
            return f"_{self.classes[-1].lstrip('_')}{name}"
        return name

    def _temporary(self) -> str:
        self.temporaries += 1
        return f"__explored_{self.temporaries}__"

    def _kind_of(self, name: str) -> str:
        """Say who else may touch a variable: "", "cell" or "global"."""
        if name in self.shared and name != "__class__":
            return "cell"
        if name in self.stored and not any(name in scope for scope in self.scopes):
            return "global"
        return ""

    def _see(self, node: ast.expr) -> ast.expr:
        return node if isinstance(node, (ast.Constant, ast.Compare, ast.JoinedStr)) else self._hook("see", [node], node)

    # Scopes.

    def _function(self, node: Any) -> Any:
        if isinstance(node, ast.AsyncFunctionDef):
            return node  # a coroutine: calling it is not simulated, and `Hooks.call` says so
        arguments = node.args
        for default in (arguments.defaults, arguments.kw_defaults):
            default[:] = [self.visit(each) if each is not None else None for each in default]
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = [self.visit(each) for each in node.decorator_list]
        parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        names = {each.arg for each in parameters if each is not None}
        if isinstance(node, ast.FunctionDef):
            names |= _locals_of(node)
        self.scopes.append(frozenset(names))
        if isinstance(node, ast.Lambda):
            node.body = self.visit(node.body)
        else:
            node.body = self._block(node.body)
        self.scopes.pop()
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        return self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        return self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        self.classes.append(node.name)
        scopes, self.scopes = self.scopes, []
        made = self.generic_visit(node)
        self.scopes = scopes
        self.classes.pop()
        return made

    def _block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for statement in body:
            result = self.visit(statement)
            if isinstance(result, ast.stmt):
                made.append(result)
            else:
                made.extend(result)
        return made

    def visit(self, node: ast.AST) -> Any:
        if not self.scopes and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            return self.generic_visit(node)
        return super().visit(node)

    # Statements.

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return node
        return self.visit(ast.copy_location(ast.Assign([node.target], node.value), node))

    def visit_Assign(self, node: ast.Assign) -> Any:
        value = self.visit(node.value)
        if len(node.targets) == 1:
            return self._assign(node.targets[0], value, node)
        name = self._temporary()
        first: ast.stmt = ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], value), node)
        rest = [each for target in node.targets for each in self._assign(target, ast.Name(name, ast.Load()), node)]
        return [first, *rest]

    def _assign(self, target: ast.expr, value: ast.expr, at: ast.stmt) -> list[ast.stmt]:
        """Store a value, that is rewritten already, in a target."""
        if isinstance(target, (ast.Tuple, ast.List)):
            value = self._hook("see", [value], at)
            if all(isinstance(each, ast.Name) and not self._kind_of(each.id) for each in target.elts):
                return [ast.copy_location(ast.Assign([target], value), at)]
            names: list[ast.expr] = []
            later: list[ast.stmt] = []
            for each in target.elts:
                inner = each.value if isinstance(each, ast.Starred) else each
                name = self._temporary()
                names.append(
                    ast.Name(name, ast.Store()) if inner is each else ast.Starred(ast.Name(name, ast.Store()), ast.Store())
                )
                later.extend(self._assign(inner, ast.Name(name, ast.Load()), at))
            return [ast.copy_location(ast.Assign([ast.Tuple(names, ast.Store())], value), at), *later]
        if isinstance(target, ast.Attribute):
            attribute = self._text(self._mangled(target.attr), at)
            return self._done(self._hook("set", [value, self.visit(target.value), attribute], at), at)
        if isinstance(target, ast.Subscript):
            return self._done(self._hook("set_item", [value, self.visit(target.value), self._index(target)], at), at)
        if isinstance(target, ast.Name) and self._kind_of(target.id):
            value = self._hook("store", [value, self._text(f"{self._kind_of(target.id)} {target.id}", at)], at)
        return [ast.copy_location(ast.Assign([target], value), at)]

    def _done(self, call: ast.expr, at: ast.AST) -> list[ast.stmt]:
        return [ast.copy_location(ast.Expr(call), at)]

    def _index(self, node: ast.Subscript) -> ast.expr:
        return self._slices(node.slice)

    def _slices(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Slice):
            none = ast.copy_location(ast.Constant(None), node)
            parts = [self.visit(part) if part is not None else none for part in (node.lower, node.upper, node.step)]
            return self._hook("slice", parts, node)
        if isinstance(node, ast.Tuple) and any(isinstance(each, ast.Slice) for each in node.elts):
            return ast.copy_location(ast.Tuple([self._slices(each) for each in node.elts], ast.Load()), node)
        made: ast.expr = self.visit(node)
        return made

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        operator = _OPERATORS[type(node.op)]
        named = self._text(_IN_PLACE.get(operator, f"i{operator}"), node)
        target = node.target
        if isinstance(target, ast.Name):
            read = self.visit(ast.copy_location(ast.Name(target.id, ast.Load()), node))
            return self._assign(target, self._hook("operate", [named, read, self.visit(node.value)], node), node)
        owner = self._temporary()
        lines: list[ast.stmt] = [ast.copy_location(ast.Assign([ast.Name(owner, ast.Store())], self.visit(target.value)), node)]
        base = ast.Name(owner, ast.Load())
        if isinstance(target, ast.Attribute):
            name = self._text(self._mangled(target.attr), node)
            changed = self._hook("operate", [named, self._hook("get", [base, name], node), self.visit(node.value)], node)
            return [*lines, *self._done(self._hook("set", [changed, base, name], node), node)]
        index = self._temporary()
        lines.append(ast.copy_location(ast.Assign([ast.Name(index, ast.Store())], self._index(target)), node))
        key = ast.Name(index, ast.Load())
        changed = self._hook("operate", [named, self._hook("item", [base, key], node), self.visit(node.value)], node)
        return [*lines, *self._done(self._hook("set_item", [changed, base, key], node), node)]

    def visit_Delete(self, node: ast.Delete) -> Any:
        made: list[ast.stmt] = []
        for target in node.targets:
            if isinstance(target, ast.Attribute):
                arguments = [self.visit(target.value), self._text(self._mangled(target.attr), node)]
                made += self._done(self._hook("delete", arguments, node), node)
            elif isinstance(target, ast.Subscript):
                made += self._done(self._hook("delete_item", [self.visit(target.value), self._index(target)], node), node)
            else:
                if isinstance(target, ast.Name) and self._kind_of(target.id):
                    none = ast.copy_location(ast.Constant(None), node)
                    variable = self._text(f"{self._kind_of(target.id)} {target.id}", node)
                    made += self._done(self._hook("store", [none, variable], node), node)
                made.append(ast.copy_location(ast.Delete([target]), node))
        return made

    def visit_For(self, node: ast.For) -> Any:
        node.iter = self._hook("iterate", [self.visit(node.iter)], node.iter)
        node.body, node.orelse = self._block(node.body), self._block(node.orelse)
        if not (isinstance(node.target, ast.Name) and not self._kind_of(node.target.id)):
            name = self._temporary()
            node.body = [*self._assign(node.target, ast.Name(name, ast.Load()), node), *node.body]
            node.target = ast.copy_location(ast.Name(name, ast.Store()), node.target)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> Any:
        node.iter = self._hook("iterate", [self.visit(node.iter)], node.iter)
        node.ifs = [self._see(self.visit(each)) for each in node.ifs]
        return node

    def visit_With(self, node: ast.With) -> Any:
        for item in node.items:
            item.context_expr = self._hook("manage", [self.visit(item.context_expr)], item.context_expr)
        before = node.body
        node.body = self._block(before)
        for item in reversed(node.items):
            target = item.optional_vars
            if target is not None and not (isinstance(target, ast.Name) and not self._kind_of(target.id)):
                name = self._temporary()
                node.body = [*self._assign(target, ast.Name(name, ast.Load()), node), *node.body]
                item.optional_vars = ast.copy_location(ast.Name(name, ast.Store()), target)
        return node

    def _tested(self, node: Any) -> Any:
        self.generic_visit(node)
        node.test = self._see(node.test)
        return node

    visit_If = visit_While = visit_IfExp = visit_Assert = _tested  # noqa: N815 (the names that `ast` wants)

    def visit_Match(self, node: ast.Match) -> Any:
        plain = (ast.MatchValue, ast.MatchSingleton, ast.MatchAs, ast.MatchOr)
        patterns = [each for case in node.cases for each in ast.walk(case.pattern) if isinstance(each, ast.pattern)]
        if not all(isinstance(each, plain) for each in patterns):
            return self._done(self._hook("refuse", [self._text("a match on the parts of a value", node)], node), node)
        return self.generic_visit(node)

    def visit_Await(self, node: ast.Await) -> Any:
        return self._hook("refuse", [self._text("await", node)], node)

    # Expressions.

    def visit_Name(self, node: ast.Name) -> Any:
        kind = self._kind_of(node.id)
        if not kind or not isinstance(node.ctx, ast.Load) or node.id == HOOKS:
            return node
        at = self._hook("about_to_load", [self._text(f"{kind} {node.id}", node)], node)
        return self._hook("second", [at, node], node)

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        return self._hook("get", [self.visit(node.value), self._text(self._mangled(node.attr), node)], node)

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        return self._hook("item", [self.visit(node.value), self._index(node)], node)

    def visit_Call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Name) and node.func.id in _NAMED_CALLS:
            if node.func.id in ("eval", "exec"):
                return self._hook("refuse", [self._text(node.func.id, node)], node)
            node.args = [self.visit(each) for each in node.args]
            if node.func.id == "vars" and node.args:
                return self._hook("get", [node.args[0], self._text("__dict__", node)], node)
            return node
        made: list[ast.expr] = [self.visit(node.func)]
        for each in node.args:
            if isinstance(each, ast.Starred):
                made.append(ast.copy_location(ast.Starred(self._see(self.visit(each.value)), ast.Load()), each))
            else:
                made.append(self.visit(each))
        keywords = [ast.keyword(each.arg, self.visit(each.value)) for each in node.keywords]
        return self._hook("call", made, node, keywords)

    def visit_Starred(self, node: ast.Starred) -> Any:
        node.value = self._see(self.visit(node.value)) if isinstance(node.ctx, ast.Load) else node.value
        return node

    def visit_Compare(self, node: ast.Compare) -> Any:
        parts = [self.visit(each) for each in (node.left, *node.comparators)]
        if len(parts) == 2:
            operator = type(node.ops[0])
            if operator in (ast.Is, ast.IsNot):
                node.left, node.comparators = parts[0], parts[1:]
                return node
            return self._hook("compare", [self._text(_COMPARED[operator], node), *parts], node)
        scalars: list[ast.expr] = [self._hook("scalar", [each], each) for each in parts]
        node.left, *node.comparators = scalars
        return node

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        operands = [self.visit(node.left), self.visit(node.right)]
        return self._hook("operate", [self._text(_OPERATORS[type(node.op)], node), *operands], node)

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        values = [self.visit(each) for each in node.values]
        node.values = [*map(self._see, values[:-1]), values[-1]]
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        node.operand = self.visit(node.operand)
        if isinstance(node.op, ast.Not):
            node.operand = self._see(node.operand)
        return node

    def visit_FormattedValue(self, node: ast.FormattedValue) -> Any:
        node.value = self._hook("text", [self.visit(node.value)], node.value)
        return node

    def visit_NamedExpr(self, node: ast.NamedExpr) -> Any:
        node.value = self.visit(node.value)
        kind = self._kind_of(node.target.id)
        if kind:
            node.value = self._hook("store", [node.value, self._text(f"{kind} {node.target.id}", node)], node)
        return node

    def visit_YieldFrom(self, node: ast.YieldFrom) -> Any:
        node.value = self._hook("iterate", [self.visit(node.value)], node.value)
        return node


def _locals_of(node: ast.FunctionDef) -> set[str]:
    """Name what a function stores and does not declare global, so that a global of that name is not meant."""
    inside = [each for statement in node.body for each in ast.walk(statement)]
    stored = {each.id for each in inside if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    declared = {name for each in inside if isinstance(each, ast.Global) for name in each.names}
    return stored - declared
