"""How a provider's key travels: schemes of static keys, as rows. Schemes that sign or fetch tokens come as modules beside."""

from __future__ import annotations

#: Scheme → (header, what stands before the key). `none` sends nothing.
SCHEMES: dict[str, tuple[str, str]] = {
    "bearer": ("authorization", "Bearer "),
    "x-api-key": ("x-api-key", ""),
    "x-goog-api-key": ("x-goog-api-key", ""),
    "api-key": ("api-key", ""),
}


def sign(scheme: str, key: str) -> list[tuple[str, str]]:
    """The headers that carry `key`; none without a key."""
    if scheme == "none" or not key:
        return []
    header, prefix = SCHEMES[scheme]
    return [(header, prefix + key)]
