"""Latencies counted in buckets whose width grows with the value, as HdrHistogram does: 1.6 % wide at most."""

from __future__ import annotations

from collections.abc import Iterable

SUB_BITS = 6  # 64 buckets from a power of two to the next
PERCENTILES = (50.0, 90.0, 99.0, 99.9, 99.99, 100.0)


class Histogram:
    """Counts of values in nanoseconds.

    Attributes:
        counts: by bucket.
        total: number of values.
    """

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.total = 0
        self.sum = 0

    def add(self, values: Iterable[int]) -> None:
        """Count values."""
        counts = self.counts
        for value in values:
            shift = value.bit_length() - SUB_BITS - 1
            bucket = ((shift + 1) << SUB_BITS) + (value >> shift) - (1 << SUB_BITS) if shift > 0 else value
            counts[bucket] = counts.get(bucket, 0) + 1
            self.total += 1
            self.sum += value

    def percentile(self, percent: float) -> int:
        """Return the value, in nanoseconds, that so many percent do not exceed; 0 when there are none."""
        wanted, seen = self.total * percent / 100, 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= wanted:
                return upper_end(bucket)
        return 0

    @property
    def mean(self) -> float:
        """In nanoseconds."""
        return self.sum / self.total if self.total else 0.0


def upper_end(bucket: int) -> int:
    """Return the greatest value that a bucket counts."""
    if bucket < 2 << SUB_BITS:
        return bucket
    shift = (bucket >> SUB_BITS) - 1
    return (((bucket & ((1 << SUB_BITS) - 1)) + (1 << SUB_BITS) + 1) << shift) - 1
