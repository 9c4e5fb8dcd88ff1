# SPDX-License-Identifier: MIT
"""Notice a fork without running anything of ours in it.

CPython drops every exception that arrives in a fork hook, a Ctrl-C among them, so a hook made of bytecode can be left half done
in silence. Ours is one call into C, whatever there is to do, and what has to be made anew is made by whoever uses it next.
"""

import os
from functools import partial

_current: list[list[object]] = []


def epoch() -> list[object]:
    """Give the list that is empty in this process and holds something in every process forked from it.

    Interrupted anywhere, it leaves a list too many and no harm. Threads may get different ones of the same process.
    """
    if not _current or _current[-1]:
        new: list[object] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=partial(new.append, None))
        _current[:] = [new]
    return _current[-1]
