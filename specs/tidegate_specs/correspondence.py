"""Tie the kernel to the net: step the net by the primitives that the real bytecode performs, one for one.

Every operation is run with a hook before each of its bytecodes. Where one performs a primitive (a call into C on something that
threads share, a store to it, a look at a flag or a length), the primitive is told in two ways: by the kernel's source text at that
place, and by what it does to which object, looked up in the running frame. The net must then have a transition with that primitive,
enabled where the call is, and takes it. At the end of the call the net must be at the end of a path too, and show what
`statistics()` shows. So one primitive more, one less, or two exchanged leave the net's path.

What a bytecode does to the frame's own variables, or to a slot's fields by its owner without the net saying so, is in `PRIVATE`.
An operation that is overtaken is tried with a call of another party before each of its bytecodes.
"""

import ast
import dis
import gc
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from typing import Any, Final, cast, final

from . import net, progress
from .check import Check, Result, Settings, Subject, Verdict
from .explore.accesses import Unclear, code_of, lookup, source_of
from .explore.configurations import modules_of
from .explore.scheduler import frame_above
from .injection import Injector, quiet_finalisers
from .instructions import Meaning, meaning_of, unread
from .net import IDLE, Net, Transition
from .refinement import View, observe, view

Scope = Mapping[str, Any]

# What each primitive of the net does, as it is seen in the running frame. `Slots` attributes are named as they are there.
EFFECTS: Final = {
    "slots.free": "look at free",
    "slots.closed": "look at closed",
    "not self.closed": "look at closed",
    "slots.closed = True": "set closed",
    "free.newest": "free.pop",
    "slots.restore(held)": "free.append",
    "self.restore(token)": "free.append",
    "slots.publish(held)": "queue.put",
    "self.publish(token)": "queue.put",
    "self.queue.put(None)": "queue.put",
    "self.queue.empty()": "queue.empty",
    "self.bell.put(None)": "bell.put",
    "self.bell.empty()": "bell.empty",
    "token = waits.answer": "queue.get",
    "_ = waits.answer": "bell.get",
    "slots.items[token.slot.index] = item": "store in items",
    "slots.items[index] = NOTHING": "store in items",
    "turns[index] = mark = [turns[index], False]": "store in turns",
    "slots.turns[index] = mark[0] + 1": "store in turns",
    "self.turns[index] = turn[0]": "store in turns",
    "self.turns[index] = turn[0] + 1 + ABANDONED": "store in turns",
    "lease._token = token": "set _token",
    "del mark[1]": "delete in mark",
    "self._mark[1] = True": "store in mark",
    "last[0][1] = True": "store in mark",
    "next(slots.answered_full)": "next answered_full",
    "next(slots.answered_closed)": "next answered_closed",
    "yield_processor()": "yield_processor",
    "len(self.free)": "len free",
    "len(slots.free)": "len free",
    "turn[1:] == SEEN": "compare mark",
    "settled == self.capacity": "decide settled",
    "list(chain(iter(turns)": "copy",
}

# What the net leaves out, by the function that does it: told here, so that anything else is refused.
EXHAUSTED: Final = "Slots.exhausted" if sys.version_info >= (3, 12) else "Slots.exhausted.<locals>.<listcomp>"
PRIVATE: Final = frozenset(
    {
        # A finaliser owns the slot: what it does to it between the two stores that move it on, nobody else can see.
        ("Slots.recover", "store in items"),
        ("Slots.recover", "store in generations"),
        ("Slots.recover", "generations.get"),
        ("Slots.recover", "next generations"),
        ("Slots.recover", "mark.append"),
        ("Slots.recover", "delete in mark"),
        # A token and a lease that nobody has yet.
        ("SlotRef.__init__", "set home"),
        ("SlotRef.__init__", "set index"),
        ("SlotRef.__init__", "set generation"),
        ("Token.__init__", "set slot"),
        ("Intake.take", "set _slots"),
        ("Intake.take", "set _index"),
        ("Intake.take", "set _mark"),
        # The token of a lease whose release is decided.
        ("Lease.release", "set _token"),
        # For its lock: its answer is not looked at.
        ("Slots.exhausted", "queue.empty"),
        # The iterator's own note of the lease that it gave last.
        ("Intake.__iter__.<locals>.following", "store in last"),
        # A look that failed: it may have been cut short, and then it rings once too often rather than not at all.
        ("Lease.item", "len mark"),
        # What the copy has.
        ("Slots.statistics", "len ready"),
        ("Slots.statistics", "len marked"),
        ("Slots.statistics", "after.count"),
        ("Slots.statistics", "ready.count"),
        # A slot that is in flight and not seen is not counted as settled.
        (EXHAUSTED, "compare mark, false"),
    }
)

# Calls that touch nothing that is shared, or read what the copy has (`statistics`).
PURE: Final = frozenset(
    {isinstance, float, min, max, sum, zip, map, repr, int, super, str.format, iter, bool, type, sys.getrefcount}
)

# After these a taker goes on from the idle point: it asks on, or waits again.
GOES_ON: Final = frozenset({"not self.closed", "len(self.free)", "turn[1:] == SEEN"})
NOT_TRIED: Final = {  # which transitions no call here performs, and why
    "an exception": "the sweeps raise one at every bytecode",
    "never": "the net says that no reachable state enables it",
    "recovering": "only an offer that was struck comes there",
    "delivering": "only an offer that was struck comes there",
    "other taker": "the watched taker's numbers change while another party releases",
}


@final
@dataclass(frozen=True, slots=True)
class Event:
    """Tell one primitive: the function that performs it, its source text, and what it does."""

    function: str
    line: int
    text: str
    effect: str

    def __str__(self) -> str:
        return f"{self.function} line {self.line}: {self.text} ({self.effect})"


class LeavesThePath(Exception):
    """Raised when the kernel performs what the net does not, or does not perform what it does."""


# What a bytecode does, read off the syntax node at its place.

_NODES: Final[dict[Meaning | None, tuple[type[ast.AST], ...]]] = {
    Meaning.LOAD_LOCAL: (ast.Name,),
    Meaning.LOAD_ATTRIBUTE: (ast.Attribute,),
    Meaning.STORE_ATTRIBUTE: (ast.Attribute,),
    Meaning.DELETE_ATTRIBUTE: (ast.Attribute,),
    Meaning.ITERATE: (ast.For,),
    Meaning.STORE_ITEM: (ast.Subscript,),
    Meaning.DELETE_ITEM: (ast.Subscript,),
    Meaning.CALL: (ast.Call,),
    Meaning.CALL_NAMED: (ast.Call,),
    Meaning.CALL_UNPACKED: (ast.Call,),
    Meaning.COMPARE: (ast.Compare,),
}
_STORES: Final = (Meaning.STORE_ATTRIBUTE, Meaning.DELETE_ATTRIBUTE, Meaning.STORE_ITEM, Meaning.DELETE_ITEM)
_TESTS: Final = (Meaning.TRUTH, Meaning.JUMP_IF, Meaning.JUMP_IF_NONE)


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Give the syntax node of one bytecode, what it is a part of, and the statement around it."""

    meaning: Meaning | None
    node: Any
    parent: ast.AST
    statement: str


@cache
def _parents(module: types.ModuleType) -> dict[ast.AST, ast.AST]:
    tree = ast.parse(source_of(module))
    return {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}


@cache
def places(code: types.CodeType, module: types.ModuleType) -> dict[int, Place]:
    """Give the place of every bytecode of a function that may perform a primitive."""
    parents = _parents(module)
    found: dict[int, Place] = {}
    steps = list(dis.get_instructions(code))
    for step, following in pairwise(steps):
        meaning = meaning_of(step)
        kinds = _NODES.get(meaning)
        where = step.positions
        if kinds is None or where is None:
            continue
        span = (where.lineno, where.col_offset, where.end_lineno, where.end_col_offset)
        for node in parents:
            if isinstance(node, kinds) and span in tuple(_spans(node)):
                statement = node
                while not isinstance(statement, ast.stmt):
                    statement = parents[statement]
                # A list is looked at by the test that follows, whatever was there when it was loaded.
                looked = _is_free(node) and meaning_of(following) in _TESTS
                if isinstance(node, ast.Name) and not looked:
                    continue
                found[following.offset if looked else step.offset] = Place(meaning, node, parents[node], ast.unparse(statement))
    return found


def _is_free(node: Any) -> bool:
    return getattr(node, "attr", "") == "free" or (isinstance(node, ast.Name) and node.id == "free")


def _spans(node: Any) -> Iterator[tuple[int, int, int, int]]:
    """Give where the bytecodes of a node are said to be: those of a loop, from 3.13 on, are where what it iterates over is."""
    yield _span(node)
    if isinstance(node, ast.For):
        yield _span(node.iter)


def _span(node: Any) -> tuple[int, int, int, int]:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


@final
@dataclass(slots=True)
class Reader:
    """Tell what a bytecode of an intake's package does, from the frame just before it."""

    slots: Any

    def event(self, frame: types.FrameType, offset: int) -> Event | None:
        """Give the primitive that the bytecode performs, if it performs one."""
        module = sys.modules[frame.f_globals["__name__"]]
        place = places(frame.f_code, module).get(offset)
        if place is None:
            return None
        effect = self._effect(place, {**frame.f_globals, **frame.f_locals})
        if not effect:
            return None
        text = ast.unparse(place.node)
        if isinstance(place.node, ast.For):
            text = text.partition(":")[0]
        elif place.meaning in _STORES:
            text = place.statement
        return Event(frame.f_code.co_qualname, place.node.lineno, text, effect)

    def _effect(self, place: Place, scope: Scope) -> str:
        node = place.node
        if isinstance(node, ast.Call):
            return self._call(node, scope)
        if isinstance(node, ast.Compare):
            return self._compare(node, scope)
        if isinstance(node, ast.Name):
            return "look at free" if lookup(node, scope, {}) is self.slots.free else ""
        if isinstance(node, ast.For):
            return self._waited_on(scope[ast.unparse(node.iter)]) or f"iterate over {ast.unparse(node.iter)}"
        if isinstance(node, ast.Subscript):
            does = "delete" if place.meaning is Meaning.DELETE_ITEM else "store"
            return f"{does} in {self._role(node.value, scope)}"
        if place.meaning in _STORES:
            return f"set {node.attr}"
        try:
            owner = lookup(node.value, scope, {})
        except Unclear:
            return ""  # an attribute of what a call gave: nobody else has it yet
        if owner is self.slots.free and node.attr == "newest":
            return "free.pop"
        if node.attr == "answer":
            return self._waited_on(owner)
        if owner is self.slots and node.attr == "closed":
            return "look at closed"
        if owner is self.slots and node.attr == "free" and not isinstance(place.parent, (ast.Call, ast.Attribute, ast.Assign)):
            return "look at free"
        return ""

    def _waited_on(self, iterator: object) -> str:
        """Tell what the next step of a `map` over the `get` of a queue waits on."""
        called = gc.get_referents(iterator) if isinstance(iterator, map) else []
        owners = [getattr(each, "__self__", None) for each in called]
        return next((f"{name}.get" for name in ("queue", "bell") if getattr(self.slots, name) in owners), "")

    def _compare(self, node: ast.Compare, scope: Scope) -> str:
        if isinstance(node.left, ast.Name) and node.left.id == "settled":
            return "decide settled"
        copied = node.left.value if isinstance(node.left, ast.Subscript) else node.left
        if isinstance(copied, ast.Name) and self._role(copied, scope) == "mark" and ast.unparse(node.comparators[0]) == "SEEN":
            return "compare mark" if scope[copied.id][1:] == [True] else "compare mark, false"
        return ""

    def _call(self, node: ast.Call, scope: Scope) -> str:
        try:
            callee = lookup(node.func, scope, {})
        except Unclear:
            return "" if isinstance(node.func, ast.Attribute) and hasattr(str, node.func.attr) else f"call {ast.unparse(node.func)}"
        first = node.args[0] if node.args else None
        if callee is len:
            return f"len {self._role(cast(ast.expr, first), scope)}"
        if callee is next:
            return f"next {self._role(cast(ast.expr, first), scope)}"
        if callee is list:
            return "copy"
        if ast.unparse(node.func) == "yield_processor":
            return "yield_processor"
        name = str(getattr(callee, "__name__", type(callee).__name__))
        if isinstance(callee, (types.FunctionType, types.MethodType, type)) or callee in PURE or name in ("monotonic", "__new__"):
            return ""  # its own bytecodes are looked at one by one, or it touches nothing shared
        if isinstance(callee, weakref.ref):
            return ""
        owner: object = getattr(callee, "__self__", None)
        return f"{self._role_of(owner, node.func, scope)}.{name}"

    def _role(self, node: ast.expr, scope: Scope) -> str:
        try:
            return self._role_of(lookup(node, scope, {}), node, scope)
        except Unclear:
            return ast.unparse(node)

    def _role_of(self, value: object, node: ast.expr, scope: Scope) -> str:
        """Name an object by where the slots have it, or else by the attribute that it was read from."""
        for name, held in cast(dict[str, object], vars(self.slots)).items():
            if held is value and not isinstance(held, types.BuiltinFunctionType):
                return name
        if any(value is turn for turn in self.slots.turns if isinstance(turn, list)) or (
            isinstance(value, list) and ast.unparse(node) in ("mark", "turn", "last[0]")
        ):
            return "mark"
        while isinstance(node, ast.Attribute):
            if node.attr == "_mark":
                return "mark"
            node = node.value
        return ast.unparse(node)


# The net beside the kernel.


@final
@dataclass(frozen=True, slots=True)
class Walker:
    """Be at one place of the net that the primitives so far can have led to.

    stack: the program points of the call, the one that goes on last. ended: the call has performed its last primitive.
    """

    net: Net
    stack: tuple[str, ...] = ()
    ended: bool = True

    @property
    def at(self) -> str:
        return self.stack[-1] if self.stack else IDLE

    @property
    def finished(self) -> bool:
        return not self.stack and not self.net.watched


Walkers = dict[Walker, frozenset[Transition]]  # with the transitions that led there
_BY_EFFECT: Final[dict[str, list[Transition]]] = {}
for _each in net.TRANSITIONS:
    if _each.primitive:
        _BY_EFFECT.setdefault(EFFECTS.get(_each.primitive, _each.primitive), []).append(_each)


def _steps(walker: Walker, operation: str, ways: Iterable[Transition]) -> Iterator[tuple[Transition, Walker]]:
    """Take every step that the net allows where the walker is."""
    n = walker.net
    for t in ways:
        from_idle = t.at == IDLE
        if t.never or t.at != walker.at or (from_idle and (t.operation != operation or walker.ended)):
            continue
        if n.watched and t.primitive == "token = waits.answer":
            continue  # it must decide first
        items = range(len(n.unseen) + len(n.seen)) if t.of_item else (None,)
        for item in items:
            chosen = () if item is None else (item,)
            if net.enabled(n, t, *chosen):
                yield t, _stepped(walker, t, net.fire(n, t, *chosen))


def _stepped(walker: Walker, t: Transition, after: Net) -> Walker:
    below = walker.stack[:-1]
    rings = after.ringing - walker.net.ringing - (t.to == "ringing") + (t.at == "ringing")
    leaves = after.leaving - walker.net.leaving - (t.to == "leaving") + (t.at == "leaving")
    stack = (*below, *("leaving",) * leaves, *((t.to,) if t.to != IDLE else ()), *("ringing",) * rings)
    asks_on = t.primitive in GOES_ON or (t.primitive.startswith("settled") and t.outcome.startswith("false"))
    return Walker(after, stack, bool(stack) or not asks_on)


def _same_text(t: Transition, text: str) -> bool:
    """Tell whether the net names the kernel's own text; a flag may be read through another name of the slots."""
    flag = t.primitive.endswith(".closed") and text.endswith(".closed")
    return flag or t.primitive in text or text in t.primitive


@final
class Pair:
    """Run calls on an intake, and step the net by their primitives."""

    def __init__(self, subject: Subject, capacity: int, injector: Injector) -> None:
        self.subject = subject
        self.injector = injector
        self.intake: Any = subject.Intake(capacity)
        self.slots: Any = self.intake._slots
        self.reader = Reader(self.slots)
        self.walkers: Walkers = {Walker(net.new(capacity)): frozenset()}
        self.iterator: Any = iter(self.intake)
        self.leases: list[Any] = []
        self.finished: list[Any] = []
        self.taken: set[Transition] = set()
        self.private: set[tuple[str, str]] = set()
        self.events = 0
        self.overtaken = False

    def calls(self) -> dict[str, Callable[[], object]]:
        """Give the calls that can be made now, by name. A take or a drain never waits."""
        found: dict[str, Callable[[], object]] = {
            "offer": lambda: self.intake.offer("item"),
            "take": lambda: self.leases.append(self.intake.take(timeout=0)),
            "close": self.intake.close,
            "drain": lambda: self.intake.drain(timeout=0),
            "statistics": self.intake.statistics,
            "next": self._next,
        }
        if self.leases:
            found |= {"look": lambda: self.leases[0].item, "release": self._release, "drop": self._drop}
        if self.finished:
            found["release again"] = self.finished[-1].release
            found["look late"] = lambda: self.finished[-1].item
        return found

    def _next(self) -> None:
        self.leases.append(next(self.iterator))

    def _release(self) -> None:
        self.finished = [self.leases.pop(0)]
        self.finished[0].release()

    def _drop(self) -> None:
        del self.leases[0]

    def run(self, name: str, cut_in: str = "", cut_in_at: int = 0) -> int:
        """Make one call, with a call of another party before one of its bytecodes. Give how many bytecodes it had."""
        operation = name.partition(" ")[0]
        self._go_on()
        if operation == "drop":
            ways = [t for t in net.TRANSITIONS if t.operation == "drop"]
            self.walkers = {after: taken | {t} for w, taken in self.walkers.items() for t, after in _steps(w, operation, ways)}
        bytecodes = 0
        fault: list[str] = []

        def hook(position: int, code: types.CodeType, offset: int) -> None:
            nonlocal bytecodes, operation
            bytecodes = position
            if position == cut_in_at:
                self._cut_in(cut_in)
            frame: types.FrameType | None = frame_above(1)
            while frame is not None and frame.f_code is not code:
                frame = frame.f_back
            event = None if frame is None else self.reader.event(frame, offset)
            if operation == "next" and code.co_name == "take":
                self._go_on()  # what comes before is a look, what comes now is a take
                operation = "take"
            if event is not None and not fault:
                self._perform(operation, event, fault)

        call = self.calls()[name]
        with suppress(self.subject.Empty, self.subject.Closed, StopIteration, ValueError):
            self.injector.run(call, hook)
        if fault:
            raise LeavesThePath(f"{name}: {fault[0]}")
        self._settle(name)
        return bytecodes

    def _go_on(self) -> None:
        self.walkers = {Walker(w.net, w.stack, ended=False): taken for w, taken in self.walkers.items()}

    def _perform(self, operation: str, event: Event, fault: list[str]) -> None:
        self.events += 1
        if (event.function, event.effect) in PRIVATE:
            self.private.add((event.function, event.effect))
            return
        ways = [t for t in _BY_EFFECT.get(event.effect, ()) if _same_text(t, event.text)]
        after: Walkers = {}
        for walker, taken in self.walkers.items():
            for t, stepped in _steps(walker, operation, ways):
                after[stepped] = after.get(stepped, frozenset()) | taken | {t}
        if not after:
            points = sorted({walker.at or "idle" for walker in self.walkers})
            fault.append(f"the net, at {' or '.join(points)}, has no {event}")
            return
        self.walkers = after

    def _cut_in(self, name: str) -> None:
        """Have another party make a whole call, and let the net do it by itself."""
        self.overtaken = True
        getattr(self.intake, name)(*(("other",) if name == "offer" else ()))
        after: Walkers = {}
        for walker, taken in self.walkers.items():
            for n in _alone(Walker(walker.net, ended=False), name):
                after[Walker(n, walker.stack, walker.ended)] = taken
        self.walkers = after

    def _settle(self, name: str) -> None:
        """Demand that the net is at the end of a path, and shows what the intake does."""
        ended = {w: taken for w, taken in self.walkers.items() if w.finished}
        if not ended:
            points = sorted({walker.at or "a count that is not decided" for walker in self.walkers})
            raise LeavesThePath(f"{name}: it ended where the net, at {' or '.join(points)}, goes on")
        told = observe(self.intake)
        seen = (told, len(self.slots.free), self.slots.queue.qsize(), self.slots.bell.qsize())
        same = {w: taken for w, taken in ended.items() if _visible(w.net, told.peak if self.overtaken else None) == seen}
        if not same:
            raise LeavesThePath(f"{name}: the intake shows {seen}, the net {_visible(next(iter(ended)).net, None)}")
        for taken in same.values():
            self.taken |= taken
        self.walkers = {Walker(w.net): frozenset() for w in same}


def _visible(n: Net, peak: int | None) -> tuple[View, int, int, int]:
    """Give what an intake at rest in this state shows. peak: what the intake tells; None for exactly the net's.

    The net's is a bound where a close overtook an offer: it counts the claim, the kernel only the slots that held an item.
    """
    shown = view(net.specification(n, 0, 0))
    if peak is not None and shown.queued + shown.in_flight <= peak <= shown.peak:
        shown = replace(shown, peak=peak)
    return shown, n.free, len(n.queue) + n.bells, n.rings


def _alone(start: Walker, operation: str) -> set[Net]:
    """Let the net do a whole call; give where it can end."""
    waiting, found = [start], set[Net]()
    ways = [t for t in net.TRANSITIONS if t.primitive]
    while waiting:
        for _, after in _steps(waiting.pop(), operation, ways):
            (found.add(after.net) if after.finished and after.ended else waiting.append(after))
    return found


# What is tried.

SCRIPTS: Final = (  # calls on an intake of capacity 2
    "offer statistics take look look release release again look late offer take release",
    "offer offer offer take drop take look drop statistics",
    "offer " * 20,
    "take offer take take drop",
    "close close offer take drain statistics " + "offer " * 18,
    "offer take close take look take release take drain",
    "offer take look offer take close take release take drain release take offer drain",
    "offer take close take drop take look drain take drop take drain",
    "offer drain take drain release drain take",
    "offer offer next next take drain close next",
    "offer next drop next offer next look close next release drop next",
)
OVERTAKEN: Final = (  # what was called before, what is called, and who cuts in
    ("", "offer", "close"),
    ("offer", "offer", "close"),
    ("offer", "offer", "offer"),
    ("offer offer", "offer", "close"),
    ("offer", "take", "close"),
    ("", "take", "close"),
    ("offer take", "release", "close"),
    ("offer take", "look", "close"),
    ("offer offer next", "next", "close"),
)


@final
@dataclass(slots=True)
class Tally:
    """Count what was tried."""

    calls: int = 0
    events: int = 0
    taken: set[Transition] = field(default_factory=set[Transition])
    private: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def add(self, pair: Pair) -> None:
        self.events += pair.events
        self.taken |= pair.taken
        self.private |= pair.private


def _words(script: str) -> list[str]:
    words = script.replace(" again", "_again").replace(" late", "_late").split()
    return [word.replace("_", " ") for word in words]


def trial(subject: Subject) -> Tally:
    """Run all scripts and all overtaken calls. LeavesThePath if the kernel and the net come apart."""
    tally = Tally()
    with quiet_finalisers(), Injector(subject) as injector:
        for script in SCRIPTS:
            pair = Pair(subject, 2, injector)
            for word in _words(script):
                pair.run(word)
                tally.calls += 1
            tally.add(pair)
        for before, name, cut_in in OVERTAKEN:
            progress.progress(f"{name} overtaken by {cut_in}, {tally.calls:,} calls")
            position = bytecodes = 1
            while position <= bytecodes:
                pair = Pair(subject, 2, injector)
                for word in _words(before):
                    pair.run(word)
                bytecodes = pair.run(name, cut_in, position)
                position += 1
                tally.calls += 1
                tally.add(pair)
    return tally


def why_not_tried(t: Transition) -> str:
    """Say why no call here performs a transition: a key of `NOT_TRIED`, or nothing if one must."""
    if t.never:
        return "never"
    if not t.primitive:
        return "" if t.operation == "drop" else "an exception"
    if t.operation == "recover" and t.at in ("recovering", "delivering"):
        return t.at
    return "other taker" if "counted" in t.outcome or "and released" in t.outcome else ""


def check_paths(subject: Subject, settings: Settings) -> Result:
    """Step the net beside the kernel, and demand that every transition was taken that a call here can take."""
    lost = sorted({t.primitive for t in net.TRANSITIONS if t.primitive} - set(EFFECTS))
    if lost:
        return Result(Verdict.UNKNOWN, "nothing was run", f"no effect is known of {', '.join(lost)}")
    if not hasattr(subject.Intake(1), "_slots"):
        return Result(Verdict.UNKNOWN, "nothing was run", "the net is of the kernel; this implementation has no slots")
    why = unread(code_of(modules_of(subject)))
    if why:
        return Result(Verdict.UNKNOWN, "nothing was run", why)
    try:
        tally = trial(subject)
    except LeavesThePath as fault:
        return Result(Verdict.ILLEGAL, "the kernel leaves the path of the net", str(fault))
    wanted = {t for t in net.TRANSITIONS if not why_not_tried(t)}
    evidence = (
        f"{tally.calls:,} calls, {tally.events:,} primitives, {len(tally.taken & wanted)} of {len(wanted)} transitions taken, "
        f"{len(net.TRANSITIONS) - len(wanted)} not tried"
    )
    missing = [f"never taken: {t.name}" for t in net.TRANSITIONS if t in wanted - tally.taken]
    missing += [f"taken, though not tried: {t.name}" for t in net.TRANSITIONS if t in tally.taken - wanted]
    missing += [f"never performed: {effect} in {function}" for function, effect in sorted(PRIVATE - tally.private)]
    return Result(Verdict.UNKNOWN if missing else Verdict.OK, evidence, "\n".join(missing))


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "correspondence.paths",
        "correspondence",
        "tracing",
        ("BOUND-1", "BOUND-2", "EXACT-1", "NORETRY-1", "LOCAL-1", "LEASE-1", "CLOSE-1", "CLOSE-2", "LEDGER-1"),
        "The atomic steps that the bytecode of each operation makes, in their order, are a path through the net with that outcome.",
        "Calls that end by an exception. Finalisers that the collector runs. What the party that holds a slot does to it unseen by "
        "others. More than one other party. Other capacities than 2, and intakes that were used for long.",
        check_paths,
        (60.0, 60.0),
    ),
)
