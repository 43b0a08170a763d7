"""A webhook: batches of records as JSON, signed as Standard Webhooks 1.0 has it (https://www.standardwebhooks.com).

    webhook-id: ID                         of the first record: the same on every try of this batch, whoever tries
    webhook-timestamp: 1795608000          seconds since the epoch, of this try
    webhook-signature: v1,BASE64           HMAC-SHA256 of "id.timestamp.body"

Who sees an id again has the same records already. 2xx is taken. Tried again is what may pass by itself, or when somebody mends
the settings: 401, 403, 404, 408, 425, 429 and 5xx. All else is final.
"""

from __future__ import annotations

import base64
import gzip
import hmac

from lockgate.stores.sinks.lines import line
from lockgate.stores.sinks.port import Batch
from lockgate.stores.sinks.poster import Place, Poster
from lockgate.transport.exchange import Headers

RETRIED = frozenset((401, 403, 404, 408, 425, 429, *range(500, 600)))


class Webhook:
    """`key` b"": it is not signed."""

    mark = ""

    def __init__(
        self,
        place: Place,
        poster: Poster,
        *,
        key: bytes = b"",
        headers: tuple[tuple[bytes, bytes], ...] = (),
        compressed: bool = False,
    ) -> None:
        self._place = place
        self._poster = poster
        self._key = key
        self._headers = headers
        self._compressed = compressed

    def __repr__(self) -> str:
        return f"Webhook({self._place})"

    def send(self, batch: Batch) -> int:
        """See `Sink`."""
        id = batch.records[0].id
        body = b'{"type":"records","id":"%s","records":[%s]}' % (id.encode(), b",".join(map(line, batch.records)))
        headers: Headers = [(b"content-type", b"application/json"), (b"webhook-id", id.encode()), *self._headers]
        if self._key:
            now_s = int(self._poster.now_s())
            headers += [
                (b"webhook-timestamp", b"%d" % now_s),
                (b"webhook-signature", sign(self._key, id, now_s, body)),
            ]
        if self._compressed:  # what is signed is what a receiver reads
            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers.append((b"content-encoding", b"gzip"))
        self._poster.post(self._place, headers, body, retried=RETRIED)
        return 0

    def close(self) -> None:
        """See `Sink`."""
        self._poster.close()


def sign(key: bytes, id: str, now_s: int, body: bytes) -> bytes:
    """The value of `webhook-signature`."""
    return b"v1," + base64.b64encode(hmac.digest(key, b"%s.%d.%s" % (id.encode(), now_s, body), "sha256"))
