"""The recovery of a lost token registers its successor only once the slot is home. Interrupted in between, the lost token's
second finaliser brings the slot home again.

Breaks: INTERRUPT-1, BOUND-1, BOUND-2
Killed by: sweeps.interrupt, sweeps.double_fault
"""

from . import Patch

BREAKS = ("INTERRUPT-1", "BOUND-1", "BOUND-2")
KILLED_BY = ("sweeps.interrupt", "sweeps.double_fault")
PATCHES = (
    Patch(
        "_slots.py",
        "            self.generations[index] = token.slot.generation[0]\n",
        "",
    ),
    Patch(
        "_slots.py",
        "        except BaseException:\n            del token  # the",
        (
            "            self.generations[index] = token.slot.generation[0]\n"
            "        except BaseException:\n"
            "            del token  # the"
        ),
    ),
)
