"""AWS Signature Version 4, in headers: the documented algorithm and nothing else.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
import time
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote

import msgspec

from lockgate.providers.auth.port import Headers, Message

ALGORITHM = "AWS4-HMAC-SHA256"
#: In the place of the payload's hash, where a service takes bodies that nobody hashed.
UNSIGNED = "UNSIGNED-PAYLOAD"


class Keys(msgspec.Struct, frozen=True, cache_hash=True):
    """An access key; temporary ones have a session token too."""

    id: str
    secret: str
    token: str = ""

    def __repr__(self) -> str:
        return f"Keys({self.id})"


def signature_headers(
    keys: Keys, message: Message, host: str, now_s: float, *, region: str, service: str, payload: str = ""
) -> Headers:
    """The headers that sign a request: date, session token and authorization.

    Signed are the host, the content type and whatever begins with `x-amz`. `payload` stands for the hash of the body: ""
    to take it of the message's, or `UNSIGNED`, which is then sent as a header too.
    """
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
    more: Headers = [(b"x-amz-date", at.encode())]
    if keys.token:
        more.append((b"x-amz-security-token", keys.token.encode()))
    if payload:
        more.append((b"x-amz-content-sha256", payload.encode()))
    named = {name: value for name, value in message.headers if name == b"content-type" or name.startswith(b"x-amz")}
    signed = sorted({**named, **dict(more), b"host": host.encode()}.items())
    names = ";".join(name.decode() for name, _ in signed)
    path, _, query = message.target.decode("ascii").partition("?")
    canonical = "\n".join(
        (
            message.method,
            quote(path, safe="/~"),  # every service but S3 encodes the path once more
            "&".join(f"{name}={value}" for name, value in sorted(map(_name_and_value, query.split("&")))) if query else "",
            *(f"{name.decode()}:{' '.join(value.decode('latin-1').split())}" for name, value in signed),
            "",
            names,
            payload or sha256(bytes(message.body)).hexdigest(),
        )
    )
    scope = f"{at[:8]}/{region}/{service}/aws4_request"
    text = f"{ALGORITHM}\n{at}\n{scope}\n{sha256(canonical.encode('latin-1')).hexdigest()}"
    signature = hmac.digest(_signing_key(keys.secret, at[:8], region, service), text.encode(), "sha256").hex()
    more.append(
        (b"authorization", f"{ALGORITHM} Credential={keys.id}/{scope}, SignedHeaders={names}, Signature={signature}".encode())
    )
    return more


def _name_and_value(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return name, value


@lru_cache(256)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """The key of a day, a region and a service."""
    key = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
