"""The histogram is an HdrHistogram, to the bucket and to the answer, and recording into it leaves nothing behind."""

import base64
import json
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_stress.lab.case import PERCENTILES
from tidegate_stress.lab.histogram import HIGHEST_NS, LENGTH, Histogram, bucket_of, decode, encode, ladder, lowest_of, values_at

TABLE: dict[str, Any] = json.loads(Path(__file__).with_name("hdrhistogram.json").read_text(encoding="utf-8"))
DURATIONS = st.integers(min_value=1, max_value=HIGHEST_NS - 1)
HEADER = 8  # bytes before the compressed part


def recorded(counted: list[tuple[int, int]]) -> Histogram:
    """Record durations, each as often as it came."""
    histogram = Histogram()
    for value, count in counted:
        histogram.record(value)
        histogram.counts[bucket_of(value)] += count - 1
    return histogram


def unpacked(encoded: str) -> bytes:
    """Give what was compressed: the compressed bytes themselves depend on the build of zlib."""
    return zlib.decompress(base64.b64decode(encoded)[HEADER:])


@given(DURATIONS)
def test_a_value_lies_in_its_bucket(value: int) -> None:
    bucket = bucket_of(value)
    assert 0 <= bucket < LENGTH
    assert lowest_of(bucket) <= value < lowest_of(bucket + 1)
    assert lowest_of(bucket + 1) - lowest_of(bucket) <= max(1, value / 100), "two significant digits"


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: f"{len(case['input'])} up to {case['max']}")
def test_answers_are_those_of_the_library(case: dict[str, Any]) -> None:
    histogram = recorded(case["input"])
    found = ladder([histogram])
    assert found is not None
    assert found.count == sum(count for _, count in case["input"])
    assert found.mean_ns == case["mean"]
    assert found.max_ns == case["max"]
    assert values_at(histogram, TABLE["percentiles"]) == tuple(case["at"])
    assert found.values_ns == tuple(case["at"][TABLE["percentiles"].index(percentile)] for percentile in PERCENTILES)
    assert unpacked(found.encoded) == unpacked(case["encoded"])
    assert base64.b64decode(found.encoded)[:4] == base64.b64decode(case["encoded"])[:4]
    assert decode(case["encoded"]).counts == histogram.counts


def test_the_table_has_something_to_say() -> None:
    assert len(TABLE["cases"]) > 100
    lengths = {len(case["input"]) for case in TABLE["cases"]}
    assert {1, 2, 5, 25} <= lengths
    planted = recorded(TABLE["cases"][-1]["input"])
    planted.record(HIGHEST_NS - 1)
    assert decode(TABLE["cases"][-1]["encoded"]).counts != planted.counts


@given(st.lists(st.lists(st.tuples(DURATIONS, st.integers(1, 10**12)), max_size=20), min_size=1, max_size=3))
def test_what_is_encoded_can_be_read_again(parts: list[list[tuple[int, int]]]) -> None:
    histograms = [recorded(part) for part in parts]
    whole = recorded([counted for part in parts for counted in part])
    assert decode(encode(whole)).counts == whole.counts
    found = ladder(histograms)
    if found is not None:
        assert decode(found.encoded).counts == whole.counts


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ("", "no encoded histogram"),
        ("not base64", "base64|padding|characters"),
        (base64.b64encode(b"x" * 60).decode(), "no encoded histogram"),
        (base64.b64encode(base64.b64decode(TABLE["cases"][0]["encoded"])[:-1]).decode(), "no encoded histogram"),
        (f"AAAA{TABLE['cases'][0]['encoded'][4:]}", "version 2"),
    ],
)
def test_planted_text_is_refused(planted: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        decode(planted)


def repacked(change: Callable[[bytearray], object]) -> str:
    """Encode one duration, with a change in what is compressed."""
    inside = bytearray(unpacked(encode(recorded([(1000, 1)]))))
    change(inside)
    packed = zlib.compress(bytes(inside))
    return base64.b64encode(b"\x1c\x84\x93\x14" + len(packed).to_bytes(4, "big") + packed).decode()


def test_a_histogram_with_other_buckets_is_refused() -> None:
    assert sum(decode(repacked(lambda _: None)).counts) == 1

    def three_digits(inside: bytearray) -> None:
        inside[15] = 3

    def one_more(inside: bytearray) -> None:
        counts = b"\xff\xff\xff\x07\x02"  # many empty buckets, then one that is filled
        inside[4:8] = len(counts).to_bytes(4, "big")
        inside[40:] = counts

    for change in (three_digits, one_more):
        with pytest.raises(ValueError, match="buckets"):
            decode(repacked(change))


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
