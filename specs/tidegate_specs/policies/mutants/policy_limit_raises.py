"""An exception of a limit comes out of a release.

Breaks: POLICY-4
Killed by: policies.seats_failing
"""

from ...mutants import Patch

BREAKS = ("POLICY-4",)
KILLED_BY = ("policies.seats_failing",)
PATCHES = (
    Patch(
        "policies/_seats.py",
        (
            "        except Exception as error:  # noqa: BLE001 - whatever it is, the wall goes on\n"
            "            error.__traceback__ = None  # should somebody keep it, it must not keep the caller's lease\n"
            "            next(self.faults)\n"
            "            return self.capacity\n"
        ),
        ("        except ZeroDivisionError:\n            return self.capacity\n"),
    ),
)
