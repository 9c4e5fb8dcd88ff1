"""A run as the scheduler knows it: how it ends, and what it was."""

from collections.abc import Callable

from .accesses import Site
from .labels import Label


class Abandoned(BaseException):
    """Unwind a thread of a run that is given up. Never reaches the program's author, unless the subject swallows it."""


class Diverged(RuntimeError):
    """Report that a schedule could not be followed: the program or the subject is not deterministic."""


class WaitsInEarnest(RuntimeError):
    """Report that a thread holds the baton and waits for something that the scheduler does not simulate. Its scheduler is lost."""


class Run:
    """Tell what happened in one schedule.

    steps: the thread that was chosen, at each point. enabled: the threads that could have been (a bit each). stayed: the thread
    that would have gone on by itself, or -1 where it had finished or waited (choosing another is then no preemption). labels: what
    each step touched, if that was asked for; sites: where. deadlock: who waits where, if nobody could go on. limited: it was cut
    short. handed: how often the baton changed hands, to begin and to end with included.
    """

    __slots__ = ("deadlock", "enabled", "errors", "handed", "labels", "limited", "log", "pending", "sites", "stayed", "steps")

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.enabled: list[int] = []
        self.stayed: list[int] = []
        self.labels: list[Label] = []
        self.sites: list[Site | None] = []
        self.pending: list[tuple[Label, ...]] = []
        self.log: list[tuple[int, str, int, str, bool]] = []  # for a replay: thread, file, line, opcode, and was there a choice
        self.deadlock = ""
        self.limited = False
        self.handed = 2
        self.errors: list[BaseException] = []


Policy = Callable[["Run", int, int], int]


def name_of(thread: int) -> str:
    """Name a thread with a letter."""
    return chr(ord("A") + thread)
