"""`CachedAnswer`: a provider's answer that is kept to be given again."""

from __future__ import annotations

import msgspec


class CachedAnswer(msgspec.Struct, array_like=True):
    """An answer as its provider gave it, and whose it is. Times are µs since the epoch.

    `id` is the request that it was the answer of; `body` what came, whole, of a stream too; `headers` those that travel to
    callers.
    """

    id: str
    time_us: int
    expires_us: int
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    organisation: str = ""
    workspace: str = ""
    namespace: str = ""
    provider: str = ""  # slug
    model: str = ""  # as it was sent
    latency_us: int = 0  # what the request took whose answer it is

    def __repr__(self) -> str:
        return f"CachedAnswer({self.id}, {self.model}, {len(self.body)} bytes)"
