"""A callback that raises ends the thread that looks: its exception is reported, and every later edge is lost.

Breaks: EDGE-1
Killed by: adapters.edges_callbacks
"""

from ...mutants import Patch

BREAKS = ("EDGE-1",)
KILLED_BY = ("adapters.edges_callbacks",)
PATCHES = (
    Patch(
        "adapters/edges.py",
        "    except BaseException:  # noqa: BLE001",
        "    except ValueError:  # noqa: BLE001",
    ),
)
