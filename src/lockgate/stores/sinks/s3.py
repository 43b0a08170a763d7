"""S3: batches as objects of JSON lines, `PREFIX/2026/11/26/09/ID.jsonl.gz`, by the hour and the id of their first record.

A batch that is sent again has the same name and the same content, so each record is there once. Statuses that somebody can mend
(a bucket that is not there yet, a right that is missing) are tried again too: the queue has a bound of its own.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html.
"""

from __future__ import annotations

import gzip
import time

import zstandard

from lockgate.stores.bucket import Bucket
from lockgate.stores.sinks.lines import line
from lockgate.stores.sinks.port import Batch
from lockgate.stores.sinks.poster import Poster

RETRIED = frozenset((400, 401, 403, 404, 408, 409, 429, *range(500, 600)))
_ENDINGS = {"gzip": ("gz", b"application/gzip"), "zstd": ("zst", b"application/zstd")}


class S3Objects:
    """Objects in a bucket, whose names begin with `prefix`."""

    mark = ""

    def __init__(self, bucket: Bucket, poster: Poster, *, prefix: str = "", compression: str = "gzip") -> None:
        self._bucket = bucket
        self._poster = poster
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._ending, self._kind = _ENDINGS[compression]

    def __repr__(self) -> str:
        return f"S3Objects({self._bucket})"

    def send(self, batch: Batch) -> int:
        """See `Sink`."""
        body = self._packed(b"".join(b"%s\n" % line(record) for record in batch.records))
        first = batch.records[0]
        hour = time.strftime("%Y/%m/%d/%H", time.gmtime(first.time_us // 1_000_000))
        name = f"{self._prefix}{hour}/{first.id}.jsonl.{self._ending}"
        told = self._bucket.ask(self._poster, "PUT", name, headers=[(b"content-type", self._kind)], body=body)
        self._poster.check(self._bucket.place, told, RETRIED)
        return 0

    def close(self) -> None:
        """See `Sink`."""
        self._poster.close()

    def _packed(self, data: bytes) -> bytes:
        return gzip.compress(data, mtime=0) if self._ending == "gz" else zstandard.ZstdCompressor(level=6).compress(data)
