"""How a static key travels: schemes as rows. Schemes that sign requests or fetch tokens are modules beside this one."""

from __future__ import annotations

#: Scheme → (header, what stands before the key). `none` sends nothing.
SCHEMES: dict[str, tuple[str, str]] = {
    "bearer": ("authorization", "Bearer "),
    "x-api-key": ("x-api-key", ""),
    "x-goog-api-key": ("x-goog-api-key", ""),
    "api-key": ("api-key", ""),
    "x-key": ("x-key", ""),
    "xi-api-key": ("xi-api-key", ""),
    "x-portkey-api-key": ("x-portkey-api-key", ""),
    "authorization": ("authorization", ""),
    "key": ("authorization", "Key "),
    "token": ("authorization", "Token "),
}


def carry(scheme: str, key: str) -> list[tuple[str, str]]:
    """The headers that carry `key`; none without a key, and none for a scheme that signs."""
    if not key or scheme not in SCHEMES:
        return []
    header, prefix = SCHEMES[scheme]
    return [(header, prefix + key)]
