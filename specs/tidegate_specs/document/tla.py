"""The machine as a TLA+ module, translated from the text of `machine`: for readers of that notation.

A field of the state is a variable, a guard or a predicate an operator of the same name in capitals, an action an operator that
primes what `replace` changes and leaves the rest unchanged. Sequences count from 1 there and from 0 here. A slice that would reach
beyond its sequence does not occur: guards and conjuncts before it see to that. What the translation does not know, it refuses.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Final

from .. import machine

_OPERATORS: Final[Mapping[type[ast.AST], str]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Eq: "=",
    ast.NotEq: "#",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.And: "/\\",
    ast.Or: "\\/",
}
_FOOT: Final = """\
vars == <<{variables}>>
Spec == Init /\\ [][Next]_vars

\\* To run a model checker, bound the counts with a state constraint, such as accepted + full + refused < 4.
THEOREM Spec => []Invariant /\\ [][Step]_vars
"""


class Untranslatable(Exception):
    """Raised for Python that the translation does not know."""


def operator(name: str) -> str:
    """Give the operator's name of a function: `can_refuse_full` is CanRefuseFull."""
    return "Init" if name == "initial" else "".join(word.capitalize() for word in name.split("_"))


class _Function:
    """Translate one function of the machine."""

    def __init__(self, node: ast.FunctionDef, fields: Mapping[str, bool]) -> None:
        self.node = node
        self.fields = fields  # whether each is a sequence
        self.arguments = [argument.arg for argument in node.args.args]
        self.states = self._states()
        assigned = [each for each in node.body if isinstance(each, ast.Assign)]
        self.locals = [(self._target(each), each.value) for each in assigned]

    def _states(self) -> dict[str, str]:
        """Tell which arguments are states, and the mark of their variables: a step goes from the plain to the primed."""
        arguments = self.node.args.args
        names = [each.arg for each in arguments if isinstance(each.annotation, ast.Name) and each.annotation.id == "State"]
        return dict(zip(names, ("", "'"), strict=False))

    def _target(self, node: ast.Assign) -> str:
        match node.targets:
            case [ast.Name(id=name)]:
                return name
            case _:
                raise Untranslatable(ast.unparse(node))

    @property
    def head(self) -> str:
        others = [argument for argument in self.arguments if argument not in self.states]
        return operator(self.node.name) + (f"({', '.join(others)})" if others else "")

    @property
    def comment(self) -> list[str]:
        text = " ".join((ast.get_docstring(self.node) or "").split())
        return [f"\\* {line}" for line in textwrap.wrap(text, 112)]

    def lines(self) -> list[str]:
        """Give the definition of the operator."""
        match self.node.body[-1]:
            case ast.Return(value=ast.Call(func=ast.Name(id="replace"), args=[_], keywords=keywords)):
                body = self._action(keywords)
            case ast.Return(value=ast.Call(func=ast.Name(id="State"), args=arguments)):
                return [*self.comment, f"{operator(self.node.name)} ==", *_indented(self._init(arguments))]
            case ast.Return(value=ast.expr() as value):
                body = [self.expression(value)]
            case other:
                raise Untranslatable(ast.unparse(other))
        if self.locals:
            given = [f"{self._local(name)} == {self.expression(value)}" for name, value in self.locals]
            body = [f"LET {given[0]}", *(f"    {each}" for each in given[1:]), *_hung("IN  ", body)]
        return [*self.comment, f"{self.head} ==", *_indented(body)]

    def _init(self, arguments: list[ast.expr]) -> list[str]:
        """Give the values of a new intake: the capacity where the function is given it, defaults elsewhere."""
        given = [operator(each.id) for each in arguments if isinstance(each, ast.Name)]
        values = dict(zip(self.fields, given, strict=False))
        for name, field in machine.State.__dataclass_fields__.items():
            if name not in values:
                values[name] = self.expression(ast.parse(repr(field.default), mode="eval").body)
        return [f"/\\ {name} = {value}" for name, value in values.items()]

    def _action(self, keywords: list[ast.keyword]) -> list[str]:
        changed = [(each.arg, self.expression(each.value)) for each in keywords if each.arg is not None]
        same = [name for name in self.fields if name not in dict(changed)]
        return [*(f"/\\ {name}' = {value}" for name, value in changed), f"/\\ UNCHANGED <<{', '.join(same)}>>"]

    def _local(self, name: str) -> str:
        """Name a local so that it hides no variable: TLA+ forbids that."""
        return f"{name}_" if name in self.fields else name

    def expression(self, node: ast.expr) -> str:
        """Translate an expression."""
        match node:
            case ast.Constant(value=bool(value)):
                return "TRUE" if value else "FALSE"
            case ast.Constant(value=int(value)):
                return str(value)
            case ast.Name(id=name) if name in self.arguments:
                return name
            case ast.Name(id=name) if name in dict(self.locals):
                return self._local(name)
            case ast.Attribute(value=ast.Name(id=state), attr=name) if state in self.states:
                return name + self.states[state]
            case ast.Call(func=ast.Name(id="len"), args=[sequence]):
                return f"Len({self.expression(sequence)})"
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name, arguments)
            case ast.Tuple(elts=parts):
                return self._sequence(parts)
            case ast.Subscript(value=sequence, slice=ast.Slice(lower=lower, upper=upper, step=None)):
                return self._slice(self.expression(sequence), lower, upper)
            case ast.Subscript(value=sequence, slice=index):
                return f"{self.expression(sequence)}[{self._next(index)}]"
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f"~{self._part(operand)}"
            case ast.BinOp(left=left, op=op, right=right):
                sign = "\\o" if self._is_sequence(left) else _sign(op)
                return f"{self.expression(left)} {sign} {self._part(right)}"
            case ast.BoolOp(op=op, values=values):
                return f" {_sign(op)} ".join(self._part(each) for each in values)
            case ast.Compare(left=left, ops=ops, comparators=right):
                sides = [left, *right]
                pairs = zip(sides, ops, right, strict=False)
                each = [f"{self._part(a)} {_sign(op)} {self._part(b)}" for a, op, b in pairs]
                return each[0] if len(each) == 1 else " /\\ ".join(f"({pair})" for pair in each)
            case ast.IfExp(test=test, body=body, orelse=other):
                return f"IF {self.expression(test)} THEN {self.expression(body)} ELSE {self.expression(other)}"
            case _:
                raise Untranslatable(ast.unparse(node))

    def _part(self, node: ast.expr) -> str:
        """Translate an operand, in parentheses unless it is one by itself."""
        text = self.expression(node)
        return f"({text})" if isinstance(node, (ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp)) else text

    def _call(self, name: str, arguments: list[ast.expr]) -> str:
        names = [each.id for each in arguments if isinstance(each, ast.Name)]
        marks = [self.states[each] for each in names if each in self.states]
        others = [self.expression(each) for each in arguments if not (isinstance(each, ast.Name) and each.id in self.states)]
        # A predicate on a step primes by itself; one on a state is primed as a whole.
        prime = "'" if marks == ["'"] else ""
        return operator(name) + (f"({', '.join(others)})" if others else "") + prime

    def _sequence(self, parts: list[ast.expr]) -> str:
        pieces = [
            self.expression(part.value) if isinstance(part, ast.Starred) else f"<<{self.expression(part)}>>" for part in parts
        ]
        return " \\o ".join(pieces) or "<<>>"

    def _slice(self, sequence: str, lower: ast.expr | None, upper: ast.expr | None) -> str:
        match lower, upper:
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)), None:
                return f"SubSeq({sequence}, Len({sequence}), Len({sequence}))"
            case ast.Constant(value=1), None:
                return f"Tail({sequence})"
            case _:
                start = "1" if lower is None else self._next(lower)
                return f"SubSeq({sequence}, {start}, {f'Len({sequence})' if upper is None else self.expression(upper)})"

    def _next(self, index: ast.expr) -> str:
        """Count a position from 1."""
        match index:
            case ast.Constant(value=int(value)):
                return str(value + 1)
            case ast.BinOp(left=left, op=ast.Add(), right=ast.Constant(value=int(value))):
                return f"{self.expression(left)} + {value + 1}"
            case _:
                return f"{self.expression(index)} + 1"

    def _is_sequence(self, node: ast.expr) -> bool:
        match node:
            case ast.Tuple() | ast.Subscript(slice=ast.Slice()):
                return True
            case ast.Attribute(attr=name):
                return self.fields[name]
            case ast.BinOp(left=left):
                return self._is_sequence(left)
            case _:
                return False


def _sign(op: ast.AST) -> str:
    try:
        return _OPERATORS[type(op)]
    except KeyError:
        raise Untranslatable(type(op).__name__) from None


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _hung(first: str, lines: list[str]) -> list[str]:
    return [(first if number == 0 else " " * len(first)) + line for number, line in enumerate(lines)]


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in tree.body if isinstance(node, ast.FunctionDef))


def _returns(node: ast.FunctionDef) -> str:
    return node.returns.id if isinstance(node.returns, ast.Name) else ""


def module(source: ModuleType = machine) -> str:
    """Give the TLA+ module of the machine."""
    tree = ast.parse(inspect.getsource(source))
    fields = {name: str(field.type).startswith("tuple") for name, field in machine.State.__dataclass_fields__.items()}
    names = {node.name for node in _functions(tree)}
    lines = ["(* Generated by `tidegate spec --tla` from tidegate_specs/machine.py; not written by hand.", ""]
    lines += [*(ast.get_docstring(tree) or "").replace("`", "").splitlines(), "*)", "EXTENDS Integers, Sequences", ""]
    lines += ["CONSTANT Capacity", "ASSUME Capacity \\in Nat \\ {0}", "", f"VARIABLES {', '.join(fields)}", ""]
    disjuncts: list[str] = []
    for node in _functions(tree):
        translated = _Function(node, fields)
        body = translated.lines()
        if _returns(node) == "State" and node.name != "initial":
            guard = f"can_{node.name}"
            at = len(translated.comment) + 1
            if guard in names:
                enabled = translated.head.replace(operator(node.name), operator(guard))
                effect = [line.removeprefix("    ") for line in body[at:]]
                body[at:] = [f"    /\\ {enabled}", *_hung("    /\\ ", effect)]
            quantified = "" if len(translated.arguments) == 1 else f"\\E {translated.arguments[1]} \\in 0 .. capacity - 1 : "
            disjuncts.append(quantified + translated.head)
        lines += [*body, ""]
    lines += ["Next ==", *(f"    \\/ {each}" for each in disjuncts), "", ""]
    text = "\n".join(lines) + _FOOT.format(variables=", ".join(fields))
    return f"{'-' * 28} MODULE Tidegate {'-' * 28}\n{text}{'=' * 73}\n"
