"""A take that is interrupted by an `Exception`, and not by a bare `BaseException`, keeps what it took and wakes nobody.

Breaks: CLOSE-2, INTERRUPT-1
Killed by: sweeps.kinds
"""

from . import Patch

BREAKS = ("CLOSE-2", "INTERRUPT-1")
KILLED_BY = ("sweeps.kinds",)
PATCHES = (
    Patch(
        "_intake.py",
        ("        except BaseException:\n            slots.give_back(token)  # and ring, also"),
        (
            "        except Exception as error:\n"
            "            if token is not None and type(error) not in (Empty, Closed):\n"
            '                slots.__class__.kept = [token, *getattr(slots.__class__, "kept", ())]\n'
            "            raise\n"
            "        except BaseException:\n"
            "            slots.give_back(token)  # and ring, also"
        ),
    ),
)
