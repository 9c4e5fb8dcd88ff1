"""How a run looks while it goes on: sparklines, plain lines for a log, a board for a terminal."""

import io
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tidegate_specs.check import Verdict
from tidegate_stress.lab.case import Case, Finding, Interval, Link, Result
from tidegate_stress.lab.show import ASCII, BLOCKS, LiveWatcher, PlainWatcher, sparkline, watcher_for

CASE = Case("10x", "tidegate", 3.0)
INTERVAL = Interval(1.0, "load", 4800.0, 480.0, 4320.0, 480.0, 480.0, 0.0, 0.0, 64, 127.5, 130.0, 0.5, 24 << 20, 100, 0, 0)
FINDING = Finding(
    "goodput", ("RESPONSIVE-2",), "tidegate", "10x", Verdict.ILLEGAL, 0.5, ">=", 0.95, "of it", "slow\x1b[31m", "tidegate stress"
)
RESULT = Result(CASE, "whole", "", {"goodput_share": 0.5, "peak_depth": 64, "rejected": 12960})
LINK = Link(1, "arrivals above capacity", "?", "12x", "1.0x", True, False)
VALUES = st.lists(st.none() | st.floats(min_value=0, max_value=1e9), max_size=60)


@given(VALUES, st.integers(min_value=1, max_value=40))
def test_a_sparkline_is_as_wide_as_told_and_its_largest_is_full(values: list[float | None], width: int) -> None:
    line = sparkline(values, width)
    assert len(line) == width
    assert set(line) <= set(BLOCKS)
    assert ("█" in line) == any(value for value in values if value is not None)


def test_a_gap_is_blank_and_zero_is_not() -> None:
    assert sparkline([1.0, None, 0.0], 3) == "█ ▁"
    assert sparkline([1.0, None, 0.0], 5) == "  █ ▁"
    assert sparkline([4.0, 1.0], 2, ASCII) == "@:"
    assert sparkline([], 4) == "    "
    assert sparkline([1.0, 8.0], 2, top=16.0) == "▁▄", "two runs side by side share a scale"
    assert sparkline([1.0], 0) == ""


class Clock:
    """Tell the time that a test sets."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_log_has_a_line_for_each_end_and_a_sign_of_life_in_between() -> None:
    stream, clock = io.StringIO(), Clock()
    watcher = PlainWatcher(stream, clock)
    watcher.begun(CASE, 2, 9)
    watcher.interval(CASE, INTERVAL)
    clock.now_s = 9.0
    watcher.interval(CASE, INTERVAL)
    watcher.interval(CASE, replace(INTERVAL, sojourn_ms=None))
    watcher.ended(RESULT, [FINDING])
    watcher.links([LINK])
    watcher.tick()
    watcher.close()
    assert stream.getvalue().splitlines() == [
        "[2/9] tidegate, 10x: 3 s of load",
        "  1 s tidegate, 10x (load): offered 4,800 /s, depth 64 items, sojourn 128 ms, goodput 480 /s, offer 0.5 us, "
        "rejected 4,320 /s, "
        "retries 0 /s, resident 24 MiB",
        "  ILLEGAL  tidegate, 10x: goodput 50.0%, sojourn p99 -, peak depth 64, 12,960 rejected, "
        "ILLEGAL goodput: 0.5 (slow\\x1b[31m)",
        "  1. arrivals above capacity: there held (12x); tidegate broken (1.0x)",
    ]


def board_of(width: int) -> str:
    stream, clock = io.StringIO(), Clock()
    console = Console(file=stream, force_terminal=True, width=width, highlight=False)
    watcher = LiveWatcher(console, clock)
    there = Case("collapse", "queue.Queue unbounded", 24.0)
    here = replace(there, subject="tidegate")
    watcher.begun(there, 1, 2)
    for step in range(50):
        watcher.interval(there, replace(INTERVAL, depth=step * 100))
    watcher.begun(here, 2, 2)
    for _ in range(20):
        watcher.interval(here, INTERVAL)
    watcher.note("a line that stays")
    watcher.ended(RESULT, [FINDING])
    watcher.links([LINK])
    clock.now_s = 1.0
    watcher.tick()
    drawn = io.StringIO()
    Console(file=drawn, width=width).print(watcher.board())
    watcher.close()
    assert "a line that stays" in stream.getvalue()
    assert stream.getvalue().count("\x1b[?25l") == stream.getvalue().count("\x1b[?25h"), "the cursor is shown again"
    return drawn.getvalue()


def test_a_terminal_shows_both_runs_of_a_collapse_side_by_side() -> None:
    lines = board_of(120).splitlines()
    assert all(len(line) <= 120 for line in lines)
    assert "queue.Queue unbounded" in lines[1]
    assert "tidegate" in lines[1]
    assert "4,900 items" in lines[3]
    assert "64 items" in lines[3]


def test_a_narrow_terminal_breaks_nothing() -> None:
    assert all(len(line) <= 40 for line in board_of(40).splitlines())


def test_a_pipe_gets_plain_lines() -> None:
    assert isinstance(watcher_for(io.StringIO()), PlainWatcher)
