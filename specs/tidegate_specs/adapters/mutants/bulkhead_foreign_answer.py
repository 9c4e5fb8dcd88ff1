"""An exception that a signal handler raises is taken for the answer that nothing is queued, if it is of that type, and is gone.

Breaks: BULKHEAD-2
Killed by: adapters.bulkhead_host
"""

from ...mutants import Patch

BREAKS = ("BULKHEAD-2",)
KILLED_BY = ("adapters.bulkhead_host",)
PATCHES = (
    Patch("adapters/bulkhead.py", "from .. import Intake, Lease", "from .. import Closed, Empty, Intake, Lease"),
    Patch(
        "adapters/bulkhead.py",
        ("            except BaseException as error:\n                self._interrupted"),
        (
            "            except (Empty, Closed):\n"
            "                if refusal is not None:\n"
            "                    return refusal\n"
            "            except BaseException as error:\n"
            "                self._interrupted"
        ),
    ),
)
