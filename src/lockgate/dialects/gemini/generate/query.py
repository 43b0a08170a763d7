"""What Google's system parameters say of a stream. Source: https://cloud.google.com/apis/docs/system-parameters."""

from __future__ import annotations


def array_asked(query: bytes) -> bool:
    """Whether the chunks are wanted as one JSON array, which is what a caller gets who does not ask for `alt=sse`."""
    return not any(pair in (b"alt=sse", b"$alt=sse", b"%24alt=sse") for pair in query.split(b"&"))
