"""Record durations in constant memory: the buckets of an HdrHistogram, filled by one thread, without allocating.

A bucket's number is two shifts away from the value, so a recording is one addition in an array that was made beforehand. Buckets
below 256 ns are 1 ns wide, above they are at most 1/128 of their value: two significant digits. The arithmetic is Gil Tene's
(HdrHistogram), and so is the text into which a whole histogram is encoded: what reads its logs or draws them reads this too. What
the library `hdrhistogram` answers for the same durations is recorded beside the tests.
"""

import base64
import struct
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, final

from .case import PERCENTILES, Ladder

DIGITS: Final = 2
SUB_BITS: Final = 8  # 256 buckets for the values below 256, then 128 for each doubling
HIGHEST_NS: Final = 1 << 42  # 73 minutes
LENGTH: Final = (42 - SUB_BITS + 2) << (SUB_BITS - 1)
# HdrHistogram's encoding, version 2: what says so around and inside the compressed part; and the fields after the second, which are
# the length of the counts, an offset that is 0 here, the digits, the lowest and the highest value, and a scale.
_AROUND: Final = (0x1C849314, struct.Struct(">II"))
_INSIDE: Final = (0x1C849313, struct.Struct(">IIIIQQd"))


def bucket_of(value_ns: int) -> int:
    """Give the number of the bucket that holds a value from 0 up to `HIGHEST_NS`."""
    shift = value_ns.bit_length() - SUB_BITS
    return value_ns if shift <= 0 else (shift << (SUB_BITS - 1)) + (value_ns >> shift)


def lowest_of(bucket: int) -> int:
    """Give the lowest value of a bucket."""
    shift = (bucket >> (SUB_BITS - 1)) - 1
    return bucket if shift <= 0 else (bucket - (shift << (SUB_BITS - 1))) << shift


def highest_of(bucket: int) -> int:
    """Give the highest value of a bucket."""
    return lowest_of(bucket + 1) - 1


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
    whole = Histogram()
    for histogram in histograms:
        for bucket, count in _filled(histogram):
            whole.counts[bucket] += count
    filled = list(_filled(whole))
    if not filled:
        return None
    total = sum(count for _, count in filled)
    return Ladder(
        count=total,
        mean_ns=float(sum(count * _middle_of(bucket) for bucket, count in filled)) / total,  # rounded as the library does
        values_ns=values_at(whole, PERCENTILES),
        max_ns=highest_of(filled[-1][0]),
        encoded=encode(whole),
    )


def _filled(histogram: Histogram) -> Iterator[tuple[int, int]]:
    return ((bucket, count) for bucket, count in enumerate(histogram.counts) if count)


def _middle_of(bucket: int) -> int:
    return (lowest_of(bucket) + lowest_of(bucket + 1)) // 2


def values_at(histogram: Histogram, percentiles: Sequence[float]) -> tuple[int, ...]:
    """Give the values, in nanoseconds, at percentiles that rise: of a bucket its highest value, and its lowest at percentile 0."""
    total = sum(histogram.counts)
    filled = _filled(histogram)
    values: list[int] = []
    bucket = seen = 0
    for percentile in percentiles:
        wanted = max(1, int(percentile * total / 100 + 0.5))
        while seen < min(wanted, total):
            bucket, count = next(filled)
            seen += count
        values.append(highest_of(bucket) if percentile else lowest_of(bucket))
    return tuple(values)


def encode(histogram: Histogram) -> str:
    """Give the text that HdrHistogram's tools exchange: base64 of a header and of the compressed counts."""
    counts = b"".join(_number(step) for step in _steps(histogram))
    cookie, fields = _INSIDE
    packed = zlib.compress(fields.pack(cookie, len(counts), 0, DIGITS, 1, HIGHEST_NS, 1.0) + counts)
    cookie, fields = _AROUND
    return base64.b64encode(fields.pack(cookie, len(packed)) + packed).decode("ascii")


def _steps(histogram: Histogram) -> Iterator[int]:
    """Give each bucket's count, up to the last one filled; for empty buckets their number, below 0."""
    after = 0
    for bucket, count in _filled(histogram):
        if bucket > after:
            yield after - bucket
        yield count
        after = bucket + 1


def _number(value: int) -> bytes:
    """Encode a number below 2**55: its sign in the lowest bit, then 7 bits a byte, the lowest first."""
    left = value << 1 if value >= 0 else ~(value << 1)
    found = bytearray()
    while left > 0x7F:
        found.append(left & 0x7F | 0x80)
        left >>= 7
    found.append(left)
    return bytes(found)


def _numbers(encoded: bytes) -> Iterator[int]:
    left = shift = 0
    for byte in encoded:
        left |= (byte & 0x7F) << shift
        shift += 7
        if byte <= 0x7F:
            yield ~(left >> 1) if left & 1 else left >> 1
            left = shift = 0


def decode(text: str) -> Histogram:
    """Read what `encode` wrote. ValueError if it is no histogram, or one with other buckets."""
    try:
        binary = base64.b64decode(text, validate=True)
        around, length = _AROUND[1].unpack_from(binary)
        packed = zlib.decompress(binary[_AROUND[1].size :])
        inside, counts, offset, digits, lowest, highest, _ = _INSIDE[1].unpack_from(packed)
    except (struct.error, zlib.error) as error:
        raise ValueError(f"no encoded histogram: {error}") from error
    if (around, length, inside) != (_AROUND[0], len(binary) - _AROUND[1].size, _INSIDE[0]):
        raise ValueError("no encoded histogram of version 2")
    if (offset, digits, lowest, highest) != (0, DIGITS, 1, HIGHEST_NS):
        raise ValueError("a histogram with other buckets")
    found = Histogram()
    bucket = 0
    for step in _numbers(packed[_INSIDE[1].size :][:counts]):
        if step > 0 and bucket < LENGTH:
            found.counts[bucket] = step
        elif step > 0:
            raise ValueError("a histogram with more buckets")
        bucket += -step if step < 0 else 1
    return found
