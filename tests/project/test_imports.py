"""The core stands alone: a few names of the standard library, and nothing that could reach a network, a disk or a lock.

And of the four packages, each imports only those below it: gate, stress, specs, kernel.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KERNEL = ROOT / "kernel" / "tidegate"
# From the top down: a package may import itself and what comes after it.
LAYERS = ("specs/tidegate_gate", "stress/tidegate_stress", "specs/tidegate_specs", "kernel/tidegate")

ALLOWED = {
    "_queue": {"Empty", "SimpleQueue"},
    "collections.abc": {"Callable", "Iterator"},
    "dataclasses": {"dataclass"},
    "enum": {"Enum"},
    "functools": {"partial"},
    "itertools": {"chain", "count", "repeat"},
    "operator": {"attrgetter", "is_not", "methodcaller"},
    "os": {"register_at_fork", "sched_yield", "sysconf", "sysconf_names"},
    "queue": {"Empty", "ShutDown"},
    "sys": {"getrefcount", "version_info"},
    "threading": {"TIMEOUT_MAX"},
    "time": {"monotonic", "sleep"},
    "typing": {"TYPE_CHECKING", "Any", "Final", "Generic", "NoReturn", "TypeAlias", "TypeVar", "cast", "final"},
    "weakref": {"proxy", "ref"},
}
# Ways to reach what is not imported, or a terminal, or a disk.
FORBIDDEN_NAMES = {
    "__builtins__",
    "__import__",
    "__loader__",
    "__spec__",
    "breakpoint",
    "compile",
    "delattr",
    "eval",
    "exec",
    "getattr",
    "globals",
    "input",
    "locals",
    "open",
    "print",
    "setattr",
    "vars",
}
FORBIDDEN_ATTRIBUTES = {"__builtins__", "__class__", "__dict__", "__globals__", "__loader__", "__spec__", "__subclasses__"}


def faults_of_import_from(node: ast.ImportFrom) -> Iterator[str]:
    """Tell what one `from ... import ...` reaches beyond the list."""
    module = node.module or ""
    if node.level > 1 or (node.level == 1 and (not module or "." in module)):
        yield f"line {node.lineno}: a relative import names one module of the kernel: from .module import name"
    for alias in node.names:
        if node.level and (alias.name == "*" or alias.name in sys.stdlib_module_names):
            yield f"line {node.lineno}: {alias.name} by way of .{module}"
        elif not node.level and alias.name not in ALLOWED.get(module, ()):
            yield f"line {node.lineno}: {module}.{alias.name} is not on the list"


def faults_of_imports(tree: ast.Module) -> Iterator[str]:
    """Tell what the imports, and the uses of imported modules, reach beyond the list."""
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from faults_of_import_from(node)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name not in ALLOWED or "." in alias.name:
                    yield f"line {node.lineno}: import {alias.name} is not on the list"
                modules[alias.asname or alias.name] = alias.name
    examined = set[ast.AST]()
    for node in ast.walk(tree):  # breadth first: an attribute comes before the name it is of
        if isinstance(node, ast.Call) and is_hasattr_of(node, modules):
            examined.add(node.args[0])
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            examined.add(node.value)
            module = modules[node.value.id]
            if node.attr not in ALLOWED.get(module, ()):
                yield f"line {node.lineno}: {module}.{node.attr} is not on the list"
        elif isinstance(node, ast.Name) and node.id in modules and node not in examined:
            yield f"line {node.lineno}: the module {modules[node.id]} is handed on"


def is_hasattr_of(node: ast.Call, modules: dict[str, str]) -> bool:
    """Tell whether a call asks whether this platform has a name that is on the list."""
    match node:
        case ast.Call(func=ast.Name(id="hasattr"), args=[ast.Name(id=name), ast.Constant(value=attribute)]):
            return name in modules and attribute in ALLOWED.get(modules[name], ())
        case _:
            return False


def faults_of_names(tree: ast.Module) -> Iterator[str]:
    """Tell which builtins and attributes could reach what is not imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in FORBIDDEN_NAMES:
            yield f"line {node.lineno}: {node.id}"
        if isinstance(node, ast.Attribute) and node.attr in FORBIDDEN_ATTRIBUTES:
            yield f"line {node.lineno}: .{node.attr}"


def faults_of(source: str) -> list[str]:
    """List everything in a kernel file that reaches beyond the list."""
    tree = ast.parse(source)
    return [*faults_of_imports(tree), *faults_of_names(tree)]


@pytest.mark.parametrize("file", sorted(KERNEL.glob("*.py")), ids=lambda file: file.name)
def test_kernel_reaches_only_listed_names(file: Path) -> None:
    assert faults_of(file.read_text(encoding="utf-8")) == []


def test_kernel_has_no_other_kind_of_file() -> None:
    files = {file.name for file in KERNEL.rglob("*") if file.is_file() and "__pycache__" not in file.parts}
    assert {name for name in files if not name.endswith(".py")} == {"LICENSE", "py.typed"}


def test_list_holds_only_what_the_kernel_uses() -> None:
    """A name that is no longer used must leave the list. `typing` and `collections.abc` hold no code, only types."""
    words = {
        node.attr if isinstance(node, ast.Attribute) else node.name
        for file in KERNEL.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Attribute, ast.alias))
    }
    unused = {f"{module}.{name}" for module, names in ALLOWED.items() for name in names - words}
    assert {name for name in unused if not name.startswith(("typing.", "collections."))} == set()


@pytest.mark.parametrize(
    "planted",
    [
        "import socket",
        "import sqlite3",
        "import logging",
        "import importlib",
        "import collections.abc",
        "from threading import Lock",
        "from os import open",
        "from os import open as sched_yield",
        "from os import *",
        "from tidegate._slots import Slots",
        "from tidegate import Intake",
        "import tidegate",
        "from . import _slots",
        "from .. import anything",
        "from ._intake import os",
        "from ._intake import *",
        "import os\nos.system('ls')",
        "import os as harmless\nharmless.open('f', 0)",
        "import os\nother = os\nother.fork()",
        "import os\nf(os)",
        "import os\nhasattr(os, 'fork')",
        "import os\ngetattr(os, 'fork')()",
        "import sys\nsys.modules['os']",
        "import queue\nqueue.Queue()",
        "import queue\nqueue.SimpleQueue.put.__globals__",
        "def f():\n    import socket",
        "try:\n    from os import sched_yield\nexcept ImportError:\n    import shelve",
        "__import__('socket')",
        "open('journal', 'a')",
        "print('full')",
        "eval('1')",
        "f.__globals__",
        "object.__subclasses__()",
    ],
)
def test_planted_reach_is_found(planted: str) -> None:
    assert faults_of(planted)


def test_allowed_reach_passes() -> None:
    source = "import os\nfrom ._slots import Slots\nif hasattr(os, 'register_at_fork'):\n    os.register_at_fork()\n"
    assert faults_of(source) == []


def imported_packages(source: str) -> set[str]:
    """Name the top-level packages that a module imports, anywhere in it."""
    names = set[str]()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=aliases):
                names |= {alias.name for alias in aliases}
            case ast.ImportFrom(module=str(module), level=0):
                names.add(module)
            case _:
                pass
    return {name.partition(".")[0] for name in names}


def above(package: str) -> set[str]:
    """Name the packages that this one must not import."""
    names = [folder.rpartition("/")[2] for folder in LAYERS]
    return set(names[: names.index(package)])


@pytest.mark.parametrize("folder", LAYERS)
def test_no_package_imports_one_above_it(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    forbidden = above(folder.rpartition("/")[2])
    found = {str(file.relative_to(ROOT)): imported_packages(file.read_text(encoding="utf-8")) & forbidden for file in files}
    assert {name: packages for name, packages in found.items() if packages} == {}


@pytest.mark.parametrize(
    ("package", "planted"),
    [
        ("tidegate_stress", "from tidegate_gate.report import judge"),
        ("tidegate_specs", "def f():\n    import tidegate_stress.load"),
        ("tidegate_specs", "import tidegate_gate as gate"),
        ("tidegate", "import os, tidegate_specs"),
    ],
)
def test_planted_arrow_upwards_is_found(package: str, planted: str) -> None:
    assert imported_packages(planted) & above(package)


def test_arrow_downwards_passes() -> None:
    assert not imported_packages("from tidegate_specs import check\nfrom . import report") & above("tidegate_stress")
