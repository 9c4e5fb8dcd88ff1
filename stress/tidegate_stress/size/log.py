"""Read access logs: the common and the combined format and what servers append to them, uvicorn's lines, JSON lines; also gzip.

A line tells when a request ended, how long it took and how it was answered; the log formats of nginx, gunicorn, uvicorn and others
are variants of one: somewhere a time, a request in quotes, its status, and after that figures of which one is how long it took.

    nginx       ... "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time     seconds, 0.123
    gunicorn    ... "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s" %(D)s     microseconds; or %(M)s milliseconds, or %(L)s seconds, 0.123456

A figure without a name is in seconds if it has a decimal point. A whole number may be any unit: `--unit` tells, and without it
those too large to be milliseconds are microseconds. Named figures (rt=0.123, duration_ms: 12) tell theirs. Any line that can't be
read is counted, and nothing else comes of it: a log holds whatever strangers sent.
"""

import gzip
import io
import json
import math
import re
import sys
import zlib
from array import array
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from tidegate_specs.extras import UsageError
from tidegate_specs.progress import progress

from .knee import Calls, CannotTell
from .target import REFUSALS

MOST_LINES: Final = 2_000_000
MOST_BYTES: Final = 16_384  # of a line; what comes after them is another line, and a bad one
LONGEST_S: Final = 86_400.0
UNITS_S: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_SPELLED: Final[dict[str, str]] = {
    **dict.fromkeys(("sec", "secs", "seconds"), "s"),
    **dict.fromkeys(("millis", "msec"), "ms"),
    **dict.fromkeys(("micros", "usec"), "us"),
    "nanos": "ns",
}
NO_MILLISECONDS: Final = 10_000  # and above, in the middle: such a whole number is microseconds
CANCELLED: Final = 499  # nginx: the client had closed the connection

_REQUEST: Final = re.compile(r'([^"]*+)"((?:[^"\\]|\\.)*+)" (\d{3})(?!\d)(.*)', re.DOTALL | re.ASCII)  # in linear time
_CLF_TIME: Final = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})", re.ASCII)
_ISO_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|[+-]\d\d:?\d\d))?", re.ASCII)
_MONTHS: Final = {name: number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
_QUOTED: Final = re.compile(r'(?<![=:\w])"(?:[^"\\]|\\.)*+"')
_UNQUOTED: Final = re.compile(r"\S+")
_FIGURE: Final = re.compile(r"(\d{1,18}(?:\.\d{1,18})?)(s|ms|us|\u00b5s|\u03bcs|ns)?", re.ASCII)
_NAME: Final = r"(?:request|response|process|upstream_response)_time|req_time|rt|duration|elapsed|latency|took|time_taken|[DMLT]"
_UNIT: Final = r"(?:_(ns|us|ms|s|sec|secs|seconds|millis|msec|micros|usec|nanos))?"
_NAMED: Final = re.compile(rf"(?<![\w.])({_NAME}){_UNIT}[=:]\s?\"?{_FIGURE.pattern}", re.ASCII)
_KEY: Final = re.compile(rf"({_NAME}){_UNIT}", re.ASCII)
_OF_LETTER: Final = {"D": "us", "M": "ms", "L": "s", "T": "s"}  # as gunicorn names them
_STATUS_KEYS: Final = ("status", "status_code", "http_status", "http_status_code")
_TIME_KEYS: Final = ("@timestamp", "timestamp", "time", "ts", "time_iso8601", "time_local", "asctime", "datetime", "date", "msec")
_PATH_KEYS: Final = ("path", "uri", "request_uri", "url", "request")


@dataclass(frozen=True, slots=True)
class Entry:
    """Give what a line tells. ended_s: since the epoch. took: a figure, in seconds unless `bare`: a whole number without a unit."""

    ended_s: float | None
    took: float | None
    bare: bool
    status: int
    path: str


@dataclass(slots=True)
class Log:
    """Give what a log tells. calls: of the requests that were served and have a time and a date. Counts are of lines.

    times_s: how long requests took that were served, dated or not. unit: in which whole numbers were read, if there were any.
    """

    name: str
    lines: int = 0
    bad: int = 0
    elsewhere: int = 0
    refused: int = 0
    failed: int = 0
    untimed: int = 0
    undated: int = 0
    unit: str = ""
    cut: str = ""
    times_s: "array[float]" = field(default_factory=lambda: array("d"))
    calls: Calls = field(default_factory=lambda: Calls((), ()))

    @property
    def requests(self) -> int:
        """Lines that are requests, of the part of the service that was asked for."""
        return self.lines - self.bad - self.elsewhere

    def told(self) -> str:
        """Say in a line what was read."""
        counts = {
            "bad": self.bad,
            "of other paths": self.elsewhere,
            "refused": self.refused,
            "failed or given up": self.failed,
            "without a request time": self.untimed,
            "without a date": self.undated,
        }
        parts = [f"{self.lines:,} lines", *(f"{count:,} {name}" for name, count in counts.items() if count)]
        parts += [f"whole numbers read as {self.unit}"] if self.unit else []
        return ", ".join([*parts, self.cut] if self.cut else parts)


def read_line(line: str) -> Entry | None:
    """Read one line of any of the formats. None: it is no request."""
    text = line.strip()
    if text.startswith("{"):
        return _read_json(text)
    found = _REQUEST.match(text)
    if found is None:
        return None
    before, request, status, rest = found.groups()
    words = request.split(" ")
    took, bare = _took_in(rest)
    return Entry(_time_in(before), took, bare, int(status), words[1] if len(words) > 1 else "")


def _took_in(rest: str) -> tuple[float | None, bool]:
    """Find how long it took in what follows the status. What is in quotes came from the client, unless a name stands before it."""
    tokens = _UNQUOTED.findall(_QUOTED.sub(" ", rest))
    if named := _NAMED.search(" ".join(tokens)):
        name, unit, figure, suffix = named.groups()
        return _in_seconds(figure, suffix or unit or _OF_LETTER.get(name, ""))
    if tokens and not tokens[0][:1].isalpha():
        del tokens[0]  # the length of the answer; where a reason stands instead ("200 OK") there is none
    figures = (_FIGURE.fullmatch(token) for token in tokens)
    found = next((figure for figure in figures if figure), None)
    return _in_seconds(found[1], found[2]) if found else (None, False)


def _in_seconds(figure: str, unit: str | None) -> tuple[float | None, bool]:
    """Read a figure. One that has neither a unit nor a decimal point is given as it is, and told to be bare."""
    unit = (unit or "").replace("\u00b5", "u").replace("\u03bc", "u")
    unit = _SPELLED.get(unit, unit)
    value = float(figure)
    if not unit and "." not in figure:
        return value, True
    return (value * UNITS_S[unit or "s"] if math.isfinite(value) else None), False


def _time_in(text: str) -> float | None:
    if found := _CLF_TIME.search(text):
        return _clf_time(found[0])
    if found := _ISO_TIME.search(text):
        return _iso_time(found[0])
    return None


@lru_cache(maxsize=4096)  # many lines have the same second
def _clf_time(text: str) -> float | None:
    found = _CLF_TIME.fullmatch(text)
    if found is None or found[2] not in _MONTHS:
        return None
    day, _, year, hour, minute, second, zone = found.groups()
    shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:])) * (-1 if zone[0] == "-" else 1)
    date = int(year), _MONTHS[found[2]], int(day), int(hour), int(minute), min(59, int(second))
    try:
        return datetime(*date, tzinfo=timezone(shift)).timestamp()
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=4096)
def _iso_time(text: str) -> float | None:
    try:
        found = datetime.fromisoformat(text.replace(",", ".").replace(" +", "+").replace(" -", "-").replace(" Z", "Z"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _read_json(text: str) -> Entry | None:
    try:
        read: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(read, dict):
        return None
    flat = dict(_flat(cast("dict[str, Any]", read)))
    status = _first(flat, _STATUS_KEYS)
    if isinstance(status, str) and status.isascii() and status.isdecimal() and len(status) == 3:
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 599:
        return None
    took, bare = _took_of(flat)
    path = _first(flat, _PATH_KEYS)
    words = path.split(" ") if isinstance(path, str) else [""]
    return Entry(_time_of(_first(flat, _TIME_KEYS)), took, bare, status, words[1] if len(words) > 2 else words[0])


def _flat(read: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Give what an object of JSON holds, also two levels below, by the last part of its name; what is higher up comes later."""
    for name, value in read.items():
        if isinstance(value, dict) and depth < 2:
            below = dict(_flat(cast("dict[str, Any]", value), depth + 1))
            if name == "event" and "duration" in below:  # of the Elastic Common Schema
                below["duration_ns"] = below.pop("duration")
            yield from below.items()
    for name, value in read.items():
        if not isinstance(value, dict):
            last = "duration_ns" if name == "event.duration" else name.rpartition(".")[2]
            yield re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), last), value


def _first(flat: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((flat[name] for name in names if name in flat), None)


def _took_of(flat: Mapping[str, Any]) -> tuple[float | None, bool]:
    for name, value in flat.items():
        key = _KEY.fullmatch(name)
        if key is None or isinstance(value, bool) or not isinstance(value, (int, float, str)):
            continue
        found = _FIGURE.fullmatch(value if isinstance(value, str) else format(value, ".9f" if isinstance(value, float) else "d"))
        if found:
            return _in_seconds(found[1], found[2] or key[2] or _OF_LETTER.get(key[1], ""))
    return None, False


def _time_of(value: Any) -> float | None:
    if isinstance(value, str):
        figure = re.fullmatch(r"\d{9,10}(?:\.\d{1,9})?", value, re.ASCII)
        return float(value) if figure else _time_in(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e20:
        return None
    return next((value / size for size in (1.0, 1e3, 1e6, 1e9) if value / size < 1e11), None)


def read_log(name: str, lines: Iterable[str], path: str = "", unit: str = "") -> Log:
    """Read a log, line by line. path: only of requests whose path begins so. unit: of whole numbers without one.

    Raises CannotTell where they have no unit that can be told.
    """
    log, ended_s, took, bares = Log(name), array("d"), array("d"), bytearray()
    for line in lines:
        if not line.strip():
            continue
        log.lines += 1
        if log.lines % 4096 == 0:
            progress(f"{log.lines:,} lines read")
        entry = read_line(line)
        if entry is None:
            log.bad += 1
        elif _counted(log, entry, path):
            ended_s.append(math.nan if entry.ended_s is None else entry.ended_s)
            took.append(cast(float, entry.took))
            bares.append(entry.bare)
        if log.lines >= MOST_LINES:
            log.cut = f"read no further than {MOST_LINES:,} lines"
            break
    _scale(log, took, bares, unit)
    _with_calls(log, ended_s, took)
    return log


def _counted(log: Log, entry: Entry, path: str) -> bool:
    """Count a line; tell whether it is a sample: served, and with its time."""
    if not entry.path.startswith(path):
        log.elsewhere += 1
    elif entry.status in REFUSALS:
        log.refused += 1
    elif entry.status >= CANCELLED or entry.status < 200:
        log.failed += 1
    elif entry.took is None or not (entry.bare or entry.took <= LONGEST_S):
        log.untimed += 1
    else:
        return True
    return False


def _scale(log: Log, took: "array[float]", bares: bytearray, unit: str) -> None:
    """Bring whole numbers without a unit to seconds."""
    whole = sorted(each for each, bare in zip(took, bares, strict=True) if bare)
    if not whole:
        return
    if not unit and whole[len(whole) // 2] < NO_MILLISECONDS:
        like = whole[len(whole) // 2]
        raise CannotTell(f"the request times of {log.name} are whole numbers like {like:.0f}: say with --unit of what")
    log.unit = unit or "us"
    for place, bare in enumerate(bares):
        if bare:
            took[place] *= UNITS_S[log.unit]


def _with_calls(log: Log, ended_s: "array[float]", took: "array[float]") -> None:
    """Spread requests evenly over a second where the log has whole seconds, in its order."""
    log.times_s = array("d", sorted(took))
    dated = [(end, each) for end, each in zip(ended_s, took, strict=True) if not math.isnan(end) and each <= LONGEST_S]
    log.undated = len(took) - len(dated)
    if not dated:
        return
    start = min(end for end, _ in dated) - LONGEST_S  # small numbers are exact
    ends = [end - start for end, _ in dated]
    if all(end.is_integer() for end, _ in dated):
        of, seen = Counter(ends), Counter[float]()
        for place, end in enumerate(ends):
            ends[place] = end + (seen[end] + 0.5) / of[end]
            seen[end] += 1
    log.calls = Calls(array("d", (end - each for end, (_, each) in zip(ends, dated, strict=True))), array("d", ends))


@contextmanager
def opened(name: str) -> Generator[Iterator[str], None, None]:
    """Give the lines of a file, `-` being stdin, gzip or not. Raises UsageError if it can't be read, also half-way."""
    try:
        with sys.stdin.buffer if name == "-" else Path(name).open("rb") as file:
            raw = io.BufferedReader(cast(Any, file)) if not hasattr(file, "peek") else cast(Any, file)
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            yield _lines(name, cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if packed else raw)
    except OSError as error:
        raise UsageError(f"--log: cannot read {name}: {error.strerror or error}") from None


def _lines(name: str, file: BinaryIO) -> Iterator[str]:
    try:
        while line := file.readline(MOST_BYTES):
            yield line.decode("utf-8", "replace")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(f"--log: {name} is no whole gzip file: {error}") from None
