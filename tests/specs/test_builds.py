"""What sets a free-threaded build apart for the checks: instruction events, and who finalises what."""

import json
import subprocess
import sys
import weakref

import pytest

from tidegate_specs.builds import FREE_THREADED, OPTIONS, gil_is_on, made_by_none
from tidegate_specs.check import Verdict

WITHOUT_GIL = pytest.mark.skipif(not FREE_THREADED, reason="needs a free-threaded build: elsewhere all threads share one bytecode")
EVENTS = """
import sys, threading
seen = []
def work():
    return len("work")
monitoring = sys.monitoring
monitoring.use_tool_id(4, "test")
monitoring.register_callback(4, monitoring.events.INSTRUCTION, lambda *_: seen.append(threading.get_ident()))
monitoring.set_local_events(4, work.__code__, monitoring.events.INSTRUCTION)
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(len(seen))
"""


def events_in_another_thread(*options: str) -> int:
    command = [sys.executable, *options, "-c", EVENTS]
    return int(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)


@WITHOUT_GIL
def test_instruction_events_reach_other_threads_only_with_the_option() -> None:
    """The alarm: where they come without it, the option can go."""
    assert events_in_another_thread(*OPTIONS) > 0
    assert events_in_another_thread("-X", "tlbc=1") == 0


@WITHOUT_GIL
def test_a_check_that_sees_no_instruction_has_no_answer() -> None:
    command = [sys.executable, "-X", "tlbc=1", "-m", "tidegate_specs.runner", "tidegate_specs.sweeps"]
    run = subprocess.run(command, input="sweeps.freeze\n", capture_output=True, text=True, timeout=100, check=True)
    told = [json.loads(line) for line in run.stdout.splitlines()]
    (answer,) = [event for event in told if event["event"] == "result"]
    assert answer["verdict"] == Verdict.UNKNOWN.value


def test_only_a_free_threaded_build_needs_options_and_has_no_gil() -> None:
    assert bool(OPTIONS) is FREE_THREADED
    assert gil_is_on() is not FREE_THREADED


def test_what_none_made_dies_wherever_it_is_dropped() -> None:
    class Thing:
        pass

    box = [made_by_none(Thing)]
    reference = weakref.ref(box[0])
    box.clear()
    assert reference() is None


def test_what_fails_in_the_maker_fails_here() -> None:
    with pytest.raises(ZeroDivisionError):
        made_by_none(lambda: 1 // 0)
