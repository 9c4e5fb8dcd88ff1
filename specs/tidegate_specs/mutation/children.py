"""The process in which one group of checks runs on one mutant, with an end to every hang."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, cast, final

from ..builds import OPTIONS
from ..check import Profile
from .matrix import RACES, Cell, Fate
from .patching import Mutant

# Whose checks name a hang themselves, in more time than they take on the kernel.
FINDS_HANGS: Final = ("host", "sizes", "sweeps", *RACES)
HANG_FACTOR: Final = 4.0  # a check that takes this many times what it takes on the kernel hangs
HANG_FLOOR_S: Final = 3.0
START_LIMIT_S: Final = 60.0


class _Stopped(Exception):
    """Raised where a process would be started after the end."""


@final
class Children:
    """Hold the processes that run now. After the end there are none, and none can be started."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[_Child] = set()
        self._ended = False

    def start(self, child: "_Child") -> None:
        with self._lock:
            if self._ended:
                raise _Stopped
            child.start()
            self._running.add(child)

    def end(self, child: "_Child") -> None:
        with self._lock:
            self._running.discard(child)
        child.end()

    def end_all(self) -> None:
        """Kill them all. Whoever waits for one hears that it has ended."""
        with self._lock:
            self._ended = True
            for child in self._running:
                child.kill()


@final
class _Child:
    """Run checks of one module on one mutant in a process of its own, which dies with this one."""

    def __init__(self, job: "Job", children: Children) -> None:
        self._children = children
        self.command = [
            sys.executable,
            *OPTIONS,
            "-m",
            "tidegate_specs.mutation",
            "--run",
            job.mutant.name,
            job.group,
            "--module",
            job.module,
        ]
        self.command += ["--profile", job.profile, "--seed", str(job.seed)]
        self.command += [] if job.source_dir is None else ["--source", str(job.source_dir)]

    def __enter__(self) -> Self:
        self._children.start(self)
        return self

    def __exit__(self, *error: object) -> None:
        self._children.end(self)

    def start(self) -> None:
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `end`
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
        self.buffer = b""

    def restart(self) -> None:
        self._children.end(self)
        self._children.start(self)

    def ask(self, check: str) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it crashed: the next event says so
            self.process.stdin.write(check.encode() + b"\n")
            self.process.stdin.flush()

    def event(self, kind: str, limit_s: float) -> dict[str, Any]:
        """Wait for an event of one kind. {"event": "hung"} at the limit, {"event": "crashed"} if the process ends."""
        assert self.process.stdout is not None
        deadline_s = time.monotonic() + limit_s
        descriptor = self.process.stdout.fileno()
        while True:
            line, newline, rest = self.buffer.partition(b"\n")
            if newline:
                self.buffer = rest
                event = cast(dict[str, Any], json.loads(line))
                if event["event"] in (kind, "failed"):
                    return event
                continue
            readable, _, _ = select.select([descriptor], [], [], max(0.0, deadline_s - time.monotonic()))
            if not readable:
                return {"event": "hung"}
            data = os.read(descriptor, 65536)
            if not data:
                return {"event": "crashed", "message": f"the process ended: {self.last_words()}"}
            self.buffer += data

    def last_words(self) -> str:
        self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().decode("utf-8", "replace").strip().splitlines()
        return f"status {self.process.returncode} {lines[-1] if lines else ''}".rstrip()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def end(self) -> None:
        self.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


@final
@dataclass(frozen=True, slots=True)
class Job:
    """One cell to fill. only: the checks to run, in this order, all if empty; first: those to run before the others."""

    mutant: Mutant
    group: str
    module: str
    profile: Profile
    seed: int
    source_dir: Path | None
    first: tuple[str, ...] = ()
    only: bool = False

    def run(self, times_s: Mapping[str, float] | None, children: Children) -> Cell:
        """Run it, up to the first ILLEGAL.

        times_s: what each check that the kernel passes takes on it; None for the kernel itself. A check that the kernel itself
        does not pass is not asked: it would kill everything.
        """
        started_s = time.monotonic()
        taken_s: dict[str, float] = {}
        with _Child(self, children) as child:
            fate, by, note, effort = self._judge(child, times_s, taken_s)
        return Cell(fate, by, note, effort, time.monotonic() - started_s, taken_s)

    def _judge(self, child: _Child, times_s: Mapping[str, float] | None, taken_s: dict[str, float]) -> tuple[Fate, str, str, int]:
        ready = child.event("ready", START_LIMIT_S)
        if ready["event"] != "ready":
            return Fate.UNKNOWN, f"{self.group}.load", str(ready.get("message", ready["event"])).strip().splitlines()[-1], 0
        checks = {str(check["name"]): check for check in ready["checks"]}
        missing = [name for name in self.first if name not in checks]
        if missing:
            return Fate.UNKNOWN, missing[0], "there is no such check", 0
        doubt = ("", "")
        effort = 0
        for name in (*self.first, *(() if self.only else (name for name in checks if name not in self.first))):
            limit_s = float(checks[name]["limit_s"][self.profile == "full"])
            if times_s is not None:
                if name not in times_s:
                    doubt = name, "the kernel itself does not pass it"
                    continue
                if self.group not in FINDS_HANGS:
                    limit_s = max(HANG_FLOOR_S, HANG_FACTOR * times_s[name])
            child.ask(name)
            answer = child.event("result", limit_s)
            if answer["event"] == "hung" and times_s is not None and self.group not in FINDS_HANGS:
                child.restart()  # and once more, alone: a busy machine makes a check slow, but not twice
                child.event("ready", START_LIMIT_S)
                child.ask(name)
                answer = child.event("result", limit_s)
                if answer["event"] == "hung":
                    return Fate.KILLED, name, "hung", 0
            if answer["event"] == "hung":
                return Fate.UNKNOWN, name, f"no answer within {limit_s:.0f} s", 0
            if answer["event"] != "result":
                return Fate.UNKNOWN, name, str(answer.get("message", "")), 0
            effort = _leading_number(str(answer["evidence"]))
            if answer["verdict"] == "OK":
                taken_s[name] = float(answer["seconds"])
            elif answer["verdict"] == "ILLEGAL" and times_s is not None:
                return Fate.KILLED, name, str(answer["witness"]), effort
            else:
                doubt = name, (str(answer["witness"]).strip().splitlines() or [""])[-1]
        return (Fate.UNKNOWN if doubt[0] else Fate.SURVIVES), doubt[0], doubt[1], effort


def _leading_number(evidence: str) -> int:
    """Read what a check's evidence begins with, where that is a number: "1,021 schedules", "37 rounds"."""
    digits = evidence.partition(" ")[0].replace(",", "")
    return int(digits) if digits.isdecimal() else 0
