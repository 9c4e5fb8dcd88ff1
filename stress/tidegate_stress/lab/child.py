"""Run cases in this process, and tell on stdout what happens.

`python -m tidegate_stress.lab.child` reads a JSON list of cases from stdin and writes one JSON object a line: {"event": "interval",
"case": NUMBER, "interval": {...}} while it goes on, {"event": "result", "case": NUMBER, "result": {...}} at the end. Several cases
run beside each other and begin their load at the same instant. On SIGABRT the stack of every thread is written to stderr.
"""

import faulthandler
import json
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tidegate_specs.runner import die_with_parent, forgo_core_dump

from .case import Case
from .drive import Drive


def main() -> int:
    """Run what stdin says. Return 0 when every case gave a result, else 1."""
    faulthandler.enable()
    forgo_core_dump()
    die_with_parent()
    cases = [Case(**each) for each in json.load(sys.stdin)]
    events = os.dup(1)
    os.dup2(2, 1)  # whatever a queue prints is no event
    lock, failed = threading.Lock(), threading.Event()
    barrier = threading.Barrier(len(cases)) if len(cases) > 1 else None

    def emit(number: int, event: Mapping[str, object]) -> None:
        line = json.dumps({**event, "case": number}).encode() + b"\n"
        with lock:
            while line:
                line = line[os.write(events, line) :]

    def run(number: int) -> None:
        try:
            result: dict[str, Any] = asdict(Drive(cases[number], lambda event: emit(number, event), barrier).run())
            emit(number, {"event": "result", "result": result})
        except BaseException:
            failed.set()
            raise  # the traceback goes to stderr, where the supervisor reads it

    threads = [threading.Thread(target=run, args=(number,)) for number in range(1, len(cases))]
    for thread in threads:
        thread.start()
    run(0)
    for thread in threads:
        thread.join()
    return int(failed.is_set())


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)  # threads that a queue left behind must not keep the process
