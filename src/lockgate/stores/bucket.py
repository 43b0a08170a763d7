"""A bucket of S3, or of what speaks as S3 does: its address, signed requests to it, and what is wrong with an answer.

Names of objects are ASCII letters, digits and "._/-", which stand in a URL as they are.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html.
"""

from __future__ import annotations

import re
from hashlib import sha256
from urllib.parse import quote

from lockgate.providers.auth.port import AnySigner
from lockgate.providers.auth.sigv4 import Keys, signature_headers
from lockgate.stores.sinks.poster import Place, Poster, Told
from lockgate.transport.exchange import Headers, Outgoing

#: What a bucket's name is, and what the names of objects in it may begin with.
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
PREFIX = re.compile(r"[A-Za-z0-9._/-]{0,256}")
_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")


def bucket_url(bucket: str, region: str, endpoint: str = "") -> str:
    """A bucket's address: at AWS a host of its own, at another `endpoint` a part of the path; there too where a dot in its name
    would fit no certificate."""
    china = ".cn" if region.startswith("cn-") else ""
    service = f"s3.{region}.amazonaws.com{china}"
    if endpoint:
        return f"{endpoint.rstrip('/')}/{bucket}/"
    return f"https://{service}/{bucket}/" if "." in bucket else f"https://{bucket}.{service}/"


def code_of(told: Told) -> str:
    """The word that S3 has for what is wrong ("NoSuchKey"); "" when there is none. Its sentences may name keys."""
    found = _CODE.search(told.body)
    return found[1].decode() if found else ""


class Bucket:
    """`place` is its address, its target the path that names are put behind. `signer` knows whose keys sign."""

    def __init__(self, place: Place, signer: AnySigner, region: str) -> None:
        self.place = place
        self._signer = signer
        self._region = region

    def __repr__(self) -> str:
        return f"Bucket({self.place})"

    def ask(
        self,
        poster: Poster,
        method: str,
        name: str = "",
        *,
        query: tuple[tuple[str, str], ...] = (),
        headers: Headers | None = None,
        body: bytes = b"",
        most: int = 0,
    ) -> Told:
        """What it answers, whatever that is. With `most`, the whole answer, of at most so many bytes. Raises `StoreError` where
        there is none, and where no key can be had."""
        asked = "&".join(f"{quote(each, safe='')}={quote(value, safe='')}" for each, value in query)
        target = self.place.target + name.encode("ascii") + (f"?{asked}".encode() if asked else b"")
        said: Headers = headers or []
        keys = poster.issued(self._signer.source)
        assert isinstance(keys, Keys)
        signed = signature_headers(
            keys,
            Outgoing(method, target, said, body),
            self.place.destination.host_header,
            poster.now_s(),
            region=self._region,
            service="s3",
            payload=sha256(body).hexdigest(),
        )
        return poster.send(self.place, Outgoing(method, target, [*said, *signed], body), most=most)
