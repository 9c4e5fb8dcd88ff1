"""Make an adapter's first calls before it is judged: what is wrong with an adapter must not be told of what it adapts.

    python -m tidegate_specs.conformance.smoke package.module:adapter

One intake of one slot: an offer, a take, a take with nothing there, and, where it refuses, an offer too many. It prints what is
wrong with the adapter, or nothing. How the intake behaves is for the checks: wrong answers, and what a full one does instead of
refusing (it waits, it ends the process, and where a refusal is said to be its own answer, it raises) are not looked at here.
"""

import asyncio
import importlib
import os
import sys
import threading
import traceback
from collections.abc import Callable
from functools import reduce
from operator import attrgetter
from types import FrameType
from typing import Any, Final, final

from ..runner import die_with_parent, forgo_core_dump
from .adapter import Adapted, Adapter, Closed, Empty, Outcome, adapt, names_in

LIMIT_S: Final = 10.0  # for calls of which none waits
FULL_S: Final = 1.0  # for the offer too many, of which it says nothing if it waits
# No queue refuses by these. Whatever else an offer too many raises may be meant as a refusal, and EXPLICIT-1 has a word on that.
SLIPS: Final = (LookupError, AttributeError, TypeError, NameError, ImportError, NotImplementedError, AssertionError)
_stacks: Final[Callable[[], dict[int, FrameType]]] = attrgetter("_current_frames")(sys)  # documented, in spite of its name


class Mistake(Exception):
    """Say what is wrong with an adapter."""


@final
class Trial:
    """Make the first calls on what a factory makes. `doing` tells which, and `full` that it is the offer too many."""

    def __init__(self, factory: Any, name: str) -> None:
        self.factory, self.name = factory, name
        self.doing, self.verb, self.full = "", "", False
        self.told = threading.Event()  # all but what the offer too many shows
        self.mistake = ""

    def run(self) -> None:
        """Make all calls, or all up to the first mistake."""
        try:
            self._calls(self._adapted())
        except Mistake as mistake:
            self.mistake = str(mistake)
        finally:
            self.told.set()

    def _adapted(self) -> Adapted:
        self.doing, self.verb = "its constructor", "__init__"
        try:
            return adapt(self.factory, self.name)
        except Exception as error:
            if self._lines(error):
                raise self._raised(error) from None
            raise  # about what it declares, which whoever loads it says

    def _calls(self, subject: Adapted) -> None:
        intake = self._call("its constructor", "__init__", lambda: subject.Intake(1))
        self._call("its capacity", "__init__", lambda: intake.capacity)
        if "limiter" in subject.capabilities:
            self._use(intake, subject)
            return
        self._offer(intake, "its first offer")
        if "take" in subject.capabilities:
            self._take(intake)
        if "refuses" in subject.capabilities:
            self._offer(intake, "its second offer")
            self.full = True
            self.told.set()
            self._offer(intake, "an offer too many", may_raise="answers" in subject.capabilities)

    def _offer(self, intake: Any, doing: str, *, may_raise: bool = False) -> None:
        answer = self._call(doing, "offer", lambda: intake.offer(doing), may_raise=may_raise)
        if not isinstance(answer, Outcome):
            raise Mistake(
                f"your adapter answered {doing} with {_short(answer)}{self._at([])}: it must be Outcome.ACCEPTED, FULL or CLOSED"
            )

    def _use(self, limiter: Any, subject: Adapted) -> None:
        """Go inside once, and leave."""
        calls: list[None] = []

        async def note() -> None:
            calls.append(None)

        wait = "refuses" not in subject.capabilities
        if "asyncio" in subject.capabilities:
            answer = self._call("its first use", "use", lambda: asyncio.run(limiter.use(note, wait=True)))
        else:
            answer = self._call("its first use", "use", lambda: limiter.use(lambda: calls.append(None), wait=wait))
        if answer is not True or len(calls) != 1:
            told = f"answered its first use with {_short(answer)} and called the body {len(calls)} times"
            raise Mistake(f"your adapter {told}{self._at([])}: it must call it once, and answer True")

    def _take(self, intake: Any) -> None:
        try:
            lease = self._call("its first take", "take", lambda: intake.take(timeout=0))
        except (Empty, Closed):
            return  # whether it may is for the checks
        if not hasattr(lease, "release"):
            raise Mistake(f"your adapter gave {_short(lease)} for a lease{self._at([])}: it needs item and release()")
        self._call("the item of its first lease", "take", lambda: lease.item)
        self._call("its first release", "take", lease.release)
        try:
            nothing = self._call("a take with nothing there", "take", lambda: intake.take(timeout=0))
        except (Empty, Closed):
            return
        if nothing is None:
            raise Mistake(f"your adapter gave None for a lease{self._at([])}: with nothing there take must raise Empty")

    def _call(self, doing: str, verb: str, call: Callable[[], Any], *, may_raise: bool = False) -> Any:
        self.doing, self.verb = doing, verb
        try:
            return call()
        except (Empty, Closed):
            if verb == "take":
                raise
            raise Mistake(f"your adapter raised Empty or Closed in {doing}: only take may") from None
        except BaseException as error:  # noqa: BLE001 - SystemExit, too
            if may_raise and not isinstance(error, SLIPS):
                return Outcome.FULL
            raise self._raised(error) from None

    def _raised(self, error: BaseException) -> Mistake:
        text = " ".join(str(error).split())
        kind = type(error)
        name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        told = f"your adapter raised {name}{self._at(self._lines(error))}{f': {text}' if text else ''}"
        hint = "; where it is full it must answer Outcome.FULL" if self.full else ""
        return Mistake(f"{told} (in {self.doing}{hint})")

    def hangs(self, frame: FrameType | None) -> str:
        """Say of the call that is being made, in that frame, that it does not return."""
        lines = self._own([(each.f_code.co_filename, lineno) for each, lineno in traceback.walk_stack(frame)][::-1])
        return f"your adapter did not return within {LIMIT_S:g} s{self._at(lines)} (from {self.doing})"

    def _lines(self, error: BaseException) -> list[str]:
        return self._own([(each.f_code.co_filename, lineno) for each, lineno in traceback.walk_tb(error.__traceback__)])

    def _own(self, lines: list[tuple[str, int]]) -> list[str]:
        """Leave of places, outermost first, those in the adapter's own files."""
        kinds = self.factory.__mro__ if isinstance(self.factory, type) else (self.factory,)
        modules = {getattr(kind, "__module__", "") for kind in kinds} - {Adapter.__module__, "builtins"}
        files = {getattr(sys.modules.get(module), "__file__", None) for module in modules}
        return [f"{os.path.basename(file)}:{line}" for file, line in lines if file in files]

    def _at(self, lines: list[str]) -> str:
        """Name the innermost of these places; if there is none, where the verb that was called begins."""
        code = getattr(getattr(self.factory, self.verb, None), "__code__", None)
        begins = self._own([(code.co_filename, code.co_firstlineno)]) if code is not None else []
        return "".join(f" at {line}" for line in (lines or begins)[-1:])


def _short(answer: object) -> str:
    return "None" if answer is None else f"an object of type {type(answer).__name__}"


def mistake_of(spec: str) -> str:
    """Say what is wrong with an adapter, or nothing; nothing, too, of what can't be loaded: whoever loads it says why."""
    module, path = names_in(spec)
    try:
        factory: Any = reduce(getattr, path.split("."), importlib.import_module(module))
    except BaseException:  # noqa: BLE001 - whatever it was
        return ""
    trial = Trial(factory, spec)
    thread = threading.Thread(target=trial.run, daemon=True)
    threading.excepthook = lambda _: None
    thread.start()
    if not trial.told.wait(LIMIT_S):
        return trial.hangs(_stacks().get(thread.ident or 0))
    thread.join(FULL_S)
    return trial.mistake


def main(spec: str) -> None:
    """Print what is wrong with an adapter. What the adapter itself prints goes to stderr."""
    forgo_core_dump()
    die_with_parent()
    told = os.dup(1)
    os.dup2(2, 1)
    os.write(told, mistake_of(spec)[:2_000].encode(errors="backslashreplace"))
    os._exit(0)  # a thread that waits, or one of the adapter's, would keep the process


if __name__ == "__main__":
    main(sys.argv[1])
