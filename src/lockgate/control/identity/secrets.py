"""The keys that identity works with: one for each purpose, derived from the house's own, so that none opens another's door.

Peers signed sessions with the key that sealed their users' texts, and so signed what anybody asked for (CVE-2026-114612).
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

import msgspec

from lockgate.control.secrets import derive


class Keys(msgspec.Struct, frozen=True):
    """`session`: what cookies are known by. `csrf`: what tokens against forged requests are made with. `login`: what seals a
    login under way, in the browser."""

    session: bytes
    csrf: bytes
    login: bytes

    @classmethod
    def of(cls, root: bytes) -> Keys:
        """Those of a house (`House.identity_key`)."""
        return cls(*(derive(root, f"identity/{purpose}") for purpose in cls.__struct_fields__))

    def __repr__(self) -> str:
        return "Keys()"

    def digest(self, cookie: str) -> bytes:
        """What a session's cookie is known by. Who can write to the database, and has not this key, makes no session."""
        return hmac.digest(self.session, cookie.encode("utf-8", "replace"), sha256)

    def csrf_token(self, digest: bytes) -> str:
        """The token that changes made in a session must bring."""
        return hmac.new(self.csrf, digest, sha256).hexdigest()


def new_cookie() -> str:
    """256 random bits as a cookie's text."""
    return secrets.token_urlsafe(32)
