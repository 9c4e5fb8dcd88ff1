"""Audit the kernel: what `offer` can reach, what is imported and exposed, and whether an item is ever touched.

`bytecode` reads the instructions; the checks here judge what it found, and try the rest with items whose every method raises.
"""

import ast
import contextlib
import copy
import gc
import importlib
import inspect
import io
import logging
import pickle
import sys
import tracemalloc
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, cast

from .bytecode import EXPLICIT, NOWAIT, QUIET, OfferReport, audit_offer, package_of
from .check import Check, Result, Settings, Subject, Verdict

HOSTILE: Final = "HOSTILE-1"


def _judged(findings: Sequence[object], evidence: str, blames: tuple[str, ...] = ()) -> Result:
    """Give ILLEGAL if there is any finding, naming the first ones."""
    if not findings:
        return Result(Verdict.OK, evidence)
    more = f"; and {len(findings) - 3} more" if len(findings) > 3 else ""
    return Result(Verdict.ILLEGAL, evidence, "; ".join(str(finding) for finding in findings[:3]) + more, blames)


def _to_the_end(result: Result, report: OfferReport) -> Result:
    """Turn OK into UNKNOWN if the audit stopped at an instruction that it does not follow."""
    if result.verdict is not Verdict.OK or not report.unfollowed:
        return result
    stopped = f"the audit of offer stopped at instructions that it does not follow: {', '.join(report.unfollowed)}"
    return Result(Verdict.UNKNOWN, result.evidence, stopped)


def check_wait_free(subject: Subject, settings: Settings) -> Result:
    """Judge that `offer` takes a bounded number of instructions and waits for nobody (NOWAIT-1)."""
    report = audit_offer(subject)
    if report.unread:
        return Result(Verdict.UNKNOWN, "nothing was judged", report.unread)
    counts = ", ".join(f"{label} {count}" for label, count in sorted(report.counts.items()))
    evidence = (
        f"worst case {report.worst} instructions ({counts}, finaliser of a dropped slot {report.finaliser}), "
        "handlers and callees included; "
        f"{report.functions} functions, {report.instructions} instructions read, 0 cycles, "
        f"{report.backward} backward jumps out of handlers; calls: {', '.join(report.primitives) or 'none'}"
    )
    return _to_the_end(_judged([finding for finding in report.findings if finding.clause == NOWAIT], evidence), report)


def check_yields(subject: Subject, settings: Settings) -> Result:
    """Judge that a rejection can offer the processor to others (RESPONSIVE-2)."""
    report = audit_offer(subject)
    if report.unread:
        return Result(Verdict.UNKNOWN, "nothing was judged", report.unread)
    evidence = f"{len(report.primitives)} primitives reached"
    if "yield_processor" in report.primitives:
        return Result(Verdict.OK, f"{evidence}, among them the one that yields the processor")
    if report.findings or report.unfollowed:
        stopped = ", ".join(report.unfollowed) or report.findings[0]
        return Result(Verdict.UNKNOWN, evidence, f"the audit did not follow every way through offer: {stopped}")
    return Result(Verdict.ILLEGAL, evidence, "offer never gives the processor to the workers")


REJECTIONS: Final = 2_000


def _listen(warned: list[str]) -> Callable[..., None]:
    def show(message: Warning | str, *details: object) -> None:
        warned.append(str(message))

    return show


def check_quiet(subject: Subject, settings: Settings) -> Result:
    """Judge that a rejection writes, logs and warns nothing and runs no code of the caller's: by bytecode, and by trying."""
    report = audit_offer(subject)
    if report.unread:
        return Result(Verdict.UNKNOWN, "nothing was judged", report.unread)
    findings: list[object] = [finding for finding in report.findings if finding.clause in (QUIET, EXPLICIT)]
    blames = tuple(dict.fromkeys(finding.clause for finding in report.findings if finding.clause in (QUIET, EXPLICIT)))
    heard: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(f"logged by {record.name}: {record.getMessage()}")

    full, closed = subject.Intake(1), subject.Intake(1)
    full.offer(object())
    closed.close()
    written = io.StringIO()
    listener, root = Listener(0), logging.getLogger()
    level = root.level
    root.addHandler(listener)
    root.setLevel(1)
    raised = ""
    warned: list[str] = []
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(written),
            contextlib.redirect_stderr(written),
        ):
            warnings.simplefilter("always")
            warnings.showwarning = _listen(warned)
            for _ in range(REJECTIONS):
                full.offer(_HOSTILE)
                closed.offer(_HOSTILE)
    except BaseException as error:  # noqa: BLE001 - a rejection raises nothing whatever
        raised = f"{type(error).__name__}: {error}"
    finally:
        root.setLevel(level)
        root.removeHandler(listener)
    if raised:
        findings.append(f"a rejection raised {raised}")
        blames = (*blames, EXPLICIT)
    findings += heard[:1]
    findings += [f"warned: {message}" for message in warned[:1]]
    findings += [f"wrote {written.getvalue()[:60]!r}"] if written.getvalue() else []
    evidence = f"{report.functions} functions read; {2 * REJECTIONS} rejections tried, {len(heard)} records, {len(warned)} warnings"
    return _to_the_end(_judged(findings, evidence, blames), report)


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
    return _judged(findings + surface, evidence, ("FIXED-1",) if surface else ())


# Items that must not be touched

TOUCHED: Final[list[str]] = []  # the methods of hostile items that somebody called


class Touched(BaseException):
    """Raised by every method of a hostile item."""


_UNARY: Final = (
    "abs neg pos invert bool len repr str bytes hash index int float complex iter next reversed trunc floor ceil round".split()
)
_BINARY: Final = (
    "eq ne lt le gt ge add sub mul matmul truediv floordiv mod divmod pow lshift rshift and xor or contains getitem".split()
)
_OTHER: Final = "format getattribute getattr setattr delattr setitem delitem call enter exit await aiter anext".split()
_COPYING: Final = "reduce reduce_ex copy deepcopy getstate sizeof dir fspath instancecheck length_hint missing get set".split()


def _trap(name: str) -> Callable[..., Any]:
    def trap(*arguments: object, **named: object) -> Any:
        TOUCHED.append(name)
        raise Touched(f"somebody called {name} of an item")

    return trap


def _hostile_class() -> type[Any]:
    names = [f"__{name}__" for name in (*_UNARY, *_BINARY, *_OTHER, *_COPYING)]
    names += [f"__{prefix}{name}__" for name in _BINARY[6:-2] for prefix in "ri"]
    traps: dict[str, Any] = {name: _trap(name) for name in names}
    return type("Hostile", (), {**traps, "__slots__": ("__weakref__",)})


_HostileItem: Final = _hostile_class()
_HOSTILE: Final = _HostileItem()


def _hostile_tour(subject: Subject) -> int:
    """Send hostile items through every operation, and count the operations."""
    done = 0
    intake = subject.Intake(2)
    for _ in range(3):  # accepted twice, then full
        intake.offer(_HostileItem())
        done += 1
    lease = intake.take()
    repr(lease)
    lease.item  # noqa: B018 - the look itself is what is tried
    lease.release()
    lease.release()
    done += 5
    dropped = intake.take()  # nobody looks: put back
    del dropped
    looked = intake.take(0)
    looked.item  # noqa: B018 - the look itself is what is tried
    del looked  # abandoned
    done += 4
    intake.offer(_HostileItem())
    with intake.take(1):
        intake.statistics()
        repr(intake)
    done += 4
    intake.offer(_HostileItem())
    held = intake.take()
    intake.offer(_HostileItem())
    left = intake.drain(0)
    intake.offer(_HostileItem())  # closed
    for each in intake:
        each.release()
        if held is not None:
            held.release()
            held = None
        left -= 1
    done += 6
    gc.collect()
    return done


BAD_CAPACITIES: Final[tuple[tuple[Any, type[Exception]], ...]] = (
    (0, ValueError),
    (-1, ValueError),
    (-(1 << 80), ValueError),
    (True, TypeError),
    (False, TypeError),
    (1.0, TypeError),
    (float("inf"), TypeError),
    ("1", TypeError),
    (None, TypeError),
    ([1], TypeError),
    (1 << 62, ValueError),
    (10**40, ValueError),
)
BAD_TIMEOUTS: Final[tuple[tuple[Any, type[Exception]], ...]] = (
    (-1, ValueError),
    (-0.001, ValueError),
    (float("nan"), ValueError),
    (True, TypeError),
    ("1", TypeError),
    ([], TypeError),
)
ALLOCATED_BYTES: Final = 16_384  # what an error message and its traceback may take


def _refusal(call: Callable[[], Any], error: type[Exception], what: str) -> str:
    """Give what is wrong with the refusal of a bad argument, or nothing."""
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    try:
        call()
        problem = f"{what} is admitted"
    except error as raised:
        problem = "" if str(raised).strip() else f"{what}: the error says nothing"
        _, peak = tracemalloc.get_traced_memory()
        if peak - before > ALLOCATED_BYTES:
            problem = f"{what}: {peak - before} bytes were allocated before it was refused"
    except Exception as raised:  # noqa: BLE001 - any other error is a finding
        problem = f"{what} raises {type(raised).__name__}, not {error.__name__}"
    finally:
        if not tracing:
            tracemalloc.stop()
    return problem


def check_hostile(subject: Subject, settings: Settings) -> Result:
    """Judge that no method of an item is ever called, and that bad arguments are refused before anything is allocated."""
    findings: list[str] = []
    operations = 0
    TOUCHED.clear()
    try:
        operations = _hostile_tour(subject)
    except Touched as error:
        findings.append(str(error))
    except Exception as error:  # noqa: BLE001 - any error is a finding
        findings.append(f"with hostile items: {type(error).__name__}: {error}")
    findings += [f"an item's {name} was called" for name in dict.fromkeys(TOUCHED)]
    problems = [_refusal(partial(subject.Intake, bad), kind, f"capacity {bad!r}") for bad, kind in BAD_CAPACITIES]
    for bad, expected in BAD_TIMEOUTS:
        intake = subject.Intake(1)
        intake.offer(None)
        problems.append(_refusal(partial(intake.take, bad), expected, f"take(timeout={bad!r})"))
        problems.append(_refusal(partial(intake.drain, bad), expected, f"drain(timeout={bad!r})"))
        if intake.offer(None) is not subject.Outcome.FULL:
            problems.append("a refused time-out changed the intake")
    findings += [problem for problem in problems if problem]
    traps = len(vars(_HostileItem))
    evidence = f"{operations} operations on items with {traps} raising methods; {len(problems)} bad arguments refused"
    return _judged(findings, evidence)


def check_representation(subject: Subject, settings: Settings) -> Result:
    """Judge that `repr` touches no item and changes nothing, and that neither an intake nor a lease can be copied."""
    findings: list[str] = []
    TOUCHED.clear()
    intake = subject.Intake(2)
    intake.offer(_HostileItem())
    intake.offer(_HostileItem())
    lease = intake.take()
    before = intake.statistics()
    texts = 0
    for thing in (intake, lease):
        try:
            texts += sum(bool(text) for text in (repr(thing), str(thing), format(thing)))
        except BaseException as error:  # noqa: BLE001 - a touched item raises one
            findings.append(f"repr of {type(thing).__name__}: {type(error).__name__}: {error}")
        copiers: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy]
        copiers += [partial(pickle.dumps, protocol=protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
        for copier in copiers:
            name = getattr(copier, "__name__", "pickle.dumps")
            try:
                copier(thing)
            except TypeError:
                texts += 1
            except BaseException as error:  # noqa: BLE001 - a touched item raises one
                findings.append(f"{name} of {type(thing).__name__} raises {type(error).__name__}, not TypeError")
            else:
                findings.append(f"{name} of {type(thing).__name__} makes a second one")
    findings += [f"an item's {name} was called" for name in dict.fromkeys(TOUCHED)]
    if intake.statistics() != before:
        findings.append("looking at the intake changed it")
    lease.release()
    return _judged(findings, f"{texts} attempts: no item touched, every copy and pickle refused")


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        name="audit.wait_free",
        group="audit",
        tool="bytecode audit",
        clauses=(NOWAIT, "NOWAIT-2"),
        shows="offer has no loop, recursion, lock or wait, and calls only atomic primitives: the number of its instructions is "
        "bounded",
        shows_not="how long a primitive takes in C, and that nobody binds its names to something else later",
        run=check_wait_free,
        limit_s=(20.0, 20.0),
    ),
    Check(
        name="audit.yields",
        group="audit",
        tool="bytecode audit",
        clauses=("RESPONSIVE-2",),
        shows="there is a path by which a rejection calls what gives the processor to others",
        shows_not="that it does so often enough: the overload run measures that",
        run=check_yields,
        limit_s=(20.0, 20.0),
    ),
    Check(
        name="audit.quiet",
        group="audit",
        tool="bytecode audit",
        clauses=(QUIET, EXPLICIT),
        shows="offer neither writes, logs, warns nor raises, and uses no operator or attribute of an item",
        shows_not="what the interpreter itself does in C",
        run=check_quiet,
        limit_s=(20.0, 20.0),
    ),
    Check(
        name="audit.imports",
        group="audit",
        tool="bytecode audit",
        clauses=("FIXED-1",),
        shows="the core imports a fixed list of standard-library names, and no public attribute or argument changes the capacity",
        shows_not="what happens if somebody writes to private attributes",
        run=check_imports,
        limit_s=(20.0, 20.0),
    ),
    Check(
        name="audit.hostile",
        group="audit",
        tool="bytecode audit",
        clauses=(HOSTILE,),
        shows="items whose every method raises go through every operation untouched; bad arguments allocate nothing",
        shows_not="paths that no operation took here, such as those after an exception from outside",
        run=check_hostile,
        limit_s=(20.0, 20.0),
    ),
    Check(
        name="audit.representation",
        group="audit",
        tool="bytecode audit",
        clauses=(HOSTILE, "BOUND-2"),
        shows="repr touches no item; an intake or a lease can be neither copied nor pickled, so no slot exists twice",
        shows_not="copies made by writing to private attributes",
        run=check_representation,
        limit_s=(20.0, 20.0),
    ),
)


def main(name: str = "tidegate") -> int:
    """Print the audit of an implementation named by its module."""
    subject: Any = importlib.import_module(name)
    worst = 0
    for check in CHECKS:
        result = check.run(subject, Settings())
        print(f"{check.name:22} {result.verdict.value:8} {result.evidence} {result.witness}".rstrip())
        worst |= result.verdict is not Verdict.OK
    return worst


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:2]))
