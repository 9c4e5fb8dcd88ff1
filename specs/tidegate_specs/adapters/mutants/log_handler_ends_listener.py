"""A handler that raises ends the handling: the next handlers do not get the record, and the listener's thread is gone.

Breaks: LOG-1
Killed by: adapters.log_model
"""

from ...mutants import Patch

BREAKS = ("LOG-1",)
KILLED_BY = ("adapters.log_model",)
PATCHES = (
    Patch(
        "adapters/log.py",
        "                except Exception:  # noqa: BLE001",
        "                except MemoryError:  # noqa: BLE001",
    ),
)
