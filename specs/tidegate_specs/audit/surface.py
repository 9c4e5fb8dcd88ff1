"""What the kernel imports, and which arguments its calls take."""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, cast

from ..bytecode import package_of
from ..check import Result, Settings, Subject, Verdict
from .verdicts import conclude

# What the kernel imports, and what it exposes

ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "_queue": frozenset({"Empty", "SimpleQueue"}),
    "collections.abc": frozenset({"Callable", "Iterator"}),
    "dataclasses": frozenset({"dataclass"}),
    "enum": frozenset({"Enum"}),
    "functools": frozenset({"partial"}),
    "itertools": frozenset({"chain", "count", "repeat"}),
    "operator": frozenset({"attrgetter", "is_not", "methodcaller"}),
    "os": frozenset({"register_at_fork", "sched_yield", "sysconf", "sysconf_names"}),
    "queue": frozenset({"Empty", "ShutDown"}),
    "sys": frozenset({"getrefcount", "version_info"}),
    "threading": frozenset({"TIMEOUT_MAX"}),
    "time": frozenset({"monotonic", "sleep"}),
    "typing": frozenset({"TYPE_CHECKING", "Any", "Final", "Generic", "NoReturn", "TypeAlias", "TypeVar", "cast", "final"}),
    "weakref": frozenset({"proxy", "ref"}),
}
DYNAMIC: Final = frozenset({"__import__", "eval", "exec", "compile", "open", "import_module"})
PUBLIC: Final = frozenset({"capacity", "offer", "take", "close", "drain", "statistics"})


def _reads(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Give the name and the attribute where something is read from a name: with a dot, or by `getattr` with a text."""
    match node:
        case ast.Attribute(value=ast.Name(id=owner), attr=attribute):
            yield owner, attribute
        case ast.Call(func=ast.Name(id="getattr"), args=[ast.Name(id=owner), ast.Constant(value=str(attribute)), *_]):
            yield owner, attribute
        case _:
            pass


def import_findings(source: str, file: str) -> list[str]:
    """List what a source file imports, or takes of a module, that the core has no use for."""
    findings: list[str] = []
    modules: dict[str, str] = {}
    tree = ast.parse(source, file)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                modules[alias.asname or alias.name.partition(".")[0]] = alias.name
                if alias.name not in ALLOWED:
                    findings.append(f"{file} line {node.lineno}: imports {alias.name}")
        elif isinstance(node, ast.ImportFrom) and not node.level:
            module = node.module or ""
            unknown = [alias.name for alias in node.names if alias.name not in ALLOWED.get(module, frozenset())]
            findings += [f"{file} line {node.lineno}: imports {name} from {module}" for name in unknown]
    for node in ast.walk(tree):
        for owner, attribute in _reads(node):
            of = modules.get(owner)
            if of is not None and attribute not in ALLOWED.get(of, frozenset()):
                findings.append(f"{file} line {cast(ast.expr, node).lineno}: uses {of}.{attribute}")
        if isinstance(node, ast.Name) and node.id in DYNAMIC:
            findings.append(f"{file} line {node.lineno}: uses {node.id}")
    return findings


def sources_of(package: str) -> dict[str, str]:
    """Read the sources of a package's loaded modules, but for adapters and policies, through their loaders, by module name."""
    sources: dict[str, str] = {}
    around = (f"{package}.adapters", f"{package}.policies")
    for name in sorted(sys.modules):
        if name == package or (name.startswith(package + ".") and not name.startswith(around)):
            loader: Any = getattr(sys.modules[name], "__loader__", None)
            source = loader.get_source(name) if hasattr(loader, "get_source") else None
            if isinstance(source, str):
                sources[name] = source
    return sources


def _surface_findings(subject: Subject) -> list[str]:
    """List what would let anyone change the capacity, or weaken `offer`."""
    intake, victim = subject.Intake(2), subject.Intake(2)
    findings: list[str] = []
    public = {name for cls in type(intake).__mro__[:-1] for name in vars(cls) if not name.startswith("_")}
    findings += [f"Intake has a public attribute {name!r} of no use" for name in sorted(public - PUBLIC)]
    findings += [f"Intake has no {name!r}" for name in sorted(PUBLIC - public)]
    for name in (*sorted(public), "maxsize", "bound"):
        try:
            setattr(victim, name, 3)
        except (AttributeError, TypeError):
            continue
        findings.append(f"Intake.{name} can be set")
    cls: Any = subject.Intake
    with suppress(TypeError):
        intake.__init__(3)  # a second time, with another capacity: refused or of no effect
    for method, names in ((cls.offer, ["self", "item"]), (cls, ["capacity"])):
        parameters = inspect.signature(method).parameters
        plain = all(
            parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.default is parameter.empty
            for parameter in parameters.values()
        )
        if list(parameters) != names or not plain:
            findings.append(f"{method.__qualname__} takes ({', '.join(map(str, parameters.values()))}), not ({', '.join(names)})")
    for keyword in ("block", "timeout", "maxsize", "force", "priority"):
        for call in (partial(intake.offer, object()), partial(subject.Intake, 1)):
            try:
                call(**{keyword: 1})
            except TypeError:
                continue
            findings.append(f"{getattr(call.func, '__name__', 'Intake')} takes {keyword}=")
    if intake.capacity != 2 or [bool(subject.Intake.offer(intake, object())) for _ in range(3)] != [True, True, False]:
        findings.append("an intake of 2 does not accept exactly 2")
    return findings


def check_imports(subject: Subject, settings: Settings) -> Result:
    """Judge that the core imports only what it needs and exposes nothing that changes its capacity (FIXED-1)."""
    package = package_of(subject)
    sources = sources_of(package)
    if not sources:
        return Result(Verdict.UNKNOWN, "no source was read", f"the loader of {package} gives no source")
    findings = [finding for name, source in sources.items() for finding in import_findings(source, name)]
    surface = _surface_findings(subject)
    evidence = (
        f"{len(sources)} modules, {len(ALLOWED)} standard-library modules allowed; {len(PUBLIC)} public names, none can be set"
    )
    return conclude(findings + surface, evidence, ("FIXED-1",) if surface else ())
