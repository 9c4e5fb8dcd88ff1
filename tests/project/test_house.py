"""The house can be found one's way in: short files, short functions, no circle of imports, no state that a second run would see."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOTS = ("kernel", "specs", "stress")
FILES = {
    str(file.relative_to(ROOT)): file
    for root in ROOTS
    for file in sorted((ROOT / root).rglob("*.py"))
    if "__pycache__" not in file.parts
}
FILE_LINES = 400
FUNCTION_LINES = 50  # of code: no blank lines, no comments, no docstrings
# May be longer, for a reason, and may not grow.
LONG_FILES = {
    "specs/tidegate_specs/net.py": 679,  # printed whole by `tidegate spec`, and cited by its hash
    "kernel/tidegate/adapters/aio.py": 433,  # an adapter is vendored and audited as one; its code is bounded in test_size.py
}
LONG_FUNCTIONS = {
    # A list of obligations, over one vocabulary of unknowns.
    ("specs/tidegate_specs/prove/history.py", "build"): 59,
    ("specs/tidegate_specs/prove/inductive.py", "_answers"): 76,
    ("specs/tidegate_specs/prove/latency.py", "_theorem"): 62,
    ("specs/tidegate_specs/prove/ranking.py", "_helped"): 62,
    # A list of small functions, each of which is a case.
    ("specs/tidegate_specs/scenarios/waiting.py", "_waits"): 69,
    ("specs/tidegate_specs/adapters/check_edges.py", "_callbacks"): 54,
}
# What a module keeps from one run to the next, and why a second run does not see it. Programs that are run as such are left out.
KEPT = {
    "kernel/tidegate/_forks.py _current": "whose child this process is",
    "kernel/tidegate/_slots.py DYING": "a stand-in for appending, whose list is emptied with each",
    "kernel/tidegate/adapters/_exit.py _calls": "what is called at the interpreter's end, which comes once",
    "kernel/tidegate/adapters/_exit.py _ended": "the end of the main thread, which comes once",
    "kernel/tidegate/adapters/_exit.py _watches": "one for each process, by fork",
    "kernel/tidegate/adapters/log.py _made": "weak, and each leaves when it dies",
    "kernel/tidegate/adapters/metrics.py _collectors": "weak, one for each registry",
    "kernel/tidegate/adapters/metrics.py _observed": "what one exporter reads, until it is told to leave",
    "specs/tidegate_specs/audit/hostile.py TOUCHED": "emptied before each look",
    "specs/tidegate_specs/contracts_kernel.py _last": "overwritten before each use: it keeps one object alive",
    "specs/tidegate_specs/explore/explorer.py _SITES": "read off the source of modules, which does not change",
    "specs/tidegate_specs/explore/processor.py _RESERVED": "one processor, for as long as the process lives",
    "specs/tidegate_specs/explore/scheduler.py ACTIVE": "a stack: what a run puts there it takes away",
    "specs/tidegate_specs/progress.py _listeners": "those of the command that this process is",
    "specs/tidegate_specs/prove/symbolic.py _runs": "a stack: what a run puts there it takes away",
    "specs/tidegate_specs/scenarios/ears.py _hooked": "an audit hook, which can't be taken away: it is added once",
    "specs/tidegate_specs/scenarios/ears.py _listening": "a stack: what a run puts there it takes away",
    "specs/tidegate_specs/scenarios/run.py _registered": "filled by the imports, by number",
    "specs/tidegate_specs/sweeps/kinds.py _SUBCLASSES": "a subclass for each class, made once",
}
PROGRAMS = ("specs/tidegate_specs/host/probes/", "specs/tidegate_specs/conformance/witnesses/")
MUTABLE = frozenset("Counter OrderedDict WeakKeyDictionary WeakSet WeakValueDictionary defaultdict deque dict list set".split())
CHANGING = frozenset("add append appendleft clear extend insert pop popitem popleft remove setdefault update".split())
Function = ast.FunctionDef | ast.AsyncFunctionDef


def code_lines(function: Function, source: list[str]) -> int:
    """Count the lines of a function that are neither blank nor a comment nor a docstring."""
    documented = [
        line
        for node in ast.walk(function)
        if isinstance(node, Function | ast.ClassDef) and ast.get_docstring(node, clean=False) is not None
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    ]
    lines = set(range(function.lineno, (function.end_lineno or 0) + 1)) - set(documented)
    return sum(bool(text := source[line - 1].strip()) and not text.startswith("#") for line in lines)


def long_functions(source: str) -> dict[str, int]:
    """Give the length of the functions that are too long, nested ones included."""
    lines = source.splitlines()
    found = {node.name: code_lines(node, lines) for node in ast.walk(ast.parse(source)) if isinstance(node, Function)}
    return {name: length for name, length in found.items() if length > FUNCTION_LINES}


def module_name(place: str) -> str:
    """Give the name under which a file is imported."""
    return ".".join(Path(place).with_suffix("").parts[1:]).removesuffix(".__init__")


def imports_of(name: str, source: str, known: Iterable[str], is_package: bool) -> set[str]:
    """Name the modules, of those known, that a module imports anywhere, but for what only the type checkers read."""
    found = set[str]()
    package = name.split(".") if is_package else name.split(".")[:-1]

    def visit(node: ast.AST) -> None:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                return
            case ast.Import(names=aliases):
                found.update(alias.name for alias in aliases)
            case ast.ImportFrom(module=module, names=aliases, level=level):
                above = package[: len(package) - level + 1] if level else []
                base = ".".join([*above, *([module] if module else [])])
                found.update(whole if (whole := f"{base}.{alias.name}") in known else base for alias in aliases)
            case _:
                pass
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(source))
    return {other for other in found if other in known and other != name}


def circles(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """Give the sets of modules each of which can be reached from each other."""

    def reached(start: str) -> set[str]:
        seen, todo = set[str](), list(graph[start])
        while todo:
            if (name := todo.pop()) not in seen:
                seen.add(name)
                todo += graph[name]
        return seen

    reach = {name: reached(name) for name in graph}
    found = [{other for other in reach[name] if name in reach[other]} for name in graph if name in reach[name]]
    return [circle for number, circle in enumerate(found) if circle not in found[:number]]


def is_mutable(value: ast.expr | None) -> bool:
    """Tell whether a value is a container that can be changed."""
    match value:
        case ast.List() | ast.Dict() | ast.Set() | ast.ListComp() | ast.DictComp() | ast.SetComp():
            return True
        case ast.Call(func=ast.Subscript(value=ast.Name(id=name))) | ast.Call(func=ast.Name(id=name)):
            return name in MUTABLE
        case _:
            return False


def changed_state(source: str) -> Iterator[str]:
    """Name what belongs to a module and is changed by a function of it."""
    tree = ast.parse(source)
    names = set[str]()
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and is_mutable(statement.value):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    for function in ast.walk(tree):
        if not isinstance(function, Function):
            continue
        for node in ast.walk(function):
            match node:
                case ast.Global(names=assigned):
                    yield from assigned
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in CHANGING and name in names:
                    yield name
                case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()) if name in names:
                    yield name
                case _:
                    pass


def text_of(place: str) -> str:
    return FILES[place].read_text(encoding="utf-8")


def test_no_file_is_long() -> None:
    lengths = {place: len(text_of(place).splitlines()) for place in FILES}
    assert {place: length for place, length in lengths.items() if length > LONG_FILES.get(place, FILE_LINES)} == {}
    assert {place for place in LONG_FILES if lengths.get(place, 0) <= FILE_LINES} == set()  # an exception that is none goes


def test_no_function_is_long() -> None:
    found = {(place, name): length for place in FILES for name, length in long_functions(text_of(place)).items()}
    assert {where: length for where, length in found.items() if length > LONG_FUNCTIONS.get(where, 0)} == {}
    assert set(LONG_FUNCTIONS) - set(found) == set()


def test_no_circle_of_imports() -> None:
    names = {module_name(place): place for place in FILES}
    graph = {name: imports_of(name, text_of(place), names, place.endswith("__init__.py")) for name, place in names.items()}
    assert len(graph) > 100
    assert circles(graph) == []


def test_no_state_that_a_second_run_would_see() -> None:
    places = [place for place in FILES if not place.startswith(PROGRAMS)]
    found = {f"{place} {name}" for place in places for name in changed_state(text_of(place))}
    assert found == set(KEPT)


def test_a_planted_long_function_is_found() -> None:
    body = "\n".join(f"    x = {number}" for number in range(FUNCTION_LINES))
    assert long_functions(f"def f():\n{body}\n") == {"f": FUNCTION_LINES + 1}
    assert long_functions(f'def f():\n    """Say.\n\n    More.\n    """\n\n    # why\n{body[: body.rindex(chr(10))]}\n') == {}


@pytest.mark.parametrize(
    "planted",
    [
        "from .b import f",
        "def g():\n    from . import b",
        "import p.b",
        "from p import b",
        "if True:\n    from p.b import f",
    ],
)
def test_a_planted_circle_is_found(planted: str) -> None:
    graph = {
        "p.a": imports_of("p.a", planted, ["p", "p.a", "p.b"], is_package=False),
        "p.b": imports_of("p.b", "from .a import g", ["p", "p.a", "p.b"], is_package=False),
    }
    assert circles(graph) == [{"p.a", "p.b"}]


def test_what_only_type_checkers_read_makes_no_circle() -> None:
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .b import F\n"
    assert imports_of("p.a", source, ["p.a", "p.b"], is_package=False) == set()


@pytest.mark.parametrize(
    "planted",
    [
        "seen = []\ndef f(x):\n    seen.append(x)",
        "seen: set[int] = set()\ndef f(x):\n    seen.add(x)",
        "seen = dict[str, int]()\ndef f(x):\n    seen[x] = 1",
        "seen = 0\ndef f():\n    global seen\n    seen += 1",
    ],
)
def test_planted_state_is_found(planted: str) -> None:
    assert set(changed_state(planted)) == {"seen"}
