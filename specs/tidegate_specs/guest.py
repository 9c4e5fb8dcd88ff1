"""What a probe has at hand: a program that a check of the group `host` starts, with the implementation as a guest in its process.

    python -P probe.py FOLDER NAME WORDS...

FOLDER holds a copy of the implementation's package, NAME is how it is imported from there. A probe imports little before it, and
of this project only modules that import little, so that what the guest changes can be told. It prints one JSON object, its last
line on stdout: what it counted. To judge that is for the check.
"""

import ctypes
import importlib
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType, TracebackType
from typing import Any, Final

FOLDER: Final = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
NAME: Final = sys.argv[2] if len(sys.argv) > 2 else ""
WORDS: Final = tuple(sys.argv[3:])


class Unable(Exception):
    """Raised by a probe that can't try here what it is for; the check is then UNKNOWN, with these words."""


def guest() -> Any:
    """Import the package under check from its folder."""
    if str(FOLDER) not in sys.path:
        sys.path.insert(0, str(FOLDER))
    package = importlib.import_module(NAME)
    if not str(package.__file__).startswith(str(FOLDER)):
        raise Unable(f"{NAME} was imported from {package.__file__}, and not from its copy")
    return package


def every_module() -> list[ModuleType]:
    """Import all modules of the package, its adapters too."""
    root = Path(guest().__file__).parent
    names = ".".join([NAME, "{}"])
    files = [file.relative_to(root).with_suffix("") for file in sorted(root.rglob("*.py"))]
    return [importlib.import_module(names.format(".".join(file.parts)).removesuffix(".__init__")) for file in files]


def adapter(name: str) -> Any:
    """Import one adapter of the package; None where the copy is without."""
    root = Path(guest().__file__).parent
    return importlib.import_module(f"{NAME}.adapters.{name}") if (root / "adapters" / f"{name}.py").is_file() else None


def is_ours(file: str) -> bool:
    """Tell whether a file belongs to the package under check."""
    return file.startswith(str(FOLDER))


def code_of(call: object) -> CodeType | None:
    """Give the bytecode that calling something begins with; None for C code."""
    if isinstance(call, MethodType):
        return code_of(call.__func__)
    if isinstance(call, partial):
        return code_of(call.func)
    code = getattr(call, "__code__", None)
    if isinstance(code, CodeType):
        return code
    owner = call if isinstance(call, type) else type(call)
    names = ("__init__", "__new__") if owner is call else ("__call__",)
    methods: list[Any] = [getattr(owner, name, None) for name in names]
    return next((method.__code__ for method in methods if isinstance(method, FunctionType)), None)


def place(code: CodeType) -> str:
    """Name some bytecode: what it is and in which file."""
    return f"{code.co_qualname} in {Path(code.co_filename).name}"


def pending(number: int) -> Callable[[], object]:
    """Make a call into C after which a signal waits to be handled: at the next bytecode that looks, and not in the call itself.

    Python's own calls that send a signal handle it before they return.
    """
    try:
        return partial(getattr(ctypes.PyDLL(None), "raise"), int(number))
    except (AttributeError, OSError, TypeError) as error:
        raise Unable(f"there is no raise() of C to be had: {error}") from None


class Dropped:
    """Count the exceptions that the interpreter drops, and those of them that it drops in the code of the package under check."""

    def __init__(self) -> None:
        self.count = 0
        self.ours = 0
        self.first = ""
        sys.unraisablehook = self._note

    def _note(self, args: Any) -> None:
        self.count += 1
        codes = [*_codes(args.exc_traceback), *filter(None, [code_of(args.object)])]
        ours = [code for code in codes if is_ours(code.co_filename)]
        self.ours += bool(ours)
        self.first = self.first or f"{args.exc_type.__name__} dropped in {' < '.join(map(place, ours or codes)) or 'C code'}"


def _codes(trace: TracebackType | None) -> list[CodeType]:
    found: list[CodeType] = []
    while trace is not None:
        found.append(trace.tb_frame.f_code)
        trace = trace.tb_next
    return found


def tell(probe: Callable[[], dict[str, Any]]) -> None:
    """Run a probe and print what it counted; if it can't be run here, why."""
    try:
        found = probe()
    except Unable as error:
        found = {"unable": str(error)}
    sys.stdout.write("\n" + json.dumps(found) + "\n")
    sys.stdout.flush()
