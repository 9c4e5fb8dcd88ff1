"""Any `Closed` is taken for the answer that nothing can come any more: one that a signal handler raises ends a worker in silence.

Breaks: ASYNC-3
Killed by: adapters.aio_sweep
"""

from ...mutants import Patch

BREAKS = ("ASYNC-3",)
KILLED_BY = ("adapters.aio_sweep",)
PATCHES = (
    Patch(
        "adapters/aio.py",
        "        except BaseException:\n            lease._let_go()\n            raise\n        raise StopAsyncIteration\n",
        (
            "        except Closed:\n            lease._let_go()\n"
            "        except BaseException:\n            lease._let_go()\n            raise\n        raise StopAsyncIteration\n"
        ),
    ),
)
