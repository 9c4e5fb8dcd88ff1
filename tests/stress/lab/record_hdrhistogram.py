"""Write the table of what the library hdrhistogram answers, for `test_histogram.py`. It is the only thing here that needs it.

In an environment with hdrhistogram: python tests/stress/lab/record_hdrhistogram.py > tests/stress/lab/hdrhistogram.json
"""

import importlib
import json
import random
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

SEED = 13
CASES = 120
PERCENTILES = (0.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0)  # among them those of `case.PERCENTILES`
LOWEST, HIGHEST, DIGITS = 1, 1 << 42, 2
EDGES = ([(0, 1)], [(0, 3), (1, 1)], [(255, 1), (256, 1), (257, 1)], [(HIGHEST - 1, 1)], [(1, 1), (HIGHEST - 1, 2)], [(100, 10**9)])

Counted = list[tuple[int, int]]


def inputs() -> Iterator[Counted]:
    """Give durations, each with how often it came: a few chosen, then some of each magnitude, close together or far apart."""
    yield from EDGES
    source = random.Random(SEED)
    for _ in range(CASES - len(EDGES)):
        top = source.randrange(1, 42)
        low = source.randrange(0, top)
        values = [source.randrange(1 << low, 1 << source.randrange(low, top + 1) + 1) for _ in range(source.choice((1, 2, 5, 25)))]
        yield [(min(value, HIGHEST - 1), source.choice((1, 1, 1, 2, 64, 5000, 10**6))) for value in values]


def answers(counted: Counted, library: Any) -> dict[str, object]:
    """Ask the library."""
    whole = library.HdrHistogram(LOWEST, HIGHEST, DIGITS)
    for value, count in counted:
        assert whole.record_value(value, count)
    return {
        "input": counted,
        "mean": whole.get_mean_value(),
        "max": whole.get_max_value(),
        "at": [whole.get_value_at_percentile(percentile) for percentile in PERCENTILES],
        "encoded": whole.encode().decode("ascii"),
    }


def main() -> None:
    """Print the table, a case a line."""
    library: Any = importlib.import_module("hdrh.histogram")
    cases = ",\n".join(json.dumps(answers(counted, library), separators=(",", ":")) for counted in inputs())
    head = json.dumps({"library": f"hdrhistogram {version('hdrhistogram')}", "percentiles": PERCENTILES})
    print(f'{head[:-1]}, "cases": [\n{cases}\n]}}')


if __name__ == "__main__":
    main()
