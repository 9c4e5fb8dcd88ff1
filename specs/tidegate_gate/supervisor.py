"""Run groups of checks in child processes, and survive whatever a check does there: hang, crash, or raise.

Each child runs one check at a time, as this side tells it to (the protocol is that of `tidegate_specs.runner`). A check that has
not answered within its limit is UNKNOWN: its process group is killed, the stacks of its threads are kept as the witness, and the
rest of its group runs in a new child. All of it happens in one thread, which never waits for longer than a tick.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any, Protocol

from tidegate_specs.builds import OPTIONS
from tidegate_specs.check import Verdict
from tidegate_specs.conformance.adapter import Expected

from .plan import About, Answer, Failure, Group, Inapplicable, Planned, Request

_TICK_S = 0.1
_LOAD_LIMIT_S = 120.0
_ABORT_LIMIT_S = 1.0
_TAIL_LINES = 40
_TAIL_BYTES = 20_000


@dataclass(frozen=True, slots=True)
class Running:
    """Tell what a child is doing now."""

    group: Group
    check: str
    text: str
    seconds: float


class Watcher(Protocol):
    """Be told how a run goes on."""

    def answered(self, answer: Answer) -> None:
        """Hear of a check that has ended."""
        ...

    def tick(self, running: Sequence[Running]) -> None:
        """Hear, several times a second, what is going on."""
        ...


class _Child:
    """A process that runs the checks of one group, in a session of its own, and what was heard of it."""

    def __init__(self, group: Group, request: Request) -> None:
        self.group = group
        self.request = request
        self.ready: tuple[Planned, ...] | None = None
        self.failure: Failure | None = None
        self.inapplicable: tuple[Inapplicable, ...] = ()
        self.about = About()
        self.current: Planned | None = None
        self.text = ""
        self.since_s = time.monotonic()
        self.answers = 0
        self.silent = False
        self._stderr_start = 0
        self._unread = b""
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `end`
        # An intake is looked for in the working directory too, as `python -m` does; the kernel is not.
        command = [sys.executable, *OPTIONS, *([] if request.is_intake else ["-P"]), "-m", "tidegate_specs.runner", group.module]
        command += ["--subject", request.subject, "--profile", request.profile, "--seed", str(request.seed)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            start_new_session=True,
            env={**os.environ, **path_for(request), "PYTHONHASHSEED": "0"},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._commands: IO[bytes] = self._process.stdin
        self._events: IO[bytes] = self._process.stdout
        os.set_blocking(self._events.fileno(), False)

    def fileno(self) -> int:
        return self._events.fileno()

    def seconds(self) -> float:
        return time.monotonic() - self.since_s

    def ask(self, check: Planned) -> None:
        """Have the child run a check."""
        self.current = check
        self.text = ""
        self.since_s = time.monotonic()
        self._stderr_start = os.fstat(self._stderr.fileno()).st_size
        with contextlib.suppress(BrokenPipeError):  # a child that is gone is seen by `ended`
            self._commands.write(check.name.encode() + b"\n")
            self._commands.flush()

    def hear(self) -> list[Answer]:
        """Read what the child has said so far; give the answers in it."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._events.fileno(), 65536):
                self._unread += chunk
            self.silent = True  # no one has the other end any more
        *lines, self._unread = self._unread.split(b"\n")
        return [answer for line in lines if (answer := self._understand(_event(line))) is not None]

    def ended(self) -> bool:
        return self._process.poll() is not None

    def last_words(self) -> str:
        """Give the end of what the current check, or the loading, wrote to stderr."""
        size = os.fstat(self._stderr.fileno()).st_size
        self._stderr.seek(max(self._stderr_start, size - _TAIL_BYTES))
        text = self._stderr.read().decode("utf-8", "replace")
        return "\n".join(text.strip().splitlines()[-_TAIL_LINES:])

    def how_it_ended(self) -> str:
        status = self._process.returncode
        if status is not None and status < 0:
            with contextlib.suppress(ValueError):
                return f"killed by {signal.Signals(-status).name}"
        return f"exit status {status}"

    def abort(self) -> None:
        """Have the child write the stacks of its threads and die."""
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.kill(self._process.pid, signal.SIGABRT)
            self._process.wait(_ABORT_LIMIT_S)
        self.kill()

    def kill(self) -> None:
        """End the child and all that it started, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def end(self) -> None:
        self.kill()
        with contextlib.suppress(BrokenPipeError):
            self._commands.close()
        self._events.close()
        self._stderr.close()

    def _understand(self, event: dict[str, Any]) -> Answer | None:
        match event["event"]:
            case "ready":
                self.ready = tuple(_planned(self.group, described) for described in event["checks"])
                self.inapplicable = tuple(
                    Inapplicable(one["name"], tuple(one["clauses"]), tuple(one["lacks"])) for one in event.get("inapplicable", ())
                )
                self.about = _about(event.get("subject", {}))
            case "failed":
                self.failure = Failure(self.group, event["kind"], event["message"])
            case "progress":
                self.text = event["text"]
            case "result" if self.current is not None and event["check"] == self.current.name:
                check, self.current = self.current, None
                self.answers += 1
                return Answer(
                    check,
                    Verdict(event["verdict"]),
                    event["evidence"],
                    event["witness"],
                    tuple(event["blames"]),
                    event["seconds"],
                    tuple(event.get("cleared", ())),
                    dict(event.get("witnesses", {})),
                )
            case _:
                pass
        return None


class Supervisor:
    """List and run checks in children, at most `jobs` groups beside each other."""

    def __init__(self, request: Request, jobs: int, watcher: Watcher, stopped: Callable[[], bool]) -> None:
        self._request = request
        self._jobs = jobs
        self._watcher = watcher
        self._stopped = stopped
        self._loaded: dict[Group, _Child] = {}
        self._active: list[_Child] = []
        self._pending: dict[Group, deque[Planned]] = {}
        self._waiting: list[Group] = []
        self.inapplicable: list[Inapplicable] = []
        self.about = About()

    def load(self, groups: Iterable[Group]) -> tuple[list[Planned], list[Failure]]:
        """Start a child for each group; give the checks they have, and the groups whose checks could not be listed."""
        self._loaded = {group: _Child(group, self._request) for group in groups}
        while not self._stopped() and any(_is_loading(child) for child in self._loaded.values()):
            self._wait(self._loaded.values())
            for child in self._loaded.values():
                child.hear()
                _give_up_loading(child)
            self._watcher.tick(
                [Running(child.group, "", "", child.seconds()) for child in self._loaded.values() if _is_loading(child)]
            )
        self.inapplicable = [one for child in self._loaded.values() for one in child.inapplicable]
        self.about = next((child.about for child in self._loaded.values() if child.about.title), self.about)
        plan = [check for child in self._loaded.values() for check in child.ready or ()]
        return plan, [child.failure for child in self._loaded.values() if child.failure is not None]

    def run(self, plan: Iterable[Planned]) -> None:
        """Run these checks, which `load` gave; the watcher hears each answer. Return when all have ended, or when stopped.

        May be called again with others, once all have ended.
        """
        self._pending = {}
        for check in plan:
            self._pending.setdefault(check.group, deque()).append(check)
        self._waiting = sorted(self._pending, key=lambda group: group.alone)
        for group in [group for group in self._loaded if group not in self._pending]:
            self._loaded.pop(group).end()
        while not self._stopped():
            self._start_children()
            if not self._active:
                break
            for child in list(self._active):
                self._drive(child)
            self._watcher.tick([_running(child) for child in self._active])
            self._wait(self._active)

    def unfinished(self) -> list[str]:
        """Name the checks that are running now."""
        return [child.current.name for child in self._active if child.current is not None]

    def close(self) -> None:
        """End all children at once."""
        children = [*self._loaded.values(), *self._active]
        for child in children:
            child.kill()
        for child in children:
            child.end()
        self._loaded = {}
        self._active = []

    def _wait(self, children: Collection[_Child]) -> None:
        if not any(child.ended() for child in children):
            select.select([child for child in children if not child.silent], [], [], _TICK_S)

    def _start_children(self) -> None:
        while len(self._active) < self._jobs:
            group = self._next_group()
            if group is None:
                return
            self._active.append(self._loaded.pop(group) if group in self._loaded else _Child(group, self._request))

    def _next_group(self) -> Group | None:
        if any(child.group.alone for child in self._active):
            return None
        if self._waiting and not self._waiting[0].alone:
            return self._waiting.pop(0)
        helped = [child.group for child in self._active if child.group.divisible and len(self._pending[child.group]) > 1]
        if helped:
            return max(helped, key=lambda group: len(self._pending[group]))
        return self._waiting.pop(0) if self._waiting and not self._active else None

    def _drive(self, child: _Child) -> None:
        """Take what a child has said, and tell it what to do next."""
        ended = child.ended()  # before reading: whatever a process said before its end is then heard
        for answer in child.hear():
            self._watcher.answered(answer)
        pending = self._pending[child.group]
        if child.current is not None:
            self._judge_silence(child, child.current, ended)
        elif child.ready is None:
            self._judge_loading(child)
        elif ended and child.answers:
            self._replace(child)
        elif pending:
            child.ask(pending.popleft())
        else:
            self._dismiss(child)

    def _judge_silence(self, child: _Child, check: Planned, ended: bool) -> None:
        """Answer for a child that died in a check, or has had its time."""
        limit_s = check.limit_in(self._request.profile)
        seconds = round(child.seconds(), 3)
        if ended:
            evidence = f"the process of the check ended: {child.how_it_ended()}"
        elif seconds > limit_s:
            evidence = f"no answer within {limit_s:g} s"
            child.abort()
        else:
            return
        self._watcher.answered(Answer(check, Verdict.UNKNOWN, evidence, child.last_words(), (), seconds))
        self._replace(child)

    def _judge_loading(self, child: _Child) -> None:
        """Answer for all that is left of a group whose new child cannot be loaded."""
        _give_up_loading(child)
        if child.failure is not None:
            pending = self._pending[child.group]
            while pending:
                self._watcher.answered(Answer(pending.popleft(), Verdict.UNKNOWN, child.failure.sentence(), child.failure.message))
            self._dismiss(child)

    def _replace(self, child: _Child) -> None:
        self._dismiss(child)
        if self._pending[child.group]:
            self._active.append(_Child(child.group, self._request))

    def _dismiss(self, child: _Child) -> None:
        self._active.remove(child)
        child.end()


def _event(line: bytes) -> dict[str, Any]:
    """Read one event. A line that a check wrote where it should not is none, and costs that check its answer at most."""
    try:
        return {"event": "", **json.loads(line)}
    except (ValueError, TypeError):
        return {"event": ""}


def path_for(request: Request) -> dict[str, str]:
    """Have the child look for the subject in the folders that the request names."""
    if not request.path:
        return {}
    former = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([*request.path, *([former] if former else [])])}


def _about(told: dict[str, Any]) -> About:
    if not told:
        return About()
    expected = {id_: Expected(reason, link, tuple(by)) for id_, (reason, link, by) in told["expected"].items()}
    return About(told["title"], told["version"], tuple(told["capabilities"]), expected, told["native"])


def _is_loading(child: _Child) -> bool:
    return child.ready is None and child.failure is None


def _give_up_loading(child: _Child) -> None:
    """Note why a child that has not told its checks never will."""
    if not _is_loading(child):
        return
    if child.ended():
        child.hear()
        if _is_loading(child):
            child.failure = Failure(child.group, "crash", f"{child.how_it_ended()}\n{child.last_words()}")
    elif child.seconds() > _LOAD_LIMIT_S:
        child.abort()
        child.failure = Failure(child.group, "limit", f"no answer within {_LOAD_LIMIT_S:g} s")


def _running(child: _Child) -> Running:
    return Running(child.group, "" if child.current is None else child.current.name, child.text, child.seconds())


def _planned(group: Group, described: dict[str, Any]) -> Planned:
    quick_s, full_s = described["limit_s"]
    return Planned(
        name=described["name"],
        group=group,
        tool=described["tool"],
        clauses=tuple(described["clauses"]),
        shows=described["shows"],
        shows_not=described["shows_not"],
        limit_s=(float(quick_s), float(full_s)),
        deep=bool(described.get("deep")),
        share=dict(described.get("share", {})),
    )
