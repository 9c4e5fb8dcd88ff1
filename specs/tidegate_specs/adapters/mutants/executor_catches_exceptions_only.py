"""A work that ends with a `BaseException` kills its worker, and its future never ends.

Breaks: EXECUTOR-3
Killed by: adapters.executor_model
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-3",)
KILLED_BY = ("adapters.executor_model",)
PATCHES = (
    Patch(
        "adapters/_works.py",
        ("    except BaseException as error:  # noqa: BLE001 - see above\n        return None, error\n"),
        ("    except Exception as error:\n        return None, error\n"),
    ),
    Patch(
        "adapters/_works.py",
        (
            "            if work is not None and work.claim.get(OWNER) is me:\n"
            "                work.fail(expired or error)\n"
            "            self.ring()"
        ),
        (
            "            if isinstance(error, Exception) and work is not None and work.claim.get(OWNER) is me:\n"
            "                work.fail(expired or error)\n"
            "            self.ring()"
        ),
    ),
)
