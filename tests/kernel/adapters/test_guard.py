"""The guard: as a decorator of functions and coroutine functions, as a context manager, and who is told what."""

import asyncio
from typing import Any

import pytest

from tidegate import Outcome
from tidegate.adapters.bulkhead import Bulkhead
from tidegate.adapters.guard import Guard, Refused
from tidegate.policies import Shed
from tidegate.policies.admission import Admission
from tidegate.policies.classes import Classes


def test_a_function_is_called_in_a_slot_or_refused() -> None:
    bulkhead = Bulkhead(1)

    @Guard(bulkhead)
    def nested(depth: int) -> int:
        """Call itself."""
        return depth and nested(depth - 1)

    assert nested(0) == 0
    assert nested.__doc__ == "Call itself."
    with pytest.raises(Refused) as caught:
        nested(1)
    assert caught.value.answer is Outcome.FULL
    assert bulkhead.statistics().free == 1


def test_a_coroutine_function_is_inside_until_it_ends_or_is_cancelled() -> None:
    admission = Admission(Bulkhead(2), classes=Classes({"user": 1.0, "batch": 0.5}, default="batch"))

    async def busy(answer: Any, label: str) -> str:
        return f"busy: {answer.value} {label}"

    @Guard(admission, classify=str, refused=busy)
    async def wait(label: str) -> str:
        await asyncio.sleep(0.01 if label == "user" else 3600)
        return "done"

    async def main() -> None:
        stuck = asyncio.ensure_future(wait("batch"))
        await asyncio.sleep(0)
        assert await wait("batch") == "busy: class batch"
        assert await wait("user") == "done"
        stuck.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stuck

    asyncio.run(main())
    read = admission.statistics()
    assert (read.free, read.shed_class, read.accepted) == (2, 1, 2)
    assert [sum(number for _, number in each.sojourn) for each in read.classes] == [1, 0]


def test_a_block_with_a_label() -> None:
    admission = Admission(Bulkhead(2), classes=Classes({"user": 1.0, "batch": 0.5}, default="batch"))
    guard = Guard(admission)
    with guard("batch"):
        with pytest.raises(Refused, match="class") as caught, guard("batch"):
            pass
        assert caught.value.answer is Shed.CLASS

        async def main() -> None:
            async with guard("user"):
                assert admission.statistics().in_flight == 2

        asyncio.run(main())
    block = guard()
    with block, pytest.raises(RuntimeError), block:
        pass
    assert admission.statistics().free == 2


def test_a_classifier_that_fails_gives_no_label() -> None:
    admission = Admission(Bulkhead(2), classes=Classes({"user": 1.0}, default="user"))

    def classify() -> str:
        raise OSError("no label")

    @Guard(admission, classify=classify)
    def work() -> int:
        return admission.statistics().unknown

    assert work() == 1


def test_what_can_not_be_guarded() -> None:
    with pytest.raises(TypeError, match="generator"):

        @Guard(Bulkhead(1))
        def generate() -> Any:
            yield 1

    with pytest.raises(TypeError, match="Bulkhead or an Admission"):
        Guard(3)  # type: ignore[arg-type]
