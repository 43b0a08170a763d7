"""Signatures of reasoning that travel through another dialect: wrapped on the way out, unwrapped on the way back.

A model checks the signature of its own reasoning when it gets it back. When the caller speaks another dialect, the
signature rides in that dialect's place for one, with the name of its writer, so that it can be given back unchanged.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

_MARK = "lockgate:"
_MARK_BYTES = _MARK.encode()


def carries(body: bytes) -> bool:
    """Whether a body may hold a signature that rides in it as a guest: its host's own model would reject it."""
    return _MARK_BYTES in body


def wrap(signature: str, dialect: str, item: str = "") -> str:
    """A signature (and the id of the item it signs) of `dialect`, to be carried in another dialect's signature member."""
    return f"{_MARK}{dialect}:{quote(item, safe='/ ')}:{signature}"


def unwrap(carried: str, own: str) -> tuple[str, str, str]:
    """(signature, dialect that wrote it, item id) of a carried signature; one without our mark is the `own` dialect's."""
    pieces = carried.split(":", 3) if carried.startswith(_MARK) else []
    if len(pieces) != 4:
        return carried, own, ""
    _, dialect, item, signature = pieces
    return signature, dialect, unquote(item)
