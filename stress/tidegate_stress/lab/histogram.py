"""Record durations in constant memory: the buckets of an HdrHistogram, filled by one thread, without allocating.

A bucket's number is two shifts away from the value, so a recording is one addition in an array that was made beforehand. Buckets
below 256 ns are 1 ns wide, above they are at most 1/128 of their value: two significant digits. The arithmetic is Gil Tene's
(HdrHistogram); what is read from a histogram is computed by the library `hdrhistogram` from the same buckets.
"""

import importlib
from array import array
from collections.abc import Iterable
from typing import Any, Final, cast, final

from .case import PERCENTILES, Ladder

DIGITS: Final = 2
SUB_BITS: Final = 8  # 256 buckets for the values below 256, then 128 for each doubling
HIGHEST_NS: Final = 1 << 42  # 73 minutes
LENGTH: Final = (42 - SUB_BITS + 2) << (SUB_BITS - 1)


def bucket_of(value_ns: int) -> int:
    """Give the number of the bucket that holds a value from 0 up to `HIGHEST_NS`."""
    shift = value_ns.bit_length() - SUB_BITS
    return value_ns if shift <= 0 else (shift << (SUB_BITS - 1)) + (value_ns >> shift)


def lowest_of(bucket: int) -> int:
    """Give the lowest value of a bucket."""
    shift = (bucket >> (SUB_BITS - 1)) - 1
    return bucket if shift <= 0 else (bucket - (shift << (SUB_BITS - 1))) << shift


@final
class Histogram:
    """Count durations. One thread records; reading is for when it has ended."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: Final = array("q", bytes(8 * LENGTH))

    def record(self, value_ns: int) -> None:
        """Count one duration; what is below 0 or above `HIGHEST_NS` counts as these."""
        shift = value_ns.bit_length() - SUB_BITS
        if shift > 0:
            if value_ns >= HIGHEST_NS:
                value_ns, shift = HIGHEST_NS - 1, 42 - SUB_BITS
            self.counts[(shift << (SUB_BITS - 1)) + (value_ns >> shift)] += 1
        else:
            self.counts[max(0, value_ns)] += 1


def ladder(histograms: Iterable[Histogram]) -> Ladder | None:
    """Add histograms up, and give their percentiles. None if nothing was recorded."""
    library: Any = importlib.import_module("hdrh.histogram")
    whole = library.HdrHistogram(1, HIGHEST_NS, DIGITS)
    total = 0
    for histogram in histograms:
        for bucket, count in enumerate(histogram.counts):
            if count:
                whole.record_value(lowest_of(bucket), count)
                total += count
    if not total:
        return None
    return Ladder(
        count=total,
        mean_ns=float(whole.get_mean_value()),
        values_ns=tuple(int(whole.get_value_at_percentile(percentile)) for percentile in PERCENTILES),
        max_ns=int(whole.get_max_value()),
        encoded=cast(bytes, whole.encode()).decode("ascii"),
    )
