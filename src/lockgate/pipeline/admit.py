"""Who asks: the gateway key as each SDK sends it, made into a `Principal`; and the provider's key that may come beside it.

Sources: the OpenAI, Anthropic, Azure and Google SDKs' own headers; Portkey's rule that its header names the gateway's key and
leaves `Authorization` to the provider's (https://portkey.ai/docs/api-reference/inference-api/authentication).
"""

from __future__ import annotations

import hmac
from hashlib import sha256

from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.target import MEMO

#: Headers that carry the gateway's key and nothing else; then those that carry it when none of the first is there.
OWN = (b"x-lockgate-api-key", b"x-portkey-api-key")
SHARED = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")

_OTHERS = (*OWN, *(name for name in SHARED if name != b"authorization"))

_HOW = (
    "Send a gateway key as 'Authorization: Bearer …' (or x-api-key, api-key, x-goog-api-key, x-lockgate-api-key). "
    "`lockgate keys create` makes one."
)


def digest(pepper: bytes, hashed: bytes) -> bytes:
    """What a key is known by: HMAC-SHA256, under the house's pepper, of its SHA-256 (which a configuration may hold)."""
    return hmac.digest(pepper, hashed, "sha256")


def admit(headers: dict[bytes, bytes], snapshot: Snapshot) -> tuple[Principal, str]:
    """The caller, and the provider key it brought ("" for none). Raises `Refusal` 401.

    A key that is not known is never taken for anything else, and nothing of it is repeated in the answer.
    """
    only = headers.get(b"authorization")
    if only is not None and not any(name in headers for name in _OTHERS):
        # Nearly every request: one key, in the usual header. It is known again by the digest of the header.
        seen = sha256(only).digest()
        principal = snapshot.seen.get(seen)
        if principal is None:
            principal, _ = _find(headers, snapshot)
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
    if principal is None:
        raise Refusal(401, "invalid_key", f"The key is not known here, or was revoked. {_HOW}")
    return principal, provider_key


def permit(principal: Principal, scope: str) -> None:
    """Raises `Refusal` 403 when the key lacks the scope."""
    if not principal.may(scope):
        raise Refusal(
            403, "scope_missing", f"The key '{principal.name}' lacks the scope '{scope}'.", scope="key", rule=principal.id
        )


def keys_of(headers: dict[bytes, bytes]) -> tuple[bytes, str]:
    """(the gateway's key, the provider's key). Raises `Refusal` 400 when two keys come and neither is named as ours."""
    own = b""
    for name in OWN:
        if value := headers.get(name):
            own = _bare(value)
            break
    shared = b""
    for name in SHARED:
        if value := headers.get(name):
            value = _bare(value)
            if value in (own, shared):
                continue
            if shared:
                raise Refusal(
                    400,
                    "several_keys",
                    "Two different keys were sent. Name the gateway's with x-lockgate-api-key; the other is the provider's.",
                )
            shared = value
    if own:
        return own, shared.decode("latin-1")
    return shared, ""


def _bare(value: bytes) -> bytes:
    """A key without its scheme (RFC 6750: the scheme's name is case-insensitive)."""
    if value[:7].lower() == b"bearer ":
        return value[7:].strip()
    return value.strip()
