"""An interrupted call gives its slot back in its own handler: no finaliser is needed for that (INTERRUPT-1, free-threaded builds).

The finalisers are taken out of the kernel. Then an exception is raised at each place where one can really arrive, in each operation
that holds a token for a while. With the finalisers in place nothing of this would show on a build with a GIL: they run at once.
"""

from types import CodeType

import pytest

from tidegate_specs.injection import Injector, Interrupt, quiet_finalisers
from tidegate_specs.mutants import Patch
from tidegate_specs.mutation import patching
from tidegate_specs.sweeps.audits import audit, interrupted
from tidegate_specs.sweeps.operations import OPERATIONS, Operation

WITHOUT_FINALISERS = (Patch("_slots.py", "            slots.recover(slot)\n", "            pass\n"),)
# What would need a finaliser: a handler that recovers nothing, and calls whose result has no name yet when an exception arrives.
PLANTED = {
    "take": Patch("_slots.py", "        if token is not None:\n            self.recover(token.slot)\n", ""),
    "offer": Patch("_intake.py", "held = token = free.newest\n", "held = token = free.pop()\n"),
    "release": Patch("_intake.py", "                del mark[1]  # who", "                mark.pop(1)  # who"),
}
HOLDING = [each for each in OPERATIONS if each.name.startswith(("offer", "take", "release"))]


def lost(operation: Operation, *patches: Patch) -> tuple[int, list[str]]:
    """Count the places at which an exception arrives in an operation, and name those after which a slot is missing."""
    subject = patching.load_patched([*WITHOUT_FINALISERS, *patches], "bare")
    found: list[str] = []
    position = places = 0
    with quiet_finalisers(), Injector(subject) as injector:
        injector.arrivals_only = True
        reached = True
        while reached:
            position, reached, where = position + 1, False, ""

            def hook(at: int, code: CodeType, offset: int, position: int = position) -> None:
                nonlocal reached, where
                if at == position:
                    reached, where = True, f"{code.co_qualname}+{offset}"
                    raise Interrupt

            stage = operation.prepare(subject)
            answer = interrupted(injector, stage, hook)
            out = [answer.item] if hasattr(answer, "release") else []
            if out:
                answer.release()
            left = audit(subject, stage, out)
            places += reached
            if left.slots != left.capacity or left.lost or left.doubled:
                found.append(f"{where}: {left}")
    return places, found


@pytest.mark.parametrize("operation", HOLDING, ids=[each.name for each in HOLDING])
def test_no_slot_is_left_to_a_finaliser(operation: Operation) -> None:
    places, found = lost(operation)
    assert places > 0
    assert found == []


@pytest.mark.parametrize("name", PLANTED)
def test_a_call_that_leaves_its_slot_to_a_finaliser_is_found(name: str) -> None:
    operation = next(each for each in OPERATIONS if each.name == name)
    assert lost(operation, PLANTED[name])[1]
