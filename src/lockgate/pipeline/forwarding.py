"""Headers of the caller that go along to the provider, because the caller or the route names them."""

from __future__ import annotations

from lockgate.core.call import Call
from lockgate.core.failure import Refusal
from lockgate.dialects.conventions import SIGNED
from lockgate.pipeline.keys import OWN, SHARED
from lockgate.providers.auth.static import SCHEMES
from lockgate.wire.hygiene import HOP_BY_HOP, PERSONAL

#: Headers that may not pass even when they are named: they would carry a key, or belong to one connection.
_NEVER = HOP_BY_HOP | PERSONAL | {*OWN, *SHARED} | {header.encode() for header, _ in SCHEMES.values()}
_OURS = (b"x-lockgate-", b"x-portkey-")


def forwardable(name: bytes) -> bool:
    """Whether a header (in lower case) may go along."""
    return bool(name) and name not in _NEVER and not name.startswith((*_OURS, *SIGNED))


def named_headers(call: Call) -> tuple[bytes, ...]:
    """Those that the caller names in forward-headers. Raises `Refusal` 400 for one that may not pass."""
    said = call.header("forward-headers")
    if not said:
        return ()
    named = tuple(name.strip().lower().encode("latin-1") for name in said.split(",") if name.strip())
    for name in named:
        if not forwardable(name):
            raise Refusal(
                400,
                "invalid_header",
                f"forward-headers may not name '{name.decode('latin-1')}': it belongs to one connection, or carries a key.",
                param="forward-headers",
            )
    return named
