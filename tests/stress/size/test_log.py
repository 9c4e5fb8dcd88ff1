"""Access logs of every kind are read, lines that are none are counted, and nothing else comes of them."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_specs.extras import UsageError
from tidegate_stress.size.knee import CannotTell
from tidegate_stress.size.log import Entry, opened, read_line, read_log

AT = 1790000000.0  # 21 Sep 2026, 14:13:20 UTC
CLF = "[21/Sep/2026:14:13:20 +0000]"
COMMON = f'10.0.0.1 - ann {CLF} "GET /orders/1 HTTP/1.1" 200 512'
COMBINED = f'{COMMON} "https://example.org/" "Mozilla/5.0 (X11; rt=9.9) 7.5"'

LINES = {
    "common": (COMMON, None, False),
    "combined": (COMBINED, None, False),
    "nginx, $request_time": (f"{COMBINED} 0.123", 0.123, False),
    "nginx, two times": (f"{COMBINED} 0.250 0.120", 0.25, False),
    "nginx, no upstream": (f"{COMBINED} 0.250 -", 0.25, False),
    "nginx, forwarded": (f'{COMBINED} "10.1.1.1" rt=0.250 uct="0.001" urt="0.200"', 0.25, False),
    "nginx, quoted": (f'{COMBINED} request_time="0.250"', 0.25, False),
    "gunicorn, %(D)s": (f"{COMBINED} 123456", 123456, True),
    "gunicorn, %(L)s": (f"{COMBINED} 0.123456", 0.123456, False),
    "gunicorn, named": (f"{COMBINED} D=123456", 0.123456, False),
    "gunicorn, %(M)sms": (f"{COMBINED} 123ms", 0.123, False),
    "microseconds, spelled": (f"{COMBINED} 123us", 0.000123, False),
    "no length": (COMBINED.replace(" 512 ", " - ") + " 0.5", 0.5, False),
    "uvicorn, dated": (
        '2026-09-21 14:13:20,000 INFO:     127.0.0.1:5000 - "GET /orders/1 HTTP/1.1" 200 OK 12.5ms',
        0.0125,
        False,
    ),
    "json, ms": (json.dumps({"time": AT, "status": 200, "path": "/orders/1", "duration_ms": 12}), 0.012, False),
    "json, camel": (
        json.dumps({"timestamp": "2026-09-21T14:13:20Z", "statusCode": 200, "path": "/orders/1", "durationMs": 12}),
        0.012,
        False,
    ),
    "json, nginx": (
        '{"time_iso8601": "2026-09-21T16:13:20+02:00", "status": "200", "request": "GET /orders/1 HTTP/1.1",'
        ' "request_time": "0.012"}',
        0.012,
        False,
    ),
    "json, elastic": (
        '{"@timestamp": "2026-09-21T14:13:20.000Z", "url": {"path": "/orders/1"}, "event": {"duration": 12000000},'
        ' "http": {"response": {"status_code": 200}}}',
        0.012,
        False,
    ),
    "json, epoch ms": (json.dumps({"ts": int(AT * 1000), "status": 200, "path": "/orders/1", "latency": "12ms"}), 0.012, False),
    "json, a bare number": (json.dumps({"ts": AT, "status": 200, "path": "/orders/1", "duration": 12}), 12, True),
}
NO_LINES = [
    "",
    "Traceback (most recent call last):",
    '  File "app.py", line 3, in <module>',
    f'10.0.0.1 - - {CLF} "GET / HTTP/1.1" 20 5',
    "{",
    "{}",
    "[1, 2]",
    '{"status": true, "duration_ms": 1}',
    '{"status": 99999, "duration_ms": 1}',
    '{"status": 1e999}',
    '{"status": NaN}',
    "{" * 5000,
    '{"a":' * 3000,
    '"' * 16_000,
    "\\" * 16_000,
    '"' + '\\"' * 8_000,
    "\x00\x16\x03\x01",
]


@pytest.mark.parametrize("name", LINES)
def test_a_line_of_each_format(name: str) -> None:
    line, took, bare = LINES[name]
    entry = read_line(line)
    assert entry is not None
    assert (entry.status, entry.path, entry.bare) == (200, "/orders/1", bare)
    assert entry.took == (None if took is None else pytest.approx(took))
    assert entry.ended_s == AT


def test_a_line_of_uvicorn_as_it_is_tells_neither_when_nor_how_long() -> None:
    assert read_line('INFO:     127.0.0.1:5000 - "GET / HTTP/1.1" 200 OK') == Entry(None, None, False, 200, "/")


@pytest.mark.parametrize("line", NO_LINES, ids=range(len(NO_LINES)))
def test_a_line_that_is_none_is_counted(line: str) -> None:
    assert read_line(line) is None
    assert read_log("x", [line]).bad == bool(line)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=300))
def test_any_text_is_a_line_or_a_bad_one(text: str) -> None:
    entry = read_line(text)
    assert entry is None or 100 <= entry.status <= 999


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(sorted(LINES)), st.integers(0, 200), st.text(max_size=5)), max_size=20))
def test_lines_that_were_cut_or_overwritten_are_read_or_counted(cuts: list[tuple[str, int, str]]) -> None:
    lines = [LINES[name][0][:at] + put + LINES[name][0][at + len(put) :] for name, at, put in cuts]
    log = read_log("x", lines, unit="us")
    assert log.lines == sum(bool(line.strip()) for line in lines)
    assert log.bad + log.refused + log.failed + log.untimed + len(log.times_s) == log.lines
    assert log.calls.count + log.undated == len(log.times_s)


KEYS = ["status", "time", "duration", "duration_ms", "path", "event", "http", "url", "ts", "x"]
LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5)


@settings(deadline=None, max_examples=50)
@given(st.recursive(LEAVES, lambda inner: st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)))
def test_any_object_is_a_line_or_a_bad_one(value: object) -> None:
    log = read_log("x", [json.dumps(value)], unit="s")
    assert log.lines == 1


def test_what_was_refused_and_what_failed_is_no_sample() -> None:
    lines = [COMBINED.replace(" 200 ", f" {status} ") + " 0.1" for status in (200, 204, 302, 404, 429, 503, 499, 500, 502)]
    log = read_log("x", [*lines, "junk"])
    assert (log.bad, log.refused, log.failed, len(log.times_s)) == (1, 2, 3, 4)
    assert log.told() == "10 lines, 1 bad, 2 refused, 3 failed or given up"


def test_only_requests_of_a_path() -> None:
    lines = [COMBINED + " 0.1", COMBINED.replace("/orders/1", "/healthz") + " 0.1"]
    assert len(read_log("x", lines, "/orders").times_s) == 1
    assert read_log("x", lines, "/orders").elsewhere == 1


def test_whole_numbers_are_read_in_a_unit_that_is_told_or_can_not_be_milliseconds() -> None:
    assert list(read_log("x", [f"{COMBINED} 123456"] * 3).times_s) == pytest.approx([0.123456] * 3)
    for unit, size in (("us", 1e-6), ("ms", 1e-3), ("s", 1.0)):
        assert list(read_log("x", [f"{COMBINED} 345"], unit=unit).times_s) == pytest.approx([345 * size])
    with pytest.raises(CannotTell, match="--unit"):
        read_log("x", [f"{COMBINED} 345"])


def test_within_a_second_that_is_all_the_log_tells_requests_are_spread_in_order() -> None:
    log = read_log("x", [f"{COMBINED} 0.100"] * 4)
    ends = [end - min(log.calls.ends_s) for end in log.calls.ends_s]
    assert ends == pytest.approx([0.0, 0.25, 0.5, 0.75])
    took = [end - begin for begin, end in zip(log.calls.begins_s, log.calls.ends_s, strict=True)]
    assert took == pytest.approx([0.1] * 4)


def test_a_packed_log_and_one_that_was_cut_off(tmp_path: Path) -> None:
    packed = gzip.compress((f"{COMBINED} 0.1\n" * 1000).encode())
    file = tmp_path / "access.log.1.gz"
    file.write_bytes(packed)
    with opened(str(file)) as lines:
        assert read_log("x", lines).lines == 1000
    file.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(UsageError, match="no whole gzip file"), opened(str(file)) as lines:
        read_log("x", lines)
    file.write_bytes(packed[:20] + b"\xff" * 40)
    with pytest.raises(UsageError, match="no whole gzip file"), opened(str(file)) as lines:
        read_log("x", lines)


@pytest.mark.parametrize("content", [b"", b"\x1f", b"\x00" * 100_000, bytes(range(256)) * 300, b"\n" * 1000, b'"' * 100_000])
def test_a_file_of_anything(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    file.write_bytes(content)
    with opened(str(file)) as lines:
        log = read_log("x", lines)
    assert log.bad == log.lines


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for place in (tmp_path / "nosuch", tmp_path):
        with pytest.raises(UsageError, match="cannot read"), opened(str(place)):
            pass
