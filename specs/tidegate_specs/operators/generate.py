"""Make the mutants: cosmic-ray's operators, and one of our own that deletes a statement.

cosmic-ray edits the source, so a mutant's classes and bytecode are what its text says. (mutmut keeps all mutants of a function
beside it and chooses at each call, which adds to the bytecode that the audit, the sweeps and the explorer look at.)
"""

import ast
import hashlib
import importlib
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Any, Final, final

DELETION: Final = "DeleteStatement"
DELETED: Final = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Raise, ast.Delete)


@final
@dataclass(frozen=True, slots=True)
class Mutant:
    """Describe one change.

    old, new: the lines that differ, with a number where the same is done at several places of a function. source: the whole
    mutated file. typed: only type checkers see the change, in an annotation inside a function or in `@final`.
    """

    file: str
    function: str
    operator: str
    old: str
    new: str
    source: str
    typed: bool

    @property
    def key(self) -> str:
        """Name it in a way that survives changes elsewhere in the file."""
        return f"{self.file} {self.function} {self.operator}: {self.old} -> {self.new}"


def core_sources(folder: Path) -> dict[str, str]:
    """Read the files of the core, without the adapters."""
    return {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*.py"))}


def digest(sources: Mapping[str, str]) -> str:
    """Give what tells one kernel from another."""
    return hashlib.sha256("".join(f"{name}\0{sources[name]}\0" for name in sorted(sources)).encode()).hexdigest()


def generate(sources: Mapping[str, str], replacements: bool = True) -> list[Mutant]:
    """Make every mutant of these files, each once. Without replacements it needs no cosmic-ray."""
    found: list[Mutant] = []
    for file, source in sources.items():
        original = _meaning(source)
        known: set[str] = set()
        times: Counter[str] = Counter()
        for operator, mutated in (*_deletions(source), *(_replacements(source) if replacements else ())):
            meaning = _meaning(mutated)
            if meaning is None or meaning in known:
                continue  # what is no Python is no mutant, and what another operator made is none more
            typed = meaning == original
            known |= set() if typed else {meaning}
            old, new, line = _difference(source, mutated)
            mutant = Mutant(file, _function_at(source, line), operator, old, new, mutated, typed)
            times[mutant.key] += 1
            found.append(mutant if times[mutant.key] == 1 else replace(mutant, new=f"{new} ({times[mutant.key]})"))
    return found


class _Plain(ast.NodeTransformer):
    """Drop what only type checkers read: annotations inside functions, which Python does not evaluate, and `@final`."""

    def __init__(self) -> None:
        self.inside = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        outside, self.inside = self.inside, True
        self.generic_visit(node)
        self.inside = outside
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        outside, self.inside = self.inside, False
        self.generic_visit(node)
        self.inside = outside
        node.decorator_list = [each for each in node.decorator_list if ast.unparse(each) != "final"]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if self.inside:
            node.annotation = ast.Constant(None)
        return node


def _meaning(source: str) -> str | None:
    """Give what a source says to Python, without what only type checkers read; None if it is no Python."""
    try:
        tree = ast.parse(source)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as for `is` with a number
            compile(tree, "mutant", "exec")
    except (SyntaxError, ValueError):
        return None
    return ast.dump(_Plain().visit(tree))


def _replacements(source: str) -> Iterator[tuple[str, str]]:
    """Apply each operator of cosmic-ray that needs no arguments at each of its places."""
    plugins: Any = importlib.import_module("cosmic_ray.plugins")
    trees: Any = importlib.import_module("cosmic_ray.ast")
    mutating: Any = importlib.import_module("cosmic_ray.mutating")
    nodes = list(trees.ast_nodes(trees.get_ast(source)))
    for name in sorted(plugins.operator_names()):
        operator_class = plugins.get_operator(name)
        if operator_class.arguments():
            continue
        operator = operator_class()
        places = sum(1 for node in nodes for _ in operator.mutation_positions(node))
        for place in range(places):
            yield name.partition("/")[2], mutating.mutate_code(source, operator, place)


def _deletions(source: str) -> Iterator[tuple[str, str]]:
    """Put `pass` in place of each statement that is no docstring, import, definition or block."""
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, DELETED) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            continue
        if isinstance(node, ast.AnnAssign) and node.value is None:
            continue
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        before, after = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
        yield DELETION, "".join([*lines[:first], f"{before}pass{after}", *lines[last + 1 :]])


def _difference(source: str, mutated: str) -> tuple[str, str, int]:
    """Give the lines that differ, each side as one line, and the number of the first."""
    old, new = source.splitlines(), mutated.splitlines()
    changes = [change for change in SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if change[0] != "equal"]
    (_, first, _, new_first, _), (_, _, last, _, new_last) = changes[0], changes[-1]
    while first < last and not old[first].strip():
        first += 1
    return _line(old[first:last]), _line(new[new_first:new_last]) or "(nothing)", first + 1


def _line(lines: list[str]) -> str:
    """Join lines without their comments and indentation. (No string of the kernel contains two spaces and a hash.)"""
    text = " ".join(" ".join(line.partition("  #")[0].split()) for line in lines)
    return text.strip().replace("[ ", "[").replace("( ", "(")


def _function_at(source: str, line: int) -> str:
    """Name the innermost function or class around a line."""
    around = [name for first, last, name in _scopes(source) if first <= line <= last]
    return around[-1] if around else "(module)"


@cache
def _scopes(source: str) -> list[tuple[int, int, str]]:
    """List the functions and classes with their first line, decorators included, their last line and their full name."""
    found: list[tuple[int, int, str]] = []

    def visit(node: ast.AST, outer: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
                found.append((first, child.end_lineno or first, outer + child.name))
                visit(child, f"{outer}{child.name}.")
            else:
                visit(child, outer)

    visit(ast.parse(source), "")
    return found
