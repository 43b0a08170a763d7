"""The keys that come with a request, as each SDK sends them: the gateway's, and the provider's that may stand beside it.

Sources: the OpenAI, Anthropic, Azure and Google SDKs' own headers; Portkey's rule that its header names the gateway's key and
leaves `Authorization` to the provider's (https://portkey.ai/docs/api-reference/inference-api/authentication).
"""

from __future__ import annotations

from lockgate.core.failure import Refusal

#: Headers that carry the gateway's key and nothing else; then those that carry it when none of the first is there.
OWN = (b"x-lockgate-api-key", b"x-portkey-api-key")
SHARED = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")


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
