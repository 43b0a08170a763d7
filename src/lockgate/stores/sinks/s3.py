"""S3: batches as objects of JSON lines, `PREFIX/2026/11/26/09/ID.jsonl.gz`, by the hour and the id of their first record.

A batch that is sent again has the same name and the same content, so each record is there once. Statuses that somebody can mend
(a bucket that is not there yet, a right that is missing) are tried again too: the queue has a bound of its own.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html.
"""

from __future__ import annotations

import gzip
import time
from hashlib import sha256

import zstandard

from lockgate.providers.auth.port import AnySigner
from lockgate.providers.auth.sigv4 import Keys, signature_headers
from lockgate.stores.sinks.lines import line
from lockgate.stores.sinks.port import Batch
from lockgate.stores.sinks.poster import Place, Poster
from lockgate.transport.exchange import Headers, Outgoing

RETRIED = frozenset((400, 401, 403, 404, 408, 409, 429, *range(500, 600)))
_ENDINGS = {"gzip": ("gz", b"application/gzip"), "zstd": ("zst", b"application/zstd")}


class S3Objects:
    """`place` is the bucket's address, its target the path that object names are put behind. `signer` knows whose keys sign."""

    mark = ""

    def __init__(
        self, place: Place, poster: Poster, signer: AnySigner, region: str, *, prefix: str = "", compression: str = "gzip"
    ) -> None:
        self._place = place
        self._poster = poster
        self._signer = signer
        self._region = region
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._ending, self._kind = _ENDINGS[compression]

    def __repr__(self) -> str:
        return f"S3Objects({self._place})"

    def send(self, batch: Batch) -> int:
        """See `Sink`."""
        body = self._packed(b"".join(b"%s\n" % line(record) for record in batch.records))
        first = batch.records[0]
        hour = time.strftime("%Y/%m/%d/%H", time.gmtime(first.time_us // 1_000_000))
        target = self._place.target + f"{self._prefix}{hour}/{first.id}.jsonl.{self._ending}".encode()
        headers: Headers = [(b"content-type", self._kind)]
        keys = self._poster.issued(self._signer.source)
        assert isinstance(keys, Keys)
        message = Outgoing("PUT", target, headers, body)
        signed = signature_headers(
            keys,
            message,
            self._place.destination.host_header,
            self._poster.now_s(),
            region=self._region,
            service="s3",
            payload=sha256(body).hexdigest(),
        )
        self._poster.taken(self._place, Outgoing("PUT", target, [*headers, *signed], body), RETRIED)
        return 0

    def close(self) -> None:
        """See `Sink`."""
        self._poster.close()

    def _packed(self, data: bytes) -> bytes:
        return gzip.compress(data, mtime=0) if self._ending == "gz" else zstandard.ZstdCompressor(level=6).compress(data)
