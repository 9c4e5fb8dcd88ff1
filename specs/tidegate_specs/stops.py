"""Where the interpreter can stop: at which instructions it can raise, switch threads, or look for signals.

Every sweep, every adapter's check and the explorer ask here, so that none of them disturbs a program where nothing can. There are
two grains:

    stops(code)      every instruction that does something. The kernel is held to all of them, which is more than can happen.
    looking(code)    the instructions at which the interpreter itself looks for signals, for exceptions that other threads have
                     set, and for threads that want to run. Others are held to these (`injection.Injector.arrivals_only`).

A *placeholder* is neither. INSTRUCTION events come there all the same, and an exception from their callback goes where none can
come from: compilers give placeholders no place in the exception tables, or not the one of their neighbours (NOT_TAKEN on 3.14).
Version 0.1.0 injected there, and accused kernels that were right.

What an instruction does is not in the interpreter's own metadata (`opcode` and `dis` tell names, arguments, jumps and stack
effects), so it stands here in tables by meaning. One that is in none of them raises `Unclassified`: the check that met it is
then UNKNOWN, and names it. `tests/specs/test_stops.py` holds the tables against what the interpreter does, on each version.

Beyond instructions: the interpreter also looks within a call into C that waits (`sweeps.waits`), and within C code that makes the
text of a value (`TEXTS`). Up to 3.11 the collector, and with it finalisers, may run wherever an object is made.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from dis import Bytecode, Instruction, get_instructions
from functools import cache
from itertools import pairwise
from types import CodeType
from typing import Any, Final, cast, final

PLACEHOLDERS: Final = frozenset("ANNOTATIONS_PLACEHOLDER CACHE EXTENDED_ARG NOT_TAKEN RESERVED".split())

# Here the interpreter looks, once the instruction's own work is done: after a call (of C code: one of Python code is only begun),
# after a jump backwards, and at the start of a function. CALL_KW is new in 3.13; since 3.14 it looks only once it is specialised.
# The conditional jumps backwards left with 3.11.
CALLS: Final = frozenset("CALL CALL_FUNCTION_EX CALL_KW".split())
JUMPS_BACK: Final = frozenset(
    "JUMP_BACKWARD POP_JUMP_BACKWARD_IF_FALSE POP_JUMP_BACKWARD_IF_NONE POP_JUMP_BACKWARD_IF_NOT_NONE "
    "POP_JUMP_BACKWARD_IF_TRUE".split()
)
STARTS: Final = frozenset({"RESUME"})
AWAITING: Final = 2  # the argument of a RESUME in `yield from` or `await`, where the interpreter does not look; below: it does
PLACE_BITS: Final = 3  # of a RESUME's argument
UNIT_BYTES: Final = 2
ONE_EVENT: Final = sys.version_info < (3, 12)  # an event comes at the EXTENDED_ARG, for the instruction after it; else at each

# C code that makes the text of a value looks for signals on its way, unless the value is text already.
TEXTS: Final = frozenset("CONVERT_VALUE FORMAT_SIMPLE FORMAT_VALUE FORMAT_WITH_SPEC".split())

# These move values about, and can raise nothing of their own. Since when, where that is not 3.11.
QUIET: Final[Mapping[str, tuple[int, int]]] = dict.fromkeys(
    "COPY COPY_FREE_VARS END_FOR END_SEND IS_OP JUMP_BACKWARD_NO_INTERRUPT JUMP_FORWARD KW_NAMES LOAD_ASSERTION_ERROR LOAD_CLOSURE "
    "LOAD_COMMON_CONSTANT LOAD_CONST LOAD_FAST_AND_CLEAR LOAD_FAST_BORROW LOAD_FAST_BORROW_LOAD_FAST_BORROW LOAD_FAST_LOAD_FAST "
    "LOAD_SMALL_INT MATCH_MAPPING MATCH_SEQUENCE NOP POP_EXCEPT POP_ITER POP_JUMP_BACKWARD_IF_NONE POP_JUMP_BACKWARD_IF_NOT_NONE "
    "POP_JUMP_FORWARD_IF_NONE POP_JUMP_FORWARD_IF_NOT_NONE POP_JUMP_IF_NONE POP_JUMP_IF_NOT_NONE POP_TOP PRECALL PUSH_EXC_INFO "
    "PUSH_NULL RETURN_CONST RETURN_VALUE SET_FUNCTION_ATTRIBUTE STORE_DEREF STORE_FAST STORE_FAST_LOAD_FAST STORE_FAST_STORE_FAST "
    "SWAP YIELD_VALUE JUMP_BACKWARD RESUME".split(),
    (3, 11),
) | {"LOAD_FAST": (3, 12), "POP_JUMP_IF_FALSE": (3, 13), "POP_JUMP_IF_TRUE": (3, 13), "UNARY_NOT": (3, 13)}

# These run the code of their operands, make objects, or look something up that may not be there.
RAISING: Final = frozenset(
    "ASYNC_GEN_WRAP BEFORE_ASYNC_WITH BEFORE_WITH BINARY_OP BINARY_SLICE BINARY_SUBSCR BUILD_CONST_KEY_MAP BUILD_INTERPOLATION "
    "BUILD_LIST BUILD_MAP BUILD_SET BUILD_SLICE BUILD_STRING BUILD_TEMPLATE BUILD_TUPLE CALL_INTRINSIC_1 CALL_INTRINSIC_2 "
    "CHECK_EG_MATCH CHECK_EXC_MATCH CLEANUP_THROW COMPARE_OP CONTAINS_OP DELETE_ATTR DELETE_DEREF DELETE_FAST DELETE_GLOBAL "
    "DELETE_NAME DELETE_SUBSCR DICT_MERGE DICT_UPDATE END_ASYNC_FOR EXIT_INIT_CHECK FOR_ITER GET_AITER GET_ANEXT GET_AWAITABLE "
    "GET_ITER GET_LEN GET_YIELD_FROM_ITER IMPORT_FROM IMPORT_NAME IMPORT_STAR JUMP_IF_FALSE_OR_POP JUMP_IF_TRUE_OR_POP LIST_APPEND "
    "LIST_EXTEND LIST_TO_TUPLE LOAD_ATTR LOAD_BUILD_CLASS LOAD_CLASSDEREF LOAD_DEREF LOAD_FAST LOAD_FAST_CHECK "
    "LOAD_FROM_DICT_OR_DEREF LOAD_FROM_DICT_OR_GLOBALS LOAD_GLOBAL LOAD_LOCALS LOAD_METHOD LOAD_NAME LOAD_SPECIAL LOAD_SUPER_ATTR "
    "MAKE_CELL MAKE_FUNCTION MAP_ADD MATCH_CLASS MATCH_KEYS POP_JUMP_BACKWARD_IF_FALSE POP_JUMP_BACKWARD_IF_TRUE "
    "POP_JUMP_FORWARD_IF_FALSE POP_JUMP_FORWARD_IF_TRUE POP_JUMP_IF_FALSE POP_JUMP_IF_TRUE PREP_RERAISE_STAR PRINT_EXPR "
    "RAISE_VARARGS RERAISE RETURN_GENERATOR SEND SETUP_ANNOTATIONS SET_ADD SET_UPDATE STORE_ATTR STORE_GLOBAL STORE_NAME "
    "STORE_SLICE STORE_SUBSCR TO_BOOL UNARY_INVERT UNARY_NEGATIVE UNARY_NOT UNARY_POSITIVE UNPACK_EX UNPACK_SEQUENCE "
    "WITH_EXCEPT_START".split()
)
ENDS: Final = frozenset("RAISE_VARARGS RERAISE RETURN_CONST RETURN_VALUE".split())  # what follows is not executed next
KNOWN: Final = PLACEHOLDERS | CALLS | JUMPS_BACK | STARTS | TEXTS | RAISING | QUIET.keys()


class Unclassified(RuntimeError):
    """Report instructions of which nobody has said yet what they do: this interpreter is newer than the tables."""


@final
@dataclass(frozen=True, slots=True)
class Stop:
    """Describe one instruction of a code object.

    at: the offset at which its event comes; on 3.11 that of its first EXTENDED_ARG, if it has any. looks: the interpreter looks
    around there. raises: it can raise by itself. handler: where an exception that it raises is handled in this code, or -1.
    """

    at: int
    name: str
    looks: bool
    raises: bool
    handler: int
    placeholder: bool = False


@cache
def instructions(code: CodeType) -> Mapping[int, Stop]:
    """Describe every instruction from the start of the function on, by the offset at which its event comes.

    Placeholders too, and RESUME, at which none comes.
    """
    if strange := sorted({step.opname for step in get_instructions(code)} - KNOWN):
        version = ".".join(map(str, sys.version_info[:2]))
        raise Unclassified(f"nobody has said what {', '.join(strange)} does on {version}: `tidegate_specs.stops` has the tables")
    found: dict[int, Stop] = {}
    prefix = -1
    for step in get_instructions(code):
        at, prefix = (prefix if prefix >= 0 else step.offset), -1
        if step.opname == "EXTENDED_ARG" and ONE_EVENT:
            prefix = at
        elif step.opname == "RESUME" or found:
            found[at] = _stop(code, at, step)
    return found


def _stop(code: CodeType, at: int, step: Instruction) -> Stop:
    name = step.opname
    looks = name in CALLS or name in JUMPS_BACK or (name in STARTS and (step.arg or 0) & PLACE_BITS < AWAITING)
    quiet = name in PLACEHOLDERS or sys.version_info[:2] >= QUIET.get(name, (99, 0))
    return Stop(at, name, looks, not quiet, handler(code, step.offset), name in PLACEHOLDERS)


@cache
def _table(code: CodeType) -> tuple[tuple[int, int, int], ...]:
    """Give the exception table: where each entry begins and ends, and its handler."""
    return tuple((entry.start, entry.end, entry.target) for entry in cast("Any", Bytecode(code)).exception_entries)


def handler(code: CodeType, offset: int) -> int:
    """Give the offset of the handler for an exception that is raised at an offset; -1 where it leaves the function."""
    return next((target for start, end, target in _table(code) if start <= offset < end), -1)


@cache
def handler_of_arrival(code: CodeType, at: int) -> int:
    """Give the offset of the handler for what arrives at an instruction that looks; -1 where it leaves the function.

    Up to 3.12 a jump backwards is done before the interpreter looks, and it takes the unit before the target for the place.
    """
    stop = instructions(code)[at]
    if stop.name in JUMPS_BACK and sys.version_info < (3, 13):
        target = next(step.argval for step in get_instructions(code) if step.offset >= at and step.opname in JUMPS_BACK)
        return handler(code, target - UNIT_BYTES)
    return stop.handler


@cache
def stops(code: CodeType) -> frozenset[int]:
    """Give the offsets of all instructions that do something: nothing can happen at any other."""
    return frozenset(stop.at for stop in instructions(code).values() if not stop.placeholder)


@cache
def placeholders(code: CodeType) -> frozenset[int]:
    """Give the offsets at which an event comes and nothing can happen."""
    return frozenset(instructions(code)) - stops(code)


@cache
def looking(code: CodeType) -> frozenset[int]:
    """Give the offsets of the instructions at which the interpreter looks around."""
    return frozenset(stop.at for stop in instructions(code).values() if stop.looks)


@cache
def handler_entries(code: CodeType) -> frozenset[int]:
    """Give the offsets at which an exception handler of the code begins.

    No exception can arrive there, between another exception and its handler, and one that a hook raises there makes 3.12 leak the
    first one, with all that it refers to.
    """
    return frozenset(stop.at for stop in instructions(code).values() if stop.name == "PUSH_EXC_INFO")


@cache
def handler_ends(code: CodeType) -> frozenset[int]:
    """Give the offsets at which an exception handler of the code ends."""
    return frozenset(stop.at for stop in instructions(code).values() if stop.name == "POP_EXCEPT")


@cache
def after_starts(code: CodeType) -> frozenset[int]:
    """Give the offsets that follow a RESUME at which the interpreter looks: no event comes at that itself."""
    found = tuple(instructions(code).values())
    return frozenset(after.at for before, after in pairwise(found) if before.looks and before.name in STARTS)


def arrives(code: CodeType, before: int, at: int) -> bool:
    """Tell whether the interpreter has looked between two instructions that one thread executed in one code, one after the other.

    Not between a jump backwards that was not taken and what follows it, nor where the two have different handlers: an exception
    that arrives goes to the first one's (a `with` statement's entry on 3.14), and none that comes from the second can stand for it.
    A call that only makes a generator is taken for one of C code, at which the interpreter would have looked.
    """
    first, second = instructions(code)[before], instructions(code)[at]
    if not first.looks or (first.name in JUMPS_BACK and at > before):
        return False
    return handler_of_arrival(code, before) == second.handler


@cache
def gaps(code: CodeType) -> frozenset[int]:
    """Give the offsets of single instructions that have another handler than the two around them, which have the same.

    The compiler leaves such a gap where it holds that nothing can be raised. It is right but for jumps backwards on 3.12 and 3.13:
    there the interpreter looks, and what arrives leaves the `try` block for real.
    """
    found = tuple(instructions(code).values())
    return frozenset(
        middle.at
        for first, middle, last in zip(found, found[1:], found[2:], strict=False)
        if first.handler == last.handler not in (-1, middle.handler) and middle.name not in ENDS
    )
