"""Load somebody's program a second time, rewritten and with everything simulated that waits or tells the time.

The copy is made of the program's own modules: those that are neither in the standard library nor installed from elsewhere, and
those that were named. All others are the real ones. What was imported before stays untouched.
"""

import ast
import builtins
import importlib.util
import inspect
import sys
import sysconfig
import types
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from .engine import Engine, NotSimulated
from .hooks import Hooks
from .primitives import Nothing, clocks, low_level, primitives
from .rewrite import HOOKS, rewritten

_OF_THREADING: Final = frozenset("Condition Semaphore BoundedSemaphore Event Barrier BrokenBarrierError Timer".split())
_OUTSIDE: Final = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_NEVER: Final = frozenset({"tidegate_gate", "tidegate_specs", "tidegate_stress", "pytest", "_pytest", "conftest"})
_real_import: Final = builtins.__import__


class World:
    """The modules of one program, rewritten, on one engine."""

    def __init__(self, engine: Engine, also: Iterable[str] = ()) -> None:
        self.engine = engine
        self.hooks = Hooks(engine)
        self.also = tuple(also)
        self.modules: dict[str, types.ModuleType] = {}
        self._builtins = {**vars(builtins), "__import__": self._import}
        self._simulate()

    # What is simulated.

    def _simulate(self) -> None:
        names = primitives(self.engine)
        self.hooks.simulated.update(value for value in names.values() if isinstance(value, type))
        self.modules["time"] = _module("time", clocks(self.engine))
        self.modules["_thread"] = low_level(names)
        real = sys.modules["threading"]
        own = {
            **vars(real),
            **names,
            "_allocate_lock": names["Lock"],
            "_CRLock": None,
            "_time": vars(self.modules["time"])["monotonic"],
        }
        kept = {name: value for name, value in own.items() if not name.startswith("__")}
        threading = self._execute(_of_threading(_source_of(real)), "threading", str(real.__file__), library=True, names=kept)
        for name in [name for name, value in vars(threading).items() if value is vars(real).get(name) and callable(value)]:
            if name not in names and not name.startswith("_"):
                delattr(threading, name)  # what waits and is not simulated is not there
        import queue
        from concurrent.futures import _base, thread  # pyright: ignore[reportPrivateUsage]

        self.modules["_queue"] = _module("_queue", {"Empty": queue.Empty})
        self.modules["os"] = _module(
            "os", {name: each for name, each in vars(sys.modules["os"]).items() if name != "register_at_fork"}
        )
        copy = self._library(queue)
        vars(copy)["SimpleQueue"] = names["SimpleQueue"]
        base = self._library(_base)
        futures = {name: vars(base)[name] for name in vars(base) if not name.startswith("_")}
        package = self.modules["concurrent.futures"] = _module("concurrent.futures", {**futures, "_base": base, "__path__": []})
        self.modules["concurrent"] = _module("concurrent", {"futures": package, "__path__": []})
        pool = self._library(thread)
        vars(base)["LOGGER"] = vars(pool)["_threads_queues"] = Nothing()
        vars(package).update(thread=pool, ThreadPoolExecutor=vars(pool)["ThreadPoolExecutor"])
        del self.modules["os"], self.modules["_queue"]
        for module in (threading, copy, base, pool):
            self.hooks.simulated.update(value for value in vars(module).values() if isinstance(value, type))

    def _library(self, real: types.ModuleType) -> types.ModuleType:
        return self._execute(_source_of(real), real.__name__, str(real.__file__), library=True)

    # Loading.

    def load(self, target: str) -> types.ModuleType:
        """Load a file (by its path) or a module (by its name) of the program."""
        if target.endswith(".py"):
            path = Path(target).resolve()
            return self._execute(path.read_text("utf-8"), path.stem, str(path))
        made = self._load(target)
        if made is None:
            raise ImportError(f"no module {target!r} with a source")
        return made

    def _execute(
        self,
        source: str,
        name: str,
        filename: str,
        path: list[str] | None = None,
        library: bool = False,
        names: Mapping[str, Any] = {},
    ) -> types.ModuleType:
        code = _compiled(source, filename)
        made = types.ModuleType(name)
        package = name if path is not None else name.rpartition(".")[0]
        vars(made).update(names, __file__=filename, __package__=package, __builtins__=self._builtins, __explore_library__=library)
        vars(made)[HOOKS] = self.hooks
        spec = importlib.util.spec_from_file_location(name, filename, submodule_search_locations=path)
        vars(made).update(__spec__=spec, __loader__=spec.loader if spec is not None else None)  # tracebacks ask for it
        if path is not None:
            vars(made)["__path__"] = path
        self.modules[name] = made
        before = sys.modules.get(name)
        if not library:
            sys.modules[name] = made  # dataclasses look there
        try:
            exec(code, vars(made))
        except BaseException:
            del self.modules[name]
            raise
        finally:
            if not library:
                del sys.modules[name]
                if before is not None:
                    sys.modules[name] = before
        return made

    def _load(self, name: str) -> types.ModuleType | None:
        """Load a module of the program, or give None if it is none of its own."""
        if name in self.modules:
            return self.modules[name]
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return None
        if (
            spec is None
            or spec.origin is None
            or not spec.origin.endswith(".py")
            or not self._own(name, Path(spec.origin).resolve())
        ):
            return None
        locations = list(spec.submodule_search_locations) if spec.submodule_search_locations is not None else None
        parent, _, leaf = name.rpartition(".")
        above = self._load(parent) if parent else None
        if name in self.modules:  # the parent has imported it
            return self.modules[name]
        made = self._execute(Path(spec.origin).read_text("utf-8"), name, spec.origin, locations)
        if above is not None:
            setattr(above, leaf, made)
        return made

    def _own(self, name: str, path: Path) -> bool:
        if any(name == each or name.startswith(f"{each}.") or each.startswith(f"{name}.") for each in self.also):
            return True
        return name.partition(".")[0] not in _NEVER and not any(path.is_relative_to(each) for each in _OUTSIDE)

    def _import(self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:  # noqa: A002
        """Import, as the modules of the program do."""
        full = importlib.util.resolve_name("." * level + name, globals["__package__"] or "") if level else name
        made = self._load(full)
        if made is None:
            return _real_import(name, globals, locals, fromlist, level)
        if not fromlist:
            return made if level else self.modules[full.partition(".")[0]]
        if hasattr(made, "__path__"):
            for each in fromlist:
                if each != "*" and not hasattr(made, each):
                    self._load(f"{full}.{each}")
        return made


@lru_cache(256)
def _compiled(source: str, filename: str) -> types.CodeType:
    """Compile rewritten source. The standard library's is the same for every program."""
    return compile(rewritten(source, filename), filename, "exec", dont_inherit=True)


@cache
def _source_of(module: types.ModuleType) -> str:
    return inspect.getsource(module)


@cache
def _of_threading(source: str) -> str:
    """Give the source of what of `threading` is CPython's own."""
    tree = ast.parse(source)
    tree.body = [each for each in tree.body if isinstance(each, ast.ClassDef) and each.name in _OF_THREADING]
    return ast.unparse(tree)


def _module(name: str, names: Mapping[str, Any]) -> types.ModuleType:
    made = types.ModuleType(name)
    vars(made).update({each: value for each, value in names.items() if each not in ("__name__", "__spec__", "__loader__")})
    return made


def found(module: types.ModuleType, qualified: str) -> Callable[..., Any]:
    """Find a function in a module. NotSimulated if it is inside another function."""
    value: Any = module
    for part in qualified.split("."):
        if part == "<locals>":
            raise NotSimulated(f"{qualified} is inside a function; a program must stand in a module")
        value = getattr(value, part)
    function: Callable[..., Any] = value
    return function
