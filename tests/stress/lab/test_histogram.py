"""The histogram is an HdrHistogram, to the bucket, and recording into it leaves nothing behind."""

import importlib
import sys
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tidegate_stress.lab.case import PERCENTILES
from tidegate_stress.lab.histogram import DIGITS, HIGHEST_NS, LENGTH, Histogram, bucket_of, ladder, lowest_of

LIBRARY: Any = importlib.import_module("hdrh.histogram")
DURATIONS = st.integers(min_value=1, max_value=HIGHEST_NS - 1)


@given(DURATIONS)
def test_a_value_lies_in_its_bucket(value: int) -> None:
    bucket = bucket_of(value)
    assert 0 <= bucket < LENGTH
    assert lowest_of(bucket) <= value < lowest_of(bucket + 1)
    assert lowest_of(bucket + 1) - lowest_of(bucket) <= max(1, value / 100), "two significant digits"


@given(st.lists(DURATIONS, min_size=1, max_size=50))
def test_percentiles_are_those_of_the_library(values: list[int]) -> None:
    ours, theirs = Histogram(), LIBRARY.HdrHistogram(1, HIGHEST_NS, DIGITS)
    for value in values:
        ours.record(value)
        theirs.record_value(value)
    found = ladder([ours])
    assert found is not None
    assert found.count == len(values)
    assert found.values_ns == tuple(theirs.get_value_at_percentile(percentile) for percentile in PERCENTILES)
    assert found.max_ns == theirs.get_max_value()


def test_what_is_encoded_can_be_read_again() -> None:
    histogram = Histogram()
    for value in (10, 1000, 1000, 10**9):
        histogram.record(value)
    found = ladder([histogram, histogram])
    assert found is not None
    read = LIBRARY.HdrHistogram.decode(found.encoded)
    assert read.get_total_count() == found.count == 8
    assert read.get_value_at_percentile(99.9) == found.at(99.9)


def test_what_is_out_of_range_counts_at_the_ends() -> None:
    histogram = Histogram()
    histogram.record(-5)
    histogram.record(HIGHEST_NS * 4)
    assert histogram.counts[0] == 1
    assert histogram.counts[bucket_of(HIGHEST_NS - 1)] == 1


def test_nothing_recorded_is_no_ladder() -> None:
    assert ladder([Histogram()]) is None


def blocks_left(record: Callable[[int], None], times: int) -> int:
    record(123_456)
    before = sys.getallocatedblocks()
    for _ in range(times):
        record(123_456)
    return sys.getallocatedblocks() - before


def test_recording_leaves_no_block_and_a_list_would() -> None:
    assert blocks_left(Histogram().record, 10_000) < 10
    planted: list[object] = []

    def keep(value: int) -> None:
        planted.append(float(value))

    assert blocks_left(keep, 10_000) > 5_000
