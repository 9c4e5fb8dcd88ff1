"""Items whose every method traps, wrong arguments, and copies of what must not be copied."""

import copy
import gc
import pickle
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from ..check import Result, Settings, Subject
from .verdicts import conclude

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
HOSTILE_ITEM: Final = _HostileItem()


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
    return conclude(findings, evidence)


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
    return conclude(findings, f"{texts} attempts: no item touched, every copy and pickle refused")
