"""`Sketch`: a distribution in a few bytes that can be merged, for percentiles over any stretch of time.

Counts in buckets whose borders grow by a constant factor, so that every quantile is right to 2% of its value (DDSketch,
https://arxiv.org/abs/1908.10693). Percentiles cannot be averaged; sketches can be added.
"""

from __future__ import annotations

import math

import msgspec

#: The relative error of a quantile.
ERROR = 0.02
_LOG_GROWTH = math.log((1 + ERROR) / (1 - ERROR))
_decode = msgspec.msgpack.Decoder(dict[int, int]).decode


def bucket_of(value: float) -> int:
    """The bucket that a value falls into."""
    return math.ceil(math.log(value) / _LOG_GROWTH) if value > 1 else 0


class Sketch:
    """Counts by bucket; bucket 0 holds everything up to one."""

    __slots__ = ("buckets",)

    def __init__(self, buckets: dict[int, int] | None = None) -> None:
        self.buckets = {} if buckets is None else buckets

    def __repr__(self) -> str:
        return f"Sketch({self.count} values, median {self.quantile(0.5):.0f})" if self.buckets else "Sketch(empty)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sketch) and self.buckets == other.buckets

    __hash__ = None  # type: ignore[assignment]

    @property
    def count(self) -> int:
        """How many values it has seen."""
        return sum(self.buckets.values())

    def add(self, value: float) -> None:
        """Count one value."""
        bucket = bucket_of(value)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def merge(self, other: Sketch) -> None:
        """Count all that the other one has counted."""
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count

    def merge_packed(self, packed: bytes) -> None:
        """The same of one that is packed. Raises `msgspec.DecodeError`."""
        buckets = self.buckets
        seen = buckets.get
        for bucket, count in _decode(packed).items():
            buckets[bucket] = seen(bucket, 0) + count

    def quantile(self, share: float) -> float:
        """The value that `share` (0 to 1) of all values do not pass; 0 when there are none."""
        rank = share * (self.count - 1)
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen > rank:
                # The middle of the bucket, in the sense that its borders are equally far in proportion.
                return 2 * math.exp(_LOG_GROWTH * bucket) / (math.exp(_LOG_GROWTH) + 1) if bucket else 1.0
        return 0.0

    def pack(self) -> bytes:
        """The sketch as bytes: some two a bucket."""
        return msgspec.msgpack.encode(self.buckets)

    @classmethod
    def unpack(cls, data: bytes) -> Sketch:
        """The sketch in `data`. Raises `msgspec.DecodeError`."""
        return cls(_decode(data))


def merged(one: bytes, other: bytes) -> bytes:
    """Two packed sketches as one, for a database to call."""
    sketch = Sketch.unpack(one)
    sketch.merge_packed(other)
    return sketch.pack()
