# SPDX-License-Identifier: MIT
"""At most so many calls of a function in progress: a decorator and a context manager, for plain functions, tasks and gRPC.

    from tidegate.adapters.bulkhead import Bulkhead
    from tidegate.adapters.guard import Guard, Refused

    guard = Guard(Bulkhead(8))

    @guard                                # a function, or a coroutine function
    def report(month): ...

    async with guard("batch"):            # or `with`; the label is for an admission
        await work()

Who is refused gets the exception `Refused` at once, whose `answer` tells why; or what `refused` returns, which is called with that
answer and the arguments of the call. In gRPC that is where a handler says RESOURCE_EXHAUSTED:

    async def busy(answer, request, context):
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(answer.value))

    class Greeter(GreeterServicer):
        @Guard(admission, classify=lambda self, request, context: dict(context.invocation_metadata()).get("class"), refused=busy)
        async def SayHello(self, request, context): ...

A call is inside until it returns, raises or is cancelled; what raises or is cancelled is no sample for a limit. Generators are
refused with a TypeError when they are decorated: to call one is not to run it. In them use `with`.

Prior art: `functools`' decorators; resilience4j's decorators, which raise as well. Considered and rejected: to wait (a queue); to
guess from an annotation whether something is to be awaited (a coroutine function says so).
"""

import functools
import inspect
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, TypeVar, cast, final, overload

from ._requests import Entrance
from .bulkhead import Bulkhead

__all__ = ["Guard", "Refused"]

F = TypeVar("F", bound=Callable[..., Any])


@final
class Refused(Exception):
    """Raised instead of making a call that is refused. answer: FULL, CLOSED, or an answer of the policies."""

    def __init__(self, answer: Any) -> None:
        super().__init__(f"refused: {answer.value}")
        self.answer: Final = answer


@final
class Guard:
    """Let calls through a bulkhead or an admission, and refuse the next one at once.

    classify: gives the label of a call from its arguments, for an admission; an exception in it gives no label. refused: called
    with the answer and the arguments of a call that is refused, of the same kind as what is decorated (a coroutine function for
    one); what it returns is what the call gives. Without it `Refused` is raised.
    Any number of threads and tasks may use one.
    """

    __slots__ = ("_classify", "_entrance", "_refused")

    def __init__(
        self,
        entrance: Bulkhead | Entrance,
        *,
        classify: Callable[..., str | None] | None = None,
        refused: Callable[..., Any] | None = None,
    ) -> None:
        if not isinstance(getattr(entrance, "bulkhead", entrance), Bulkhead):
            raise TypeError(f"a Bulkhead or an Admission is needed, not {type(entrance).__name__}")
        self._entrance: Final = entrance
        self._classify: Final = classify
        self._refused: Final = refused

    @overload
    def __call__(self, function: F) -> F: ...
    @overload
    def __call__(self, function: str | None = None) -> "Inside": ...

    def __call__(self, function: "F | str | None" = None) -> "F | Inside":
        """Decorate a function; or, of a label, give a context manager for one block."""
        if function is None or isinstance(function, str):
            return Inside(self._entrance, function)
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError("to call a generator is not to run it: use `with` inside it")
        wrapper = self._of_coroutine(function) if inspect.iscoroutinefunction(function) else self._of_function(function)
        return cast(F, functools.wraps(function)(wrapper))

    def _of_function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            lease = self._enter(arguments, named)
            if not lease:
                return self._answer(lease)(lease, *arguments, **named)
            with lease:
                return function(*arguments, **named)

        return call

    def _of_coroutine(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*arguments: Any, **named: Any) -> Any:
            lease = self._enter(arguments, named)
            if not lease:
                return await self._answer(lease)(lease, *arguments, **named)
            with lease:
                return await function(*arguments, **named)

        return call

    def _answer(self, answer: Any) -> Callable[..., Any]:
        if self._refused is None:
            raise Refused(answer)
        return self._refused

    def _enter(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        label = None
        if self._classify is not None:
            try:
                label = self._classify(*arguments, **named)
            except Exception:  # noqa: BLE001 - whatever it is, the call has no label, which is counted there
                label = None
        return enter(self._entrance, label)


@final
class Inside:
    """Be inside for one block: `with` or `async with`. Made by calling a `Guard`. Raises `Refused` on the way in."""

    __slots__ = ("_entrance", "_label", "_lease")

    def __init__(self, entrance: Bulkhead | Entrance, label: str | None) -> None:
        self._entrance: Final = entrance
        self._label: Final = label
        self._lease: Any = None

    def __enter__(self) -> None:
        if self._lease is not None:
            raise RuntimeError("it is for one block: make another one")
        answer = enter(self._entrance, self._label)
        if not answer:
            raise Refused(answer)
        self._lease = answer

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lease.__exit__(kind, error, trace)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.__exit__(kind, error, trace)


def enter(entrance: Any, label: str | None) -> Any:
    """Go inside or be refused; a bulkhead knows no labels."""
    return entrance.enter() if type(entrance) is Bulkhead else entrance.enter(label)
