"""Who asks: the gateway key of a request, or the signed token in its place, made into a `Principal`; and the provider's key
that may come beside it."""

from __future__ import annotations

import hmac
from hashlib import sha256

from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.pipeline.keys import OWN, SHARED, keys_of
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.target import MEMO

_OTHERS = (*OWN, *(name for name in SHARED if name != b"authorization"))

_HOW = (
    "Send a gateway key as 'Authorization: Bearer …' (or x-api-key, api-key, x-goog-api-key, x-lockgate-api-key). "
    "`lockgate keys create` makes one."
)


def digest(pepper: bytes, hashed: bytes) -> bytes:
    """What a key is known by: HMAC-SHA256, under the house's pepper, of its SHA-256 (which a configuration may hold)."""
    return hmac.digest(pepper, hashed, "sha256")


def admit(headers: dict[bytes, bytes], snapshot: Snapshot) -> tuple[Principal, str]:
    """The caller, and the provider key it brought ("" for none). Raises `Refusal` 401, or 503 while it cannot be said whether
    a key has been made, or who signed a token.

    A key that is not known is never taken for anything else, and nothing of it is repeated in the answer.
    """
    only = headers.get(b"authorization")
    if only is not None and not any(name in headers for name in _OTHERS):
        # Nearly every request: one key, in the usual header. It is known again by the digest of the header.
        seen = sha256(only).digest()
        principal = snapshot.seen.get(seen)
        if principal is None:
            principal, _ = _find(headers, snapshot)
            if not principal.until_us:  # a token ends, and is known again by who looks at its end (`Snapshot.tokens`)
                if len(snapshot.seen) >= MEMO:
                    snapshot.seen.clear()
                snapshot.seen[seen] = principal
        return principal, ""
    return _find(headers, snapshot)


def _find(headers: dict[bytes, bytes], snapshot: Snapshot) -> tuple[Principal, str]:
    key, provider_key = keys_of(headers)
    if not key:
        raise Refusal(401, "missing_key", f"No key was sent. {_HOW}")
    principal = snapshot.keys.get(digest(snapshot.pepper, sha256(key).digest()))
    if principal is None and snapshot.tokens is not None and key.count(b".") == 2:
        principal = snapshot.tokens.principal(key.decode("latin-1"))
    if principal is None and snapshot.stale:
        raise Refusal(
            503,
            "keys_unavailable",
            "The key is not known yet, and the store of keys cannot be reached now. Try again in a moment.",
            retry_after=5.0,
        )
    if principal is None:
        raise Refusal(401, "invalid_key", f"The key is not known here, or was revoked. {_HOW}")
    return principal, provider_key


def permit(principal: Principal, scope: str) -> None:
    """Raises `Refusal` 403 when the key lacks the scope."""
    if not principal.may(scope):
        raise Refusal(
            403, "scope_missing", f"The key '{principal.name}' lacks the scope '{scope}'.", scope="key", rule=principal.id
        )
