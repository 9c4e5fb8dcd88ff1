"""A taker answers Empty whatever comes out of its wait: a Ctrl-C that is pressed while it waits is never heard.

Breaks: INTERRUPT-1
Killed by: sweeps.waits
"""

from . import Patch

BREAKS = ("INTERRUPT-1",)
KILLED_BY = ("sweeps.waits",)
PATCHES = (
    Patch(
        "_intake.py",
        "token = waits.answer\n                except TimeIsOver as error:\n",
        "token = waits.answer\n                except BaseException as error:\n",
    ),
    Patch(
        "_intake.py",
        "raise  # a signal handler's: C adds",
        "pass  # a signal handler's: C adds",
    ),
)
