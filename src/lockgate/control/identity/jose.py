"""Signed tokens (JWS in its compact form, RFC 7515; JWT, RFC 7519): whether one was signed by a key, and what it claims.

The key decides the algorithm, and there are two: RS256 and ES256. So "none", a public key that is taken for a password (HS256),
a key that the token brings itself (jwk, jku, x5u, x5c) and an extension that must be understood (crit) have no way in (RFC
8725). Signatures are pyjwt's work; its parser of tokens walks through them letter by letter (320 µs of 400 for one of 800
bytes), so the parts are told apart here. Times are given.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

import msgspec

from lockgate.control.identity.jwks import VerifyKey
from lockgate.control.identity.web import claim
from lockgate.core.json import UNREADABLE

#: Bytes of a token.
LIMIT = 64 * 1024
#: Seconds that the issuer's clock may differ from ours.
LEEWAY_S = 60

Claims = dict[str, Any]


class BadToken(Exception):
    """A token that is not accepted; the message says why, and nothing of the token."""


class UnknownKey(BadToken):
    """A token names a key that is not among those that are known."""


class Head(msgspec.Struct):
    """What a token's head says, and nothing that it could ask for."""

    alg: str
    kid: str = ""
    crit: Any = None
    b64: Any = True


def head_of(token: str) -> Head:
    """A token's head, which nobody has vouched for yet. Raises `BadToken`."""
    if len(token) > LIMIT:
        raise BadToken(f"it is longer than {LIMIT} bytes")
    if not token.isascii() or token.count(".") != 2:
        raise BadToken("it is no signed token (JWT)")
    head = _json(token.partition(".")[0], Head)
    if head.crit is not None or head.b64 is not True:
        raise BadToken("its head asks for an extension that is not known here")
    return head


def issuer_of(token: str) -> str:
    """Who a token, whose head has been read, says has issued it: whose keys to try, and no more. Raises `BadToken`."""
    return _json(token.split(".")[1], _Issued).iss


class _Issued(msgspec.Struct):
    iss: str = ""


def verified(token: str, head: Head, keys: Iterable[VerifyKey]) -> Claims:
    """What a token claims, if one of the keys has signed it. Raises `BadToken`, `UnknownKey`."""
    keys = tuple(keys)
    if head.kid:
        candidates = [key for key in keys if key.kid == head.kid]
    else:  # allowed when there is nothing to choose (OpenID Connect Core, section 10.1)
        candidates = [key for key in keys if key.algorithm == head.alg]
        candidates = candidates if len(candidates) == 1 else []
    if not candidates:
        raise UnknownKey("none of the issuer's keys is the one that it names")
    text, _, signature = token.rpartition(".")
    signed, signature = text.encode("ascii"), _bytes(signature)
    for key in candidates:
        if key.algorithm == head.alg and _algorithms()[key.algorithm].verify(signed, key.key, signature):
            return _json(text.rpartition(".")[2], Claims)
    raise BadToken("none of the issuer's keys has signed it")


def check_times(claims: Mapping[str, Any], now_s: float) -> float:
    """When a token ends, in seconds since the epoch. Raises `BadToken` for one that has ended, that says no end, or that is
    from the future."""
    ends_s = _time(claims, "exp")
    if ends_s is None:
        raise BadToken("it does not say when it ends (exp)")
    if now_s >= ends_s + LEEWAY_S:
        raise BadToken("it has expired")
    for name in ("nbf", "iat"):
        begins_s = _time(claims, name)
        if begins_s is not None and now_s < begins_s - LEEWAY_S:
            raise BadToken(f"it does not hold yet ({name})")
    return ends_s


def check_audience(claims: Mapping[str, Any], audiences: Collection[str]) -> list[str]:
    """Whom a token is for. Raises `BadToken` when none of the audiences is among them."""
    said = claims.get("aud")
    found = (
        [said] if isinstance(said, str) else [each for each in said if isinstance(each, str)] if isinstance(said, list) else []
    )
    if not any(each in audiences for each in found):
        raise BadToken("it is not for this gateway (aud)")
    return found


def check_required(claims: Claims, required: Mapping[str, str]) -> None:
    """Raises `BadToken` when a claim has not the value that it must have. A list must hold it."""
    for name, value in required.items():
        said = claim(claims, name)
        if not any(_text(each) == value for each in (said if isinstance(said, list) else [said])):
            raise BadToken(f"its claim '{name}' is not what is asked for")


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else None


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
        raise BadToken(f"its {name} is no time")
    return float(value)


def _json(part: str, kind: Any) -> Any:
    try:
        return msgspec.json.decode(_bytes(part), type=kind)
    except UNREADABLE:
        raise BadToken("it is no signed token (JWT)") from None


def _bytes(part: str) -> bytes:
    """A part of a token: base64url without padding, in the one spelling that its bytes have."""
    try:
        data = base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True)
    except ValueError:
        data = b""
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != part:
        raise BadToken("it is no signed token (JWT)")
    return data


@cache
def _algorithms() -> dict[str, Any]:
    from jwt.algorithms import ECAlgorithm, RSAAlgorithm  # noqa: PLC0415 - 150 ms and 12 MB, for who has tokens

    return {"RS256": RSAAlgorithm(RSAAlgorithm.SHA256), "ES256": ECAlgorithm(ECAlgorithm.SHA256)}
