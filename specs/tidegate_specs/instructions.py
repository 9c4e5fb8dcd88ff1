"""What the interpreter's instructions mean to those who read bytecode here: the audit, the explorer, the correspondence.

They ask for the *meaning* of an instruction and never for its name, so what a version of CPython calls it, and whether it makes one
of two, is known in one place. Jumps, names, positions and the effect on the stack come from the interpreter's own `dis`; what no
metadata tells stands in the table of `Meaning`.

An instruction that is not in the table has no meaning, and whoever needs it answers UNKNOWN. So does everybody on a version that is
not in `VERSIONS`: there an old name may have got a new meaning. `specs/docs/new-interpreter.md` says how a version is added.
"""

import dis
import opcode
import sys
import types
from collections.abc import Iterable
from enum import Enum
from typing import Any, Final, cast

VERSIONS: Final = ((3, 11), (3, 12), (3, 13), (3, 14), (3, 15))  # of CPython, whose instructions somebody has looked through
JUMPS: Final = frozenset((*dis.hasjrel, *dis.hasjabs))
NAMED: Final = frozenset(dis.hasname)
GUIDE: Final = "specs/docs/new-interpreter.md"


class Meaning(Enum):
    """Tell what an instruction does. The value of each lists the names that it goes by, of all versions."""

    NOTHING = "NOP RESUME EXTENDED_ARG PRECALL KW_NAMES NOT_TAKEN"
    # The frame's own variables, and constants.
    LOAD_LOCAL = "LOAD_FAST LOAD_FAST_CHECK LOAD_FAST_LOAD_FAST LOAD_FAST_BORROW LOAD_FAST_BORROW_LOAD_FAST_BORROW"
    STORE_LOCAL = "STORE_FAST STORE_FAST_STORE_FAST"
    STORE_AND_LOAD_LOCAL = "STORE_FAST_LOAD_FAST"
    DELETE_LOCAL = "DELETE_FAST"
    CLEAR_LOCAL = "LOAD_FAST_AND_CLEAR"
    LOAD_CONSTANT = "LOAD_CONST LOAD_SMALL_INT LOAD_COMMON_CONSTANT LOAD_ASSERTION_ERROR"
    # The stack.
    COPY = "COPY"
    SWAP = "SWAP"
    PUSH_NULL = "PUSH_NULL"
    DROP = "POP_TOP"
    # Variables of others.
    LOAD_GLOBAL = "LOAD_GLOBAL"
    STORE_GLOBAL = "STORE_GLOBAL DELETE_GLOBAL"
    MAKE_CELL = "MAKE_CELL COPY_FREE_VARS LOAD_CLOSURE"
    LOAD_CELL = "LOAD_DEREF LOAD_CLASSDEREF LOAD_FROM_DICT_OR_DEREF"
    STORE_CELL = "STORE_DEREF DELETE_DEREF"
    NAMESPACE = (
        "LOAD_NAME STORE_NAME DELETE_NAME LOAD_LOCALS LOAD_FROM_DICT_OR_GLOBALS SETUP_ANNOTATIONS LOAD_BUILD_CLASS PRINT_EXPR"
    )
    IMPORT = "IMPORT_NAME IMPORT_FROM IMPORT_STAR"
    # Attributes and items.
    LOAD_ATTRIBUTE = "LOAD_ATTR LOAD_METHOD"
    LOAD_SUPER_ATTRIBUTE = "LOAD_SUPER_ATTR"
    LOAD_SPECIAL = "LOAD_SPECIAL"
    STORE_ATTRIBUTE = "STORE_ATTR"
    DELETE_ATTRIBUTE = "DELETE_ATTR"
    LOAD_ITEM = "BINARY_SUBSCR"  # and BINARY_OP from 3.14 on, where subscription is one of its operators
    LOAD_SLICE = "BINARY_SLICE"
    STORE_ITEM = "STORE_SUBSCR"
    STORE_SLICE = "STORE_SLICE"
    DELETE_ITEM = "DELETE_SUBSCR"
    # Operators.
    OPERATE = "BINARY_OP"
    UNARY = "UNARY_NEGATIVE UNARY_INVERT UNARY_POSITIVE"
    COMPARE = "COMPARE_OP"
    CONTAINS = "CONTAINS_OP"
    IDENTITY = "IS_OP"
    TRUTH = "TO_BOOL UNARY_NOT"
    FORMAT = "FORMAT_VALUE FORMAT_SIMPLE FORMAT_WITH_SPEC CONVERT_VALUE"
    # Collections.
    BUILD = "BUILD_TUPLE BUILD_LIST"
    BUILD_SLICE = "BUILD_SLICE"
    BUILD_OTHER = "BUILD_SET BUILD_MAP BUILD_CONST_KEY_MAP BUILD_STRING BUILD_TEMPLATE BUILD_INTERPOLATION LIST_TO_TUPLE"
    ADD = "LIST_APPEND SET_ADD MAP_ADD"
    EXTEND = "LIST_EXTEND SET_UPDATE DICT_UPDATE DICT_MERGE"
    UNPACK = "UNPACK_SEQUENCE"
    UNPACK_STARRED = "UNPACK_EX"
    PATTERN = "MATCH_CLASS MATCH_KEYS MATCH_MAPPING MATCH_SEQUENCE GET_LEN"
    # Jumps, loops and ends.
    JUMP = "JUMP_FORWARD JUMP_BACKWARD JUMP_BACKWARD_NO_INTERRUPT"
    JUMP_IF = (
        "POP_JUMP_IF_TRUE POP_JUMP_IF_FALSE POP_JUMP_FORWARD_IF_TRUE POP_JUMP_FORWARD_IF_FALSE POP_JUMP_BACKWARD_IF_TRUE "
        "POP_JUMP_BACKWARD_IF_FALSE"
    )
    JUMP_IF_NONE = (
        "POP_JUMP_IF_NONE POP_JUMP_IF_NOT_NONE POP_JUMP_FORWARD_IF_NONE POP_JUMP_FORWARD_IF_NOT_NONE POP_JUMP_BACKWARD_IF_NONE "
        "POP_JUMP_BACKWARD_IF_NOT_NONE"
    )
    JUMP_OR_DROP = "JUMP_IF_TRUE_OR_POP JUMP_IF_FALSE_OR_POP"
    BEGIN_LOOP = "GET_ITER"
    ITERATE = "FOR_ITER"
    END_LOOP = "END_FOR POP_ITER"
    RETURN = "RETURN_VALUE"
    RETURN_CONSTANT = "RETURN_CONST"
    # Exceptions and `with`.
    RAISE = "RAISE_VARARGS"
    RAISE_AGAIN = "RERAISE"
    BEGIN_HANDLER = "PUSH_EXC_INFO"
    END_HANDLER = "POP_EXCEPT"
    MATCH_EXCEPTION = "CHECK_EXC_MATCH"
    EXCEPTION_GROUP = "CHECK_EG_MATCH PREP_RERAISE_STAR"
    ENTER = "BEFORE_WITH BEFORE_ASYNC_WITH"
    LEAVE = "WITH_EXCEPT_START"
    # Calls and functions.
    CALL = "CALL"
    CALL_NAMED = "CALL_KW"
    CALL_UNPACKED = "CALL_FUNCTION_EX"
    CALL_INTRINSIC = "CALL_INTRINSIC_1 CALL_INTRINSIC_2"
    MAKE_FUNCTION = "MAKE_FUNCTION SET_FUNCTION_ATTRIBUTE"
    MAKE_GENERATOR = "RETURN_GENERATOR"
    YIELD = "YIELD_VALUE"
    AWAIT = "GET_AWAITABLE SEND END_SEND GET_AITER GET_ANEXT END_ASYNC_FOR CLEANUP_THROW ASYNC_GEN_WRAP GET_YIELD_FROM_ITER"
    # Of the interpreter alone: `dis` never shows them in a function that the compiler made.
    INTERNAL = "CACHE RESERVED INTERPRETER_EXIT ENTER_EXECUTOR EXIT_INIT_CHECK TRACE_RECORD"


ENDS: Final = frozenset({Meaning.RETURN, Meaning.RETURN_CONSTANT, Meaning.RAISE, Meaning.RAISE_AGAIN})  # nothing follows
_MEANINGS: Final = {name: meaning for meaning in Meaning for name in meaning.value.split()}
_COMMON_CONSTANTS: Final = cast(tuple[object, ...], getattr(opcode, "_common_constants", ()))


def meaning_of(instruction: dis.Instruction) -> Meaning | None:
    """Give the meaning of an instruction; None if nobody has looked at one of that name."""
    meaning = _MEANINGS.get(instruction.opname)
    return Meaning.LOAD_ITEM if meaning is Meaning.OPERATE and instruction.argrepr == "[]" else meaning


def meaning_of_name(name: str) -> Meaning | None:
    """Give the meaning of an instruction of the interpreter that runs, by its name; None if nobody has looked at it.

    What stands for another one while something listens, and what only the compiler sees on its way, is the interpreter's own.
    """
    only_the_compilers = opcode.opmap.get(name, 0) > 255
    internal = name.startswith("INSTRUMENTED_") or only_the_compilers
    return _MEANINGS.get(name, Meaning.INTERNAL if internal else None)


def effect_of(instruction: dis.Instruction) -> int:
    """Tell how many values the stack has more after an instruction that does not jump, as the interpreter itself counts them."""
    if instruction.opname == "PRECALL":  # 3.11 makes a call of two instructions, and counts half of it here
        return 0
    effect = dis.stack_effect(instruction.opcode, instruction.arg, jump=False)
    if instruction.opname == "CALL" and "PRECALL" in opcode.opmap:
        effect += dis.stack_effect(opcode.opmap["PRECALL"], instruction.arg)
    return effect


def constant_of(instruction: dis.Instruction) -> Any:
    """Give the value that a LOAD_CONSTANT or RETURN_CONSTANT has. KeyError if the interpreter does not tell."""
    if instruction.opname == "LOAD_ASSERTION_ERROR":
        return AssertionError
    if instruction.opname != "LOAD_COMMON_CONSTANT":
        return instruction.argval
    number = instruction.arg or 0  # 3.14 gives it instead of the value
    if number >= len(_COMMON_CONSTANTS):
        raise KeyError(number)
    return _COMMON_CONSTANTS[number]


def unknown_in(codes: Iterable[types.CodeType]) -> tuple[str, ...]:
    """Name the instructions of some functions that nobody has looked at."""
    found = {each.opname for code in codes for each in dis.get_instructions(code) if meaning_of(each) in (None, Meaning.INTERNAL)}
    return tuple(sorted(found))


def new_here() -> tuple[str, ...]:
    """Name the instructions of the interpreter that runs which nobody has looked at."""
    return tuple(sorted(name for name in opcode.opmap if meaning_of_name(name) is None))


def version_text() -> str:
    """Name the interpreter that runs."""
    return f"{sys.implementation.name} {sys.version.split()[0]}".replace("cpython", "Python")


def unseen_version() -> str:
    """Say that nobody has looked through the instructions of the interpreter that runs, and name the new ones. Else give ""."""
    if sys.implementation.name == "cpython" and sys.version_info[:2] in VERSIONS:
        return ""
    return (
        f"nobody has looked through the instructions of {version_text()}; without a meaning are: {', '.join(new_here()) or 'none'} "
        f"({GUIDE} says how to add it)"
    )


def unread(codes: Iterable[types.CodeType]) -> str:
    """Say why some functions can't be judged by their instructions: the version is new, or instructions are. "" if they can."""
    unknown = unknown_in(codes)
    return unseen_version() or (unknown_text(unknown) if unknown else "")


def unknown_text(names: Iterable[str]) -> str:
    """Say that there are instructions that no table knows."""
    return f"instructions of {version_text()} without a known meaning: {', '.join(names)} ({GUIDE} says how to add them)"


def described(name: str) -> str:
    """Tell what the interpreter itself says of one of its instructions."""
    code = opcode.opmap[name]
    takes = code in getattr(dis, "hasarg", ()) or code >= dis.HAVE_ARGUMENT
    try:
        effect = f"{dis.stack_effect(code, 1 if takes else None, jump=False):+d} on the stack"
    except ValueError:
        effect = "no effect on the stack known"
    kinds = {"jumps": code in JUMPS, "names": code in NAMED, "has an argument": takes, "a local variable": code in dis.haslocal}
    return f"{name} ({code}): {', '.join((effect, *(kind for kind, so in kinds.items() if so)))}"


def main() -> int:
    """Print what is known of the instructions of the interpreter that runs. Exit 0 if all of them are, 3 (UNKNOWN) if not."""
    new = new_here()
    print(unseen_version() or f"{version_text()}: somebody has looked through its instructions")
    print(f"{len(opcode.opmap) - len(new)} of {len(opcode.opmap)} have a meaning")
    for name in new:
        print(f"  {described(name)}")
    return 3 if new or unseen_version() else 0


if __name__ == "__main__":
    sys.exit(main())
