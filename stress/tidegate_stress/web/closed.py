"""Closed loops of other load generators, wrk and hey."""

import csv
import io
import re
import subprocess
from dataclasses import replace
from typing import Any, Literal

from .case import (
    DEADLINE_S,
    ClosedResult,
    ServerName,
)

# The other generators.


def closed_command(tool: Literal["wrk", "hey"], port: int, connections: int, seconds: float) -> list[str]:
    """Give the command line of another generator."""
    url = f"http://127.0.0.1:{port}/serve"
    if tool == "wrk":
        return ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "20s", url]
    return ["hey", "-c", str(connections), "-z", f"{seconds:g}s", "-t", "20", "-o", "csv", url]


def read_wrk(text: str) -> dict[str, Any]:
    """Read what wrk printed. ValueError if it is not what it prints."""

    def number(pattern: str) -> float:
        found = re.search(pattern, text)
        return float(found[1]) if found else 0.0

    requests = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", text)
    if requests is None:
        raise ValueError("wrk did not tell its requests")
    seconds = float(requests[2]) * {"ms": 1e-3, "s": 1.0, "m": 60.0}[requests[3]]
    rejected = number(r"Non-2xx or 3xx responses: (\d+)")
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    return {
        "served_per_s": (float(requests[1]) - rejected) / seconds,
        "rejected_per_s": rejected / seconds,
        "errors": sum(map(int, errors.groups())) if errors else 0,
    }


def read_hey(text: str, seconds: float) -> dict[str, Any]:
    """Read the lines of `hey -o csv`. ValueError if they are none."""
    rows = list(csv.DictReader(io.StringIO(text)))
    if not rows:
        raise ValueError("hey told of no request")
    if not {"response-time", "status-code", "offset"} <= set(rows[0]):
        raise ValueError("hey gave other columns")
    served = sorted(float(row["response-time"]) for row in rows if row["status-code"] == "200")
    seconds = max(seconds, *(float(row["offset"]) + float(row["response-time"]) for row in rows))  # it waits for its last answers
    figures: dict[str, Any] = {
        "served_per_s": len(served) / seconds,
        "rejected_per_s": sum(row["status-code"] == "503" for row in rows) / seconds,
        "in_time_per_s": sum(took_s <= DEADLINE_S for took_s in served) / seconds,
        "errors": sum(row["status-code"] not in {"200", "503"} for row in rows),
    }
    if served:
        figures |= {f"p{percent}_s": served[min(len(served) - 1, len(served) * percent // 100)] for percent in (50, 99)}
    return figures


def run_closed(
    tool: Literal["wrk", "hey"], server: ServerName, guarded: bool, port: int, connections: int, seconds: float
) -> ClosedResult:
    """Have another generator make its load."""
    result = ClosedResult(tool, server, guarded, connections, seconds, 0.0, 0.0)
    try:
        done = subprocess.run(
            closed_command(tool, port, connections, seconds), capture_output=True, text=True, timeout=seconds + 30, check=True
        )
        figures = read_wrk(done.stdout) if tool == "wrk" else read_hey(done.stdout, seconds)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return replace(result, problem=str(error))
    return replace(result, **figures)
