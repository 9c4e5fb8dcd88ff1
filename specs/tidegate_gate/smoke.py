"""Have an adapter's first calls made in a process of its own, before anything is judged (`tidegate_specs.conformance.smoke`)."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from tidegate_specs.builds import OPTIONS

from .plan import Request
from .supervisor import path_for

_LIMIT_S = 120.0  # for its import, too; the calls have a limit of their own there
_TICK_S = 0.1


def mistake_of(request: Request, is_stopped: Callable[[], bool]) -> str:
    """Say what is wrong with the adapter that is to be judged. Nothing: its first calls came to their end, or say nothing of it."""
    command = [sys.executable, *OPTIONS, "-m", "tidegate_specs.conformance.smoke", request.subject]
    deadline_s = time.monotonic() + _LIMIT_S
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, **path_for(request), "PYTHONHASHSEED": "0"},
    ) as process:
        assert process.stdout is not None
        while not is_stopped() and time.monotonic() < deadline_s:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_TICK_S)
                break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # and what the adapter may have started
        os.set_blocking(process.stdout.fileno(), False)
        told = process.stdout.read() or b""
    late = not is_stopped() and time.monotonic() >= deadline_s
    return f"your adapter did not come through its first calls within {_LIMIT_S:g} s" if late else told.decode()
