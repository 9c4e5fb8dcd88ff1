"""An exception that hits an operation comes out of it, and whoever keeps it keeps no slot with it (INTERRUPT-1).

That none is lost is swept by `tidegate_specs.sweeps`, where nobody keeps the exception.
"""

import dis
from functools import cache
from types import CodeType
from typing import Any

import pytest

import tidegate
from tidegate_specs.injection import Interrupt, quiet_finalisers
from tidegate_specs.stops import handler_entries
from tidegate_specs.sweeps.audits import audit
from tidegate_specs.sweeps.operations import OPERATIONS, Operation, sweeping


@cache
def out_of_reach(code: CodeType) -> frozenset[int]:
    """Give the offsets where no exception arrives: where a handler begins, and a return, which is no call, jump or start."""
    returns = {step.offset for step in dis.get_instructions(code) if step.opname == "RETURN_VALUE"}
    return handler_entries(code) | returns


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: str(operation.name).replace(" ", "-"))
def test_an_exception_comes_out_and_keeps_no_slot(operation: Operation) -> None:
    with sweeping(tidegate) as injector:
        for position in range(1, 1_000):
            stage = operation.prepare(tidegate)
            reached: list[str] = []
            raised: list[BaseException] = []
            answer: Any = None

            def hook(at: int, code: CodeType, offset: int, wanted: int = position, reached: list[str] = reached) -> None:
                if at == wanted:
                    reached.append(f"{code.co_qualname}+{offset}")
                    if offset not in out_of_reach(code):
                        reached.append("raised")
                        raise Interrupt

            with quiet_finalisers() as unraisable:
                try:
                    answer = stage.run(injector, hook)
                except (Interrupt, tidegate.Empty, tidegate.Closed) as error:
                    raised.append(error)
            if not reached:
                return
            if reached[1:]:
                assert any(isinstance(error, Interrupt) for error in raised) or "Interrupt" in unraisable.names, (
                    f"the exception raised at {reached} is gone"
                )
            if isinstance(answer, tidegate.Lease):
                answer.release()
            assert audit(tidegate, stage).slots == stage.intake.capacity, f"the exception raised at {reached} keeps a slot"
