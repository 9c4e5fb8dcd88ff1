"""A caller cancels without asking whether a worker has the work: it runs although its future says cancelled.

Breaks: EXECUTOR-3
Killed by: adapters.executor_model
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-3",)
KILLED_BY = ("adapters.executor_model",)
PATCHES = (
    Patch(
        "adapters/_works.py",
        ("            if self.claim.setdefault(OWNER, me) is me:\n                self.withdraw()\n        except"),
        ("            self.claim[OWNER] = me\n            self.withdraw()\n        except"),
    ),
)
