"""What callers say about their requests: the metadata header, as Portkey's users know it."""

from __future__ import annotations

from lockgate.core.call import Call, Metadata
from lockgate.core.failure import Refusal
from lockgate.core.json import encode, readable


def read_metadata(call: Call) -> Metadata:
    """The caller's metadata: an object of strings of at most 128 characters, as Portkey's users know it."""
    said = (call.headers.get(b"x-lockgate-metadata") or call.headers.get(b"x-portkey-metadata")) if call.steered else None
    if not said:
        return {}
    metadata = readable(said, Metadata, "metadata")
    if len(metadata) > 64:
        raise Refusal(400, "invalid_metadata", "The metadata header may hold at most 64 members.", param="metadata")
    for name, value in metadata.items():
        if len(name) > 128 or len(as_text(value)) > 128:
            raise Refusal(
                400,
                "invalid_metadata",
                "A name or value in the metadata header is longer than 128 characters.",
                param="metadata",
            )
    return metadata


def as_text(value: str | float | bool | None) -> str:
    """A member of the metadata as a record keeps it: texts as they are, all else as JSON spells it."""
    return value if isinstance(value, str) else encode(value).decode()
