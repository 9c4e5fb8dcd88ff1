"""What the kernel does on systems and versions that are not this one: each in an interpreter of its own, made to look like it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tidegate

UNHURT = """
import tidegate
intake = tidegate.Intake(2)
intake.offer("item")
with intake.take() as item:
    assert item == "item"
"""


def run(before: str, after: str = UNHURT) -> "subprocess.CompletedProcess[str]":
    """Run a text, then another, where the kernel is found as it was here."""
    environment = os.environ | {"PYTHONPATH": str(Path(tidegate.__file__).parent.parent)}
    command = [sys.executable, "-c", before + after]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)


def test_without_a_call_that_yields_the_processor_a_sleep_of_zero_does() -> None:
    script = """
from functools import partial
from time import sleep
from tidegate._intake import yield_processor
assert isinstance(yield_processor, partial), yield_processor
assert (yield_processor.func, yield_processor.args, yield_processor.keywords) == (sleep, (0,), {}), yield_processor
"""
    done = run("import os; os.__dict__.pop('sched_yield', None)", UNHURT + script)
    assert not done.returncode, done.stderr


def test_a_queue_that_the_host_has_put_into_the_library_is_not_used() -> None:
    """As `gevent.monkey.patch_all()` does (HOST-1)."""
    done = run("import queue; queue.SimpleQueue = type('SimpleQueue', (), {}); queue.Empty = type('Empty', (Exception,), {})")
    assert not done.returncode, done.stderr


def test_without_forks_nothing_is_registered() -> None:
    done = run("import os; os.__dict__.pop('register_at_fork', None)")
    assert not done.returncode, done.stderr


@pytest.mark.parametrize("missing", ["del os.sysconf, os.sysconf_names", "os.sysconf_names.pop('SC_PHYS_PAGES')"])
def test_where_the_machine_does_not_tell_its_memory_the_address_space_is_the_bound(missing: str) -> None:
    script = f"""
import os, sys
{missing}
from tidegate import Intake
Intake(1)
try:
    Intake(sys.maxsize)
except ValueError:
    sys.exit(0)
sys.exit("too large, and admitted")
"""
    done = run(script)
    assert not done.returncode, done.stderr


@pytest.mark.parametrize(("version", "parent"), [((3, 12, 9), "Exception"), ((3, 13, 0), "ShutDown"), ((3, 14, 1), "ShutDown")])
def test_closed_is_the_librarys_own_answer_where_there_is_one(version: tuple[int, ...], parent: str) -> None:
    script = f"""
import queue, sys
queue.ShutDown = type('ShutDown', (Exception,), {{}})
import tidegate._intake  # what it imports looks at the version too
del sys.modules['tidegate._types']
sys.version_info = {version!r} + ('final', 0)
from tidegate._types import Closed
assert Closed.__base__.__name__ == {parent!r}, Closed.__mro__
"""
    done = run(script, "")
    assert not done.returncode, done.stderr
