"""The control flow of one function, its exception handlers included."""

import dis
import itertools
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..instructions import ENDS, JUMPS, Meaning, meaning_of


@dataclass(frozen=True, slots=True)
class Handler:
    """Give one line of the exception table: the range of offsets, where it goes, and the stack there."""

    start: int
    end: int
    target: int
    depth: int
    lasti: bool


def handlers_of(code: types.CodeType) -> tuple[Handler, ...]:
    """Read the exception table of a code object: numbers of 6 bits a byte, four to a line."""
    table = iter(code.co_exceptiontable)

    def number() -> int:
        byte = next(table)
        read = byte & 63
        while byte & 64:
            byte = next(table)
            read = read << 6 | byte & 63
        return read

    found: list[Handler] = []
    while True:
        try:
            start = number() * 2
        except StopIteration:
            return tuple(found)
        length, target, depth = number() * 2, number() * 2, number()
        found.append(Handler(start, start + length, target, depth >> 1, bool(depth & 1)))


@dataclass(frozen=True, slots=True)
class Graph:
    """Hold the control flow of one function: its instructions by offset, and where each may go next, exceptions included."""

    code: types.CodeType
    instructions: Mapping[int, dis.Instruction]
    flow: Mapping[int, tuple[int, ...]]
    handler: Mapping[int, Handler]
    backward: int  # jumps to a lower offset
    order: tuple[int, ...]  # topological; empty if there is a cycle

    @property
    def cyclic(self) -> bool:
        return not self.order


def graph_of(code: types.CodeType) -> Graph:
    """Build the control-flow graph of a function whose instructions all have a meaning."""
    listing = list(dis.get_instructions(code))
    instructions = {instruction.offset: instruction for instruction in listing}
    flow: dict[int, tuple[int, ...]] = {}
    backward = 0
    for instruction, following in itertools.zip_longest(listing, listing[1:]):
        goes: list[int] = []
        meaning = meaning_of(instruction)
        if meaning not in ENDS and meaning is not Meaning.JUMP and following is not None:
            goes.append(following.offset)
        if instruction.opcode in JUMPS:
            goes.append(instruction.argval)
            backward += instruction.argval <= instruction.offset
        flow[instruction.offset] = tuple(goes)
    handler: dict[int, Handler] = {}
    for entry in handlers_of(code):
        for offset in instructions:
            if entry.start <= offset < entry.end:
                handler[offset] = entry
    return Graph(code, instructions, flow, handler, backward, _topological(listing[0].offset, flow, handler))


def _topological(first: int, flow: Mapping[int, tuple[int, ...]], handler: Mapping[int, Handler]) -> tuple[int, ...]:
    """Order the offsets that are reached, each before all it goes to; give nothing if there is a cycle."""

    def goes_to(offset: int) -> Iterator[int]:
        entry = handler.get(offset)
        return iter(flow[offset] if entry is None else (*flow[offset], entry.target))

    finished: list[int] = []
    entered = {first}
    open_: list[tuple[int, Iterator[int]]] = [(first, goes_to(first))]
    on_way = {first}
    while open_:
        offset, successors = open_[-1]
        for successor in successors:
            if successor in on_way:
                return ()
            if successor not in entered:
                entered.add(successor)
                on_way.add(successor)
                open_.append((successor, goes_to(successor)))
                break
        else:
            open_.pop()
            on_way.discard(offset)
            finished.append(offset)
    return tuple(reversed(finished))
