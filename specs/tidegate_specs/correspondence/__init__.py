"""Tie the kernel to the net: step the net by the primitives that the real bytecode performs, one for one.

Every operation is run with a hook before each of its bytecodes. Where one performs a primitive (a call into C on something that
threads share, a store to it, a look at a flag or a length), the primitive is told in two ways: by the kernel's source text at that
place, and by what it does to which object, looked up in the running frame. The net must then have a transition with that primitive,
enabled where the call is, and takes it. At the end of the call the net must be at the end of a path too, and show what
`statistics()` shows. So one primitive more, one less, or two exchanged leave the net's path.

What a bytecode does to the frame's own variables, or to a slot's fields by its owner without the net saying so, is in `PRIVATE`.
An operation that is overtaken is tried with a call of another party before each of its bytecodes.
"""

from dataclasses import dataclass, field
from typing import Final, final

from .. import net, progress
from ..check import Check, Result, Settings, Subject, Verdict
from ..explore.accesses import code_of
from ..explore.judging import modules_of
from ..injection import Injector, quiet_finalisers
from ..instructions import unread
from ..net import Transition
from .pairs import BY_EFFECT, PRIVATE, LeavesThePath, Pair

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
NOT_TRIED: Final = {  # which transitions no call here performs, and why
    "an exception": "the sweeps raise one at every bytecode",
    "never": "the net says that no reachable state enables it",
    "recovering": "only an offer that was struck comes there",
    "delivering": "only an offer that was struck comes there",
    "other taker": "the watched taker's numbers change while another party releases",
}
for _each in net.TRANSITIONS:
    if _each.primitive:
        BY_EFFECT.setdefault(EFFECTS.get(_each.primitive, _each.primitive), []).append(_each)


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
